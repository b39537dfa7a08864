"""Days and times as residents type them on a phone, in the ten languages of the widget."""

from __future__ import annotations

import time as clocks
from collections.abc import Iterator
from datetime import date, time, timedelta
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.appointments.dates import FOLDER, read
from bot.appointments.readings import Doubt, Kind, Part, Reading, Reason
from bot.appointments.tokens import load, table
from bot.errors import ContentError
from tests.fakes.engine import ROOT

MONDAY = date(2026, 11, 23)
LANGUAGES = sorted(path.stem for path in (ROOT / "data/widget/words").glob("*.yml"))
EXPRESSIONS = yaml.load(
    Path(__file__).with_name("expressions.yml").read_text(encoding="utf-8"), Loader=yaml.CBaseLoader
)
FEWEST = 40


def cases() -> Iterator[tuple[str, str, str]]:
    for language, meanings in EXPRESSIONS.items():
        for meaning, texts in meanings.items():
            yield from ((language, text, meaning) for text in texts)


def said(reading: Reading) -> str:
    """A reading in the short form of expressions.yml."""
    if reading.reason or reading.kind in (Kind.SOONEST, Kind.ANY):
        return str(reading.reason or reading.kind)
    assert reading.first is not None and reading.last is not None
    ends = sorted({reading.first, reading.last})
    hour = f"{reading.clock:%H:%M}" if reading.clock else reading.part
    return " ".join(
        filter(None, ("..".join(f"{day:%m-%d}" for day in ends), hour, *(f"?{one}" for one in reading.doubts)))
    )


@pytest.mark.parametrize(("language", "text", "meaning"), list(cases()))
def test_an_expression_means(language: str, text: str, meaning: str) -> None:
    assert said(read(text, language, MONDAY)) == meaning


def test_each_language_of_the_widget_has_its_table_and_its_expressions() -> None:
    assert sorted(EXPRESSIONS) == LANGUAGES == sorted(path.stem for path in FOLDER.glob("*.yml"))
    counts = {language: len([1 for each, _, _ in cases() if each == language]) for language in LANGUAGES}
    assert {language: count for language, count in counts.items() if count < FEWEST} == {}


@pytest.mark.parametrize(
    ("text", "language", "today", "expected"),
    [
        ("5 January", "en", date(2026, 12, 28), date(2027, 1, 5)),
        ("1月5号", "zh", date(2026, 12, 28), date(2027, 1, 5)),
        ("5 января", "ru", date(2026, 12, 28), date(2027, 1, 5)),
        ("5/1", "vi", date(2026, 12, 28), date(2027, 1, 5)),
        ("the 5th", "en", date(2026, 12, 28), date(2027, 1, 5)),
        ("next week tuesday", "en", date(2026, 12, 28), date(2027, 1, 5)),
        ("31 December", "en", date(2026, 12, 28), date(2026, 12, 31)),
        ("29 February", "en", date(2027, 12, 28), date(2028, 2, 29)),
        ("in a month", "en", date(2027, 1, 31), date(2027, 2, 28)),
        # "next Tuesday": eight days on from a Monday, but the one and only coming Tuesday from a Wednesday.
        ("next tuesday", "en", date(2026, 11, 25), date(2026, 12, 1)),
        ("下周二", "zh", date(2026, 11, 29), date(2026, 12, 1)),
        ("mardi prochain", "fr", date(2026, 11, 25), date(2026, 12, 1)),
        ("this weekend", "en", date(2026, 11, 29), date(2026, 11, 29)),
    ],
)
def test_the_turn_of_weeks_months_and_years(text: str, language: str, today: date, expected: date) -> None:
    reading = read(text, language, today)
    assert (reading.first, reading.reason) == (expected, None)


def test_the_other_day_that_may_be_meant_is_offered() -> None:
    assert read("next tuesday", "en", MONDAY).others == (date(2026, 11, 24),)
    assert read("mardi prochain", "fr", MONDAY).others == (date(2026, 12, 1),)
    assert read("monday", "en", MONDAY) == Reading(
        first=date(2026, 11, 30), last=date(2026, 11, 30), doubts=(Doubt.WEEK,), others=(MONDAY,)
    )


