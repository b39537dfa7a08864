"""A clinic session as a clerk enters it: read field by field, and checked against what a hospital can have. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from bot.appointments.catalogue import Catalogue, Hospital
from bot.appointments.desk_rows import city_day
from bot.appointments.readings import Part
from bot.errors import Code, RequestError
from bot.handoff.hours import CITY_TIME
from bot.languages import CODES

_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_KEY = re.compile(r"[A-Za-z0-9._-]{1,64}")
# When a session of a part of the day may begin, and when it is over at the latest.
_HOURS: Mapping[Part, tuple[time, time]] = {
    Part.MORNING: (time(6), time(13)),
    Part.NOON: (time(11), time(15)),
    Part.AFTERNOON: (time(12), time(19)),
    Part.EVENING: (time(16), time(23)),
}
_MINUTES, _CAPACITY, _MOST_FEN = (5, 240), (1, 50), 1_000_000
_LONGEST_NAME = 60
# A slip in the year is farther off than any schedule.
_MOST_AHEAD = 180


@dataclass(frozen=True)
class Draft:
    """A session that is to be: slots of `minutes` from `begin`, the last over at `end`; times are the city's."""

    key: str
    hospital: str
    campus: str
    department: str
    day: date
    part: Part
    begin: time
    end: time
    minutes: int
    capacity: int
    fee_fen: int | None
    languages: tuple[str, ...]
    clinician_zh: str
    international: bool

    def starts(self) -> list[datetime]:
        begin, end = (datetime.combine(self.day, at, CITY_TIME) for at in (self.begin, self.end))
        step = timedelta(minutes=self.minutes)
        return [begin + step * number for number in range((end - begin) // step)]


def slot_starts(draft: Draft, catalogue: Catalogue, now: datetime) -> list[datetime]:
    """The slots' starts. RequestError naming the field that is wrong."""
    _check_place(draft, catalogue)
    _check_day(draft, now)
    starts = draft.starts()
    if not starts:
        raise _bad("from and to leave no room for one slot")
    if starts[0] <= now:
        raise _bad("from has passed")
    return starts


def _check_place(draft: Draft, catalogue: Catalogue) -> None:
    hospital = known_hospital(catalogue, draft.hospital)
    if hospital.campus(draft.campus) is None:
        raise _bad(f"campus must be one of {', '.join(campus.key for campus in hospital.campuses)}")
    department = catalogue.departments.get(draft.department)
    if department is None or department.walk_in:
        raise _bad("department must be one that can be booked")


def _check_day(draft: Draft, now: datetime) -> None:
    if not 0 <= (draft.day - city_day(now)).days <= _MOST_AHEAD:
        raise _bad(f"day must be within {_MOST_AHEAD} days from today")
    earliest, latest = _HOURS[draft.part]
    if not earliest <= draft.begin < draft.end <= latest:
        raise _bad(f"from and to of {draft.part} must lie between {earliest:%H:%M} and {latest:%H:%M}")


def known_hospital(catalogue: Catalogue, key: str) -> Hospital:
    hospital = catalogue.hospitals.get(key)
    if hospital is None:
        raise _bad("hospital must be one of the choices")
    return hospital


def drafted(data: Mapping[str, Any], catalogue: Catalogue) -> Draft:
    """A request's object whose fields have the right types. RequestError naming the field that is wrong."""
    hospital = known_hospital(catalogue, data["hospital"])
    return Draft(
        key=_key(data["key"]),
        hospital=hospital.key,
        campus=data.get("campus") or hospital.campuses[0].key,
        department=data["department"],
        day=parsed_day("day", data["day"]),
        part=_part(data["part"]),
        begin=_clock("from", data["from"]),
        end=_clock("to", data["to"]),
        minutes=_between("minutes", data["minutes"], *_MINUTES),
        capacity=_between("capacity", data["capacity"], *_CAPACITY),
        fee_fen=None if data.get("fee_fen") is None else _between("fee_fen", data["fee_fen"], 0, _MOST_FEN),
        languages=parsed_languages(data.get("languages") or []),
        clinician_zh=parsed_name("clinician_zh", data.get("clinician_zh") or "", least=0),
        international=bool(data.get("international")),
    )


def parsed_day(name: str, text: str) -> date:
    try:
        if len(text) != len("2027-01-31"):
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        raise _bad(f"{name} must be a day like 2027-01-31") from None


def parsed_languages(given: Sequence[Any]) -> tuple[str, ...]:
    if not all(isinstance(code, str) and code in CODES for code in given):
        raise _bad(f"languages must be of {', '.join(CODES)}")
    return tuple(dict.fromkeys(given))


def parsed_name(name: str, text: str, least: int = 1) -> str:
    clean = text.strip()
    if not least <= len(clean) <= _LONGEST_NAME or not (clean.isprintable()):
        raise _bad(f"{name} must have {least} to {_LONGEST_NAME} characters, all of them to be seen")
    return clean


def _bad(why: str) -> RequestError:
    return RequestError(Code.BAD_FIELD, why)


def _key(text: str) -> str:
    if not _KEY.fullmatch(text):
        raise _bad("key must be up to 64 letters, digits, dots, dashes and underscores")
    return text


def _part(text: str) -> Part:
    if text not in list(Part):
        raise _bad(f"part must be one of {', '.join(Part)}")
    return Part(text)


def _clock(name: str, text: str) -> time:
    found = _CLOCK.fullmatch(text)
    if found is None:
        raise _bad(f"{name} must be a time like 08:30")
    return time(int(found[1]), int(found[2]))


def _between(name: str, number: int, least: int, most: int) -> int:
    if not least <= number <= most:
        raise _bad(f"{name} must be {least} to {most}")
    return number
