"""What a hospital's booking clerks do with appointments: the day's list, one patient's data, who came, taking one back.

A list names no patient. Whoever opens an appointment or exports a day is put on record in the transaction that reads
the data. Nothing is published here: a resident is told what `News` says, by the `Herald`.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.appointments import seats
from bot.appointments.bookings import subject
from bot.appointments.desk_rows import (
    Opened,
    Scope,
    city_day,
    listing,
    to_change,
    unknown,
    whole,
    within,
    wrong_state,
)
from bot.appointments.desk_words import CancelReason
from bot.appointments.provider import Provider, ProviderError, Taken
from bot.appointments.sealing import Vault
from bot.appointments.store import State
from bot.appointments.waiting import WaitingList
from bot.db.engine import reading, transaction
from bot.db.models import Appointment, Audit
from bot.errors import Code, RequestError
from bot.handoff import audit
from bot.ids import new_id

SEEN, EXPORTED = "appointment_seen", "appointments_exported"
# From which states a clerk can get to which; BOOKED takes a slip of the finger back.
_BEFORE: Mapping[State, tuple[State, ...]] = {
    State.ARRIVED: (State.BOOKED, State.NO_SHOW),
    State.NO_SHOW: (State.BOOKED,),
    State.BOOKED: (State.ARRIVED, State.NO_SHOW),
}
_MARKS = {
    State.ARRIVED: "appointment_arrived",
    State.NO_SHOW: "appointment_no_show",
    State.BOOKED: "appointment_mark_undone",
}


class NewsKind(StrEnum):
    CANCELLED = "cancelled"
    INTERPRETER_ASSIGNED = "interpreter_assigned"
    INTERPRETER_DECLINED = "interpreter_declined"


@dataclass(frozen=True)
class News:
    """What a resident must be told after an act of the hospital's; `interpreter` is the name of who will come."""

    kind: NewsKind
    appointment_id: uuid.UUID
    conversation_id: uuid.UUID
    reference: str
    language: str
    hospital: str
    campus: str
    department: str
    starts_at: datetime
    reason: CancelReason | None = None
    interpreter: str | None = None

    @staticmethod
    def of(kind: NewsKind, row: Any, **more: Any) -> News:
        """`row` is one of `to_change`."""
        names = ("conversation_id", "reference", "language", "hospital", "campus", "department", "starts_at")
        return News(kind, row.id, **{name: getattr(row, name) for name in names}, **more)


class Herald(Protocol):
    """Who tells residents."""

    async def write(self, connection: AsyncConnection, news: News) -> None:
        """In the act's own transaction: it is said exactly when it is so. May be called again when that is repeated."""

    async def publish(self, news: Sequence[News]) -> None:
        """After that transaction: open pages look."""


