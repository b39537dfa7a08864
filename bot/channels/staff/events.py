"""What an operator's page is told without asking: changes of the queue, and what happens in one's own conversations.

A signal only marks what the page lacks; one task at a time reads it from the tables and sends it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from functools import partial
from typing import Any

from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from bot.bus import DESK, RESYNC, conversation_topic
from bot.channels.staff.access import HANDOVER, Permission, member_of, permissions
from bot.channels.staff.routes import me_view
from bot.conversations.handover import Handover
from bot.conversations.reach import Why
from bot.errors import Code, RequestError, StorageError
from bot.handoff.staff import StaffMember

_HELLO_SECONDS = 10.0
_HEARTBEAT_SECONDS = 25.0
_SEND_SECONDS = 20.0
_FRAME_BYTES = 4096
# A page that does not answer to a close must not hold up the server's end.
_CLOSE_SECONDS = 2.0
# What is under way ends without a signal where a response carries it, or its process dies.
_LOOK_AGAIN_SECONDS = 2.0
# A token that was taken away ends an open connection after so long at most.
_CHECK_SECONDS = 30.0


class Sockets(set[web.WebSocketResponse]):
    """The open ones."""


SOCKETS: web.AppKey[Sockets] = web.AppKey("staff_sockets", Sockets)


class Close(IntEnum):
    BAD_TOKEN = 4401
    FORBIDDEN = 4403
    NO_HELLO = 4408
    TOO_MANY_TRIES = 4429
    RESTART = int(WSCloseCode.SERVICE_RESTART)


class Frame(StrEnum):
    """What the server says."""

    WELCOME = "welcome"
    QUEUE = "queue"
    MESSAGES = "messages"
    REACH = "reach"
    TYPING = "typing"
    PONG = "pong"
    ERROR = "error"


@dataclass(eq=False)
class _Page:
    """One operator's open page. `cursors`: the highest number sent of each own conversation; `channels` of these."""

    socket: web.WebSocketResponse
    handover: Handover
    member: StaffMember
    cursors: dict[uuid.UUID, int] = field(default_factory=dict)
    channels: dict[uuid.UUID, str] = field(default_factory=dict)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    queue_due: bool = True
    due: set[uuid.UUID] = field(default_factory=set)
    reach_due: set[uuid.UUID] = field(default_factory=set)
    later: dict[uuid.UUID, asyncio.TimerHandle] = field(default_factory=dict)
    typing: dict[uuid.UUID, bool] = field(default_factory=dict)
    leave: dict[uuid.UUID | str, Callable[[], None]] = field(default_factory=dict)

    async def send(self, frame: Frame, **data: Any) -> None:
        text = json.dumps({"type": frame.value, **data}, ensure_ascii=False, separators=(",", ":"))
        async with asyncio.timeout(_SEND_SECONDS):
            await self.socket.send_str(text)

    def listen(self) -> None:
        self.leave[DESK] = self.handover.bus.subscribe(DESK, lambda _: self._look())
        self.leave[RESYNC] = self.handover.bus.subscribe(RESYNC, lambda _: self._look(*self.cursors))
        self.wake.set()

    def stop(self) -> None:
        while self.leave:
            self.leave.popitem()[1]()
        while self.later:
            self.later.popitem()[1].cancel()

    async def pump(self) -> None:
        """Send what is due, until the connection ends."""
        while True:
            await self.wake.wait()
            self.wake.clear()
            if self.queue_due:
                self.queue_due = False
                await self._send_queue()
            due, self.due = self.due, set()
            for conversation_id in due:
                await self._send_messages(conversation_id)
            reach_due, self.reach_due = self.reach_due, set()
            for conversation_id in reach_due:
                await self._send_reach(conversation_id)
            typing, self.typing = self.typing, {}
            for conversation_id, on in typing.items():
                await self.send(Frame.TYPING, conversation=conversation_id.hex, who="resident", on=on)

    async def _send_queue(self) -> None:
        operators = self.handover.operators
        waiting, mine = await operators.waiting(), await operators.mine(self.member)
        self.channels = {uuid.UUID(hex=one["id"]): one["channel"] for one in mine}
        self._follow({uuid.UUID(hex=one["id"]): one["last_seq"] for one in mine})
        await self.send(Frame.QUEUE, waiting=waiting, mine=mine)

    def _follow(self, mine: dict[uuid.UUID, int]) -> None:
        """Listen to one's own conversations, and to no other's."""
        for conversation_id in set(self.cursors) - set(mine):
            self.leave.pop(conversation_id)()
            del self.cursors[conversation_id]
        for conversation_id in set(mine) - set(self.cursors):
            # What was there before is read with the conversation.
            self.cursors[conversation_id] = mine[conversation_id]
            self.leave[conversation_id] = self.handover.bus.subscribe(
                conversation_topic(conversation_id), partial(self._signalled, conversation_id)
            )

    async def _send_messages(self, conversation_id: uuid.UUID) -> None:
        cursor = self.cursors.get(conversation_id)
        if cursor is None:
            return
        try:
            found = await self.handover.operators.conversation(self.member, conversation_id, after=cursor)
        except RequestError:  # not one's own any more: the queue's signal says so
            return
        if found["messages"]:
            self.cursors[conversation_id] = found["messages"][-1]["seq"]
            await self.send(Frame.MESSAGES, conversation=conversation_id.hex, messages=found["messages"])

    async def _send_reach(self, conversation_id: uuid.UUID) -> None:
        """What is left and what became of the last messages, when somebody counts them."""
        cursor, channel = self.cursors.get(conversation_id), self.channels.get(conversation_id)
        if cursor is None or channel is None:
            return
        found = await self.handover.operators.reached(conversation_id, channel, cursor)
        if found is None:
            return
        await self.send(Frame.REACH, conversation=conversation_id.hex, **found)
        under_way = any(one["delivery_reason"] is Why.UNDER_WAY for one in found["deliveries"])
        if under_way and conversation_id not in self.later:
            loop = asyncio.get_running_loop()
            self.later[conversation_id] = loop.call_later(_LOOK_AGAIN_SECONDS, self._look_later, conversation_id)

    def _look_later(self, conversation_id: uuid.UUID) -> None:
        del self.later[conversation_id]
        self.reach_due.add(conversation_id)
        self.wake.set()

    def _look(self, *conversations: uuid.UUID) -> None:
        self.queue_due = True
        self.due.update(conversations)
        self.reach_due.update(conversations)
        self.wake.set()

    def _signalled(self, conversation_id: uuid.UUID, data: dict[str, Any]) -> None:
        match data.get("event"):
            case "messages":
                self.due.add(conversation_id)
                self.reach_due.add(conversation_id)
            case "reach":
                self.reach_due.add(conversation_id)
            case "typing" if data.get("who") == "resident":
                self.typing[conversation_id] = bool(data.get("on"))
            case "state" | "gone":
                self.queue_due = True
            case _:
                return
        self.wake.set()


