"""What is the resident's own: the notice accepted, transcript, call-back, going on elsewhere, export, erasure."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime

from aiohttp import web

from bot.bus import DESK, conversation_topic
from bot.channels.web import fields
from bot.channels.web.errors import expectation
from bot.channels.web.gate import NOT_KEPT, done, json_response, proof_if_needed, read_object, visitor
from bot.channels.web.keys import BOOKINGS, SERVICE, SETTINGS, TOKENS, address
from bot.channels.web.proof import Effort
from bot.channels.web.sites import check_origin
from bot.channels.web.texts import TEXTS, interface_language
from bot.channels.web.tries import Tries
from bot.conversations import consents, history, transcript, transfers
from bot.conversations.handover import WORDS_LIMIT
from bot.errors import Code, RequestError
from bot.keeping import privacy
from bot.keeping.erasing import Cause
from bot.keeping.trackers import Trackers, TrackerTable, place
from bot.languages import DEFAULT, LANGUAGES

Route = Callable[[web.Request], Awaitable[web.Response]]
Welcome = Callable[[web.Request, uuid.UUID, uuid.UUID], Awaitable[web.Response]]
TRIES: web.AppKey[Tries] = web.AppKey("tries", Tries)
TRACKERS: web.AppKey[Trackers] = web.AppKey("trackers", Trackers)
CODE_LIMIT = 40


async def notice(request: web.Request) -> web.Response:
    """POST /api/widget/notice"""
    who, data = await visitor(request), await read_object(request)
    version = fields.needed_text(data, "version")
    if version != request.app[TEXTS].version:
        raise fields.bad_field("version is not the present one; fetch the configuration again")
    service = request.app[SERVICE]
    await consents.accept(service.database, who.conversation, version, service.clock())
    return done()


async def write_transcript(request: web.Request) -> web.Response:
    """GET /api/widget/transcript?language="""
    who, service = await visitor(request), request.app[SERVICE]
    language = request.query.get("language")
    if language is None:
        language = await _language(request, who.conversation)
    elif language not in LANGUAGES:
        raise fields.bad_field(f"language must be one of {', '.join(LANGUAGES)}")
    words, now = request.app[TEXTS].words[interface_language(language)], service.clock()
    text = await transcript.write(service.database, who.conversation, service.renderer(), language, words, now)
    return _attachment(text, "text/plain", f"linli-{_day(now)}.txt")


async def export(request: web.Request) -> web.Response:
    """GET /api/widget/export"""
    who, service = await visitor(request), request.app[SERVICE]
    bookings = request.app.get(BOOKINGS)
    vault = bookings.vault if bookings is not None else None
    data = await privacy.export(service.database, who.conversation, vault)
    text = json.dumps(data, ensure_ascii=False, indent=2)
    return _attachment(text, "application/json", f"linli-{_day(service.clock())}.json")


def _attachment(text: str, kind: str, name: str) -> web.Response:
    headers = {**NOT_KEPT, "Content-Disposition": f'attachment; filename="{name}"'}
    return web.Response(body=text.encode("utf-8", "replace"), content_type=kind, charset="utf-8", headers=headers)


async def call_back(request: web.Request) -> web.Response:
    """POST /api/widget/callback"""
    who, data = await visitor(request), await read_object(request)
    language = fields.language(data) or await _language(request, who.conversation)
    receipt = await request.app[SERVICE].handover.request_call_back(
        who.conversation,
        fields.needed_text(data, "contact"),
        fields.needed_text(data, "value"),
        fields.text(data, "words", WORDS_LIMIT),
        language,
    )
    return json_response(
        {"reference": receipt.reference, "promised": receipt.promised.isoformat(), "text": receipt.text}
    )


async def leave_queue(request: web.Request) -> web.Response:
    """POST /api/widget/leave-queue"""
    who = await visitor(request)
    owner = await request.app[SERVICE].handover.leave(who.conversation)
    return json_response({"owner": owner.value})


async def code(request: web.Request) -> web.Response:
    """POST /api/widget/code"""
    who, service = await visitor(request), request.app[SERVICE]
    issued = await transfers.issue(service.database, who.conversation, service.clock())
    return json_response({"code": issued.code, "expires_at": issued.expires_at.isoformat()})


def redeeming(welcome: Welcome) -> Route:
    async def redeem(request: web.Request) -> web.Response:
        """POST /api/widget/code/redeem"""
        check_origin(request, needed=True)
        data = await read_object(request)
        written = fields.needed_text(data, "code", CODE_LIMIT)
        proof_if_needed(request, data, Effort.SESSION)
        service = request.app[SERVICE]
        with request.app[TRIES].one(address(request), time.monotonic()):
            taken = await transfers.redeem(service.database, written, service.clock())
            if taken is None:
                raise RequestError(Code.UNKNOWN_CODE, "there is no such code, or no longer", 404)
        return await welcome(request, taken.conversation, taken.device)

    return redeem


async def erase(request: web.Request) -> web.Response:
    """POST /api/widget/erase: asked for without `confirm`, done with it."""
    who, data = await visitor(request), await read_object(request)
    service, keys = request.app[SERVICE], request.app[TOKENS].keys
    now, confirm = service.clock(), fields.text(data, "confirm")
    if confirm is None:
        token = privacy.confirm_token(keys[0], who.conversation, now)
        return json_response({"confirm": token, "expires_in": privacy.CONFIRM_SECONDS})
    if not any(privacy.check(key, who.conversation, confirm, now) for key in keys):
        raise fields.bad_field("confirm is not what was given, or too old; ask again")
    receipt = await privacy.erase(service.database, request.app[TRACKERS], who.conversation, Cause.RESIDENT, now)
    await _tell_gone(request, who.conversation)
    return json_response({"receipt": receipt.receipt, "erased_at": receipt.erased_at.isoformat()})


async def _tell_gone(request: web.Request, conversation: uuid.UUID) -> None:
    """Other tabs, and the operators, who may have had it in their list."""
    bus = request.app[SERVICE].bus
    await bus.publish(conversation_topic(conversation), {"event": "gone"})
    await bus.publish(DESK, {"event": "queue"})


async def _language(request: web.Request, conversation: uuid.UUID) -> str:
    state = await history.state(request.app[SERVICE].database, conversation)
    return (state.language if state is not None else None) or DEFAULT


def _day(now: datetime) -> str:
    return transcript.moment(now)[:10]


_GETS: dict[str, Route] = {"transcript": write_transcript, "export": export}
_POSTS: dict[str, Route] = {
    "notice": notice,
    "callback": call_back,
    "leave-queue": leave_queue,
    "code": code,
    "erase": erase,
}


def add_routes(app: web.Application, welcome: Welcome) -> None:
    app[TRIES] = Tries()
    settings, service = app[SETTINGS], app[SERVICE]
    # Where no engine runs its rows are deleted here; where one runs it is asked to, or told by the sweep.
    app[TRACKERS] = TrackerTable(place(settings)) if settings.engine_workers == 0 else service.engine
    for path, handler in _GETS.items():
        app.router.add_get(f"/api/widget/{path}", handler, expect_handler=expectation)
    for path, handler in {**_POSTS, "code/redeem": redeeming(welcome)}.items():
        app.router.add_post(f"/api/widget/{path}", handler, expect_handler=expectation)
