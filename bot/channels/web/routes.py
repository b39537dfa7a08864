"""The routes of the public port and of the loopback door."""

from __future__ import annotations

import hmac
import json
import time
from typing import Any

from aiohttp import web

from bot.channels.web.errors import expectation
from bot.channels.web.keys import LIMITER, SECRET, SERVICE, SETTINGS, address
from bot.channels.web.openapi import openapi
from bot.channels.web.request import parse_body, parse_said
from bot.engine import SECRET_HEADER
from bot.errors import Code, RequestError

WEB = "web"
TERMINAL = "terminal"


def json_response(data: dict[str, Any], status: int = 200) -> web.Response:
    return web.Response(
        body=json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace"),
        status=status,
        content_type="application/json",
        charset="utf-8",
    )


async def chat(request: web.Request) -> web.Response:
    """POST /api/chat"""
    _limit(request)
    return await _chat(request, WEB)


async def local_chat(request: web.Request) -> web.Response:
    """POST /local/chat on the loopback door: the same without a rate limit, for `bot ask` and the bench."""
    if not hmac.compare_digest(request.headers.get(SECRET_HEADER, "").encode(), request.app[SECRET].encode()):
        raise RequestError(Code.FORBIDDEN, "not allowed", 403)
    return await _chat(request, TERMINAL)


async def _chat(request: web.Request, channel: str) -> web.Response:
    if request.content_type not in ("application/json", "application/octet-stream"):
        raise RequestError(Code.UNSUPPORTED_TYPE, "send application/json", 415)
    body = await request.read()
    if len(body) > request.app[SETTINGS].body_limit_bytes:
        raise RequestError(Code.BODY_TOO_LARGE, "the body is too large", 413)
    data = parse_body(body)
    said = parse_said(data, channel, request.app[SETTINGS].text_limit_characters)
    token, reply = await request.app[SERVICE].say(said)
    return json_response(reply.to_json(token))


def _limit(request: web.Request) -> None:
    wait = request.app[LIMITER].take(address(request), time.monotonic())
    if wait is not None:
        raise RequestError(
            Code.RATE_LIMITED, f"too many messages; try again in {wait} s", 429, retry_after_seconds=wait
        )


async def healthz(_request: web.Request) -> web.Response:
    return json_response({"status": "ok"})


async def readyz(request: web.Request) -> web.Response:
    service = request.app[SERVICE]
    database = await service.database_answers()
    body = {
        "status": "ready" if database else "not_ready",
        "engine": "up" if service.engine.up else "down",
        "database": "up" if database else "down",
        "knowledge": service.desk.knowledge.version,
        "articles": len(service.desk.knowledge.articles),
    }
    return json_response(body, 200 if database else 503)


async def openapi_json(request: web.Request) -> web.Response:
    return json_response(openapi(request.app[SETTINGS]))


def add_public_routes(app: web.Application) -> None:
    app.router.add_post("/api/chat", chat, expect_handler=expectation)
    app.router.add_get("/api/openapi.json", openapi_json, expect_handler=expectation)
    app.router.add_get("/healthz", healthz, expect_handler=expectation)
    app.router.add_get("/readyz", readyz, expect_handler=expectation)


def add_local_routes(app: web.Application) -> None:
    app.router.add_post("/local/chat", local_chat, expect_handler=expectation)
    app.router.add_get("/readyz", readyz, expect_handler=expectation)
