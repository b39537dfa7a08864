"""An appointment's whole way: held, booked, moved, cancelled, reminded of, forgotten; here and at a hospital's own."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from bot.appointments.bookings import Appointment, Bookings, SlotGone, State, TooLate, WishState, subject
from bot.appointments.patient import Relation
from bot.appointments.provider import ProviderError
from bot.appointments.rules import RuleBook
from bot.appointments.sealing import Vault, VaultError
from bot.db import models
from bot.db.engine import reading, transaction
from bot.errors import RequestError, StorageError
from bot.handoff.hours import CITY_TIME
from bot.ids import new_id
from bot.keeping.erasing import Cause
from bot.keeping.privacy import erase
from tests.fakes.booking import (
    DEPARTMENT,
    HOSPITAL,
    NOW,
    PATIENT,
    Clock,
    HospitalSystem,
    add_conversation,
    add_slot,
    book,
    booking,
    count,
)

OTHER = "hospital-ahmu-2"
FOREIGN = replace(PATIENT, relation=Relation.CHILD, guardian="Parent Example", interpreter="ar")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def bookings(database_url: str, tmp_path: Path, clock: Clock) -> AsyncIterator[Bookings]:
    async with booking(database_url, tmp_path / "var", clock) as made:
        yield made


@pytest.fixture
def system(clock: Clock) -> HospitalSystem:
    return HospitalSystem(OTHER, clock, {f"t{number}": NOW + timedelta(days=2, hours=number) for number in range(3)})


@pytest.fixture
async def connected(database_url: str, tmp_path: Path, clock: Clock, system: HospitalSystem) -> AsyncIterator[Bookings]:
    """One hospital with its own system beside those in our tables."""
    async with booking(database_url, tmp_path / "var", clock, {OTHER: system}) as made:
        yield made


async def rows(bookings: Bookings, table: type[models.Base]) -> list[Any]:
    async with reading(bookings.database) as connection:
        return list(await connection.execute(select(table)))


async def moved(bookings: Bookings, one: Appointment, opening_id: str, hospital: str = HOSPITAL) -> Appointment:
    key = new_id().hex
    held = await bookings.hold(one.conversation_id, hospital, opening_id, key)
    return await bookings.move(one.id, held, key)


async def test_what_is_booked_is_found_again(bookings: Bookings) -> None:
    made = await book(bookings, await add_slot(bookings.database), FOREIGN)
    assert await bookings.appointment(made.id) == made
    assert await bookings.upcoming(made.conversation_id) == (made,)
    assert made.patient == FOREIGN
    assert (made.state, made.hospital, made.department, made.demo) == (State.BOOKED, HOSPITAL, DEPARTMENT, True)
    assert made.interpreter == ("ar", WishState.WISHED, None)
    assert made.changeable_until == made.starts_at - timedelta(hours=24)
    assert (made.intake, made.fee_fen, made.link_number) == (None, None, 1)
    assert made.reference.startswith("LB-")
    assert await bookings.appointment(uuid.uuid4()) is None


async def test_nothing_of_the_patient_can_be_read_in_the_database(bookings: Bookings) -> None:
    made = await book(bookings, await add_slot(bookings.database), FOREIGN)
    await bookings.set_intake(made.id, {"symptoms": ["fever"]}, "resident")
    for table in (models.Appointment, models.Seat, models.Audit, models.InterpreterWish):
        told = repr([tuple(row) for row in await rows(bookings, table)])
        for mark in ("Example", "E00000000", "138", "1990", "fever"):
            assert mark not in told, table.__tablename__
    assert "Example" not in repr(made)
    stranger = replace(bookings, vault=Vault((b"x" * 32,)))
    with pytest.raises(VaultError):
        await stranger.appointment(made.id)


async def test_a_sealed_patient_cannot_be_put_into_another_row(bookings: Bookings) -> None:
    one, two = [await book(bookings, await add_slot(bookings.database)) for _ in range(2)]
    async with transaction(bookings.database) as connection:
        sealed = select(models.Appointment.patient).where(models.Appointment.id == one.id).scalar_subquery()
        swap = update(models.Appointment).where(models.Appointment.id == two.id)
        await connection.execute(swap.values(patient=sealed))
    with pytest.raises(VaultError):
        await bookings.appointment(two.id)


async def test_the_conversation_becomes_a_medical_one(bookings: Bookings) -> None:
    await book(bookings, await add_slot(bookings.database))
    assert [row.retention for row in await rows(bookings, models.Conversation)] == ["medical"]


async def test_acts_are_on_record_without_a_word_of_anybody(bookings: Bookings) -> None:
    made = await book(bookings, await add_slot(bookings.database))
    await moved(bookings, made, await add_slot(bookings.database))
    await bookings.set_intake(made.id, {"pain": []}, "resident")
    await bookings.cancel(made.id, "resident")
    found = sorted(await rows(bookings, models.Audit), key=lambda row: row.id)
    assert [row.action for row in found] == [
        "appointment_booked", "appointment_moved", "intake_written", "appointment_cancelled"
    ]  # fmt: skip
    assert {row.subject for row in found} == {subject(made.id)}
    assert all(row.detail == {"hospital": HOSPITAL} and row.actor == "resident" for row in found)


async def test_cancelling_frees_the_place_at_once_and_twice_is_once(bookings: Bookings) -> None:
    slot = await add_slot(bookings.database)
    made = await book(bookings, slot)
    assert await bookings.openings(DEPARTMENT) == ()
    ended = await asyncio.gather(*(bookings.cancel(made.id, "resident") for _ in range(5)))
    assert {one.state for one in ended} == {State.CANCELLED}
    assert [one.id for one in await bookings.openings(DEPARTMENT)] == [slot]
    assert len([row for row in await rows(bookings, models.Audit) if row.action == "appointment_cancelled"]) == 1
    assert await bookings.upcoming(made.conversation_id) == ()
    await book(bookings, slot)
    with pytest.raises(TooLate):
        await moved(bookings, made, await add_slot(bookings.database))


async def test_the_deadline_is_the_hospitals(bookings: Bookings, clock: Clock) -> None:
    strict = replace(bookings.rules.default, change_hours=36)
    bookings.rules = RuleBook(bookings.rules.default, {OTHER: strict})
    usual = await book(bookings, await add_slot(bookings.database))
    late = await book(bookings, await add_slot(bookings.database, hospital=OTHER), hospital=OTHER)
    target = await add_slot(bookings.database, NOW + timedelta(days=4))
    clock.now = late.changeable_until + timedelta(seconds=1)
    with pytest.raises(TooLate):
        await bookings.cancel(late.id, "resident")
    with pytest.raises(TooLate):
        await moved(bookings, late, target)
    assert (await bookings.appointment(late.id)) == late
    clock.now = usual.changeable_until
    assert (await bookings.cancel(usual.id, "resident")).state is State.CANCELLED


async def test_moving_takes_the_new_place_and_frees_the_old(bookings: Bookings, clock: Clock) -> None:
    old, new = await add_slot(bookings.database), await add_slot(bookings.database, NOW + timedelta(days=3))
    made = await book(bookings, old, FOREIGN)
    async with transaction(bookings.database) as connection:
        interpreter = {"id": new_id(), "name": "Interpreter A", "languages": ["ar"], "active": True}
        await connection.execute(insert(models.Interpreter).values(interpreter))
        assigned = {"interpreter_id": interpreter["id"], "state": WishState.ASSIGNED}
        await connection.execute(update(models.InterpreterWish).values(assigned))
    found = await bookings.appointment(made.id)
    assert found is not None
    assert found.interpreter == ("ar", WishState.ASSIGNED, "Interpreter A")
    held = await bookings.hold(made.conversation_id, HOSPITAL, new, "move")
    after = await bookings.move(made.id, held, "move")
    assert (after.id, after.reference, after.patient) == (made.id, made.reference, FOREIGN)
    assert after.starts_at == NOW + timedelta(days=3)
    assert after.interpreter == ("ar", WishState.WISHED, None), "whoever was to come may not be able to, then"
    assert await bookings.move(made.id, held, "move") == after
    assert await count(bookings.database, models.Seat) == 1
    assert [one.id for one in await bookings.openings(DEPARTMENT)] == [old]


async def test_moving_to_what_is_gone_leaves_all_as_it_was(bookings: Bookings, clock: Clock) -> None:
    made = await book(bookings, await add_slot(bookings.database))
    other = await add_slot(bookings.database, NOW + timedelta(days=5))
    held = await bookings.hold(made.conversation_id, HOSPITAL, other, "move")
    clock.move(minutes=11)
    await book(bookings, other)
    with pytest.raises(SlotGone):
        await bookings.move(made.id, held, "move")
    assert await bookings.appointment(made.id) == made


async def test_another_time_under_the_same_key_releases_the_first(bookings: Bookings, clock: Clock) -> None:
    one, two = [await add_slot(bookings.database) for _ in range(2)]
    who = await add_conversation(bookings.database)
    first = await bookings.hold(who, HOSPITAL, one, "key")
    clock.move(minutes=5)
    again = await bookings.hold(who, HOSPITAL, one, "key")
    assert (again.id, again.until) == (first.id, NOW + timedelta(minutes=15))
    await bookings.hold(who, HOSPITAL, two, "key")
    assert [opening.id for opening in await bookings.openings(DEPARTMENT)] == [one]
    await bookings.release(HOSPITAL, "key")
    await bookings.release(HOSPITAL, "key")
    assert len(await bookings.openings(DEPARTMENT)) == 2


async def test_a_hold_never_outlives_the_time_itself(bookings: Bookings) -> None:
    soon = await add_slot(bookings.database, NOW + timedelta(minutes=4))
    held = await bookings.hold(await add_conversation(bookings.database), HOSPITAL, soon, "key")
    assert held.until == NOW + timedelta(minutes=4)


async def test_what_cannot_be_booked_is_gone(bookings: Bookings) -> None:
    who = await add_conversation(bookings.database)
    past = await add_slot(bookings.database, NOW)
    beyond = await add_slot(bookings.database, datetime(2026, 12, 8, 16, 0, tzinfo=UTC))
    last = await add_slot(bookings.database, datetime(2026, 12, 8, 15, 30, tzinfo=UTC))
    for opening_id in (past, beyond, "nonsense", uuid.uuid4().hex):
        with pytest.raises(SlotGone):
            await bookings.hold(who, HOSPITAL, opening_id, "key")
    with pytest.raises(SlotGone):
        await bookings.hold(who, OTHER, last, "key")
    assert await count(bookings.database, models.Seat) == 0
    assert [one.id for one in await bookings.openings(DEPARTMENT)] == [last], "the last day to its end, and no more"
    await bookings.hold(who, HOSPITAL, last, "key")


async def test_an_opening_by_its_id(bookings: Bookings) -> None:
    slot = await add_slot(bookings.database, capacity=2, fee_fen=2500)
    found = await bookings.opening(HOSPITAL, slot)
    assert found is not None
    assert (found.free, found.fee_fen) == (2, 2500)
    assert await bookings.opening(OTHER, slot) is None
    assert await bookings.opening(HOSPITAL, "nonsense") is None
    for _ in range(2):
        await book(bookings, slot)
    full = await bookings.opening(HOSPITAL, slot)
    assert full is not None
    assert full.free == 0


async def test_somebody_who_is_erased_leaves_a_free_place(bookings: Bookings) -> None:
    class Nothing:
        async def erase(self, conversation: str) -> None:
            """The engine remembers nobody here."""

    made = await book(bookings, await add_slot(bookings.database), FOREIGN)
    await erase(bookings.database, Nothing(), made.conversation_id, Cause.RESIDENT, NOW)
    for table in (models.Appointment, models.Seat, models.InterpreterWish):
        assert await count(bookings.database, table) == 0
    assert len(await bookings.openings(DEPARTMENT)) == 1
    with pytest.raises(RequestError) as caught:
        await bookings.cancel(made.id, "resident")
    assert caught.value.status == 404


async def test_whoever_was_erased_meanwhile_cannot_confirm(bookings: Bookings) -> None:
    slot = await add_slot(bookings.database)
    who = await add_conversation(bookings.database)
    held = await bookings.hold(who, HOSPITAL, slot, "key")
    async with transaction(bookings.database) as connection:
        await connection.execute(models.Seat.__table__.delete())
        await connection.execute(models.Conversation.__table__.delete())
    with pytest.raises(StorageError):
        await bookings.confirm(who, held, PATIENT, "en", "key")
    assert await count(bookings.database, models.Appointment) == await count(bookings.database, models.Seat) == 0


async def test_the_card_is_checked_sealed_and_changed(bookings: Bookings) -> None:
    made = await book(bookings, await add_slot(bookings.database))
    with pytest.raises(RequestError):
        await bookings.set_intake(made.id, {"symptoms": ["boredom"]}, "resident")
    await bookings.set_intake(made.id, {"symptoms": ["fever", "chills"], "allergies": []}, "resident")
    found = await bookings.appointment(made.id)
    assert found is not None
    assert found.intake == {"symptoms": ("fever", "chills")}
    await bookings.set_intake(made.id, {}, "resident")
    emptied = await bookings.appointment(made.id)
    assert emptied is not None
    assert emptied.intake is None
    await bookings.cancel(made.id, "resident")
    with pytest.raises(TooLate):
        await bookings.set_intake(made.id, {"symptoms": ["fever"]}, "resident")


def city(*when: int) -> datetime:
    return datetime(*when, tzinfo=CITY_TIME)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("starts", "now", "due"),
    [
        (city(2026, 11, 26, 8, 0), city(2026, 11, 25, 9, 59), False),
        (city(2026, 11, 26, 8, 0), city(2026, 11, 25, 10, 0), True),
        (city(2026, 11, 26, 23, 59), city(2026, 11, 25, 10, 0), True),
        (city(2026, 11, 27, 0, 0), city(2026, 11, 25, 10, 0), False),
        (city(2026, 11, 26, 8, 0), city(2026, 11, 26, 7, 59), True),
        (city(2026, 11, 26, 8, 0), city(2026, 11, 26, 8, 0), False),
        (city(2026, 11, 25, 8, 0), city(2026, 11, 24, 10, 0), True),
        (city(2026, 11, 24, 17, 0), city(2026, 11, 24, 12, 0), False),  # booked today: told today
    ],
)
async def test_reminders_are_due_the_day_before_from_ten(
    bookings: Bookings, clock: Clock, starts: datetime, now: datetime, due: bool
) -> None:
    made = await book(bookings, await add_slot(bookings.database, starts))
    assert [one.id for one in await bookings.reminders_due(now)] == [made.id] * due


async def test_a_reminder_is_one_callers_and_comes_again_for_another_time(bookings: Bookings, clock: Clock) -> None:
    made = await book(bookings, await add_slot(bookings.database))
    clock.now = city(2026, 11, 25, 8, 0)
    after = await moved(bookings, made, await add_slot(bookings.database, NOW + timedelta(days=3)))
    now = city(2026, 11, 26, 10, 0)
    assert [one.id for one in await bookings.reminders_due(now)] == [after.id]
    told = await asyncio.gather(*(bookings.reminded(made.id, now) for _ in range(6)))
    assert sorted(told) == [False] * 5 + [True]
    assert await bookings.reminders_due(now) == ()
    await moved(bookings, after, await add_slot(bookings.database, NOW + timedelta(days=4)))
    assert [one.id for one in await bookings.reminders_due(city(2026, 11, 27, 10, 0))] == [made.id]
    clock.now = city(2026, 11, 26, 11, 0)
    await bookings.cancel(made.id, "resident")
    assert not await bookings.reminded(made.id, now)
    assert await bookings.reminders_due(city(2026, 11, 27, 10, 0)) == ()


async def test_what_has_had_its_time_is_purged(bookings: Bookings, clock: Clock) -> None:
    made = await book(bookings, await add_slot(bookings.database), FOREIGN)
    other = await add_conversation(bookings.database)
    await bookings.hold(other, HOSPITAL, await add_slot(bookings.database), "left")
    async with transaction(bookings.database) as connection:
        draft = {"conversation_id": other, "sealed": b"x", "updated_at": NOW}
        await connection.execute(insert(models.BookingDraft).values(draft))
    assert await bookings.purge(NOW) == 0
    assert await bookings.purge(NOW + timedelta(minutes=11)) == 1
    assert await bookings.purge(NOW + timedelta(days=7, minutes=1)) == 3, "the draft; the empty time and its session"
    assert await bookings.purge(made.starts_at + timedelta(days=30)) == 0
    assert await bookings.purge(made.starts_at + timedelta(days=31, minutes=1)) == 3
    for table in (models.Appointment, models.Seat, models.Slot, models.ClinicSession, models.InterpreterWish):
        assert await count(bookings.database, table) == 0


def test_the_departments_are_those_that_can_be_booked(bookings: Bookings, connected: Bookings) -> None:
    walk_in = {name for name, one in bookings.catalogue.departments.items() if one.walk_in}
    assert set(bookings.departments()) == set(bookings.catalogue.departments) - walk_in
    real = replace(bookings, demo=False)
    assert real.departments() == ()
    assert DEPARTMENT in replace(connected, demo=False).departments()


async def test_a_hospitals_own_system(connected: Bookings, system: HospitalSystem) -> None:
    ours = await add_slot(connected.database, NOW + timedelta(days=2, minutes=30))
    found = await connected.openings(DEPARTMENT)
    assert [one.id for one in found] == ["t0", ours, "t1", "t2"]
    assert await connected.opening(OTHER, "t1") == found[2]
    made = await book(connected, "t1", hospital=OTHER)
    assert (made.provider, made.taken.seat_id, made.fee_fen, made.demo) == ("fake", None, 2500, False)
    assert list(system.booked.values()) == ["t1"]
    assert [one.id for one in await connected.openings(DEPARTMENT, OTHER)] == ["t0", "t2"]
    later = await moved(connected, made, "t2", OTHER)
    assert list(system.booked.values()) == ["t2"]
    assert later.taken.external in system.booked
    home = await moved(connected, later, ours)
    assert system.booked == {}
    assert (home.provider, home.hospital, home.taken.external) == ("local", HOSPITAL, None)
    back = await moved(connected, home, "t0", OTHER)
    assert await count(connected.database, models.Seat) == 0
    await connected.cancel(back.id, "resident")
    assert system.booked == {}


async def test_a_system_that_is_down_is_left_out_and_takes_nothing_with_it(
    connected: Bookings, system: HospitalSystem, caplog: pytest.LogCaptureFixture
) -> None:
    ours = await add_slot(connected.database)
    made = await book(connected, "t1", hospital=OTHER)
    system.down = True
    assert [one.id for one in await connected.openings(DEPARTMENT)] == [ours]
    assert "openings_failed provider=fake type=ProviderError" in caplog.text
    assert await connected.opening(OTHER, "t0") is None
    with pytest.raises(ProviderError):
        await book(connected, "t0", hospital=OTHER)
    with pytest.raises(ProviderError):
        await connected.cancel(made.id, "resident")
    assert await connected.appointment(made.id) == made, "not cancelled here while it stands there"
    home = await moved(connected, made, ours)
    assert home.hospital == HOSPITAL
    assert "old_place_kept" in caplog.text, "the new place is booked; that the old one is too must be seen to"


async def test_a_crash_after_the_hospital_booked_is_mended_by_asking_again(
    connected: Bookings, system: HospitalSystem, clock: Clock
) -> None:
    who = await add_conversation(connected.database)
    held = await connected.hold(who, OTHER, "t1", "key")
    await system.book(held.id, PATIENT, "key")
    clock.move(hours=1)
    made = await connected.confirm(who, held, PATIENT, "en", "key")
    assert await connected.confirm(who, held, PATIENT, "en", "key") == made
    assert system.booked == {"key": "t1"}


async def test_a_hold_there_that_expired_is_taken_anew(connected: Bookings, clock: Clock) -> None:
    who = await add_conversation(connected.database)
    held = await connected.hold(who, OTHER, "t1", "key")
    clock.move(minutes=30)
    assert (await connected.confirm(who, held, PATIENT, "en", "key")).starts_at == held.opening.starts_at


async def test_a_hospital_that_is_no_longer_connected_keeps_what_it_has(
    connected: Bookings, system: HospitalSystem
) -> None:
    made = await book(connected, "t1", hospital=OTHER)
    alone = replace(connected, providers={})
    with pytest.raises(ProviderError):
        await alone.cancel(made.id, "resident")
    assert list(system.booked.values()) == ["t1"]


async def test_live_offers_what_clerks_have_entered_within_a_minute(bookings: Bookings, clock: Clock) -> None:
    bookings.demo = False
    await bookings.refresh()
    assert bookings.departments() == ()
    await add_slot(bookings.database, demo=False)
    await bookings.refresh()
    assert bookings.departments() == ()  # it looked a moment ago
    clock.move(minutes=1)
    await bookings.refresh()
    assert bookings.departments() == (DEPARTMENT,)
