"""Who is connected, and how they are told: a signal marks a connection, and one pump at a time serves it.

Nothing is queued for a slow client: what it lacks is read from the tables when it can take it. An idle connection has
no task but the one that reads from it.
"""

from __future__ import annotations

import asyncio
import json
import random
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any

from aiohttp import WSCloseCode, web
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.bus import CONFIG, RESYNC, Bus, conversation_topic
from bot.conversations import history
from bot.conversations.handover import Handover
from bot.errors import Code, RequestError, StorageError

# A client that takes nothing for so long is cut off; it comes back and asks for what it lacks.
_SEND_SECONDS = 20.0
_PAGE = 200
_SPREAD_SECONDS = 5.0


class Close(IntEnum):
    """Why a connection is closed (docs/api.md)."""

    BAD_TOKEN = 4401
    NO_HELLO = 4408
    TOO_MANY_CONNECTIONS = 4409
    TOO_MANY_MESSAGES = 4429
    RESTART = int(WSCloseCode.SERVICE_RESTART)


class Frame(StrEnum):
    """What the server says."""

    WELCOME = "welcome"
    MESSAGES = "messages"
    ACCEPTED = "accepted"
    TYPING = "typing"
    STATE = "state"
    REFRESH = "refresh"
    TOKEN = "token"  # noqa: S105 - a frame's name
    ERROR = "error"
    PONG = "pong"


class Due(StrEnum):
    """What a connection has to be told."""

    MESSAGES = "messages"
    STATE = "state"
    TYPING = "typing"
    REFRESH = "refresh"
    GONE = "gone"


@dataclass(eq=False)
class Connection:
    """One open socket. `cursor`: the highest number it was sent."""

    socket: web.WebSocketResponse
    request: web.Request
    conversation: uuid.UUID
    address: str
    cursor: int
    owner: str | None = None
    typing: dict[str, Any] = field(default_factory=dict)
    due: set[Due] = field(default_factory=set)
    pump: asyncio.Task[None] | None = None
    leave: Callable[[], None] | None = None

    async def send(self, frame: Frame, **data: Any) -> None:
        """ConnectionError when the client is gone or takes nothing."""
        text = json.dumps({"type": frame.value, **data}, ensure_ascii=False, separators=(",", ":"))
        try:
            async with asyncio.timeout(_SEND_SECONDS):
                await self.socket.send_str(text)
        except (TimeoutError, RuntimeError) as error:
            raise ConnectionResetError("the client takes nothing") from error


