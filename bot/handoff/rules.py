"""What to offer someone who wants a person: the queue, or a call-back and why. Pure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.handoff.hours import Closed, DeskRules
from bot.languages import DEFAULT


class Reason(StrEnum):
    """Why a call-back is offered, or was asked for although somebody was there."""

    HOURS = "hours"
    HOLIDAY = "holiday"
    BUSY = "busy"
    TIMEOUT = "timeout"
    NOBODY = "nobody"
    ASKED = "asked"


@dataclass(frozen=True)
class Situation:
    """The desk as it is: the languages of everybody present, and by language who waits and how long others did."""

    present: Collection[str]
    waiting: dict[str, int]
    waits: dict[str, Sequence[timedelta]]


@dataclass(frozen=True)
class Queue:
    """A person can be had: in `language`, which is English when nobody speaks the resident's own.

    `minutes` is null when nothing honest can be said; `own_opens` is when the resident's language has its next hours.
    """

    language: str
    position: int
    minutes: int | None
    own_language: bool = True
    own_opens: datetime | None = None


@dataclass(frozen=True)
class NoQueue:
    """Nobody can be had now; `opens` is the desk's next opening, when it is closed."""

    reason: Reason
    opens: datetime | None = None


def decide(rules: DeskRules, language: str, situation: Situation, now: datetime) -> Queue | NoQueue:
    """What is true for a resident of this language now."""
    closed = rules.closed(now)
    if closed is not None and rules.closed(now, language) is not None:
        opens = min((when for code in (None, language) if (when := rules.opens(now, code))), default=None)
        return NoQueue(Reason.HOLIDAY if closed is Closed.HOLIDAY else Reason.HOURS, opens)
    served = _served(rules, language, situation.present, now)
    if served is None:
        return NoQueue(Reason.NOBODY)
    ahead = situation.waiting.get(served, 0)
    if ahead >= rules.longest_queue:
        return NoQueue(Reason.BUSY)
    minutes = estimate(rules, situation.waits.get(served, ()))
    own = served == language
    opens = None if own or language not in rules.languages else rules.opens(now, language)
    return Queue(served, ahead + 1, minutes, own, opens)


def _served(rules: DeskRules, language: str, present: Collection[str], now: datetime) -> str | None:
    """The resident's language when it is served now, else English when that is."""
    for code in (language, DEFAULT):
        if code in present and rules.closed(now, code) is None:
            return code
    return None


def estimate(rules: DeskRules, waits: Sequence[timedelta]) -> int | None:
    """The median of past waits in whole minutes, at least one; null when there were too few."""
    if len(waits) < rules.estimate.fewest:
        return None
    return max(1, math.ceil(statistics.median(wait.total_seconds() for wait in waits) / 60))
