"""The public holidays of the city, make-up working days included, from dated data files. Pure but for `load`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any

import yaml

from bot.errors import ContentError


class DayKind(StrEnum):
    """What the calendar makes of a day: a public holiday, a weekend day that is worked, or neither."""

    HOLIDAY = "holiday"
    MAKE_UP = "make_up"
    PLAIN = "plain"


@dataclass(frozen=True)
class Calendar:
    """`rest` and `work` by day, with the holiday's name; `years` are those announced so far."""

    years: frozenset[int]
    rest: Mapping[date, str]
    work: Mapping[date, str]

    @staticmethod
    def load(folder: Path) -> Calendar:
        """All <year>.yml of a folder. ContentError for a file that is not as it should be."""
        years = [_read(path) for path in sorted(folder.glob("*.yml"))]
        return Calendar(
            frozenset(year for year, _, _ in years),
            {day: name for _, rest, _ in years for day, name in rest.items()},
            {day: name for _, _, work in years for day, name in work.items()},
        )

    def known(self, year: int) -> bool:
        """Whether the year's holidays are there; in a year without them every day is plain."""
        return year in self.years

    def kind(self, day: date) -> DayKind:
        if day in self.rest:
            return DayKind.HOLIDAY
        return DayKind.MAKE_UP if day in self.work else DayKind.PLAIN


def _read(path: Path) -> tuple[int, dict[date, str], dict[date, str]]:
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        year, source = data["year"], data["source"]
        rest, work = (_days(data[name], year) for name in ("rest", "work"))
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise ContentError(f"holidays/{path.name}: {str(error).splitlines()[0]}") from error
    if path.stem != str(year) or not source or not rest or set(rest) & set(work):
        raise ContentError(f"holidays/{path.name}: needs its own year, a source, and no day both of rest and of work")
    return year, rest, work


def _days(table: dict[Any, Any], year: int) -> dict[date, str]:
    """Days by name. ValueError for what is no day of the year."""
    for day, name in table.items():
        if type(day) is not date or day.year != year or not isinstance(name, str):
            raise ValueError(f"{day} is not a named day of {year}")
    return dict(table)
