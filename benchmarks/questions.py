"""What the bots are asked: dialogues of eight messages, each in one language."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from benchmarks.places import ROOT

QUESTIONS_FILE = ROOT / "data" / "evaluation" / "questions.jsonl"
NO_ANSWER_FILE = ROOT / "data" / "evaluation" / "no_answer.jsonl"
# The five languages of the evaluation set with 96 questions each.
LANGUAGES = ("en", "zh", "fr", "ar", "vi")
TURNS = 8

Dialogues = tuple[tuple[str, ...], ...]

# Every intent of the starter bot, in words near to its training examples: its home ground, so a fair look at it.
_TALK: Dialogues = (
    ("hello", "I am feeling very good", "are you a bot?", "good morning", "not very good", "yes", "no", "bye"),
    ("good evening", "not good", "no", "am I talking to a human?", "hey there", "amazing", "correct", "see you later"),
)


class Set(StrEnum):
    """Kinds of dialogues."""

    QUESTIONS_EN = "questions, English"
    TALK_EN = "small talk, English"
    QUESTIONS_5 = "questions, five languages"


@dataclass(frozen=True)
class Question:
    language: str
    text: str


def questions() -> list[Question]:
    """All evaluation questions; their labels are of no interest here, so holdout and tuning are taken together."""
    lines = QUESTIONS_FILE.read_text(encoding="utf-8").splitlines()
    return [Question(data["lang"], data["text"]) for data in map(json.loads, lines)]


def unanswerable() -> list[str]:
    """The texts that no article answers."""
    return [json.loads(line)["text"] for line in NO_ANSWER_FILE.read_text(encoding="utf-8").splitlines()]


def dialogues(kind: Set) -> Dialogues:
    if kind is Set.TALK_EN:
        return _TALK
    asked = questions()
    if kind is Set.QUESTIONS_EN:
        return _cut(asked, "en")
    in_turns = zip(*(_cut(asked, language) for language in LANGUAGES), strict=True)
    return tuple(dialogue for dialogues in in_turns for dialogue in dialogues)


def _cut(asked: Iterable[Question], language: str) -> Dialogues:
    texts: Sequence[str] = [question.text for question in asked if question.language == language]
    return tuple(tuple(texts[start : start + TURNS]) for start in range(0, len(texts) - TURNS + 1, TURNS))
