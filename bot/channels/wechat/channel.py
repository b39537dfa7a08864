"""The channel's parts put together: what the server adds to itself when an account is set."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

import aiohttp
from aiohttp import web

from bot.channels.web import keys
from bot.channels.wechat import menus, routes
from bot.channels.wechat.account import Account
from bot.channels.wechat.answering import Answering
from bot.channels.wechat.api import WechatApi
from bot.channels.wechat.api_errors import ApiRefused, ApiUnknown, ApiUnreachable, MediaTooLarge
from bot.channels.wechat.delivery import Delivery
from bot.channels.wechat.inbound import Receiver
from bot.channels.wechat.notices import Notices
from bot.channels.wechat.people import Person
from bot.channels.wechat.reach import WechatReach
from bot.channels.wechat.routes import Callback
from bot.channels.wechat.scenes import Communities
from bot.channels.wechat.templates import Templates
from bot.channels.wechat.tokens import TokenKeeper
from bot.channels.wechat.upkeep import Upkeep
from bot.channels.wechat.voice import MOST_BYTES, Recogniser, RecogniserError, recogniser
from bot.channels.wechat.wire import open_session
from bot.channels.wechat.wishes import Wishes
from bot.conversations.service import ConversationService, Ears
from bot.errors import ContentError, StartError
from bot.keeping.trackers import Trackers
from bot.knowledge.files import load_offices
from bot.settings import ROOT, Settings
from bot.sweeper import Job

log = logging.getLogger("linli.wechat")

FOLDER = ROOT / "data" / "wechat"
_FINISH_SECONDS = 3.0


@dataclass(frozen=True)
class Channel:
    """`jobs` are the sweeper's; `close` waits for what is under way."""

    callback: Callback
    delivery: Delivery
    upkeep: Upkeep
    notices: Notices
    jobs: tuple[Job, ...]
    close: Callable[[], Awaitable[None]]

    def add_to(self, app: web.Application) -> None:
        app[routes.CALLBACK] = self.callback
        # Where doctors can be booked: the day before, whoever may not be written to gets a notice instead.
        voice = app.get(keys.BOOKING_VOICE)
        if voice is not None:
            voice.remind_too, voice.reminds = self.notices.appointment_near, self.notices.reminds
        routes.add_routes(app)


def build(
    settings: Settings,
    account: Account,
    service: ConversationService,
    session: aiohttp.ClientSession,
    trackers: Trackers,
) -> Channel:
    """StartError when one of the channel's files is not as it should be.

    The service gets its ears here, and its operators their reach.
    """
    try:
        wishes, communities = Wishes.load(FOLDER), Communities.load(FOLDER)
        templates = Templates.load(FOLDER) if account.kind.templates else Templates.off()
        menus.load(FOLDER)
        offices = load_offices(settings.knowledge_folder)
    except ContentError as error:
        raise StartError(f"data/wechat: {error}") from error
    database, clock = service.database, service.clock
    # Of its own: a connection that is used again may be closed by the platform at that moment, and then nobody knows
    # whether a message was sent (bot/channels/wechat/wire.py).
    calls = open_session()
    tokens = TokenKeeper(account, database, calls, service.holder, clock)
    api = WechatApi(account, tokens, calls) if account.kind.sends else None
    notices = Notices(database, api, templates, clock)
    delivery = Delivery(database, account, api, service.bus, service.locales, service.holder, clock)
    delivery.held, notices.told = notices.reply_waits, delivery.tell
    upkeep = Upkeep(database, delivery, trackers, service.holder, timedelta(seconds=settings.wechat_replay_seconds))
    delivery.resync_with(upkeep.look_again)

    async def forget(person: Person) -> None:
        await upkeep.forget(person, clock())

    receiver = Receiver(service, wishes, communities, offices, settings.wechat_language, forget, notices.heard)
    service.ears = _ears(api, recogniser(settings, session))
    service.handover.operators.reach = WechatReach(database, api is not None, delivery.shaper, clock)
    jobs = (
        Job("wechat_delivery", 3.0, upkeep.deliver),
        Job("wechat_tags", 30.0, upkeep.tag),
        Job("wechat_notices", 60.0, upkeep.remind),
        Job("wechat_memory", 600.0, upkeep.forget_old),
    )

    async def close() -> None:
        await delivery.finish(_FINISH_SECONDS)
        await tokens.close()
        await calls.close()

    answering = Answering(service, receiver, delivery, settings.wechat_passive_seconds)
    return Channel(Callback(account, answering), delivery, upkeep, notices, jobs, close)


def _ears(api: WechatApi | None, found: Recogniser | None) -> Ears | None:
    """A recording is fetched from the platform and given to the recogniser; whatever fails, it has no words."""
    if api is None or found is None:
        return None

    async def heard(media_id: str, language: str | None) -> str | None:
        try:
            media = await api.download(media_id, MOST_BYTES)
            return await found.recognise(media.data, language)
        except (ApiRefused, ApiUnknown, ApiUnreachable, MediaTooLarge, RecogniserError, TimeoutError) as error:
            log.warning("wechat_voice_failed type=%s", type(error).__name__)
            return None

    return heard