@dataclass
class Hub:
    """All connections of this process."""

    database: AsyncEngine
    bus: Bus
    handover: Handover
    most: int
    most_per_address: int
    most_per_conversation: int
    # How long a client may take to say goodbye.
    close_seconds: float = 2.0
    _by_conversation: dict[uuid.UUID, set[Connection]] = field(default_factory=dict)
    _addresses: Counter[str] = field(default_factory=Counter)
    _count: int = 0
    _leave: list[Callable[[], None]] = field(default_factory=list)

    def listen(self) -> None:
        """Begin to pass on changes of the configuration, and to look at the rows when signals were lost."""
        self._leave.append(self.bus.subscribe(CONFIG, lambda _: self._tell_all(Due.REFRESH)))
        self._leave.append(self.bus.subscribe(RESYNC, lambda _: self._tell_all(Due.MESSAGES, Due.STATE)))

    @property
    def count(self) -> int:
        return self._count

    def admit(self, connection: Connection) -> None:
        """RequestError 429 when there are too many already."""
        beside = self._by_conversation.get(connection.conversation, set())
        if (
            self._count >= self.most
            or self._addresses[connection.address] >= self.most_per_address
            or len(beside) >= self.most_per_conversation
        ):
            raise RequestError(Code.BUSY, "too many connections", 429, retry_after_seconds=5)
        self._count += 1
        self._addresses[connection.address] += 1
        self._by_conversation.setdefault(connection.conversation, set()).add(connection)
        topic = conversation_topic(connection.conversation)
        connection.leave = self.bus.subscribe(topic, lambda data: self._signalled(connection, data))

    def dismiss(self, connection: Connection) -> None:
        if connection.leave is None:
            return
        connection.leave()
        connection.leave = None
        self._count -= 1
        self._addresses[connection.address] -= 1
        if not self._addresses[connection.address]:
            del self._addresses[connection.address]
        beside = self._by_conversation[connection.conversation]
        beside.discard(connection)
        if not beside:
            del self._by_conversation[connection.conversation]
        # Its pump ends by itself: what is cancelled in the middle of a query costs the pool a connection.
        connection.due.clear()

    async def close_all(self) -> None:
        """Send everybody away, to come back when the server is there again."""
        while self._leave:
            self._leave.pop()()
        connections = [one for beside in self._by_conversation.values() for one in beside]
        await asyncio.gather(*(self._close(one, Close.RESTART) for one in connections), return_exceptions=True)
        if pumps := [one.pump for one in connections if one.pump is not None]:
            await asyncio.wait(pumps, timeout=self.close_seconds)

    def tell(self, connection: Connection, due: Due) -> None:
        """Mark what the connection lacks, and see that it gets it."""
        connection.due.add(due)
        if connection.pump is None or connection.pump.done():
            connection.pump = asyncio.create_task(self._pump(connection))

    def _signalled(self, connection: Connection, data: dict[str, Any]) -> None:
        match data.get("event"):
            case "messages":
                if data.get("last_seq") is None or data["last_seq"] > connection.cursor:
                    self.tell(connection, Due.MESSAGES)
                if data.get("owner") not in (None, connection.owner):
                    self.tell(connection, Due.STATE)
            case "state":
                self.tell(connection, Due.STATE)
            case "gone":
                self.tell(connection, Due.GONE)
            case "typing" if data.get("who") != "resident":
                connection.typing = {"who": data["who"], "on": bool(data["on"])}
                self.tell(connection, Due.TYPING)

    async def _pump(self, connection: Connection) -> None:
        try:
            while connection.due:
                due = connection.due.copy()
                connection.due.clear()
                await self._serve(connection, due)
        except ConnectionError:
            # Nothing can be said to it any more; it comes back and asks for what it lacks.
            _cut(connection)
        except StorageError:
            await self._close(connection, Close.RESTART)

    async def _serve(self, connection: Connection, due: set[Due]) -> None:
        if Due.GONE in due:
            await self._close(connection, Close.BAD_TOKEN)
            return
        if Due.TYPING in due:
            await connection.send(Frame.TYPING, **connection.typing)
        if Due.MESSAGES in due:
            await self._send_messages(connection)
        if Due.STATE in due:
            await self._send_state(connection)
        if Due.REFRESH in due:
            await connection.send(Frame.REFRESH)

    async def _send_messages(self, connection: Connection) -> None:
        while True:
            messages = await history.after(self.database, connection.conversation, connection.cursor, limit=_PAGE)
            if not messages:
                return
            await connection.send(Frame.MESSAGES, messages=messages)
            connection.cursor = messages[-1]["seq"]
            if len(messages) < _PAGE:
                return

    async def _send_state(self, connection: Connection) -> None:
        state = await self.state(connection.conversation)
        if state is None:
            await self._close(connection, Close.BAD_TOKEN)
            return
        connection.owner = state["owner"]
        await connection.send(Frame.STATE, owner=state["owner"], queue=state["queue"], operator=state["operator"])

    async def state(self, conversation_id: uuid.UUID) -> dict[str, Any] | None:
        """Owner, place in the queue and so on; None when the conversation is no more."""
        found = await history.state(self.database, conversation_id)
        if found is None:
            return None
        waiting = found.owner == "waiting"
        return {
            "owner": found.owner,
            "language": found.language,
            "last_seq": found.last_seq,
            "seen_seq": found.seen_seq,
            "operator": found.operator,
            "queue": await self.handover.queue(conversation_id, found.language or "en") if waiting else None,
        }

    async def _close(self, connection: Connection, code: Close) -> None:
        """The task that reads from the connection ends by this and takes it off the lists."""
        try:
            async with asyncio.timeout(self.close_seconds):
                await connection.socket.close(code=int(code), message=code.name.lower().encode())
        except (TimeoutError, RuntimeError, ConnectionError):
            _cut(connection)

    def _tell_all(self, *due: Due) -> None:
        loop = asyncio.get_running_loop()
        for beside in self._by_conversation.values():
            for connection in beside:
                # Thousands that ask for the same thing in the same instant would be an attack of our own.
                delay = random.uniform(0, _SPREAD_SECONDS)  # noqa: S311 - no secret, only spread
                loop.call_later(delay, self._tell_late, connection, due)

    def _tell_late(self, connection: Connection, due: tuple[Due, ...]) -> None:
        if connection.leave is not None:
            for one in due:
                self.tell(connection, one)


def _cut(connection: Connection) -> None:
    if (transport := connection.request.transport) is not None:
        transport.abort()
