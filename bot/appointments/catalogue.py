"""Hospitals and departments: data/booking, checked field by field. Schedules and clinicians are not in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any

from bot.appointments.complaints import Hit, Message, Phrase, longest, score
from bot.appointments.contents import (
    LANGUAGES,
    by_language,
    fields,
    flag,
    key,
    key_of,
    maybe_flag,
    maybe_text,
    one_of,
    read_yaml,
    rows,
    text,
    texts,
    unique,
)
from bot.errors import ContentError

HOSPITALS_FILE, DEPARTMENTS_FILE = "hospitals.yml", "departments.yml"
FALLBACK_LANGUAGE = "en"
MOST_DEPARTMENTS = 3
_HOSPITAL = (
    "key kind names phone international_clinic english_service foreigners departments confidence facts source campuses"
).split()


class HospitalKind(StrEnum):
    GENERAL = "general"
    CHILDREN = "children"
    TCM = "tcm"
    COMMUNITY = "community"


class Patients(StrEnum):
    """Whom alone a department sees."""

    CHILDREN = "children"
    WOMEN = "women"


class Confidence(StrEnum):
    """How far the facts about a hospital can be trusted; what is GK is confirmed before a resident relies on it."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    GK = "gk"


@dataclass(frozen=True)
class Source:
    title: str
    url: str | None
    date: str | None


@dataclass(frozen=True)
class Campus:
    key: str
    names: Mapping[str, str]
    district: str | None
    address_zh: str | None


@dataclass(frozen=True)
class Hospital:
    """None is: not known. `departments` are keys; `foreigners` says what is offered to foreign residents."""

    key: str
    kind: HospitalKind
    names: Mapping[str, str]
    phone: str | None
    international_clinic: bool | None
    english_service: bool | None
    foreigners: Mapping[str, str] | None
    departments: tuple[str, ...] | None
    confidence: Confidence
    facts: tuple[str, ...]
    source: Source
    checked_on: date
    campuses: tuple[Campus, ...]

    @property
    def name_zh(self) -> str:
        return self.names["zh"]

    def campus(self, campus_key: str) -> Campus | None:
        return next((campus for campus in self.campuses if campus.key == campus_key), None)


@dataclass(frozen=True)
class Department:
    """`sign_zh` is what the hospital's sign says; nobody books a `walk_in`."""

    key: str
    sign_zh: str
    names: Mapping[str, str]
    only: Patients | None
    walk_in: bool
    phrases: Mapping[str, tuple[Phrase, ...]]


@dataclass(frozen=True)
class Catalogue:
    hospitals: Mapping[str, Hospital]
    departments: Mapping[str, Department]

    def department_for(self, message: str, language: str) -> tuple[str, ...]:
        """Keys of the departments that the words of a complaint lead to, at most three, the likeliest first.

        A child's department comes first when the words speak of a child. A message in a language without words, or in
        whose words nothing is found, is compared with the English ones. Empty when nothing fits; it never diagnoses.
        """
        hits = self._hits(message, language) if language in LANGUAGES else []
        return self._ranked(hits or self._hits(message, FALLBACK_LANGUAGE))[:MOST_DEPARTMENTS]

    def _hits(self, message: str, language: str) -> list[Hit]:
        read = Message.read(message, language)
        return longest(
            [
                Hit(department.key, places, phrase.shared)
                for department in self.departments.values()
                for phrase in department.phrases[language]
                for places in phrase.found_in(read)
            ]
        )

    def _ranked(self, hits: Sequence[Hit]) -> tuple[str, ...]:
        scores = {name: score([hit for hit in hits if hit.department == name]) for name in self.departments}
        found = [name for name, points in scores.items() if points]
        return tuple(sorted(found, key=lambda name: (not self._is_childrens(name), -scores[name])))

    def _is_childrens(self, name: str) -> bool:
        return self.departments[name].only is Patients.CHILDREN


def load(folder: Path) -> Catalogue:
    """Read hospitals.yml and departments.yml. ContentError naming file, entry and field."""
    departments = _departments(read_yaml(folder / DEPARTMENTS_FILE))
    hospitals = _hospitals(read_yaml(folder / HOSPITALS_FILE), frozenset(departments))
    return Catalogue(hospitals, departments)


def _departments(raw: Any) -> dict[str, Department]:
    entries = rows(f"{DEPARTMENTS_FILE}: departments", fields(DEPARTMENTS_FILE, raw, ["departments"])["departments"])
    departments = [_department(f"{DEPARTMENTS_FILE}: {number}", entry) for number, entry in enumerate(entries, 1)]
    unique(DEPARTMENTS_FILE, [department.key for department in departments])
    _check_apart(departments)
    return {department.key: department for department in departments}


