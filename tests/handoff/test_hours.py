"""The city's working time: lunch, weekends, holidays, make-up days, a year that is not announced yet."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bot.app import desk_rules
from bot.errors import ContentError
from bot.handoff.calendar import Calendar, DayKind
from bot.handoff.hours import CITY_TIME, Closed, DeskRules
from tests.fakes.engine import ROOT

DESK = ROOT / "data" / "desk.yml"
HOLIDAYS = ROOT / "data" / "holidays"
CALENDAR = Calendar.load(HOLIDAYS)


def at(text: str) -> datetime:
    """An instant as the city's clocks show it."""
    return datetime.fromisoformat(text).replace(tzinfo=CITY_TIME)


def rules(tmp_path: Path, **changes: object) -> DeskRules:
    data = yaml.safe_load(DESK.read_text(encoding="utf-8")) | changes
    file = tmp_path / "desk.yml"
    file.write_text(yaml.safe_dump(data), encoding="utf-8")
    return DeskRules.load(file, HOLIDAYS)


# --- the calendar ----------------------------------------------------------------------------------------------------


def test_2026_is_as_the_state_council_announced_it() -> None:
    """The notice of 4 November 2025: seven holidays of 3, 9, 3, 5, 3, 3 and 7 days, six weekend days worked instead."""
    of_2026 = [day for day in CALENDAR.rest if day.year == 2026]
    assert len(of_2026) == 3 + 9 + 3 + 5 + 3 + 3 + 7
    assert {day for day in CALENDAR.work if day.year == 2026} == {
        date(2026, 1, 4),
        date(2026, 2, 14),
        date(2026, 2, 28),
        date(2026, 5, 9),
        date(2026, 9, 20),
        date(2026, 10, 10),
    }
    assert all(day.weekday() >= 5 for day in CALENDAR.work)


@pytest.mark.parametrize(
    ("day", "kind"),
    [
        (date(2026, 10, 1), DayKind.HOLIDAY),
        (date(2026, 10, 10), DayKind.MAKE_UP),
        (date(2026, 10, 11), DayKind.PLAIN),
        (date(2026, 11, 23), DayKind.PLAIN),
    ],
)
def test_kinds_of_days(day: date, kind: DayKind) -> None:
    assert CALENDAR.kind(day) is kind


def test_a_year_without_a_file_is_not_known_and_all_its_days_are_plain() -> None:
    calendar = Calendar(frozenset({2026}), {date(2026, 10, 1): "National Day"}, {})
    assert calendar.known(2026)
    assert not calendar.known(2031)
    assert calendar.kind(date(2031, 10, 1)) is DayKind.PLAIN


@pytest.mark.parametrize(
    "damage",
    [
        {"year": 2025},
        {"source": ""},
        {"rest": {}},
        {"rest": {"2026-01-01": "New Year's Day"}},
        {"rest": {date(2025, 1, 1): "New Year's Day"}},
        {"work": {date(2026, 1, 1): "New Year's Day"}},
        {"work": None},
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, damage: dict[str, object]) -> None:
    data = yaml.safe_load((HOLIDAYS / "2026.yml").read_text(encoding="utf-8")) | damage
    (tmp_path / "2026.yml").write_text(yaml.safe_dump(data), encoding="utf-8")
    with pytest.raises(ContentError, match=r"2026\.yml"):
        Calendar.load(tmp_path)


# --- the hours -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "closed"),
    [
        ("2026-11-23 08:59", Closed.HOURS),
        ("2026-11-23 09:00", None),
        ("2026-11-23 11:59", None),
        ("2026-11-23 12:00", Closed.HOURS),
        ("2026-11-23 13:30", None),
        ("2026-11-23 17:30", Closed.HOURS),
        ("2026-11-22 10:00", Closed.HOURS),  # a Sunday
        ("2026-10-10 10:00", None),  # a Saturday that is worked
        ("2026-10-01 10:00", Closed.HOLIDAY),
        ("2026-02-23 10:00", Closed.HOLIDAY),  # a Monday at the end of the Spring Festival
    ],
)
def test_open_or_why_not(now: str, closed: Closed | None) -> None:
    assert desk_rules().closed(at(now)) is closed


def test_the_hours_are_the_citys_wherever_the_clock_is_read() -> None:
    in_utc = datetime.fromisoformat("2026-11-23T01:00:00+00:00")
    assert desk_rules().closed(in_utc) is None
    assert desk_rules().closed(in_utc - timedelta(minutes=1)) is Closed.HOURS


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        ("2026-11-23 08:00", "2026-11-23 09:00"),
        ("2026-11-23 12:10", "2026-11-23 13:30"),
        ("2026-11-20 18:00", "2026-11-23 09:00"),  # over the weekend
        ("2026-09-30 18:00", "2026-10-08 09:00"),  # over the National Day
        ("2026-10-09 18:00", "2026-10-10 09:00"),  # to a Saturday that is worked
        ("2026-02-14 18:00", "2026-02-24 09:00"),  # over the Spring Festival
    ],
)
def test_the_next_opening(now: str, opens: str) -> None:
    assert desk_rules().opens(at(now)) == at(opens)


