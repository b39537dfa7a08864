"""From replies to figures with 95 % intervals. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from bot.evaluation.sets import Question


@dataclass(frozen=True)
class Judged:
    """One question with what came back. The flags are null where they do not apply."""

    question: Question
    outcome: str
    language: str
    intent: str | None
    answered: str | None
    buttons: tuple[str, ...]
    seconds: float

    @property
    def answerable(self) -> bool:
        return bool(self.question.articles)

    @property
    def first(self) -> bool:
        """The right article is the answer, or the first button."""
        return self.shown[:1] != () and self.shown[0] in self.question.articles

    @property
    def among(self) -> bool:
        return any(slug in self.question.articles for slug in self.shown)

    @property
    def answered_right(self) -> bool:
        return self.answered is not None and self.answered in self.question.articles

    @property
    def answered_wrong(self) -> bool:
        return self.answered is not None and self.answered not in self.question.articles

    @property
    def shown(self) -> tuple[str, ...]:
        return (self.answered,) if self.answered is not None else self.buttons


@dataclass(frozen=True)
class Share:
    """How many of how many, with Wilson's 95 % interval."""

    hits: int
    of: int

    @property
    def value(self) -> float:
        return self.hits / self.of if self.of else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        if self.of == 0:
            return (math.nan, math.nan)
        z, n, p = 1.959964, self.of, self.hits / self.of
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        return (max(0.0, middle - half), min(1.0, middle + half))

    def to_json(self) -> dict[str, Any]:
        low, high = self.interval
        return {"hits": self.hits, "of": self.of, "value": self.value, "low": low, "high": high}

    def __str__(self) -> str:
        if self.of == 0:
            return "–"
        low, high = self.interval
        return f"{100 * self.value:5.1f} [{100 * low:.0f}–{100 * high:.0f}]"


def share(items: Iterable[Judged], hit: Callable[[Judged], bool]) -> Share:
    flags = [hit(item) for item in items]
    return Share(sum(flags), len(flags))


MEASURES: dict[str, Callable[[Judged], bool]] = {
    "first": lambda item: item.first,
    "among": lambda item: item.among,
    "answered right": lambda item: item.answered_right,
    "answered wrong": lambda item: item.answered_wrong,
    "language": lambda item: item.language == item.question.language,
    "intent": lambda item: item.intent == f"ask_{item.question.area}",
}


def figures(items: Sequence[Judged]) -> dict[str, Share]:
    """Every measure over the answerable questions, and the false answers over the others."""
    answerable = [item for item in items if item.answerable]
    unanswerable = [item for item in items if not item.answerable]
    found = {name: share(answerable, hit) for name, hit in MEASURES.items()}
    found["false answers"] = share(unanswerable, lambda item: item.answered is not None)
    found["false buttons"] = share(unanswerable, lambda item: item.answered is None and bool(item.buttons))
    return found


def wholly_below_mean(by_language: dict[str, Share]) -> list[str]:
    """Languages whose whole interval lies below the mean of all: no language may be left behind."""
    total = Share(sum(s.hits for s in by_language.values()), sum(s.of for s in by_language.values()))
    return [language for language, s in by_language.items() if s.of and s.interval[1] < total.value]
