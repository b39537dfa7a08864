"""The callback address: GET proves that it is ours, POST brings a push. Whatever is wrong, the peer sees one 403."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field

from aiohttp import web

from bot.channels.web.keys import SETTINGS
from bot.channels.web.limits import RateLimiter
from bot.channels.wechat.account import Account
from bot.channels.wechat.answering import Answering, Reply, too_late
from bot.channels.wechat.documents import SUCCESS, encrypted_reply, text_reply
from bot.channels.wechat.errors import PushRejected, Reason
from bot.channels.wechat.gate import MOST_BODY_BYTES, Opened, open_push, verify_url
from bot.errors import LinliError

log = logging.getLogger("linli.wechat")

PATH = "/wechat"
_BODY_SECONDS = 3.0
# For one person; a resident who types fast sends ten.
PUSHES_PER_MINUTE, PUSHES_AT_ONCE = 30, 20


@dataclass
class Callback:
    account: Account
    answering: Answering
    limiter: RateLimiter = field(default_factory=lambda: RateLimiter(PUSHES_PER_MINUTE, PUSHES_AT_ONCE))


CALLBACK: web.AppKey[Callback] = web.AppKey("wechat", Callback)


async def verify(request: web.Request) -> web.Response:
    """GET /wechat"""
    callback = request.app[CALLBACK]
    try:
        echo = verify_url(callback.account, request.query, callback.answering.clock(), _replay(request))
    except PushRejected as rejected:
        return _forbidden(rejected)
    return web.Response(body=echo.encode(), content_type="text/plain", charset="utf-8")


async def push(request: web.Request) -> web.StreamResponse:
    """POST /wechat"""
    callback = request.app[CALLBACK]
    loop = asyncio.get_running_loop()
    arrived = loop.time()
    try:
        opened = open_push(
            callback.account, request.query, await _body(request), callback.answering.clock(), _replay(request)
        )
        wait = callback.limiter.take(opened.push.sender, arrived)
        reply = await callback.answering.answer(opened, arrived, too_many=wait is not None)
    except PushRejected as rejected:
        return _forbidden(rejected)
    except LinliError as error:
        # No answer that the platform takes for one: it brings the push again.
        log.error("wechat_push_failed type=%s", type(error).__name__)
        return web.Response(status=503)
    if reply is None:
        return await _hung_up(request)
    return await _responded(request, opened, reply, callback, arrived)


async def _responded(
    request: web.Request, opened: Opened, reply: Reply, callback: Callback, arrived: float
) -> web.StreamResponse:
    """Write the response out, and only then take it for given."""
    response = _response(opened, reply.text, callback)
    if reply.offer is None:
        return response
    try:
        await response.prepare(request)
        await response.write_eof()
    except (ConnectionError, RuntimeError):
        log.info("wechat_response_cut")  # the push comes again, and gets the same
        return response
    listened_to = request.transport is not None and not request.transport.is_closing()
    if listened_to and not too_late(arrived):
        await callback.answering.given(reply.offer)
    return response


def _response(opened: Opened, text: str | None, callback: Callback) -> web.Response:
    if text is None:
        return web.Response(body=SUCCESS, content_type="text/plain", charset="utf-8")
    now = str(int(callback.answering.clock().timestamp()))
    body = text_reply(opened.push.sender, opened.push.to, int(now), text)
    if opened.encrypted:
        body = encrypted_reply(opened.keys, callback.account.appid, body, now, opened.nonce)
    return web.Response(body=body, content_type="application/xml", charset="utf-8")


async def _hung_up(request: web.Request) -> web.Response:
    """No answer yet, and none by which the platform would stop asking: the connection ends."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=503)


async def _body(request: web.Request) -> bytes:
    """PushRejected when it is too large or comes too slowly."""
    if (request.content_length or 0) > MOST_BODY_BYTES:
        raise PushRejected(Reason.SIZE)
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            async for chunk in request.content.iter_chunked(16384):
                body += chunk
                if len(body) > MOST_BODY_BYTES:
                    raise PushRejected(Reason.SIZE)
    except (TimeoutError, web.RequestPayloadError, ConnectionError) as error:
        raise PushRejected(Reason.SIZE) from error
    return bytes(body)


def _replay(request: web.Request) -> int:
    return request.app[SETTINGS].wechat_replay_seconds


def _forbidden(rejected: PushRejected) -> web.Response:
    log.warning("wechat_refused reason=%s", rejected.reason.value)
    return web.Response(status=403)


def add_routes(app: web.Application) -> None:
    app.router.add_get(PATH, verify)
    app.router.add_post(PATH, push)
