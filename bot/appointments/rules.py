"""How booking works at each hospital: how long, how far ahead, how late. data/booking/rules.yml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from dataclasses import fields as dataclass_fields
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.appointments.contents import fields, read_yaml
from bot.errors import ContentError

RULES_FILE = "rules.yml"


@dataclass(frozen=True)
class Rules:
    """`horizon_days` ahead can be booked; until `change_hours` before the start an appointment can be changed.

    `hold_minutes` a chosen time is kept; `offer_minutes` somebody on the waiting list has to take what came free;
    `keep_days` an appointment is kept after its day.
    """

    hold_minutes: int
    horizon_days: int
    change_hours: int
    offer_minutes: int
    keep_days: int

    def held_until(self, now: datetime) -> datetime:
        return now + timedelta(minutes=self.hold_minutes)

    def offered_until(self, now: datetime) -> datetime:
        return now + timedelta(minutes=self.offer_minutes)

    def last_day(self, today: date) -> date:
        return today + timedelta(days=self.horizon_days)

    def changeable_until(self, starts_at: datetime) -> datetime:
        return starts_at - timedelta(hours=self.change_hours)


@dataclass(frozen=True)
class RuleBook:
    default: Rules
    by_hospital: Mapping[str, Rules]

    def of(self, hospital: str) -> Rules:
        return self.by_hospital.get(hospital, self.default)

    def last_day(self, today: date) -> date:
        """The last day that can be booked at any hospital."""
        return max(rules.last_day(today) for rules in (self.default, *self.by_hospital.values()))


_NAMES = tuple(each.name for each in dataclass_fields(Rules))
_MAY_BE_ZERO = frozenset({"change_hours", "horizon_days", "keep_days"})
_MOST = 3650


def load(folder: Path) -> RuleBook:
    """Read rules.yml. ContentError naming hospital and field."""
    raw = fields(RULES_FILE, read_yaml(folder / RULES_FILE), ("default", "hospitals"))
    given = _numbers(f"{RULES_FILE}: default", fields(f"{RULES_FILE}: default", raw["default"], _NAMES))
    default = Rules(**given)
    if not isinstance(raw["hospitals"], dict):
        raise ContentError(f"{RULES_FILE}: hospitals: must be a mapping, {{}} when there are none")
    return RuleBook(default, {str(name): _own(default, str(name), own) for name, own in raw["hospitals"].items()})


def _own(default: Rules, hospital: str, raw: Any) -> Rules:
    place = f"{RULES_FILE}: {hospital}"
    return replace(default, **_numbers(place, fields(place, raw, (), _NAMES)))


def _numbers(place: str, raw: Mapping[str, Any]) -> dict[str, int]:
    for name, value in raw.items():
        if type(value) is not int or not (0 if name in _MAY_BE_ZERO else 1) <= value <= _MOST:
            raise ContentError(f"{place}: {name}: must be a whole number up to {_MOST}, not {value!r:.40}")
    return dict(raw)
