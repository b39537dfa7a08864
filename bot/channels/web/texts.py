"""The widget's words that the server says: the AI and privacy notice, transcripts, the desk's line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Formatter
from typing import Any

import yaml
from aiohttp import web

from bot.errors import ContentError
from bot.keeping.words import INTERFACE
from bot.languages import DEFAULT, LANGUAGES

_NOTICE_KEYS = {"version", "ai", "privacy", "url"}
# With the days behind it the version must fit into the column that keeps what was accepted.
_LONGEST_VERSION = 8
Words = Mapping[str, str]


@dataclass(frozen=True)
class Days:
    """How long a conversation is kept: one of nobody known, and one that holds a contact or a personal number."""

    anonymous: int
    identified: int


@dataclass(frozen=True)
class Notice:
    ai: str
    privacy: str
    url: str | None


@dataclass(frozen=True)
class Texts:
    """`version` is the notice's, the same in all languages."""

    version: str
    notices: Mapping[str, Notice]
    words: Mapping[str, Words]

    @staticmethod
    def load(folder: Path, days: Days) -> Texts:
        """Read notice/ and words/ of the folder. ContentError naming what is wrong."""
        version, notices = _notices(folder / "notice", days)
        return Texts(version, notices, _all_words(folder / "words"))

    def say(self, language: str, key: str, **params: str) -> str:
        return self.words[language][key].format(**params)


TEXTS: web.AppKey[Texts] = web.AppKey("texts", Texts)


def interface_language(tag: str | None) -> str:
    """The interface language for a BCP 47 tag; English for whatever else."""
    code = (tag or "").replace("_", "-").split("-")[0].lower()
    return code if code in INTERFACE else DEFAULT


def endonyms() -> list[dict[str, str]]:
    return [{"code": code, "name": LANGUAGES[code].endonym} for code in INTERFACE]


def read_yaml(path: Path) -> Any:
    """ContentError for what cannot be read."""
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise ContentError(f"{path.parent.name}/{path.name}: cannot be read ({type(error).__name__})") from error


def _by_language(folder: Path) -> dict[str, Any]:
    names = {path.stem for path in folder.glob("*.yml")}
    if names != set(INTERFACE):
        raise ContentError(f"{folder.name}: needs exactly the files {', '.join(INTERFACE)}")
    return {language: read_yaml(folder / f"{language}.yml") for language in INTERFACE}


def _notices(folder: Path, days: Days) -> tuple[str, dict[str, Notice]]:
    data = _by_language(folder)
    notices = {language: _notice(f"notice/{language}.yml", raw, days) for language, raw in data.items()}
    versions = {raw["version"] for raw in data.values()}
    if len(versions) != 1:
        raise ContentError(f"notice: one version in all languages, not {sorted(versions)}")
    return f"{versions.pop()}.{days.anonymous}.{days.identified}", notices


def _notice(place: str, raw: Any, days: Days) -> Notice:
    if not isinstance(raw, dict) or set(raw) != _NOTICE_KEYS:
        raise ContentError(f"{place}: has version, ai, privacy and url")
    for key in ("version", "ai", "privacy"):
        if not isinstance(raw[key], str) or not raw[key].strip():
            raise ContentError(f"{place}: {key} must be a text")
    url = raw["url"]
    if len(raw["version"]) > _LONGEST_VERSION or not (url is None or str(url).startswith("https://")):
        raise ContentError(f"{place}: a version has {_LONGEST_VERSION} characters at most, a url is https or null")
    if _placeholders(raw["privacy"]) != {"anonymous", "identified"}:
        raise ContentError(f"{place}: privacy says how many days: {{anonymous}} and {{identified}}")
    privacy = raw["privacy"].strip().format(anonymous=days.anonymous, identified=days.identified)
    return Notice(raw["ai"].strip(), privacy, url)


def _all_words(folder: Path) -> dict[str, Words]:
    words = {language: _words(f"words/{language}.yml", raw) for language, raw in _by_language(folder).items()}
    wanted = {key: _placeholders(text) for key, text in words[DEFAULT].items()}
    for language, own in words.items():
        if {key: _placeholders(text) for key, text in own.items()} != wanted:
            raise ContentError(f"words/{language}.yml: not the keys and placeholders of {DEFAULT}.yml")
    return words


def _words(place: str, raw: Any) -> Words:
    if not isinstance(raw, dict) or not all(isinstance(text, str) and text.strip() for text in raw.values()):
        raise ContentError(f"{place}: must be a mapping of keys to texts")
    return raw


def _placeholders(text: str) -> frozenset[str]:
    try:
        return frozenset(name for _, name, _, _ in Formatter().parse(text) if name is not None)
    except ValueError as error:
        raise ContentError(f"words: {text!r}: {error}") from error
