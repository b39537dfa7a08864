"""What a resident's words say about a day and a time: closed vocabularies, no rules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time
from enum import StrEnum


class Part(StrEnum):
    """A part of the day; a clinic's session is one of these."""

    MORNING = "morning"
    NOON = "noon"
    AFTERNOON = "afternoon"
    EVENING = "evening"


class Kind(StrEnum):
    """How much the resident fixed: one day, some days in a row, the soonest day, or whichever day."""

    DAY = "day"
    SPAN = "span"
    SOONEST = "soonest"
    ANY = "any"


class Doubt(StrEnum):
    """What could be read in two ways."""

    ORDER = "order"  # 03/04
    WEEK = "week"  # "next Tuesday" on a Monday, "Tuesday" on a Tuesday
    SEVERAL = "several"  # "Tuesday or Thursday"
    MISMATCH = "mismatch"  # "Tuesday 4 December" when the 4th is a Friday
    HALF_DAY = "half_day"  # "at 3"


class Reason(StrEnum):
    """Why there is no day to offer."""

    PAST = "past"
    BEYOND = "beyond"  # later than the days that can be booked
    IMPOSSIBLE = "impossible"  # 31 February, 25 o'clock
    LUNAR = "lunar"
    HIJRI = "hijri"
    ONLY_TIME = "only_time"  # "in the afternoon": a time, and no day with it
    NOT_A_DATE = "not_a_date"


@dataclass(frozen=True)
class Reading:
    """`first` to `last` are the days, both included and both bookable; both are None when there is a `reason`.

    `others` are the other days that may have been meant, each of them bookable too. A `clock` is of 24 hours.
    """

    kind: Kind = Kind.DAY
    first: date | None = None
    last: date | None = None
    part: Part | None = None
    clock: time | None = None
    doubts: tuple[Doubt, ...] = ()
    others: tuple[date, ...] = ()
    reason: Reason | None = None
