"""The waiting list: what comes free goes to who waits, in their order, with a deadline, and to nobody twice."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.appointments.bookings import Appointment, Bookings, SlotGone
from bot.appointments.provider import ProviderError
from bot.appointments.readings import Part
from bot.appointments.seats import OFFER_PREFIX
from bot.db import models
from bot.db.engine import reading
from bot.errors import RequestError
from bot.ids import new_id
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

DAY = date(2026, 11, 26)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def bookings(database_url: str, tmp_path: Path, clock: Clock) -> AsyncIterator[Bookings]:
    async with booking(database_url, tmp_path / "var", clock) as made:
        yield made


async def waiter(
    bookings: Bookings, hospital: str | None = HOSPITAL, part: Part | None = None, day: date | None = DAY
) -> uuid.UUID:
    """Somebody new who waits."""
    conversation_id = await add_conversation(bookings.database)
    await bookings.wait(conversation_id, DEPARTMENT, hospital, day, day, part, "fr")
    return conversation_id


async def full(bookings: Bookings, **slot: object) -> Appointment:
    """The only place, and who has it."""
    return await book(bookings, await add_slot(bookings.database, **slot))  # type: ignore[arg-type]


async def test_what_is_cancelled_goes_to_the_first_who_waits_and_to_nobody_in_between(
    bookings: Bookings, clock: Clock
) -> None:
    made = await full(bookings)
    first, second = await waiter(bookings), await waiter(bookings)
    assert await bookings.offers_to_make(clock()) == ()
    await bookings.cancel(made.id, "resident")
    assert await bookings.openings(DEPARTMENT) == (), "it is kept from the moment it came free"
    (offer,) = await bookings.offers_to_make(clock())
    assert (offer.conversation_id, offer.language, offer.lapsed) == (first, "fr", False)
    assert offer.until == NOW + timedelta(minutes=120)
    assert offer.held is not None
    assert offer.held.opening.starts_at == made.starts_at
    assert await bookings.offers_to_make(clock()) == (), "each is given once"
    taken = await bookings.confirm(first, offer.held, PATIENT, "fr", "key")
    assert taken.starts_at == made.starts_at
    assert await bookings.waiting(first) == ()
    assert [one.position for one in await bookings.waiting(second)] == [1]
    clock.move(hours=3)
    assert await bookings.offers_to_make(clock()) == (), "what was taken does not lapse"


async def test_an_offer_that_lapses_goes_to_the_next(bookings: Bookings, clock: Clock) -> None:
    made = await full(bookings)
    first, second = await waiter(bookings), await waiter(bookings)
    await bookings.cancel(made.id, "resident")
    (offer,) = await bookings.offers_to_make(clock())
    clock.move(minutes=119)
    assert await bookings.offers_to_make(clock()) == ()
    clock.move(minutes=1)
    lapsed, following = await bookings.offers_to_make(clock())
    assert (lapsed.conversation_id, lapsed.entry_id, lapsed.lapsed, lapsed.held) == (first, offer.entry_id, True, None)
    assert (following.conversation_id, following.lapsed) == (second, False)
    assert offer.held is not None
    assert following.held is not None
    with pytest.raises(SlotGone):
        await bookings.confirm(first, offer.held, PATIENT, "fr", "late")
    assert (await bookings.confirm(second, following.held, PATIENT, "fr", "key")).conversation_id == second
    assert await bookings.waiting(first) == (), "whoever let one go by waits no longer"


async def test_everybody_lets_it_go_by_and_it_is_free_for_all(bookings: Bookings, clock: Clock) -> None:
    made = await full(bookings)
    for _ in range(2):
        await waiter(bookings)
    await bookings.cancel(made.id, "resident")
    told = []
    for _ in range(3):
        told += [(offer.lapsed) for offer in await bookings.offers_to_make(clock())]
        clock.move(minutes=120)
    assert told == [False, True, False, True]
    assert len(await bookings.openings(DEPARTMENT)) == 1


async def test_whoever_is_offered_a_time_may_also_book_it_like_any_other(bookings: Bookings, clock: Clock) -> None:
    made = await full(bookings)
    first = await waiter(bookings)
    await bookings.cancel(made.id, "resident")
    (offer,) = await bookings.offers_to_make(clock())
    assert offer.held is not None
    held = await bookings.hold(first, HOSPITAL, offer.held.opening.id, "draft")
    assert held.id == offer.held.id
    await bookings.confirm(first, held, PATIENT, "fr", "draft")
    assert await count(bookings.database, models.Seat) == 1
    assert await bookings.waiting(first) == ()


@pytest.mark.parametrize("own_key", [False, True])
async def test_an_offer_does_not_lapse_under_the_hands_of_who_is_taking_it(
    bookings: Bookings, clock: Clock, own_key: bool
) -> None:
    made = await full(bookings)
    first, second = await waiter(bookings), await waiter(bookings)
    await bookings.cancel(made.id, "resident")
    (offer,) = await bookings.offers_to_make(clock())
    assert offer.held is not None
    key = f"{OFFER_PREFIX}{offer.entry_id.hex}" if own_key else "draft"
    early = await bookings.hold(first, HOSPITAL, offer.held.opening.id, key)
    assert early.until == offer.until, "nor is the time to answer cut short"
    clock.move(minutes=118)
    held = await bookings.hold(first, HOSPITAL, offer.held.opening.id, key)
    clock.move(minutes=5)
    assert await bookings.offers_to_make(clock()) == ()
    await bookings.confirm(first, held, PATIENT, "fr", key)
    clock.move(hours=1)
    assert await bookings.offers_to_make(clock()) == ()
    assert len(await bookings.waiting(second)) == 1


async def test_who_begins_to_take_it_and_goes_away_lets_it_go_by(bookings: Bookings, clock: Clock) -> None:
    made = await full(bookings)
    first, second = await waiter(bookings), await waiter(bookings)
    await bookings.cancel(made.id, "resident")
    (offer,) = await bookings.offers_to_make(clock())
    assert offer.held is not None
    clock.move(minutes=118)
    await bookings.hold(first, HOSPITAL, offer.held.opening.id, "draft")
    clock.move(minutes=11)
    told = [(one.conversation_id, one.lapsed) for one in await bookings.offers_to_make(clock())]
    assert told == [(first, True), (second, False)]


async def test_nobody_takes_by_anothers_offer(bookings: Bookings, clock: Clock) -> None:
    made = await full(bookings)
    first, other = await waiter(bookings), await add_conversation(bookings.database)
    elsewhere = await add_slot(bookings.database, NOW + timedelta(days=6))
    await bookings.cancel(made.id, "resident")
    (offer,) = await bookings.offers_to_make(clock())
    assert offer.held is not None
    for opening_id in (offer.held.opening.id, elsewhere):
        with pytest.raises(SlotGone):
            await bookings.hold(other, HOSPITAL, opening_id, f"{OFFER_PREFIX}{offer.entry_id.hex}")
    await bookings.confirm(first, offer.held, PATIENT, "fr", "key")


async def test_only_what_was_wished_for_is_offered(bookings: Bookings, clock: Clock) -> None:
    made = await full(bookings)  # a morning of the 26th
    await waiter(bookings, hospital="hospital-ahmu-2")
    await waiter(bookings, part=Part.AFTERNOON)
    await waiter(bookings, day=date(2026, 11, 27))
    anywhere = await waiter(bookings, hospital=None, day=None)
    await bookings.cancel(made.id, "resident")
    assert [offer.conversation_id for offer in await bookings.offers_to_make(clock())] == [anywhere]


async def test_who_names_no_hospital_is_not_sent_to_the_childrens(bookings: Bookings, clock: Clock) -> None:
    anybody, parent = await waiter(bookings, None), await waiter(bookings, "hospital-children")
    await add_slot(bookings.database, hospital="hospital-children", capacity=2)
    assert [offer.conversation_id for offer in await bookings.offers_to_make(clock())] == [parent]
    assert len(await bookings.waiting(anybody)) == 1


async def test_a_place_that_comes_free_otherwise_is_found(bookings: Bookings, clock: Clock) -> None:
    """A hold that expired, a session that the hospital added."""
    opening_id = await add_slot(bookings.database)
    await bookings.hold(await add_conversation(bookings.database), HOSPITAL, opening_id, "left")
    first, second = await waiter(bookings), await waiter(bookings)
    assert await bookings.offers_to_make(clock()) == ()
    clock.move(minutes=11)
    assert [offer.conversation_id for offer in await bookings.offers_to_make(clock())] == [first]
    await add_slot(bookings.database, capacity=5)
    assert [offer.conversation_id for offer in await bookings.offers_to_make(clock())] == [second]
    assert await count(bookings.database, models.Seat) == 2


async def test_a_released_hold_and_a_moved_appointment_go_to_who_waits_too(bookings: Bookings, clock: Clock) -> None:
    one = await add_slot(bookings.database)
    holder = await add_conversation(bookings.database)
    await bookings.hold(holder, HOSPITAL, one, "key")
    made = await full(bookings, starts_at=NOW + timedelta(days=2, hours=1))
    first, second = await waiter(bookings), await waiter(bookings)
    await bookings.release(HOSPITAL, "key")
    assert [offer.conversation_id for offer in await bookings.offers_to_make(clock())] == [first]
    elsewhere = await add_slot(bookings.database, NOW + timedelta(days=5))
    held = await bookings.hold(made.conversation_id, HOSPITAL, elsewhere, "move")
    await bookings.move(made.id, held, "move")
    assert [offer.conversation_id for offer in await bookings.offers_to_make(clock())] == [second]


async def test_leaving_gives_the_offer_to_the_next(bookings: Bookings, clock: Clock) -> None:
    made = await full(bookings)
    first, second = await waiter(bookings), await waiter(bookings)
    await bookings.cancel(made.id, "resident")
    await bookings.offers_to_make(clock())
    await bookings.leave(first)
    assert await bookings.waiting(first) == ()
    assert [offer.conversation_id for offer in await bookings.offers_to_make(clock())] == [second]


async def test_the_same_wish_is_one_entry_and_positions_count_who_could_take_the_same(bookings: Bookings) -> None:
    async def wish(conversation_id: uuid.UUID, hospital: str | None = HOSPITAL, day: date = DAY) -> int:
        return await bookings.wait(conversation_id, DEPARTMENT, hospital, day, day, None, "fr")

    people = [await add_conversation(bookings.database) for _ in range(3)]
    assert await wish(people[0]) == 1
    assert await wish(people[1]) == 2
    assert await asyncio.gather(*(wish(people[1]) for _ in range(5))) == [2] * 5
    assert await count(bookings.database, models.WaitingEntry) == 2
    assert await wish(people[2], day=date(2026, 11, 27)) == 1
    assert await wish(people[2], hospital=None) == 3
    assert await wish(people[2], "hospital-ahmu-2") == 2
    await bookings.leave(people[0])
    assert await wish(people[1]) == 1
    async with reading(bookings.database) as connection:
        kept = set((await connection.execute(select(models.Conversation.retention))).scalars())
    assert kept == {"medical"}


async def test_a_wish_may_lie_beyond_what_can_be_booked_yet_and_not_in_the_past(
    bookings: Bookings, clock: Clock
) -> None:
    first = await waiter(bookings, day=date(2026, 12, 15))
    await add_slot(bookings.database, NOW + timedelta(days=21))
    assert await bookings.offers_to_make(clock()) == ()
    clock.move(days=7)
    assert [offer.conversation_id for offer in await bookings.offers_to_make(clock())] == [first]
    with pytest.raises(RequestError):
        await waiter(bookings, day=DAY)


async def test_nothing_is_offered_that_begins_before_one_could_answer(bookings: Bookings, clock: Clock) -> None:
    await waiter(bookings, day=None)
    await add_slot(bookings.database, NOW + timedelta(minutes=100))
    assert await bookings.offers_to_make(clock()) == ()
    assert len(await bookings.openings(DEPARTMENT)) == 1, "for whoever comes by it is there"


async def test_a_place_kept_while_nobody_could_be_told_is_offered_from_then_on(
    bookings: Bookings, clock: Clock
) -> None:
    made = await full(bookings)
    first = await waiter(bookings)
    await bookings.cancel(made.id, "resident")
    clock.move(hours=3)  # the sweeper was down
    (offer,) = await bookings.offers_to_make(clock())
    assert (offer.conversation_id, offer.until) == (first, clock() + timedelta(minutes=120))
    assert offer.held is not None
    await bookings.confirm(first, offer.held, PATIENT, "fr", "key")


async def test_who_was_not_told_and_lost_the_place_waits_on(bookings: Bookings, clock: Clock) -> None:
    made = await full(bookings)
    first = await waiter(bookings)
    await bookings.cancel(made.id, "resident")
    clock.move(hours=3)
    (opening,) = await bookings.openings(DEPARTMENT)
    await book(bookings, opening.id)
    assert await bookings.offers_to_make(clock()) == ()
    assert [one.position for one in await bookings.waiting(first)] == [1]


async def test_a_crowd_waits_and_a_crowd_books(bookings: Bookings, clock: Clock) -> None:
    """Each place one owner, whoever is faster."""
    slots = [await add_slot(bookings.database, capacity=2) for _ in range(3)]
    made = [await book(bookings, slot) for slot in slots for _ in range(2)]
    waiters = [await waiter(bookings) for _ in range(4)]

    async def newcomer(number: int) -> None:
        conversation_id, key = await add_conversation(bookings.database), new_id().hex
        held = await bookings.hold(conversation_id, HOSPITAL, slots[number % 3], key)
        await bookings.confirm(conversation_id, held, PATIENT, "en", key)

    acts = [
        *(bookings.cancel(one.id, "resident") for one in made),
        *(newcomer(number) for number in range(30)),
        *(bookings.offers_to_make(clock()) for _ in range(3)),
    ]
    found = await asyncio.gather(*acts, return_exceptions=True)
    assert {type(one) for one in found if isinstance(one, BaseException)} <= {SlotGone}
    offers = [offer for one in found if isinstance(one, tuple) for offer in one]
    offers += await bookings.offers_to_make(clock())
    entries = [offer.entry_id for offer in offers]
    assert len(entries) == len(set(entries)), "nobody is told twice"
    booked = sum(one is None for one in found)
    # A newcomer who asked before anything was cancelled went away, so that not every place need have an owner.
    assert booked + len(entries) == await count(bookings.database, models.Seat) <= 6
    left = [who for who in waiters if any(one.offered_until is None for one in await bookings.waiting(who))]
    assert len(entries) + len(left) == 4, "nobody is forgotten"
    assert not left or booked + len(entries) == 6, "nobody waits while a place is free"


async def test_wishes_whose_days_have_passed_are_forgotten(bookings: Bookings, clock: Clock) -> None:
    first = await waiter(bookings)
    assert await bookings.purge(NOW) == 0
    assert await bookings.purge(NOW + timedelta(days=3)) == 1
    assert await bookings.waiting(first) == ()


async def test_a_hospital_with_its_own_system_keeps_no_list_with_us(
    database_url: str, tmp_path: Path, clock: Clock
) -> None:
    system = HospitalSystem(HOSPITAL, clock, {"t1": NOW + timedelta(days=2)})
    async with booking(database_url, tmp_path / "var", clock, {HOSPITAL: system}) as made:
        with pytest.raises(ProviderError):
            await waiter(made)
        await waiter(made, hospital=None)
        assert await made.offers_to_make(clock()) == ()
