"""What the next purge of booking deletes: counted, not touched (bot.appointments.bookings deletes it)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.appointments.bookings import DRAFT_DAYS
from bot.appointments.desk_rows import city_day
from bot.appointments.rules import RuleBook
from bot.db.engine import reading
from bot.db.models import Appointment, BookingDraft, ClinicSession, Seat, Slot, WaitingEntry


class Thing(StrEnum):
    APPOINTMENTS = "appointments"
    DRAFTS = "drafts"
    WAITING = "waiting"
    HOLDS = "holds"
    MADE_UP_SLOTS = "made_up_slots"


@dataclass(frozen=True)
class Line:
    """`kept` rows, of which `due` go; `days` they are kept, null where they have an end of their own."""

    thing: Thing
    hospital: str | None
    days: int | None
    kept: int
    due: int


async def preview(database: AsyncEngine, rules: RuleBook, now: datetime) -> list[Line]:
    """A line a hospital that has appointments, then one each for what belongs to none."""
    old_draft = BookingDraft.updated_at < now - timedelta(days=DRAFT_DAYS)
    offered = select(WaitingEntry.seat_id).where(WaitingEntry.seat_id.is_not(None))
    async with reading(database) as connection:
        return [
            *await _appointments(connection, rules, now),
            await _line(connection, Thing.DRAFTS, BookingDraft, [], [old_draft], DRAFT_DAYS),
            await _line(connection, Thing.WAITING, WaitingEntry, [], [WaitingEntry.last_day < city_day(now)]),
            await _line(
                connection, Thing.HOLDS, Seat, [Seat.until.is_not(None)], [Seat.until <= now, Seat.id.not_in(offered)]
            ),
            await _made_up(connection, now),
        ]


async def _appointments(connection: AsyncConnection, rules: RuleBook, now: datetime) -> list[Line]:
    found = await connection.execute(select(Appointment.hospital).distinct().order_by(Appointment.hospital))
    lines = []
    for hospital in list(found.scalars()):
        days = rules.of(hospital).keep_days
        before = now - timedelta(days=days + 1)
        kept = await _count(connection, Appointment, Appointment.hospital == hospital)
        due = await _count(connection, Appointment, Appointment.hospital == hospital, Appointment.starts_at < before)
        lines.append(Line(Thing.APPOINTMENTS, hospital, days, kept, due))
    return lines


async def _made_up(connection: AsyncConnection, now: datetime) -> Line:
    sessions = select(ClinicSession.id).where(ClinicSession.demo.is_(True))
    past = Slot.session_id.in_(sessions.where(ClinicSession.day < city_day(now)))
    unused = Slot.id.not_in(select(Seat.slot_id))
    return await _line(connection, Thing.MADE_UP_SLOTS, Slot, [Slot.session_id.in_(sessions)], [past, unused])


async def _line(
    connection: AsyncConnection,
    thing: Thing,
    table: Any,
    kept: Sequence[Any],
    due: Sequence[Any],
    days: int | None = None,
) -> Line:
    there = await _count(connection, table, *kept)
    return Line(thing, None, days, there, await _count(connection, table, *kept, *due))


async def _count(connection: AsyncConnection, table: Any, *conditions: Any) -> int:
    return int((await connection.execute(select(func.count()).select_from(table).where(*conditions))).scalar_one())
