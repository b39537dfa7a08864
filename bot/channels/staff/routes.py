"""The staff interface's routes: one table, from which the application and the OpenAPI document are made."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from bot.channels.staff.access import HANDOVER, Permission, StaffHandler, permissions
from bot.channels.web.request import parse_body
from bot.conversations.operators import Operators
from bot.errors import Code, RequestError
from bot.handoff.hours import CITY_TIME
from bot.handoff.staff import StaffMember
from bot.handoff.store import CallState

Fields = dict[str, type]


@dataclass(frozen=True)
class Route:
    """`body` are the fields of the request's object, those with a question mark may be left out; so may `query`.

    `gives` is the type of what it answers with.
    """

    method: str
    path: str
    permission: Permission
    handler: StaffHandler
    summary: str
    body: Fields | None = None
    errors: tuple[int, ...] = ()
    query: tuple[str, ...] = ()
    gives: str = "application/json"


def me_view(request: web.Request, member: StaffMember) -> dict[str, Any]:
    """Who one is, and how the desk is: open or why not, and which years' holidays it does not know."""
    handover = request.app[HANDOVER]
    now = handover.clock()
    closed, opens = handover.desk.closed(now), handover.desk.opens(now)
    return {
        "name": member.name,
        "shown_name": member.shown_name,
        "roles": sorted(member.roles),
        "languages": list(member.languages),
        "permissions": sorted(permissions(member)),
        "present_until": member.present_until.isoformat() if member.present(now) and member.present_until else None,
        "presence_seconds": int(handover.desk.presence.total_seconds()),
        "desk": {
            "open": closed is None,
            "reason": closed,
            "opens": opens.astimezone(CITY_TIME).isoformat() if opens is not None else None,
            "calendar_lacks": list(handover.desk.lacking(now)),
        },
    }


async def _me(request: web.Request, member: StaffMember) -> web.StreamResponse:
    return _json(me_view(request, member))


async def _presence(request: web.Request, member: StaffMember) -> web.StreamResponse:
    on = (await body(request, {"on": bool}))["on"]
    until = await _operators(request).set_presence(member, on=on)
    return _json({"present_until": until.isoformat() if until is not None else None})


async def _conversations(request: web.Request, member: StaffMember) -> web.StreamResponse:
    operators = _operators(request)
    state = request.query.get("state", "waiting")
    lists: dict[str, Callable[[], Awaitable[list[dict[str, Any]]]]] = {
        "waiting": operators.waiting,
        "mine": lambda: operators.mine(member),
    }
    if Permission.WATCH in permissions(member):
        lists |= {"person": operators.with_others, "bot": operators.with_bot}
    if state not in lists:
        raise RequestError(Code.BAD_FIELD, f"state must be one of {', '.join(lists)}")
    return _json({"conversations": await lists[state]()})


async def _conversation(request: web.Request, member: StaffMember) -> web.StreamResponse:
    found = await _operators(request).conversation(
        member,
        _id(request),
        after=_number(request, "after"),
        as_written=request.query.get("as_written") == "1",
        watch=Permission.WATCH in permissions(member),
        unmask=Permission.UNMASK in permissions(member),
    )
    return _json(found)


async def _claim(request: web.Request, member: StaffMember) -> web.StreamResponse:
    await _operators(request).claim(member, _id(request))
    return _json({"owner": "person"})


async def _answer(request: web.Request, member: StaffMember) -> web.StreamResponse:
    data = await body(request, {"key": str, "text": str})
    seq = await _operators(request).answer(member, _id(request), data["text"], data["key"])
    return _json({"seq": seq})


async def _fit(request: web.Request, member: StaffMember) -> web.StreamResponse:
    text = (await body(request, {"text": str}))["text"]
    return _json((await _operators(request).fit(member, _id(request), text)).to_json())


async def _give_back(request: web.Request, member: StaffMember) -> web.StreamResponse:
    await _operators(request).give_back(member, _id(request))
    return _json({"owner": "bot"})


async def _close(request: web.Request, member: StaffMember) -> web.StreamResponse:
    await _operators(request).close(member, _id(request))
    return _json({"owner": "closed"})


async def _typing(request: web.Request, member: StaffMember) -> web.StreamResponse:
    on = (await body(request, {"on": bool}))["on"]
    await _operators(request).typing(member, _id(request), on=on)
    return _json({"on": on})


async def _call_backs(request: web.Request, _member: StaffMember) -> web.StreamResponse:
    state = _state(request.query.get("state", CallState.OPEN), tuple(CallState))
    return _json({"call_backs": await _operators(request).call_backs(state)})


