"""The supervisor with small real processes: restarted after death, killed when hung, nothing left after stop."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
import psutil
import pytest

from bot import workers
from bot.circuit import Circuit
from bot.engine import Worker
from bot.workers import Launch, Supervisor, backoff_seconds, free_port
from tests.fakes.engine import SECRET
from tests.fakes.site import until

SCRIPT = Path(__file__).parent / "fakes" / "worker.py"
Starter = Callable[[], Awaitable[Supervisor]]


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same waits, a tenth as long."""
    monkeypatch.setattr(workers, "_PROBE_SECONDS", 0.1)
    monkeypatch.setattr(workers, "_PROBE_TIMEOUT_SECONDS", 0.3)
    monkeypatch.setattr(workers, "_STOP_SECONDS", 0.5)


@pytest.fixture
async def start(tmp_path: Path, fast: None) -> AsyncIterator[Starter]:
    started: list[Supervisor] = []
    async with aiohttp.ClientSession() as session:

        async def make() -> Supervisor:
            worker = Worker("engine-1", f"http://127.0.0.1:{free_port()}", Circuit(3, 10))
            command = (sys.executable, str(SCRIPT))
            launch = Launch(command, tmp_path, tmp_path / "model", {"LINLI_SECRET": SECRET}, tmp_path / "engine.log")
            started.append(Supervisor(worker, launch, session))
            started[-1].start()
            return started[-1]

        yield make
        for supervisor in started:
            await supervisor.stop()


def alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def pid_of(supervisor: Supervisor) -> int:
    assert supervisor.pid is not None
    return supervisor.pid


async def test_it_becomes_ready_and_stop_leaves_no_process(start: Starter) -> None:
    supervisor = await start()
    assert await supervisor.wait_ready(10)
    pid = pid_of(supervisor)
    assert alive(pid)
    await supervisor.stop()
    assert not alive(pid)
    assert not supervisor.worker.ready


async def test_a_killed_worker_is_started_again(start: Starter) -> None:
    supervisor = await start()
    assert await supervisor.wait_ready(10)
    supervisor.worker.circuit.failed(0.0)
    pid = pid_of(supervisor)
    os.kill(pid, signal.SIGKILL)
    await until(lambda: not supervisor.worker.ready)
    await until(lambda: supervisor.worker.ready)
    assert pid_of(supervisor) != pid
    assert supervisor.restarts == 1
    assert not supervisor.worker.circuit.open


async def test_a_hung_worker_is_killed_and_started_again(start: Starter) -> None:
    supervisor = await start()
    assert await supervisor.wait_ready(10)
    pid = pid_of(supervisor)
    os.kill(pid, signal.SIGSTOP)
    await until(lambda: not alive(pid), 15)
    await until(lambda: supervisor.worker.ready)
    assert pid_of(supervisor) != pid


async def test_a_stopped_process_does_not_hold_up_the_end(start: Starter) -> None:
    supervisor = await start()
    assert await supervisor.wait_ready(10)
    pid = pid_of(supervisor)
    os.kill(pid, signal.SIGSTOP)
    await asyncio.wait_for(supervisor.stop(), 5)
    assert not alive(pid)


async def test_children_of_the_worker_end_with_it(start: Starter, tmp_path: Path) -> None:
    (tmp_path / "model.child").write_text("")
    supervisor = await start()
    assert await supervisor.wait_ready(10)
    child = int((tmp_path / "model.child").read_text())
    assert alive(child)
    await supervisor.stop()
    await until(lambda: not alive(child), 5)


async def test_children_of_a_worker_that_died_end_too(start: Starter, tmp_path: Path) -> None:
    (tmp_path / "model.child").write_text("")
    supervisor = await start()
    assert await supervisor.wait_ready(10)
    child = int((tmp_path / "model.child").read_text())
    (tmp_path / "model.child").unlink()
    try:
        os.kill(pid_of(supervisor), signal.SIGKILL)
        await until(lambda: not alive(child), 5)
    finally:
        if alive(child):
            os.kill(child, signal.SIGKILL)


async def test_a_worker_that_cannot_start_is_tried_again_ever_more_slowly(start: Starter, tmp_path: Path) -> None:
    (tmp_path / "model.fail").write_text("")
    supervisor = await start()
    assert not await supervisor.wait_ready(1.5)
    assert 1 <= supervisor.restarts <= 3
    (tmp_path / "model.fail").unlink()
    assert await supervisor.wait_ready(10)


async def test_a_program_that_is_missing_for_a_while_does_not_end_the_watch(start: Starter, tmp_path: Path) -> None:
    """Whatever keeps a process from being started (a full disk, no memory), the watch must go on."""
    supervisor = await start()
    assert await supervisor.wait_ready(10)
    (tmp_path / "engine.log").unlink()
    (tmp_path / "engine.log").mkdir()
    os.kill(pid_of(supervisor), signal.SIGKILL)
    await asyncio.sleep(1.0)
    (tmp_path / "engine.log").rmdir()
    await until(lambda: supervisor.worker.ready, 6)


def test_backoff_doubles_to_half_a_minute() -> None:
    assert [backoff_seconds(failures) for failures in range(1, 9)] == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert backoff_seconds(0) == 0.5
    assert backoff_seconds(10_000) == 30
