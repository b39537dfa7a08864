"""The widget's interface but for real time (docs/api.md): sessions, settings, and what is said of answers."""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import Any

from aiohttp import web

from bot.bus import conversation_topic
from bot.channels.web import assets, belongings, fields, sites
from bot.channels.web.errors import expectation
from bot.channels.web.gate import (
    CALLS,
    DOORKEEPER,
    done,
    json_response,
    proof_if_needed,
    read_object,
    visitor,
)
from bot.channels.web.keys import HUB, SERVICE, SETTINGS, TOKENS
from bot.channels.web.limits import RateLimiter
from bot.channels.web.proof import LIFE as PROOF_LIFE
from bot.channels.web.proof import Doorkeeper, Effort, Proofs
from bot.channels.web.sites import SITES, Sites, check_origin
from bot.channels.web.texts import TEXTS, Days, Texts, endonyms, interface_language
from bot.channels.web.topics import TOPICS, Topics
from bot.channels.web.visitor import LIFE, bad_token
from bot.conversations import consents, feedback, store, visits
from bot.conversations.transcript import moment
from bot.db.engine import transaction
from bot.errors import Code, ContentError, RequestError, StartError
from bot.keeping import notices
from bot.languages import ANSWERED
from bot.settings import ROOT, Settings

__all__ = ["add_routes", "json_response", "proof_if_needed", "visitor"]

CHANNEL = "web"
# Acks, thumbs and the like come several to a message.
_CALLS_PER_MESSAGE = 5
COMMENT_LIMIT = 500
SITE_LIMIT = 40
_OFF_SECONDS = 300


async def session(request: web.Request) -> web.Response:
    """POST /api/widget/session: a new conversation, or the one of a token that may still be renewed."""
    data = await read_object(request)
    token, site = fields.text(data, "token"), fields.text(data, "site", SITE_LIMIT)
    language = fields.language(data)
    fields.text(data, "page"), fields.text(data, "locale")
    request.app[SITES].site(site)
    check_origin(request, site or sites.DEFAULT_SITE, needed=token is None)
    if token is not None:
        return await _renewed(request, token)
    _refuse_when_off(request, language)
    proof_if_needed(request, data, Effort.SESSION)
    service = request.app[SERVICE]
    thread = await store.open_conversation(service.database, CHANNEL, site, language, service.clock())
    device = await visits.begin(service.database, thread.id, service.clock())
    return await welcome(request, thread.id, device)


def _refuse_when_off(request: web.Request, language: str | None) -> None:
    words = request.app[SERVICE].switches.widget_off(interface_language(language))
    if words is not None:
        raise RequestError(Code.UNAVAILABLE, words, 503, retry_after_seconds=_OFF_SECONDS)


async def _renewed(request: web.Request, token: str) -> web.Response:
    service = request.app[SERVICE]
    shown = request.app[TOKENS].read(token)
    if not shown.renewable(service.clock()):
        raise bad_token()
    generation = await visits.renew(service.database, shown.conversation, shown.device, shown.generation)
    if generation is None:
        raise bad_token()
    return await welcome(request, shown.conversation, shown.device, generation)


async def welcome(
    request: web.Request, conversation: uuid.UUID, device: uuid.UUID, generation: int = 0
) -> web.Response:
    """The device's token of this generation and how the conversation stands."""
    service = request.app[SERVICE]
    state = await request.app[HUB].state(conversation)
    if state is None:
        raise bad_token()
    return json_response(
        {
            "token": request.app[TOKENS].sign(conversation, device, generation, service.clock()),
            "expires_in": int(LIFE.total_seconds()),
            **{name: state[name] for name in ("owner", "language", "last_seq", "seen_seq", "queue")},
            "notice_version": await consents.accepted(service.database, conversation),
        }
    )


async def config(request: web.Request) -> web.Response:
    """GET /api/widget/config: everything the panel shows before a message is there."""
    site, language = _site(request), interface_language(request.query.get("language"))
    texts, service = request.app[TEXTS], request.app[SERVICE]
    notice = texts.notices[language]
    page = request.app[SITES].site(site).topics(request.query.get("page"))
    widget_off, bot_off = service.switches.widget_off(language), service.switches.bot_off(language)
    return _tagged(
        request,
        {
            "language": language,
            "languages": endonyms(),
            "notice": {
                "version": texts.version,
                "ai": notice.ai,
                "privacy": notice.privacy,
                "url": notice.url,
            },
            "topics": request.app[TOPICS].of(page, language),
            "notices": await _notices(request, site, language),
            "switches": {"widget": widget_off is None, "bot": bot_off is None, "text": widget_off or bot_off},
            "desk": _desk(request, language),
            "limits": {"text": request.app[SETTINGS].text_limit_characters},
        },
    )


async def banners(request: web.Request) -> web.Response:
    """GET /api/widget/notices: what the loader must know before anybody opens the panel."""
    site, language = _site(request), interface_language(request.query.get("language"))
    off = request.app[SERVICE].switches.widget_off(language)
    found = await _notices(request, site, language)
    return _tagged(request, {"widget": off is None, "text": off, "notices": found})


def _site(request: web.Request) -> str:
    """The site that a query names. RequestError 400, 403."""
    site = request.query.get("site", sites.DEFAULT_SITE)
    request.app[SITES].site(site)
    check_origin(request, site)
    return site


