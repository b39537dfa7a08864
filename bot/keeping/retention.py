"""How long conversations are kept, by class, and the purge of those whose time is over."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, case, delete, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.db.engine import transaction
from bot.db.models import Appointment, Conversation, TransferCode
from bot.keeping.erasing import Cause, remove, scrub_log, settle, unsettled
from bot.keeping.trackers import Trackers
from bot.settings import Settings

# A batch is one transaction: some tens of milliseconds in which nobody else writes to SQLite.
_BATCH = 100
# Well below the sweeper's lease.
_SWEEP_SECONDS = 3.0
# What was under way when a conversation was erased has ended by now, so that the engine remembers nothing new.
_SETTLED_AFTER = timedelta(minutes=1)
_MOST_RECEIPTS = 50
_CODES_KEPT = timedelta(days=1)
_BOOKED = "booked"


class Class(StrEnum):
    """Of a conversation, the least careful first: nobody known, a person can be known, about somebody's health."""

    ANONYMOUS = "anonymous"
    IDENTIFIED = "identified"
    MEDICAL = "medical"


@dataclass(frozen=True)
class Line:
    """One class in the preview: conversations kept, those due to be purged now, and the oldest one's last activity."""

    name: Class
    days: int
    kept: int
    due: int
    oldest: datetime | None


@dataclass(frozen=True)
class Retention:
    """`days` a conversation of each class is kept after its last activity."""

    database: AsyncEngine
    trackers: Trackers
    days: Mapping[Class, int]
    clock: Callable[[], float] = field(default=time.monotonic)

    async def sweep(self, now: datetime) -> None:
        """The sweeper's job: purge what is due for a few seconds, the rest at the next turn. Harmless to do twice."""
        await self.purge(now, self.clock() + _SWEEP_SECONDS)

    async def purge(self, now: datetime, until: float = float("inf")) -> Counter[str]:
        """Delete what is due in batches, not beginning one after the clock's `until`; the rows deleted by table."""
        counts = Counter[str]()
        for name in Class:
            while self.clock() < until and (deleted := await self._batch(name, now)):
                counts.update(deleted)
        await self._forget_codes(now)
        if counts:
            await scrub_log(self.database)
        await self._settle(now, until)
        return counts

    async def _settle(self, now: datetime, until: float) -> None:
        """Ask the engine again to forget what it could not be asked about before."""
        for receipt in await unsettled(self.database, now - _SETTLED_AFTER, _MOST_RECEIPTS):
            if self.clock() >= until or not await settle(self.database, self.trackers, receipt):
                return

    async def _batch(self, name: Class, now: datetime) -> dict[str, int]:
        """One transaction's worth of a class; empty when nothing of it is due."""
        due = (Conversation.retention == name, _over(self._limit(name, now), now))
        some = select(Conversation.id).where(*due).order_by(Conversation.updated_at).limit(_BATCH)
        async with transaction(self.database) as connection:
            # Said twice: a resident who came back after the inner look is no longer due.
            locked = update(Conversation).where(Conversation.id.in_(some), *due).values(owner="closed")
            ids = list((await connection.execute(locked.returning(Conversation.id))).scalars())
            if not ids:
                return {}
            receipt, counts = await remove(connection, ids, Cause.RETENTION, now, retention=name.value)
        await settle(self.database, self.trackers, receipt)
        return counts

    async def _forget_codes(self, now: datetime) -> None:
        async with transaction(self.database) as connection:
            await connection.execute(delete(TransferCode).where(TransferCode.expires_at < now - _CODES_KEPT))

    def _limit(self, name: Class, now: datetime) -> datetime:
        return now - timedelta(days=self.days[name])


def _over(limit: datetime, now: datetime) -> ColumnElement[bool]:
    """Last active before `limit`, and nobody is going to the doctor by it: an appointment to come would be gone too."""
    to_come = exists().where(
        Appointment.conversation_id == Conversation.id, Appointment.state == _BOOKED, Appointment.starts_at > now
    )
    return and_(Conversation.updated_at < limit, ~to_come)


def periods(settings: Settings) -> dict[Class, int]:
    return {
        Class.ANONYMOUS: settings.retention_anonymous_days,
        Class.IDENTIFIED: settings.retention_identified_days,
        Class.MEDICAL: settings.retention_medical_days,
    }


async def preview(database: AsyncEngine, days: Mapping[Class, int], now: datetime) -> list[Line]:
    """What a purge would delete now, a line a class."""
    async with transaction(database) as connection:
        return [await _line(connection, name, days[name], now) for name in Class]


async def _line(connection: AsyncConnection, name: Class, days: int, now: datetime) -> Line:
    due = case((_over(now - timedelta(days=days), now), 1), else_=0)
    oldest = select(Conversation.updated_at).where(Conversation.retention == name)
    counted = select(func.count(), func.coalesce(func.sum(due), 0)).where(Conversation.retention == name)
    kept, passed = (await connection.execute(counted)).one()
    first = await connection.execute(oldest.order_by(Conversation.updated_at).limit(1))
    return Line(name, days, int(kept), int(passed), first.scalar_one_or_none())


async def mark(connection: AsyncConnection, conversation_id: uuid.UUID, name: Class) -> None:
    """The conversation holds something of this class from now on; it never goes back to a less careful one."""
    order = list(Class)
    lower = [one.value for one in order[: order.index(name)]]
    statement = update(Conversation).where(Conversation.id == conversation_id, Conversation.retention.in_(lower))
    await connection.execute(statement.values(retention=name.value))
