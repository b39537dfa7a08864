"""What the data files of booking have in common: one language each, nothing missing, nothing unknown."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

import yaml

from bot.errors import ContentError

# Those of the widget's interface: whoever books reads every step in one of them.
LANGUAGES = ("zh", "en", "ja", "ko", "fr", "de", "es", "ru", "ar", "vi")
_KEY = re.compile(r"[a-z0-9]+([_-][a-z0-9]+)*")
E = TypeVar("E", bound=StrEnum)


def read_yaml(path: Path) -> Any:
    """ContentError for what cannot be read."""
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise ContentError(f"{path.parent.name}/{path.name}: cannot be read ({type(error).__name__})") from error


def fields(place: str, raw: Any, required: Collection[str], optional: Collection[str] = ()) -> Mapping[str, Any]:
    """A mapping with exactly these fields."""
    if not isinstance(raw, dict):
        raise ContentError(f"{place}: must be a mapping")
    if missing := [name for name in required if name not in raw]:
        raise ContentError(f"{place}: lacks {', '.join(missing)}")
    if unknown := [str(name) for name in raw if name not in required and name not in optional]:
        raise ContentError(f"{place}: unknown fields {', '.join(unknown)}")
    return raw


def rows(place: str, raw: Any) -> list[Any]:
    if not isinstance(raw, list) or not raw:
        raise ContentError(f"{place}: must be a list that is not empty")
    return raw


def text(place: str, raw: Any) -> str:
    if not isinstance(raw, str) or not raw.strip() or raw != raw.strip():
        raise ContentError(f"{place}: must be a text without blanks around it")
    return raw


def maybe_text(place: str, raw: Any) -> str | None:
    return None if raw is None else text(place, raw)


def texts(place: str, raw: Any) -> tuple[str, ...]:
    return tuple(text(f"{place}: {number}", item) for number, item in enumerate(rows(place, raw), 1))


def by_language(place: str, raw: Any) -> Mapping[str, str]:
    """One text in each language."""
    given = fields(place, raw, LANGUAGES)
    return {language: text(f"{place}: {language}", given[language]) for language in LANGUAGES}


def flag(place: str, raw: Any) -> bool:
    if not isinstance(raw, bool):
        raise ContentError(f"{place}: must be true or false, not {raw!r:.40}")
    return raw


def maybe_flag(place: str, raw: Any) -> bool | None:
    return None if raw is None else flag(place, raw)


def one_of(place: str, kind: type[E], raw: Any) -> E:
    try:
        return kind(raw)
    except ValueError:
        raise ContentError(f"{place}: must be one of {', '.join(kind)}, not {raw!r:.40}") from None


def key(place: str, raw: Any) -> str:
    if not isinstance(raw, str) or not _KEY.fullmatch(raw):
        raise ContentError(f"{place}: key must be small-letter-words (quote yes and no), not {raw!r:.40}")
    return raw


def key_of(place: str, raw: Any) -> str:
    """The key of an entry whose other fields are not checked yet."""
    return key(place, raw.get("key") if isinstance(raw, dict) else None)


def unique(place: str, keys: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in keys:
        if name in seen:
            raise ContentError(f"{place}: {name} stands twice")
        seen.add(name)
