"""Which times there are: the arithmetic of days and slots, the files, and what the tables hold after a filling."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import delete, select, update

from bot.appointments import catalogue as catalogues
from bot.appointments import plans, rules
from bot.appointments.bookings import Bookings
from bot.appointments.catalogue import HospitalKind
from bot.appointments.plans import Plan, Schedule
from bot.appointments.readings import Part
from bot.appointments.schedule import sessions_between, sessions_for, slots
from bot.db import models
from bot.db.engine import reading, transaction
from bot.errors import ContentError
from bot.handoff.calendar import Calendar, DayKind
from bot.handoff.hours import CITY_TIME
from tests.fakes.booking import DATA, HOLIDAYS, NOW, Clock, add_conversation, booking, count

CALENDAR = Calendar.load(HOLIDAYS)
CATALOGUE = catalogues.load(DATA)
SCHEDULE = plans.load(DATA, CATALOGUE)
PLANS = [plan for by_department in SCHEDULE.plans.values() for plan in by_department.values()]
DAILY = SCHEDULE.plans[HospitalKind.GENERAL]["internal_medicine"]
DAYS = st.dates(date(2025, 12, 1), date(2028, 3, 1))
TIMES = st.times(max_value=time(23, 59)).map(lambda at: at.replace(second=0, microsecond=0))


@given(DAYS, TIMES, TIMES, st.integers(1, 240))
@example(date(2026, 12, 31), time(23, 0), time(23, 59), 30)
@example(date(2027, 1, 1), time(0, 0), time(8, 30), 15)
def test_slots_fill_a_session_and_do_not_leave_it(day: date, begin: time, end: time, minutes: int) -> None:
    found = slots(day, begin, end, minutes)
    length = timedelta(minutes=minutes)
    first, last = (datetime.combine(day, at, CITY_TIME) for at in (begin, end))
    assert all(first <= start and start + length <= last for start in found)
    assert all(later - earlier == length for earlier, later in pairwise(found))
    assert all(start.tzinfo is UTC and start.astimezone(CITY_TIME).date() == day for start in found)
    rest = last - (found[-1] + length if found else first)
    assert rest < length, "there would have been room for one more"


@given(DAYS, st.sampled_from(PLANS))
@example(date(2026, 1, 1), DAILY)
@example(date(2026, 1, 4), DAILY)
@example(date(2026, 10, 10), DAILY)
@example(date(2027, 1, 1), DAILY)
def test_a_holiday_is_closed_and_a_day_worked_instead_is_open(day: date, plan: Plan) -> None:
    parts = {session.part for session in sessions_for(day, plan, CALENDAR)}
    kind = CALENDAR.kind(day)
    if kind is DayKind.HOLIDAY or (day.month, day.day) == (1, 1):
        assert parts == set()
    elif kind is DayKind.MAKE_UP:
        assert parts == set(plan.week["make_up"])
    elif (day.month, day.day) not in plan.always_closed:
        assert parts == set(plan.week[f"{day:%A}".lower()])


@given(DAYS, st.sampled_from(PLANS))
def test_the_sessions_of_a_day_follow_each_other(day: date, plan: Plan) -> None:
    starts = [start for session in sessions_for(day, plan, CALENDAR) for start in session.starts]
    length = timedelta(minutes=plan.minutes)
    assert all(earlier + length <= later for earlier, later in pairwise(starts))
    assert all(session.starts for session in sessions_for(day, plan, CALENDAR))


@given(DAYS, st.integers(0, 40), st.sampled_from(PLANS))
@example(date(2026, 12, 20), 28, DAILY)
@example(date(2026, 12, 31), 1, DAILY)
@example(date(2027, 1, 1), 0, DAILY)
@example(date(2026, 2, 14), 14, DAILY)
def test_sessions_reach_from_today_to_the_horizon_and_no_farther(today: date, ahead: int, plan: Plan) -> None:
    book = replace(rules.load(DATA).default, horizon_days=ahead)
    found = list(sessions_between(today, book.last_day(today), plan, CALENDAR))
    days = [today + timedelta(days=number) for number in range(ahead + 1)]
    assert found == [session for day in days for session in sessions_for(day, plan, CALENDAR)]
    assert {session.day for session in found} <= set(days)
    starts = [start for session in found for start in session.starts]
    assert starts == sorted(set(starts))


@pytest.mark.parametrize(
    ("day", "times"),
    [
        (date(2026, 11, 24), ["08:00", "08:30", "09:00", "09:30", "10:00", "10:30", "11:00"]),
        (date(2026, 11, 29), []),  # a Sunday
        (date(2026, 10, 1), []),  # National Day
        (date(2026, 2, 14), ["08:00", "08:30", "09:00", "09:30", "10:00", "10:30", "11:00"]),  # a Saturday, worked
        (date(2026, 1, 1), []),
        (date(2027, 1, 1), []),  # a Friday; the year's holidays are not announced
    ],
)
def test_mornings(day: date, times: list[str]) -> None:
    sessions = [session for session in sessions_for(day, DAILY, CALENDAR) if session.part is Part.MORNING]
    found = [f"{start.astimezone(CITY_TIME):%H:%M}" for session in sessions for start in session.starts]
    assert found == times


def test_every_department_that_is_booked_can_be_tried_somewhere() -> None:
    had = {name for by_department in SCHEDULE.plans.values() for name in by_department}
    assert had == {name for name, department in CATALOGUE.departments.items() if not department.walk_in}
    assert set(SCHEDULE.plans) == set(HospitalKind)


def test_no_clinician_is_a_person_and_some_speak_another_language() -> None:
    people = [person for plan in PLANS for person in plan.clinicians]
    assert all("（演示）" in person.name_zh for person in people)
    assert any("en" in person.languages for person in people)
    assert any(not person.languages for person in people)


def test_a_hospital_gets_only_what_it_has() -> None:
    hospital = CATALOGUE.hospitals["hospital-ahmu-1"]
    assert hospital.departments is None
    assert "dentistry" in SCHEDULE.of(hospital)
    assert set(SCHEDULE.of(replace(hospital, departments=("ent", "oncology", "vaccination")))) == {"ent", "oncology"}


@pytest.fixture
async def bookings(database_url: str, tmp_path: Path) -> AsyncIterator[Bookings]:
    """One hospital of each kind, three days ahead: enough to look at."""
    async with booking(database_url, tmp_path / "var", Clock(), horizon_days=3) as made:
        few = {name: SCHEDULE.plans[HospitalKind.GENERAL][name] for name in ("dermatology", "oncology")}
        kinds = {HospitalKind.GENERAL: few, HospitalKind.TCM: SCHEDULE.plans[HospitalKind.TCM]}
        yield replace(made, plans=Schedule(kinds))


async def rows(bookings: Bookings, table: type[models.Base]) -> list[Any]:
    async with reading(bookings.database) as connection:
        return list(await connection.execute(select(table)))


async def test_filling_twice_makes_nothing_twice(bookings: Bookings) -> None:
    made = await bookings.fill(NOW)
    assert made == await count(bookings.database, models.Slot) > 100
    before = sorted(row.key for row in await rows(bookings, models.ClinicSession))
    assert await bookings.fill(NOW) == 0
    assert sorted(row.key for row in await rows(bookings, models.ClinicSession)) == before
    sessions = await rows(bookings, models.ClinicSession)
    assert all(row.demo and row.fee_fen is None and not row.international for row in sessions)
    assert {row.day for row in sessions} == {date(2026, 11, 24) + timedelta(days=number) for number in range(4)}


async def test_the_next_day_adds_one_day(bookings: Bookings) -> None:
    await bookings.fill(NOW)
    await bookings.fill(NOW + timedelta(days=1))
    assert max(row.day for row in await rows(bookings, models.ClinicSession)) == date(2026, 11, 28)


async def test_openings_begin_now_and_end_at_the_horizon(bookings: Bookings) -> None:
    await bookings.fill(NOW)
    found = await bookings.openings("dermatology")
    assert [one.starts_at for one in found] == sorted(one.starts_at for one in found)
    assert found[0].starts_at > NOW
    assert all(one.demo and one.fee_fen is None for one in found)
    assert found[-1].starts_at.astimezone(CITY_TIME).date() == date(2026, 11, 27)
    assert await bookings.openings("dermatology", first=date(2026, 11, 28)) == ()
    day = await bookings.openings("dermatology", "hospital-ahmu-1", date(2026, 11, 26), date(2026, 11, 26))
    assert {one.hospital for one in day} == {"hospital-ahmu-1"}
    assert len(day) == 13
    assert await bookings.openings("fever_clinic") == await bookings.openings("dermatology", "no-such-hospital") == ()


async def test_a_holiday_that_is_announced_later_closes_the_day(bookings: Bookings) -> None:
    day = date(2026, 11, 26)
    await bookings.fill(NOW)
    opening = (await bookings.openings("dermatology", "hospital-ahmu-1", day, day))[0]
    conversation_id = await add_conversation(bookings.database)
    await bookings.hold(conversation_id, opening.hospital, opening.id, "key")
    announced = replace(CALENDAR, rest={**CALENDAR.rest, day: "Some Day"})
    later = replace(bookings, calendar=announced, local=replace(bookings.local, calendar=announced))
    assert await later.openings("dermatology", first=day, last=day) == (), "also before the next filling"
    await later.fill(NOW)
    left = [row for row in await rows(bookings, models.ClinicSession) if row.day == day]
    assert [row.state for row in left] == ["off"], "where somebody has a seat the session stays, and takes nobody in"
    assert await bookings.openings("dermatology", first=day, last=day) == ()
    await bookings.fill(NOW)
    assert len(await bookings.openings("dermatology", "hospital-ahmu-1", day, day)) == 13


async def test_what_somebody_closed_stays_closed(bookings: Bookings) -> None:
    await bookings.fill(NOW)
    async with transaction(bookings.database) as connection:
        await connection.execute(update(models.ClinicSession).values(state="closed"))
    await bookings.fill(NOW)
    assert await bookings.openings("dermatology") == ()


async def test_without_the_demonstration_nothing_made_up_is_offered_or_kept(bookings: Bookings) -> None:
    await bookings.fill(NOW)
    real = replace(bookings, demo=False, local=replace(bookings.local, demo=False))
    assert await real.openings("dermatology") == ()
    assert real.departments() == ()
    assert await real.fill(NOW) == 0
    assert await count(bookings.database, models.Slot) == 0


async def test_past_days_of_the_demonstration_are_purged(bookings: Bookings) -> None:
    await bookings.fill(NOW)
    assert await bookings.purge(NOW) == 0
    assert await bookings.purge(NOW + timedelta(days=2)) > 0
    assert min(row.day for row in await rows(bookings, models.ClinicSession)) == date(2026, 11, 26)
    async with transaction(bookings.database) as connection:
        await connection.execute(delete(models.Slot))


async def test_a_childrens_hospital_is_meant_only_for_what_children_alone_have(
    tmp_path: Path, database_url: str
) -> None:
    async with booking(database_url, tmp_path / "var", Clock(), horizon_days=3) as made:
        children = replace(made, plans=Schedule({HospitalKind.CHILDREN: SCHEDULE.plans[HospitalKind.CHILDREN]}))
        await children.fill(NOW)
        assert await children.openings("dermatology") == ()
        assert await children.openings("dermatology", "hospital-children") != ()
        assert await children.openings("paediatrics") != ()


def changed(folder: Path, name: str, change: Callable[[Any], object]) -> Path:
    for path in DATA.glob("*.yml"):
        shutil.copy(path, folder)
    data = yaml.load((DATA / name).read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    change(data)
    (folder / name).write_text(yaml.dump(data, allow_unicode=True), encoding="utf-8")
    return folder


SPOILT: dict[str, Callable[[Any], object]] = {
    "no department x-ray": lambda data: data["clinics"][0]["departments"].append("x-ray"),
    "no department fever_clinic": lambda data: data["clinics"][0]["departments"].append("fever_clinic"),
    "stands twice": lambda data: data["clinics"].append(data["clinics"][0]),
    "week: there is no": lambda data: data["clinics"][0].update(week="never"),
    "minutes: must be": lambda data: data["clinics"][0].update(minutes=0),
    "capacity: must be": lambda data: data["clinics"][0].update(capacity=True),
    "no hours for evening": lambda data: data["weeks"]["daily"].update(monday=["evening"]),
    "must be one of": lambda data: data["weeks"]["daily"].update(monday=["midnight"]),
    "lacks make_up": lambda data: data["weeks"]["daily"].pop("make_up"),
    "must be like 08:00-11:30": lambda data: data["hours"].update(morning="8-11"),
    "ends before it begins": lambda data: data["hours"].update(morning="11:00-08:00"),
    "must be days like 01-01": lambda data: data["always_closed"].append("13-01"),
    "languages": lambda data: data["clinics"][0]["clinicians"][0].update(languages=["tlh"]),
}


@pytest.mark.parametrize("message", SPOILT)
def test_a_schedule_with_a_slip_is_refused_by_its_place(message: str, tmp_path: Path) -> None:
    folder = changed(tmp_path, "schedule.yml", SPOILT[message])
    with pytest.raises(ContentError, match=r"^schedule.yml") as caught:
        plans.load(folder, CATALOGUE)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data["default"].pop("hold_minutes"),
        lambda data: data["default"].update(hold_minutes=0),
        lambda data: data["default"].update(hold_minutes="10"),
        lambda data: data["hospitals"].update({"hospital-ahmu-1": {"hold_hours": 1}}),
        lambda data: data.update(hospitals=None),
    ],
)
def test_rules_with_a_slip_are_refused(change: Callable[[Any], object], tmp_path: Path) -> None:
    with pytest.raises(ContentError, match=r"^rules.yml"):
        rules.load(changed(tmp_path, "rules.yml", change))


def test_a_hospitals_own_rules(tmp_path: Path) -> None:
    def own(data: Any) -> None:
        data["hospitals"]["hospital-ahmu-1"] = {"change_hours": 48, "horizon_days": 28}

    book = rules.load(changed(tmp_path, "rules.yml", own))
    assert book.of("hospital-ahmu-1") == replace(book.default, change_hours=48, horizon_days=28)
    assert book.of("hospital-ahmu-2") == book.default
    assert book.last_day(date(2026, 12, 10)) == date(2027, 1, 7)
    assert book.of("hospital-ahmu-1").changeable_until(NOW) == NOW - timedelta(days=2)
