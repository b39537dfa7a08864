"""The hospital's side over a booking desk of the test's own, and one who hears what residents would be told."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.appointments.bookings import Appointment, Bookings
from bot.appointments.desk import News
from bot.appointments.desk_rows import Range, Scope
from bot.appointments.side import HospitalSide
from bot.db import models
from bot.db.engine import reading
from bot.handoff.hours import CITY_TIME
from tests.fakes.booking import DEPARTMENT, HOSPITAL, NOW, PATIENT, add_slot, book

DAY = (NOW + timedelta(days=2)).astimezone(CITY_TIME).date()
CARD = {"symptoms": ["fever", "headache"], "allergies": ["penicillin"]}


@dataclass
class Herald:
    """Writes down what was written and published; `failing` breaks in the middle of the act's transaction."""

    written: list[News] = field(default_factory=list)
    published: list[News] = field(default_factory=list)
    failing: bool = False

    async def write(self, connection: AsyncConnection, news: News) -> None:
        if self.failing:
            raise RuntimeError("no voice")
        self.written.append(news)

    async def publish(self, news: Sequence[News]) -> None:
        self.published += news


@dataclass
class World:
    bookings: Bookings
    side: HospitalSide
    herald: Herald

    @staticmethod
    def of(bookings: Bookings) -> World:
        herald = Herald()
        return World(bookings, HospitalSide.of(bookings, herald), herald)

    async def patient(self, interpreter: str | None = None, card: bool = False, **slot: Any) -> Appointment:
        """Somebody with an appointment, by default in two days."""
        opening = await add_slot(self.bookings.database, **slot)
        person = replace(PATIENT, interpreter=interpreter)
        made = await book(self.bookings, opening, person, slot.get("hospital", HOSPITAL))
        if card:
            await self.bookings.set_intake(made.id, CARD, "resident")
        return made

    async def state(self, appointment: Appointment) -> str:
        found = await self.bookings.appointment(appointment.id)
        assert found is not None
        return found.state.value

    async def session_of(self, appointment: Appointment) -> uuid.UUID:
        wanted = select(models.Slot.session_id).join(models.Seat, models.Seat.slot_id == models.Slot.id)
        async with reading(self.bookings.database) as connection:
            found = await connection.execute(wanted.where(models.Seat.id == appointment.taken.seat_id))
            return found.scalar_one()

    async def audited(self, *actions: str) -> list[tuple[str, str, str]]:
        """Actor, action and subject; of these actions, or of those of the staff."""
        row = models.Audit
        async with reading(self.bookings.database) as connection:
            found = list(await connection.execute(select(row).order_by(row.at, row.id)))
        return [
            (one.actor, one.action, one.subject)
            for one in found
            if (one.action in actions if actions else one.actor != "resident")
        ]


def scope(first: date = DAY, last: date | None = None, department: str | None = DEPARTMENT) -> Scope:
    return Scope(HOSPITAL, Range(first, last or first), department)
