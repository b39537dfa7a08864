"""Tries at a date of birth are counted in the database, so that no two servers and no two requests share one."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.appointments import guesses
from bot.conversations import store
from bot.db.engine import make_engine, transaction
from bot.db.migrate import migrate
from bot.db.models import Appointment
from bot.ids import new_id
from bot.settings import load_settings

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = make_engine(load_settings({}, database_url=database_url).database_url)
    await migrate(engine)
    yield engine
    await engine.dispose()


@pytest.fixture
async def one(database: AsyncEngine) -> uuid.UUID:
    return await appointment(database)


async def appointment(database: AsyncEngine) -> uuid.UUID:
    thread, made = await store.open_conversation(database, "web", None, "en", NOW), new_id()
    row = {"id": made, "reference": made.hex[-12:], "key": made.hex, "conversation_id": thread.id, "provider": "local"}
    row |= {"hospital": "h", "campus": "main", "department": "d", "starts_at": NOW, "minutes": 30, "demo": True}
    row |= {"state": "booked", "language": "en", "patient": b"", "link_number": 1, "tries": 0, "created_at": NOW}
    async with transaction(database) as connection:
        await connection.execute(insert(Appointment).values(row))
    return made


async def test_five_an_hour_and_not_one_more_at_once(database: AsyncEngine, one: uuid.UUID) -> None:
    found = await asyncio.gather(*(guesses.begin(database, one, NOW) for _ in range(9)))
    assert sorted(found, key=str) == [3600] * 4 + [None] * 5
    assert await guesses.begin(database, one, NOW + timedelta(minutes=59, seconds=59)) == 1
    assert await guesses.begin(database, one, NOW + timedelta(hours=1)) is None


async def test_a_locked_one_is_not_locked_longer_by_trying_on(database: AsyncEngine, one: uuid.UUID) -> None:
    for minute in range(5):
        assert await guesses.begin(database, one, NOW + timedelta(minutes=minute)) is None
    for minute in (10, 30, 60):
        assert await guesses.begin(database, one, NOW + timedelta(minutes=minute)) == (64 - minute) * 60
    assert await guesses.begin(database, one, NOW + timedelta(minutes=64)) is None


async def test_the_right_one_forgets_and_every_appointment_counts_for_itself(
    database: AsyncEngine, one: uuid.UUID
) -> None:
    other = await appointment(database)
    for _ in range(5):
        await guesses.begin(database, one, NOW)
    assert await guesses.begin(database, other, NOW) is None
    await guesses.forget(database, one)
    assert await guesses.begin(database, one, NOW) is None


async def test_what_is_gone_is_counted_nowhere(database: AsyncEngine) -> None:
    for _ in range(7):
        assert await guesses.begin(database, new_id(), NOW) is None
