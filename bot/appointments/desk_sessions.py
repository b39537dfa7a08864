"""Clinic sessions as a hospital keeps them: added, closed when a doctor is ill, opened again."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.appointments import seats
from bot.appointments.catalogue import Catalogue
from bot.appointments.desk import Desk, News
from bot.appointments.desk_drafts import Draft, slot_starts
from bot.appointments.desk_rows import Scope, city_day, listing, to_change, wrong_state
from bot.appointments.desk_words import CancelReason
from bot.appointments.seats import SessionState
from bot.appointments.store import State
from bot.appointments.waiting import WaitState
from bot.db.engine import reading
from bot.db.models import Appointment, Clinician, ClinicSession, Seat, Slot, WaitingEntry
from bot.errors import Code, RequestError
from bot.handoff import audit
from bot.ids import new_id

_KEY_PREFIX = "desk:"
_KEPT = (WaitState.KEPT.value, WaitState.OFFERED.value)


@dataclass(frozen=True)
class Added:
    """`made_up` are the demonstration's appointments that stay in the sessions which this one replaces."""

    id: uuid.UUID
    new: bool
    made_up: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Closed:
    """`affected` are rows of `listing`: the booked appointments of the session, as they were before."""

    affected: tuple[Any, ...]
    news: tuple[News, ...]


@dataclass(frozen=True)
class Sessions:
    desk: Desk
    catalogue: Catalogue

    async def listed(self, scope: Scope) -> list[Any]:
        """By day and start: the session, its clinician, its hours, and how many places it has, booked and held."""
        wanted = _sessions(self.desk.clock()).where(
            ClinicSession.hospital == scope.hospital, ClinicSession.day.between(scope.days.first, scope.days.last)
        )
        if scope.department is not None:
            wanted = wanted.where(ClinicSession.department == scope.department)
        async with reading(self.desk.database) as connection:
            return list(await connection.execute(wanted.order_by(ClinicSession.day, "begins", ClinicSession.id)))

    async def add(self, draft: Draft, actor: str) -> Added:
        """A real session with its slots; the same key again is the same session. RequestError 400.

        What was made up for this department and day is closed: nobody is offered invented times beside real ones.
        """
        starts = slot_starts(draft, self.catalogue, self.desk.clock())

        async def act(connection: AsyncConnection) -> Added:
            key = f"{_KEY_PREFIX}{draft.hospital}:{draft.key}"
            known = await connection.execute(select(ClinicSession.id).where(ClinicSession.key == key))
            if (session_id := known.scalar_one_or_none()) is not None:
                return Added(session_id, new=False)
            session_id = await _insert(connection, draft, key, starts)
            left = await self._close_made_up(connection, draft)
            await self._record(connection, actor, "session_added", session_id, slots=len(starts))
            return Added(session_id, new=True, made_up=tuple(left))

        return await seats.retried(self.desk.database, act)

    async def close(self, session_id: uuid.UUID, actor: str, cancel: CancelReason | None = None) -> Closed:
        """Nobody can book it from now on, and what was only held in it is let go. Closed already: the same again.

        With `cancel` its appointments are taken back at once; without, they stand until somebody decides. RequestError
        404, 409 when its day is over.
        """

        async def act(connection: AsyncConnection) -> Closed:
            row = await self._locked(connection, session_id)
            if row.state == SessionState.OPEN:
                await _set_state(connection, [session_id], SessionState.CLOSED)
                await self._record(connection, actor, "session_closed", session_id, cancelled=cancel is not None)
            await _let_held_go(connection, [session_id])
            affected = await _booked(connection, [session_id])
            return Closed(tuple(affected), await self._taken_back(connection, session_id, actor, cancel))

        return await seats.retried(self.desk.database, act)

    async def open(self, session_id: uuid.UUID, actor: str) -> None:
        """A closed one again. RequestError 404, 409."""

        async def act(connection: AsyncConnection) -> None:
            row = await self._locked(connection, session_id)
            if row.state == SessionState.OPEN:
                return
            if row.state != SessionState.CLOSED:
                raise wrong_state("the schedule no longer has this session")
            await _set_state(connection, [session_id], SessionState.OPEN)
            await self._record(connection, actor, "session_opened", session_id)

        await seats.retried(self.desk.database, act)

    async def _taken_back(
        self, connection: AsyncConnection, session_id: uuid.UUID, actor: str, reason: CancelReason | None
    ) -> tuple[News, ...]:
        if reason is None:
            return ()
        wanted = to_change().where(_in_sessions([session_id]), Appointment.state == State.BOOKED.value)
        rows = list(await connection.execute(wanted.order_by(Appointment.id).with_for_update()))
        return tuple([await self.desk.take_back(connection, row, reason, actor) for row in rows])

    async def _close_made_up(self, connection: AsyncConnection, draft: Draft) -> list[Any]:
        found = await connection.execute(
            select(ClinicSession.id).where(
                ClinicSession.hospital == draft.hospital,
                ClinicSession.department == draft.department,
                ClinicSession.day == draft.day,
                ClinicSession.demo.is_(True),
                ClinicSession.state == SessionState.OPEN.value,
            )
        )
        sessions = list(found.scalars())
        await _set_state(connection, sessions, SessionState.CLOSED)
        await _let_held_go(connection, sessions)
        return await _booked(connection, sessions)

    async def _locked(self, connection: AsyncConnection, session_id: uuid.UUID) -> Any:
        wanted = select(ClinicSession.id, ClinicSession.state, ClinicSession.day).where(ClinicSession.id == session_id)
        row = (await connection.execute(wanted.with_for_update())).one_or_none()
        if row is None:
            raise RequestError(Code.NOT_FOUND, "there is no such session", 404)
        if row.day < city_day(self.desk.clock()):
            raise wrong_state("the session's day is over")
        return row

    async def _record(
        self, connection: AsyncConnection, actor: str, action: str, session_id: uuid.UUID, **detail: int
    ) -> None:
        await audit.record(connection, actor, action, f"session:{session_id.hex}", self.desk.clock(), **detail)


