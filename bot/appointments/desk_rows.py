"""What the hospital's side reads: lists without any patient in them, and whole appointments to be opened one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.appointments.patient import Patient
from bot.appointments.sealing import Vault
from bot.appointments.store import about_intake, about_patient
from bot.db.models import Appointment, Interpreter, InterpreterWish
from bot.errors import Code, RequestError
from bot.handoff.hours import CITY_TIME

MOST_DAYS = 31
MOST_ROWS = 5_000


@dataclass(frozen=True)
class Range:
    """Days of the city, both included."""

    first: date
    last: date

    def check(self) -> Range:
        """RequestError for an empty range and for one of more than 31 days."""
        if not 0 <= (self.last - self.first).days < MOST_DAYS:
            raise RequestError(Code.BAD_FIELD, f"first to last must be 1 to {MOST_DAYS} days")
        return self

    def instants(self) -> tuple[datetime, datetime]:
        """From the first instant to before the second."""
        return midnight(self.first), midnight(self.last + timedelta(days=1))


@dataclass(frozen=True)
class Scope:
    """Which appointments: one hospital's, of these days, of one department or of all."""

    hospital: str
    days: Range
    department: str | None = None


@dataclass(frozen=True)
class Opened:
    """An appointment with what is sealed in it; `row` is one of `whole`, `picked` what the intake card has."""

    row: Any
    patient: Patient
    picked: Mapping[str, Sequence[str]] | None

    @staticmethod
    def of(row: Any, vault: Vault) -> Opened:
        """VaultError when it was sealed with another key."""
        patient = Patient.from_json(vault.open(row.patient, about_patient(row.id)))
        picked = None if row.sealed_intake is None else vault.open(row.sealed_intake, about_intake(row.id))
        return Opened(row, patient, picked)


def midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, CITY_TIME)


def city_day(instant: datetime) -> date:
    return instant.astimezone(CITY_TIME).date()


def unknown() -> RequestError:
    return RequestError(Code.NOT_FOUND, "there is no such appointment", 404)


def wrong_state(why: str) -> RequestError:
    return RequestError(Code.WRONG_STATE, why, 409)


_LISTED: tuple[Any, ...] = (
    Appointment.id,
    Appointment.reference,
    Appointment.hospital,
    Appointment.campus,
    Appointment.department,
    Appointment.starts_at,
    Appointment.minutes,
    Appointment.state,
    Appointment.language,
    Appointment.demo,
    Appointment.intake.is_not(None).label("has_intake"),
    InterpreterWish.language.label("wish_language"),
    InterpreterWish.state.label("wish_state"),
    InterpreterWish.interpreter_id,
    Interpreter.name.label("interpreter"),
)


_CHANGED: tuple[Any, ...] = (
    Appointment.id,
    Appointment.conversation_id,
    Appointment.reference,
    Appointment.external,
    Appointment.seat_id,
    Appointment.hospital,
    Appointment.campus,
    Appointment.department,
    Appointment.starts_at,
    Appointment.minutes,
    Appointment.state,
    Appointment.language,
)


def listing(*more: Any) -> Select[Any]:
    """A row an appointment, with the wish for an interpreter; nothing of the patient."""
    return (
        select(*_LISTED, *more)
        .outerjoin(InterpreterWish, InterpreterWish.appointment_id == Appointment.id)
        .outerjoin(Interpreter, Interpreter.id == InterpreterWish.interpreter_id)
    )


def whole() -> Select[Any]:
    """As `listing`, with everything; patient and card are still sealed."""
    return listing(
        Appointment.fee_fen,
        Appointment.created_at,
        Appointment.ended_at,
        Appointment.patient,
        Appointment.intake.label("sealed_intake"),
    )


def to_change() -> Select[Any]:
    """What is needed to change an appointment and to tell its resident."""
    return select(*_CHANGED)


async def within(connection: AsyncConnection, statement: Select[Any], scope: Scope) -> list[Any]:
    """Of a statement over appointments, those of a scope, by time. RequestError when they are more than 5,000."""
    begin, end = scope.days.instants()
    wanted = statement.where(
        Appointment.hospital == scope.hospital, Appointment.starts_at >= begin, Appointment.starts_at < end
    )
    if scope.department is not None:
        wanted = wanted.where(Appointment.department == scope.department)
    ordered = wanted.order_by(Appointment.starts_at, Appointment.id).limit(MOST_ROWS + 1)
    found = list(await connection.execute(ordered))
    if len(found) > MOST_ROWS:
        raise RequestError(Code.BAD_FIELD, f"more than {MOST_ROWS} appointments: take fewer days")
    return found
