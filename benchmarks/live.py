"""Real time: how soon a message is at the client, what idle connections weigh, and everybody coming back at once.

The clients are in this process, the server is a process of its own.
"""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks import figures, machine, proc
from benchmarks.crowd import Crowd, Resident, Way, Writer
from benchmarks.processes import BenchError, Process
from benchmarks.serving import App, allow_open_files
from bot.db.engine import make_engine, transaction
from bot.handoff import staff, store
from bot.settings import load_settings

_OPERATOR = "desk-1"
_JOIN_SECONDS = 600.0
_SETTLE_SECONDS = 30.0
_BACK_SECONDS = 180.0
# Before an idle server is weighed: its start leaves work behind that is done a little later.
_REST_SECONDS = 5.0
# So long the server repeats the signals of what changed: a thousand conversations never get a person in one instant.
_CLAIMED_SECONDS = 20.0
_STORM_RATE = 10.0
# How long writing goes on before the server is stopped, and after it is back.
_AROUND_SECONDS = 3.0
Say = Callable[[str], None]


@dataclass(frozen=True)
class Scale:
    """`seconds` of messages at `rate` a second to `clients`; `idle` connections, weighed after `wait` seconds."""

    clients: int
    rate: float
    seconds: float
    idle: int
    wait: float


FULL = Scale(clients=1000, rate=50, seconds=30, idle=5000, wait=60)
QUICK = Scale(clients=100, rate=50, seconds=10, idle=500, wait=10)


def measure(scale: Scale, say: Say) -> dict[str, Any]:
    """All of it, as JSON. BenchError when it cannot be measured."""
    allowed = allow_open_files(max(scale.clients, scale.idle))
    if allowed < scale.clients:
        raise BenchError(f"only {allowed} open files are allowed; raise the limit (ulimit -Hn)")
    app = App("live")
    app.prepare()
    token = app.user(_OPERATOR, "Operator A")
    try:
        pushed = asyncio.run(_pushed_and_stormed(app, token, scale, say))
        return {**pushed, "idle": asyncio.run(_idle(app, scale, min(scale.idle, allowed), say))}
    except TimeoutError:
        raise BenchError(f"not all clients could connect; see the log of the app in {app.folder.parent}") from None


async def hand_over(database: AsyncEngine, name: str, conversations: Sequence[uuid.UUID], now: datetime) -> None:
    """Have the operator answer in all of these, as if he had claimed them; the desk's hours and queue do not count."""
    async with transaction(database) as connection:
        member = next(one for one in await staff.everyone(connection) if one.name == name)
        for conversation in conversations:
            if not await store.enqueue(connection, conversation, "en", now):
                raise BenchError("a conversation was not the bot's")
            await store.claim(connection, conversation, member.id, now)


async def _pushed_and_stormed(app: App, token: str, scale: Scale, say: Say) -> dict[str, Any]:
    with ExitStack() as server:
        process = server.enter_context(app.running())
        async with Crowd(app.url) as crowd:
            say(f"{scale.clients:,} clients connect")
            begun = time.monotonic()
            await crowd.grow(scale.clients, _JOIN_SECONDS)
            joined = time.monotonic() - begun
            writer = Writer(app.url, crowd.http, token, crowd.books)
            await writer.at_desk()
            await _to_operator(app, crowd)
            await asyncio.sleep(_CLAIMED_SECONDS)
            say(f"push at {scale.rate:g} messages/s, load {machine.load()[0]}")
            push = {"join_seconds": round(joined, 2), **await _push(process, crowd, writer, scale)}
            say(f"the server stops and starts, load {machine.load()[0]}")
            storm = await _storm(app, server, crowd, writer)
    return {"push": push, "storm": storm}


async def _to_operator(app: App, crowd: Crowd) -> None:
    database = make_engine(load_settings({}, var_folder=app.folder).database_url)
    try:
        await hand_over(database, _OPERATOR, [one.conversation for one in crowd.residents], datetime.now(UTC))
    finally:
        await database.dispose()


