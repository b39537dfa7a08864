"""A booking that is being made: what is known so far, and which step that leaves open. Pure.

The next step is the first whose field is missing, so going back, changing one thing and starting again are all the same
act: a field is emptied.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from enum import StrEnum
from typing import Any

from bot.appointments.identity import is_child
from bot.appointments.patient import Document, Patient, Relation
from bot.appointments.readings import Part

NO_INTERPRETER = "none"


class Step(StrEnum):
    """What is asked, in order."""

    CONSENT = "consent"
    COMPLAINT = "complaint"
    HOSPITAL = "hospital"
    DAY = "day"
    SLOT = "slot"
    WHO = "who"
    NAME = "name"
    BIRTH = "birth"
    GUARDIAN = "guardian"
    DOCUMENT = "document"
    PHONE = "phone"
    INTERPRETER = "interpreter"
    AGREE = "agree"
    CONFIRM = "confirm"


@dataclass(frozen=True)
class Wish:
    """The days that were asked for, both included; null is any day, the soonest first."""

    first: date | None = None
    last: date | None = None
    part: Part | None = None
    clock: time | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "first": self.first.isoformat() if self.first else None,
            "last": self.last.isoformat() if self.last else None,
            "part": self.part,
            "clock": self.clock.isoformat() if self.clock else None,
        }

    @staticmethod
    def from_json(data: dict[str, Any]) -> Wish:
        return Wish(
            date.fromisoformat(data["first"]) if data["first"] else None,
            date.fromisoformat(data["last"]) if data["last"] else None,
            Part(data["part"]) if data["part"] else None,
            time.fromisoformat(data["clock"]) if data["clock"] else None,
        )


@dataclass(frozen=True)
class Chosen:
    """The opening that was chosen, by the provider's id, and what of it is shown again later."""

    opening: str
    starts_at: datetime

    def to_json(self) -> dict[str, Any]:
        return {"opening": self.opening, "starts_at": self.starts_at.isoformat()}

    @staticmethod
    def from_json(data: dict[str, Any]) -> Chosen:
        return Chosen(data["opening"], datetime.fromisoformat(data["starts_at"]))


@dataclass(frozen=True)
class Draft:
    """`id` is the idempotency key of everything that is held or booked for it.

    `opened_with` is the message it began with: its words are read for a complaint only once that is consented to.
    `among` are the departments that the last words may lead to. `moving` is the appointment that gets another time.
    """

    id: str
    opened_with: str | None = None
    consented: bool = False
    among: tuple[str, ...] = ()
    department: str | None = None
    hospital: str | None = None
    wish: Wish | None = None
    chosen: Chosen | None = None
    relation: Relation | None = None
    name: str | None = None
    born: date | None = None
    guardian: str | None = None
    document: Document | None = None
    number: str | None = None
    phone: str | None = None
    interpreter: str | None = None
    agreed: bool = False
    moving: str | None = None
    # Only where somebody speaks this language; and how many of the free times were shown already.
    speaks: str | None = None
    shown: int = 0

    @staticmethod
    def new(opened_with: uuid.UUID | None = None) -> Draft:
        return Draft(uuid.uuid4().hex, opened_with.hex if opened_with is not None else None)

    @property
    def step(self) -> Step:
        """The first step that is still open."""
        return next((step for step in STEPS if not FILLED[step](self)), Step.CONFIRM)

    def without(self, *steps: Step) -> Draft:
        """The draft with these steps open again, and those that hang on them."""
        emptied = self
        for step in steps:
            emptied = EMPTIED[step](emptied)
        return emptied

    def back(self) -> Draft:
        """The step before the open one open again; the same draft when there is none."""
        if self.among and self.step is Step.COMPLAINT:
            return replace(self, among=())
        done = [step for step in STEPS[: STEPS.index(self.step)] if step is not Step.CONSENT and self._asked(step)]
        return self.without(done[-1]) if done else self

    def patient(self) -> Patient:
        """Who is to be seen. AssertionError while a step before CONFIRM is open."""
        assert self.relation and self.name and self.born and self.document and self.number and self.phone
        interpreter = None if self.interpreter in (None, NO_INTERPRETER) else self.interpreter
        return Patient(
            self.relation, self.name, self.born, self.document, self.number, self.phone, self.guardian, interpreter
        )

    def needs_guardian(self) -> bool:
        # Personal Information Protection Law, article 31: below 14 a guardian consents.
        return self.born is not None and self.chosen is not None and is_child(self.born, self.chosen.starts_at.date())

    def _asked(self, step: Step) -> bool:
        """Whether the step is one that the resident was asked; moving an appointment asks for the time alone."""
        if self.moving is not None:
            return step in (Step.DAY, Step.SLOT)
        return step is not Step.GUARDIAN or self.needs_guardian()

    def to_json(self) -> dict[str, Any]:
        return {
            **{name: getattr(self, name) for name in _PLAIN},
            "among": list(self.among),
            "wish": self.wish.to_json() if self.wish else None,
            "chosen": self.chosen.to_json() if self.chosen else None,
            "born": self.born.isoformat() if self.born else None,
        }

    @staticmethod
    def from_json(data: dict[str, Any]) -> Draft:
        """The draft of `to_json`; KeyError, TypeError or ValueError when it is not one."""
        draft = Draft(**{name: data[name] for name in _PLAIN})
        return replace(
            draft,
            among=tuple(data["among"]),
            wish=Wish.from_json(data["wish"]) if data["wish"] else None,
            chosen=Chosen.from_json(data["chosen"]) if data["chosen"] else None,
            born=date.fromisoformat(data["born"]) if data["born"] else None,
            relation=Relation(draft.relation) if draft.relation else None,
            document=Document(draft.document) if draft.document else None,
        )


