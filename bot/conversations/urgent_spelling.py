"""Slips of the keyboard in the words that matter: one letter left out, doubled, changed or swapped."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from bot.conversations.urgent_phrases import Mode, Reading, casefolded, is_unspaced, unmarked

# Four letters and less have too many neighbours (fire: fine, fare, hire, tire).
SHORTEST = 5
# A changed letter makes another real word far more often than a lost or swapped one (heart: heard).
SHORTEST_CHANGED = 8
WORD = re.compile(r"[^\s()|\[\]<>.*]+(?![^\s()|\[\]]*[*>])")


class Speller:
    """Corrects unknown words to words of the signs; a word that stands in any table is never touched."""

    def __init__(self, tables: Iterable[Mapping[str, Any]]) -> None:
        self._known: set[str] = set()
        self._languages: dict[str, set[str]] = {}
        for table in tables:
            self._learn(table)
        self._shortened: dict[str, list[tuple[str, int]]] = {}
        for word in self._languages:
            for at in range(1, len(word)):
                self._shortened.setdefault(_without(word, at), []).append((word, at))

    def _learn(self, table: Mapping[str, Any]) -> None:
        signs = (phrase for tiers in table["signs"].values() for phrases in tiers.values() for phrase in phrases)
        groups = (phrase for phrases in table.get("groups", {}).values() for phrase in phrases)
        for word in _words([*signs, *groups]):
            self._known.add(word)
            if len(word) >= SHORTEST:
                self._languages.setdefault(word, set()).add(table["language"])
        context = (phrase for phrases in table["context"].values() for phrase in phrases)
        self._known.update(_words([*context, *table.get("not_typos", ())]))

    def correct(self, reading: Reading, language: str | None) -> Reading | None:
        """The message with likely slips mended; None when there are none."""
        words = {word for view in reading.views[Mode.SPACED] for word in view.split()} - self._known
        mended = {word: better for word in words if (better := self._best(word, language)) is not None}
        if not mended:
            return None
        spaced = tuple(_swapped(view, mended) for view in reading.views[Mode.SPACED])
        bare = spaced if reading.views[Mode.BARE] else ()
        return replace(reading, views={**reading.views, Mode.SPACED: spaced, Mode.BARE: bare})

    def _best(self, word: str, language: str | None) -> str | None:
        if len(word) < SHORTEST - 1:
            return None
        found = sorted(set(self._neighbours(word)))
        return min(found, key=lambda near: language not in self._languages[near], default=None)

    def _neighbours(self, word: str) -> Iterator[str]:
        """Words of the signs with the same first letter, one slip away."""
        yield from (near for near, _ in self._shortened.get(word, ()))
        for at in range(1, len(word)):
            shorter = _without(word, at)
            # A letter more at the end is nearly always an ending (rauch: raucht).
            if at < len(word) - 1 and shorter in self._languages:
                yield shorter
            for near, lost in self._shortened.get(shorter, ()):
                if _swap(word, at) == near or (lost == at and len(near) >= SHORTEST_CHANGED):
                    yield near


def _words(phrases: Iterable[str]) -> Iterator[str]:
    for phrase in phrases:
        if not is_unspaced(phrase):
            yield from WORD.findall(unmarked(casefolded(phrase)))


def _without(word: str, at: int) -> str:
    return word[:at] + word[at + 1 :]


def _swap(word: str, at: int) -> str:
    """The word with the letters at `at` and before exchanged."""
    return word[: at - 1] + word[at] + word[at - 1] + word[at + 1 :]


def _swapped(view: str, mended: Mapping[str, str]) -> str:
    return f" {' '.join(mended.get(word, word) for word in view.split())} "
