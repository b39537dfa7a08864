"""What has to happen by itself: sends whose process died, what was left waiting, old memories, tags, erasure."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.channels.wechat import intake, menus, outbox, people
from bot.channels.wechat.api import WechatApi
from bot.channels.wechat.api_errors import ApiRefused, ApiUnknown, ApiUnreachable
from bot.channels.wechat.codes import Reaction
from bot.channels.wechat.delivery import Delivery
from bot.channels.wechat.people import Person
from bot.db import leases
from bot.db.engine import reading, transaction
from bot.db.models import Conversation, Identity
from bot.errors import RequestError
from bot.keeping import privacy
from bot.keeping.erasing import Cause
from bot.keeping.trackers import Trackers
from bot.languages import ANSWERED, answer_language

log = logging.getLogger("linli.wechat")

# Messages of longer ago were looked for when the process started.
_LOOK_BACK = timedelta(minutes=2)
_TAGS_AT_ONCE = 20
_OF_THE_PERSON = frozenset({Reaction.UNFOLLOWED, Reaction.BLOCKED, Reaction.ALARM, Reaction.UNDELIVERABLE})


@dataclass
class Upkeep:
    database: AsyncEngine
    delivery: Delivery
    trackers: Trackers
    holder: str
    replay: timedelta
    _looked: bool = False
    _tags: Mapping[str, int] = field(default_factory=dict)

    async def deliver(self, now: datetime) -> None:
        """Find what no signal told of."""
        alive = await leases.alive(self.database, self.holder, now)
        lost = await outbox.abandoned(self.database, alive | {self.holder}, now)
        if lost:
            log.warning("wechat_sends_unknown count=%d", lost)
        since = now - _LOOK_BACK if self._looked else None
        for identity in await outbox.unfinished(self.database, since, now):
            self.delivery.wake(identity)
        self._looked = True

    async def remind(self, now: datetime) -> None:
        """What began to wait at night is worth a notice in the morning."""
        for identity in await outbox.waiting_for_window(self.database, now):
            self.delivery.held(identity)

    async def forget_old(self, now: datetime) -> None:
        await intake.forget_old(self.database, self.replay, now)

    def look_again(self) -> None:
        """Signals were lost: everything is looked through once more."""
        self._looked = False

    async def forget(self, person: Person, now: datetime) -> None:
        """Everything of somebody who no longer follows, in every conversation that was his here."""
        for conversation in (person.conversation, *(one for one, _ in person.former)):
            self.delivery.forget(conversation)
            try:
                await privacy.erase(self.database, self.trackers, conversation, Cause.UNFOLLOWED, now)
            except RequestError:
                continue  # erased before, by himself or by its age

    async def tag(self, now: datetime) -> None:
        """Show the menu of their language to those whose language became known or changed."""
        api = self.delivery.api
        if api is None or not self.delivery.account.kind.tags:
            return
        due = await self._untagged()
        if not due:
            return
        try:
            if not self._tags:
                self._tags = await menus.language_tags(api)
            for person in due if self._tags else ():
                await self._tag(api, person)
        except (ApiRefused, ApiUnknown, ApiUnreachable) as error:
            self._tags = {}
            log.info("wechat_tags_later type=%s", type(error).__name__)

    async def _tag(self, api: WechatApi, person: Person) -> None:
        """One person who cannot be tagged must not keep the others from it: to be tried again with a new language."""
        language = answer_language(person.language or "")
        changes: dict[str, Any] = {"language_tag": language}
        try:
            await menus.set_language_tag(api, self._tags, person.openid, language, person.language_tag)
        except ApiRefused as refused:
            if refused.reaction not in _OF_THE_PERSON:
                raise
            changes["reachable"] = refused.reaction is not Reaction.UNFOLLOWED
        async with transaction(self.database) as connection:
            await people.change(connection, person.id, **changes)

    async def _untagged(self) -> list[Person]:
        """Those who have written in a language that has a menu of its own, and do not see it yet."""
        other = or_(Identity.language_tag.is_(None), Identity.language_tag != Conversation.language)
        statement = (
            select(Identity.id)
            .join(Conversation, Conversation.id == Identity.conversation_id)
            .where(
                Identity.channel == people.CHANNEL,
                Identity.reachable.is_(True),
                Conversation.language.in_(ANSWERED),
                other,
            )
            .limit(_TAGS_AT_ONCE)
        )
        async with reading(self.database) as connection:
            found = (await connection.execute(statement)).scalars().all()
            persons = [await people.by_id(connection, identity) for identity in found]
        return [person for person in persons if person is not None]
