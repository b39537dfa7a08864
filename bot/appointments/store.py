"""Appointments in the tables, sealed on the way in and opened on the way out."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Select, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.appointments.patient import Patient
from bot.appointments.provider import Held, Taken
from bot.appointments.rules import RuleBook
from bot.appointments.sealing import Vault
from bot.db.models import Appointment as Row
from bot.db.models import Conversation, Interpreter, InterpreterWish, Seat
from bot.errors import LinliError
from bot.ids import new_id

# Crockford's base 32: no I, L, O and U. Eight of them are 40 bits.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_REFERENCE_PREFIX = "LB"
_MEDICAL = "medical"
_AT_ONCE = 500


class State(StrEnum):
    BOOKED = "booked"
    CANCELLED = "cancelled"
    ARRIVED = "arrived"
    NO_SHOW = "no_show"


class WishState(StrEnum):
    WISHED = "wished"
    ASSIGNED = "assigned"
    DECLINED = "declined"


class TooLate(LinliError):  # noqa: N818 - says why it cannot be done
    """Past the hospital's deadline for changing or cancelling, or not in a state for it."""


Picked = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Appointment:
    """`interpreter`: the language, how far it is, and who comes. `intake`: entries picked by list, None when empty."""

    id: uuid.UUID
    reference: str
    conversation_id: uuid.UUID
    provider: str
    taken: Taken
    hospital: str
    campus: str
    department: str
    starts_at: datetime
    minutes: int
    fee_fen: int | None
    demo: bool
    state: State
    language: str
    patient: Patient = field(repr=False)
    intake: Picked | None = field(repr=False)
    interpreter: tuple[str, WishState, str | None] | None
    link_number: int
    changeable_until: datetime


def new_reference() -> str:
    """LB-XXXX-XXXX."""
    letters = "".join(secrets.choice(_ALPHABET) for _ in range(8))
    return f"{_REFERENCE_PREFIX}-{letters[:4]}-{letters[4:]}"


def about_patient(appointment_id: uuid.UUID) -> str:
    return f"appointment:{appointment_id.hex}:patient"


def about_intake(appointment_id: uuid.UUID) -> str:
    return f"appointment:{appointment_id.hex}:intake"


def about_draft(conversation_id: uuid.UUID) -> str:
    return f"draft:{conversation_id.hex}"


def appointments() -> Select[Any]:
    """Every appointment's row; `opened` reads one."""
    return (
        select(
            *Row.__table__.columns,
            InterpreterWish.language.label("wish_language"),
            InterpreterWish.state.label("wish_state"),
            Interpreter.name.label("interpreter_name"),
        )
        .outerjoin(InterpreterWish, InterpreterWish.appointment_id == Row.id)
        .outerjoin(Interpreter, Interpreter.id == InterpreterWish.interpreter_id)
    )


def opened(row: Any, vault: Vault, rules: RuleBook) -> Appointment:
    """VaultError when none of the keys is the one it was sealed with."""
    return Appointment(
        id=row.id,
        reference=row.reference,
        conversation_id=row.conversation_id,
        provider=row.provider,
        taken=Taken(row.external, row.seat_id),
        hospital=row.hospital,
        campus=row.campus,
        department=row.department,
        starts_at=row.starts_at,
        minutes=row.minutes,
        fee_fen=row.fee_fen,
        demo=row.demo,
        state=State(row.state),
        language=row.language,
        patient=Patient.from_json(vault.open(row.patient, about_patient(row.id))),
        intake=_picked(row, vault),
        interpreter=_interpreter(row),
        link_number=row.link_number,
        changeable_until=rules.of(row.hospital).changeable_until(row.starts_at),
    )


def _picked(row: Any, vault: Vault) -> Picked | None:
    if row.intake is None:
        return None
    return {topic: tuple(entries) for topic, entries in vault.open(row.intake, about_intake(row.id)).items()}


def _interpreter(row: Any) -> tuple[str, WishState, str | None] | None:
    if row.wish_language is None:
        return None
    return row.wish_language, WishState(row.wish_state), row.interpreter_name