@dataclass(frozen=True)
class Desk:
    """`actor` is a staff member's name. `providers` are the hospitals' own systems; `queue`, who waits for a place."""

    database: AsyncEngine
    vault: Vault
    providers: Mapping[str, Provider]
    queue: WaitingList
    herald: Herald
    clock: Callable[[], datetime]

    async def listed(self, scope: Scope) -> list[Any]:
        """Rows of `listing`: no patient in them."""
        async with reading(self.database) as connection:
            return await within(connection, listing(), scope)

    async def opened(self, appointment_id: uuid.UUID, actor: str) -> Opened:
        """Everything about one appointment. It is on record who looked. RequestError 404."""
        async with transaction(self.database) as connection:
            row = (await connection.execute(whole().where(Appointment.id == appointment_id))).one_or_none()
            if row is None:
                raise unknown()
            await self.record(connection, actor, SEEN, row.id)
            return Opened.of(row, self.vault)

    async def exported(self, scope: Scope, actor: str, *, cards: bool) -> list[Opened]:
        """All that `opened` gives of each appointment. It is on record who took which. RequestError for too many."""
        async with transaction(self.database) as connection:
            found = await within(connection, whole(), scope)
            await self._record_export(connection, found, scope, actor, cards=cards)
        # Some tenths of a second for a month: neither the loop nor the writers of the database wait for it.
        return await asyncio.to_thread(lambda: [Opened.of(row, self.vault) for row in found])

    async def _record_export(
        self, connection: AsyncConnection, found: Sequence[Any], scope: Scope, actor: str, *, cards: bool
    ) -> None:
        """A row for the export, and one for each appointment: whoever asks who saw it finds the export too."""
        detail = {"first": scope.days.first.isoformat(), "last": scope.days.last.isoformat(), "cards": cards}
        detail |= {"department": scope.department, "count": len(found)}
        now = self.clock()
        await audit.record(connection, actor, EXPORTED, f"hospital:{scope.hospital}", now, **detail)
        seen = {"at": now, "actor": actor, "action": SEEN, "detail": {"by": "export", "card": cards}}
        lines = [{**seen, "id": new_id(), "subject": subject(row.id)} for row in found]
        if lines:
            await connection.execute(insert(Audit), lines)

    async def acts(self, appointment_id: uuid.UUID) -> list[Any]:
        """Who looked at an appointment and who did what to it, the first first: at, actor, action, detail."""
        wanted = select(Audit.at, Audit.actor, Audit.action, Audit.detail)
        about = wanted.where(Audit.subject == subject(appointment_id))
        async with reading(self.database) as connection:
            return list(await connection.execute(about.order_by(Audit.at, Audit.id)))

    async def mark(self, appointment_id: uuid.UUID, state: State, actor: str) -> None:
        """Came, did not come, or neither after all. The same again does nothing. RequestError 404, 409."""
        if state not in _BEFORE:
            raise RequestError(Code.BAD_FIELD, f"state must be one of {', '.join(_BEFORE)}")
        async with transaction(self.database) as connection:
            row = await locked(connection, appointment_id)
            if row.state == state:
                return
            self._check_mark(row, state)
            ended = None if state is State.BOOKED else self.clock()
            await change(connection, row.id, state=state.value, ended_at=ended)
            await self.record(connection, actor, _MARKS[state], row.id)

    def _check_mark(self, row: Any, state: State) -> None:
        now = self.clock()
        if row.state not in _BEFORE[state]:
            raise wrong_state(f"the appointment is {row.state}")
        if state is State.ARRIVED and city_day(now) < city_day(row.starts_at):
            raise wrong_state("the appointment is on a later day")
        if state is State.NO_SHOW and now < row.starts_at:
            raise wrong_state("the appointment has not begun")

    async def cancel(self, appointment_id: uuid.UUID, reason: CancelReason, actor: str) -> News | None:
        """Take an appointment back, at any hour until its day is over; None when somebody did so before.

        RequestError 404, 409, and 503 when the hospital's own system does not answer: nothing is changed then.
        """
        await self.give_back_elsewhere(appointment_id)

        async def act(connection: AsyncConnection) -> News | None:
            row = await locked(connection, appointment_id)
            if row.state == State.CANCELLED:
                return None
            self._check_cancel(row)
            return await self.take_back(connection, row, reason, actor)

        return await seats.retried(self.database, act)

    async def take_back(self, connection: AsyncConnection, row: Any, reason: CancelReason, actor: str) -> News:
        """Cancel an appointment that the caller's transaction has locked; our seat is the next one's who waits."""
        now = self.clock()
        await change(connection, row.id, state=State.CANCELLED.value, ended_at=now)
        slot_id = await seats.free(connection, row.seat_id) if row.seat_id is not None else None
        if slot_id is not None:
            await self.queue.pass_on(connection, slot_id, now)
        await self.record(connection, actor, "appointment_cancelled", row.id, reason=reason.value)
        news = News.of(NewsKind.CANCELLED, row, reason=reason)
        await self.herald.write(connection, news)
        return news

    def _check_cancel(self, row: Any) -> None:
        if row.state != State.BOOKED:
            raise wrong_state(f"the appointment is {row.state}")
        if city_day(row.starts_at) < city_day(self.clock()):
            raise wrong_state("the appointment's day is over")

    async def give_back_elsewhere(self, appointment_id: uuid.UUID) -> None:
        """In the hospital's own system, where that keeps the slots; its `key` makes a second time harmless."""
        async with reading(self.database) as connection:
            found = await connection.execute(to_change().where(Appointment.id == appointment_id))
            row = found.one_or_none()
        if row is None or row.external is None or row.state != State.BOOKED:
            return
        self._check_cancel(row)
        try:
            await self.providers[row.hospital].cancel(Taken(row.external, None), f"desk-{row.id.hex}")
        except (ProviderError, KeyError):
            message = "the hospital's system does not answer; the appointment stands as it was"
            raise RequestError(Code.UNAVAILABLE, message, 503, 30) from None

    async def record(
        self, connection: AsyncConnection, actor: str, action: str, appointment_id: uuid.UUID, **detail: str
    ) -> None:
        await audit.record(connection, actor, action, subject(appointment_id), self.clock(), **detail)


async def locked(connection: AsyncConnection, appointment_id: uuid.UUID) -> Any:
    """A row of `to_change`, nobody else's until the transaction ends. RequestError 404."""
    wanted = to_change().where(Appointment.id == appointment_id).with_for_update()
    row = (await connection.execute(wanted)).one_or_none()
    if row is None:
        raise unknown()
    return row


async def change(connection: AsyncConnection, appointment_id: uuid.UUID, **values: Any) -> None:
    await connection.execute(update(Appointment).where(Appointment.id == appointment_id).values(**values))
