"""A hospital whose times are in our own tables: real ones that it gave us, or a demonstration's."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.appointments import seats
from bot.appointments.patient import Patient
from bot.appointments.provider import Held, Opening, SlotGone, Taken
from bot.appointments.readings import Part
from bot.appointments.seats import Claim, SessionState, retried
from bot.db.engine import reading
from bot.db.models import Clinician, ClinicSession, Seat, Slot
from bot.handoff.calendar import Calendar, DayKind


@dataclass
class LocalProvider:
    """An opening's id is its slot's, a hold's its seat's, in hex. Without `demo` what is made up is not to be had."""

    database: AsyncEngine
    calendar: Calendar
    clock: Callable[[], datetime]
    demo: bool
    name: str = "local"

    async def openings(self, department: str, hospitals: Sequence[str], first: date, last: date) -> tuple[Opening, ...]:
        now = self.clock()
        statement = _slots(now).where(
            ClinicSession.department == department,
            ClinicSession.hospital.in_(hospitals),
            ClinicSession.day.between(first, last),
            ClinicSession.state == SessionState.OPEN,
            Slot.starts_at > now,
            Slot.capacity > seats.taken(now),
        )
        async with reading(self.database) as connection:
            rows = list(await connection.execute(statement.order_by(Slot.starts_at, Slot.id)))
        return tuple(_opening(row) for row in rows if self._serves(row))

    async def opening(self, opening_id: str) -> Opening | None:
        """The opening of that id, also when its last place has been taken: `free` is then 0."""
        slot_id = _id(opening_id)
        if slot_id is None:
            return None
        now = self.clock()
        open_ = _slots(now).where(Slot.id == slot_id, ClinicSession.state == SessionState.OPEN, Slot.starts_at > now)
        async with reading(self.database) as connection:
            row = (await connection.execute(open_)).one_or_none()
        return _opening(row) if row is not None and self._serves(row) else None

    async def hold(self, conversation_id: uuid.UUID, opening_id: str, key: str, until: datetime) -> Held:
        slot_id, now = _id(opening_id), self.clock()
        if slot_id is None:
            raise SlotGone("there is no such time")

        async def act(connection: AsyncConnection) -> Held:
            return await self.held(connection, slot_id, conversation_id, key, until, now)

        return await retried(self.database, act)

    async def held(
        self,
        connection: AsyncConnection,
        slot_id: uuid.UUID,
        conversation_id: uuid.UUID,
        key: str,
        until: datetime,
        now: datetime,
    ) -> Held:
        """`hold` in the caller's transaction."""
        slot = await seats.check_open(connection, slot_id, now)
        if not self._serves(slot):
            raise SlotGone("this time cannot be booked")
        claim = Claim(conversation_id, key, min(until, slot.starts_at))
        seat_id, held_until = await seats.hold(connection, slot_id, slot.capacity, claim, now)
        return Held(seat_id.hex, await self.described(connection, slot_id, now), held_until)

    async def described(self, connection: AsyncConnection, slot_id: uuid.UUID, now: datetime) -> Opening:
        return _opening((await connection.execute(_slots(now).where(Slot.id == slot_id))).one())

    async def release(self, key: str) -> None:
        async def act(connection: AsyncConnection) -> None:
            found = await connection.execute(select(Seat.id).where(Seat.key == key))
            if (seat_id := found.scalar_one_or_none()) is not None:
                await seats.drop(connection, seat_id)

        await retried(self.database, act)

    async def book(self, held_id: str, patient: Patient, key: str) -> Taken:
        """The seat is kept for some minutes; it is booked by the transaction that writes the appointment.

        So a program that ends in between leaves a hold that expires, and no seat that belongs to nobody.
        """
        seat_id, now = _id(held_id), self.clock()

        async def act(connection: AsyncConnection) -> bool:
            return seat_id is not None and await seats.keep(connection, seat_id, now)

        if not await retried(self.database, act):
            raise SlotGone("the hold has expired")
        return Taken(None, seat_id)

    async def cancel(self, taken: Taken, key: str) -> None:
        async def act(connection: AsyncConnection) -> None:
            if taken.seat_id is not None:
                await seats.free(connection, taken.seat_id)

        await retried(self.database, act)

    def _serves(self, row: Any) -> bool:
        """Nothing made up without `demo`, and never on a holiday, which may be announced after the times were made."""
        return not row.demo or (self.demo and self.calendar.kind(row.day) is not DayKind.HOLIDAY)


def _id(written: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(hex=written)
    except ValueError:
        return None


def _slots(now: datetime) -> Select[Any]:
    return (
        select(
            Slot.id,
            Slot.starts_at,
            Slot.minutes,
            (Slot.capacity - seats.taken(now)).label("free"),
            ClinicSession.hospital,
            ClinicSession.campus,
            ClinicSession.department,
            ClinicSession.day,
            ClinicSession.part,
            ClinicSession.fee_fen,
            ClinicSession.international,
            ClinicSession.demo,
            Clinician.languages,
        )
        .join(ClinicSession, ClinicSession.id == Slot.session_id)
        .outerjoin(Clinician, Clinician.id == ClinicSession.clinician_id)
    )


def _opening(row: Any) -> Opening:
    return Opening(
        id=row.id.hex,
        hospital=row.hospital,
        campus=row.campus,
        department=row.department,
        starts_at=row.starts_at,
        minutes=row.minutes,
        part=Part(row.part),
        free=max(0, row.free),
        fee_fen=row.fee_fen,
        languages=tuple(row.languages or ()),
        international=row.international,
        demo=row.demo,
    )
