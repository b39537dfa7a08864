"""The bilingual intake card: what a resident picks from controlled lists, for the hospital to read in Chinese.

Nothing on it is translated when it is made: an entry has its Chinese text in the file or does not exist.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from bot.appointments.contents import LANGUAGES, by_language, fields, flag, key_of, read_yaml, rows, unique
from bot.errors import Code, ContentError, RequestError

INTAKE_FILE = "intake.yml"
PRINTED = "zh"
FALLBACK_LANGUAGE = "en"


class Topic(StrEnum):
    """The lists, in the order of the card."""

    SYMPTOMS = "symptoms"
    DURATIONS = "durations"
    PAIN = "pain"
    ALLERGIES = "allergies"
    MEDICINES = "medicines"
    CONDITIONS = "conditions"
    PREGNANCY = "pregnancy"
    BREASTFEEDING = "breastfeeding"


@dataclass(frozen=True)
class Entry:
    """`exclusive`: none, or not sure; it cannot stand beside another."""

    key: str
    texts: Mapping[str, str]
    exclusive: bool = False


@dataclass(frozen=True)
class Choices:
    """One list; `many` says that more than one entry may be picked."""

    heading: Mapping[str, str]
    many: bool
    entries: Mapping[str, Entry]


@dataclass(frozen=True)
class Line:
    """A text of the card in Chinese, and the same in the resident's language."""

    printed: str
    own: str


@dataclass(frozen=True)
class Block:
    heading: Line
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Intake:
    topics: Mapping[Topic, Choices]

    def card(self, picked: Mapping[str, Sequence[str]], language: str) -> tuple[Block, ...]:
        """The blocks of a card, in its order; a list from which nothing was picked is left out.

        RequestError names the list and not the entry: what somebody suffers from stands in no log.
        """
        if any(topic not in list(Topic) for topic in picked):
            raise RequestError(Code.BAD_FIELD, f"the card's lists are {', '.join(Topic)}")
        own = language if language in LANGUAGES else FALLBACK_LANGUAGE
        return tuple(self._block(topic, picked[topic], own) for topic in Topic if picked.get(topic))

    def _block(self, topic: Topic, picked: Sequence[str], own: str) -> Block:
        choices = self.topics[topic]
        lines = tuple(_line(entry.texts, own) for entry in _entries(topic, choices, picked))
        return Block(_line(choices.heading, own), lines)


def _line(words: Mapping[str, str], own: str) -> Line:
    return Line(words[PRINTED], words[own])


def _entries(topic: Topic, choices: Choices, picked: Sequence[str]) -> tuple[Entry, ...]:
    """What was picked, in the order of the list."""
    if isinstance(picked, str) or not set(picked) <= set(choices.entries) or len(set(picked)) != len(picked):
        raise RequestError(Code.BAD_FIELD, f"{topic}: entries of the list, each once")
    entries = tuple(entry for name, entry in choices.entries.items() if name in picked)
    if len(entries) > 1 and (not choices.many or any(entry.exclusive for entry in entries)):
        raise RequestError(Code.BAD_FIELD, f"{topic}: these entries cannot stand together")
    return entries


def load(folder: Path) -> Intake:
    """Read intake.yml. ContentError naming list, entry and field."""
    raw = fields(INTAKE_FILE, read_yaml(folder / INTAKE_FILE), tuple(Topic))
    return Intake({topic: _choices(f"{INTAKE_FILE}: {topic}", raw[topic]) for topic in Topic})


def _choices(place: str, raw: Any) -> Choices:
    raw = fields(place, raw, ("heading", "many", "entries"))
    given = rows(f"{place}: entries", raw["entries"])
    entries = [_entry(f"{place}: {number}", entry) for number, entry in enumerate(given, 1)]
    unique(place, [entry.key for entry in entries])
    _check_told_apart(place, entries)
    heading, many = by_language(f"{place}: heading", raw["heading"]), flag(f"{place}: many", raw["many"])
    return Choices(heading, many, {entry.key: entry for entry in entries})


def _entry(place: str, raw: Any) -> Entry:
    place = f"{place.rsplit(':', 1)[0]}: {key_of(place, raw)}"
    raw = fields(place, raw, ("key", "texts"), ("exclusive",))
    exclusive = flag(f"{place}: exclusive", raw.get("exclusive", False))
    return Entry(raw["key"], by_language(f"{place}: texts", raw["texts"]), exclusive)


def _check_told_apart(place: str, entries: Sequence[Entry]) -> None:
    """Two entries of a list with one text could not be told apart by whoever picks or reads."""
    for language in LANGUAGES:
        seen: dict[str, str] = {}
        for entry in entries:
            other = seen.setdefault(entry.texts[language].casefold(), entry.key)
            if other != entry.key:
                raise ContentError(f"{place}: {entry.key}: {language}: the same text as {other}")
