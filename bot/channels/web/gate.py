"""What every call of the widget passes: who it is, what it brings, how often it comes."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from bot.channels.web.keys import SERVICE, SETTINGS, TOKENS, address
from bot.channels.web.limits import RateLimiter
from bot.channels.web.proof import Doorkeeper, Effort
from bot.channels.web.request import parse_body
from bot.channels.web.visitor import Visitor, bad_token, bearer
from bot.conversations import visits
from bot.errors import Code, RequestError

DOORKEEPER: web.AppKey[Doorkeeper] = web.AppKey("doorkeeper", Doorkeeper)
CALLS: web.AppKey[RateLimiter] = web.AppKey("calls", RateLimiter)


def json_response(data: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    body = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return web.Response(
        body=body,
        status=status,
        content_type="application/json",
        charset="utf-8",
        headers={**NOT_KEPT, **(headers or {})},
    )


# What a resident is told is nobody else's, and a shared computer's cache is.
NOT_KEPT = {"Cache-Control": "no-store"}


def done() -> web.Response:
    return web.Response(status=204, headers=NOT_KEPT)


async def visitor(request: web.Request) -> Visitor:
    """The one gate to a conversation: a token of the present generation or the one before. RequestError 401, 429."""
    service = request.app[SERVICE]
    who = request.app[TOKENS].valid(bearer(request.headers.get("Authorization")), service.clock())
    wait = request.app[CALLS].take(who.conversation.hex, time.monotonic())
    if wait is not None:
        raise RequestError(Code.RATE_LIMITED, f"too many calls; try again in {wait} s", 429, retry_after_seconds=wait)
    generation = await visits.generation(service.database, who.conversation, who.device)
    if generation is None or not 0 <= generation - who.generation <= 1:
        raise bad_token()
    return who


async def read_object(request: web.Request) -> dict[str, Any]:
    """The JSON object of a request's body. RequestError 400, 413, 415."""
    if request.content_type not in ("application/json", "application/octet-stream"):
        raise RequestError(Code.UNSUPPORTED_TYPE, "send application/json", 415)
    body = await request.read()
    if len(body) > request.app[SETTINGS].body_limit_bytes:
        raise RequestError(Code.BODY_TOO_LARGE, "the body is too large", 413)
    return parse_body(body)


def proof_if_needed(request: web.Request, data: Mapping[str, Any], effort: Effort = Effort.MESSAGE) -> None:
    """Count one more message or session of the request's address. RequestError 429 when a proof of work is due."""
    request.app[DOORKEEPER].admit(effort, address(request), data.get("proof"), time.monotonic())
