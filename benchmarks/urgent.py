"""The urgent lane alone: every message passes it first, so its time is everybody's, and a false alarm is no answer."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from benchmarks.figures import summary
from benchmarks.places import ROOT
from benchmarks.questions import questions, unanswerable
from bot.conversations.urgent import UrgentLane

# The longest message that the public port takes.
_LONGEST = 4000


def measure(step: int) -> dict[str, Any]:
    """ms a message, ordinary and of the greatest length; alarms among answerable and unanswerable questions."""
    started = time.perf_counter()
    lane = UrgentLane.load(ROOT / "data" / "urgent")
    loaded = time.perf_counter() - started
    asked = [question.text for question in questions()][::step]
    strange = unanswerable()[::step]
    times, alarms = _checked(lane, asked)
    more_times, more_alarms = _checked(lane, strange)
    long_times, _ = _checked(lane, [_long(asked, start) for start in range(0, len(asked), max(1, len(asked) // 40))])
    return {
        "load_seconds": round(loaded, 3),
        "texts": len(asked) + len(strange),
        "milliseconds": summary(times + more_times),
        "longest_milliseconds": summary(long_times),
        "alarms_in_questions": alarms,
        "alarms_in_unanswerable": more_alarms,
    }


def _checked(lane: UrgentLane, texts: Sequence[str]) -> tuple[list[float], list[dict[str, str]]]:
    times: list[float] = []
    alarms: list[dict[str, str]] = []
    for text in texts:
        started = time.perf_counter()
        urgent = lane.check(text)
        times.append((time.perf_counter() - started) * 1000)
        if urgent is not None:
            alarms.append({"kind": urgent.kind.value, "text": text})
    return times, alarms


def _long(texts: Sequence[str], start: int) -> str:
    """Questions one after another, from `start` on, up to the greatest length."""
    return " ".join([*texts[start:], *texts[:start]])[:_LONGEST]
