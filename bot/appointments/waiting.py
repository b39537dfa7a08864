"""The waiting list: who waits for a time to come free, in order, and what is kept for whom until when.

Each function in the caller's transaction. A place that comes free is kept for the next in the same transaction, so
that nobody takes it in between; the resident is told by the sweeper (`Bookings.offers_to_make`).
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, exists, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.appointments import seats, store
from bot.appointments.catalogue import Catalogue, HospitalKind, Patients
from bot.appointments.local import LocalProvider
from bot.appointments.provider import Held, Opening, SlotGone
from bot.appointments.readings import Part
from bot.appointments.rules import RuleBook
from bot.db.models import Conversation, Seat, Slot, WaitingEntry
from bot.handoff.hours import CITY_TIME
from bot.ids import new_id

# In the column of the hospital: whichever.
ANY = ""
_MOST_ENTRIES = 200


class WaitState(StrEnum):
    """`kept`: a place is kept and the resident not told yet."""

    WAITING = "waiting"
    KEPT = "kept"
    OFFERED = "offered"
    TAKEN = "taken"
    LAPSED = "lapsed"


_OPEN = (WaitState.WAITING, WaitState.KEPT, WaitState.OFFERED)


@dataclass(frozen=True)
class Wish:
    """What somebody waits for; None is whichever. Both days are included."""

    department: str
    hospital: str | None
    first: date
    last: date
    part: Part | None


@dataclass(frozen=True)
class Waiting:
    """`position` is 1 for the next. `offered_until` while a place is kept for it."""

    id: uuid.UUID
    conversation_id: uuid.UUID
    language: str
    wish: Wish
    position: int
    offered_until: datetime | None


@dataclass(frozen=True)
class Offer:
    """A place that is kept for somebody who waited, or one that they let go by (`lapsed`): then without `held`."""

    entry_id: uuid.UUID
    conversation_id: uuid.UUID
    language: str
    wish: Wish
    held: Held | None
    until: datetime
    lapsed: bool


def serves_everybody(catalogue: Catalogue, hospital: str, department: str) -> bool:
    """Whether a hospital is meant by whoever names none: a children's one only for what children alone have."""
    known = catalogue.hospitals.get(hospital)
    if known is None or known.kind is not HospitalKind.CHILDREN:
        return True
    return catalogue.departments[department].only is Patients.CHILDREN


async def join(
    connection: AsyncConnection, conversation_id: uuid.UUID, wish: Wish, language: str, now: datetime
) -> int:
    """The position in the list; the same wish again is the same entry."""
    # Two of the same wish at once would both find nothing.
    locking = select(Conversation.id).where(Conversation.id == conversation_id).with_for_update()
    await connection.execute(locking)
    row = {
        "hospital": wish.hospital or ANY,
        "department": wish.department,
        "first_day": wish.first,
        "last_day": wish.last,
        "part": wish.part,
    }
    same = [WaitingEntry.__table__.c[name] == value for name, value in row.items()]
    statement = select(WaitingEntry).where(
        WaitingEntry.conversation_id == conversation_id, WaitingEntry.state.in_(_OPEN), *same
    )
    entry = (await connection.execute(statement)).one_or_none()
    if entry is not None:
        return await _position(connection, entry)
    entry_id = new_id()
    state = {"language": language, "state": WaitState.WAITING, "created_at": now}
    row |= {"id": entry_id, "conversation_id": conversation_id, **state}
    await connection.execute(insert(WaitingEntry).values(row))
    await store.mark_medical(connection, conversation_id)
    return await _position(connection, (await connection.execute(_entry(entry_id))).one())


def _entry(entry_id: uuid.UUID) -> Select[Any]:
    return select(WaitingEntry).where(WaitingEntry.id == entry_id)


async def _position(connection: AsyncConnection, entry: Any) -> int:
    """Behind those who came earlier and could take the same place."""
    hospitals = [] if entry.hospital == ANY else [WaitingEntry.hospital.in_((entry.hospital, ANY))]
    earlier = or_(
        WaitingEntry.created_at < entry.created_at,
        (WaitingEntry.created_at == entry.created_at) & (WaitingEntry.id < entry.id),
    )
    counted = select(func.count()).where(
        WaitingEntry.state.in_(_OPEN),
        WaitingEntry.department == entry.department,
        *hospitals,
        WaitingEntry.first_day <= entry.last_day,
        WaitingEntry.last_day >= entry.first_day,
        earlier,
    )
    return int((await connection.execute(counted)).scalar_one()) + 1


