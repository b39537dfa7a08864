"""Real time for the widget: one WebSocket a client, a long poll for networks that let none through, and sending."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from aiohttp import WSMessage, WSMsgType, web

from bot.bus import conversation_topic
from bot.channels.web import sites
from bot.channels.web.errors import expectation
from bot.channels.web.hub import Close, Connection, Due, Frame, Hub
from bot.channels.web.keys import HUB, LIMITER, SERVICE, SETTINGS, TOKENS, address
from bot.channels.web.limits import RateLimiter
from bot.channels.web.request import parse_body, parse_said
from bot.channels.web.visitor import LIFE, Visitor
from bot.channels.web.widget import json_response, proof_if_needed, visitor
from bot.conversations import history, visits
from bot.conversations.service import Said
from bot.errors import Code, RequestError, StorageError
from bot.languages import LANGUAGES

WIDGET = "web"
_HELLO_SECONDS = 10.0
# Shorter than the 60 s after which many proxies cut a silent connection.
_HEARTBEAT_SECONDS = 25.0
_FRAME_BYTES = 32_768
_KEY = re.compile(r"[\w-]{1,64}")
_LONGEST_WAIT_SECONDS = 25.0


@dataclass
class _Session:
    """One client from its hello to its end."""

    request: web.Request
    visitor: Visitor
    connection: Connection
    frames: RateLimiter = field(default_factory=lambda: RateLimiter(per_minute=600, burst=60))

    @property
    def hub(self) -> Hub:
        return self.request.app[HUB]

    @property
    def now(self) -> datetime:
        return self.request.app[SERVICE].clock()


class _RefusedError(Exception):
    """The connection ends with this code."""

    def __init__(self, code: Close) -> None:
        super().__init__(code.name)
        self.code = code


async def live(request: web.Request) -> web.StreamResponse:
    """GET /api/widget/live"""
    sites.check_origin(request)
    socket = web.WebSocketResponse(
        heartbeat=_HEARTBEAT_SECONDS,
        max_msg_size=_FRAME_BYTES,
        # A compressor a connection would take more memory than everything else of it.
        compress=False,
    )
    await socket.prepare(request)
    try:
        session = await _hello(request, socket)
    except _RefusedError as refused:
        await socket.close(code=int(refused.code), message=refused.code.name.lower().encode())
        return socket
    try:
        await _converse(session)
    except _RefusedError as refused:
        await socket.close(code=int(refused.code), message=refused.code.name.lower().encode())
    except ConnectionError:
        pass
    finally:
        session.hub.dismiss(session.connection)
    return socket


async def _hello(request: web.Request, socket: web.WebSocketResponse) -> _Session:
    """Admit a client by its first frame. _RefusedError when it is none, or there are too many."""
    try:
        async with asyncio.timeout(_HELLO_SECONDS):
            frame = _frame(await socket.receive())
    except TimeoutError:
        raise _RefusedError(Close.NO_HELLO) from None
    if frame is None or frame.get("type") != "hello":
        raise _RefusedError(Close.NO_HELLO)
    who = await _admitted(request, frame)
    after = frame.get("after")
    connection = Connection(socket, request, who.conversation, address(request), after if isinstance(after, int) else 0)
    try:
        request.app[HUB].admit(connection)
    except RequestError:
        raise _RefusedError(Close.TOO_MANY_CONNECTIONS) from None
    session = _Session(request, who, connection)
    try:
        await _welcome(session)
    except BaseException:
        request.app[HUB].dismiss(connection)
        raise
    return session


async def _admitted(request: web.Request, frame: dict[str, Any]) -> Visitor:
    service = request.app[SERVICE]
    try:
        who = request.app[TOKENS].valid(str(frame.get("token")), service.clock())
        generation = await visits.generation(service.database, who.conversation, who.device)
    except (RequestError, ValueError):
        raise _RefusedError(Close.BAD_TOKEN) from None
    if generation is None or not 0 <= generation - who.generation <= 1:
        raise _RefusedError(Close.BAD_TOKEN)
    return who


async def _welcome(session: _Session) -> None:
    state = await session.hub.state(session.visitor.conversation)
    if state is None:
        raise _RefusedError(Close.BAD_TOKEN)
    session.connection.owner = state["owner"]
    renewed = await _renewed(session)
    await session.connection.send(Frame.WELCOME, **state, **renewed)
    session.hub.tell(session.connection, Due.MESSAGES)


async def _renewed(session: _Session) -> dict[str, Any]:
    """A new token when the present one is past the half of its life, else null."""
    visitor, now = session.visitor, session.now
    if now - visitor.issued < LIFE / 2:
        return {"token": None, "expires_in": int((visitor.issued + LIFE - now).total_seconds())}
    database = session.request.app[SERVICE].database
    generation = await visits.renew(database, visitor.conversation, visitor.device, visitor.generation)
    if generation is None:
        raise _RefusedError(Close.BAD_TOKEN)
    session.visitor = replace(visitor, generation=generation, issued=now)
    token = session.request.app[TOKENS].sign(visitor.conversation, visitor.device, generation, now)
    return {"token": token, "expires_in": int(LIFE.total_seconds())}


async def _converse(session: _Session) -> None:
    async for message in session.connection.socket:
        if message.type is WSMsgType.ERROR:
            return  # too large, or not what the protocol says: it is closed already
        frame = _frame(message)
        if frame is None:
            await _say_error(session, RequestError(Code.BAD_JSON, "a frame is a JSON object"), None)
            continue
        if frame.get("type") != "send" and session.frames.take("", time.monotonic()) is not None:
            raise _RefusedError(Close.TOO_MANY_MESSAGES)
        await _take(session, frame)


def _frame(message: WSMessage) -> dict[str, Any] | None:
    if message.type is not WSMsgType.TEXT:
        return None
    try:
        data = json.loads(message.data)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


async def _take(session: _Session, frame: dict[str, Any]) -> None:
    handler = _HANDLERS.get(str(frame.get("type")))
    key = frame.get("key") if isinstance(frame.get("key"), str) else None
    try:
        if handler is None:
            raise RequestError(Code.BAD_FIELD, f"type must be one of {', '.join(_HANDLERS)}")
        await handler(session, frame)
    except RequestError as error:
        await _say_error(session, error, key)
    except StorageError:
        # The client keeps the message and sends it again under the same key.
        unavailable = RequestError(Code.UNAVAILABLE, "the database is not available", 503, retry_after_seconds=5)
        await _say_error(session, unavailable, key)


async def _say_error(session: _Session, error: RequestError, key: str | None) -> None:
    await session.connection.send(
        Frame.ERROR, code=error.code.value, message=error.message, key=key, retry_after=error.retry_after_seconds
    )


async def _send(session: _Session, frame: dict[str, Any]) -> None:
    accepted = await _accept(session.request, session.visitor.conversation, frame)
    await session.connection.send(Frame.ACCEPTED, **accepted)


async def _accept(request: web.Request, conversation: uuid.UUID, data: dict[str, Any]) -> dict[str, Any]:
    """Store what a client sends and have it answered; its key and number."""
    key = data.get("key")
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise RequestError(Code.BAD_FIELD, "key must be 1 to 64 letters, digits, - or _")
    _limit(request)
    proof_if_needed(request, data)
    service = request.app[SERVICE]
    said = parse_said(data, WIDGET, request.app[SETTINGS].text_limit_characters)
    incoming = await service.accept(
        Said(WIDGET, said.text, said.button, None, said.language, said.locale, key, conversation)
    )
    service.start(incoming)
    return {"key": key, "seq": incoming.seq}


def _limit(request: web.Request) -> None:
    wait = request.app[LIMITER].take(address(request), time.monotonic())
    if wait is not None:
        raise RequestError(
            Code.RATE_LIMITED, f"too many messages; try again in {wait} s", 429, retry_after_seconds=wait
        )


async def _ack(session: _Session, frame: dict[str, Any]) -> None:
    seq = frame.get("seq")
    if not isinstance(seq, int) or isinstance(seq, bool) or not 0 <= seq < 2**31:
        raise RequestError(Code.BAD_FIELD, "seq must be a number")
    await visits.seen(session.request.app[SERVICE].database, session.visitor.conversation, seq)


async def _typing(session: _Session, frame: dict[str, Any]) -> None:
    data = {"event": "typing", "who": "resident", "on": bool(frame.get("on"))}
    await session.request.app[SERVICE].bus.publish(conversation_topic(session.visitor.conversation), data)


async def _ping(session: _Session, _frame: dict[str, Any]) -> None:
    renewed = await _renewed(session)
    if renewed["token"] is not None:
        await session.connection.send(Frame.TOKEN, **renewed)
    await session.connection.send(Frame.PONG)


_HANDLERS: dict[str, Callable[[_Session, dict[str, Any]], Awaitable[None]]] = {
    "send": _send,
    "ack": _ack,
    "typing": _typing,
    "ping": _ping,
}


async def send(request: web.Request) -> web.Response:
    """POST /api/widget/messages"""
    who = await visitor(request)
    accepted = await _accept(request, who.conversation, parse_body(await request.read()))
    return json_response(accepted, 202)


async def messages(request: web.Request) -> web.Response:
    """GET /api/widget/messages?after=n&wait=s[&language=xx]: at once when there is something, else after `wait`."""
    who = await visitor(request)
    service, after, language = request.app[SERVICE], _number(request, "after", 2**31), _language(request)
    wait = min(float(_number(request, "wait", 1000)), _LONGEST_WAIT_SECONDS)
    signalled, typing = asyncio.Event(), {"bot": False, "person": False}

    def listener(data: dict[str, Any]) -> None:
        if data.get("event") == "typing" and data.get("who") in typing:
            typing[data["who"]] = bool(data["on"])
        signalled.set()

    leave = service.bus.subscribe(conversation_topic(who.conversation), listener)
    try:
        found = await _after(request, who.conversation, after, language)
        if not found["messages"] and wait > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await signalled.wait()
            found = await _after(request, who.conversation, after, language)
    finally:
        leave()
    return json_response({**found, "typing": typing})


async def _after(request: web.Request, conversation: uuid.UUID, seq: int, language: str | None) -> dict[str, Any]:
    service = request.app[SERVICE]
    found = await history.after(service.database, conversation, seq, service.renderer(), language)
    state = await request.app[HUB].state(conversation)
    if state is None:
        raise RequestError(Code.BAD_TOKEN, "this conversation is no more", 401)
    return {"messages": found, **state}


def _number(request: web.Request, name: str, below: int) -> int:
    text = request.query.get(name, "0")
    if not re.fullmatch(r"[0-9]{1,10}", text) or int(text) >= below:
        raise RequestError(Code.BAD_FIELD, f"{name} must be a number")
    return int(text)


def _language(request: web.Request) -> str | None:
    language = request.query.get("language")
    if language is not None and language not in LANGUAGES:
        raise RequestError(Code.BAD_FIELD, f"language must be one of {', '.join(LANGUAGES)}")
    return language


def add_routes(app: web.Application) -> None:
    app.router.add_get("/api/widget/live", live, expect_handler=expectation)
    app.router.add_get("/api/widget/messages", messages, expect_handler=expectation)
    app.router.add_post("/api/widget/messages", send, expect_handler=expectation)
