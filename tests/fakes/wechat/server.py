"""The platform's HTTP side: find the call, fail on order, refuse what the account may not, answer in JSON."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.fakes.wechat.account import Right
from tests.fakes.wechat.codes import RefusedError, error_body
from tests.fakes.wechat.failures import Failure, Failures

if TYPE_CHECKING:
    from tests.fakes.wechat.platform import WechatPlatform

_MOST_REMEMBERED = 2000
_MOST_BYTES = 12 * 1024 * 1024
# An escape, and not a backslash that is itself escaped.
_ESCAPED = re.compile(rb"(?<!\\)(?:\\\\)*\\u[0-9a-fA-F]{4}")


@dataclass(frozen=True)
class Call:
    """One call as a handler sees it: `raw` is the body as it came, `body` the same as JSON ({} for GET and files)."""

    path: str
    query: Mapping[str, str]
    raw: bytes
    body: dict[str, Any]
    request: web.Request

    def text(self, name: str, code: int = 47001) -> str:
        """A member that must be a non-empty string."""
        found = self.body.get(name)
        if not isinstance(found, str) or not found:
            raise RefusedError(code, name)
        return found


@dataclass(frozen=True)
class Called:
    """What is remembered of a call. `code` is None when no answer was given in the usual way."""

    path: str
    raw: bytes
    code: int | None


Answer = dict[str, Any] | web.Response
Handler = Callable[[Call], Awaitable[Answer] | Answer]


@dataclass(frozen=True)
class Route:
    method: str
    path: str
    handler: Handler
    right: Right = Right.BASE
    # The token endpoints and the picture of a code need none.
    token: bool = True
    is_json: bool = True
    content_type: str = "application/json"


@dataclass
class Ledger:
    """How often each path was called, and the last calls."""

    calls: Counter[str] = field(default_factory=Counter)
    last: deque[Called] = field(default_factory=lambda: deque(maxlen=_MOST_REMEMBERED))
    daily: dict[str, int] = field(default_factory=dict)
    noted: int = 0
    codes: Counter[int] = field(default_factory=Counter)

    def note(self, path: str, raw: bytes, code: int | None) -> None:
        self.noted += 1
        if code:
            self.codes[code] += 1
        self.last.append(Called(path, raw, code))

    def of(self, path: str) -> list[Called]:
        return [called for called in self.last if called.path == full_path(path)]

    def refused_after(self, noted: int) -> list[Called]:
        """The calls with an error code since there were `noted` of all."""
        new = min(self.noted - noted, len(self.last))
        return [called for called in list(self.last)[len(self.last) - new :] if called.code]


class Server:
    def __init__(self, platform: WechatPlatform, routes: list[Route]) -> None:
        self._platform = platform
        self.ledger = Ledger()
        self.failures = Failures()
        self.app = web.Application(client_max_size=_MOST_BYTES)
        for route in routes:
            self.app.router.add_route(route.method, route.path, self._door(route))

    def _door(self, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def answer(request: web.Request) -> web.StreamResponse:
            raw = await request.read() if route.is_json else b""
            self.ledger.calls[route.path] += 1
            failure = self.failures.taken(route.path)
            if failure is not None:
                await asyncio.sleep(failure.seconds)
            if failure is not None and not failure.processed:
                self.ledger.note(route.path, raw, failure.code)
                return _failed(request, failure)
            response, code = await self._answer(route, request, raw)
            self.ledger.note(route.path, raw, code)
            return response if failure is None else _failed(request, failure, response)

        return answer

    async def _answer(self, route: Route, request: web.Request, raw: bytes) -> tuple[web.Response, int]:
        try:
            self._allow(route, request)
            body = _read_json(raw) if route.is_json and route.method == "POST" else {}
            found = route.handler(Call(route.path, request.query, raw, body, request))
            answer = await found if isinstance(found, Awaitable) else found
        except RefusedError as error:
            return _json(error_body(error.code, error.detail), route.content_type), error.code
        if isinstance(answer, web.Response):
            return answer, 0
        return _json(answer, route.content_type), answer.get("errcode", 0)

    def _allow(self, route: Route, request: web.Request) -> None:
        if route.token:
            self._platform.tokens.check(request.query.get("access_token"))
        if not self._platform.account.may(route.right):
            raise RefusedError(48001)
        limit = self.ledger.daily.get(route.path)
        if limit is not None and self.ledger.calls[route.path] > limit:
            raise RefusedError(45009)


def full_path(path: str) -> str:
    """`message/custom/send` is short for the whole."""
    return path if path.startswith("/") else f"/cgi-bin/{path}"


def _failed(request: web.Request, failure: Failure, response: web.Response | None = None) -> web.StreamResponse:
    if failure.drops:
        if request.transport is not None:
            request.transport.abort()
        return web.Response()
    if failure.code is not None:
        return _json(error_body(failure.code, failure.detail), "application/json")
    if failure.html:
        return web.Response(text="<html><body>busy</body></html>", content_type="text/html", status=failure.status)
    if response is not None:
        return response
    return web.Response(status=failure.status)


def _read_json(raw: bytes) -> dict[str, Any]:
    if not raw:
        raise RefusedError(44002)
    if _ESCAPED.search(raw):
        raise RefusedError(40033)
    try:
        body = json.loads(raw.decode("utf-8"))
    except ValueError:
        raise RefusedError(47001) from None
    if not isinstance(body, dict):
        raise RefusedError(47001)
    return body


def _json(answer: Mapping[str, Any], content_type: str) -> web.Response:
    return web.Response(
        body=json.dumps(answer, ensure_ascii=False).encode(), content_type=content_type, charset="utf-8"
    )
