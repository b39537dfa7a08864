"""A whole city writes at once: is every push answered in time, while the engine is at work on the answers?"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from benchmarks import figures, machine, proc
from benchmarks.processes import BenchError, Process
from benchmarks.serving import App
from benchmarks.wechat_account import key_of, settings_of
from benchmarks.wechat_books import WRONG, Brought, End, Ledger, judge, ledger_of, unsettled
from benchmarks.wechat_questions import questions
from bot.db.engine import make_engine
from bot.locales import Locales
from bot.settings import load_settings
from bot.workers import free_port
from tests.fakes.wechat import Delivery, Outcome, WechatPlatform
from tests.fakes.wechat.delivery import ANSWERED

# With the platform's five seconds as the end, a second is left for the line.
IN_TIME_SECONDS = 4.0
# Training, when no model fits.
_START_SECONDS = 1800.0
_DRAIN_SECONDS = 900.0
_WARM_RATE, _WARM_SECONDS = 5.0, 12.0
Say = Callable[[str], None]


@dataclass(frozen=True)
class Scale:
    """`rate` pushes a second from `users`, each in turn."""

    rate: float
    seconds: float
    users: int


FULL = Scale(rate=50, seconds=120, users=1000)
QUICK = Scale(rate=50, seconds=12, users=300)


@dataclass(frozen=True)
class Done:
    began: datetime
    delivery: Delivery
    key: str


def measure(scale: Scale, say: Say) -> dict[str, Any]:
    """BenchError when it cannot be measured."""
    port = free_port()
    settings = {"LINLI_ENGINE_WORKERS": "1", **settings_of(f"http://127.0.0.1:{port}")}
    app = App("wechat", settings=settings)
    app.prepare()
    return asyncio.run(_measured(app, port, scale, say))


async def _measured(app: App, port: int, scale: Scale, say: Say) -> dict[str, Any]:
    async with WechatPlatform(f"{app.url}/wechat", port=port) as platform:
        with ExitStack() as server:
            process = await asyncio.to_thread(server.enter_context, app.running(_START_SECONDS))
            if process.said("engine is not ready"):
                raise BenchError(f"an engine worker did not start; see {process.log_file}")
            asked = questions()
            say(f"pushes at {_WARM_RATE:g}/s to warm up, load {machine.load()[0]}")
            await _pushed(platform, Scale(_WARM_RATE, _WARM_SECONDS, 20), asked, "warm", 1)
            say(f"pushes at {scale.rate:g}/s, load {machine.load()[0]}")
            return await _rushed(app, process, platform, scale, asked)


async def _rushed(
    app: App, process: Process, platform: WechatPlatform, scale: Scale, asked: Sequence[str]
) -> dict[str, Any]:
    database = make_engine(load_settings({}, var_folder=app.folder).database_url)
    try:
        load, used, begun = machine.load(), proc.cpu_seconds(process.pid), time.monotonic()
        done, late = await _pushed(platform, scale, asked, "rush", 2)
        seconds, cpu = time.monotonic() - begun, proc.cpu_seconds(process.pid) - used
        left = -1
        while left and time.monotonic() - begun - seconds < _DRAIN_SECONDS:
            await asyncio.sleep(0.5)
            left = await unsettled(database, platform.clock())
        drained = time.monotonic() - begun - seconds
        cpu_all = proc.cpu_seconds(process.pid) - used
        ledger = await ledger_of(database, Locales.load())
    finally:
        await database.dispose()
    return {
        "rate": scale.rate,
        "users": scale.users,
        "load": load,
        "sent_late_ms": round(late * 1000, 1),
        "cores": round(cpu / seconds, 3),
        "cpu_ms": round(cpu_all * 1000 / len(done), 1),
        "drain_seconds": round(drained, 1),
        "left": left,
        **responses(done),
        **_shown(platform, done, ledger),
    }


async def _pushed(
    platform: WechatPlatform, scale: Scale, asked: Sequence[str], name: str, seed: int
) -> tuple[list[Done], float]:
    """Every push with what became of it, and how late the latest began."""
    loop, chance, late, tasks = asyncio.get_running_loop(), random.Random(seed), 0.0, []
    people = [platform.user(f"{name}-{number}") for number in range(scale.users)]
    chance.shuffle(people)
    start = loop.time()

    async def one(number: int) -> Done:
        began = platform.clock()
        delivery = await people[number % len(people)].says(chance.choice(asked))
        return Done(began, delivery, key_of(delivery.push))

    for number in range(int(scale.rate * scale.seconds)):
        due = start + number / scale.rate
        await asyncio.sleep(max(0.0, due - loop.time()))
        late = max(late, loop.time() - due)
        tasks.append(asyncio.create_task(one(number)))
    return list(await asyncio.gather(*tasks)), late


def responses(done: Sequence[Done]) -> dict[str, Any]:
    """What the platform saw of the first try of each push."""
    first = [one.delivery.attempts[0] for one in done]
    in_time = sum(try_.outcome in ANSWERED and try_.seconds <= IN_TIME_SECONDS for try_ in first)
    return {
        "pushes": len(done),
        "in_time": in_time,
        "in_time_share": in_time / len(done),
        "passive_share": round(sum(try_.outcome is Outcome.REPLY for try_ in first) / len(done), 4),
        "success_share": round(sum(try_.outcome is Outcome.SUCCESS for try_ in first) / len(done), 4),
        "repeated": sum(len(one.delivery.attempts) > 1 for one in done),
        "given_up": sum(not one.delivery.answered for one in done),
        "response_ms": figures.summary([try_.seconds * 1000 for try_ in first]),
    }


def _shown(platform: WechatPlatform, done: Sequence[Done], ledger: Ledger) -> dict[str, Any]:
    """What came of the answers, and how long after the push they were on a screen."""
    brought = [Brought(one.key, one.delivery.push.openid, None, one.delivery.answered, False) for one in done]
    screens = {user.openid: list(user.shown) for user in platform.users.values()}
    verdict = judge(brought, screens, ledger)
    waits = [seconds for one in done if (seconds := _wait(one, ledger)) is not None]
    return {
        "shown": len(waits),
        "shown_seconds": figures.summary(waits) if waits else None,
        "unsent": verdict.ends[End.WAITING] + verdict.ends[End.UNANSWERED],
        "wrong": sum(verdict.ends[end] for end in WRONG if end is not End.UNANSWERED)
        + verdict.surplus
        + verdict.contradicted,
        "ends": {end.value: count for end, count in verdict.ends.items()},
        "examples": list(verdict.examples),
    }


def _wait(one: Done, ledger: Ledger) -> float | None:
    """Until the whole of its answer was shown."""
    seen = [send.seen.at for send in ledger.sends_for(one.key) if send is not None and send.seen is not None]
    return (max(seen) - one.began).total_seconds() if seen else None
