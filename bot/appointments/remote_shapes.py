"""What a hospital's system may answer, read field by field. A fault is named by its field, never by its value. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot.appointments.provider import Opening
from bot.appointments.readings import Part
from bot.errors import LinliError
from bot.handoff.hours import CITY_TIME
from bot.languages import CODES

# What stands in our buttons and in the hospital's answers: no blanks, nothing that means something to a program.
_ID = re.compile(r"[A-Za-z0-9._~-]{1,80}")
_TIME = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)")
_MOST_REFERENCE = 80  # as long as the column
_MOST_MINUTES = 24 * 60
_MOST_FREE = 10_000
_MOST_FEE_FEN = 10_000_000
_MOST_LANGUAGES = 50


class Unreadable(LinliError):  # noqa: N818 - says what the answer is
    """An answer that is not as agreed; the message names the field and holds no value."""


@dataclass(frozen=True)
class Place:
    """What an opening must fit: the hospital, its campuses and the departments that we know. All are our keys."""

    hospital: str
    campuses: frozenset[str]
    departments: frozenset[str]
    demo: bool


def read_openings(answer: Mapping[str, Any], place: Place) -> tuple[Opening, ...]:
    """Unreadable, also when two have the same id."""
    openings = tuple(
        read_opening(f"openings[{n}]", raw, place) for n, raw in enumerate(_list("openings", answer.get("openings")))
    )
    if len({opening.id for opening in openings}) != len(openings):
        raise Unreadable("openings: an id stands twice")
    return openings


def read_opening(where: str, raw: object, place: Place) -> Opening:
    """Unreadable."""
    if not isinstance(raw, dict):
        raise Unreadable(f"{where}: must be an object")
    starts_at = read_time(f"{where}.starts_at", raw.get("starts_at"))
    fee_fen = raw.get("fee_fen")
    return Opening(
        id=_id(f"{where}.id", raw.get("id")),
        hospital=place.hospital,
        campus=_one_of(f"{where}.campus", raw.get("campus"), place.campuses),
        department=_one_of(f"{where}.department", raw.get("department"), place.departments),
        starts_at=starts_at,
        minutes=_number(f"{where}.minutes", raw.get("minutes"), 1, _MOST_MINUTES),
        part=_part(starts_at),
        free=_number(f"{where}.free", raw.get("free"), 0, _MOST_FREE),
        fee_fen=None if fee_fen is None else _number(f"{where}.fee_fen", fee_fen, 0, _MOST_FEE_FEN),
        languages=_languages(f"{where}.languages", raw.get("languages", [])),
        international=_flag(f"{where}.international", raw.get("international", False)),
        demo=place.demo,
    )


def read_time(where: str, raw: object) -> datetime:
    """In UTC. Unreadable when it is no time with seconds and an offset."""
    if isinstance(raw, str) and _TIME.fullmatch(raw):
        try:
            return datetime.fromisoformat(raw).astimezone(UTC)
        except ValueError:
            pass
    raise Unreadable(f"{where}: must be a time like 2026-12-01T09:00:00+08:00")


def read_reference(answer: Mapping[str, Any]) -> str:
    """Unreadable."""
    raw = answer.get("reference")
    if not isinstance(raw, str) or not 0 < len(raw) <= _MOST_REFERENCE or not raw.isprintable() or raw != raw.strip():
        raise Unreadable(f"reference: must be a text of 1 to {_MOST_REFERENCE} characters")
    return raw


def check_done(field: str, answer: Mapping[str, Any]) -> None:
    """Unreadable when it does not say so: many a system answers 200 and tells of its failure in the body."""
    if answer.get(field) is not True:
        raise Unreadable(f"{field}: must be true")


def _part(starts_at: datetime) -> Part:
    """The same borders as those of the residents' words (bot/appointments/dates.py)."""
    hour = starts_at.astimezone(CITY_TIME).hour
    if hour < 12:
        return Part.MORNING
    if hour == 12:
        return Part.NOON
    return Part.AFTERNOON if hour < 18 else Part.EVENING


def _id(where: str, raw: object) -> str:
    if not isinstance(raw, str) or not _ID.fullmatch(raw):
        raise Unreadable(f"{where}: must be 1 to 80 of A-Z a-z 0-9 . _ ~ -")
    return raw


def _one_of(where: str, raw: object, known: frozenset[str]) -> str:
    if not isinstance(raw, str) or raw not in known:
        raise Unreadable(f"{where}: must be one of our keys")
    return raw


def _number(where: str, raw: object, least: int, most: int) -> int:
    # True is an int to Python.
    if type(raw) is not int or not least <= raw <= most:
        raise Unreadable(f"{where}: must be a whole number from {least} to {most}")
    return raw


def _flag(where: str, raw: object) -> bool:
    if not isinstance(raw, bool):
        raise Unreadable(f"{where}: must be true or false")
    return raw


def _languages(where: str, raw: object) -> tuple[str, ...]:
    """A language that we have no name for is left out."""
    given = _list(where, raw)
    if len(given) > _MOST_LANGUAGES or not all(isinstance(code, str) for code in given):
        raise Unreadable(f"{where}: must be codes like en")
    return tuple(dict.fromkeys(code for code in given if code in CODES))


def _list(where: str, raw: object) -> list[Any]:
    if not isinstance(raw, list):
        raise Unreadable(f"{where}: must be a list")
    return raw
