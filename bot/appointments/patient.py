"""Who is to be seen: what the hospital needs of a patient without a Chinese identity card."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from enum import StrEnum
from typing import Any


class Relation(StrEnum):
    """Who the patient is to the one who books."""

    SELF = "self"
    CHILD = "child"
    FAMILY = "family"


class Document(StrEnum):
    PASSPORT = "passport"
    PERMIT = "permit"  # foreign permanent resident ID card, permits of Hong Kong, Macao and Taiwan residents
    ID_CARD = "id_card"  # the resident identity card


@dataclass(frozen=True)
class Patient:
    """`name` as in the document, `phone` with its country code; `guardian` is the name of whom a child comes with."""

    relation: Relation
    name: str
    born: date
    document: Document
    number: str
    phone: str
    guardian: str | None = None
    interpreter: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "born": self.born.isoformat()}

    @staticmethod
    def from_json(data: dict[str, Any]) -> Patient:
        """The patient of `to_json`; KeyError, TypeError or ValueError when it is not one."""
        return Patient(
            Relation(data["relation"]),
            data["name"],
            date.fromisoformat(data["born"]),
            Document(data["document"]),
            data["number"],
            data["phone"],
            data["guardian"],
            data["interpreter"],
        )
