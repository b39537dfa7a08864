"""Seats in the tables; each function in the caller's transaction.

Two patients in one place are forbidden by the table's own constraint on (slot, number). On PostgreSQL who wants a place
also waits at the slot's row, so that the constraint has seldom to say no; where it does, `retried` looks again.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import delete, func, insert, or_, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.appointments.provider import SlotGone
from bot.db.engine import transaction
from bot.db.models import Appointment, ClinicSession, Seat, Slot, WaitingEntry
from bot.errors import StorageError
from bot.ids import new_id

T = TypeVar("T")
# A seat that is kept for whoever waited has such a key, until they take it.
OFFER_PREFIX = "offer-"
_TRIES = 8
# PostgreSQL: deadlock detected, could not serialise.
_AGAIN = frozenset({"40P01", "40001"})
# Between taking a hold and the row of its appointment lie milliseconds; the hold must not expire in them.
_BOOKING = timedelta(minutes=2)


class SessionState(StrEnum):
    """Of a clinic session: `closed` by somebody, `off` because the schedule no longer has it."""

    OPEN = "open"
    CLOSED = "closed"
    OFF = "off"


async def retried(database: AsyncEngine, act: Callable[[AsyncConnection], Awaitable[T]]) -> T:
    """`act` in a transaction of its own, from the start again when another was faster. StorageError."""
    for left in reversed(range(_TRIES)):
        try:
            async with transaction(database) as connection:
                return await act(connection)
        except StorageError as error:
            if not left or not _other_was_faster(error.__cause__):
                raise
    raise AssertionError("unreachable")


def _other_was_faster(cause: BaseException | None) -> bool:
    if isinstance(cause, IntegrityError):
        return True
    return isinstance(cause, DBAPIError) and getattr(cause.orig, "sqlstate", None) in _AGAIN


def live(now: datetime) -> Any:
    """The seats that nobody else can have: booked, or held and not expired."""
    return or_(Seat.until.is_(None), Seat.until > now)


async def check_open(connection: AsyncConnection, slot_id: uuid.UUID, now: datetime) -> Any:
    """The slot's capacity, start, day and demo mark; locked on PostgreSQL. SlotGone when nobody can have it."""
    statement = (
        select(Slot.capacity, Slot.starts_at, ClinicSession.day, ClinicSession.demo)
        .join(ClinicSession, ClinicSession.id == Slot.session_id)
        .where(Slot.id == slot_id, ClinicSession.state == SessionState.OPEN, Slot.starts_at > now)
        # Not the stronger lock: rows that only point to the slot need not wait.
        .with_for_update(key_share=True, of=Slot)
    )
    found = (await connection.execute(statement)).one_or_none()
    if found is None:
        raise SlotGone("this time cannot be booked")
    return found


@dataclass(frozen=True)
class Claim:
    """Who wants a place: `key` is the holder's own mark."""

    conversation_id: uuid.UUID
    key: str
    until: datetime


async def hold(
    connection: AsyncConnection, slot_id: uuid.UUID, capacity: int, claim: Claim, now: datetime
) -> tuple[uuid.UUID, datetime]:
    """A seat of a slot that `check_open` has locked, and until when it is held. SlotGone when there is none.

    What the key held before is prolonged when it is in this slot, and released when it is in another.
    """
    own = (await connection.execute(select(Seat).where(Seat.key == claim.key))).one_or_none()
    if own is not None and own.conversation_id != claim.conversation_id:
        raise SlotGone("this key is another conversation's")
    if own is not None and own.slot_id == slot_id:
        return await _prolonged(connection, own, claim)
    if own is not None and own.until is None:
        raise SlotGone("what was chosen first is booked already")
    if own is not None:
        await drop(connection, own.id)
    return await _placed(connection, slot_id, capacity, claim, now)


