"""Booking, moving and cancelling appointments, whichever system keeps the times; what residents' doors stand on.

Nobody's place is lost or doubled by a program that ends half-way: a place is held before it is booked, each act has a
key under which it can be asked for again, and our own seats change in the transaction that changes the appointment.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.appointments import catalogue as catalogues
from bot.appointments import intake as intakes
from bot.appointments import plans, purging, rules, seats, store, waiting
from bot.appointments.catalogue import Catalogue
from bot.appointments.intake import PRINTED, Intake
from bot.appointments.keys import vault_keys
from bot.appointments.local import LocalProvider
from bot.appointments.offers import Offers
from bot.appointments.patient import Patient
from bot.appointments.plans import Schedule
from bot.appointments.provider import Held, Opening, Provider, ProviderError, SlotGone, Taken
from bot.appointments.purging import DRAFT_DAYS
from bot.appointments.readings import Part
from bot.appointments.rules import RuleBook, Rules
from bot.appointments.schedule import fill
from bot.appointments.sealing import Vault
from bot.appointments.seats import retried
from bot.appointments.store import Appointment, Entry, State, TooLate, WishState
from bot.appointments.waiting import Offer, Waiting, WaitingList, Wish
from bot.db.engine import reading
from bot.db.models import Appointment as Row
from bot.db.models import ClinicSession, Seat
from bot.errors import Code, RequestError
from bot.handoff import audit
from bot.handoff.calendar import Calendar
from bot.handoff.hours import CITY_TIME

__all__ = [
    "DRAFT_DAYS",
    "RESIDENT",
    "Appointment",
    "Bookings",
    "Offer",
    "ProviderError",
    "RuleBook",
    "Rules",
    "SlotGone",
    "State",
    "TooLate",
    "Waiting",
    "Wish",
    "WishState",
    "assemble",
    "subject",
]

log = logging.getLogger("linli.booking")

RESIDENT = "resident"
_REMIND_AT = time(10)
# From ten in the morning to the end of the next day.
_LONGEST_REMINDER = timedelta(hours=38)
_MOST_REMINDERS = 200


def subject(appointment_id: uuid.UUID) -> str:
    """What the audit calls an appointment."""
    return f"appointment:{appointment_id.hex}"


_LOOKED_EVERY = timedelta(minutes=1)


@dataclass
class Bookings:
    """`providers`: the hospitals whose own system keeps the times; the others' are in our tables (`local`).

    `plans` and `intake` are data/booking's. StorageError from everything that is async.
    """

    database: AsyncEngine
    catalogue: Catalogue
    calendar: Calendar
    rules: RuleBook
    vault: Vault
    providers: Mapping[str, Provider]
    local: LocalProvider
    clock: Callable[[], datetime]
    demo: bool
    plans: Schedule
    intake: Intake
    queue: WaitingList = field(init=False)
    _entered: Mapping[str, Collection[str]] = field(default_factory=dict)
    _looked: datetime | None = None

    def __post_init__(self) -> None:
        self.queue = WaitingList(self.local, self.catalogue, self.rules)

    def departments(self) -> tuple[str, ...]:
        """Keys of what some hospital can be booked for, in the catalogue's order."""
        had = {name for hospital in self.catalogue.hospitals for name in self._departments_of(hospital)}
        return tuple(name for name, one in self.catalogue.departments.items() if name in had and not one.walk_in)

    def _departments_of(self, hospital: str) -> Collection[str]:
        known = self.catalogue.hospitals[hospital]
        if known.departments is not None:
            return known.departments
        planned = tuple(self.plans.of(known)) if self.demo or hospital in self.providers else ()
        return {*planned, *self._entered.get(hospital, ())}

    async def openings(
        self, department: str, hospital: str | None = None, first: date | None = None, last: date | None = None
    ) -> tuple[Opening, ...]:
        """Free times from now to the horizon, the earliest first; what a provider that fails has is left out."""
        today = self._today()
        span = max(first or today, today), min(last or date.max, self.rules.last_day(today))
        asked = (
            self._asked(provider, department, hospitals, *span)
            for provider, hospitals in self._groups(hospital)
            if span[0] <= span[1]
        )
        found = [opening for openings in await asyncio.gather(*asked) for opening in openings]
        meant = [one for one in found if self._bookable(one, today) and (hospital or self._for_everybody(one))]
        return tuple(sorted(meant, key=lambda one: (one.starts_at, one.hospital, one.id)))

    def _groups(self, hospital: str | None) -> list[tuple[Provider, list[str]]]:
        """Each provider once, with the hospitals to ask it about."""
        hospitals = list(self.catalogue.hospitals) if hospital is None else [hospital]
        own = [name for name in hospitals if name not in self.providers]
        elsewhere = [(self.providers[name], [name]) for name in hospitals if name in self.providers]
        return [*([(self.local, own)] if own else []), *elsewhere]

    async def _asked(
        self, provider: Provider, department: str, hospitals: Sequence[str], first: date, last: date
    ) -> tuple[Opening, ...]:
        try:
            return await provider.openings(department, hospitals, first, last)
        except ProviderError as error:
            log.warning("openings_failed provider=%s type=%s", provider.name, type(error).__name__)
            return ()

    def _bookable(self, opening: Opening, today: date) -> bool:
        day = opening.starts_at.astimezone(CITY_TIME).date()
        return opening.starts_at > self.clock() and day <= self.rules.of(opening.hospital).last_day(today)

    def _for_everybody(self, opening: Opening) -> bool:
        return waiting.serves_everybody(self.catalogue, opening.hospital, opening.department)

    async def opening(self, hospital: str, opening_id: str) -> Opening | None:
        """None when there is no such time, also where the hospital's own system fails. `free` may be 0."""
        if (provider := self.providers.get(hospital)) is None:
            found = await self.local.opening(opening_id)
            return found if found is not None and found.hospital == hospital else None
        today = self._today()
        for department in self._departments_of(hospital):
            last = self.rules.of(hospital).last_day(today)
            for one in await self._asked(provider, department, [hospital], today, last):
                if one.id == opening_id:
                    return one
        return None

    async def hold(self, conversation_id: uuid.UUID, hospital: str, opening_id: str, key: str) -> Held:
        """Keep a place for some minutes; the same again prolongs it. SlotGone, ProviderError.

        Another opening under the same key releases the first.
        """
        until = self.rules.of(hospital).held_until(self.clock())
        held = await self._provider(hospital).hold(conversation_id, opening_id, key, until)
        if held.opening.hospital != hospital or not self._bookable(held.opening, self._today()):
            await self._provider(hospital).release(key)
            raise SlotGone("this time cannot be booked")
        return held

    async def release(self, hospital: str, key: str) -> None:
        """ProviderError."""
        if hospital in self.providers:
            await self.providers[hospital].release(key)
            return
        now = self.clock()

        async def act(connection: AsyncConnection) -> None:
            found = await connection.execute(select(Seat.id).where(Seat.key == key, Seat.until.is_not(None)))
            if (seat_id := found.scalar_one_or_none()) is not None:
                await self.queue.give_back(connection, seat_id, now)

        await retried(self.database, act)

    async def confirm(
        self, conversation_id: uuid.UUID, held: Held, patient: Patient, language: str, key: str
    ) -> Appointment:
        """Book a held place; the same key again gives the same appointment. SlotGone, ProviderError.

        A hold that has expired is as good while nobody else has taken the place.
        """
        known = await self._by_key(conversation_id, key)
        if known is not None:
            return known

        async def booked(place: Held, taken: Taken, provider: Provider) -> Appointment:
            now = self.clock()
            entry = Entry(conversation_id, key, provider.name, place, taken, patient, language, now)
            return await self._write(entry)

        return await self._on(conversation_id, held, patient, key, booked)

    async def _on(
        self,
        conversation_id: uuid.UUID,
        held: Held,
        patient: Patient,
        key: str,
        write: Callable[[Held, Taken, Provider], Any],
    ) -> Appointment:
        """Book the place with whoever keeps it and write that down; once more with a new hold when that is gone."""
        provider = self._provider(held.opening.hospital)
        try:
            return await write(held, await provider.book(held.id, patient, key), provider)  # type: ignore[no-any-return]
        except SlotGone:
            again = await self.hold(conversation_id, held.opening.hospital, held.opening.id, key)
            return await write(again, await provider.book(again.id, patient, key), provider)  # type: ignore[no-any-return]

    async def _write(self, entry: Entry) -> Appointment:
        async def act(connection: AsyncConnection) -> Appointment:
            known = await store.by_key(connection, entry.key)
            if known is not None:
                return self._opened(known)
            await self._take_seat(connection, entry.conversation_id, entry.taken)
            appointment_id = await store.add(connection, entry, self.vault)
            await self._no_longer_waits(connection, entry.conversation_id, entry.held, entry.at)
            await self._record(connection, RESIDENT, "appointment_booked", appointment_id, entry.held.opening.hospital)
            return self._opened(await store.by_id(connection, appointment_id))

        return await retried(self.database, act)

    async def _take_seat(self, connection: AsyncConnection, conversation_id: uuid.UUID, taken: Taken) -> None:
        if taken.seat_id is not None and not await seats.book(connection, taken.seat_id, conversation_id):
            raise SlotGone("the hold has expired")

    async def _no_longer_waits(
        self, connection: AsyncConnection, conversation_id: uuid.UUID, held: Held, now: datetime
    ) -> None:
        for seat_id in await waiting.taken(connection, conversation_id, held):
            await self.queue.give_back(connection, seat_id, now)

    async def move(self, appointment_id: uuid.UUID, held: Held, key: str) -> Appointment:
        """To a held place; the old one is free afterwards. The same again changes nothing.

        SlotGone, TooLate, ProviderError, RequestError 404.
        """
        present = await self._known(appointment_id)
        if self._sits_at(present, held):
            return present
        self._check_changeable(present)

        async def moved(place: Held, taken: Taken, provider: Provider) -> Appointment:
            return await self._rewrite(appointment_id, place, taken, provider)

        after = await self._on(present.conversation_id, held, present.patient, key, moved)
        if present.taken.external is not None and present.taken != after.taken:
            await self._give_back(present, f"moved-{key}")
        return after

    def _sits_at(self, appointment: Appointment, held: Held) -> bool:
        return appointment.taken.seat_id is not None and appointment.taken.seat_id.hex == held.id

    async def _rewrite(self, appointment_id: uuid.UUID, held: Held, taken: Taken, provider: Provider) -> Appointment:
        now = self.clock()

        async def act(connection: AsyncConnection) -> Appointment:
            await store.locked(connection, appointment_id)
            present = self._opened(await store.by_id(connection, appointment_id))
            if present.taken == taken and present.provider == provider.name:
                return present
            self._check_changeable(present)
            await self._take_seat(connection, present.conversation_id, taken)
            await store.put_elsewhere(connection, appointment_id, store.place(provider.name, held, taken))
            await self._free_seat(connection, present.taken, now)
            await self._no_longer_waits(connection, present.conversation_id, held, now)
            await self._record(connection, RESIDENT, "appointment_moved", appointment_id, held.opening.hospital)
            return self._opened(await store.by_id(connection, appointment_id))

        return await retried(self.database, act)

    async def _free_seat(self, connection: AsyncConnection, taken: Taken, now: datetime) -> None:
        """For the next who waits, or for everybody."""
        slot_id = await seats.free(connection, taken.seat_id) if taken.seat_id is not None else None
        if slot_id is not None:
            await self.queue.pass_on(connection, slot_id, now)

    async def _give_back(self, appointment: Appointment, key: str) -> None:
        """The old place in a hospital's own system. A failure is on record: the new place is booked already."""
        try:
            await self._keeper(appointment).cancel(appointment.taken, key)
        except ProviderError as error:
            log.error("old_place_kept hospital=%s type=%s", appointment.hospital, type(error).__name__)

    async def cancel(self, appointment_id: uuid.UUID, actor: str) -> Appointment:
        """Free the place at once; who waits for one like it is next. A second time changes nothing.

        TooLate, ProviderError, RequestError 404.
        """
        present = await self._known(appointment_id)
        if present.state is State.CANCELLED:
            return present
        self._check_changeable(present)
        if present.taken.external is not None:
            await self._keeper(present).cancel(present.taken, f"cancel-{appointment_id.hex}")
        now = self.clock()

        async def act(connection: AsyncConnection) -> Appointment:
            await store.locked(connection, appointment_id)
            found = self._opened(await store.by_id(connection, appointment_id))
            if found.state is State.CANCELLED:
                return found
            self._check_changeable(found)
            await store.end(connection, appointment_id, State.CANCELLED, now)
            await self._free_seat(connection, found.taken, now)
            await self._record(connection, actor, "appointment_cancelled", appointment_id, found.hospital)
            return self._opened(await store.by_id(connection, appointment_id))

        return await retried(self.database, act)

    def _check_changeable(self, appointment: Appointment) -> None:
        if appointment.state is not State.BOOKED:
            raise TooLate(f"the appointment is {appointment.state}")
        if self.clock() > appointment.changeable_until:
            raise TooLate("the time for changing it is over")

    async def upcoming(self, conversation_id: uuid.UUID) -> tuple[Appointment, ...]:
        """Booked and not begun, the earliest first."""
        mine = (Row.conversation_id == conversation_id, Row.state == State.BOOKED, Row.starts_at > self.clock())
        async with reading(self.database) as connection:
            rows = list(await connection.execute(store.appointments().where(*mine).order_by(Row.starts_at, Row.id)))
        return tuple(self._opened(row) for row in rows)

    async def appointment(self, appointment_id: uuid.UUID) -> Appointment | None:
        async with reading(self.database) as connection:
            row = await store.by_id(connection, appointment_id)
        return None if row is None else self._opened(row)

    async def set_intake(self, appointment_id: uuid.UUID, picked: Mapping[str, Sequence[str]], actor: str) -> None:
        """Write the card; RequestError for what is not on its lists, TooLate when the appointment has ended."""
        self.intake.card(picked, PRINTED)
        card = {topic: list(entries) for topic, entries in picked.items() if entries}
        sealed = self.vault.seal(card, store.about_intake(appointment_id)) if card else None
        booked = update(Row).where(Row.id == appointment_id, Row.state == State.BOOKED)

        async def act(connection: AsyncConnection) -> None:
            changed = await connection.execute(booked.values(intake=sealed).returning(Row.hospital))
            hospital = changed.scalar_one_or_none()
            if hospital is None:
                raise TooLate("there is no such appointment any more")
            await self._record(connection, actor, "intake_written", appointment_id, hospital)

        await retried(self.database, act)

    async def wait(
        self,
        conversation_id: uuid.UUID,
        department: str,
        hospital: str | None,
        first: date | None,
        last: date | None,
        part: Part | None,
        language: str,
    ) -> int:
        """The position in the list, 1 for the next; the same wish again is the same entry.

        ProviderError for a hospital whose own system keeps the times: what comes free there we cannot keep.
        RequestError for days that have passed.
        """
        if hospital in self.providers:
            raise ProviderError("this hospital's own system keeps its times; there is no waiting list")
        today = self._today()
        horizon = self.rules.last_day(today) if hospital is None else self.rules.of(hospital).last_day(today)
        wish = Wish(department, hospital, max(first or today, today), last or horizon, part)
        if wish.last < wish.first:
            raise RequestError(Code.BAD_FIELD, "those days have passed")
        now = self.clock()

        async def act(connection: AsyncConnection) -> int:
            return await waiting.join(connection, conversation_id, wish, language, now)

        return await retried(self.database, act)

    async def waiting(self, conversation_id: uuid.UUID) -> tuple[Waiting, ...]:
        async with reading(self.database) as connection:
            return await waiting.of_conversation(connection, conversation_id)

    async def leave(self, conversation_id: uuid.UUID) -> None:
        """Out of the waiting list; what is kept for it goes to the next."""
        now = self.clock()

        async def act(connection: AsyncConnection) -> None:
            await self.queue.leave(connection, conversation_id, now)

        await retried(self.database, act)

    async def offers_to_make(self, now: datetime) -> tuple[Offer, ...]:
        """The sweeper's: offers to tell of, and those that lapsed; each is given once."""
        own = tuple(name for name in self.catalogue.hospitals if name not in self.providers)
        return await Offers(self.database, self.queue, own).to_make(now)

    async def reminders_due(self, now: datetime) -> tuple[Appointment, ...]:
        """Those of tomorrow from ten in the morning on, and of today until they begin, that were booked before then."""
        soon = (Row.state == State.BOOKED, Row.reminded_at.is_(None), Row.starts_at > now)
        until = Row.starts_at <= now + _LONGEST_REMINDER
        statement = store.appointments().where(*soon, until).order_by(Row.starts_at, Row.id)
        async with reading(self.database) as connection:
            rows = list(await connection.execute(statement))
        due = [row for row in rows if row.created_at < _remind_at(row.starts_at) <= now]
        return tuple(self._opened(row) for row in due[:_MOST_REMINDERS])

    async def reminded(self, appointment_id: uuid.UUID, now: datetime) -> bool:
        """True for exactly one caller, who then reminds."""
        due = update(Row).where(Row.id == appointment_id, Row.reminded_at.is_(None), Row.state == State.BOOKED)

        async def act(connection: AsyncConnection) -> bool:
            return (await connection.execute(due.values(reminded_at=now))).rowcount == 1

        return await retried(self.database, act)

    async def purge(self, now: datetime) -> int:
        """Delete what has had its time: holds, drafts, appointments, wishes, the demonstration's past days."""

        async def act(connection: AsyncConnection) -> int:
            return await purging.purge(connection, self.catalogue.hospitals, self.rules, now)

        return await retried(self.database, act)

    async def fill(self, now: datetime) -> int:
        """Make the demonstration's times up to the horizon, and take them away where there is none."""
        schedule = self.plans if self.demo else Schedule({})
        return await fill(
            self.database, schedule, self.catalogue, self.calendar, self.rules, now, without=tuple(self.providers)
        )

    async def refresh(self) -> None:
        """Look, at most once a minute, which departments clerks have entered times for: in every process by itself."""
        now = self.clock()
        if self._looked is None or now - self._looked >= _LOOKED_EVERY:
            self._entered, self._looked = await self._with_sessions(now), now

    async def _with_sessions(self, now: datetime) -> Mapping[str, frozenset[str]]:
        """Departments by hospital for which clerks have entered times that are still to come."""
        coming = (
            select(ClinicSession.hospital, ClinicSession.department)
            .where(~ClinicSession.demo, ClinicSession.day >= now.astimezone(CITY_TIME).date())
            .distinct()
        )
        async with reading(self.database) as connection:
            rows = (await connection.execute(coming)).all()
        return {name: frozenset(row.department for row in rows if row.hospital == name) for name, _ in rows}

    def _provider(self, hospital: str) -> Provider:
        return self.providers.get(hospital, self.local)

    def _keeper(self, appointment: Appointment) -> Provider:
        """ProviderError when the hospital's own system, which has the appointment, is no longer connected."""
        if appointment.hospital not in self.providers:
            raise ProviderError("this hospital's own system is not connected")
        return self.providers[appointment.hospital]

    async def _by_key(self, conversation_id: uuid.UUID, key: str) -> Appointment | None:
        async with reading(self.database) as connection:
            row = await store.by_key(connection, key)
        if row is not None and row.conversation_id != conversation_id:
            raise SlotGone("this key is another conversation's")
        return None if row is None else self._opened(row)

    async def _known(self, appointment_id: uuid.UUID) -> Appointment:
        found = await self.appointment(appointment_id)
        if found is None:
            raise RequestError(Code.NOT_FOUND, "there is no such appointment", 404)
        return found

    def _opened(self, row: Any) -> Appointment:
        return store.opened(row, self.vault, self.rules)

    def _today(self) -> date:
        return self.clock().astimezone(CITY_TIME).date()

    async def _record(
        self, connection: AsyncConnection, actor: str, action: str, appointment_id: uuid.UUID, hospital: str
    ) -> None:
        await audit.record(connection, actor, action, subject(appointment_id), self.clock(), hospital=hospital)


def _remind_at(starts_at: datetime) -> datetime:
    before = starts_at.astimezone(CITY_TIME).date() - timedelta(days=1)
    return datetime.combine(before, _REMIND_AT, CITY_TIME)


def assemble(
    database: AsyncEngine,
    folder: Path,
    calendar: Calendar,
    var_folder: Path,
    clock: Callable[[], datetime],
    providers: Mapping[str, Provider] | None = None,
    *,
    demo: bool,
) -> Bookings:
    """Bookings from data/booking (`folder`). ContentError, StartError."""
    catalogue = catalogues.load(folder)
    return Bookings(
        database=database,
        catalogue=catalogue,
        calendar=calendar,
        rules=rules.load(folder),
        vault=Vault(vault_keys(var_folder)),
        providers=providers or {},
        local=LocalProvider(database, calendar, clock, demo),
        clock=clock,
        demo=demo,
        plans=plans.load(folder, catalogue),
        intake=intakes.load(folder),
    )