async def of_conversation(connection: AsyncConnection, conversation_id: uuid.UUID) -> tuple[Waiting, ...]:
    mine = (WaitingEntry.conversation_id == conversation_id, WaitingEntry.state.in_(_OPEN))
    entries = list(await connection.execute(select(WaitingEntry).where(*mine).order_by(*_ORDER)))
    return tuple([_read(entry, await _position(connection, entry)) for entry in entries])


_ORDER = (WaitingEntry.created_at, WaitingEntry.id)


def _read(entry: Any, position: int) -> Waiting:
    return Waiting(entry.id, entry.conversation_id, entry.language, wish_of(entry), position, entry.offer_until)


def wish_of(entry: Any) -> Wish:
    part = Part(entry.part) if entry.part else None
    return Wish(entry.department, entry.hospital or None, entry.first_day, entry.last_day, part)


@dataclass
class WaitingList:
    """What the list needs to keep places and to describe them."""

    local: LocalProvider
    catalogue: Catalogue
    rules: RuleBook

    async def pass_on(self, connection: AsyncConnection, slot_id: uuid.UUID, now: datetime) -> None:
        """Keep a place of this slot for the next who waits for one like it."""
        opening = await self.local.described(connection, slot_id, now)
        if opening.starts_at <= self.rules.of(opening.hospital).offered_until(now):
            return
        found = await connection.execute(self._for(opening).limit(1).with_for_update(skip_locked=True))
        if (entry := found.one_or_none()) is not None:
            await self.keep(connection, entry, slot_id, now)

    def _for(self, opening: Opening) -> Select[Any]:
        day = opening.starts_at.astimezone(CITY_TIME).date()
        hospitals = [opening.hospital]
        if serves_everybody(self.catalogue, opening.hospital, opening.department):
            hospitals.append(ANY)
        return (
            select(WaitingEntry)
            .where(
                WaitingEntry.state == WaitState.WAITING,
                WaitingEntry.department == opening.department,
                WaitingEntry.hospital.in_(hospitals),
                WaitingEntry.first_day <= day,
                WaitingEntry.last_day >= day,
                or_(WaitingEntry.part.is_(None), WaitingEntry.part == opening.part),
            )
            .order_by(*_ORDER)
        )

    async def keep(self, connection: AsyncConnection, entry: Any, slot_id: uuid.UUID, now: datetime) -> bool:
        """Keep a place of the slot for an entry that waits; False when there is none left."""
        # First the entry: who is offered two places at once would lose one of them to nobody.
        mine = update(WaitingEntry).where(WaitingEntry.id == entry.id, WaitingEntry.state == WaitState.WAITING)
        if not (await connection.execute(mine.values(state=WaitState.KEPT))).rowcount:
            return False
        until = self.rules.default.offered_until(now)
        key = f"{seats.OFFER_PREFIX}{entry.id.hex}"
        try:
            held = await self.local.held(connection, slot_id, entry.conversation_id, key, until, now)
        except SlotGone:
            await _set(connection, entry.id, state=WaitState.WAITING)
            return False
        await _set(connection, entry.id, seat_id=uuid.UUID(hex=held.id), offer_until=held.until)
        return True

    async def lapse(self, connection: AsyncConnection, now: datetime) -> list[Offer]:
        """End the offers whose time is over; what was kept goes to the next.

        Not while the place is still held: then somebody is filling in the form for it.
        """
        filling_in = exists().where(Seat.id == WaitingEntry.seat_id, Seat.until > now)
        over = update(WaitingEntry).where(
            WaitingEntry.state == WaitState.OFFERED, WaitingEntry.offer_until <= now, ~filling_in
        )
        entries = list(await connection.execute(over.values(state=WaitState.LAPSED).returning(*_COLUMNS)))
        for entry in entries:
            if entry.seat_id is not None:
                await self.give_back(connection, entry.seat_id, now)
        return [_offer(entry, None, lapsed=True) for entry in entries]

    async def give_back(self, connection: AsyncConnection, seat_id: uuid.UUID, now: datetime) -> None:
        """A held seat is free again, for the next who waits first."""
        found = await connection.execute(select(Seat.slot_id).where(Seat.id == seat_id, Seat.until.is_not(None)))
        slot_id = found.scalar_one_or_none()
        await seats.drop(connection, seat_id)
        if slot_id is not None:
            await self.pass_on(connection, slot_id, now)

    async def announce(self, connection: AsyncConnection, now: datetime) -> list[Offer]:
        """The places kept since the last time, from now on offered. The time to answer begins now."""
        kept = select(WaitingEntry).where(WaitingEntry.state == WaitState.KEPT).order_by(*_ORDER)
        entries = list(await connection.execute(kept.limit(_MOST_ENTRIES).with_for_update(skip_locked=True)))
        offers = [await self._announced(connection, entry, now) for entry in entries]
        return [offer for offer in offers if offer is not None]

    async def _announced(self, connection: AsyncConnection, entry: Any, now: datetime) -> Offer | None:
        found = await connection.execute(
            select(Seat.slot_id, Slot.starts_at)
            .join(Slot, Slot.id == Seat.slot_id)
            .where(Seat.id == entry.seat_id, Slot.starts_at > now)
        )
        seat = found.one_or_none()
        if seat is None:  # nobody told of it in time, and somebody else has it by now
            await _set(connection, entry.id, state=WaitState.WAITING, seat_id=None, offer_until=None)
            return None
        opening = await self.local.described(connection, seat.slot_id, now)
        until = min(self.rules.of(opening.hospital).offered_until(now), seat.starts_at)
        await connection.execute(update(Seat).where(Seat.id == entry.seat_id).values(until=until))
        await _set(connection, entry.id, state=WaitState.OFFERED, offer_until=until)
        return _offer(entry, Held(entry.seat_id.hex, opening, until), lapsed=False, until=until)

    async def leave(self, connection: AsyncConnection, conversation_id: uuid.UUID, now: datetime) -> None:
        """Out of the list with all wishes; what was kept goes to the next."""
        mine = (WaitingEntry.conversation_id == conversation_id, WaitingEntry.state.in_(_OPEN))
        gone = await connection.execute(delete(WaitingEntry).where(*mine).returning(WaitingEntry.seat_id))
        for seat_id in [seat_id for seat_id in gone.scalars() if seat_id is not None]:
            await self.give_back(connection, seat_id, now)


