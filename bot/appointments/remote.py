"""A hospital's own system, asked over HTTP as docs/hospital-interface.md says."""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, TypeVar

from bot.appointments.patient import Patient
from bot.appointments.provider import Held, Opening, ProviderError, SlotGone, Taken
from bot.appointments.remote_shapes import (
    Place,
    Unreadable,
    check_done,
    read_opening,
    read_openings,
    read_reference,
    read_time,
)
from bot.appointments.remote_wire import Call, Json, Refusal, Refused, Wire
from bot.circuit import Circuit
from bot.handoff.hours import CITY_TIME

_Read = TypeVar("_Read")
# A hospital that is down must not make everybody who asks for times wait for it: after three failures it is left out
# for half a minute. What belongs to a booking is always tried.
_FAILURES, _PAUSE_SECONDS = 3, 30.0


def _new_circuit() -> Circuit:
    return Circuit(_FAILURES, _PAUSE_SECONDS)


@dataclass
class RemoteProvider:
    """Bookings at one hospital. `signs`: what the departments' signs say, by our key.

    What the hospital is told of whom: nothing before `book`, and then the patient. A conversation's id authorises
    reading it, so neither it nor a key that may hold it goes out.
    """

    wire: Wire
    place: Place
    signs: Mapping[str, str]
    name: str = field(default="http", init=False)
    ticks: Callable[[], float] = time.monotonic
    circuit: Circuit = field(default_factory=_new_circuit)

    async def openings(self, department: str, hospitals: Sequence[str], first: date, last: date) -> tuple[Opening, ...]:
        """ProviderError, at once while the hospital is left alone."""
        if self.place.hospital not in hospitals:
            return ()
        if department not in self.signs:
            raise ProviderError(f"{self.place.hospital}: no department {department}")
        found = await self._guarded(department, first, last)
        now = self.wire.clock()
        return tuple(
            sorted(
                (one for one in found if one.free and one.starts_at > now and first <= _day(one) <= last),
                key=lambda opening: (opening.starts_at, opening.id),
            )
        )

    async def hold(self, conversation_id: uuid.UUID, opening_id: str, key: str, until: datetime) -> Held:
        """SlotGone, ProviderError. The hospital may keep it for a shorter time, never for a longer one."""
        sent = self._sent(key)
        answer = await self._asked(Call.HOLD, {"key": sent, "opening": opening_id, "until": _written(until)})
        opening = self._read(Call.HOLD, lambda: read_opening("opening", answer.get("opening"), self.place))
        kept = min(until, self._read(Call.HOLD, lambda: read_time("until", answer.get("until"))))
        if opening.id != opening_id:
            raise self.wire.fail(Call.HOLD, "opening.id: must be the one that was asked for")
        now = self.wire.clock()
        if kept <= now:
            raise self.wire.fail(Call.HOLD, "until: must not be over")
        if opening.starts_at <= now:
            raise SlotGone(f"{self.place.hospital}: hold: this time has begun")
        return Held(sent, opening, min(kept, opening.starts_at))

    async def release(self, key: str) -> None:
        """ProviderError."""
        answer = await self._asked(Call.RELEASE, {"key": self._sent(key)})
        self._read(Call.RELEASE, lambda: check_done("released", answer))

    async def book(self, held_id: str, patient: Patient, key: str) -> Taken:
        """SlotGone, ProviderError. After a ProviderError the place may be booked: the same call again finds out."""
        body = {"key": self._sent(key), "hold": held_id, "patient": patient.to_json()}
        answer = await self._asked(Call.BOOK, body)
        return Taken(self._read(Call.BOOK, lambda: read_reference(answer)), None)

    async def cancel(self, taken: Taken, key: str) -> None:
        """ProviderError. Nothing when the hospital says that it has no such booking."""
        if taken.external is None:
            raise ProviderError(f"{self.place.hospital}: cancel: the booking has no reference of the hospital's")
        try:
            answer = await self.wire.ask(Call.CANCEL, {"key": self._sent(key), "reference": taken.external})
        except Refused as refused:
            if refused.code is not Refusal.UNKNOWN_BOOKING:
                raise self.wire.fail(Call.CANCEL, refused.code.value) from None
        else:
            self._read(Call.CANCEL, lambda: check_done("cancelled", answer))

    async def _guarded(self, department: str, first: date, last: date) -> tuple[Opening, ...]:
        if not self.circuit.allows(self.ticks()):
            raise ProviderError(f"{self.place.hospital}: openings: left alone after failures")
        try:
            found = await self._asked_openings(department, first, last)
        except ProviderError:
            self.circuit.failed(self.ticks())
            raise
        except BaseException:
            self.circuit.given_up()
            raise
        self.circuit.succeeded()
        return found

    async def _asked_openings(self, department: str, first: date, last: date) -> tuple[Opening, ...]:
        named = {"key": department, "sign_zh": self.signs[department]}
        days = {"first": first.isoformat(), "last": last.isoformat()}
        answer = await self._asked(Call.OPENINGS, {"department": named, **days})
        found = self._read(Call.OPENINGS, lambda: read_openings(answer, self.place))
        if any(opening.department != department for opening in found):
            raise self.wire.fail(Call.OPENINGS, "openings: of another department")
        return found

    async def _asked(self, call: Call, body: Mapping[str, Any]) -> Json:
        try:
            return await self.wire.ask(call, body)
        except Refused as refused:
            if refused.code is Refusal.GONE and call in (Call.HOLD, Call.BOOK):
                raise SlotGone(f"{self.place.hospital}: {call.value}: the place is gone") from None
            raise self.wire.fail(call, refused.code.value) from None

    def _read(self, call: Call, reader: Callable[[], _Read]) -> _Read:
        try:
            return reader()
        except Unreadable as fault:
            raise self.wire.fail(call, str(fault)) from None

    def _sent(self, key: str) -> str:
        """Our key as the hospital knows it: always the same for the same, and nothing can be read from it."""
        return hashlib.blake2b(
            f"{self.place.hospital}\0{key}".encode("utf-8", "surrogatepass"), digest_size=16
        ).hexdigest()


def _day(opening: Opening) -> date:
    return opening.starts_at.astimezone(CITY_TIME).date()


def _written(moment: datetime) -> str:
    return moment.astimezone(CITY_TIME).isoformat(timespec="seconds")