async def _notices(request: web.Request, site: str, language: str) -> list[dict[str, Any]]:
    service = request.app[SERVICE]
    async with transaction(service.database) as connection:
        found = await notices.current(connection, site, service.clock())
    return [
        {
            "id": str(one.id),
            "severity": one.severity.value,
            "text": one.text(language),
            "until": one.ends_at.isoformat(),
        }
        for one in found
    ]


def _desk(request: web.Request, language: str) -> dict[str, Any]:
    """The desk says it itself in the languages that it speaks; in the widget's other five it is said here."""
    service, texts = request.app[SERVICE], request.app[TEXTS]
    state = service.handover.state(language)
    if language in ANSWERED:
        return state
    opens = service.handover.desk.opens(service.clock())
    if state["open"] or opens is None:
        return {**state, "text": texts.say(language, "desk_open" if state["open"] else "desk_closed")}
    return {**state, "text": texts.say(language, "desk_closed_until", date=moment(opens))}


def _tagged(request: web.Request, data: dict[str, Any]) -> web.Response:
    """Asked for again each time, sent again only when it is another."""
    tag = f'"{hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:24]}"'
    headers = {"ETag": f"W/{tag}", "Cache-Control": "no-cache"}
    if assets.matches(request.headers.get("If-None-Match"), tag):
        return web.Response(status=304, headers=headers)
    return json_response(data, headers=headers)


async def language(request: web.Request) -> web.Response:
    """POST /api/widget/language"""
    who, data = await visitor(request), await read_object(request)
    chosen, service = fields.language(data), request.app[SERVICE]
    if chosen is None:
        raise fields.bad_field("language is needed")
    if not await visits.choose_language(service.database, who.conversation, chosen, service.clock()):
        raise bad_token()
    await service.bus.publish(conversation_topic(who.conversation), {"event": "state"})
    return json_response({"language": chosen})


async def ack(request: web.Request) -> web.Response:
    """POST /api/widget/ack"""
    who, data = await visitor(request), await read_object(request)
    await visits.seen(request.app[SERVICE].database, who.conversation, fields.number(data, "seq"))
    return done()


async def thumb(request: web.Request) -> web.Response:
    """POST /api/widget/feedback"""
    who, data = await visitor(request), await read_object(request)
    value = fields.optional_word(data, "value", feedback.Thumb)
    reason = fields.optional_word(data, "reason", feedback.Reason)
    if "value" not in data:
        raise fields.bad_field("value is needed; null takes the thumb back")
    if reason is not None and value is not feedback.Thumb.DOWN:
        raise fields.bad_field("a reason belongs to a thumb down")
    service = request.app[SERVICE]
    seq = fields.number(data, "seq")
    await feedback.give_thumb(service.database, who.conversation, seq, value, reason, service.clock())
    return done()


async def rating(request: web.Request) -> web.Response:
    """POST /api/widget/rating"""
    who, data = await visitor(request), await read_object(request)
    whom = fields.word(data, "who", feedback.Who)
    stars = fields.number(data, "stars", 1, 5)
    comment = (fields.text(data, "comment", COMMENT_LIMIT) or "").strip() or None
    service = request.app[SERVICE]
    await feedback.rate(service.database, who.conversation, whom, stars, comment, service.clock())
    return done()


async def proof(request: web.Request) -> web.Response:
    """GET /api/widget/proof"""
    keeper = request.app[DOORKEEPER]
    challenge = keeper.proofs.challenge(request.app[SERVICE].clock())
    seconds = int(PROOF_LIFE.total_seconds())
    return json_response({"challenge": challenge, "bits": keeper.proofs.bits, "expires_in": seconds})


def add_routes(app: web.Application) -> None:
    """Needs SERVICE, SETTINGS, TOKENS and HUB in the app. StartError for a data file that is not as it should be."""
    _prepare(app)
    belongings.add_routes(app, welcome)
    for path, handler in (("config", config), ("notices", banners), ("proof", proof)):
        app.router.add_get(f"/api/widget/{path}", handler, expect_handler=expectation)
    for path, handler in (
        ("session", session),
        ("language", language),
        ("ack", ack),
        ("feedback", thumb),
        ("rating", rating),
    ):
        app.router.add_post(f"/api/widget/{path}", handler, expect_handler=expectation)


def _prepare(app: web.Application) -> None:
    settings: Settings = app[SETTINGS]
    days = Days(settings.retention_anonymous_days, settings.retention_identified_days)
    try:
        app[SITES] = Sites.load(settings.sites_file)
        app[TEXTS] = Texts.load(ROOT / "data" / "widget", days)
        app[TOPICS] = Topics.load(ROOT / "data" / "topics.yml", app[SITES])
    except ContentError as error:
        raise StartError(str(error)) from error
    app[CALLS] = RateLimiter(settings.rate_per_minute * _CALLS_PER_MESSAGE, settings.rate_burst * _CALLS_PER_MESSAGE)
    app[DOORKEEPER] = Doorkeeper.of(
        Proofs(app[TOKENS].keys[0].encode(), settings.proof_bits),
        app[SERVICE].clock,
        sessions_per_minute=settings.sessions_per_minute,
        rate_per_minute=settings.rate_per_minute,
        burst=settings.rate_burst,
    )
