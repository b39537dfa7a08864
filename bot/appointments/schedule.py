"""Which sessions a plan makes of a day (pure), and the demonstration's sessions and slots in the tables."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import delete, exists, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.appointments.catalogue import Catalogue, Hospital
from bot.appointments.plans import MAKE_UP, WEEKDAYS, Plan, Schedule
from bot.appointments.readings import Part
from bot.appointments.rules import RuleBook
from bot.appointments.seats import SessionState, retried
from bot.db.models import Clinician, ClinicSession, Seat, Slot
from bot.handoff.calendar import Calendar, DayKind
from bot.handoff.hours import CITY_TIME
from bot.ids import new_id

# A clinician of the demonstration is the same row at every filling.
_NAMESPACE = uuid.UUID("6f2b9d3e-0c51-4a37-9a55-6d1f1b1c7e20")
# SQLite takes no more than 32766 values in a statement.
_AT_ONCE = 500


@dataclass(frozen=True)
class Planned:
    """A session of a day. `starts` are its slots' instants in UTC, each of `minutes`."""

    day: date
    part: Part
    starts: tuple[datetime, ...]
    minutes: int


def sessions_for(day: date, plan: Plan, calendar: Calendar) -> tuple[Planned, ...]:
    """The sessions of a day of the city, in order; none on a public holiday."""
    return tuple(
        Planned(day, part, slots(day, *plan.hours[part], plan.minutes), plan.minutes)
        for part in sorted(parts_of(day, plan, calendar), key=lambda part: plan.hours[part])
    )


def sessions_between(first: date, last: date, plan: Plan, calendar: Calendar) -> Iterator[Planned]:
    """Those of the days from `first` to `last`, both included."""
    for number in range((last - first).days + 1):
        yield from sessions_for(first + timedelta(days=number), plan, calendar)


def parts_of(day: date, plan: Plan, calendar: Calendar) -> tuple[Part, ...]:
    kind = calendar.kind(day)
    if kind is DayKind.MAKE_UP:
        return plan.week[MAKE_UP]
    if kind is DayKind.HOLIDAY or (day.month, day.day) in plan.always_closed:
        return ()
    return plan.week[WEEKDAYS[day.weekday()]]


