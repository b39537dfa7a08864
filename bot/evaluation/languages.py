"""Language identification on words, word pairs and sentences of 22 languages, with no hint given."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.evaluation.metrics import Share
from bot.language_id import LanguageIdentifier
from bot.languages import CODES

KINDS = ("word", "pair", "sentence")
_PARTS = {"tuning": "tuning", "holdout": "held_out"}


@dataclass(frozen=True)
class Sample:
    language: str
    kind: str
    text: str


def load_samples(folder: Path, part: str) -> Iterator[Sample]:
    """Texts of `part` (tuning or holdout) from one file a language: kind, set, text, separated by tabs."""
    for code in CODES:
        for line in (folder / f"{code}.tsv").read_text(encoding="utf-8").splitlines()[1:]:
            kind, own_part, text = line.split("\t")
            if own_part == _PARTS[part]:
                yield Sample(code, kind, text)


def measure_languages(folder: Path, part: str) -> dict[str, Any]:
    """Shares by kind over all languages, the languages below 90 %, and both as a table."""
    identifier = LanguageIdentifier()
    right: dict[tuple[str, str], list[bool]] = {}
    for sample in load_samples(folder, part):
        guessed = identifier.identify(sample.text).code
        right.setdefault((sample.kind, sample.language), []).append(guessed == sample.language)
    kinds = {kind: _share(found for (k, _), flags in right.items() if k == kind for found in flags) for kind in KINDS}
    low = {
        f"{language} {kind}": _share(flags)
        for (kind, language), flags in sorted(right.items())
        if sum(flags) < 0.9 * len(flags)
    }
    return {
        "kinds": {kind: share.to_json() for kind, share in kinds.items()},
        "below 90 %": {name: share.to_json() for name, share in low.items()},
        "table": _table(kinds, low),
    }


def _share(flags: Iterable[bool]) -> Share:
    found = list(flags)
    return Share(sum(found), len(found))


def _table(kinds: dict[str, Share], low: dict[str, Share]) -> str:
    lines = [f"language identification, {kind + 's':<10} {share}" for kind, share in kinds.items()]
    lines += [f"  below 90 %: {name} {share}" for name, share in low.items()]
    return "\n".join(lines)
