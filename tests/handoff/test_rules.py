"""What is offered: the queue when somebody can come, else a call-back and the true reason for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.app import desk_rules
from bot.handoff.rules import NoQueue, Queue, Reason, Situation, decide, estimate
from tests.handoff.test_hours import at

DESK = desk_rules()
OPEN = at("2026-11-23 10:00")


def situation(*present: str, waiting: dict[str, int] | None = None, waits: list[int] | None = None) -> Situation:
    minutes = [timedelta(minutes=number) for number in waits or []]
    return Situation(set(present), waiting or {}, {"en": minutes})


def test_somebody_speaks_the_language() -> None:
    assert decide(DESK, "fr", situation("fr", "en"), OPEN) == Queue("fr", 1, None)


def test_without_the_language_english_is_offered_and_said() -> None:
    found = decide(DESK, "ru", situation("zh", "en"), OPEN)
    assert found == Queue("en", 1, None, own_language=False)


def test_without_english_either_nobody_can_be_had() -> None:
    assert decide(DESK, "ru", situation("zh"), OPEN) == NoQueue(Reason.NOBODY)
    assert decide(DESK, "en", situation(), OPEN) == NoQueue(Reason.NOBODY)


def test_the_language_has_its_own_hours_and_says_when() -> None:
    evenings = replace(DESK, languages={"ru": {**DESK.week, "monday": DESK.week["monday"][1:]}})
    found = decide(evenings, "ru", situation("ru", "en"), OPEN)
    assert found == Queue("en", 1, None, own_language=False, own_opens=at("2026-11-23 13:30"))


def test_hours_beyond_the_desks_are_open_for_that_language_alone() -> None:
    early = replace(DESK, languages={"ru": {**DESK.week, "sunday": DESK.week["monday"]}})
    sunday = at("2026-11-22 10:00")
    assert isinstance(decide(early, "ru", situation("ru", "en"), sunday), Queue)
    assert decide(early, "en", situation("ru", "en"), sunday) == NoQueue(Reason.HOURS, at("2026-11-23 09:00"))


def test_places_count_by_language() -> None:
    waiting = {"fr": 4, "en": 1}
    assert decide(DESK, "en", situation("en", "fr", waiting=waiting), OPEN) == Queue("en", 2, None)


def test_a_queue_that_is_too_long_is_not_offered() -> None:
    full = situation("en", waiting={"en": DESK.longest_queue})
    assert decide(DESK, "en", full, OPEN) == NoQueue(Reason.BUSY)


@pytest.mark.parametrize(
    ("now", "reason", "opens"),
    [
        ("2026-11-23 20:00", Reason.HOURS, "2026-11-24 09:00"),
        ("2026-10-01 10:00", Reason.HOLIDAY, "2026-10-08 09:00"),
    ],
)
def test_a_closed_desk_says_why_and_when(now: str, reason: Reason, opens: str) -> None:
    assert decide(DESK, "en", situation("en"), at(now)) == NoQueue(reason, at(opens))


@pytest.mark.parametrize(
    ("waits", "minutes"),
    [([], None), ([3, 5], None), ([3, 5, 40], 5), ([1, 2, 3, 4], 3), ([0, 0, 0], 1)],
)
def test_the_estimate_is_the_median_or_none(waits: list[int], minutes: int | None) -> None:
    assert estimate(DESK, [timedelta(minutes=number) for number in waits]) == minutes
    found = decide(DESK, "en", situation("en", waits=waits), OPEN)
    assert isinstance(found, Queue)
    assert found.minutes == minutes
