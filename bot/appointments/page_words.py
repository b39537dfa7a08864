"""The words of the appointment's page: data/booking/page, one file a language, all with the same keys and places."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bot.appointments.contents import LANGUAGES, fields, read_yaml, text
from bot.errors import ContentError

FOLDER = "page"
FIRST = "en"
_PLACE = re.compile(r"\{(\w+)\}")
# [挂号] is said in Chinese in every language: it is what stands on the hospital's signs.
_TERM = re.compile(r"\[([\u4e00-\u9fff]+)\]")
Words = Mapping[str, str]


def load(folder: Path) -> Mapping[str, Words]:
    """Read the page's folder in the booking folder. ContentError naming file and key."""
    names = {path.stem for path in (folder / FOLDER).glob("*.yml")}
    if names != set(LANGUAGES):
        raise ContentError(f"{FOLDER}: needs exactly the files {', '.join(LANGUAGES)}")
    first = _words(FIRST, read_yaml(folder / FOLDER / f"{FIRST}.yml"), None)
    return {language: _words(language, read_yaml(folder / FOLDER / f"{language}.yml"), first) for language in LANGUAGES}


def _words(language: str, raw: Any, first: Words | None) -> Words:
    place = f"{FOLDER}/{language}.yml"
    given = fields(place, raw, tuple(first if first is not None else raw or ()))
    words = {key: text(f"{place}: {key}", value) for key, value in given.items()}
    for key, value in words.items():
        _check(f"{place}: {key}", value, value if first is None else first[key], chinese=language == "zh")
    return words


def _check(place: str, own: str, wanted: str, *, chinese: bool) -> None:
    if set(_PLACE.findall(own)) != set(_PLACE.findall(wanted)) or re.search(r"[{}]", _PLACE.sub("", own)):
        raise ContentError(f"{place}: not the placeholders of {FIRST}.yml")
    if re.search(r"[][]", _TERM.sub("", own)):
        raise ContentError(f"{place}: square brackets are for Chinese words")
    if not chinese and sorted(_TERM.findall(own)) != sorted(_TERM.findall(wanted)):
        raise ContentError(f"{place}: not the Chinese words of {FIRST}.yml")
