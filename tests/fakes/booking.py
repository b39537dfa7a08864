"""A booking desk over a database of the test's own: a clock to move, times to book, residents who book them."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.appointments.bookings import Appointment, Bookings, assemble
from bot.appointments.patient import Document, Patient, Relation
from bot.appointments.provider import Held, Opening, Provider, ProviderError, SlotGone, Taken
from bot.appointments.readings import Part
from bot.appointments.rules import RuleBook
from bot.db import models
from bot.db.engine import make_engine, reading, transaction
from bot.db.migrate import migrate
from bot.handoff.calendar import Calendar
from bot.handoff.hours import CITY_TIME
from bot.ids import new_id, new_token
from bot.settings import ROOT, load_settings

# A Tuesday, nine in the morning in Hefei.
NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
DATA = ROOT / "data" / "booking"
HOLIDAYS = ROOT / "data" / "holidays"
HOSPITAL, DEPARTMENT = "hospital-ahmu-1", "dermatology"
PATIENT = Patient(Relation.SELF, "Jane Example", date(1990, 2, 28), Document.PASSPORT, "E00000000", "+86 138 0000 0000")


@dataclass
class Clock:
    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def move(self, **how_far: float) -> datetime:
        self.now += timedelta(**how_far)
        return self.now


def make_bookings(
    database: AsyncEngine,
    var: Path,
    clock: Callable[[], datetime],
    providers: Mapping[str, Provider] | None = None,
    *,
    demo: bool = True,
    **rules: int,
) -> Bookings:
    """With the project's own data; `rules` are those of every hospital that are to be others."""
    var.mkdir(parents=True, exist_ok=True)
    made = assemble(database, DATA, Calendar.load(HOLIDAYS), var, clock, providers, demo=demo)
    if not rules:
        return made
    return replace(made, rules=RuleBook(replace(made.rules.default, **rules), {}))


@asynccontextmanager
async def booking(
    url: str, var: Path, clock: Callable[[], datetime], providers: Mapping[str, Provider] | None = None, **given: Any
) -> AsyncIterator[Bookings]:
    """On the database of a URL, at this code's schema."""
    database = make_engine(load_settings({}, database_url=url).database_url)
    try:
        await migrate(database)
        yield make_bookings(database, var, clock, providers, **given)
    finally:
        await database.dispose()


async def add_conversation(database: AsyncEngine, at: datetime = NOW) -> uuid.UUID:
    """Somebody who has written."""
    conversation_id = new_id()
    row = {
        "id": conversation_id, "token": new_token(), "channel": "web", "site": None, "owner": "bot",
        "language": "en", "language_chosen": True, "retention": "anonymous", "last_seq": 0, "seen_seq": 0,
        "created_at": at, "updated_at": at,
    }  # fmt: skip
    async with transaction(database) as connection:
        await connection.execute(insert(models.Conversation).values(row))
    return conversation_id


async def add_slot(
    database: AsyncEngine,
    starts_at: datetime | None = None,
    capacity: int = 1,
    hospital: str = HOSPITAL,
    department: str = DEPARTMENT,
    **session: Any,
) -> str:
    """A time that can be booked, by default in two days; its opening's id."""
    starts_at = starts_at or NOW + timedelta(days=2)
    session_id, slot_id = new_id(), new_id()
    row = {
        "id": session_id, "key": session_id.hex, "hospital": hospital, "campus": "main", "department": department,
        "clinician_id": None, "day": starts_at.astimezone(CITY_TIME).date(), "part": Part.MORNING, "state": "open",
        "fee_fen": None, "international": False, "demo": True, **session,
    }  # fmt: skip
    slot = {"id": slot_id, "session_id": session_id, "starts_at": starts_at, "minutes": 30, "capacity": capacity}
    async with transaction(database) as connection:
        await connection.execute(insert(models.ClinicSession).values(row))
        await connection.execute(insert(models.Slot).values(slot))
    return slot_id.hex


async def book(
    bookings: Bookings, opening_id: str, patient: Patient = PATIENT, hospital: str = HOSPITAL
) -> Appointment:
    """The whole way, for somebody new. SlotGone."""
    conversation_id, key = await add_conversation(bookings.database), new_id().hex
    held = await bookings.hold(conversation_id, hospital, opening_id, key)
    return await bookings.confirm(conversation_id, held, patient, "en", key)


async def count(database: AsyncEngine, table: type[models.Base]) -> int:
    async with reading(database) as connection:
        return int((await connection.execute(select(func.count()).select_from(table))).scalar_one())


@dataclass
class HospitalSystem:
    """A hospital's own system in memory: one place each, holds by key; `down` is one that does not answer."""

    hospital: str
    clock: Callable[[], datetime]
    times: dict[str, datetime] = field(default_factory=dict)
    held: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    booked: dict[str, str] = field(default_factory=dict)
    down: bool = False
    name: str = "fake"

    async def openings(self, department: str, hospitals: Any, first: date, last: date) -> tuple[Opening, ...]:
        self._answer()
        days = {one: at.astimezone(CITY_TIME).date() for one, at in self.times.items()}
        return tuple(self._opening(one) for one in self.times if first <= days[one] <= last and not self._gone(one, ""))

    async def hold(self, conversation_id: uuid.UUID, opening_id: str, key: str, until: datetime) -> Held:
        self._answer()
        if opening_id not in self.times or self._gone(opening_id, key):
            raise SlotGone("taken")
        self.held[key] = (opening_id, until)
        return Held(key, self._opening(opening_id), until)

    async def release(self, key: str) -> None:
        self._answer()
        self.held.pop(key, None)

    async def book(self, held_id: str, patient: Patient, key: str) -> Taken:
        self._answer()
        opening_id, until = self.held.get(held_id, ("", self.clock()))
        if self.booked.get(key, "") != opening_id or not opening_id:
            if until <= self.clock():
                raise SlotGone("the hold has expired")
            self.booked[key] = opening_id
        return Taken(key, None)

    async def cancel(self, taken: Taken, key: str) -> None:
        self._answer()
        self.booked.pop(taken.external or "", None)
        self.held.pop(taken.external or "", None)

    def _answer(self) -> None:
        if self.down:
            raise ProviderError("no answer")

    def _gone(self, opening_id: str, key: str) -> bool:
        others = [one for mark, (one, until) in self.held.items() if mark != key and until > self.clock()]
        return opening_id in others or opening_id in [one for mark, one in self.booked.items() if mark != key]

    def _opening(self, opening_id: str) -> Opening:
        at = self.times[opening_id]
        return Opening(
            opening_id, self.hospital, "main", DEPARTMENT, at, 15, Part.MORNING, 1, 2500, ("en",), False, False
        )
