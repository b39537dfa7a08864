"""The sweep of the waiting list: what lapsed, what came free unnoticed, and whom to tell of what is kept for them."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.appointments import waiting
from bot.appointments.provider import Opening
from bot.appointments.seats import retried
from bot.appointments.waiting import Offer, WaitingList
from bot.db.engine import reading
from bot.handoff.hours import CITY_TIME


@dataclass(frozen=True)
class Offers:
    """`hospitals` are those whose times are in our tables."""

    database: AsyncEngine
    queue: WaitingList
    hospitals: Sequence[str]

    async def to_make(self, now: datetime) -> tuple[Offer, ...]:
        async def lapse(connection: AsyncConnection) -> list[Offer]:
            return await self.queue.lapse(connection, now)

        async def announce(connection: AsyncConnection) -> list[Offer]:
            return await self.queue.announce(connection, now)

        lapsed = await retried(self.database, lapse)
        await self._keep_what_is_free(now)
        return (*lapsed, *await retried(self.database, announce))

    async def _keep_what_is_free(self, now: datetime) -> None:
        """Places that came free otherwise than by us: a hold that expired, a session that was added or opened."""
        today = now.astimezone(CITY_TIME).date()
        async with reading(self.database) as connection:
            entries = await waiting.waiting(connection, today)
        by_department: dict[str, list[Any]] = defaultdict(list)
        for entry in entries:
            by_department[entry.department].append(entry)
        for department, some in by_department.items():
            await self._keep_for(some, await self._openings(department, some, today), now)

    async def _openings(self, department: str, entries: Sequence[Any], today: date) -> list[Opening]:
        """What can be booked on the days that they wait for."""
        rules = self.queue.rules
        first, last = min(entry.first_day for entry in entries), max(entry.last_day for entry in entries)
        found = await self.queue.local.openings(department, self.hospitals, first, min(last, rules.last_day(today)))
        return [one for one in found if _day(one) <= rules.of(one.hospital).last_day(today)]

    async def _keep_for(self, entries: Sequence[Any], openings: Sequence[Opening], now: datetime) -> None:
        rules = self.queue.rules
        left = {one.id: one for one in openings if one.starts_at > rules.of(one.hospital).offered_until(now)}
        for entry in entries:
            wish = waiting.wish_of(entry)
            fit = next((one for one in left.values() if waiting.matches(wish, one, self.queue.catalogue)), None)
            if fit is None:
                continue
            left[fit.id] = replace(fit, free=fit.free - 1)
            if left[fit.id].free == 0:
                del left[fit.id]
            await self._keep(entry, fit, now)

    async def _keep(self, entry: Any, opening: Opening, now: datetime) -> None:
        async def act(connection: AsyncConnection) -> None:
            await self.queue.keep(connection, entry, uuid.UUID(hex=opening.id), now)

        await retried(self.database, act)


def _day(opening: Opening) -> date:
    return opening.starts_at.astimezone(CITY_TIME).date()