_COLUMNS = tuple(WaitingEntry.__table__.columns)


def _offer(entry: Any, held: Held | None, *, lapsed: bool, until: datetime | None = None) -> Offer:
    return Offer(
        entry.id, entry.conversation_id, entry.language, wish_of(entry), held, until or entry.offer_until, lapsed
    )


async def _set(connection: AsyncConnection, entry_id: uuid.UUID, **values: Any) -> None:
    await connection.execute(update(WaitingEntry).where(WaitingEntry.id == entry_id).values(**values))


async def waiting(connection: AsyncConnection, today: date) -> list[Any]:
    """Who waits for a day that has not passed, the earliest first."""
    statement = select(WaitingEntry).where(WaitingEntry.state == WaitState.WAITING, WaitingEntry.last_day >= today)
    return list(await connection.execute(statement.order_by(*_ORDER).limit(_MOST_ENTRIES)))


async def taken(connection: AsyncConnection, conversation_id: uuid.UUID, held: Held) -> list[uuid.UUID]:
    """Whoever booked a place like the one they waited for waits no longer; seats that were kept and are not needed."""
    opening = held.opening
    day = opening.starts_at.astimezone(CITY_TIME).date()
    like = (
        WaitingEntry.department == opening.department,
        WaitingEntry.hospital.in_((opening.hospital, ANY)),
        WaitingEntry.first_day <= day,
        WaitingEntry.last_day >= day,
    )
    mine: list[ColumnElement[bool]] = [
        WaitingEntry.conversation_id == conversation_id,
        WaitingEntry.state.in_(_OPEN),
    ]
    entries = list(await connection.execute(select(WaitingEntry.id, WaitingEntry.seat_id).where(*mine, *like)))
    if entries:
        ids = [entry.id for entry in entries]
        ended = update(WaitingEntry).where(WaitingEntry.id.in_(ids))
        await connection.execute(ended.values(state=WaitState.TAKEN, seat_id=None))
    return [entry.seat_id for entry in entries if entry.seat_id is not None and entry.seat_id.hex != held.id]


async def purge(connection: AsyncConnection, today: date) -> int:
    """Delete the wishes whose days have passed."""
    return (await connection.execute(delete(WaitingEntry).where(WaitingEntry.last_day < today))).rowcount


def matches(wish: Wish, opening: Opening, catalogue: Catalogue) -> bool:
    day = opening.starts_at.astimezone(CITY_TIME).date()
    named = wish.hospital == opening.hospital
    anywhere = wish.hospital is None and serves_everybody(catalogue, opening.hospital, opening.department)
    part = wish.part is None or wish.part is opening.part
    return (named or anywhere) and part and wish.department == opening.department and wish.first <= day <= wish.last
