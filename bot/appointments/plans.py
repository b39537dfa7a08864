"""The demonstration's week plans by kind of hospital: data/booking/schedule.yml, checked field by field."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time
from pathlib import Path
from typing import Any

from bot.appointments.catalogue import Catalogue, Hospital, HospitalKind
from bot.appointments.contents import LANGUAGES, fields, one_of, read_yaml, rows, text, texts, unique
from bot.appointments.readings import Part
from bot.errors import ContentError

SCHEDULE_FILE = "schedule.yml"
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MAKE_UP = "make_up"
_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")
_DAY = re.compile(r"\d\d-\d\d")
_LEAP_YEAR = 2024
_MOST_MINUTES, _MOST_PLACES = 240, 50

Hours = Mapping[Part, tuple[time, time]]
Week = Mapping[str, tuple[Part, ...]]


@dataclass(frozen=True)
class Person:
    """A clinician of the demonstration, who is nobody."""

    name_zh: str
    languages: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """A department's weeks. `week` is by weekday and MAKE_UP; `always_closed` are (month, day) of every year."""

    week: Week
    hours: Hours
    always_closed: frozenset[tuple[int, int]]
    minutes: int
    capacity: int
    clinicians: tuple[Person, ...]


@dataclass(frozen=True)
class Schedule:
    """Plans by kind of hospital and department."""

    plans: Mapping[HospitalKind, Mapping[str, Plan]]

    def of(self, hospital: Hospital) -> Mapping[str, Plan]:
        """Of the departments that a hospital has, or may have where that is not known."""
        plans = self.plans.get(hospital.kind, {})
        if hospital.departments is None:
            return plans
        return {name: plan for name, plan in plans.items() if name in hospital.departments}


def load(folder: Path, catalogue: Catalogue) -> Schedule:
    """Read schedule.yml. ContentError naming the field."""
    raw = fields(SCHEDULE_FILE, read_yaml(folder / SCHEDULE_FILE), ("hours", "always_closed", "weeks", "clinics"))
    hours = _hours(f"{SCHEDULE_FILE}: hours", raw["hours"])
    closed = frozenset(_month_day(f"{SCHEDULE_FILE}: always_closed", day) for day in raw["always_closed"])
    weeks = {name: _week(f"{SCHEDULE_FILE}: weeks: {name}", week, hours) for name, week in raw["weeks"].items()}
    plans: dict[HospitalKind, dict[str, Plan]] = {}
    for number, entry in enumerate(rows(f"{SCHEDULE_FILE}: clinics", raw["clinics"]), 1):
        _add(plans, f"{SCHEDULE_FILE}: clinics: {number}", entry, (hours, closed, weeks), catalogue)
    return Schedule(plans)


def _add(
    plans: dict[HospitalKind, dict[str, Plan]],
    place: str,
    raw: Any,
    common: tuple[Hours, frozenset[tuple[int, int]], Mapping[str, Week]],
    catalogue: Catalogue,
) -> None:
    """The plan of one entry, for each kind and department that it names."""
    raw = fields(place, raw, ("kinds", "departments", "week", "minutes", "capacity", "clinicians"))
    plan = _plan(place, raw, common)
    departments = texts(f"{place}: departments", raw["departments"])
    for kind in (one_of(f"{place}: kinds", HospitalKind, kind) for kind in rows(f"{place}: kinds", raw["kinds"])):
        for name in departments:
            department = catalogue.departments.get(name)
            if department is None or department.walk_in:
                raise ContentError(f"{place}: no department {name} that is booked")
            if plans.setdefault(kind, {}).setdefault(name, plan) is not plan:
                raise ContentError(f"{place}: {name} of {kind} stands twice")


def _plan(
    place: str, raw: Mapping[str, Any], common: tuple[Hours, frozenset[tuple[int, int]], Mapping[str, Week]]
) -> Plan:
    hours, closed, weeks = common
    if raw["week"] not in weeks:
        raise ContentError(f"{place}: week: there is no {raw['week']!r:.40}")
    people = tuple(_person(f"{place}: clinicians", entry) for entry in rows(f"{place}: clinicians", raw["clinicians"]))
    unique(place, [person.name_zh for person in people])
    return Plan(
        week=weeks[raw["week"]],
        hours=hours,
        always_closed=closed,
        minutes=_number(f"{place}: minutes", raw["minutes"], _MOST_MINUTES),
        capacity=_number(f"{place}: capacity", raw["capacity"], _MOST_PLACES),
        clinicians=people,
    )


def _person(place: str, raw: Any) -> Person:
    raw = fields(place, raw, ("name_zh", "languages"))
    languages = raw["languages"]
    if not isinstance(languages, list) or not set(languages) <= set(LANGUAGES):
        raise ContentError(f"{place}: languages: must be a list of {', '.join(LANGUAGES)}")
    return Person(text(f"{place}: name_zh", raw["name_zh"]), tuple(languages))


def _hours(place: str, raw: Any) -> Hours:
    if not isinstance(raw, dict) or not raw:
        raise ContentError(f"{place}: must be a mapping of {', '.join(Part)}")
    return {one_of(place, Part, part): _period(f"{place}: {part}", written) for part, written in raw.items()}


def _period(place: str, written: Any) -> tuple[time, time]:
    found = _HOURS.fullmatch(written) if isinstance(written, str) else None
    if found is None:
        raise ContentError(f"{place}: must be like 08:00-11:30, not {written!r:.40}")
    numbers = [int(part) for part in found.groups()]
    begin, end = time(numbers[0], numbers[1]), time(numbers[2], numbers[3])
    if end <= begin:
        raise ContentError(f"{place}: ends before it begins")
    return begin, end


def _week(place: str, raw: Any, hours: Hours) -> Week:
    raw = fields(place, raw, (*WEEKDAYS, MAKE_UP))
    week = {day: tuple(one_of(f"{place}: {day}", Part, part) for part in parts) for day, parts in raw.items()}
    for day, parts in week.items():
        unique(f"{place}: {day}", parts)
        if missing := [part for part in parts if part not in hours]:
            raise ContentError(f"{place}: {day}: no hours for {', '.join(missing)}")
    return week


def _month_day(place: str, written: Any) -> tuple[int, int]:
    try:
        if not _DAY.fullmatch(written):
            raise ValueError
        day = date.fromisoformat(f"{_LEAP_YEAR}-{written}")
    except (TypeError, ValueError):
        raise ContentError(f"{place}: must be days like 01-01, not {written!r:.40}") from None
    return day.month, day.day


def _number(place: str, raw: Any, most: int) -> int:
    if type(raw) is not int or not 1 <= raw <= most:
        raise ContentError(f"{place}: must be a whole number from 1 to {most}, not {raw!r:.40}")
    return raw