async def _insert(connection: AsyncConnection, draft: Draft, key: str, starts: Sequence[datetime]) -> uuid.UUID:
    session = {
        "id": new_id(),
        "key": key,
        "hospital": draft.hospital,
        "campus": draft.campus,
        "department": draft.department,
        "clinician_id": await _clinician(connection, draft),
        "day": draft.day,
        "part": draft.part.value,
        "state": SessionState.OPEN.value,
        "fee_fen": draft.fee_fen,
        "international": draft.international,
        "demo": False,
    }
    await connection.execute(insert(ClinicSession).values(session))
    slot = {"session_id": session["id"], "minutes": draft.minutes, "capacity": draft.capacity}
    await connection.execute(insert(Slot), [{**slot, "id": new_id(), "starts_at": start} for start in starts])
    return session["id"]  # type: ignore[return-value]


async def _clinician(connection: AsyncConnection, draft: Draft) -> uuid.UUID | None:
    """Who sees the patients, the same row for the same person; None when nothing is known of them."""
    if not draft.clinician_zh and not draft.languages:
        return None
    known = await connection.execute(
        select(Clinician.id, Clinician.languages).where(
            Clinician.hospital == draft.hospital,
            Clinician.department == draft.department,
            Clinician.name_zh == draft.clinician_zh,
            Clinician.demo.is_(False),
        )
    )
    wanted = list(draft.languages)
    for row in known:
        if row.languages == wanted:
            return row.id  # type: ignore[no-any-return]  # a row's columns are not typed
    made = {"id": new_id(), "hospital": draft.hospital, "department": draft.department, "name_zh": draft.clinician_zh}
    await connection.execute(insert(Clinician).values(made | {"languages": wanted, "demo": False}))
    return made["id"]  # type: ignore[return-value]


async def _set_state(connection: AsyncConnection, sessions: Sequence[uuid.UUID], state: SessionState) -> None:
    """Who is just about to hold one of its places is waited for (bot.appointments.seats.check_open)."""
    slots = select(Slot.id).where(Slot.session_id.in_(sessions)).order_by(Slot.id).with_for_update()
    await connection.execute(slots)
    changed = update(ClinicSession).where(ClinicSession.id.in_(sessions))
    await connection.execute(changed.values(state=state.value))


async def _let_held_go(connection: AsyncConnection, sessions: Sequence[uuid.UUID]) -> None:
    """Places that are held and not booked: whoever was about to book them finds that the time is gone."""
    of_these = select(Seat.id).join(Slot, Slot.id == Seat.slot_id).where(Slot.session_id.in_(sessions))
    held = of_these.where(Seat.until.is_not(None))
    # Whom a place was kept for has not let it go by: they wait on, in their old place in the list.
    kept = update(WaitingEntry).where(WaitingEntry.seat_id.in_(held), WaitingEntry.state.in_(_KEPT))
    await connection.execute(kept.values(state=WaitState.WAITING.value, seat_id=None, offer_until=None))
    for seat_id in list((await connection.execute(held.order_by(Seat.id))).scalars()):
        await seats.drop(connection, seat_id)


async def _booked(connection: AsyncConnection, sessions: Sequence[uuid.UUID]) -> list[Any]:
    wanted = listing().where(_in_sessions(sessions), Appointment.state == State.BOOKED.value)
    return list(await connection.execute(wanted.order_by(Appointment.starts_at, Appointment.id)))


def _in_sessions(sessions: Sequence[uuid.UUID]) -> Any:
    places = select(Seat.id).join(Slot, Slot.id == Seat.slot_id).where(Slot.session_id.in_(sessions))
    return Appointment.seat_id.in_(places)


def _sessions(now: datetime) -> Select[Any]:
    """`places` counts the capacity of all slots, `booked` and `held` those that are taken."""

    def slots(column: Any) -> Any:
        return select(column).where(Slot.session_id == ClinicSession.id).correlate(ClinicSession).scalar_subquery()

    def taken(condition: Any) -> Any:
        counted = select(func.count(Seat.id)).join(Slot, Slot.id == Seat.slot_id)
        of_session = counted.where(Slot.session_id == ClinicSession.id, condition)
        return of_session.correlate(ClinicSession).scalar_subquery()

    columns: tuple[Any, ...] = (
        ClinicSession.id,
        ClinicSession.hospital,
        ClinicSession.campus,
        ClinicSession.department,
        ClinicSession.day,
        ClinicSession.part,
        ClinicSession.state,
        ClinicSession.fee_fen,
        ClinicSession.international,
        ClinicSession.demo,
        Clinician.name_zh,
        Clinician.languages,
        slots(func.min(Slot.starts_at)).label("begins"),
        slots(func.max(Slot.starts_at)).label("last_start"),
        slots(func.max(Slot.minutes)).label("minutes"),
        slots(func.sum(Slot.capacity)).label("places"),
        taken(Seat.until.is_(None)).label("booked"),
        taken(Seat.until > now).label("held"),
    )
    return select(*columns).outerjoin(Clinician, Clinician.id == ClinicSession.clinician_id)