async def by_key(connection: AsyncConnection, key: str) -> Any:
    return (await connection.execute(appointments().where(Row.key == key))).one_or_none()


async def by_id(connection: AsyncConnection, appointment_id: uuid.UUID) -> Any:
    return (await connection.execute(appointments().where(Row.id == appointment_id))).one_or_none()


async def locked(connection: AsyncConnection, appointment_id: uuid.UUID) -> Any:
    """The bare row, which nobody else changes until the caller's transaction ends."""
    found = await connection.execute(select(Row).where(Row.id == appointment_id).with_for_update())
    return found.one_or_none()


@dataclass(frozen=True)
class Entry:
    """What a new appointment is made of."""

    conversation_id: uuid.UUID
    key: str
    provider: str
    held: Held
    taken: Taken
    patient: Patient
    language: str
    at: datetime


async def add(connection: AsyncConnection, entry: Entry, vault: Vault) -> uuid.UUID:
    """The id of a new row, with the wish for an interpreter; its conversation is a medical one from now on."""
    appointment_id = new_id()
    row = {
        "id": appointment_id,
        "reference": new_reference(),
        "key": entry.key,
        "conversation_id": entry.conversation_id,
        **place(entry.provider, entry.held, entry.taken),
        "state": State.BOOKED,
        "language": entry.language,
        "patient": vault.seal(entry.patient.to_json(), about_patient(appointment_id)),
        "intake": None,
        "link_number": 1,
        "tries": 0,
        "created_at": entry.at,
    }
    await connection.execute(insert(Row).values(row))
    if entry.patient.interpreter is not None:
        wish = {"appointment_id": appointment_id, "language": entry.patient.interpreter, "state": WishState.WISHED}
        await connection.execute(insert(InterpreterWish).values(wish))
    await mark_medical(connection, entry.conversation_id)
    return appointment_id


def place(provider: str, held: Held, taken: Taken) -> dict[str, Any]:
    """The columns that say where and when."""
    opening = held.opening
    return {
        "provider": provider,
        "external": taken.external,
        "seat_id": taken.seat_id,
        "hospital": opening.hospital,
        "campus": opening.campus,
        "department": opening.department,
        "starts_at": opening.starts_at,
        "minutes": opening.minutes,
        "fee_fen": opening.fee_fen,
        "demo": opening.demo,
    }


async def mark_medical(connection: AsyncConnection, conversation_id: uuid.UUID) -> None:
    """No class of retention is more careful, so it need not be compared with the present one."""
    statement = update(Conversation).where(Conversation.id == conversation_id)
    await connection.execute(statement.values(retention=_MEDICAL))


async def put_elsewhere(connection: AsyncConnection, appointment_id: uuid.UUID, values: Mapping[str, Any]) -> None:
    """Another place and time; who was to interpret is asked again, and the resident reminded again."""
    await connection.execute(update(Row).where(Row.id == appointment_id).values(**values, reminded_at=None))
    wish = update(InterpreterWish).where(InterpreterWish.appointment_id == appointment_id)
    await connection.execute(wish.values(state=WishState.WISHED, interpreter_id=None))


async def end(connection: AsyncConnection, appointment_id: uuid.UUID, state: State, now: datetime) -> None:
    await connection.execute(update(Row).where(Row.id == appointment_id).values(state=state, ended_at=now))


async def purge(connection: AsyncConnection, hospital: str, before: datetime) -> int:
    """Delete a hospital's appointments that began before then, with all that hangs on them; how many."""
    old = (Row.hospital == hospital, Row.starts_at < before)
    ids = list((await connection.execute(select(Row.id).where(*old).limit(_AT_ONCE))).scalars())
    if not ids:
        return 0
    await connection.execute(delete(InterpreterWish).where(InterpreterWish.appointment_id.in_(ids)))
    gone = await connection.execute(delete(Row).where(Row.id.in_(ids)).returning(Row.seat_id))
    seats = [seat_id for seat_id in gone.scalars() if seat_id is not None]
    await connection.execute(delete(Seat).where(Seat.id.in_(seats)))
    return len(ids)