async def _finish_call_back(request: web.Request, member: StaffMember) -> web.StreamResponse:
    data = await body(request, {"state": str, "note?": str})
    state = _state(data["state"], (CallState.DONE, CallState.FAILED))
    reference = request.match_info["reference"]
    await _operators(request).finish_call_back(member, reference, state, data.get("note"))
    return _json({"state": state})


_ONE = "/api/staff/conversations/{id}"
ROUTES = (
    Route("GET", "/api/staff/me", Permission.SELF, _me, "Who one is, and how the desk is."),
    Route(
        "PUT",
        "/api/staff/presence",
        Permission.DESK,
        _presence,
        "At the desk, to be said again before presence_seconds are over; or not.",
        {"on": bool},
    ),
    Route(
        "GET",
        "/api/staff/conversations",
        Permission.DESK,
        _conversations,
        "Those who wait (state=waiting), one's own (mine), for supervisors also all operators' (person) and the bot's.",
        errors=(400,),
        query=("state",),
    ),
    Route(
        "GET",
        _ONE,
        Permission.DESK,
        _conversation,
        "One that waits, is one's own or has an open call-back, with the messages after `after`, numbers masked;"
        " as_written=1 shows them, which is put on record.",
        errors=(400, 403, 404),
        query=("after", "as_written"),
    ),
    Route(
        "POST", f"{_ONE}/claim", Permission.DESK, _claim, "Take one who waits; one of many gets him.", errors=(404, 409)
    ),
    Route(
        "POST",
        f"{_ONE}/messages",
        Permission.DESK,
        _answer,
        "Write to the resident; the same key again is the same message.",
        {"key": str, "text": str},
        (400, 404, 409),
    ),
    Route(
        "POST",
        f"{_ONE}/fit",
        Permission.DESK,
        _fit,
        "How many messages a draft would take, with what waits before it, and whether all may be sent now; nothing is"
        " stored.",
        {"text": str},
        (400, 404, 409),
    ),
    Route("POST", f"{_ONE}/give-back", Permission.DESK, _give_back, "To the assistant.", errors=(404, 409)),
    Route("POST", f"{_ONE}/close", Permission.DESK, _close, "The conversation is done.", errors=(404, 409)),
    Route(
        "POST",
        f"{_ONE}/typing",
        Permission.DESK,
        _typing,
        "Show the resident that one is writing.",
        {"on": bool},
        (400, 404, 409),
    ),
    Route(
        "GET",
        "/api/staff/call-backs",
        Permission.CALL_BACKS,
        _call_backs,
        "The call-backs: open ones, or by state.",
        errors=(400,),
        query=("state",),
    ),
    Route(
        "POST",
        "/api/staff/call-backs/{reference}",
        Permission.CALL_BACKS,
        _finish_call_back,
        "A call-back is done or has failed.",
        {"state": str, "note?": str},
        (400, 404, 409),
    ),
)


def _operators(request: web.Request) -> Operators:
    return request.app[HANDOVER].operators


def _json(data: dict[str, Any]) -> web.Response:
    # Residents' words: in no cache, also not in the one of the operator's browser.
    return web.json_response(data, headers={"Cache-Control": "no-store"})


async def body(request: web.Request, fields: Fields) -> dict[str, Any]:
    """The request's object, checked. RequestError naming what is wrong."""
    if request.content_type != "application/json":
        raise RequestError(Code.UNSUPPORTED_TYPE, "send application/json", 415)
    data = parse_body(await request.read())
    for name, wanted in fields.items():
        value = data.get(name.rstrip("?"))
        if value is None and name.endswith("?"):
            continue
        if type(value) is not wanted:
            raise RequestError(Code.BAD_FIELD, f"{name.rstrip('?')} must be a {wanted.__name__}")
    return data


def _id(request: web.Request) -> uuid.UUID:
    try:
        return uuid.UUID(hex=request.match_info["id"])
    except ValueError:
        raise RequestError(Code.UNKNOWN_CONVERSATION, "there is no such conversation", 404) from None


def _number(request: web.Request, name: str) -> int:
    text = request.query.get(name, "0")
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise RequestError(Code.BAD_FIELD, f"{name} must be a number")
    return int(text)


def _state(text: str, allowed: tuple[CallState, ...]) -> CallState:
    if text not in allowed:
        raise RequestError(Code.BAD_FIELD, f"state must be one of {', '.join(allowed)}")
    return CallState(text)