async def _push(process: Process, crowd: Crowd, writer: Writer, scale: Scale) -> dict[str, Any]:
    load, cpu, begun = machine.load(), proc.cpu_seconds(process.pid), time.monotonic()
    conversations = [one.conversation for one in crowd.residents]
    late = await writer.write(conversations, scale.rate, scale.seconds, patient=False)
    await writer.done()
    await crowd.settled(_SETTLE_SECONDS)
    used = proc.cpu_seconds(process.pid) - cpu
    messages = len(crowd.books.begun)
    return {
        "clients": len(crowd.residents),
        "rate": scale.rate,
        "messages": messages,
        "milliseconds": figures.summary(crowd.books.milliseconds()),
        "sent_late_ms": round(late, 1),
        "cpu_ms": round(used * 1000 / messages, 2),
        "cores": round(used / (time.monotonic() - begun), 3),
        "load": load,
        **crowd.verdict(),
    }


async def _storm(app: App, server: ExitStack, crowd: Crowd, writer: Writer) -> dict[str, Any]:
    """Stop the server and start it again while the operator and every other resident write."""
    conversations = [one.conversation for one in crowd.residents]
    before = len(crowd.books.begun)
    writing = asyncio.create_task(_until_cancelled(writer, conversations))
    speaking = [asyncio.create_task(_speak(one)) for one in crowd.residents[::2]]
    await asyncio.sleep(_AROUND_SECONDS)
    stopped = time.perf_counter()
    await asyncio.to_thread(server.close)
    gone = time.perf_counter()
    await asyncio.to_thread(server.enter_context, app.running())
    up = time.perf_counter()
    await crowd.until(Way.SOCKET, Way.POLL, seconds=_BACK_SECONDS)
    polling = sum(one.way is Way.POLL for one in crowd.residents)
    await asyncio.sleep(_AROUND_SECONDS)
    await asyncio.gather(*speaking)
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    await writer.done()
    await crowd.until(Way.SOCKET, seconds=_BACK_SECONDS)
    await crowd.settled(_SETTLE_SECONDS)
    return {
        "clients": len(crowd.residents),
        "messages": len(crowd.books.begun) - before,
        "stop_seconds": round(gone - stopped, 2),
        "start_seconds": round(up - gone, 2),
        "back_seconds": _after(up, [one.connected_at for one in crowd.residents]),
        "by_poll": polling,
        "on_socket_seconds": _after(up, [one.on_socket_at for one in crowd.residents]),
        **crowd.verdict(),
    }


async def _until_cancelled(writer: Writer, conversations: Sequence[uuid.UUID]) -> None:
    while True:
        await writer.write(conversations, _STORM_RATE, 60.0, patient=True)


async def _speak(resident: Resident) -> None:
    await asyncio.sleep(random.uniform(0, 3 * _AROUND_SECONDS))
    await resident.say(f"Thank you, I will come. {uuid.uuid4().hex}")


def _after(start: float, moments: Sequence[float]) -> dict[str, float]:
    """Seconds after `start`; who was back before the server said that it is up counts as 0."""
    return figures.summary([max(0.0, moment - start) for moment in moments])


async def _idle(app: App, scale: Scale, count: int, say: Say) -> dict[str, Any]:
    """Memory of the server with `count` connections that do nothing but their heartbeats, and without any."""
    app.prepare()
    with app.running() as process:
        await asyncio.sleep(_REST_SECONDS)
        alone = proc.pss_mb(process.pid)
        say(f"{count:,} idle clients connect, load {machine.load()[0]}")
        async with Crowd(app.url) as crowd:
            begun = time.monotonic()
            await crowd.grow(count, _JOIN_SECONDS)
            joined = time.monotonic() - begun
            cpu = proc.cpu_seconds(process.pid)
            await asyncio.sleep(scale.wait)
            used = proc.cpu_seconds(process.pid) - cpu
            with_all = proc.pss_mb(process.pid)
            connected = sum(one.way is Way.SOCKET for one in crowd.residents)
            return {
                "wanted": scale.idle,
                "connected": connected,
                "join_seconds": round(joined, 1),
                "after_seconds": scale.wait,
                "alone_mb": round(alone, 1),
                "with_all_mb": round(with_all, 1),
                "above_mb": round(with_all - alone, 1),
                "kb_each": round((with_all - alone) * 1000 / connected, 1),
                "cores": round(used / scale.wait, 3),
                **crowd.verdict(),
            }
