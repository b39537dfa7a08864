"""Many widgets without pages: each has a conversation and a line to the server, and the books say what came of it.

A resident's line does what the widget's does (bot/channels/web/widget/connection.js): a socket, the same pauses after
it is lost, a long poll after three failures in a row while the socket is tried again every minute.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Any

import aiohttp

_FALL_BACK_AFTER = 3
_SOCKET_AGAIN_SECONDS = 60.0
_HEARTBEAT_SECONDS = 25.0
_PATIENCE_SECONDS = 10.0
_LONGEST_WAIT_SECONDS = 30.0
_POLL_SECONDS = 25
_RESTART = 1012
# So many ask for a session at once: enough to keep the server busy, too few to wait long for each.
_AT_ONCE = 16
_AGAIN_SECONDS = 0.5


class Way(StrEnum):
    """How a resident is connected."""

    NONE = "none"
    SOCKET = "socket"
    POLL = "poll"


@dataclass
class Books:
    """What was sent, accepted and shown, by text: every text is used once."""

    begun: dict[str, float] = field(default_factory=dict)
    accepted: dict[str, uuid.UUID] = field(default_factory=dict)
    shown: defaultdict[str, list[tuple[uuid.UUID, float]]] = field(default_factory=lambda: defaultdict(list))
    problems: Counter[str] = field(default_factory=Counter)

    def missing(self) -> list[str]:
        """Texts that were accepted and not shown to whom they were for."""
        return [text for text, who in self.accepted.items() if who not in (seen for seen, _ in self.shown[text])]

    def doubled(self) -> int:
        """How often a text was shown once more than once, or to another resident."""
        return sum(len(seen) - 1 for seen in self.shown.values() if len(seen) > 1)

    def milliseconds(self) -> list[float]:
        """From just before sending until it was shown."""
        return [(seen[0][1] - self.begun[text]) * 1000 for text, seen in self.shown.items() if seen]


@dataclass(eq=False)
class Resident:
    """One widget. `numbers`: the sequence numbers that it was shown; `pending`: what it wrote and nobody took yet."""

    base: str
    http: aiohttp.ClientSession
    token: str
    books: Books
    way: Way = Way.NONE
    numbers: list[int] = field(default_factory=list)
    pending: dict[str, str] = field(default_factory=dict)
    connected_at: float = 0.0
    on_socket_at: float = 0.0
    _socket: aiohttp.ClientWebSocketResponse | None = None
    _poll: asyncio.Task[None] | None = None

    @property
    def conversation(self) -> uuid.UUID:
        return uuid.UUID(hex=self.token.split(".")[2])

    @property
    def last(self) -> int:
        return self.numbers[-1] if self.numbers else 0

    @property
    def orderly(self) -> bool:
        """Whether the numbers it was shown are 1, 2, 3 and so on."""
        return self.numbers == list(range(1, len(self.numbers) + 1))

    async def live(self) -> None:
        """Stay connected until cancelled."""
        failures = 0
        try:
            while True:
                welcomed, code = await self._talk()
                failures = 1 if welcomed else failures + 1
                await asyncio.sleep(self._pause(failures, code))
        finally:
            self._stop_polling()

    async def say(self, text: str) -> None:
        """Write a message; it is sent again under the same key until it is taken."""
        self.pending[uuid.uuid4().hex] = text
        self.books.begun[text] = time.perf_counter()
        await self._deliver()

    async def ping(self) -> None:
        if self._socket is not None and self.way is Way.SOCKET:
            with suppress(ConnectionError):
                await self._socket.send_str('{"type":"ping"}')

    def _pause(self, failures: int, code: int | None) -> float:
        if failures >= _FALL_BACK_AFTER:
            if self._poll is None:
                self._poll = asyncio.create_task(self._polling())
            return _SOCKET_AGAIN_SECONDS
        return 0.5 + random.random() * 3 if code == _RESTART else _backoff(failures)

    async def _talk(self) -> tuple[bool, int | None]:
        """One socket from its hello to its end: whether it was welcomed, and the code it was closed with."""
        welcomed = False
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS) as patience:
                async with self.http.ws_connect(f"{self.base}/api/widget/live", max_msg_size=0) as socket:
                    sent = self.last
                    await socket.send_str(json.dumps({"type": "hello", "token": self.token, "after": sent}))
                    self._socket = socket
                    async for message in socket:
                        if message.type is not aiohttp.WSMsgType.TEXT:
                            break
                        at, frame = time.perf_counter(), json.loads(message.data)
                        if frame["type"] == "welcome":
                            welcomed = True
                            patience.reschedule(None)
                            await self._welcomed(at)
                        elif frame["type"] == "messages":
                            sent = self._shown(frame["messages"], sent, at)
                        else:
                            self._other(frame)
                    return welcomed, socket.close_code
        except (aiohttp.ClientError, TimeoutError, OSError):
            return welcomed, None
        finally:
            self._socket = None
            if self.way is Way.SOCKET:
                self.way = Way.NONE

    async def _welcomed(self, at: float) -> None:
        if self.way is Way.NONE:
            self.connected_at = at
        self.way, self.on_socket_at = Way.SOCKET, at
        self._stop_polling()
        await self._deliver()

    def _shown(self, messages: list[dict[str, Any]], sent: int, at: float) -> int:
        """Take in what came over one line, which had brought everything up to `sent`; the new such number."""
        for message in messages:
            seq = message["seq"]
            if seq <= sent:
                self.books.problems["sent twice over one line"] += 1
            elif seq > self.last:
                # A poll and the socket that follows it may bring the same: the widget goes by the number too.
                self.numbers.append(seq)
                self.books.shown[message["text"]].append((self.conversation, at))
            sent = max(sent, seq)
        return sent

    def _other(self, frame: dict[str, Any]) -> None:
        if frame["type"] == "accepted":
            self._taken(frame["key"])
        elif frame["type"] == "error":
            self.books.problems[f"error frame {frame['code']}"] += 1

    def _taken(self, key: str) -> None:
        if (text := self.pending.pop(key, None)) is not None:
            self.books.accepted[text] = self.conversation

    async def _deliver(self) -> None:
        for key, text in tuple(self.pending.items()):
            if self.way is Way.SOCKET and self._socket is not None:
                with suppress(ConnectionError):
                    await self._socket.send_str(json.dumps({"type": "send", "key": key, "text": text}))
            elif self.way is Way.POLL:
                await self._post(key, text)

    async def _post(self, key: str, text: str) -> None:
        url = f"{self.base}/api/widget/messages"
        with suppress(aiohttp.ClientError, TimeoutError, OSError):
            async with self.http.post(url, json={"key": key, "text": text}, headers=self._headers) as response:
                if response.status == 202:
                    self._taken(key)

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    async def _polling(self) -> None:
        failures = 0
        while True:
            try:
                found = await self._ask(_POLL_SECONDS if self.way is Way.POLL else 0)
            except (aiohttp.ClientError, TimeoutError, OSError):
                self.way = Way.NONE
                failures += 1
                await asyncio.sleep(_backoff(failures))
                continue
            failures = 0
            if self.way is Way.NONE:
                self.way, self.connected_at = Way.POLL, time.perf_counter()
                await self._deliver()
            if not found:
                await asyncio.sleep(1)

    async def _ask(self, wait: int) -> bool:
        """One poll; whether it brought messages."""
        after = self.last
        query = {"after": str(after), "wait": str(wait)}
        url = f"{self.base}/api/widget/messages"
        async with self.http.get(url, params=query, headers=self._headers) as response:
            response.raise_for_status()
            messages = (await response.json())["messages"]
        self._shown(messages, after, time.perf_counter())
        return bool(messages)

    def _stop_polling(self) -> None:
        if self._poll is not None:
            self._poll.cancel()
            self._poll = None


@dataclass
class Crowd:
    """Residents of one server, each with a conversation and a socket of its own; a context manager that ends them."""

    base: str
    books: Books = field(default_factory=Books)
    residents: list[Resident] = field(default_factory=list)
    _http: aiohttp.ClientSession | None = None
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def __aenter__(self) -> Crowd:
        # No time limit of the whole: a socket is open for as long as its page is.
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_PATIENCE_SECONDS)
        self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout)
        self._tasks.append(asyncio.create_task(self._beating()))
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        assert self._http is not None
        await self._http.close()

    @property
    def http(self) -> aiohttp.ClientSession:
        assert self._http is not None
        return self._http

    async def grow(self, count: int, seconds: float) -> None:
        """So many more. TimeoutError when not all are connected within `seconds`."""
        gate = asyncio.Semaphore(_AT_ONCE)
        async with asyncio.timeout(seconds):
            await asyncio.gather(*(self._join(gate) for _ in range(count)))

    async def until(self, *ways: Way, seconds: float) -> None:
        """Wait until everybody is connected in one of these ways. TimeoutError after `seconds`."""
        async with asyncio.timeout(seconds):
            await _come_true(lambda: all(one.way in ways for one in self.residents))

    async def settled(self, seconds: float) -> None:
        """Wait until all that was written is taken and shown; what is not after `seconds` stays in the books."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await _come_true(lambda: not (self.books.missing() or any(one.pending for one in self.residents)))

    def verdict(self) -> dict[str, int]:
        """What must be 0 each: nothing lost, nothing twice, nothing out of order, nothing refused."""
        return {
            "lost": len(self.books.missing()) + sum(len(one.pending) for one in self.residents),
            "doubled": self.books.doubled() + self.books.problems["sent twice over one line"],
            "with gaps": sum(not one.orderly for one in self.residents),
            "problems": sum(self.books.problems.values()) - self.books.problems["sent twice over one line"],
        }

    async def _join(self, gate: asyncio.Semaphore) -> None:
        async with gate:
            resident = Resident(self.base, self.http, await self._token(), self.books)
            self.residents.append(resident)
            self._tasks.append(asyncio.create_task(resident.live()))
            await _come_true(lambda: resident.way is Way.SOCKET)

    async def _token(self) -> str:
        url, headers = f"{self.base}/api/widget/session", {"Origin": self.base}
        async with self.http.post(url, json={"language": "en"}, headers=headers) as response:
            response.raise_for_status()
            return str((await response.json())["token"])

    async def _beating(self) -> None:
        """Everybody's heartbeat, spread over its period as in life."""
        while True:
            for one in tuple(self.residents):
                await one.ping()
                await asyncio.sleep(_HEARTBEAT_SECONDS / len(self.residents))
            if not self.residents:
                await asyncio.sleep(0.1)


