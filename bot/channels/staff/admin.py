"""What administrators do from their page: switches, notices, the masking test box, the preview of the next purge."""

from __future__ import annotations

import uuid
from typing import Any

from aiohttp import web

from bot.bus import CONFIG
from bot.channels.staff.access import HANDOVER, Permission, gate
from bot.channels.staff.routes import Fields, Route
from bot.channels.web.errors import expectation
from bot.channels.web.gate import json_response, read_object
from bot.channels.web.keys import SETTINGS
from bot.conversations import switches
from bot.conversations.masking import locate, mask
from bot.db.engine import transaction
from bot.errors import Code, RequestError
from bot.handoff.staff import StaffMember
from bot.keeping import notices, retention
from bot.keeping.words import checked_words, missing


async def _switches(request: web.Request, _member: StaffMember) -> web.StreamResponse:
    async with transaction(request.app[HANDOVER].database) as connection:
        found = {one.scope: one for one in await switches.listed(connection)}
    return json_response(
        {
            "switches": [
                {"scope": scope, "off": scope in found, **(found[scope].to_json() if scope in found else {})}
                for scope in switches.SCOPES
            ]
        }
    )


async def _turn_off(request: web.Request, member: StaffMember) -> web.StreamResponse:
    data, now = await read_object(request), request.app[HANDOVER].clock()
    scope, words = _scope(request), checked_words(data.get("words") or {})
    async with transaction(request.app[HANDOVER].database) as connection:
        done = await switches.turn_off(connection, scope, words, member.name, now)
    await _tell(request)
    return json_response({"off": True, **done.to_json(), "missing": missing(words)})


async def _turn_on(request: web.Request, member: StaffMember) -> web.StreamResponse:
    scope = _scope(request)
    async with transaction(request.app[HANDOVER].database) as connection:
        await switches.turn_on(connection, scope, member.name, request.app[HANDOVER].clock())
    await _tell(request)
    return json_response({"scope": scope, "off": False})


async def _notices(request: web.Request, _member: StaffMember) -> web.StreamResponse:
    now = request.app[HANDOVER].clock()
    async with transaction(request.app[HANDOVER].database) as connection:
        found = await notices.listed(connection)
    return json_response({"notices": [{**one.to_json(), "shown": one.starts_at <= now < one.ends_at} for one in found]})


async def _create_notice(request: web.Request, member: StaffMember) -> web.StreamResponse:
    draft = notices.parsed(await read_object(request))
    async with transaction(request.app[HANDOVER].database) as connection:
        stored = await notices.create(connection, draft, member.name, request.app[HANDOVER].clock())
    await _tell(request)
    return json_response(stored.to_json())


async def _change_notice(request: web.Request, member: StaffMember) -> web.StreamResponse:
    draft, now = notices.parsed(await read_object(request)), request.app[HANDOVER].clock()
    async with transaction(request.app[HANDOVER].database) as connection:
        stored = await notices.change(connection, _id(request), draft, member.name, now)
    await _tell(request)
    return json_response(stored.to_json())


async def _remove_notice(request: web.Request, member: StaffMember) -> web.StreamResponse:
    async with transaction(request.app[HANDOVER].database) as connection:
        await notices.remove(connection, _id(request), member.name, request.app[HANDOVER].clock())
    await _tell(request)
    return json_response({"removed": True})


async def _mask(request: web.Request, _member: StaffMember) -> web.StreamResponse:
    """The text is neither stored nor logged; places are in Unicode characters of the text as it was sent."""
    text = (await read_object(request)).get("text")
    longest = request.app[SETTINGS].text_limit_characters
    if not isinstance(text, str) or len(text) > longest:
        raise RequestError(Code.BAD_FIELD, f"text must be a text of at most {longest} characters")
    found = [{"kind": one.kind.value, "start": one.start, "end": one.end} for one in locate(text)]
    return json_response({"masked": mask(text), "found": found})


async def _retention(request: web.Request, _member: StaffMember) -> web.StreamResponse:
    handover = request.app[HANDOVER]
    days = retention.periods(request.app[SETTINGS])
    lines = await retention.preview(handover.database, days, handover.clock())
    return json_response({"classes": [_line(line) for line in lines]})


def _line(line: retention.Line) -> dict[str, Any]:
    oldest = line.oldest.isoformat() if line.oldest is not None else None
    return {"class": line.name.value, "days": line.days, "kept": line.kept, "due": line.due, "oldest": oldest}


async def _tell(request: web.Request) -> None:
    """Every process looks again, and open widgets fetch their configuration."""
    await request.app[HANDOVER].bus.publish(CONFIG, switches.CHANGED)


def _scope(request: web.Request) -> str:
    scope = request.match_info["scope"]
    if scope not in switches.SCOPES:
        raise RequestError(Code.NOT_FOUND, f"there is no such switch; known are {', '.join(switches.SCOPES)}", 404)
    return scope


def _id(request: web.Request) -> uuid.UUID:
    try:
        return uuid.UUID(hex=request.match_info["id"])
    except ValueError:
        raise RequestError(Code.NOT_FOUND, "there is no such notice", 404) from None


_SWITCH, _NOTICE = "/api/staff/switches/{scope}", "/api/staff/notices/{id}"
_SWITCH_BODY: Fields = {"words?": dict}
_NOTICE_BODY: Fields = {"severity": str, "site?": str, "words": dict, "starts_at": str, "ends_at": str}
ADMIN_ROUTES = (
    Route("GET", "/api/staff/switches", Permission.ADMIN, _switches, "What is off, since when and by whom."),
    Route(
        "PUT",
        _SWITCH,
        Permission.ADMIN,
        _turn_off,
        "Turn the widget, the bot or a topic off; `words` by language, standard ones where there are none.",
        _SWITCH_BODY,
        (400, 404),
    ),
    Route("DELETE", _SWITCH, Permission.ADMIN, _turn_on, "Turn it on again.", errors=(404,)),
    Route("GET", "/api/staff/notices", Permission.ADMIN, _notices, "All notices, the newest first."),
    Route(
        "POST",
        "/api/staff/notices",
        Permission.ADMIN,
        _create_notice,
        "A banner with a period; en and zh are needed, `missing` names the other interface languages without words.",
        _NOTICE_BODY,
        (400,),
    ),
    Route("PUT", _NOTICE, Permission.ADMIN, _change_notice, "Change it, all of it.", _NOTICE_BODY, (400, 404)),
    Route("DELETE", _NOTICE, Permission.ADMIN, _remove_notice, "Take it away.", errors=(404,)),
    Route(
        "POST",
        "/api/staff/mask",
        Permission.ADMIN,
        _mask,
        "What masking makes of a text; nothing is stored or logged.",
        {"text": str},
        (400,),
    ),
    Route("GET", "/api/staff/retention", Permission.ADMIN, _retention, "What the next purge deletes, by class."),
)


def add_routes(app: web.Application) -> None:
    for route in ADMIN_ROUTES:
        handler = gate(route.permission, route.handler)
        app.router.add_route(route.method, route.path, handler, expect_handler=expectation)
