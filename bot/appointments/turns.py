"""What goes in and out of a booking's dialogue: what was said, what can be had, what is said back. No rules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from bot.appointments.catalogue import Catalogue
from bot.appointments.commands import Command
from bot.appointments.draft import Draft
from bot.appointments.provider import Opening
from bot.handoff.calendar import Calendar
from bot.handoff.hours import CITY_TIME


class Ending(StrEnum):
    """How a booking's dialogue ends, or what has to be done before it goes on."""

    CONFIRMED = "confirmed"
    STOPPED = "stopped"
    # The resident wants to be told when a time comes free.
    WAITS = "waits"


@dataclass(frozen=True)
class Heard:
    """What was said: a text in its language, or a button's field and value. `asks`: it looks like a question."""

    language: str
    text: str = ""
    pick: tuple[str, str] | None = None
    asks: bool = False
    command: Command | None = None


@dataclass(frozen=True)
class World:
    """What can be had. `openings` are those of the draft's department, and of its hospital when it has one.

    There are none while a time is chosen: nobody has to choose then.
    """

    now: datetime
    catalogue: Catalogue
    calendar: Calendar
    departments: tuple[str, ...]
    openings: tuple[Opening, ...] = ()
    horizon_days: int = 28

    @property
    def today(self) -> date:
        return self.now.astimezone(CITY_TIME).date()


@dataclass(frozen=True)
class Ask:
    """A question or a remark: a key of the booking's words, what stands in it, and the buttons below."""

    key: str
    params: dict[str, str] = field(default_factory=dict)
    picks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Turn:
    """`lines` come before the question of the step that is open; `ask` takes that question's place."""

    draft: Draft
    lines: tuple[Ask, ...] = ()
    ask: Ask | None = None
    ending: Ending | None = None


Reader = Callable[[Draft, Heard, World], Turn | None]
