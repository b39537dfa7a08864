"""What a hospital's system does for us, ours or another's: free times, holding one, booking it, giving it back."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from bot.appointments.patient import Patient
from bot.appointments.readings import Part
from bot.errors import LinliError


class SlotGone(LinliError):  # noqa: N818 - what happened to the slot, and no fault
    """The time is no longer free, or the hold on it has expired."""


class ProviderError(LinliError):
    """The hospital's system did not answer, or with something we cannot read; the message names no patient."""


@dataclass(frozen=True)
class Opening:
    """A time that can be booked. `id` is the provider's own; `languages` are the clinician's, empty when not known.

    `free` places are left. `fee_fen` is null where the fee is not known.
    """

    id: str
    hospital: str
    campus: str
    department: str
    starts_at: datetime
    minutes: int
    part: Part
    free: int
    fee_fen: int | None
    languages: tuple[str, ...]
    international: bool
    demo: bool


@dataclass(frozen=True)
class Held:
    """A place that is kept for somebody until then; `id` is what the provider books it by."""

    id: str
    opening: Opening
    until: datetime


@dataclass(frozen=True)
class Taken:
    """A booked place: the provider's reference, and our seat where the place is ours."""

    external: str | None
    seat_id: uuid.UUID | None


class Provider(Protocol):
    """`key` is an idempotency key: the same call again does nothing new and gives the same.

    ProviderError when it cannot be reached; SlotGone where said.
    """

    name: str

    async def openings(self, department: str, hospitals: Sequence[str], first: date, last: date) -> tuple[Opening, ...]:
        """Free times from the day `first` to `last` of the city, the earliest first; none that has begun."""

    async def hold(self, conversation_id: uuid.UUID, opening_id: str, key: str, until: datetime) -> Held:
        """SlotGone."""

    async def release(self, key: str) -> None:
        """Give a held place back; nothing when there is none."""

    async def book(self, held_id: str, patient: Patient, key: str) -> Taken:
        """Turn a hold into a booking. SlotGone when it has expired and the place is gone."""

    async def cancel(self, taken: Taken, key: str) -> None:
        """Give a booked place back."""
