"""One HTTP exchange with the platform, and what is known after it: answered, nothing sent, or unknown.

aiohttp's own exceptions hold the URL, and the URL holds the access token: none of them leaves this module, not even as
the context of another one.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import aiohttp
from aiohttp.abc import AbstractStreamWriter

from bot.channels.wechat.api_errors import ApiRefused, ApiUnknown, ApiUnreachable, Doubt
from bot.channels.wechat.codes import Reaction
from bot.errors import LinliError

Json = dict[str, Any]
_Result = TypeVar("_Result")

_CONNECTIONS = 50
# Up to here aiohttp hands head and body to the transport in one piece, without waiting in between.
_ONE_PIECE = 60_000
_MOST_JSON = 2_000_000
# json.dumps writes these as \u00XX, and the platform refuses every \uXXXX.
_CONTROLS = dict.fromkeys(n for n in range(32) if chr(n) not in "\b\t\n\f\r")


@dataclass(frozen=True)
class Limits:
    """`pauses_seconds`: before each repetition, so their number too."""

    connect_seconds: float = 3.0
    total_seconds: float = 10.0
    media_seconds: float = 60.0
    typing_seconds: float = 3.0
    pauses_seconds: tuple[float, ...] = (0.3, 1.2)


@dataclass(frozen=True)
class Call:
    """`path` names the call in errors; `query` may hold the access token. `content` makes the body anew each time."""

    method: str
    base: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    content: Callable[[], Body | aiohttp.FormData | None] = field(default=lambda: None, repr=False)
    most_bytes: int = _MOST_JSON


@dataclass(frozen=True)
class Answer:
    status: int
    content_type: str
    data: bytes = field(repr=False)


class Body(aiohttp.BytesPayload):
    """A body that knows whether it was handed to the connection."""

    handed = False

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        self.handed = (self.size or 0) > _ONE_PIECE
        # Raises before it writes anything when the connection has been closed meanwhile.
        await super().write_with_length(writer, content_length)
        self.handed = True


def open_session() -> aiohttp.ClientSession:
    """The session for every call to the platform, each on a connection of its own; close it. Made in the running loop.

    A server may close an idle connection while our request is on its way: what is sent into that is lost, and we cannot
    tell it from a message that was taken. Measured over a line of 30 ms with TLS: of sends that came within 0.1 s of
    the server's timeout 15 in 100 ended in doubt; of 240 on fresh connections none, for 70 ms more each (106, not 34).
    """
    connector = aiohttp.TCPConnector(force_close=True, limit=_CONNECTIONS)
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())


def json_body(value: Mapping[str, Any]) -> Body:
    """Raw UTF-8: the platform refuses \\uXXXX."""
    text = json.dumps(_clean(value), ensure_ascii=False, separators=(",", ":"))
    return Body(text.encode("utf-8", "replace"), content_type="application/json")


async def exchange(session: aiohttp.ClientSession, call: Call, limits: Limits, total_seconds: float) -> Answer:
    """Whatever was answered. Raises ApiUnreachable, ApiUnknown (Doubt.SIZE: more than the call's `most_bytes`)."""
    if session.closed:
        raise ApiUnreachable(call.path, "the session is closed")
    outcome = await _outcome(session, call, _timeout(limits, total_seconds))
    if isinstance(outcome, LinliError):
        raise outcome
    return outcome


async def _outcome(session: aiohttp.ClientSession, call: Call, times: aiohttp.ClientTimeout) -> Answer | LinliError:
    """Errors are given back, to be raised where aiohttp's are no longer their context."""
    content = call.content()
    try:
        async with session.request(
            call.method,
            call.base + call.path,
            params=call.query,
            data=content,
            timeout=times,
            # A redirect would carry the access token to who knows where.
            allow_redirects=False,
        ) as response:
            data = await _read(response, call)
            return Answer(response.status, response.content_type, data)
    except ApiUnknown as too_large:
        return too_large
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        return _failure(call.path, error, content)


async def _read(response: aiohttp.ClientResponse, call: Call) -> bytes:
    parts, size = [], 0
    async for part in response.content.iter_any():
        size += len(part)
        if size > call.most_bytes:
            raise ApiUnknown(call.path, Doubt.SIZE, f"more than {call.most_bytes} bytes")
        parts.append(part)
    return b"".join(parts)


def _timeout(limits: Limits, total_seconds: float) -> aiohttp.ClientTimeout:
    # `connect` counts from the wait for a free connection on, and names and TLS too.
    return aiohttp.ClientTimeout(total=total_seconds, connect=min(limits.connect_seconds, total_seconds))


def _failure(path: str, error: BaseException, content: object) -> LinliError:
    if _nothing_sent(error, content):
        return ApiUnreachable(path, type(error).__name__)
    doubt = Doubt.TIMEOUT if isinstance(error, TimeoutError) else Doubt.CUT
    return ApiUnknown(path, doubt, type(error).__name__)


def _nothing_sent(error: BaseException, content: object) -> bool:
    """Whether no byte of the body left us, so that the platform cannot have done anything."""
    before = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL)
    return isinstance(error, before) or (isinstance(content, Body) and not content.handed)


def decoded(path: str, answer: Answer) -> Json:
    """The answer's JSON object. Raises ApiRefused for an error code, ApiUnknown for everything that is none."""
    found = parsed(answer.data)
    if found is not None and (code := _code(path, found)):
        raise ApiRefused.told(path, code, found.get("errmsg"))
    if answer.status != 200:
        raise ApiUnknown(path, Doubt.STATUS, f"HTTP {answer.status}")
    if found is None:
        raise ApiUnknown(path, Doubt.NOT_JSON)
    return found


def parsed(data: bytes) -> Json | None:
    try:
        found = json.loads(data, strict=False)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _code(path: str, found: Json) -> int:
    code = found.get("errcode", 0)
    if isinstance(code, int):
        return code
    if isinstance(code, str) and code.lstrip("-").isascii() and code.lstrip("-").isdigit():
        return int(code)
    raise ApiUnknown(path, Doubt.SHAPE, "errcode")


async def repeated(once: Callable[[], Awaitable[_Result]], *, safe: bool, limits: Limits) -> _Result:
    """`once`, again after what passes. `safe`: doing it twice does no harm, so a doubtful end is repeated too."""
    for pause in limits.pauses_seconds:
        try:
            return await once()
        except ApiUnreachable:
            pass
        except (ApiRefused, ApiUnknown) as error:
            if not safe or not _passing(error):
                raise
        await asyncio.sleep(pause * random.uniform(0.75, 1.25))  # noqa: S311 - spreads calls, guards nothing
    return await once()


def _passing(error: ApiRefused | ApiUnknown) -> bool:
    """Worth another try soon. A call that took all its time would only take it again."""
    if isinstance(error, ApiRefused):
        return error.reaction is Reaction.RETRY
    return error.doubt in (Doubt.CUT, Doubt.STATUS, Doubt.NOT_JSON)


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value.translate(_CONTROLS)
    if isinstance(value, Mapping):
        return {key: _clean(inner) for key, inner in value.items()}
    return [_clean(inner) for inner in value] if isinstance(value, list | tuple) else value
