"""The hospital's side: who looks is put on record, who came, what is taken back, sessions, interpreters."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, time, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from bot.appointments import desk_due
from bot.appointments.bookings import SlotGone, State, WishState
from bot.appointments.desk import NewsKind
from bot.appointments.desk_drafts import Draft
from bot.appointments.desk_due import Thing
from bot.appointments.desk_rows import Range
from bot.appointments.desk_words import DOCUMENTS, PARTS, REASONS, RELATIONS, STATES, WISHES, CancelReason, language_zh
from bot.appointments.patient import Document, Relation
from bot.appointments.readings import Part
from bot.appointments.sealing import KEY_BYTES, Vault, VaultError
from bot.db import models
from bot.db.engine import transaction
from bot.errors import Code, RequestError
from bot.ids import new_id
from bot.languages import CODES
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
from tests.fakes.hospital_side import CARD, DAY, World, scope

CLERK = "clerk-1"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def world(database_url: str, tmp_path: Path, clock: Clock) -> AsyncIterator[World]:
    async with booking(database_url, tmp_path / "var", clock) as made:
        yield World.of(made)


@pytest.fixture
async def lone(tmp_path: Path, clock: Clock) -> AsyncIterator[World]:
    """On SQLite alone, for what does not depend on the database."""
    async with booking(f"sqlite:///{tmp_path}/lone.db", tmp_path / "var", clock) as made:
        yield World.of(made)


def refused(code: Code, status: int) -> pytest.RaisesExc[RequestError]:
    return pytest.RaisesExc(RequestError, check=lambda error: (error.code, error.status) == (code, status))


def draft(**given: object) -> Draft:
    made = Draft(
        "k1", HOSPITAL, "main", DEPARTMENT, DAY, Part.MORNING, time(8), time(9), 20, 2, 2500, ("zh", "en"), "", False
    )
    return replace(made, **given)  # type: ignore[arg-type]


def test_everything_has_chinese_words() -> None:
    assert set(STATES) == set(State)
    assert set(WISHES) == set(WishState)
    assert set(REASONS) == set(CancelReason)
    assert set(PARTS) == set(Part)
    assert set(RELATIONS) == set(Relation)
    assert set(DOCUMENTS) == set(Document)
    assert all(language_zh(code) != code for code in CODES)


# Looking


async def test_the_list_has_no_patient_and_goes_on_no_record(world: World) -> None:
    made = await world.patient("fr", card=True)
    (row,) = await world.side.desk.listed(scope())
    line = world.side.views.line(row)
    assert (line["reference"], line["time"], line["state_zh"]) == (made.reference, "09:00", "已预约")
    assert (line["language_zh"], line["intake"]) == ("英语", True)
    assert (line["interpreter"]["language_zh"], line["interpreter"]["state_zh"]) == ("法语", "待安排")
    assert line["hospital_zh"] == world.bookings.catalogue.hospitals[HOSPITAL].name_zh
    assert line["department_zh"] == world.bookings.catalogue.departments[DEPARTMENT].sign_zh
    for secret in (PATIENT.name, PATIENT.number, PATIENT.phone, PATIENT.born.isoformat()):
        assert secret not in str(line) + str(row)
    assert await world.audited() == []


async def test_a_day_is_the_citys(lone: World) -> None:
    last = await lone.patient(starts_at=NOW.replace(hour=15, minute=59) + timedelta(days=2))
    first = await lone.patient(starts_at=NOW.replace(hour=16, minute=0) + timedelta(days=2))
    assert [row.id for row in await lone.side.desk.listed(scope())] == [last.id]
    assert [row.id for row in await lone.side.desk.listed(scope(DAY + timedelta(days=1)))] == [first.id]
    assert await lone.side.desk.listed(scope(department="cardiology")) == []


async def test_whoever_opens_an_appointment_is_on_record(world: World) -> None:
    made = await world.patient("fr", card=True)
    opened = await world.side.desk.opened(made.id, CLERK)
    assert await world.audited() == [(CLERK, "appointment_seen", f"appointment:{made.id.hex}")]
    view = world.side.views.opened(opened)
    assert view["patient"]["name"] == PATIENT.name
    assert (view["patient"]["document_zh"], view["patient"]["relation_zh"]) == ("护照", "本人")
    printed = [line["printed_zh"] for block in view["card"] for line in block["lines"]]
    assert printed[:2] == ["发热", "头痛"]
    assert view["card"][0]["heading"] == {"printed_zh": "症状", "own": "Symptoms"}
    acts = await world.side.desk.acts(made.id)
    assert [(act.actor, act.action) for act in acts][-1] == (CLERK, "appointment_seen")
    assert PATIENT.name not in str([act.detail for act in acts])


async def test_what_cannot_be_opened_is_not_said_to_have_been_seen(lone: World) -> None:
    made = await lone.patient()
    with refused(Code.NOT_FOUND, 404):
        await lone.side.desk.opened(new_id(), CLERK)
    blind = replace(lone.side.desk, vault=Vault((b"x" * KEY_BYTES,)))
    with pytest.raises(VaultError):
        await blind.opened(made.id, CLERK)
    assert await lone.audited() == []


async def test_an_export_is_on_record_for_each_appointment(world: World) -> None:
    one, two = await world.patient(card=True), await world.patient(starts_at=NOW + timedelta(days=3))
    days = scope(DAY, DAY + timedelta(days=30), None)
    opened = await world.side.desk.exported(days, CLERK, cards=True)
    assert [each.row.id for each in opened] == [one.id, two.id]
    assert opened[0].picked is not None
    assert {topic: list(entries) for topic, entries in opened[0].picked.items()} == CARD
    assert await world.audited("appointments_exported") == [(CLERK, "appointments_exported", f"hospital:{HOSPITAL}")]
    seen = await world.audited("appointment_seen")
    assert {subject for _, _, subject in seen} == {f"appointment:{each.id.hex}" for each in (one, two)}
    line = world.side.views.sheet_line(opened[0], cards=True)
    assert len(line) == len(world.side.views.headings(cards=True))
    assert (line[-1].split("；")[0], line[-2]) == ("症状：发热、头痛", "演示数据")
    assert len(world.side.views.sheet_line(opened[1], cards=False)) == len(world.side.views.headings(cards=False))


def test_a_range_has_a_month_at_most() -> None:
    assert Range(DAY, DAY + timedelta(days=30)).check().first == DAY
    for last in (DAY + timedelta(days=31), DAY - timedelta(days=1)):
        with refused(Code.BAD_FIELD, 400):
            Range(DAY, last).check()


# Who came


async def test_who_came_and_who_did_not(world: World, clock: Clock) -> None:
    made, desk = await world.patient(), world.side.desk
    with refused(Code.WRONG_STATE, 409):
        await desk.mark(made.id, State.ARRIVED, CLERK)  # two days before
    clock.now = made.starts_at - timedelta(minutes=30)
    with refused(Code.WRONG_STATE, 409):
        await desk.mark(made.id, State.NO_SHOW, CLERK)  # before it has begun
    await desk.mark(made.id, State.ARRIVED, CLERK)
    await desk.mark(made.id, State.ARRIVED, CLERK)
    assert await world.state(made) == "arrived"
    clock.now = made.starts_at + timedelta(minutes=20)
    with refused(Code.WRONG_STATE, 409):
        await desk.mark(made.id, State.NO_SHOW, CLERK)
    await desk.mark(made.id, State.BOOKED, CLERK)
    await desk.mark(made.id, State.NO_SHOW, CLERK)
    await desk.mark(made.id, State.ARRIVED, CLERK)  # late after all
    assert [action for _, action, _ in await world.audited()] == [
        "appointment_arrived",
        "appointment_mark_undone",
        "appointment_no_show",
        "appointment_arrived",
    ]
    with refused(Code.BAD_FIELD, 400):
        await desk.mark(made.id, State.CANCELLED, CLERK)
    with refused(Code.NOT_FOUND, 404):
        await desk.mark(new_id(), State.ARRIVED, CLERK)


# Taking back


async def test_the_hospital_cancels_after_the_residents_deadline(world: World, clock: Clock) -> None:
    made = await world.patient("fr")
    clock.now = made.starts_at - timedelta(minutes=5)
    news = await world.side.desk.cancel(made.id, CancelReason.DOCTOR_ABSENT, CLERK)
    assert news is not None
    assert (news.kind, news.reason, news.reference) == (NewsKind.CANCELLED, "doctor_absent", made.reference)
    assert (news.conversation_id, news.language) == (made.conversation_id, "en")
    assert world.herald.written == [news]
    assert world.herald.published == []
    assert await world.state(made) == "cancelled"
    assert await count(world.bookings.database, models.Seat) == 0
    assert await world.side.desk.cancel(made.id, CancelReason.OTHER, CLERK) is None
    assert await world.audited() == [(CLERK, "appointment_cancelled", f"appointment:{made.id.hex}")]
    with refused(Code.WRONG_STATE, 409):
        await world.side.desk.mark(made.id, State.ARRIVED, CLERK)


async def test_two_clerks_cancel_once(world: World) -> None:
    made, desk = await world.patient(), world.side.desk
    told = await asyncio.gather(*(desk.cancel(made.id, CancelReason.OTHER, f"clerk-{number}") for number in range(4)))
    assert len([news for news in told if news is not None]) == 1
    assert len(world.herald.written) == 1


async def test_a_resident_who_cannot_be_told_keeps_the_appointment(world: World) -> None:
    made = await world.patient()
    world.herald.failing = True
    with pytest.raises(RuntimeError):
        await world.side.desk.cancel(made.id, CancelReason.OTHER, CLERK)
    assert await world.state(made) == "booked"
    assert await world.audited() == []


async def test_yesterdays_appointment_is_not_cancelled(lone: World, clock: Clock) -> None:
    made = await lone.patient()
    clock.now = made.starts_at + timedelta(days=1)
    with refused(Code.WRONG_STATE, 409):
        await lone.side.desk.cancel(made.id, CancelReason.OTHER, CLERK)


async def test_a_freed_place_is_kept_for_who_waits(world: World) -> None:
    made, waits = await world.patient(), await add_conversation(world.bookings.database)
    await world.bookings.wait(waits, DEPARTMENT, HOSPITAL, DAY, DAY, None, "ja")
    await world.side.desk.cancel(made.id, CancelReason.PATIENT_ASKED, CLERK)
    (offer,) = await world.bookings.offers_to_make(world.bookings.clock())
    assert offer.conversation_id == waits


async def test_a_hospital_with_its_own_system_is_asked_first(tmp_path: Path, clock: Clock) -> None:
    system = HospitalSystem(HOSPITAL, clock, {"t1": NOW + timedelta(days=2)})
    url = f"sqlite:///{tmp_path}/own.db"
    async with booking(url, tmp_path / "var", clock, {HOSPITAL: system}) as bookings:
        world, made = World.of(bookings), await book(bookings, "t1")
        system.down = True
        with refused(Code.UNAVAILABLE, 503):
            await world.side.desk.cancel(made.id, CancelReason.EQUIPMENT, CLERK)
        assert (await world.state(made), world.herald.written) == ("booked", [])
        system.down = False
        assert await world.side.desk.cancel(made.id, CancelReason.EQUIPMENT, CLERK) is not None
        assert (await world.state(made), system.booked) == ("cancelled", {})


# Sessions


async def test_a_session_that_is_added_can_be_booked(world: World) -> None:
    added = await world.side.sessions.add(draft(), CLERK)
    again = await world.side.sessions.add(draft(), CLERK)
    assert (added.new, again.new, added.id) == (True, False, again.id)
    openings = await world.bookings.openings(DEPARTMENT, HOSPITAL, DAY, DAY)
    assert [f"{one.starts_at.astimezone():%M}" for one in openings] == ["00", "20", "40"]
    assert {(one.free, one.fee_fen, one.languages, one.demo) for one in openings} == {(2, 2500, ("zh", "en"), False)}
    made = await book(world.bookings, openings[0].id)
    (row,) = await world.side.sessions.listed(scope())
    assert (row.places, row.booked, row.held, row.state, row.demo) == (6, 1, 0, "open", False)
    assert made.demo is False
    other = await world.side.sessions.add(draft(key="k2", begin=time(9), end=time(10)), CLERK)
    assert other.new
    assert await count(world.bookings.database, models.Clinician) == 1, "the same person"


@pytest.mark.parametrize(
    "given",
    [
        {"day": date(2026, 11, 23)},
        {"day": date(2027, 11, 23)},
        {"end": time(8, 10)},
        {"end": time(7)},
        {"part": Part.EVENING},
        {"campus": "kitchen"},
        {"department": "kitchen"},
        {"department": "emergency"},
        {"hospital": "kitchen"},
        {"day": NOW.date(), "begin": time(8), "end": time(11)},
    ],
)
async def test_a_session_that_cannot_be_is_refused(lone: World, given: dict[str, object]) -> None:
    with refused(Code.BAD_FIELD, 400):
        await lone.side.sessions.add(draft(**given), CLERK)
    assert await count(lone.bookings.database, models.ClinicSession) == 0


async def test_real_times_replace_invented_ones(world: World) -> None:
    made = await world.patient()
    await add_slot(world.bookings.database, NOW + timedelta(days=2, hours=1))
    added = await world.side.sessions.add(draft(), CLERK)
    assert [row.id for row in added.made_up] == [made.id]
    openings = await world.bookings.openings(DEPARTMENT, HOSPITAL, DAY, DAY)
    assert {one.demo for one in openings} == {False}


async def test_a_closed_session_takes_nobody_in(world: World) -> None:
    made = await world.patient(capacity=3)
    session, slot = await world.session_of(made), (await world.bookings.openings(DEPARTMENT, HOSPITAL, DAY, DAY))[0]
    halfway, waits = [await add_conversation(world.bookings.database) for _ in range(2)]
    held = await world.bookings.hold(halfway, HOSPITAL, slot.id, "halfway")
    closed = await world.side.sessions.close(session, CLERK)
    assert [row.id for row in closed.affected] == [made.id]
    assert (closed.news, await world.state(made)) == ((), "booked"), "they stand until somebody decides"
    with pytest.raises(SlotGone):
        await world.bookings.confirm(halfway, held, PATIENT, "en", "halfway")
    with pytest.raises(SlotGone):
        await world.bookings.hold(waits, HOSPITAL, slot.id, "late")
    assert await world.bookings.openings(DEPARTMENT, HOSPITAL, DAY, DAY) == ()
    await world.side.sessions.open(session, CLERK)
    await world.side.sessions.open(session, CLERK)
    assert [one.free for one in await world.bookings.openings(DEPARTMENT, HOSPITAL, DAY, DAY)] == [2]
    assert [action for _, action, _ in await world.audited()] == ["session_closed", "session_opened"]


async def test_a_sick_doctors_patients_are_all_told(world: World) -> None:
    one = await world.patient(capacity=2)
    slot = (await world.bookings.openings(DEPARTMENT, HOSPITAL, DAY, DAY))[0]
    two = await book(world.bookings, slot.id)
    other = await world.patient(starts_at=NOW + timedelta(days=2, hours=4))
    closed = await world.side.sessions.close(await world.session_of(one), CLERK, CancelReason.DOCTOR_ABSENT)
    assert {row.id for row in closed.affected} == {one.id, two.id} == {news.appointment_id for news in closed.news}
    assert {news.reason for news in world.herald.written} == {CancelReason.DOCTOR_ABSENT}
    assert [await world.state(each) for each in (one, two, other)] == ["cancelled", "cancelled", "booked"]


async def test_nobody_stays_booked_in_a_session_that_closes_meanwhile(world: World) -> None:
    opening = await add_slot(world.bookings.database, capacity=12)
    people = [await add_conversation(world.bookings.database) for _ in range(12)]
    held = [await world.bookings.hold(one, HOSPITAL, opening, f"key-{one.hex}") for one in people]
    (row,) = await world.side.sessions.listed(scope())

    async def confirm(number: int) -> bool:
        one = people[number]
        try:
            await world.bookings.confirm(one, held[number], PATIENT, "en", f"key-{one.hex}")
        except SlotGone:
            return False
        return True

    async def close() -> bool:
        await world.side.sessions.close(row.id, CLERK, CancelReason.DOCTOR_ABSENT)
        return True

    done = await asyncio.gather(*(confirm(number) for number in range(6)), close(), *map(confirm, range(6, 12)))
    appointments = await world.side.desk.listed(scope())
    assert {one.state for one in appointments} <= {"cancelled"}
    assert len(appointments) == sum(done) - 1 == len(world.herald.written)
    assert await count(world.bookings.database, models.Seat) == 0


async def test_who_was_offered_a_place_of_a_closed_session_waits_on(world: World) -> None:
    made, waits = await world.patient(), await add_conversation(world.bookings.database)
    session = await world.session_of(made)
    await world.bookings.wait(waits, DEPARTMENT, HOSPITAL, DAY, DAY, None, "ja")
    await world.side.desk.cancel(made.id, CancelReason.OTHER, CLERK)
    assert len(await world.bookings.offers_to_make(world.bookings.clock())) == 1
    await world.side.sessions.close(session, CLERK)
    (entry,) = await world.bookings.waiting(waits)
    assert entry.offered_until is None
    await world.side.sessions.open(session, CLERK)
    assert len(await world.bookings.offers_to_make(world.bookings.clock())) == 1


async def test_a_session_that_is_over_or_unknown(lone: World, clock: Clock) -> None:
    made = await lone.patient()
    session = await lone.session_of(made)
    with refused(Code.NOT_FOUND, 404):
        await lone.side.sessions.close(new_id(), CLERK)
    clock.now = made.starts_at + timedelta(days=1)
    with refused(Code.WRONG_STATE, 409):
        await lone.side.sessions.close(session, CLERK)


# Interpreters


async def hired(world: World, name: str = "Interpreter A", *languages: str) -> uuid.UUID:
    return await world.side.interpreters.add(name, languages or ("fr",), CLERK)


async def test_an_interpreter_is_assigned_and_told_of(world: World) -> None:
    made, other = await world.patient("fr"), await hired(world, "Interpreter B", "de")
    one = await hired(world)
    with refused(Code.WRONG_STATE, 409):
        await world.side.interpreters.assign(made.id, other, CLERK)  # does not speak it
    (row,) = await world.side.interpreters.wishes(scope(), WishState.WISHED)
    assert row.id == made.id
    news = await world.side.interpreters.assign(made.id, one, CLERK)
    assert news is not None
    assert (news.kind, news.interpreter) == (NewsKind.INTERPRETER_ASSIGNED, "Interpreter A")
    assert await world.side.interpreters.assign(made.id, one, CLERK) is None
    found = await world.bookings.appointment(made.id)
    assert found is not None
    assert found.interpreter == ("fr", WishState.ASSIGNED, "Interpreter A")
    assert await world.side.interpreters.wishes(scope(), WishState.WISHED) == []
    declined = await world.side.interpreters.decline(made.id, CLERK)
    assert declined is not None
    assert (declined.kind, declined.interpreter) == (NewsKind.INTERPRETER_DECLINED, None)
    assert world.herald.written == [news, declined]


async def test_nobody_interprets_at_two_places_at_once(world: World) -> None:
    one = await hired(world)
    first, near, far = [
        await world.patient("fr", starts_at=NOW + timedelta(days=2, minutes=minutes)) for minutes in (0, 45, 60)
    ]
    await world.side.interpreters.assign(first.id, one, CLERK)
    with refused(Code.WRONG_STATE, 409):
        await world.side.interpreters.assign(near.id, one, CLERK)
    assert await world.side.interpreters.assign(far.id, one, CLERK) is not None


async def test_who_leaves_the_roster_leaves_the_wishes_open(world: World) -> None:
    made, one = await world.patient("fr"), await hired(world)
    with refused(Code.WRONG_STATE, 409):
        await hired(world)
    await world.side.interpreters.assign(made.id, one, CLERK)
    assert await world.side.interpreters.set_active(one, CLERK, active=False) == 1
    assert await world.side.interpreters.set_active(one, CLERK, active=False) == 0
    assert len(await world.side.interpreters.wishes(scope(), WishState.WISHED)) == 1
    with refused(Code.WRONG_STATE, 409):
        await world.side.interpreters.assign(made.id, one, CLERK)
    assert [row.active for row in await world.side.interpreters.roster()] == [False]
    assert "Interpreter A" not in str(await world.audited())


async def test_no_interpreter_where_none_was_wished(lone: World) -> None:
    made, one = await lone.patient(), await hired(lone)
    with refused(Code.NOT_FOUND, 404):
        await lone.side.interpreters.assign(made.id, one, CLERK)
    with refused(Code.NOT_FOUND, 404):
        await lone.side.interpreters.assign((await lone.patient("fr")).id, new_id(), CLERK)


# The purge


async def test_the_preview_says_what_the_purge_does(world: World, clock: Clock) -> None:
    await world.patient()
    opening = await add_slot(world.bookings.database, NOW + timedelta(days=1), capacity=2)
    somebody = await add_conversation(world.bookings.database)
    await world.bookings.hold(somebody, HOSPITAL, opening, "held")
    await world.bookings.wait(somebody, DEPARTMENT, HOSPITAL, DAY, DAY, None, "ja")
    sealed = {"conversation_id": somebody, "sealed": b"x", "updated_at": NOW}
    async with transaction(world.bookings.database) as connection:
        await connection.execute(models.BookingDraft.__table__.insert().values(sealed))

    async def due() -> dict[Thing, int]:
        lines = await desk_due.preview(world.bookings.database, world.bookings.rules, clock())
        return {line.thing: line.due for line in lines}

    assert set((await due()).values()) == {0}
    clock.move(days=3)
    assert await due() == {
        Thing.APPOINTMENTS: 0,
        Thing.DRAFTS: 0,
        Thing.WAITING: 1,
        Thing.HOLDS: 1,
        Thing.MADE_UP_SLOTS: 0,
    }
    clock.move(days=31)
    expected = await due()
    assert (expected[Thing.APPOINTMENTS], expected[Thing.DRAFTS]) == (1, 1)
    before = await count(world.bookings.database, models.Appointment)
    await world.bookings.purge(clock())
    assert await count(world.bookings.database, models.Appointment) == before - expected[Thing.APPOINTMENTS]
    after = await due()
    assert sum(after.values()) == 0


async def test_a_session_the_schedule_took_away_stays_away(lone: World) -> None:
    made = await lone.patient()
    session = await lone.session_of(made)
    async with transaction(lone.bookings.database) as connection:
        await connection.execute(update(models.ClinicSession).values(state="off"))
    with refused(Code.WRONG_STATE, 409):
        await lone.side.sessions.open(session, CLERK)
