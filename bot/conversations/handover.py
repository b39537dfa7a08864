"""From the assistant to a person and back: what a resident can ask for, and the desk as a whole."""

from __future__ import annotations

import re
import unicodedata
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import case, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.bus import Bus
from bot.conversations import desk_plans, store
from bot.conversations.desk_voice import DeskVoice, owner_of
from bot.conversations.masking import storable
from bot.conversations.operators import Operators
from bot.conversations.plans import Act
from bot.conversations.store import Effect, Owner, Retention
from bot.conversations.vigil import Vigil
from bot.db.engine import transaction
from bot.db.models import Conversation
from bot.errors import Code, RequestError
from bot.handoff import rules
from bot.handoff import store as desk_store
from bot.handoff.hours import DeskRules
from bot.handoff.rules import NoQueue, Queue, Reason
from bot.handoff.store import State, Wanted
from bot.locales import Locales
from bot.messages import Kind, Part, Plan

WORDS_LIMIT = 1000
_VALUE_LIMIT = 120
_OPEN_CALL_BACKS = 3
_PHONE = re.compile(r"\+?[0-9 ().\-/]{5,40}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")


class Contact(StrEnum):
    PHONE = "phone"
    EMAIL = "email"


@dataclass(frozen=True)
class CallBackReceipt:
    """What the resident is told: `text` in his language."""

    reference: str
    promised: datetime
    text: str


