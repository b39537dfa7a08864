"""The calendar file: the city's time, a reminder the day before, and nothing that tells of an illness."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from icalendar import Calendar

from bot.appointments import catalogue, ics, page_words
from bot.appointments.contents import LANGUAGES
from bot.appointments.ics import Entry
from bot.settings import ROOT

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
DATA = ROOT / "data" / "booking"
WORDS = page_words.load(DATA)
ENTRY = Entry(
    reference="HF-7K2M9",
    starts_at=datetime(2026, 12, 1, 1, 30, tzinfo=UTC),
    minutes=30,
    hospital="Hospital; of many, commas\nand lines",
    place_zh="安徽医科大学第一附属医院，合肥市蜀山区绩溪路218号",
    cancelled=False,
    demo=False,
)


def event(entry: Entry, language: str = "en", now: datetime = NOW) -> Any:
    """The one event of the file, read back."""
    (found,) = Calendar.from_ical(ics.write(entry, WORDS[language], now)).walk("VEVENT")
    return found


def test_the_time_is_the_citys_and_names_its_zone() -> None:
    text = ics.write(ENTRY, WORDS["en"], NOW).decode()
    assert "DTSTART;TZID=Asia/Shanghai:20261201T093000\r\n" in text
    assert "TZID:Asia/Shanghai\r\n" in text
    found = event(ENTRY)
    assert found.decoded("dtstart") == ENTRY.starts_at
    assert found.decoded("dtend") == ENTRY.starts_at + timedelta(minutes=30)


def test_names_survive_whatever_is_in_them() -> None:
    found = event(ENTRY)
    assert str(found["summary"]) == ENTRY.hospital
    assert str(found["location"]) == ENTRY.place_zh
    assert all(len(line) <= 75 for line in ics.write(ENTRY, WORDS["en"], NOW).split(b"\r\n"))


def test_it_reminds_the_day_before() -> None:
    (alarm,) = event(ENTRY).walk("VALARM")
    assert alarm.decoded("trigger") == timedelta(days=-1)
    assert str(alarm["action"]) == "DISPLAY"
    assert str(alarm["description"]) == ENTRY.hospital


def test_what_was_cancelled_reminds_nobody() -> None:
    found = event(replace(ENTRY, cancelled=True))
    assert str(found["status"]) == "CANCELLED"
    assert found.walk("VALARM") == []


def test_a_later_file_replaces_the_one_before() -> None:
    first, later = event(ENTRY), event(ENTRY, now=NOW + timedelta(minutes=1))
    assert str(first["uid"]) == str(later["uid"])
    assert first["sequence"] < later["sequence"] < 2**31


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_demonstration_says_so(language: str) -> None:
    words = WORDS[language]
    found = event(replace(ENTRY, hospital="H", demo=True), language)
    assert str(found["summary"]) == f"{words['demo_short']}: H"
    assert str(found.walk("VALARM")[0]["description"]) == str(found["summary"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_calendar_learns_which_department_it_is(language: str) -> None:
    text = ics.write(replace(ENTRY, hospital="H"), WORDS[language], NOW).decode().replace("\r\n ", "")
    for department in catalogue.load(DATA).departments.values():
        assert department.sign_zh not in text
        assert department.names[language] not in text
    assert ENTRY.reference in text
    assert "#" not in text
