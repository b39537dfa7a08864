"""The bus: in one process, and between processes over a real Redis."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.bus import RESYNC, LocalBus
from bot.errors import StartError
from bot.redis_bus import RedisBus
from bot.workers import free_port
from tests.fakes.site import until


@dataclass
class RedisServer:
    port: int
    folder: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        command = [
            "redis-server",
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--dir",
            str(self.folder),
        ]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)

    def kill(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    if shutil.which("redis-server") is None:
        why = "no redis-server (Debian, Ubuntu: apt install redis-server)"
        if os.environ.get("TEST_REQUIRE_REDIS") == "1":
            pytest.fail(why)
        pytest.skip(why)
    server = RedisServer(free_port(), tmp_path)
    server.start()
    yield server
    server.kill()


async def opened(server: RedisServer, prefix: str = "test") -> RedisBus:
    for _ in range(100):
        bus = RedisBus(server.url, prefix)
        try:
            await bus.open()
        except StartError:
            await bus.close()
            await asyncio.sleep(0.05)
        else:
            return bus
    raise AssertionError("Redis did not start")


async def test_listeners_hear_their_topic_until_they_leave() -> None:
    bus, heard = LocalBus(), list[dict[str, Any]]()
    leave = bus.subscribe("a", heard.append)
    bus.subscribe("a", heard.append)
    await bus.publish("a", {"n": 1})
    await bus.publish("b", {"n": 2})
    leave()
    leave()
    await bus.publish("a", {"n": 3})
    assert heard == [{"n": 1}, {"n": 1}, {"n": 3}]


async def test_between_processes_each_hears_once(redis_server: RedisServer) -> None:
    one, two, stranger = await opened(redis_server), await opened(redis_server), await opened(redis_server, "other")
    heard: dict[str, list[dict[str, Any]]] = {"one": [], "two": [], "stranger": []}
    for name, bus in (("one", one), ("two", two), ("stranger", stranger)):
        bus.subscribe("topic", heard[name].append)
    for n in range(50):
        await one.publish("topic", {"n": n})
    await until(lambda: len(heard["two"]) == 50)
    assert heard["one"] == heard["two"] == [{"n": n} for n in range(50)]
    assert heard["stranger"] == [], "two installations that share a Redis do not hear each other"
    for bus in (one, two, stranger):
        await bus.close()


async def test_without_redis_a_process_still_hears_itself_and_looks_at_the_rows_afterwards(
    redis_server: RedisServer,
) -> None:
    one, two = await opened(redis_server), await opened(redis_server)
    own, beside, resynced = list[dict[str, Any]](), list[dict[str, Any]](), list[dict[str, Any]]()
    one.subscribe("topic", own.append)
    two.subscribe("topic", beside.append)
    two.subscribe(RESYNC, resynced.append)
    redis_server.kill()
    await one.publish("topic", {"n": 1})
    assert own == [{"n": 1}]
    redis_server.start()
    await until(lambda: bool(resynced), 15)
    for _ in range(100):
        await one.publish("topic", {"n": 2})
        if beside:
            break
        await asyncio.sleep(0.05)
    assert beside[0] == {"n": 2}
    await one.close()
    await two.close()


async def test_no_redis_at_the_start_is_one_line() -> None:
    bus = RedisBus(f"redis://:secret@127.0.0.1:{free_port()}/0", "test")
    with pytest.raises(StartError, match="REDIS_URL") as caught:
        await bus.open()
    assert "secret" not in str(caught.value)
    await bus.close()


async def test_what_is_no_signal_is_passed_over(redis_server: RedisServer) -> None:
    from redis.asyncio import Redis

    bus, heard = await opened(redis_server), list[dict[str, Any]]()
    bus.subscribe("topic", heard.append)
    stranger = Redis.from_url(redis_server.url)
    for raw in (b"\xff\xfe", b"[]", b'{"from": "x"}', b'{"from": "x", "data": 3}', b'{"from": "x", "data": {"n": 1}}'):
        await stranger.publish("linli:test:topic", raw)
    await until(lambda: bool(heard))
    assert heard == [{"n": 1}]
    await stranger.aclose()
    await bus.close()
