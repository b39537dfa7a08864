"""The page of one appointment and what it asks for: no account, no cookie, nothing that is kept in the browser.

The link's token is exchanged for a session of a quarter of an hour, which shows the card; the patient's date of birth
for one that also changes it. A session that is older than the appointment's present link is worth nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from aiohttp import web

from bot.appointments import guesses, ics, links, page_words
from bot.appointments import provider as providers
from bot.appointments.bookings import RESIDENT, Appointment, Bookings, TooLate
from bot.appointments.contents import LANGUAGES
from bot.appointments.links import Link, Purpose
from bot.channels.web import appointment_view as views
from bot.channels.web import fields
from bot.channels.web.assets import ASSETS
from bot.channels.web.errors import expectation
from bot.channels.web.gate import NOT_KEPT, json_response, read_object
from bot.channels.web.keys import BOOKING_VOICE, BOOKINGS, SETTINGS, TOKENS, address
from bot.channels.web.limits import RateLimiter
from bot.channels.web.tries import Tries
from bot.channels.web.visitor import bad_token, bearer
from bot.errors import Code, ContentError, RequestError, StartError
from bot.settings import ROOT

API = "/api/appointment/"
TOKEN_LIMIT = 200
KEY_LIMIT = 64
OPENING_LIMIT = 120
_SESSIONS = (Purpose.VIEW, Purpose.CHANGE)
_PAGE = "/pages/appointment.html"
# Ten minutes: the words change with a release.
_WORDS_CACHE = "public, max-age=600"
# A family opens a link some times from one address, and a hospital's wireless network has many families.
_OPENED_PER_MINUTE, _OPENED_BURST = 30, 30
_CALLS_PER_MINUTE, _CALLS_BURST = 60, 30
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_PAGE_HEADERS = {
    **NOT_KEPT,
    "Content-Security-Policy": _CSP,
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
}


@dataclass(frozen=True)
class Desk:
    """What the routes share beside the bookings. `public_url` is empty where none is set."""

    words: Mapping[str, page_words.Words]
    public_url: str
    opened: RateLimiter
    calls: RateLimiter
    tries: Tries

    @staticmethod
    def load(folder: Path, public_url: str) -> Desk:
        """StartError when a file of the folder is not as it should be."""
        try:
            words = page_words.load(folder)
        except ContentError as error:
            raise StartError(str(error)) from error
        opened = RateLimiter(_OPENED_PER_MINUTE, _OPENED_BURST)
        return Desk(words, public_url, opened, RateLimiter(_CALLS_PER_MINUTE, _CALLS_BURST), Tries())


DESK: web.AppKey[Desk] = web.AppKey("appointment_desk", Desk)


async def page(request: web.Request) -> web.Response:
    """GET /appointment: the same for everybody; which appointment it is stands in the fragment alone."""
    asset = request.app[ASSETS][_PAGE]
    return web.Response(body=asset.body, headers={**_PAGE_HEADERS, "Content-Type": asset.type})


async def words(request: web.Request) -> web.Response:
    """GET /api/appointment/words?language="""
    chosen, desk = _language(request.query), request.app[DESK]
    said = {"language": chosen, "words": desk.words[chosen], "chinese": desk.words["zh"]}
    return json_response(said, headers={"Cache-Control": _WORDS_CACHE})


async def open_link(request: web.Request) -> web.Response:
    """POST /api/appointment/open"""
    _slow_down(request.app[DESK].opened, address(request))
    token = fields.needed_text(await read_object(request), "token", TOKEN_LIMIT)
    one = await _appointment(request, _read(request, token, Purpose.LINK))
    return _session(request, one, Purpose.VIEW)


async def verify(request: web.Request) -> web.Response:
    """POST /api/appointment/verify"""
    one = await _admitted(request, *_SESSIONS)
    born, bookings = _born(await read_object(request)), request.app[BOOKINGS]
    with request.app[DESK].tries.one(address(request), time.monotonic()):
        wait = await guesses.begin(bookings.database, one.id, bookings.clock())
        if wait is not None:
            raise RequestError(Code.RATE_LIMITED, "too many wrong dates of birth", 429, retry_after_seconds=wait)
        if born != one.patient.born:
            raise RequestError(Code.UNKNOWN_CODE, "this is not the patient's date of birth", 403)
    await guesses.forget(bookings.database, one.id)
    return _session(request, one, Purpose.CHANGE)


async def openings(request: web.Request) -> web.Response:
    """GET /api/appointment/openings"""
    one, bookings = await _admitted(request, Purpose.CHANGE), request.app[BOOKINGS]
    with _translated():
        found = await bookings.openings(one.department, one.hospital)
    return json_response(views.openings(found, one, bookings.catalogue))


async def change(request: web.Request) -> web.Response:
    """POST /api/appointment/change"""
    one, data = await _admitted(request, Purpose.CHANGE), await read_object(request)
    opening_id = fields.needed_text(data, "opening", OPENING_LIMIT)
    key = views.change_key(one.id, fields.needed_text(data, "key", KEY_LIMIT))
    with _translated():
        moved = await _moved(request.app[BOOKINGS], one, opening_id, key)
    await _tell(request, one, moved)
    return _session(request, moved, Purpose.CHANGE)


async def _moved(bookings: Bookings, one: Appointment, opening_id: str, key: str) -> Appointment:
    opening = await bookings.opening(one.hospital, opening_id)
    if opening is None or opening.department != one.department:
        raise providers.SlotGone
    held = await bookings.hold(one.conversation_id, one.hospital, opening_id, key)
    try:
        return await bookings.move(one.id, held, key)
    except TooLate:
        await bookings.release(one.hospital, key)
        raise


async def cancel(request: web.Request) -> web.Response:
    """POST /api/appointment/cancel"""
    one = await _admitted(request, Purpose.CHANGE)
    await read_object(request)
    with _translated():
        cancelled = await request.app[BOOKINGS].cancel(one.id, RESIDENT)
    await _tell(request, one, cancelled)
    return _session(request, cancelled, Purpose.CHANGE)


async def _tell(request: web.Request, before: Appointment, after: Appointment) -> None:
    """The conversation that booked it is told once."""
    voice = request.app.get(BOOKING_VOICE)
    if voice is not None and (before.state, before.starts_at) != (after.state, after.starts_at):
        await voice.changed(after)


async def intake_lists(request: web.Request) -> web.Response:
    """GET /api/appointment/intake?language="""
    one, chosen = await _admitted(request, Purpose.CHANGE), _language(request.query)
    return json_response({"lists": views.lists(request.app[BOOKINGS].intake, chosen), "picked": views.picked(one)})


async def save_intake(request: web.Request) -> web.Response:
    """POST /api/appointment/intake"""
    one, data = await _admitted(request, Purpose.CHANGE), await read_object(request)
    with _translated():
        await request.app[BOOKINGS].set_intake(one.id, _picked(data), RESIDENT)
    return web.Response(status=204, headers=NOT_KEPT)


async def calendar(request: web.Request) -> web.Response:
    """POST /api/appointment/card.ics"""
    one = await _admitted(request, *_SESSIONS)
    chosen, bookings = _language(await read_object(request)), request.app[BOOKINGS]
    entry = views.calendar_entry(one, bookings.catalogue, chosen)
    body = ics.write(entry, request.app[DESK].words[chosen], bookings.clock())
    headers = {**NOT_KEPT, "Content-Disposition": f'attachment; filename="{one.reference}.ics"'}
    return web.Response(body=body, content_type="text/calendar", charset="utf-8", headers=headers)


async def _admitted(request: web.Request, *purposes: Purpose) -> Appointment:
    """The one gate to an appointment. RequestError 401, 403 when the date of birth is still needed, 429."""
    link = _read(request, bearer(request.headers.get("Authorization")), *_SESSIONS)
    _slow_down(request.app[DESK].calls, link.appointment_id.hex)
    one = await _appointment(request, link)
    if link.purpose not in purposes:
        raise RequestError(Code.FORBIDDEN, "the patient's date of birth is needed for this", 403)
    return one


async def _appointment(request: web.Request, link: Link) -> Appointment:
    """RequestError 401 when it is gone, or has been given a newer link."""
    one = await request.app[BOOKINGS].appointment(link.appointment_id)
    if one is None or one.link_number != link.link_number:
        raise bad_token()
    return one


def _read(request: web.Request, token: str, *purposes: Purpose) -> Link:
    link = links.read(request.app[TOKENS].keys, token, purposes, request.app[BOOKINGS].clock())
    if link is None:
        raise bad_token()
    return link


def _slow_down(limiter: RateLimiter, client: str) -> None:
    wait = limiter.take(client, time.monotonic())
    if wait is not None:
        raise RequestError(Code.RATE_LIMITED, f"too many calls; try again in {wait} s", 429, retry_after_seconds=wait)


def _session(request: web.Request, one: Appointment, purpose: Purpose) -> web.Response:
    """A new session with the card. The link's token is told too: that of a later day ends later."""
    bookings, keys = request.app[BOOKINGS], request.app[TOKENS].keys
    now = bookings.clock()
    token = links.link(keys, one.id, one.link_number, one.starts_at)
    link = links.address(request.app[DESK].public_url, token)
    view = views.View(one, bookings.catalogue, now, link, known=purpose is Purpose.CHANGE)
    said = {
        "session": links.make(keys, one.id, one.link_number, now + links.SESSION_LIFE, purpose),
        "expires_in": int(links.SESSION_LIFE.total_seconds()),
        "token": token,
        "appointment": view.to_json(),
    }
    return json_response(said)


