"""Who interprets at hospitals, and at which appointment."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.appointments.desk import Desk, News, NewsKind, locked
from bot.appointments.desk_rows import Scope, listing, within, wrong_state
from bot.appointments.store import State, WishState
from bot.db.engine import reading, transaction
from bot.db.models import Appointment, Interpreter, InterpreterWish
from bot.errors import Code, RequestError
from bot.handoff import audit
from bot.ids import new_id

# Nobody is at two appointments that begin within this time of each other: it covers the one and the way to the other.
_BETWEEN = timedelta(hours=1)
_ROSTER = (Interpreter.id, Interpreter.name, Interpreter.languages, Interpreter.active)


@dataclass(frozen=True)
class Interpreters:
    desk: Desk

    async def roster(self) -> list[Any]:
        """id, name, languages, active; by name."""
        async with reading(self.desk.database) as connection:
            return list(await connection.execute(select(*_ROSTER).order_by(Interpreter.name)))

    async def add(self, name: str, languages: Sequence[str], actor: str) -> uuid.UUID:
        """RequestError 409 for a name that is there already."""
        async with transaction(self.desk.database) as connection:
            same = await connection.execute(select(Interpreter.id).where(Interpreter.name == name))
            if same.one_or_none() is not None:
                raise wrong_state("there is an interpreter of this name already")
            made = new_id()
            row = {"id": made, "name": name, "languages": list(languages), "active": True}
            await connection.execute(insert(Interpreter).values(row))
            await self._record(connection, actor, "interpreter_added", made)
        return made

    async def set_active(self, interpreter_id: uuid.UUID, actor: str, *, active: bool) -> int:
        """How many coming appointments are without an interpreter now, and are wished for again. RequestError 404."""
        async with transaction(self.desk.database) as connection:
            row = await _interpreter(connection, interpreter_id)
            if row.active == active:
                return 0
            changed = update(Interpreter).where(Interpreter.id == row.id)
            await connection.execute(changed.values(active=active))
            await self._record(connection, actor, "interpreter_back" if active else "interpreter_gone", row.id)
            return 0 if active else await self._let_go(connection, row.id)

    async def _let_go(self, connection: AsyncConnection, interpreter_id: uuid.UUID) -> int:
        coming = select(Appointment.id).where(
            Appointment.state == State.BOOKED.value, Appointment.starts_at > self.desk.clock()
        )
        own = update(InterpreterWish).where(
            InterpreterWish.interpreter_id == interpreter_id, InterpreterWish.appointment_id.in_(coming)
        )
        free = own.values(interpreter_id=None, state=WishState.WISHED.value)
        return (await connection.execute(free)).rowcount

    async def wishes(self, scope: Scope, state: WishState | None = None) -> list[Any]:
        """Rows of `listing`: the booked appointments with a wish, by time."""
        wanted = listing().where(InterpreterWish.state.is_not(None), Appointment.state == State.BOOKED.value)
        if state is not None:
            wanted = wanted.where(InterpreterWish.state == state.value)
        async with reading(self.desk.database) as connection:
            return await within(connection, wanted, scope)

    async def assign(self, appointment_id: uuid.UUID, interpreter_id: uuid.UUID, actor: str) -> News | None:
        """The one who will come, also instead of another; None when it is so already. RequestError 404, 409."""
        async with transaction(self.desk.database) as connection:
            row, wished = await self._wished(connection, appointment_id)
            one = await _interpreter(connection, interpreter_id)
            if wished.interpreter_id == one.id:
                return None
            if not one.active or wished.language not in one.languages:
                raise wrong_state("this interpreter is not active or does not speak the language")
            await _check_free(connection, one.id, row)
            await _settle(connection, row.id, WishState.ASSIGNED, one.id)
            await self.desk.record(connection, actor, "interpreter_assigned", row.id, interpreter=one.id.hex)
            return await self._told(connection, NewsKind.INTERPRETER_ASSIGNED, row, interpreter=one.name)

    async def decline(self, appointment_id: uuid.UUID, actor: str) -> News | None:
        """Nobody can come; None when it is so already. RequestError 404, 409."""
        async with transaction(self.desk.database) as connection:
            row, wished = await self._wished(connection, appointment_id)
            if wished.state == WishState.DECLINED:
                return None
            await _settle(connection, row.id, WishState.DECLINED, None)
            await self.desk.record(connection, actor, "interpreter_declined", row.id)
            return await self._told(connection, NewsKind.INTERPRETER_DECLINED, row)

    async def _wished(self, connection: AsyncConnection, appointment_id: uuid.UUID) -> tuple[Any, Any]:
        row = await locked(connection, appointment_id)
        if row.state != State.BOOKED or row.starts_at <= self.desk.clock():
            raise wrong_state(f"the appointment is {row.state}, or has begun")
        columns = (InterpreterWish.language, InterpreterWish.state, InterpreterWish.interpreter_id)
        found = await connection.execute(select(*columns).where(InterpreterWish.appointment_id == row.id))
        wished = found.one_or_none()
        if wished is None:
            raise RequestError(Code.NOT_FOUND, "no interpreter is wished for at this appointment", 404)
        return row, wished

    async def _told(self, connection: AsyncConnection, kind: NewsKind, row: Any, **more: str) -> News:
        news = News.of(kind, row, **more)
        await self.desk.herald.write(connection, news)
        return news

    async def _record(self, connection: AsyncConnection, actor: str, action: str, interpreter_id: uuid.UUID) -> None:
        await audit.record(connection, actor, action, f"interpreter:{interpreter_id.hex}", self.desk.clock())


async def _interpreter(connection: AsyncConnection, interpreter_id: uuid.UUID) -> Any:
    """Locked, so that two clerks do not send one person to two places. RequestError 404."""
    wanted = select(*_ROSTER).where(Interpreter.id == interpreter_id).with_for_update()
    row = (await connection.execute(wanted)).one_or_none()
    if row is None:
        raise RequestError(Code.NOT_FOUND, "there is no such interpreter", 404)
    return row


async def _check_free(connection: AsyncConnection, interpreter_id: uuid.UUID, row: Any) -> None:
    begin, end = _busy(row)
    others = (
        select(Appointment.starts_at, Appointment.minutes)
        .join(InterpreterWish, InterpreterWish.appointment_id == Appointment.id)
        .where(
            InterpreterWish.interpreter_id == interpreter_id,
            Appointment.id != row.id,
            Appointment.state == State.BOOKED.value,
            Appointment.starts_at.between(begin - timedelta(days=1), end),
        )
    )
    for other in await connection.execute(others):
        starts, ends = _busy(other)
        if starts < end and begin < ends:
            raise wrong_state("this interpreter is at another appointment at that time")


def _busy(row: Any) -> tuple[datetime, datetime]:
    return row.starts_at, row.starts_at + max(timedelta(minutes=row.minutes), _BETWEEN)


async def _settle(
    connection: AsyncConnection, appointment_id: uuid.UUID, state: WishState, interpreter_id: uuid.UUID | None
) -> None:
    wish = update(InterpreterWish).where(InterpreterWish.appointment_id == appointment_id)
    await connection.execute(wish.values(state=state.value, interpreter_id=interpreter_id))