async def live_events(request: web.Request) -> web.StreamResponse:
    """GET /api/staff/events"""
    socket = web.WebSocketResponse(
        timeout=_CLOSE_SECONDS, heartbeat=_HEARTBEAT_SECONDS, max_msg_size=_FRAME_BYTES, compress=False
    )
    await socket.prepare(request)
    request.app[SOCKETS].add(socket)
    try:
        token = await _hello(socket)
        member, refused = await _admitted(request, token)
        if member is None:
            await _close(socket, refused)
        else:
            await _serve(request, _Page(socket, request.app[HANDOVER], member), token)
    finally:
        request.app[SOCKETS].discard(socket)
    return socket


async def close_all(app: web.Application) -> None:
    """Send everybody away when the server stops; an open socket would hold it up."""
    sockets = app[SOCKETS]
    await asyncio.gather(*(_close(socket, Close.RESTART) for socket in tuple(sockets)), return_exceptions=True)


async def _hello(socket: web.WebSocketResponse) -> str:
    """The token of the first frame, empty when there is none in time."""
    try:
        async with asyncio.timeout(_HELLO_SECONDS):
            frame = _frame(await socket.receive())
    except TimeoutError:
        return ""
    return str(frame.get("token") or "") if frame is not None and frame.get("type") == "hello" else ""


async def _admitted(request: web.Request, token: str) -> tuple[StaffMember | None, Close]:
    """The member, or why there is none."""
    if not token:
        return None, Close.NO_HELLO
    try:
        member = await member_of(request, token)
    except RequestError as error:
        return None, Close.TOO_MANY_TRIES if error.code is Code.RATE_LIMITED else Close.BAD_TOKEN
    except StorageError:
        return None, Close.RESTART
    return (member, Close.RESTART) if Permission.DESK in permissions(member) else (None, Close.FORBIDDEN)


async def _serve(request: web.Request, page: _Page, token: str) -> None:
    page.listen()
    tasks = [asyncio.create_task(page.pump()), asyncio.create_task(_watched(request, token))]
    for task in tasks:
        # Whichever ends first, by a fault or because the token is worth nothing any more: the page comes again.
        task.add_done_callback(lambda done: _ended(page, done))
    try:
        await page.send(Frame.WELCOME, me=me_view(request, page.member))
        async for message in page.socket:
            await _take(page, _frame(message))
    except (ConnectionError, TimeoutError):
        pass
    finally:
        page.stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _watched(request: web.Request, token: str) -> Close:
    """Ends when the token is not to be believed any more."""
    while True:
        await asyncio.sleep(_CHECK_SECONDS)
        member, refused = await _admitted(request, token)
        if member is None:
            return refused


def _ended(page: _Page, task: asyncio.Task[Any]) -> None:
    if task.cancelled():
        return
    code = task.result() if task.exception() is None else Close.RESTART
    closing = asyncio.ensure_future(_close(page.socket, code))
    closing.add_done_callback(lambda _: None)


async def _take(page: _Page, frame: dict[str, Any] | None) -> None:
    match frame:
        case {"type": "ping"}:
            await page.send(Frame.PONG)
        case {"type": "presence", "on": bool(on)}:
            with contextlib.suppress(StorageError):
                await page.handover.operators.set_presence(page.member, on=on)
        case _:
            await page.send(Frame.ERROR, code=Code.BAD_FIELD.value, message="type must be ping or presence")


def _frame(message: WSMessage) -> dict[str, Any] | None:
    if message.type is not WSMsgType.TEXT:
        return None
    try:
        data = json.loads(message.data)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


async def _close(socket: web.WebSocketResponse, code: Close) -> None:
    with contextlib.suppress(ConnectionError, RuntimeError):
        await socket.close(code=int(code), message=code.name.lower().encode())
