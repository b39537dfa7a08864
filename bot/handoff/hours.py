"""When the desk is open, when it opens next, and when so many of its working hours will have passed. Pure."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from bot.errors import ContentError
from bot.handoff.calendar import Calendar, DayKind
from bot.languages import LANGUAGES

CITY_TIME = ZoneInfo("Asia/Shanghai")
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MAKE_UP = "make_up"
_PERIOD = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")
# Farther ahead than the longest holiday; a desk that never opens must not be looked for for ever.
_DAYS_AHEAD = 40
# A year's end this near is when a missing next year begins to matter.
_WARN_AHEAD = timedelta(days=31)


class Closed(StrEnum):
    """Why the desk is not open."""

    HOURS = "hours"
    HOLIDAY = "holiday"


@dataclass(frozen=True)
class Period:
    """From `begin` to before `end`, in the city's time."""

    begin: time
    end: time


Week = Mapping[str, Sequence[Period]]


@dataclass(frozen=True)
class Estimate:
    """Which past waits count: the last `most` ones of `days` days, when there are `fewest`."""

    most: int
    days: int
    fewest: int


@dataclass(frozen=True)
class DeskRules:
    """data/desk.yml with the calendar."""

    week: Week
    languages: Mapping[str, Week]
    calendar: Calendar
    call_back_hours: int
    wait_timeout: timedelta
    longest_queue: int
    presence: timedelta
    idle_warning: timedelta
    idle_close: timedelta
    estimate: Estimate = field(default_factory=lambda: Estimate(20, 14, 3))

    @staticmethod
    def load(file: Path, holidays: Path) -> DeskRules:
        """ContentError naming what is wrong."""
        return _read(file, Calendar.load(holidays))

    def closed(self, now: datetime, language: str | None = None) -> Closed | None:
        """None while the desk (the language's own, when it has one) is open."""
        here = now.astimezone(CITY_TIME)
        if any(period.begin <= here.time() < period.end for period in self._periods(here.date(), language)):
            return None
        return Closed.HOLIDAY if self.calendar.kind(here.date()) is DayKind.HOLIDAY else Closed.HOURS

    def opens(self, now: datetime, language: str | None = None) -> datetime | None:
        """When the desk opens next; null when it does not in the coming weeks."""
        return next((begin for begin, _ in self._ahead(now, language) if begin > now), None)

    def after_working_hours(self, now: datetime, hours: int) -> datetime:
        """The instant at which the desk will have been open for `hours` hours from now on."""
        left = timedelta(hours=hours)
        end = now
        for begin, end in self._ahead(now, None):
            length = end - max(begin, now)
            if length >= left:
                return end - (length - left)
            left -= length
        return end + left

    def lacking(self, now: datetime) -> tuple[int, ...]:
        """The years that begin to matter and whose holidays are not known."""
        years = sorted({when.astimezone(CITY_TIME).year for when in (now, now + _WARN_AHEAD)})
        return tuple(year for year in years if not self.calendar.known(year))

    def _ahead(self, now: datetime, language: str | None) -> Iterator[tuple[datetime, datetime]]:
        """The periods that have not ended, in order."""
        today = now.astimezone(CITY_TIME).date()
        for day in (today + timedelta(days=number) for number in range(_DAYS_AHEAD)):
            for period in self._periods(day, language):
                begin, end = (datetime.combine(day, at, CITY_TIME) for at in (period.begin, period.end))
                if end > now:
                    yield begin, end

    def _periods(self, day: date, language: str | None) -> Sequence[Period]:
        week = self.languages.get(language, self.week) if language else self.week
        match self.calendar.kind(day):
            case DayKind.HOLIDAY:
                return ()
            case DayKind.MAKE_UP:
                return week[_MAKE_UP]
            case DayKind.PLAIN:
                return week[_DAYS[day.weekday()]]


def _read(file: Path, calendar: Calendar) -> DeskRules:
    try:
        data = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        rules = DeskRules(
            week=_week(data["hours"]),
            languages={_language(code): _week(week) for code, week in data["languages"].items()},
            calendar=calendar,
            call_back_hours=_positive(data, "call_back_working_hours"),
            wait_timeout=timedelta(minutes=_positive(data, "wait_timeout_minutes")),
            longest_queue=_positive(data, "longest_queue"),
            presence=timedelta(seconds=_positive(data, "presence_seconds")),
            idle_warning=timedelta(minutes=_positive(data, "idle_warning_minutes")),
            idle_close=timedelta(minutes=_positive(data, "idle_close_minutes")),
            estimate=Estimate(**{name: _positive(data["estimate"], name) for name in ("most", "days", "fewest")}),
        )
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise ContentError(f"{file.name}: {type(error).__name__}: {str(error).splitlines()[0]}") from error
    if rules.idle_close <= rules.idle_warning:
        raise ContentError(f"{file.name}: idle_close_minutes must be more than idle_warning_minutes")
    return rules


def _week(data: Mapping[str, Any]) -> Week:
    if set(data) != {*_DAYS, _MAKE_UP}:
        raise ValueError(f"needs exactly the days {', '.join(_DAYS)} and {_MAKE_UP}")
    return {day: _periods_of(texts) for day, texts in data.items()}


def _periods_of(texts: Sequence[str]) -> tuple[Period, ...]:
    periods = tuple(_period(text) for text in texts)
    for earlier, later in itertools.pairwise(periods):
        if later.begin < earlier.end:
            raise ValueError(f"periods must follow each other: {later.begin:%H:%M} is before {earlier.end:%H:%M}")
    return periods


def _period(text: str) -> Period:
    found = _PERIOD.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a period like 09:00-12:00")
    hours = [int(part) for part in found.groups()]
    period = Period(time(hours[0], hours[1]), time(hours[2], hours[3]))
    if period.end <= period.begin:
        raise ValueError(f"{text!r} ends before it begins")
    return period


def _language(code: str) -> str:
    if code not in LANGUAGES:
        raise ValueError(f"{code!r} is none of the languages")
    return code


def _positive(data: Mapping[str, Any], name: str) -> int:
    value = data[name]
    if type(value) is not int or value <= 0:
        raise ValueError(f"{name} must be a whole number above 0")
    return value
