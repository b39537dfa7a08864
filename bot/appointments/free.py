"""The free times among which a resident chooses: which fit a wish, and which of them are shown. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, time

from bot.appointments.draft import Wish
from bot.appointments.provider import Opening
from bot.handoff.hours import CITY_TIME

MOST_SLOTS = 6


def matching(openings: Sequence[Opening], wish: Wish, speaks: str | None = None) -> tuple[Opening, ...]:
    """The free times that were asked for; the nearest to the hour first on each day when one was said."""
    found = [one for one in spoken(openings, speaks) if _fits(one, wish)]
    if wish.clock is not None:
        wanted = minutes(wish.clock)
        found.sort(key=lambda one: (day_of(one), abs(minutes(clock_of(one)) - wanted)))
    return tuple(found)


def spoken(openings: Sequence[Opening], speaks: str | None) -> tuple[Opening, ...]:
    """Those of clinicians who speak the language, all without one."""
    return tuple(one for one in openings if speaks is None or speaks in one.languages)


def hospitals_with(openings: Sequence[Opening], speaks: str | None = None) -> tuple[str, ...]:
    """Hospitals that have a free time, the soonest first."""
    return tuple(dict.fromkeys(one.hospital for one in spoken(openings, speaks)))


def days_with(openings: Sequence[Opening], speaks: str | None = None) -> tuple[date, ...]:
    """Days that have a free time, the soonest first."""
    return tuple(sorted({day_of(one) for one in spoken(openings, speaks)}))


def page(found: Sequence[Opening], shown: int) -> tuple[Opening, ...]:
    """The free times that are shown when `shown` were before; from the first again after the last."""
    start = shown if shown < len(found) else 0
    return tuple(sorted(found[start : start + MOST_SLOTS], key=lambda one: one.starts_at))


def day_of(opening: Opening) -> date:
    return opening.starts_at.astimezone(CITY_TIME).date()


def clock_of(opening: Opening) -> time:
    return opening.starts_at.astimezone(CITY_TIME).time()


def minutes(clock: time) -> int:
    """Since midnight."""
    return clock.hour * 60 + clock.minute


def _fits(opening: Opening, wish: Wish) -> bool:
    day = day_of(opening)
    in_days = (wish.first is None or wish.first <= day) and (wish.last is None or day <= wish.last)
    return in_days and (wish.part is None or opening.part is wish.part)
