"""What the page of an appointment is told of it. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.appointments import qr
from bot.appointments.bookings import Appointment, State
from bot.appointments.catalogue import Campus, Catalogue, Confidence, Hospital
from bot.appointments.ics import Entry
from bot.appointments.intake import Choices, Intake
from bot.appointments.provider import Opening
from bot.handoff.hours import CITY_TIME

_SURE = (Confidence.HIGH, Confidence.MEDIUM)
_HIDDEN = "***"


@dataclass(frozen=True)
class View:
    """`known`: the patient's date of birth was given; `link` is null where no public address is set."""

    appointment: Appointment
    catalogue: Catalogue
    now: datetime
    link: str | None
    known: bool

    def to_json(self) -> dict[str, Any]:
        return {**self._booking(), **self._place(), **self._rights()}

    def _booking(self) -> dict[str, Any]:
        one = self.appointment
        return {
            "reference": one.reference,
            "state": one.state.value,
            "demo": one.demo,
            "language": one.language,
            "starts_at": moment(one.starts_at),
            "minutes": one.minutes,
            "over": one.starts_at <= self.now,
            "fee_fen": one.fee_fen,
            "patient": one.patient.name if self.known else masked(one.patient.name),
            "interpreter": self._interpreter(),
        }

    def _place(self) -> dict[str, Any]:
        hospital = self.catalogue.hospitals[self.appointment.hospital]
        department = self.catalogue.departments[self.appointment.department]
        campus = hospital.campus(self.appointment.campus)
        return {
            "hospital": dict(hospital.names),
            "campus": _campus_names(hospital, campus),
            "department": {**department.names, "zh": department.sign_zh},
            "address_zh": campus.address_zh if campus is not None else None,
            "address_sure": hospital.confidence in _SURE,
            "phone": hospital.phone,
        }

    def _rights(self) -> dict[str, Any]:
        return {
            "known": self.known,
            "changeable": self.appointment.state is State.BOOKED and self.now < self.appointment.changeable_until,
            "changeable_until": moment(self.appointment.changeable_until),
            "link": self.link,
            "qr": None if self.link is None else qr.picture(self.link),
        }

    def _interpreter(self) -> dict[str, Any] | None:
        if self.appointment.interpreter is None:
            return None
        language, state, name = self.appointment.interpreter
        return {"language": language, "state": state.value, "name": name if self.known else None}


def masked(name: str) -> str:
    """ "M*** E***": enough for whose appointment it is, when one books for a family."""
    return " ".join(word[0] + _HIDDEN for word in name.split())


def moment(at: datetime) -> str:
    return at.astimezone(CITY_TIME).isoformat()


def _campus_names(hospital: Hospital, campus: Campus | None) -> dict[str, str] | None:
    return dict(campus.names) if campus is not None and len(hospital.campuses) > 1 else None


def openings(found: Sequence[Opening], one: Appointment, catalogue: Catalogue) -> dict[str, Any]:
    """The times but for the one that the appointment has."""
    hospital = catalogue.hospitals[one.hospital]
    return {
        "openings": [_opening(opening) for opening in found if opening.starts_at != one.starts_at],
        "campuses": {campus.key: dict(campus.names) for campus in hospital.campuses},
    }


def _opening(opening: Opening) -> dict[str, Any]:
    return {
        "id": opening.id,
        "campus": opening.campus,
        "starts_at": moment(opening.starts_at),
        "minutes": opening.minutes,
        "fee_fen": opening.fee_fen,
        "languages": list(opening.languages),
        "international": opening.international,
    }


def lists(intake: Intake, language: str) -> list[dict[str, Any]]:
    """The lists to pick from, in the order of the card, in the language and in Chinese."""
    return [_list(topic, choices, language) for topic, choices in intake.topics.items()]


def _list(topic: str, choices: Choices, language: str) -> dict[str, Any]:
    return {
        "topic": topic,
        "heading": choices.heading[language],
        "heading_zh": choices.heading["zh"],
        "many": choices.many,
        "entries": [
            {"key": key, "text": entry.texts[language], "zh": entry.texts["zh"], "exclusive": entry.exclusive}
            for key, entry in choices.entries.items()
        ],
    }


def picked(one: Appointment) -> dict[str, list[str]]:
    given: Mapping[str, tuple[str, ...]] = one.intake or {}
    return {str(topic): list(keys) for topic, keys in given.items()}


def calendar_entry(one: Appointment, catalogue: Catalogue, language: str) -> Entry:
    hospital = catalogue.hospitals[one.hospital]
    campus = hospital.campus(one.campus)
    address = campus.address_zh if campus is not None else None
    return Entry(
        reference=one.reference,
        starts_at=one.starts_at,
        minutes=one.minutes,
        hospital=hospital.names[language],
        place_zh="，".join(part for part in (hospital.name_zh, address) if part),
        cancelled=one.state is State.CANCELLED,
        demo=one.demo,
    )


def change_key(appointment_id: uuid.UUID, key: str) -> str:
    """The idempotency key of a change: the page's own mark, of this appointment alone."""
    return f"page-{uuid.uuid5(appointment_id, key).hex}"