def _department(place: str, raw: Any) -> Department:
    name = key_of(place, raw)
    place = f"{DEPARTMENTS_FILE}: {name}"
    raw = fields(place, raw, ("key", "sign_zh", "names", "complaints"), ("only", "walk_in", "shared"))
    return Department(
        key=name,
        sign_zh=text(f"{place}: sign_zh", raw["sign_zh"]),
        names=by_language(f"{place}: names", raw["names"]),
        only=one_of(f"{place}: only", Patients, raw["only"]) if "only" in raw else None,
        walk_in=flag(f"{place}: walk_in", raw.get("walk_in", False)),
        phrases=_phrases(place, raw),
    )


def _phrases(place: str, raw: Mapping[str, Any]) -> Mapping[str, tuple[Phrase, ...]]:
    complaints = fields(f"{place}: complaints", raw["complaints"], LANGUAGES)
    shared = fields(f"{place}: shared", raw.get("shared", {}), (), LANGUAGES)
    return {
        language: (
            *_parsed(f"{place}: complaints: {language}", complaints[language], language, shared=False),
            *_parsed(f"{place}: shared: {language}", shared.get(language, ()), language, shared=True),
        )
        for language in LANGUAGES
    }


def _parsed(place: str, raw: Any, language: str, *, shared: bool) -> Iterator[Phrase]:
    if shared and raw == ():
        return
    for written in texts(place, raw):
        yield Phrase.parse(place, written, language, shared)


def _check_apart(departments: Sequence[Department]) -> None:
    """The same words in two departments are a slip, unless both say that they share them."""
    seen: dict[tuple[str, tuple[str, ...]], tuple[str, Phrase]] = {}
    for department in departments:
        for language, phrase in ((code, one) for code in LANGUAGES for one in department.phrases[code]):
            for words in phrase.spellings():
                other, earlier = seen.setdefault((language, words), (department.key, phrase))
                if other != department.key and not (phrase.shared and earlier.shared):
                    place = f"{DEPARTMENTS_FILE}: {department.key}: {language}"
                    raise ContentError(f"{place}: {' '.join(words)!r} also stands in {other}, and not shared in both")


def _hospitals(raw: Any, departments: frozenset[str]) -> dict[str, Hospital]:
    raw = fields(HOSPITALS_FILE, raw, ("checked_on", "hospitals"))
    checked_on = raw["checked_on"]
    if type(checked_on) is not date:
        raise ContentError(f"{HOSPITALS_FILE}: checked_on: must be a date like 2027-06-01")
    entries = rows(f"{HOSPITALS_FILE}: hospitals", raw["hospitals"])
    hospitals = [_hospital(n, entry, checked_on, departments) for n, entry in enumerate(entries, 1)]
    unique(HOSPITALS_FILE, [hospital.key for hospital in hospitals])
    return {hospital.key: hospital for hospital in hospitals}


def _hospital(number: int, raw: Any, checked_on: date, departments: frozenset[str]) -> Hospital:
    name = key_of(f"{HOSPITALS_FILE}: {number}", raw)
    place = f"{HOSPITALS_FILE}: {name}"
    raw = fields(place, raw, _HOSPITAL)
    foreigners = raw["foreigners"]
    return Hospital(
        key=name,
        kind=one_of(f"{place}: kind", HospitalKind, raw["kind"]),
        names=by_language(f"{place}: names", raw["names"]),
        phone=maybe_text(f"{place}: phone", raw["phone"]),
        international_clinic=maybe_flag(f"{place}: international_clinic", raw["international_clinic"]),
        english_service=maybe_flag(f"{place}: english_service", raw["english_service"]),
        foreigners=None if foreigners is None else by_language(f"{place}: foreigners", foreigners),
        departments=_known(f"{place}: departments", raw["departments"], departments),
        confidence=one_of(f"{place}: confidence", Confidence, raw["confidence"]),
        facts=texts(f"{place}: facts", raw["facts"]),
        source=_source(f"{place}: source", raw["source"]),
        checked_on=checked_on,
        campuses=_campuses(f"{place}: campuses", raw["campuses"]),
    )


def _known(place: str, raw: Any, departments: frozenset[str]) -> tuple[str, ...] | None:
    if raw is None:
        return None
    names = texts(place, raw)
    if unknown := [name for name in names if name not in departments]:
        raise ContentError(f"{place}: no department {', '.join(unknown)}")
    unique(place, names)
    return names


def _source(place: str, raw: Any) -> Source:
    raw = fields(place, raw, ("title", "url", "date"))
    return Source(
        text(f"{place}: title", raw["title"]),
        maybe_text(f"{place}: url", raw["url"]),
        maybe_text(f"{place}: date", raw["date"]),
    )


def _campuses(place: str, raw: Any) -> tuple[Campus, ...]:
    campuses = tuple(_campus(f"{place}: {number}", entry) for number, entry in enumerate(rows(place, raw), 1))
    unique(place, [campus.key for campus in campuses])
    return campuses


def _campus(place: str, raw: Any) -> Campus:
    raw = fields(place, raw, ("key", "names", "district", "address_zh"))
    return Campus(
        key(place, raw["key"]),
        by_language(f"{place}: names", raw["names"]),
        maybe_text(f"{place}: district", raw["district"]),
        maybe_text(f"{place}: address_zh", raw["address_zh"]),
    )
