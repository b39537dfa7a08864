"""What happens when nobody does anything: rows are looked through for it, since signals can be lost."""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.conversations import desk_plans
from bot.conversations.desk_voice import DeskVoice
from bot.conversations.store import Author
from bot.db.engine import transaction
from bot.db.models import Message
from bot.handoff import audit, staff
from bot.handoff import store as desk_store
from bot.handoff.hours import Closed, DeskRules
from bot.handoff.rules import Reason
from bot.handoff.store import Held, State, Waiting

log = logging.getLogger("linli.handover")

_IDLE_WARNING = "event_idle"


@dataclass
class Vigil:
    database: AsyncEngine
    desk: DeskRules
    voice: DeskVoice
    # The places in the queue that were last told; only the process that sweeps has any.
    _told: dict[uuid.UUID, int] = field(default_factory=dict)
    _lacking_told: set[int] = field(default_factory=set)

    async def sweep(self, now: datetime) -> None:
        """Operators who are gone, residents who waited too long, talks that fell asleep, places that moved."""
        self._warn_of_calendar(now)
        async with transaction(self.database) as connection:
            gone = await desk_store.lapsed(connection, now)
            silent = await desk_store.idle(connection, now - (self.desk.idle_close - self.desk.idle_warning))
        for held in gone:
            await self._lost(held, now)
        for held in silent:
            await self._asleep(held, now)
        async with transaction(self.database) as connection:
            waiting = await desk_store.all_waiting(connection)
            present = await staff.present_languages(connection, now)
        for one in waiting:
            reason = self._in_vain(one, present, now)
            if reason is not None:
                await self._nobody_came(one, reason, now)
        await self._tell_places()

    def _in_vain(self, one: Waiting, present: frozenset[str], now: datetime) -> Reason | None:
        """Why somebody need not wait any longer; while an operator is still there after hours, he may."""
        if now - one.since >= self.desk.wait_timeout:
            return Reason.TIMEOUT
        closed = self.desk.closed(now, one.language)
        if closed is None or self.desk.closed(now) is None or one.language in present:
            return None
        return Reason.HOLIDAY if closed is Closed.HOLIDAY else Reason.HOURS

    async def _lost(self, held: Held, now: datetime) -> None:
        async with transaction(self.database) as connection:
            if not await desk_store.requeue(connection, held.conversation_id, held.staff_id, now):
                return
            await self.voice.tell(
                connection, held.conversation_id, desk_plans.event("event_lost", name=held.shown_name)
            )
            await self.voice.record(connection, audit.SYSTEM, "operator_lost", held.conversation_id)
        await self.voice.publish(held.conversation_id)

    async def _asleep(self, held: Held, now: datetime) -> None:
        """Ask once; when nothing is written after that either, end it."""
        async with transaction(self.database) as connection:
            if await _last_key(connection, held.conversation_id) == _IDLE_WARNING:
                if not await desk_store.give_up(connection, held.conversation_id, held.staff_id, State.CLOSED, now):
                    return
                await self.voice.tell(connection, held.conversation_id, desk_plans.event("event_idle_ended"))
                await self.voice.record(connection, audit.SYSTEM, "idle_closed", held.conversation_id)
            elif now - held.updated_at >= self.desk.idle_warning:
                minutes = (self.desk.idle_close - self.desk.idle_warning).total_seconds() // 60
                part = desk_plans.event(_IDLE_WARNING, minutes=f"{minutes:.0f}")
                await self.voice.tell(connection, held.conversation_id, part)
            else:
                return
        await self.voice.publish(held.conversation_id)

    async def _nobody_came(self, one: Waiting, reason: Reason, now: datetime) -> None:
        async with transaction(self.database) as connection:
            if not await desk_store.leave(connection, one.conversation_id, State.TIMEOUT, now):
                return
            part = desk_plans.waited_in_vain(reason, self.desk.after_working_hours(now, self.desk.call_back_hours))
            await self.voice.tell(connection, one.conversation_id, part, Author.BOT)
            await self.voice.record(
                connection, audit.SYSTEM, "waited_in_vain", one.conversation_id, reason=reason.value
            )
        await self.voice.publish(one.conversation_id)

    async def _tell_places(self) -> None:
        """Whoever moved up in the queue is told."""
        async with transaction(self.database) as connection:
            waiting = await desk_store.all_waiting(connection)
        places: dict[uuid.UUID, int] = {}
        counts: dict[str, int] = {}
        for one in waiting:
            counts[one.language] = places[one.conversation_id] = counts.get(one.language, 0) + 1
        moved = [key for key, place in places.items() if self._told.get(key, place) != place]
        self._told = places
        for conversation_id in moved:
            await self.voice.publish(conversation_id, messages=False, desk=False)

    def _warn_of_calendar(self, now: datetime) -> None:
        for year in set(self.desk.lacking(now)) - self._lacking_told:
            self._lacking_told.add(year)
            log.warning("holidays_unknown year=%d", year)


async def _last_key(connection: AsyncConnection, conversation_id: uuid.UUID) -> str | None:
    """The locales' key that the last message was made from."""
    statement = select(Message.content).where(Message.conversation_id == conversation_id)
    content = (await connection.execute(statement.order_by(Message.seq.desc()).limit(1))).scalar_one_or_none() or {}
    key = (content.get("part") or {}).get("key")
    return str(key) if key is not None else None
