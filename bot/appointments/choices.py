"""What residents type instead of pressing a button: the second one, a department by name. Pure but for the table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from bot.appointments.catalogue import Department
from bot.appointments.commands import LENDERS
from bot.appointments.complaints import folded
from bot.appointments.contents import LANGUAGES, fields, read_yaml, rows, texts
from bot.appointments.tokens import bare, normal
from bot.errors import ContentError
from bot.languages import CODES, DEFAULT
from bot.languages import LANGUAGES as ALL_LANGUAGES

FILE = Path(__file__).resolve().parents[2] / "data" / "booking" / "choices.yml"
_LONGEST = 40
_CJK = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_PARTS = re.compile("[（）()、，,;；/·・:：]")
_SHORTEST_PART = 3
_SHORTEST_PACKED_PART = 2


@dataclass(frozen=True)
class Choices:
    """`around`, `ordinals` (from the first on) and `last` by language; the rest in all at once."""

    around: Mapping[str, tuple[str, ...]]
    ordinals: Mapping[str, tuple[tuple[str, ...], ...]]
    last: Mapping[str, tuple[str, ...]]
    districts: Mapping[str, tuple[str, ...]]
    departments: Mapping[str, tuple[str, ...]]
    hospitals: Mapping[str, tuple[str, ...]]
    any: tuple[str, ...]
    languages: Mapping[str, tuple[str, ...]]


def parse(raw: Any) -> Choices:
    """ContentError naming the key."""
    place = FILE.name
    data = fields(
        place, raw, ("around", "ordinals", "last", "districts", "departments", "hospitals", "any", "languages")
    )
    ordinals = fields(f"{place}: ordinals", data["ordinals"], LANGUAGES)
    return Choices(
        _listed(place, data, "around", LANGUAGES),
        {code: _each(f"{place}: ordinals: {code}", ordinals[code]) for code in LANGUAGES},
        _listed(place, data, "last", LANGUAGES),
        _listed(place, data, "districts"),
        _listed(place, data, "departments"),
        _listed(place, data, "hospitals"),
        texts(f"{place}: any", data["any"]),
        _listed(place, data, "languages", LANGUAGES),
    )


def _listed(place: str, data: Mapping[str, Any], name: str, keys: Sequence[str] = ()) -> dict[str, tuple[str, ...]]:
    found = data[name]
    if not isinstance(found, dict):
        raise ContentError(f"{place}: {name}: must be a mapping")
    found = fields(f"{place}: {name}", found, keys or tuple(found))
    return {str(key): texts(f"{place}: {name}: {key}", words) for key, words in found.items()}


def _each(place: str, raw: Any) -> tuple[tuple[str, ...], ...]:
    return tuple(texts(f"{place}: {number}", words) for number, words in enumerate(rows(place, raw), 1))


@cache
def load() -> Choices:
    return parse(read_yaml(FILE))


def nth(text: str, language: str, count: int) -> int | None:
    """Which of `count` things is meant, from 0: "2", "the second one", "the last"; None when the text says more."""
    if not count or len(text) > _LONGEST:
        return None
    for code in dict.fromkeys((language if language in LANGUAGES else DEFAULT, DEFAULT)):
        match = _place_pattern(code).fullmatch(_plain(text))
        if match is not None:
            place = _place(match, count)
            return place if place < count else None
    return None


def _place(match: re.Match[str], count: int) -> int:
    """Past the last for what is not offered."""
    if match["digits"] is not None:
        return int(match["digits"]) - 1 if int(match["digits"]) else count
    if match["last"] is not None:
        return count - 1
    return next(number for number in range(_MOST_ORDINALS) if match[f"o{number}"] is not None)


_MOST_ORDINALS = 6


@cache
def _place_pattern(language: str) -> re.Pattern[str]:
    table = load()
    around = _any(table.around[language])
    said = [r"(?P<digits>\d{1,2})", f"(?P<last>{_any(table.last[language])})"]
    said += [f"(?P<o{number}>{_any(words)})" for number, words in enumerate(table.ordinals[language][:_MOST_ORDINALS])]
    return re.compile(rf"\W*(?:(?:{around})\W*)*(?:{'|'.join(said)})\W*(?:(?:{around})\W*)*")


def _plain(text: str) -> str:
    return bare(normal(text))


def _any(words: Iterable[str]) -> str:
    return "|".join(_whole(word) for word in sorted(map(_plain, words), key=len, reverse=True))


def _whole(word: str) -> str:
    """Between what are no letters of its script; Chinese, Japanese and Korean have no blanks around words."""
    stem, open_ended = word.rstrip("*"), word.endswith("*")
    escaped = re.escape(stem)
    if re.match(f"[{_CJK}]", stem):
        return escaped
    before = rf"(?<![^\W\d_{_CJK}])" if stem[0].isalpha() else ""
    after = rf"(?![^\W\d_{_CJK}])" if stem[-1].isalpha() and not open_ended else ""
    return f"{before}{escaped}{after}"


def is_any(text: str) -> bool:
    """Whether any of the places will do."""
    return _name_pattern(load().any).search(_plain(text)) is not None


def named_language(text: str) -> str | None:
    """The one language that is named, in any of ours or by its own name; None for several."""
    plain = _plain(text)
    found = [code for code in CODES if _name_pattern(_language_names(code)).search(plain)]
    return found[0] if len(found) == 1 else None


def _language_names(code: str) -> tuple[str, ...]:
    known = ALL_LANGUAGES[code]
    return (known.english, known.endonym, *load().languages.get(code, ()))


def named_departments(text: str, language: str, departments: Mapping[str, Department]) -> tuple[str, ...]:
    """Those that are called by their name; the longest name where one lies within another."""
    plain = _plain(folded(text))
    spans = [
        (match.start(), match.end(), key)
        for key, department in departments.items()
        for match in _name_pattern(_names(department, language)).finditer(plain)
    ]
    return tuple(dict.fromkeys(key for start, end, key in sorted(spans) if not _within(start, end, spans)))


def _within(start: int, end: int, spans: Iterable[tuple[int, int, str]]) -> bool:
    return any(other[0] <= start and end <= other[1] and end - start < other[1] - other[0] for other in spans)


def _names(department: Department, language: str) -> tuple[str, ...]:
    """In the language, in English and in Chinese: without its marks a Vietnamese kidney (thận) is an English than."""
    names = {department.names[code] for code in {language, *LENDERS} & set(LANGUAGES)}
    parts = (part.strip() for name in sorted(names) for part in (name, *_PARTS.split(name)[:1]))
    listed = load().departments.get(department.key, ())
    return tuple(dict.fromkeys((department.sign_zh, *(part for part in parts if _long_enough(part)), *listed)))


def _long_enough(part: str) -> bool:
    least = _SHORTEST_PACKED_PART if re.match(f"[{_CJK}]", part) else _SHORTEST_PART
    return len(part) >= least


@cache
def _name_pattern(names: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(_any(names))
