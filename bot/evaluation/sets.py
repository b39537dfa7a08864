"""The frozen questions of data/evaluation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.errors import ContentError


@dataclass(frozen=True)
class Question:
    """`articles`: the right one first, then others that a fair judge would accept; empty for a no-answer question."""

    id: str
    language: str
    text: str
    articles: tuple[str, ...]
    area: str | None
    part: str


def load_questions(folder: Path, part: str) -> list[Question]:
    """Questions of `part` (tuning or holdout), answerable ones first. ContentError for a bad line."""
    found = [*_questions(folder / "questions.jsonl"), *_questions(folder / "no_answer.jsonl")]
    return [question for question in found if question.part == part]


def _questions(path: Path) -> Iterator[Question]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            yield _question(json.loads(line))
        except (ValueError, KeyError, TypeError) as error:
            raise ContentError(f"{path.name}:{number}: not a question ({error})") from error


def _question(raw: dict[str, Any]) -> Question:
    return Question(raw["id"], raw["lang"], raw["text"], tuple(raw.get("articles", ())), raw.get("area"), raw["set"])
