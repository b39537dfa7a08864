"""Leases on both databases: one holder at a time, free again when they run out or their process is dead."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.db import leases
from bot.db.engine import make_engine
from bot.db.migrate import migrate
from bot.errors import StartError
from bot.presence import present
from bot.settings import load_settings
from tests.fakes.site import NOW

SOON, LATER = NOW + timedelta(seconds=5), NOW + timedelta(seconds=11)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = make_engine(load_settings({}, database_url=database_url).database_url)
    await migrate(engine)
    yield engine
    await engine.dispose()


def holder(host: str = "elsewhere", pid: int = 1, mark: str = "a") -> str:
    return f"{host}:{pid}:{mark}"


def dead_pid() -> int:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


async def test_one_has_it_until_it_runs_out(database: AsyncEngine) -> None:
    assert await leases.take(database, "job", "a", 10, NOW)
    assert not await leases.take(database, "job", "b", 10, SOON)
    assert await leases.take(database, "job", "a", 10, SOON), "its holder prolongs it"
    assert not await leases.take(database, "job", "b", 10, LATER)
    assert await leases.take(database, "job", "b", 10, LATER + timedelta(seconds=5))


async def test_of_many_at_once_one_gets_it(database: AsyncEngine) -> None:
    for at in (NOW, NOW + timedelta(minutes=1)):
        found = await asyncio.gather(*(leases.take(database, "job", f"h{n}", 10, at) for n in range(8)))
        assert sum(found) == 1


async def test_a_released_one_is_free(database: AsyncEngine) -> None:
    assert await leases.take(database, "job", "a", 10, NOW)
    await leases.release(database, "job", "b")
    assert not await leases.take(database, "job", "b", 10, NOW)
    await leases.release(database, "job", "a")
    assert await leases.take(database, "job", "b", 10, NOW)


async def test_the_dead_of_this_machine_are_forgotten_at_once(database: AsyncEngine) -> None:
    own = leases.new_holder()
    host = own.rsplit(":", 2)[0]
    earlier_life, gone, far = holder(host, os.getpid()), holder(host, dead_pid()), holder()
    for one in (own, earlier_life, gone, far):
        await leases.take(database, leases.PROCESS_PREFIX + one, one, 10, NOW)
    assert await leases.alive(database, own, SOON) == {own, far}
    assert await leases.alive(database, own, LATER) == set()


async def test_a_second_server_on_one_database_does_not_start(database: AsyncEngine) -> None:
    own = leases.new_holder()
    beside = holder(own.rsplit(":", 2)[0], os.getppid(), "b")
    await leases.take(database, leases.SERVER_PREFIX + beside, beside, 10, NOW)
    with pytest.raises(StartError, match="REDIS_URL") as caught:
        async with present(database, own, lambda: SOON, alone=True):
            pytest.fail("it started")
    assert "\n" not in str(caught.value)
    async with present(database, own, lambda: SOON, alone=False):
        assert own in await leases.alive(database, own, SOON)
    assert own not in await leases.alive(database, own, SOON), "an ended process says so"


async def test_a_command_beside_a_server_is_no_second_server(database: AsyncEngine) -> None:
    server = leases.new_holder()
    command = holder(server.rsplit(":", 2)[0], os.getppid(), "c")
    async with (
        present(database, command, lambda: NOW, alone=False),
        present(database, server, lambda: NOW, alone=True),
    ):
        assert await leases.alive(database, server, NOW) == {command, server}
