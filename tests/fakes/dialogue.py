"""A booking's dialogue without a database: free times made by hand, and a resident who types and taps."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from bot.appointments import asking, catalogue, machine
from bot.appointments.catalogue import Catalogue
from bot.appointments.draft import Draft, Step
from bot.appointments.machine import Ask, Ending, Heard, Turn, World
from bot.appointments.provider import Opening
from bot.appointments.readings import Part
from bot.appointments.words import BookingWords
from bot.handoff.calendar import Calendar
from bot.handoff.hours import CITY_TIME
from tests.fakes.booking import DATA, HOLIDAYS, NOW

FIRST, SECOND, CHILDREN = "hospital-ahmu-1", "hospital-ustc-1", "hospital-children"
CATALOGUE: Catalogue = catalogue.load(DATA)
CALENDAR = Calendar.load(HOLIDAYS)
WORDS = BookingWords.load(DATA, CATALOGUE)
DEPARTMENTS = tuple(key for key, one in CATALOGUE.departments.items() if not one.walk_in and key != "oncology")
# A Tuesday.
TODAY = NOW.astimezone(CITY_TIME).date()
HORIZON = 14
_STARTS = ((8, 0), (9, 0), (9, 30), (10, 0), (14, 0), (14, 30), (15, 0))
_SATURDAY = 6


def opening(hospital: str, department: str, at: datetime, *languages: str) -> Opening:
    part = Part.MORNING if at.hour < 12 else Part.AFTERNOON
    made = f"{hospital}.{department}.{at:%m%d%H%M}"
    return Opening(made, hospital, "main", department, at, 30, part, 1, None, languages, False, True)


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=CITY_TIME)


def openings(department: str, days: int = HORIZON - 1) -> tuple[Opening, ...]:
    """On working days: the first hospital tomorrow in English, the second a day later."""
    made = [
        opening(hospital, department, at(TODAY + timedelta(offset), *clock), *languages)
        for hospital, least, languages in ((FIRST, 1, ("en",)), (SECOND, 2, ()), (CHILDREN, 2, ()))
        for offset in range(least, days + 1)
        if (TODAY + timedelta(offset)).isoweekday() < _SATURDAY
        for clock in _STARTS
    ]
    return tuple(sorted(made, key=lambda one: one.starts_at))


@dataclass
class Visitor:
    """Somebody who books; `openings` are what is free, in every department alike when not given."""

    language: str = "en"
    draft: Draft = field(default_factory=lambda: Draft("key"))
    openings: tuple[Opening, ...] | None = None
    turn: Turn | None = None

    def world(self, draft: Draft) -> World:
        """As the conversation makes it: nothing is looked up while a time is chosen."""
        free: tuple[Opening, ...] = ()
        if draft.department is not None and (draft.chosen is None or draft.hospital is None):
            free = openings(draft.department) if self.openings is None else self.openings
            free = tuple(one for one in free if draft.hospital in (None, one.hospital))
        return World(NOW, CATALOGUE, CALENDAR, DEPARTMENTS, free, HORIZON)

    def says(self, text: str, **heard: bool) -> str | None:
        """The key of what is asked then; None when it was not for the booking."""
        return self._hear(Heard(self.language, text, **heard))

    def taps(self, pick: str) -> str | None:
        name, _, value = pick.partition(":")
        return self._hear(Heard(self.language, pick=(name, value)))

    def _hear(self, heard: Heard) -> str | None:
        turn = machine.hear(self.draft, heard, self.world(self.draft))
        self.turn = machine.settled(turn, self.world(turn.draft)) if turn is not None else None
        if self.turn is None:
            return None
        self.draft = self.turn.draft
        return self.ask.key

    @property
    def ask(self) -> Ask:
        asked = self.turn.ask if self.turn is not None else None
        return asked or asking.question(self.draft, self.world(self.draft), self.language)

    @property
    def lines(self) -> list[str]:
        return [line.key for line in self.turn.lines] if self.turn is not None else []

    @property
    def ending(self) -> Ending | None:
        return self.turn.ending if self.turn is not None else None

    @property
    def step(self) -> Step:
        return self.draft.step

    def until(self, step: Step, **instead: str) -> Visitor:
        """As far as the step, with the usual answers but for those given."""
        while self.step is not step:
            before = self.step
            self.says(instead.get(before, USUAL[before]))
            assert self.step is not before or self.ending, before
        return self


USUAL = {
    Step.CONSENT: "yes",
    Step.COMPLAINT: "my tooth hurts",
    Step.HOSPITAL: "Anhui Provincial Hospital",
    Step.DAY: "1 December",
    Step.SLOT: "9:30",
    Step.WHO: "for me",
    Step.NAME: "SPECIMEN ERIKA",
    Step.BIRTH: "1990-05-17",
    Step.GUARDIAN: "SPECIMEN MAX",
    Step.DOCUMENT: "X1234567",
    Step.PHONE: "+49 1512 3456789",
    Step.INTERPRETER: "no",
    Step.AGREE: "yes",
}