def slots(day: date, begin: time, end: time, minutes: int) -> tuple[datetime, ...]:
    """Where the whole slots begin that lie between two times of the city."""
    first, last = (datetime.combine(day, at, CITY_TIME).astimezone(UTC) for at in (begin, end))
    length = timedelta(minutes=minutes)
    return tuple(first + number * length for number in range((last - first) // length))


async def fill(
    database: AsyncEngine,
    schedule: Schedule,
    catalogue: Catalogue,
    calendar: Calendar,
    rules: RuleBook,
    now: datetime,
    without: Collection[str] = (),
) -> int:
    """Make what is missing of the demonstration up to the horizon, and take away what the plans no longer have.

    How many slots were made. `without` are the hospitals whose own system keeps the times. Doing it again changes
    nothing; a session in which somebody has a seat is not taken away, it takes nobody in any more.
    """
    made = 0
    today = now.astimezone(CITY_TIME).date()
    for hospital in catalogue.hospitals.values():
        plans = {} if hospital.key in without else schedule.of(hospital)
        wanted = _wanted(hospital, plans, calendar, today, rules.of(hospital.key).last_day(today))
        made += await _fill_hospital(database, hospital, plans, wanted, today)
    return made


Wanted = Mapping[str, tuple[dict[str, Any], Planned, int]]


def _wanted(hospital: Hospital, plans: Mapping[str, Plan], calendar: Calendar, first: date, last: date) -> Wanted:
    """Sessions by key: the row, the session and the capacity of its slots."""
    return {
        row["key"]: (row, session, plan.capacity)
        for department, plan in plans.items()
        for session in sessions_between(first, last, plan, calendar)
        for row in _session_rows(hospital, department, plan, session)
    }


def _session_rows(hospital: Hospital, department: str, plan: Plan, session: Planned) -> Iterator[dict[str, Any]]:
    for number, _ in enumerate(plan.clinicians, 1):
        yield {
            "key": f"demo/{hospital.key}/{department}/{number}/{session.day.isoformat()}/{session.part}",
            "hospital": hospital.key,
            "campus": hospital.campuses[0].key,
            "department": department,
            "clinician_id": _clinician_id(hospital.key, department, number),
            "day": session.day,
            "part": session.part,
            "state": SessionState.OPEN,
            "fee_fen": None,
            "international": False,
            "demo": True,
        }


def _clinician_id(hospital: str, department: str, number: int) -> uuid.UUID:
    return uuid.uuid5(_NAMESPACE, f"{hospital}/{department}/{number}")


async def _fill_hospital(
    database: AsyncEngine, hospital: Hospital, plans: Mapping[str, Plan], wanted: Wanted, today: date
) -> int:
    async def act(connection: AsyncConnection) -> int:
        of_demo = (ClinicSession.hospital == hospital.key, ClinicSession.demo, ClinicSession.day >= today)
        found = await connection.execute(select(ClinicSession.key, ClinicSession.id).where(*of_demo))
        present = {row.key: row.id for row in found}
        await _remove(connection, [present[key] for key in present if key not in wanted])
        await _reopen(connection, [present[key] for key in present if key in wanted])
        await _add_clinicians(connection, hospital.key, plans)
        return await _add(connection, {key: entry for key, entry in wanted.items() if key not in present})

    return await retried(database, act)


async def _remove(connection: AsyncConnection, ids: list[uuid.UUID]) -> None:
    for some in _in_parts(ids):
        seated = exists().where(Seat.slot_id == Slot.id, Slot.session_id == ClinicSession.id)
        empty = select(ClinicSession.id).where(ClinicSession.id.in_(some), ~seated)
        gone = list((await connection.execute(empty)).scalars())
        await connection.execute(delete(Slot).where(Slot.session_id.in_(gone)))
        await connection.execute(delete(ClinicSession).where(ClinicSession.id.in_(gone)))
        off = update(ClinicSession).where(ClinicSession.id.in_(some), ClinicSession.state == SessionState.OPEN)
        await connection.execute(off.values(state=SessionState.OFF))


async def _reopen(connection: AsyncConnection, ids: list[uuid.UUID]) -> None:
    for some in _in_parts(ids):
        off = update(ClinicSession).where(ClinicSession.id.in_(some), ClinicSession.state == SessionState.OFF)
        await connection.execute(off.values(state=SessionState.OPEN))


async def _add_clinicians(connection: AsyncConnection, hospital: str, plans: Mapping[str, Plan]) -> None:
    found = await connection.execute(select(Clinician.id).where(Clinician.hospital == hospital))
    present = set(found.scalars())
    rows = [
        {
            "id": clinician_id,
            "hospital": hospital,
            "department": department,
            "name_zh": person.name_zh,
            "languages": list(person.languages),
            "demo": True,
        }
        for department, plan in plans.items()
        for number, person in enumerate(plan.clinicians, 1)
        if (clinician_id := _clinician_id(hospital, department, number)) not in present
    ]
    if rows:
        await connection.execute(insert(Clinician), rows)


async def _add(connection: AsyncConnection, missing: Wanted) -> int:
    sessions, made = [], []
    for row, session, capacity in missing.values():
        session_id = new_id()
        sessions.append(row | {"id": session_id})
        common = {"session_id": session_id, "minutes": session.minutes, "capacity": capacity}
        made += [{"id": new_id(), "starts_at": start, **common} for start in session.starts]
    for table, rows in ((ClinicSession, sessions), (Slot, made)):
        if rows:
            await connection.execute(insert(table), rows)
    return len(made)


def _in_parts(ids: list[uuid.UUID]) -> Iterator[list[uuid.UUID]]:
    for first in range(0, len(ids), _AT_ONCE):
        yield ids[first : first + _AT_ONCE]