@dataclass
class Handover:
    """The desk: `desk` are its rules, `operators` what its people do. Signals follow what they tell of."""

    database: AsyncEngine
    bus: Bus
    desk: DeskRules
    locales: Locales
    clock: Callable[[], datetime]
    voice: DeskVoice = field(init=False)
    operators: Operators = field(init=False)
    _vigil: Vigil = field(init=False)

    def __post_init__(self) -> None:
        self.voice = DeskVoice(self.bus, self.locales, self.clock)
        self.operators = Operators(self.database, self.desk, self.voice)
        self._vigil = Vigil(self.database, self.desk, self.voice)

    async def sweep(self, now: datetime) -> None:
        """A job of the sweeper's: whatever has to happen because nobody did anything."""
        await self._vigil.sweep(now)

    async def offer(self, thread: store.Thread, language: str) -> Plan:
        """What to say to "a person, please"."""
        if thread.owner is Owner.WAITING:
            return await self._waiting_plan(thread.id, language)
        return desk_plans.offer(await self._decide(language))

    async def pressed(self, act: Act, thread: store.Thread, language: str) -> tuple[Plan, Effect | None]:
        """What a button of the desk's says, and does in the transaction that stores it."""
        match act:
            case Act.CONNECT:
                return await self._connect(thread, language)
            case Act.STAY:
                waited = thread.owner is Owner.WAITING
                return desk_plans.stayed(waited=waited), self._leaving(thread.id) if waited else None
            case Act.CALL_BACK:
                return desk_plans.call_back_form(self._promised()), None
            case _:
                raise ValueError(f"{act} is no act of the desk's")

    async def queue(self, conversation_id: uuid.UUID, language: str) -> dict[str, Any] | None:
        """{position, minutes, text} of one who waits, else None."""
        now = self.clock()
        async with transaction(self.database) as connection:
            found = await desk_store.position(connection, conversation_id)
            if found is None:
                return None
            waits = await desk_store.waits(connection, self.desk, now)
        minutes = rules.estimate(self.desk, waits.get(found[0], ()))
        text = self.voice.said(desk_plans.queue_part(found[1], minutes), language)
        return {"position": found[1], "minutes": minutes, "text": text}

    async def leave(self, conversation_id: uuid.UUID) -> Owner:
        """Out of the queue, when the conversation is in it; the owner afterwards."""
        async with transaction(self.database) as connection:
            left = await desk_store.leave(connection, conversation_id, State.LEFT, self.clock())
            if left:
                await self.voice.record(connection, "resident", "queue_left", conversation_id)
            owner = await owner_of(connection, conversation_id)
        if left:
            await self.voice.publish(conversation_id, messages=False)
        return owner

    async def request_call_back(
        self,
        conversation_id: uuid.UUID,
        contact: str,
        value: str,
        words: str | None,
        language: str,
        *,
        tell: bool = True,
    ) -> CallBackReceipt:
        """Note a wish to be called or written to; the same again is the same one. RequestError 400, 404, 429.

        `tell`: say so in the conversation too, where the caller does not.
        """
        now = self.clock()
        kind, value = _contact(contact, value)
        wanted_words = storable(words or "").strip()
        if len(wanted_words) > WORDS_LIMIT:
            raise RequestError(Code.TEXT_TOO_LONG, f"words are longer than {WORDS_LIMIT} characters")
        async with transaction(self.database) as connection:
            await _identified(connection, conversation_id)
            for row in (found := await desk_store.open_call_backs(connection, conversation_id)):
                if (row.contact, row.value) == (kind, value):
                    return self._receipt(row.reference, row.promised_at, language)
            if len(found) >= _OPEN_CALL_BACKS:
                raise RequestError(Code.RATE_LIMITED, "too many open call-backs", 429, retry_after_seconds=3600)
            reason = await self._reason(connection, conversation_id, language, now)
            wanted = Wanted(kind, value, wanted_words, language, reason)
            promised = self._promised()
            reference = await desk_store.add_call_back(connection, conversation_id, wanted, promised, now)
            if tell:
                noted = desk_plans.event("event_noted", reference=reference)
                await self.voice.event(connection, conversation_id, noted, language)
            await self.voice.record(connection, "resident", "call_back_requested", conversation_id, reason=reason.value)
        await self.voice.publish(conversation_id)
        return self._receipt(reference, promised, language)

    def state(self, language: str) -> dict[str, Any]:
        """{open, text}: whether the desk is open for those who speak the language, in words."""
        now = self.clock()
        if self.desk.closed(now) is None or self.desk.closed(now, language) is None:
            return {"open": True, "text": self.voice.said(Part(Kind.TEXT, "desk_is_open"), language)}
        opens = self.desk.opens(now)
        if opens is None:
            return {"open": False, "text": self.voice.said(Part(Kind.TEXT, "desk_is_closed"), language)}
        part = Part(Kind.TEXT, "desk_is_closed_until", params={"at_opens": opens.isoformat()})
        return {"open": False, "text": self.voice.said(part, language)}

    async def _connect(self, thread: store.Thread, language: str) -> tuple[Plan, Effect | None]:
        if thread.owner is Owner.WAITING:
            return await self._waiting_plan(thread.id, language), None
        found = await self._decide(language)
        if isinstance(found, NoQueue):
            return desk_plans.call_back_instead(found), None
        return desk_plans.queued(found.position, found.minutes), self._joining(thread.id, found.language)

    async def _waiting_plan(self, conversation_id: uuid.UUID, language: str) -> Plan:
        place = await self.queue(conversation_id, language)
        if place is None:  # an operator came, or the time was up, a moment ago
            return desk_plans.offer(await self._decide(language))
        return desk_plans.queued(place["position"], place["minutes"])

    async def _decide(self, language: str) -> Queue | NoQueue:
        now = self.clock()
        async with transaction(self.database) as connection:
            situation = await desk_store.situation(connection, self.desk, now)
        return rules.decide(self.desk, language, situation, now)

    def _joining(self, conversation_id: uuid.UUID, language: str) -> Effect:
        async def join(connection: AsyncConnection) -> None:
            if await desk_store.enqueue(connection, conversation_id, language, self.clock()):
                await self.voice.record(connection, "resident", "queue_joined", conversation_id, language=language)

        return join

    def _leaving(self, conversation_id: uuid.UUID) -> Effect:
        async def leave(connection: AsyncConnection) -> None:
            if await desk_store.leave(connection, conversation_id, State.LEFT, self.clock()):
                await self.voice.record(connection, "resident", "queue_left", conversation_id)

        return leave

    async def _reason(
        self, connection: AsyncConnection, conversation_id: uuid.UUID, language: str, now: datetime
    ) -> Reason:
        found = rules.decide(self.desk, language, await desk_store.situation(connection, self.desk, now), now)
        if isinstance(found, NoQueue) and found.reason in (Reason.HOURS, Reason.HOLIDAY):
            return found.reason
        if await desk_store.timed_out_lately(connection, conversation_id, now):
            return Reason.TIMEOUT
        return found.reason if isinstance(found, NoQueue) else Reason.ASKED

    def _promised(self) -> datetime:
        return self.desk.after_working_hours(self.clock(), self.desk.call_back_hours)

    def _receipt(self, reference: str, promised: datetime, language: str) -> CallBackReceipt:
        return CallBackReceipt(reference, promised, self.voice.said(desk_plans.noted(reference, promised), language))


def _contact(contact: str, value: str) -> tuple[str, str]:
    """The kind and the value in its plain form. RequestError for what cannot be a phone number or an address."""
    value = unicodedata.normalize("NFKC", storable(value)).strip()
    value = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in value)
    digits = sum(c.isdigit() for c in value)
    phone = contact == Contact.PHONE and _PHONE.fullmatch(value) and 5 <= digits <= 20
    email = contact == Contact.EMAIL and _EMAIL.fullmatch(value)
    if contact not in list(Contact):
        raise RequestError(Code.BAD_FIELD, f"contact must be one of {', '.join(Contact)}")
    if not (phone or email) or len(value) > _VALUE_LIMIT:
        raise RequestError(Code.BAD_FIELD, f"value is not a possible {contact}")
    return contact, value


async def _identified(connection: AsyncConnection, conversation_id: uuid.UUID) -> None:
    """A conversation with a phone number or an address is kept as one of somebody known. RequestError 404."""
    kept = case((Conversation.retention == Retention.ANONYMOUS, Retention.IDENTIFIED), else_=Conversation.retention)
    statement = update(Conversation).where(Conversation.id == conversation_id)
    if not (await connection.execute(statement.values(retention=kept))).rowcount:
        raise store.unknown_conversation()
