"""What of booking has had its time: deleted here, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.appointments import seats, store, waiting
from bot.appointments.rules import RuleBook
from bot.db.models import BookingDraft, ClinicSession, Seat, Slot
from bot.handoff.hours import CITY_TIME

DRAFT_DAYS = 7


async def purge(connection: AsyncConnection, hospitals: Iterable[str], rules: RuleBook, now: datetime) -> int:
    """Delete old appointments, wishes, holds, drafts and the demonstration's past days; how many rows."""
    today = now.astimezone(CITY_TIME).date()
    gone = 0
    for hospital in hospitals:
        # A day more: it is kept so many days after its own, not after its hour.
        gone += await store.purge(connection, hospital, now - timedelta(days=rules.of(hospital).keep_days + 1))
    gone += await waiting.purge(connection, today)
    gone += await seats.purge_expired(connection, now)
    gone += await _drafts(connection, now)
    return gone + await _past(connection, today)


async def _drafts(connection: AsyncConnection, now: datetime) -> int:
    old = delete(BookingDraft).where(BookingDraft.updated_at < now - timedelta(days=DRAFT_DAYS))
    return (await connection.execute(old)).rowcount


async def _past(connection: AsyncConnection, today: date) -> int:
    """Slots of the demonstration's past days in which nobody has a seat, then the sessions without slots."""
    past = select(ClinicSession.id).where(ClinicSession.demo, ClinicSession.day < today)
    seated = select(Seat.id).where(Seat.slot_id == Slot.id).exists()
    gone = (await connection.execute(delete(Slot).where(Slot.session_id.in_(past), ~seated))).rowcount
    left = select(Slot.id).where(Slot.session_id == ClinicSession.id).exists()
    old = delete(ClinicSession).where(ClinicSession.demo, ClinicSession.day < today, ~left)
    return gone + (await connection.execute(old)).rowcount
