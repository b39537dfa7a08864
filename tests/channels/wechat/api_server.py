"""Two small servers of the tests' own for the calling side: one that answers what it is told, one that breaks off."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections import Counter, deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from aiohttp import web

from bot.channels.wechat.account import Account, AccountKind, Keys, Mode

SECRET = "0123456789abcdef-the-app-secret-of-the-tests"
TOKEN_PATH = "/cgi-bin/stable_token"
SEND_PATH = "/cgi-bin/message/custom/send"


def account(api: str, secret: str = SECRET) -> Account:
    keys = (Keys("PushTokenOfTheTests", bytes(32)),)
    return Account("wx0123456789abcdef", "gh_0123456789ab", Mode.SAFE, AccountKind.SERVICE, keys, secret, api)


@dataclass(frozen=True)
class Reply:
    body: Any = field(default_factory=lambda: {"errcode": 0, "errmsg": "ok"})
    status: int = 200
    content_type: str = "application/json"
    seconds: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)

    def response(self) -> web.Response:
        data = self.body if isinstance(self.body, bytes) else json.dumps(self.body, ensure_ascii=False).encode()
        return web.Response(body=data, status=self.status, content_type=self.content_type, headers=self.headers)


def refusal(code: int, message: str = "refused", rid: str = "5f3ded7d-22929d02-4ba1f5f6") -> Reply:
    return Reply({"errcode": code, "errmsg": f"{message} rid: {rid}"}, content_type="text/plain")


@dataclass(frozen=True)
class Received:
    method: str
    path: str
    query: dict[str, str]
    body: bytes
    content_type: str
    port: int

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class ApiServer:
    """Answers {"errcode": 0} unless `says` told it otherwise. Gives T1, T2, … and takes only what is in `valid`."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.counts: Counter[str] = Counter()
        self.lasting: dict[str, Reply] = {}
        self.once: dict[str, deque[Reply]] = {}
        self.given = 0
        self.life_seconds = 7200
        # stable_token gives the same token while it is valid.
        self.same = False
        self.valid: set[str] | None = None
        self.url = ""

    async def __aenter__(self) -> ApiServer:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    def says(self, path: str, *replies: Reply) -> None:
        """One after another, then as before."""
        self.once.setdefault(path, deque()).extend(replies)

    def always_says(self, path: str, reply: Reply) -> None:
        self.lasting[path] = reply

    def of(self, path: str) -> list[Received]:
        return [received for received in self.received if received.path == path]

    async def _answer(self, request: web.Request) -> web.Response:
        body, path = await request.read(), request.path
        port: int = request.get_extra_info("peername")[1]
        self.received.append(Received(request.method, path, dict(request.query), body, request.content_type, port))
        self.counts[path] += 1
        reply = self._told(path)
        if reply is None:
            reply = self._token() if path == TOKEN_PATH else self._checked(request.query.get("access_token"))
        await asyncio.sleep(reply.seconds)
        return reply.response()

    def _told(self, path: str) -> Reply | None:
        waiting = self.once.get(path)
        return waiting.popleft() if waiting else self.lasting.get(path)

    def _token(self) -> Reply:
        if not self.same or self.given == 0:
            self.given += 1
        return Reply({"access_token": f"T{self.given}-secret-access-token", "expires_in": self.life_seconds})

    def _checked(self, token: str | None) -> Reply:
        known = self.valid is None or token in self.valid
        return Reply() if known else refusal(42001, "access_token expired")


class Break(StrEnum):
    """Where the other side leaves."""

    AT_ONCE = "at_once"
    AFTER_HEAD = "after_head"
    AFTER_BODY = "after_body"
    RESET_AFTER_BODY = "reset_after_body"
    IN_ANSWER_HEAD = "in_answer_head"
    IN_ANSWER_BODY = "in_answer_body"
    NONSENSE = "nonsense"
    NEVER_ANSWERS = "never_answers"


_PARTS = {
    Break.IN_ANSWER_HEAD: b"HTTP/1.1 200 OK\r\nContent-Len",
    Break.IN_ANSWER_BODY: b'HTTP/1.1 200 OK\r\nContent-Length: 27\r\n\r\n{"errcode":0,',
    Break.NONSENSE: b"SSH-2.0-OpenSSH_9.2\r\n",
}
_GOOD = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n{"errcode":0}'


class BreakingServer:
    """Breaks the first `times` connections as told, then answers well. `bodies`: what came in whole."""

    def __init__(self, where: Break, times: int = 1_000_000, tls: ssl.SSLContext | None = None) -> None:
        self.where, self.times, self._tls = where, times, tls
        self.connections = 0
        self.bodies: list[bytes] = []
        self.url = ""

    async def __aenter__(self) -> BreakingServer:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        broken = self.connections <= self.times
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            if broken:
                await self._break(reader, writer)
            else:
                await self._whole(reader)
                writer.write(_GOOD)
                await writer.drain()
        if broken and self.where is Break.RESET_AFTER_BODY:
            writer.transport.abort()
        writer.close()

    async def _break(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.where is Break.AT_ONCE:
            return
        if self.where is Break.AFTER_HEAD:
            await reader.readuntil(b"\r\n\r\n")
            return
        await self._whole(reader)
        if self.where is Break.NEVER_ANSWERS:
            await reader.read()
        if self.where in _PARTS:
            writer.write(_PARTS[self.where])
            await writer.drain()

    async def _whole(self, reader: asyncio.StreamReader) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        lengths = [line.partition(":")[2] for line in head.splitlines() if line.startswith("content-length:")]
        self.bodies.append(await reader.readexactly(int(lengths[0]) if lengths else 0))