_PLAIN = (
    "id opened_with consented department hospital relation name guardian document number phone interpreter agreed"
    " moving speaks shown"
).split()
STEPS = tuple(Step)
FILLED: dict[Step, Callable[[Draft], bool]] = {
    Step.CONSENT: lambda draft: draft.consented,
    Step.COMPLAINT: lambda draft: draft.department is not None,
    Step.HOSPITAL: lambda draft: draft.hospital is not None,
    Step.DAY: lambda draft: draft.wish is not None,
    Step.SLOT: lambda draft: draft.chosen is not None,
    Step.WHO: lambda draft: draft.relation is not None,
    Step.NAME: lambda draft: draft.name is not None,
    Step.BIRTH: lambda draft: draft.born is not None,
    Step.GUARDIAN: lambda draft: draft.guardian is not None or not draft.needs_guardian(),
    Step.DOCUMENT: lambda draft: draft.number is not None,
    Step.PHONE: lambda draft: draft.phone is not None,
    Step.INTERPRETER: lambda draft: draft.interpreter is not None,
    Step.AGREE: lambda draft: draft.agreed,
    Step.CONFIRM: lambda draft: False,
}
# What is passed on was agreed to for one hospital and one patient.
EMPTIED: dict[Step, Callable[[Draft], Draft]] = {
    Step.CONSENT: lambda draft: replace(draft, consented=False),
    Step.COMPLAINT: lambda draft: replace(
        draft, among=(), department=None, hospital=None, chosen=None, shown=0, agreed=False
    ),
    Step.HOSPITAL: lambda draft: replace(draft, hospital=None, chosen=None, shown=0, agreed=False),
    Step.DAY: lambda draft: replace(draft, wish=None, chosen=None, shown=0),
    Step.SLOT: lambda draft: replace(draft, chosen=None, shown=0),
    Step.WHO: lambda draft: replace(
        draft, relation=None, name=None, born=None, guardian=None, document=None, number=None, agreed=False
    ),
    Step.NAME: lambda draft: replace(draft, name=None),
    Step.BIRTH: lambda draft: replace(draft, born=None, guardian=None),
    Step.GUARDIAN: lambda draft: replace(draft, guardian=None),
    Step.DOCUMENT: lambda draft: replace(draft, document=None, number=None),
    Step.PHONE: lambda draft: replace(draft, phone=None),
    Step.INTERPRETER: lambda draft: replace(draft, interpreter=None),
    Step.AGREE: lambda draft: replace(draft, agreed=False),
    Step.CONFIRM: lambda draft: draft,
}