@dataclass
class Writer:
    """An operator who answers through the staff interface, and sends again under the same key what was not taken."""

    base: str
    http: aiohttp.ClientSession
    token: str
    books: Books
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def at_desk(self) -> None:
        url = f"{self.base}/api/staff/presence"
        async with self.http.put(url, json={"on": True}, headers=self._headers) as response:
            response.raise_for_status()

    async def write(self, conversations: Collection[uuid.UUID], rate: float, seconds: float, *, patient: bool) -> float:
        """Messages that begin at random moments, `rate` a second, whether those before were taken or not.

        `patient`: what is not taken is sent again; else it is a problem. The result is by how many ms the latest of
        them was behind its moment: when that is much, this side was too slow.
        """
        loop, choices = asyncio.get_running_loop(), tuple(conversations)
        due = loop.time()
        until, latest = due + seconds, 0.0
        while (due := due + random.expovariate(rate)) < until:
            await asyncio.sleep(due - loop.time())
            latest = max(latest, loop.time() - due)
            task = asyncio.create_task(self._write(random.choice(choices), patient=patient))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return latest * 1000

    async def done(self) -> None:
        """Wait until everything is taken or refused."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _write(self, conversation: uuid.UUID, *, patient: bool) -> None:
        key = uuid.uuid4().hex
        text = f"Please bring your passport. {key}"
        self.books.begun[text] = time.perf_counter()
        while (status := await self._status(conversation, key, text)) != 200:
            # While the server is away, or about to go, a patient one is not refused but waits.
            if not patient or 400 <= status < 500:
                self.books.problems[f"http {status}" if status else "no connection"] += 1
                return
            await asyncio.sleep(_AGAIN_SECONDS)
        self.books.accepted[text] = conversation

    async def _status(self, conversation: uuid.UUID, key: str, text: str) -> int:
        """HTTP's, 0 when there was no answer."""
        url, body = f"{self.base}/api/staff/conversations/{conversation.hex}/messages", {"key": key, "text": text}
        try:
            async with self.http.post(url, json=body, headers=self._headers) as response:
                return response.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            return 0

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


async def _come_true(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - one who waits and thousands that change
        await asyncio.sleep(0.02)


def _backoff(failures: int) -> float:
    wait: float = min(_LONGEST_WAIT_SECONDS, 2.0**failures)
    return 0.5 + random.random() * wait
