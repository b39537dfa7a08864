"""A place is never given twice: many at once, two processes, holds that expire, programs that end half-way."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from bot.appointments.bookings import Appointment, Bookings, SlotGone
from bot.db import models
from bot.db.engine import reading, transaction
from bot.errors import StorageError
from bot.ids import new_id
from tests.fakes.booking import HOSPITAL, PATIENT, Clock, add_conversation, add_slot, book, booking, count

MANY = 500


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def bookings(database_url: str, tmp_path: Path, clock: Clock) -> AsyncIterator[Bookings]:
    async with booking(database_url, tmp_path / "var", clock) as made:
        yield made


async def crowd(several: list[Bookings], opening_id: str, attempts: int) -> Counter[str]:
    """So many residents who want the same time at once, in turns by each of the desks; what became of them."""
    database = several[0].database
    residents = await asyncio.gather(*(add_conversation(database) for _ in range(attempts)))

    async def attempt(number: int, conversation_id: uuid.UUID) -> str:
        desk, key = several[number % len(several)], new_id().hex
        try:
            held = await desk.hold(conversation_id, HOSPITAL, opening_id, key)
            await desk.confirm(conversation_id, held, PATIENT, "en", key)
        except SlotGone:
            return "gone"
        return "booked"

    return Counter(await asyncio.gather(*(attempt(*each) for each in enumerate(residents))))


@pytest.mark.parametrize("capacity", [1, 3])
async def test_five_hundred_at_once_get_as_many_appointments_as_there_are_places(
    bookings: Bookings, capacity: int
) -> None:
    opening_id = await add_slot(bookings.database, capacity=capacity)
    assert await crowd([bookings], opening_id, MANY) == {"booked": capacity, "gone": MANY - capacity}
    assert await count(bookings.database, models.Appointment) == capacity
    assert await count(bookings.database, models.Seat) == capacity


async def test_two_processes_at_one_database(bookings: Bookings, database_url: str, tmp_path: Path) -> None:
    opening_id = await add_slot(bookings.database, capacity=3)
    async with booking(database_url, tmp_path / "var", bookings.clock) as other:
        assert await crowd([bookings, other], opening_id, 120) == {"booked": 3, "gone": 117}
    assert await count(bookings.database, models.Seat) == 3


async def test_the_table_itself_refuses_a_second_patient(bookings: Bookings) -> None:
    made = await book(bookings, await add_slot(bookings.database))
    async with reading(bookings.database) as connection:
        seat = (await connection.execute(select(models.Seat))).one()
    with pytest.raises(StorageError, match=r"Integrity|Unique"):
        async with transaction(bookings.database) as connection:
            row = {"id": new_id(), "slot_id": seat.slot_id, "number": seat.number, "key": "other"}
            await connection.execute(
                insert(models.Seat).values(**row, conversation_id=made.conversation_id, until=None)
            )


async def test_confirming_twenty_times_at_once_is_one_appointment(bookings: Bookings) -> None:
    opening_id = await add_slot(bookings.database, capacity=3)
    conversation_id = await add_conversation(bookings.database)
    held = await bookings.hold(conversation_id, HOSPITAL, opening_id, "key")

    async def confirmed() -> Appointment:
        return await bookings.confirm(conversation_id, held, PATIENT, "en", "key")

    assert len({(one.id, one.reference) for one in await asyncio.gather(*(confirmed() for _ in range(20)))}) == 1
    assert await count(bookings.database, models.Appointment) == await count(bookings.database, models.Seat) == 1
    again = await bookings.hold(conversation_id, HOSPITAL, opening_id, "key")
    assert again.id == held.id
    assert await count(bookings.database, models.Seat) == 1, (
        "a hold asked for again after booking takes no second place"
    )


async def test_holding_twenty_times_at_once_is_one_hold(bookings: Bookings) -> None:
    slots = [await add_slot(bookings.database, capacity=5) for _ in range(2)]
    conversation_id = await add_conversation(bookings.database)
    acts = [bookings.hold(conversation_id, HOSPITAL, slots[number % 2], "key") for number in range(20)]
    await asyncio.gather(*acts)
    assert await count(bookings.database, models.Seat) == 1


async def test_a_program_that_ends_between_hold_and_confirm_leaves_a_hold_that_expires(
    bookings: Bookings, clock: Clock, database_url: str, tmp_path: Path
) -> None:
    opening_id = await add_slot(bookings.database)
    first, second = [await add_conversation(bookings.database) for _ in range(2)]
    held = await bookings.hold(first, HOSPITAL, opening_id, "one")
    # It got as far as telling the provider.
    await bookings.local.book(held.id, PATIENT, "one")
    async with booking(database_url, tmp_path / "var", clock) as restarted:
        with pytest.raises(SlotGone):
            await restarted.hold(second, HOSPITAL, opening_id, "two")
        clock.move(minutes=10, seconds=1)
        taken = await restarted.hold(second, HOSPITAL, opening_id, "two")
        made = await restarted.confirm(second, taken, PATIENT, "en", "two")
        with pytest.raises(SlotGone):
            await restarted.confirm(first, held, PATIENT, "en", "one")
    assert made.conversation_id == second
    assert await count(bookings.database, models.Appointment) == 1


async def test_the_same_program_started_again_can_still_confirm(
    bookings: Bookings, clock: Clock, database_url: str, tmp_path: Path
) -> None:
    opening_id = await add_slot(bookings.database)
    conversation_id = await add_conversation(bookings.database)
    held = await bookings.hold(conversation_id, HOSPITAL, opening_id, "key")
    async with booking(database_url, tmp_path / "var", clock) as restarted:
        again = await restarted.hold(conversation_id, HOSPITAL, opening_id, "key")
        made = await restarted.confirm(conversation_id, again, PATIENT, "en", "key")
    assert again.id == held.id
    assert (await bookings.confirm(conversation_id, held, PATIENT, "en", "key")).id == made.id


@pytest.mark.parametrize("purged", [False, True])
async def test_confirming_after_the_hold_has_expired(bookings: Bookings, clock: Clock, purged: bool) -> None:
    opening_id = await add_slot(bookings.database)
    conversation_id = await add_conversation(bookings.database)
    held = await bookings.hold(conversation_id, HOSPITAL, opening_id, "key")
    clock.move(hours=1)
    if purged:
        assert await bookings.purge(clock()) >= 1
    made = await bookings.confirm(conversation_id, held, PATIENT, "en", "key")
    assert made.starts_at == held.opening.starts_at
    assert await count(bookings.database, models.Seat) == 1


async def test_confirming_when_somebody_else_holds_the_place(bookings: Bookings, clock: Clock) -> None:
    opening_id = await add_slot(bookings.database)
    first, second = [await add_conversation(bookings.database) for _ in range(2)]
    held = await bookings.hold(first, HOSPITAL, opening_id, "one")
    clock.move(minutes=11)
    await bookings.hold(second, HOSPITAL, opening_id, "two")
    with pytest.raises(SlotGone):
        await bookings.confirm(first, held, PATIENT, "en", "one")
    assert await count(bookings.database, models.Appointment) == 0


async def test_late_confirms_and_new_holds_at_once_never_double(bookings: Bookings, clock: Clock) -> None:
    opening_id = await add_slot(bookings.database, capacity=2)
    early = []
    for number in range(2):
        conversation_id = await add_conversation(bookings.database)
        early.append((conversation_id, await bookings.hold(conversation_id, HOSPITAL, opening_id, f"early{number}")))
    clock.move(minutes=11)
    others = [await add_conversation(bookings.database) for _ in range(10)]

    async def newcomer(number: int, conversation_id: uuid.UUID) -> None:
        held = await bookings.hold(conversation_id, HOSPITAL, opening_id, f"late{number}")
        await bookings.confirm(conversation_id, held, PATIENT, "en", f"late{number}")

    acts = [
        *(bookings.confirm(who, held, PATIENT, "en", f"early{number}") for number, (who, held) in enumerate(early)),
        *(newcomer(*each) for each in enumerate(others)),
    ]
    found = await asyncio.gather(*acts, return_exceptions=True)
    assert {type(one) for one in found if isinstance(one, BaseException)} == {SlotGone}
    assert await count(bookings.database, models.Appointment) == await count(bookings.database, models.Seat) == 2


async def test_nobody_books_by_another_conversations_hold_or_key(bookings: Bookings) -> None:
    opening_id = await add_slot(bookings.database)
    owner, other = [await add_conversation(bookings.database) for _ in range(2)]
    held = await bookings.hold(owner, HOSPITAL, opening_id, "key")
    with pytest.raises(SlotGone):
        await bookings.confirm(other, held, PATIENT, "en", "another")
    await bookings.confirm(owner, held, PATIENT, "en", "key")
    with pytest.raises(SlotGone):
        await bookings.confirm(other, held, PATIENT, "en", "key")


async def test_a_session_that_is_closed_in_between_takes_nobody(bookings: Bookings) -> None:
    opening_id = await add_slot(bookings.database)
    conversation_id = await add_conversation(bookings.database)
    held = await bookings.hold(conversation_id, HOSPITAL, opening_id, "key")
    async with transaction(bookings.database) as connection:
        await connection.execute(update(models.ClinicSession).values(state="closed"))
    with pytest.raises(SlotGone):
        await bookings.confirm(conversation_id, held, PATIENT, "en", "key")
    assert await bookings.openings("dermatology") == ()


async def test_moves_and_cancellations_at_once_leave_one_seat_for_each_appointment(bookings: Bookings) -> None:
    slots = [await add_slot(bookings.database) for _ in range(6)]
    made = [await book(bookings, slot) for slot in slots[:3]]

    async def moved(one: Appointment, target: str) -> None:
        key = new_id().hex
        held = await bookings.hold(one.conversation_id, HOSPITAL, target, key)
        await bookings.move(one.id, held, key)

    acts = [moved(one, target) for one in made for target in slots[2:5]]
    cancels = [bookings.cancel(made[0].id, "resident") for _ in range(3)]
    await asyncio.gather(*acts, *cancels, return_exceptions=True)
    async with reading(bookings.database) as connection:
        booked = list(
            await connection.execute(select(models.Appointment.seat_id).where(models.Appointment.state == "booked"))
        )
        seats = list(await connection.execute(select(models.Seat.id).where(models.Seat.until.is_(None))))
    assert len(booked) == 2
    assert {row.seat_id for row in booked} == {row.id for row in seats}
