"""What a field of a template takes: the platform refuses a whole notice (47003) for one value that is wrong. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from enum import StrEnum

from bot.errors import LinliError

_FIELD = re.compile(r"([a-z_]+?)([0-9]{1,3})", re.ASCII)


class FieldKind(StrEnum):
    """A field's name in a template is its kind and a number; the kind says what it takes."""

    THING = "thing"
    CHARACTER_STRING = "character_string"
    TIME = "time"
    DATE = "date"
    PHONE_NUMBER = "phone_number"
    AMOUNT = "amount"
    CAR_NUMBER = "car_number"
    CONST = "const"
    PHRASE = "phrase"
    NAME = "name"


class ValueRefusedError(LinliError):
    """A value that the platform would refuse (47003). Names the kind of field and the rule, never the value."""

    def __init__(self, kind: FieldKind, rule: str) -> None:
        super().__init__(f"{kind.value}: {rule}")
        self.kind = kind


_HAN = r"[\u3400-\u4dbf\u4e00-\u9fff\u3007\U00020000-\U0003ffff]"
_DAY = r"(?:\d{4}年(?:0?[1-9]|1[0-2])月(?:0?[1-9]|[12]\d|3[01])日|\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]))"
_CLOCK = r"(?:[01]?\d|2[0-3]):[0-5]\d"
_MOMENT = rf"(?:{_DAY} )?{_CLOCK}"
# The rules of the platform for what cannot be cut without becoming wrong: how it must look, and the rule in words.
_RULES: Mapping[FieldKind, tuple[re.Pattern[str], str]] = {
    kind: (re.compile(pattern, re.ASCII), rule)
    for kind, pattern, rule in (
        (FieldKind.CHARACTER_STRING, r"[\x20-\x7e]{1,32}", "1 to 32 Latin letters, digits or signs, no Chinese"),
        (FieldKind.TIME, rf"{_MOMENT}(?:~{_MOMENT})?", "a 24-hour time, with or without a date, or a range with ~"),
        (FieldKind.DATE, rf"{_DAY}(?: {_CLOCK})?(?:~{_DAY}(?: {_CLOCK})?)?", "a date, or a range with ~"),
        (FieldKind.PHONE_NUMBER, r"[0-9+\-]{1,17}", "1 to 17 digits, + or -"),
        (FieldKind.AMOUNT, r"[¥￥$€£]?\d{1,10}(?:\.\d{1,2})?元?", "one currency sign and 1 to 10 digits"),
        (FieldKind.CAR_NUMBER, r"\S{1,8}", "1 to 8 characters"),
        (FieldKind.CONST, r"[^\n]{1,20}", "1 to 20 characters, a value that was approved with the template"),
        (FieldKind.PHRASE, rf"{_HAN}{{1,5}}", "1 to 5 Chinese characters"),
    )
}
_LONGEST_THING = 20
_LONGEST_NAME, _LONGEST_CHINESE_NAME = 20, 10
_ANY_HAN = re.compile(_HAN)


def fitted(kind: FieldKind, value: str) -> str:
    """The value as a field of this kind takes it: what is only text is cut, the rest must fit. ValueRefusedError."""
    value = " ".join(value.split())
    if not value:
        raise ValueRefusedError(kind, "may not be empty")
    if kind is FieldKind.THING:
        return _cut(value, _LONGEST_THING)
    if kind is FieldKind.NAME:
        return _cut(value, _LONGEST_CHINESE_NAME if _ANY_HAN.search(value) else _LONGEST_NAME)
    pattern, rule = _RULES[kind]
    if not pattern.fullmatch(value):
        raise ValueRefusedError(kind, rule)
    return value


def _cut(value: str, longest: int) -> str:
    """At most so many characters, never between a letter and its marks."""
    if len(value) <= longest:
        return value
    end = longest - 1
    while end > 1 and _belongs_to_the_one_before(value[end]):
        end -= 1
    return f"{value[:end].rstrip()}…"


def _belongs_to_the_one_before(character: str) -> bool:
    return unicodedata.category(character) in ("Mn", "Mc", "Me", "Cf")


def kind_of(name: str) -> FieldKind:
    """ValueError for a name that is no field's."""
    match = _FIELD.fullmatch(name)
    return FieldKind(match[1] if match else "")