@contextmanager
def _translated() -> Iterator[None]:
    """What can be in the way of a change, as what a client is told."""
    try:
        yield
    except providers.SlotGone:
        raise RequestError(Code.ALREADY_CLAIMED, "this time is no longer free", 409) from None
    except TooLate:
        raise RequestError(Code.WRONG_STATE, "it can no longer be changed or cancelled here", 409) from None
    except providers.ProviderError:
        message = "the hospital's system does not answer"
        raise RequestError(Code.UNAVAILABLE, message, 503, retry_after_seconds=30) from None


def _language(data: Mapping[str, Any]) -> str:
    value = data.get("language", page_words.FIRST)
    if not isinstance(value, str) or value not in LANGUAGES:
        raise fields.bad_field(f"language must be one of {', '.join(LANGUAGES)}")
    return value


def _born(data: Mapping[str, Any]) -> date:
    try:
        return date.fromisoformat(fields.needed_text(data, "born", len("1990-05-17")))
    except ValueError:
        raise fields.bad_field("born must be a date like 1990-05-17") from None


def _picked(data: Mapping[str, Any]) -> dict[str, list[str]]:
    """Of the right kind; whether the lists have it is asked of them."""
    picked = data.get("picked")
    if not isinstance(picked, dict) or not all(_is_texts(keys) for keys in picked.values()):
        raise fields.bad_field("picked must be an object of lists of entries")
    return picked


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def add_routes(app: web.Application, folder: Path = ROOT / "data" / "booking") -> None:
    """Needs BOOKINGS, TOKENS, SETTINGS and the assets. StartError when the page's words are not as they should be."""
    app[DESK] = Desk.load(folder, app[SETTINGS].public_url)
    app.router.add_get(links.PATH, page, expect_handler=expectation)
    for name, handler in {"words": words, "openings": openings, "intake": intake_lists}.items():
        app.router.add_get(f"{API}{name}", handler, expect_handler=expectation)
    posts = {
        "open": open_link,
        "verify": verify,
        "change": change,
        "cancel": cancel,
        "intake": save_intake,
        "card.ics": calendar,
    }
    for name, handler in posts.items():
        app.router.add_post(f"{API}{name}", handler, expect_handler=expectation)