def test_a_desk_that_never_opens_says_so(tmp_path: Path) -> None:
    week = yaml.safe_load(DESK.read_text(encoding="utf-8"))["hours"]
    never = rules(tmp_path, hours={day: [] for day in week})
    assert never.opens(at("2026-11-23 10:00")) is None
    assert never.closed(at("2026-11-23 10:00")) is Closed.HOURS


@pytest.mark.parametrize(
    ("now", "hours", "until"),
    [
        ("2026-11-23 09:00", 3, "2026-11-23 12:00"),
        ("2026-11-23 09:00", 4, "2026-11-23 14:30"),
        ("2026-11-23 11:30", 1, "2026-11-23 14:00"),
        ("2026-11-20 17:00", 7, "2026-11-23 17:00"),
        ("2026-09-30 17:30", 7, "2026-10-08 17:30"),
    ],
)
def test_so_many_working_hours_later(now: str, hours: int, until: str) -> None:
    assert desk_rules().after_working_hours(at(now), hours) == at(until)


@given(st.datetimes(datetime(2026, 1, 1), datetime(2026, 11, 1)), st.integers(1, 40))
def test_a_promise_is_kept_at_the_desk_and_never_early(moment: datetime, hours: int) -> None:
    desk, now = desk_rules(), moment.replace(tzinfo=CITY_TIME)
    until = desk.after_working_hours(now, hours)
    assert until >= now + timedelta(hours=hours)
    assert desk.closed(until - timedelta(microseconds=1)) is None
    assert desk.after_working_hours(now, hours + 1) > until


def test_a_language_of_its_own_hours(tmp_path: Path) -> None:
    week = yaml.safe_load(DESK.read_text(encoding="utf-8"))["hours"]
    mornings = {day: periods[:1] for day, periods in week.items()} | {"friday": []}
    own = rules(tmp_path, languages={"ru": mornings})
    assert own.closed(at("2026-11-23 14:00")) is None
    assert own.closed(at("2026-11-23 14:00"), "ru") is Closed.HOURS
    assert own.closed(at("2026-11-23 14:00"), "fr") is None
    assert own.opens(at("2026-11-26 14:00"), "ru") == at("2026-11-30 09:00")


def test_a_year_that_is_not_announced_is_said_a_month_ahead(tmp_path: Path) -> None:
    only_2026 = tmp_path / "holidays"
    only_2026.mkdir()
    (only_2026 / "2026.yml").write_text((HOLIDAYS / "2026.yml").read_text(encoding="utf-8"), encoding="utf-8")
    desk = DeskRules.load(DESK, only_2026)
    assert desk.lacking(at("2026-11-23 10:00")) == ()
    assert desk.lacking(at("2026-12-05 10:00")) == (2027,)
    assert desk.lacking(at("2027-03-01 10:00")) == (2027,)
    # Then weekends alone are rest: better open on a holiday than closed on a working day without a word.
    assert desk.closed(at("2027-10-01 10:00")) is None
    assert desk.closed(at("2027-10-02 10:00")) is Closed.HOURS


@pytest.mark.parametrize(
    "damage",
    [
        {"hours": {}},
        {"hours": {"monday": ["09:00-12:00"]}},
        {"languages": {"xx": {}}},
        {"languages": None},
        {"longest_queue": 0},
        {"longest_queue": True},
        {"idle_close_minutes": 20},
        {"estimate": {"most": 1}},
        {"presence_seconds": "60"},
    ],
)
def test_damaged_desk_settings_are_named(tmp_path: Path, damage: dict[str, object]) -> None:
    with pytest.raises(ContentError, match=r"desk\.yml"):
        rules(tmp_path, **damage)


@pytest.mark.parametrize("period", ["9:00-12:00", "12:00-09:00", "09:00-09:00", "09:00-24:00", "09:00", "09:60-10:00"])
def test_what_is_no_period_is_refused(tmp_path: Path, period: str) -> None:
    week = yaml.safe_load(DESK.read_text(encoding="utf-8"))["hours"]
    with pytest.raises(ContentError):
        rules(tmp_path, hours=week | {"monday": [period]})


def test_periods_that_overlap_are_refused(tmp_path: Path) -> None:
    week = yaml.safe_load(DESK.read_text(encoding="utf-8"))["hours"]
    with pytest.raises(ContentError):
        rules(tmp_path, hours=week | {"monday": ["09:00-12:00", "11:00-15:00"]})
