"""Transactions on both databases: one writer after the other, readers beside them, nothing kept of what failed."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.db.engine import make_engine, reading, session, transaction
from bot.db.migrate import migrate
from bot.db.models import Embedding, Lease
from bot.errors import StorageError
from bot.settings import load_settings
from tests.fakes.site import NOW


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = make_engine(load_settings({}, database_url=database_url).database_url)
    await migrate(engine)
    yield engine
    await engine.dispose()


async def count(database: AsyncEngine) -> int:
    async with reading(database) as connection:
        return (await connection.execute(select(func.count()).select_from(Embedding))).scalar_one()


async def test_what_was_committed_is_there_and_what_failed_is_not(database: AsyncEngine) -> None:
    async with transaction(database) as connection:
        await connection.execute(insert(Embedding).values(key="a", vector=b"1"))
    with pytest.raises(StorageError):
        async with transaction(database) as connection:
            await connection.execute(insert(Embedding).values(key="b", vector=b"1"))
            await connection.execute(insert(Embedding).values(key="a", vector=b"1"))
    with pytest.raises(RuntimeError, match="ours"):
        async with transaction(database) as connection:
            await connection.execute(insert(Embedding).values(key="c", vector=b"1"))
            raise RuntimeError("ours")
    assert await count(database) == 1


async def test_a_reader_does_not_wait_for_a_writer(database: AsyncEngine) -> None:
    async with transaction(database) as connection:
        await connection.execute(insert(Embedding).values(key="a", vector=b"1"))
        async with asyncio.timeout(2):
            assert await count(database) == 0
    assert await count(database) == 1


async def test_writers_do_not_lose_each_others_work(database: AsyncEngine) -> None:
    async with transaction(database) as connection:
        await connection.execute(insert(Lease).values(name="n", holder="0", until=NOW))

    async def more() -> None:
        async with transaction(database) as connection:
            holder = (await connection.execute(select(Lease.holder).with_for_update())).scalar_one()
            await asyncio.sleep(0)
            await connection.execute(update(Lease).values(holder=str(int(holder) + 1)))

    await asyncio.gather(*(more() for _ in range(40)))
    async with reading(database) as connection:
        assert (await connection.execute(select(Lease.holder))).scalar_one() == "40"


async def test_a_session_that_read_before_it_writes_is_not_overtaken(database: AsyncEngine) -> None:
    async def slow() -> None:
        async with session(database) as unit:
            await unit.execute(select(Embedding))
            await asyncio.sleep(0.2)
            unit.add(Embedding(key="slow", vector=b"1"))

    async def quick(key: str) -> None:
        await asyncio.sleep(0.05)
        async with transaction(database) as connection:
            await connection.execute(insert(Embedding).values(key=key, vector=b"1"))

    await asyncio.gather(slow(), quick("a"), quick("b"))
    assert await count(database) == 3


async def test_a_cancelled_transaction_leaves_nothing_and_the_next_goes_on(database: AsyncEngine) -> None:
    async def cancelled() -> None:
        async with transaction(database) as connection:
            await connection.execute(insert(Embedding).values(key="a", vector=b"1"))
            await asyncio.sleep(10)

    task = asyncio.create_task(cancelled())
    await asyncio.sleep(0.2)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await count(database) == 0
    async with transaction(database) as connection:
        await connection.execute(insert(Embedding).values(key="b", vector=b"1"))
    assert await count(database) == 1


async def test_another_process_that_writes_is_waited_for_without_holding_the_loop_up(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite+aiosqlite:///{tmp_path}/x.db")
    await migrate(engine)
    other = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    ticks = 0

    async def write() -> None:
        async with transaction(engine) as connection:
            await connection.execute(insert(Embedding).values(key="a", vector=b"1"))

    writing = asyncio.create_task(write())
    for _ in range(20):
        await asyncio.sleep(0.01)
        ticks += 1
    assert not writing.done()
    assert ticks == 20
    other.execute("COMMIT")
    other.close()
    await writing
    assert await count(engine) == 1
    await engine.dispose()
