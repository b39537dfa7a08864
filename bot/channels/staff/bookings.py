"""What a hospital's booking clerks do from their page: the day, one appointment, sessions, interpreters, the export."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, TypeVar

from aiohttp import web

from bot.appointments import desk_due
from bot.appointments.desk import News
from bot.appointments.desk_drafts import drafted, known_hospital, parsed_day, parsed_languages, parsed_name
from bot.appointments.desk_rows import Opened, Range, Scope
from bot.appointments.desk_views import SHEET_TITLE, Views
from bot.appointments.desk_words import PARTS, REASONS, CancelReason, language_zh
from bot.appointments.readings import Part
from bot.appointments.side import HospitalSide
from bot.appointments.store import State, WishState
from bot.channels.staff.access import Permission, gate
from bot.channels.staff.routes import Fields, Route, body
from bot.channels.web.errors import expectation
from bot.channels.web.gate import NOT_KEPT, json_response
from bot.errors import Code, RequestError
from bot.handoff.hours import CITY_TIME
from bot.handoff.staff import StaffMember
from bot.languages import CODES

SIDE: web.AppKey[HospitalSide] = web.AppKey("hospital_side", HospitalSide)
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
E = TypeVar("E", bound=StrEnum)


async def _choices(request: web.Request, _member: StaffMember) -> web.StreamResponse:
    catalogue = _side(request).views.catalogue
    return json_response(
        {
            "hospitals": [
                {
                    "key": one.key,
                    "zh": one.name_zh,
                    "campuses": [{"key": each.key, "zh": each.names["zh"]} for each in one.campuses],
                }
                for one in catalogue.hospitals.values()
            ],
            "departments": [
                {"key": one.key, "zh": one.sign_zh} for one in catalogue.departments.values() if not one.walk_in
            ],
            "parts": _named(PARTS),
            "reasons": _named(REASONS),
            "languages": [{"key": code, "zh": language_zh(code)} for code in CODES],
        }
    )


async def _appointments(request: web.Request, _member: StaffMember) -> web.StreamResponse:
    side, day = _side(request), parsed_day("day", request.query.get("day", ""))
    scope = _scope(request, Range(day, day))
    lines = [side.views.line(row) for row in await side.desk.listed(scope)]
    order = {key: number for number, key in enumerate(side.views.catalogue.departments)}
    # Stable: within a department they stay by time.
    lines.sort(key=lambda line: order.get(line["department"], len(order)))
    return json_response({"hospital": scope.hospital, "day": day.isoformat(), "appointments": lines})


async def _appointment(request: web.Request, member: StaffMember) -> web.StreamResponse:
    side = _side(request)
    return json_response(side.views.opened(await side.desk.opened(_id(request), member.name)))


async def _state(request: web.Request, member: StaffMember) -> web.StreamResponse:
    state = _one_of("state", State, (await body(request, _STATE_BODY))["state"])
    await _side(request).desk.mark(_id(request), state, member.name)
    return json_response({"state": state})


async def _cancel(request: web.Request, member: StaffMember) -> web.StreamResponse:
    reason = _one_of("reason", CancelReason, (await body(request, _CANCEL_BODY))["reason"])
    news = await _side(request).desk.cancel(_id(request), reason, member.name)
    await _publish(request, news)
    return json_response({"state": State.CANCELLED, "new": news is not None})


async def _acts(request: web.Request, _member: StaffMember) -> web.StreamResponse:
    found = await _side(request).desk.acts(_id(request))
    lines = [{"at": _city(row.at), "actor": row.actor, "action": row.action, "detail": row.detail} for row in found]
    return json_response({"acts": lines})


async def _export(request: web.Request, member: StaffMember) -> web.StreamResponse:
    side, cards = _side(request), request.query.get("cards") == "1"
    scope = _scope(request, _range(request))
    opened = await side.desk.exported(scope, member.name, cards=cards)
    file = await asyncio.to_thread(_workbook, side.views, opened, cards=cards)
    name = f"appointments-{scope.hospital}-{scope.days.first}-{scope.days.last}.xlsx"
    headers = {**NOT_KEPT, "Content-Disposition": f'attachment; filename="{name}"'}
    return web.Response(body=file, content_type=_XLSX, headers=headers)


def _workbook(views: Views, opened: Sequence[Opened], *, cards: bool) -> bytes:
    # Here and not above: it takes a while to import, and few processes ever export.
    from bot.appointments.sheet import workbook

    lines = [views.sheet_line(one, cards=cards) for one in opened]
    return workbook(SHEET_TITLE, views.headings(cards=cards), lines)


async def _sessions(request: web.Request, _member: StaffMember) -> web.StreamResponse:
    side = _side(request)
    found = await side.sessions.listed(_scope(request, _range(request)))
    return json_response({"sessions": [_session(side, row) for row in found]})


async def _add_session(request: web.Request, member: StaffMember) -> web.StreamResponse:
    side, data = _side(request), await body(request, _SESSION_BODY)
    added = await side.sessions.add(drafted(data, side.views.catalogue), member.name)
    made_up = [side.views.line(row) for row in added.made_up]
    return json_response({"id": added.id.hex, "new": added.new, "made_up": made_up})


async def _close_session(request: web.Request, member: StaffMember) -> web.StreamResponse:
    side, given = _side(request), (await body(request, _CLOSE_BODY)).get("cancel")
    reason = _one_of("cancel", CancelReason, given) if given is not None else None
    closed = await side.sessions.close(_id(request), member.name, reason)
    await _publish(request, *closed.news)
    affected = [side.views.line(row) for row in closed.affected]
    return json_response({"state": "closed", "affected": affected, "cancelled": len(closed.news)})


async def _open_session(request: web.Request, member: StaffMember) -> web.StreamResponse:
    await _side(request).sessions.open(_id(request), member.name)
    return json_response({"state": "open"})


async def _interpreters(request: web.Request, _member: StaffMember) -> web.StreamResponse:
    found = await _side(request).interpreters.roster()
    return json_response({"interpreters": [_interpreter(row) for row in found]})


async def _add_interpreter(request: web.Request, member: StaffMember) -> web.StreamResponse:
    data = await body(request, _INTERPRETER_BODY)
    languages = parsed_languages(data["languages"])
    if not languages:
        raise RequestError(Code.BAD_FIELD, "languages must name at least one")
    made = await _side(request).interpreters.add(parsed_name("name", data["name"]), languages, member.name)
    return json_response({"id": made.hex})


async def _change_interpreter(request: web.Request, member: StaffMember) -> web.StreamResponse:
    active = (await body(request, _ACTIVE_BODY))["active"]
    again = await _side(request).interpreters.set_active(_id(request), member.name, active=active)
    return json_response({"active": active, "wished_again": again})


async def _wishes(request: web.Request, _member: StaffMember) -> web.StreamResponse:
    side, given = _side(request), request.query.get("state")
    state = _one_of("state", WishState, given) if given is not None else None
    found = await side.interpreters.wishes(_scope(request, _range(request)), state)
    return json_response({"wishes": [side.views.line(row) for row in found]})


async def _settle_wish(request: web.Request, member: StaffMember) -> web.StreamResponse:
    data, interpreters = await body(request, _WISH_BODY), _side(request).interpreters
    if data["state"] == WishState.ASSIGNED:
        interpreter = _parsed_id(data.get("interpreter") or "", "interpreter")
        news = await interpreters.assign(_id(request), interpreter, member.name)
    elif data["state"] == WishState.DECLINED:
        news = await interpreters.decline(_id(request), member.name)
    else:
        raise RequestError(Code.BAD_FIELD, "state must be assigned, with an interpreter, or declined")
    await _publish(request, news)
    return json_response({"state": data["state"], "new": news is not None})


async def _purge(request: web.Request, _member: StaffMember) -> web.StreamResponse:
    side = _side(request)
    lines = await desk_due.preview(side.desk.database, side.rules, side.desk.clock())
    return json_response(
        {
            "lines": [
                {"thing": one.thing, "hospital": one.hospital, "days": one.days, "kept": one.kept, "due": one.due}
                for one in lines
            ]
        }
    )


_BASE = "/api/staff/bookings"
_ONE, _SESSION = f"{_BASE}/appointments/{{id}}", f"{_BASE}/sessions/{{id}}"
_STATE_BODY: Fields = {"state": str}
_CANCEL_BODY: Fields = {"reason": str}
_CLOSE_BODY: Fields = {"cancel?": str}
_INTERPRETER_BODY: Fields = {"name": str, "languages": list}
_ACTIVE_BODY: Fields = {"active": bool}
_WISH_BODY: Fields = {"state": str, "interpreter?": str}
_SESSION_BODY: Fields = {
    "key": str,
    "hospital": str,
    "campus?": str,
    "department": str,
    "day": str,
    "part": str,
    "from": str,
    "to": str,
    "minutes": int,
    "capacity": int,
    "fee_fen?": int,
    "clinician_zh?": str,
    "languages?": list,
    "international?": bool,
}
_DAYS = ("hospital", "first", "last", "department")
BOOKING_ROUTES = (
    Route(
        "GET",
        f"{_BASE}/choices",
        Permission.BOOKINGS,
        _choices,
        "Hospitals, departments, parts of the day, reasons and languages, with their Chinese words.",
    ),
    Route(
        "GET",
        f"{_BASE}/appointments",
        Permission.BOOKINGS,
        _appointments,
        "A hospital's day by department and time; no patient is named.",
        errors=(400,),
        query=("hospital", "day", "department"),
    ),
    Route(
        "GET",
        _ONE,
        Permission.BOOKINGS,
        _appointment,
        "One appointment with the patient and the intake card, in Chinese; who looks is put on record.",
        errors=(404,),
    ),
    Route(
        "POST",
        f"{_ONE}/state",
        Permission.BOOKINGS,
        _state,
        "The patient came (arrived), did not come (no_show), or neither after all (booked).",
        _STATE_BODY,
        (400, 404, 409),
    ),
    Route(
        "POST",
        f"{_ONE}/cancel",
        Permission.BOOKINGS,
        _cancel,
        "Take an appointment back, for one of the reasons; the resident is told.",
        _CANCEL_BODY,
        (400, 404, 409),
    ),
    Route(
        "GET",
        f"{_ONE}/acts",
        Permission.BOOKINGS,
        _acts,
        "Who looked at an appointment and who did what to it, also when it is gone.",
        errors=(404,),
    ),
    Route(
        "GET",
        f"{_BASE}/export",
        Permission.BOOKINGS,
        _export,
        "The appointments of 1 to 31 days with their patients as XLSX (cards=1: and intake cards); put on record.",
        errors=(400,),
        query=(*_DAYS, "cards"),
        gives=_XLSX,
    ),
    Route(
        "GET",
        f"{_BASE}/sessions",
        Permission.BOOKINGS,
        _sessions,
        "A hospital's clinic sessions on 1 to 31 days, and how full they are.",
        errors=(400,),
        query=_DAYS,
    ),
    Route(
        "POST",
        f"{_BASE}/sessions",
        Permission.BOOKINGS,
        _add_session,
        "Add a real session with its slots; the same key again is the same session.",
        _SESSION_BODY,
        (400,),
    ),
    Route(
        "POST",
        f"{_SESSION}/close",
        Permission.BOOKINGS,
        _close_session,
        "Nobody can book it any more; `affected` has its appointments, which `cancel`, a reason, takes back at once.",
        _CLOSE_BODY,
        (400, 404, 409),
    ),
    Route("POST", f"{_SESSION}/open", Permission.BOOKINGS, _open_session, "Open it again.", errors=(404, 409)),
    Route("GET", f"{_BASE}/interpreters", Permission.BOOKINGS, _interpreters, "The roster of interpreters."),
    Route(
        "POST",
        f"{_BASE}/interpreters",
        Permission.BOOKINGS,
        _add_interpreter,
        "Put somebody on the roster.",
        _INTERPRETER_BODY,
        (400, 409),
    ),
    Route(
        "POST",
        f"{_BASE}/interpreters/{{id}}",
        Permission.BOOKINGS,
        _change_interpreter,
        "Not active any more, or again; coming appointments of one who goes are wished for again.",
        _ACTIVE_BODY,
        (400, 404),
    ),
    Route(
        "GET",
        f"{_BASE}/wishes",
        Permission.BOOKINGS,
        _wishes,
        "The booked appointments of 1 to 31 days for which an interpreter is wished, by state or all.",
        errors=(400,),
        query=(*_DAYS, "state"),
    ),
    Route(
        "POST",
        f"{_BASE}/wishes/{{id}}",
        Permission.BOOKINGS,
        _settle_wish,
        "By the appointment's id: an interpreter comes (assigned) or none can (declined); the resident is told.",
        _WISH_BODY,
        (400, 404, 409),
    ),
    Route("GET", f"{_BASE}/purge", Permission.BOOKINGS, _purge, "What the next purge of booking deletes."),
)


def add_routes(app: web.Application) -> None:
    for route in BOOKING_ROUTES:
        handler = gate(route.permission, route.handler)
        app.router.add_route(route.method, route.path, handler, expect_handler=expectation)


def _side(request: web.Request) -> HospitalSide:
    side = request.app.get(SIDE)
    if side is None:
        raise RequestError(Code.UNAVAILABLE, "booking is not set up here", 503, 60)
    return side


async def _publish(request: web.Request, *news: News | None) -> None:
    told = [one for one in news if one is not None]
    if told:
        await _side(request).desk.herald.publish(told)


def _scope(request: web.Request, days: Range) -> Scope:
    """RequestError for a hospital or a department that is not there."""
    catalogue, department = _side(request).views.catalogue, request.query.get("department")
    if department is not None and department not in catalogue.departments:
        raise RequestError(Code.BAD_FIELD, "department must be one of the choices")
    return Scope(known_hospital(catalogue, request.query.get("hospital", "")).key, days, department)


def _range(request: web.Request) -> Range:
    first = parsed_day("first", request.query.get("first", ""))
    return Range(first, parsed_day("last", request.query.get("last", first.isoformat()))).check()


def _id(request: web.Request) -> uuid.UUID:
    return _parsed_id(request.match_info["id"], None)


def _parsed_id(text: str, field: str | None) -> uuid.UUID:
    try:
        return uuid.UUID(hex=text)
    except ValueError:
        if field is not None:
            raise RequestError(Code.BAD_FIELD, f"{field} must be an id") from None
        raise RequestError(Code.NOT_FOUND, "there is nothing of this id", 404) from None


def _one_of(name: str, kind: type[E], text: str) -> E:
    try:
        return kind(text)
    except ValueError:
        raise RequestError(Code.BAD_FIELD, f"{name} must be one of {', '.join(kind)}") from None


def _named(words: Mapping[Any, str]) -> list[dict[str, str]]:
    return [{"key": key, "zh": zh} for key, zh in words.items()]


def _session(side: HospitalSide, row: Any) -> dict[str, Any]:
    return {
        "id": row.id.hex,
        **side.views.place(row.hospital, row.campus, row.department),
        "day": row.day.isoformat(),
        "part": row.part,
        "part_zh": PARTS[Part(row.part)],
        "from": _hour(row.begins),
        "last_start": _hour(row.last_start),
        "minutes": row.minutes,
        "state": row.state,
        "fee_fen": row.fee_fen,
        "international": row.international,
        "demo": row.demo,
        "clinician_zh": row.name_zh or None,
        "languages": row.languages or [],
        "places": row.places or 0,
        "booked": row.booked,
        "held": row.held,
    }


def _interpreter(row: Any) -> dict[str, Any]:
    spoken = [{"key": code, "zh": language_zh(code)} for code in row.languages]
    return {"id": row.id.hex, "name": row.name, "languages": spoken, "active": row.active}


def _hour(instant: Any) -> str | None:
    return f"{instant.astimezone(CITY_TIME):%H:%M}" if instant is not None else None


def _city(instant: Any) -> str:
    return str(instant.astimezone(CITY_TIME).isoformat())