def test_a_pair_of_numbers_is_doubtful_only_where_both_days_can_be_booked() -> None:
    in_march = read("03/04", "en", date(2026, 3, 1))
    assert (in_march.first, in_march.others, in_march.doubts) == (date(2026, 4, 3), (date(2026, 3, 4),), (Doubt.ORDER,))
    assert read("03/04", "fr", date(2026, 3, 1)).doubts == ()
    assert read("03/04", "zh", date(2026, 3, 1)).first == date(2026, 3, 4)
    assert read("12/25", "fr", MONDAY).first == date(2026, 12, 25)


def test_a_weekday_of_this_week_that_has_gone_by_is_past_where_the_language_says_the_week() -> None:
    thursday = date(2026, 11, 26)
    assert read("这周二", "zh", thursday).reason is Reason.PAST
    assert read("this tuesday", "en", thursday).first == date(2026, 12, 1)


def test_the_soonest_and_any_day_run_to_the_horizon() -> None:
    reading = read("asap, in the morning", "en", MONDAY, horizon_days=14)
    assert reading == Reading(Kind.SOONEST, MONDAY, MONDAY + timedelta(days=14), Part.MORNING)


def test_a_time_alone_keeps_its_clock() -> None:
    assert read("下午三点半", "zh", MONDAY) == Reading(part=Part.AFTERNOON, clock=time(15, 30), reason=Reason.ONLY_TIME)


def test_english_words_are_understood_in_every_language() -> None:
    assert {said(read("tomorrow afternoon please", language, MONDAY)) for language in LANGUAGES} == {"11-24 afternoon"}


def test_a_language_without_a_table_is_read_as_the_one_it_is_answered_in() -> None:
    assert read("tomorrow", "uk", MONDAY).first == date(2026, 11, 24)


def test_a_table_with_an_unknown_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "en.yml").write_text("language: en\nscan: words\nwekdays: {}\n", encoding="utf-8")
    with pytest.raises(ContentError, match=r"booking/dates/en.yml: unknown keys \['wekdays'\]"):
        load(tmp_path, "en")


def test_a_table_must_say_how_it_is_read() -> None:
    with pytest.raises(KeyError, match="accents"):
        table({"language": "en", "scan": "words"})


DAYS = st.dates(date(2024, 1, 1), date(2032, 12, 31))
PIECES = st.sampled_from(sorted({text for _, text, _ in cases()}))
NUMBERS = st.integers(0, 99999).map(str)
MARKS = st.sampled_from(list("/.:-月日号点h年ч時시일 ,"))
TEXTS = st.one_of(
    st.text(max_size=60),
    st.lists(st.one_of(PIECES, NUMBERS, MARKS), max_size=8).map("".join),
    st.lists(PIECES, max_size=5).map(" ".join),
)


@settings(max_examples=400, deadline=None)
@given(TEXTS, st.sampled_from(LANGUAGES), DAYS, st.integers(0, 365))
@example("29 February", "en", date(2025, 2, 28), 365)
@example("the 31st", "en", date(2026, 1, 31), 0)
@example("下周二", "zh", date(2032, 12, 31), 1)
def test_no_day_is_before_today_or_beyond_the_horizon(text: str, language: str, today: date, horizon_days: int) -> None:
    reading, horizon = read(text, language, today, horizon_days), today + timedelta(days=horizon_days)
    assert (reading.first is None) == (reading.last is None) == (reading.reason is not None)
    assert all(today <= day <= horizon for day in (reading.first, *reading.others, reading.last) if day is not None)
    if reading.first and reading.last:
        assert reading.first <= reading.last
        assert reading.kind is not Kind.DAY or reading.first == reading.last
    assert reading.first not in reading.others


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 90), st.sampled_from(LANGUAGES), DAYS)
def test_every_bookable_day_can_be_written_as_numbers(ahead: int, language: str, today: date) -> None:
    day = today + timedelta(days=ahead)
    for text in (f"{day:%Y-%m-%d}", f"{day:%Y/%m/%d}"):
        assert read(text, language, today).first == read(text, language, today).last == day


LONG = 4_000
UNITS = [
    "12",
    "3/4 ",
    "a",
    "next ",
    "monday",
    "周",
    "十",
    "三月",
    "다음",
    "thứ ",
    "-",
    "12-",
    "1 ",
    "ال",
    "を",
    "3 to ",
    "the ",
    "ﷺ",
]


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_long_text_takes_time_in_proportion(unit: str, language: str) -> None:
    text = (unit * LONG)[:LONG]
    started = clocks.process_time()
    read(text, language, MONDAY)
    assert clocks.process_time() - started < 1.5