async def _placed(
    connection: AsyncConnection, slot_id: uuid.UUID, capacity: int, claim: Claim, now: datetime
) -> tuple[uuid.UUID, datetime]:
    seats = list(await connection.execute(select(Seat).where(Seat.slot_id == slot_id)))
    kept = {seat.number for seat in seats if seat.until is None or seat.until > now}
    for seat in seats:
        if seat.number in kept and _is_offered(seat, claim):
            return await _prolonged(connection, seat, claim)
        if seat.number not in kept:
            await drop(connection, seat.id)
    number = next((number for number in range(1, capacity + 1) if number not in kept), None)
    if number is None:
        raise SlotGone("this time has no place left")
    row = {"id": new_id(), "slot_id": slot_id, "number": number, **asdict(claim)}
    await connection.execute(insert(Seat).values(row))
    return row["id"], claim.until


def _is_offered(seat: Any, claim: Claim) -> bool:
    """Kept for this conversation by the waiting list: whoever books like anybody else gets that one, not a second."""
    mine: bool = seat.conversation_id == claim.conversation_id and seat.key.startswith(OFFER_PREFIX)
    return mine and seat.until is not None and not claim.key.startswith(OFFER_PREFIX)


async def _prolonged(connection: AsyncConnection, seat: Any, claim: Claim) -> tuple[uuid.UUID, datetime]:
    """Held at least until then: what the waiting list keeps for longer is not cut short. A booked one stays booked."""
    until = claim.until if seat.until is None else max(seat.until, claim.until)
    changed = update(Seat).where(Seat.id == seat.id, Seat.until.is_not(None))
    await connection.execute(changed.values(key=claim.key, until=until))
    return seat.id, until


async def keep(connection: AsyncConnection, seat_id: uuid.UUID, now: datetime) -> bool:
    """Keep a seat while it is being booked; also one whose hold has expired and that nobody has taken. Booked is too.

    False when it is gone.
    """
    found = await connection.execute(select(Seat.slot_id, Seat.until).where(Seat.id == seat_id))
    seat = found.one_or_none()
    if seat is None or seat.until is None:
        return seat is not None
    await check_open(connection, seat.slot_id, now)
    later = max(seat.until, now + _BOOKING)
    changed = update(Seat).where(Seat.id == seat_id, Seat.until.is_not(None)).values(until=later)
    return bool((await connection.execute(changed)).rowcount)


async def book(connection: AsyncConnection, seat_id: uuid.UUID, conversation_id: uuid.UUID) -> bool:
    """A held seat for good, in the transaction that writes its appointment. False when it is not held."""
    held = update(Seat).where(Seat.id == seat_id, Seat.conversation_id == conversation_id, Seat.until.is_not(None))
    return bool((await connection.execute(held.values(until=None))).rowcount)


async def drop(connection: AsyncConnection, seat_id: uuid.UUID) -> None:
    """Give a held seat back."""
    await _let_go(connection, seat_id)
    await connection.execute(delete(Seat).where(Seat.id == seat_id, Seat.until.is_not(None)))


async def free(connection: AsyncConnection, seat_id: uuid.UUID) -> uuid.UUID | None:
    """Give a booked seat back; its slot."""
    await _let_go(connection, seat_id)
    await connection.execute(update(Appointment).where(Appointment.seat_id == seat_id).values(seat_id=None))
    gone = await connection.execute(delete(Seat).where(Seat.id == seat_id).returning(Seat.slot_id))
    return gone.scalar_one_or_none()


async def _let_go(connection: AsyncConnection, seat_id: uuid.UUID) -> None:
    await connection.execute(update(WaitingEntry).where(WaitingEntry.seat_id == seat_id).values(seat_id=None))


async def purge_expired(connection: AsyncConnection, now: datetime) -> int:
    """Delete holds that have expired; those of the waiting list end with their offers."""
    offered = select(WaitingEntry.seat_id).where(WaitingEntry.seat_id.is_not(None))
    expired = delete(Seat).where(Seat.until <= now, Seat.id.not_in(offered))
    return (await connection.execute(expired)).rowcount


def taken(now: datetime) -> Any:
    """How many places of a slot are taken, as a column of a query on slots."""
    counted = select(func.count(Seat.id)).where(Seat.slot_id == Slot.id, live(now))
    return counted.correlate(Slot).scalar_subquery()
