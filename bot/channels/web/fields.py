"""The fields of the widget's requests: one function a kind of field, each with a named error. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

from bot.conversations.masking import storable
from bot.errors import Code, RequestError
from bot.languages import LANGUAGES

LONGEST_FIELD = 300
_LARGEST_SEQ = 2**31 - 1
Word = TypeVar("Word", bound=StrEnum)


def bad_field(message: str) -> RequestError:
    return RequestError(Code.BAD_FIELD, message)


def text(data: Mapping[str, Any], name: str, longest: int = LONGEST_FIELD) -> str | None:
    value = data.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > longest:
        raise bad_field(f"{name} must be a string of at most {longest} characters")
    return storable(value)


def needed_text(data: Mapping[str, Any], name: str, longest: int = LONGEST_FIELD) -> str:
    value = text(data, name, longest)
    if value is None or not value.strip():
        raise bad_field(f"{name} is needed")
    return value


def language(data: Mapping[str, Any]) -> str | None:
    value = text(data, "language")
    if value is not None and value not in LANGUAGES:
        raise bad_field(f"language must be one of {', '.join(LANGUAGES)}")
    return value


def number(data: Mapping[str, Any], name: str, least: int = 0, most: int = _LARGEST_SEQ) -> int:
    value = data.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise bad_field(f"{name} must be a whole number from {least} to {most}")
    return value


def word(data: Mapping[str, Any], name: str, kind: type[Word]) -> Word:
    value = optional_word(data, name, kind)
    if value is None:
        raise bad_field(f"{name} must be one of {', '.join(kind)}")
    return value


def optional_word(data: Mapping[str, Any], name: str, kind: type[Word]) -> Word | None:
    value = data.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or value not in list(kind):
        raise bad_field(f"{name} must be one of {', '.join(kind)}")
    return kind(value)
