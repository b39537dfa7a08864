"""What may be sent when nothing else may: that a reply waits, and that an appointment is tomorrow."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.appointments.store import Appointment
from bot.channels.wechat import ledger, outbox, people, pushes, templates
from bot.channels.wechat.api import WechatApi
from bot.channels.wechat.api_errors import ApiRefused, ApiUnknown, ApiUnreachable
from bot.channels.wechat.codes import Reaction
from bot.channels.wechat.people import CHANNEL, Person
from bot.channels.wechat.pushes import Push, TemplateStatus
from bot.channels.wechat.template_fields import ValueRefusedError
from bot.channels.wechat.templates import Details, Purpose, Recipient, Result, Templates
from bot.channels.wechat.wishes import Wish
from bot.db.engine import reading, transaction
from bot.db.models import Identity, WechatTemplate
from bot.errors import StorageError
from bot.languages import DEFAULT

log = logging.getLogger("linli.wechat")

_FAILURES = (ApiRefused, ApiUnknown, ApiUnreachable, StorageError, ValueRefusedError)


@dataclass
class Notices:
    database: AsyncEngine
    api: WechatApi | None
    templates: Templates
    clock: Callable[[], datetime]
    # Whoever looks at the conversation sees that he was asked to write.
    told: Callable[[uuid.UUID], Awaitable[None]] | None = None
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set)

    def reply_waits(self, identity_id: uuid.UUID) -> None:
        """Something could not be sent now. A person's words are worth a notice, once for each time of waiting."""
        if self.api is None or self.templates.of(Purpose.REPLY_WAITING) is None:
            return
        task = asyncio.create_task(self._guarded(identity_id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def appointment_near(self, made: Appointment) -> None:
        """The day before: who has not written lately reads of it in no other way. Once for each time of it."""
        if self.api is None or self.templates.of(Purpose.REMINDER) is None:
            return
        try:
            await self._appointment_near(made)
        except _FAILURES as error:
            log.warning("wechat_notice_failed type=%s", type(error).__name__)

    async def reminds(self, made: Appointment) -> bool:
        """Whether its resident has not said that reminders are unwanted."""
        async with reading(self.database) as connection:
            person = await people.of_conversation(connection, made.conversation_id)
        return person is None or person.reminders is not False

    async def heard(self, push: Push) -> None:
        """What the platform tells of notices, and of being allowed to send them."""
        match push:
            case pushes.TemplateDone():
                await self._ended(push.message_id, push.status)
            case pushes.SubscriptionSent():
                failed = [(push.template_id, push.message_id, push.error), *push.others]
                for _, message_id, error in failed:
                    status = TemplateStatus.FAILED if error else TemplateStatus.DELIVERED
                    await self._ended(message_id, status)
            case pushes.OptIn():
                await self._wished(push)
            case _:
                return

    async def _ended(self, message_id: str, status: TemplateStatus) -> None:
        statement = update(WechatTemplate).where(WechatTemplate.platform_id == message_id)
        async with transaction(self.database) as connection:
            await connection.execute(statement.values(state=status))

    async def _wished(self, push: pushes.OptIn) -> None:
        accepted = push.accepted or any(accepted for accepted, _ in push.others)
        mine = (Identity.channel == CHANNEL, Identity.external_id == push.sender)
        async with transaction(self.database) as connection:
            await connection.execute(update(Identity).where(*mine).values(reminders=accepted))

    async def _guarded(self, identity_id: uuid.UUID) -> None:
        try:
            await self._reply_waits(identity_id)
        except _FAILURES as error:
            log.warning("wechat_notice_failed type=%s", type(error).__name__)

    async def _reply_waits(self, identity_id: uuid.UUID) -> None:
        now = self.clock()
        async with reading(self.database) as connection:
            person = await people.by_id(connection, identity_id)
            waiting = await outbox.bubbles_waiting(connection, identity_id)
            left = await people.grants(connection, identity_id)
        if person is None or not person.reachable or all(bubble.machine for bubble in waiting):
            return
        # One for each window that ended: what the resident did last names it.
        window = max((grant.expires_at.isoformat() for grant in left), default="")
        once = templates.once_id(Purpose.REPLY_WAITING, identity_id.hex, window)
        if templates.may_send_at(now) and await self._first(once, person, Purpose.REPLY_WAITING, now):
            await self._send(once, person, Purpose.REPLY_WAITING, Details(now))

    async def _appointment_near(self, made: Appointment) -> None:
        now = self.clock()
        async with reading(self.database) as connection:
            person = await people.of_conversation(connection, made.conversation_id)
            grants = await people.grants(connection, person.id) if person is not None else ()
        if person is None or not person.reachable or ledger.left(grants, now):
            return
        once = templates.once_id(Purpose.REMINDER, made.id.hex, made.starts_at.isoformat())
        if templates.may_send_at(now) and await self._first(once, person, Purpose.REMINDER, now):
            await self._send(once, person, Purpose.REMINDER, Details(made.starts_at, made.reference))

    async def _first(self, once: str, person: Person, purpose: Purpose, now: datetime) -> bool:
        row = {
            "id": once,
            "identity_id": person.id,
            "purpose": purpose,
            "platform_id": None,
            "state": "sending",
            "at": now,
        }
        async with reading(self.database) as connection:
            if (await connection.execute(select(WechatTemplate.id).where(WechatTemplate.id == once))).first():
                return False
        try:
            async with transaction(self.database) as connection:
                await connection.execute(insert(WechatTemplate).values(row))
        except StorageError as error:
            if isinstance(error.__cause__, IntegrityError):
                return False
            raise
        return True

    async def _send(self, once: str, person: Person, purpose: Purpose, details: Details) -> None:
        assert self.api is not None
        now = self.clock()
        wish = Wish.STOP if person.reminders is False else None
        to = Recipient(person.openid, person.language or DEFAULT, wish)
        state, message_id = "failed", None
        try:
            sent = await templates.remind(self.api, self.templates, to, purpose, details, client_msg_id=once, now=now)
            state = "sent" if sent.result is Result.SENT else "not_sent"
            message_id = sent.message_id
        except ApiRefused as refused:
            if refused.reaction is Reaction.UNFOLLOWED:
                async with transaction(self.database) as connection:
                    await people.change(connection, person.id, reachable=False)
            raise
        finally:
            values = {"state": state, "platform_id": str(message_id) if message_id is not None else None}
            async with transaction(self.database) as connection:
                await connection.execute(update(WechatTemplate).where(WechatTemplate.id == once).values(values))
            if self.told is not None:
                await self.told(person.id)
