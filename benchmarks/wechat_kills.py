"""A real server that is killed again and again, and a WeChat whose lines break: is anything lost, or done twice?"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import re
import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.places import APP_PYTHON, ROOT
from benchmarks.processes import BenchError, Process
from benchmarks.serving import App
from benchmarks.wechat_account import key_of, settings_of
from benchmarks.wechat_books import Brought, Verdict, judge, ledger_of, unsettled, waited_for
from benchmarks.wechat_questions import plain_questions
from bot.db.engine import make_engine
from bot.errors import StorageError
from bot.locales import Locales
from bot.workers import free_port
from tests.fakes.wechat import Attempt, Delivery, Failure, Outcome, User, WechatPlatform, drop, html, slow, unavailable
from tests.fakes.wechat.delivery import ANSWERED, TIMEOUT_SECONDS, Courier
from tests.fakes.wechat.failures import Failures
from tests.fakes.wechat.pushes import Sealed, Signed, new_nonce
from tests.fakes.wechat.replies import Asked

_START_SECONDS = 300.0
_IS_UP = "Linli answers at"
_SEND = "/cgi-bin/message/custom/send"
_TOKEN = "/cgi-bin/stable_token"
# The longest that the server waits for an answer of the platform's.
_TOO_SLOW_SECONDS = 10.5
_SETTLE_SECONDS = 240.0
_MOST_ROUNDS = 5
_MENU = ("AREA_MEDICAL", "AREA_FINANCE", "EMERGENCY", "HELP")
_ALARMS = (
    "There is a fire in my kitchen, help!",
    "我家着火了，救命！",
    "Au secours, il y a le feu chez moi !",
    "حريق في بيتي، النجدة!",
    "Cháy nhà rồi, cứu tôi với!",
    "My father has stopped breathing",
    "Somebody is breaking into my flat right now",
)
_EVENT = re.compile(r"\b(wechat_\w+|unhandled|sweep_failed|processing_failed|message_taken_up)\b")
Say = Callable[[str], None]


@dataclass(frozen=True)
class Scale:
    """`pushes` at `rate` a second from `users`; killed `alive` seconds (drawn between the two) after it is up."""

    pushes: int
    rate: float
    users: int
    alive: tuple[float, float]
    seed: int = 20261123
    # Of all kills, those that hit a server that is not up yet.
    early: float = 0.1


FULL = Scale(pushes=10_000, rate=12, users=600, alive=(2, 40))
QUICK = Scale(pushes=1_000, rate=12, users=150, alive=(2, 40))


@dataclass
class Killable:
    """`bot serve`, killed and started again; each life has a log of its own."""

    environment: Mapping[str, str]
    folder: Path
    lives: int = 0
    _process: Process | None = None

    def start(self) -> None:
        self.lives += 1
        command = (str(APP_PYTHON), "-m", "bot.cli", "serve")
        log_file = self.folder / f"serve-{self.lives}.log"
        self._process = Process("the app", command, ROOT, dict(self.environment), log_file)
        self._process.__enter__()

    def up(self) -> None:
        """BenchError when it ends instead, or takes too long."""
        process = self._running
        process.wait_until(lambda: process.said(_IS_UP), _START_SECONDS)

    def kill(self) -> None:
        os.kill(self._running.pid, signal.SIGKILL)
        self.stop()

    def stop(self) -> None:
        if self._process is not None:
            self._process.__exit__(None, None, None)
            self._process = None

    def events(self) -> Counter[str]:
        """What the logs of all lives tell of, by word."""
        texts = [path.read_text(encoding="utf-8", errors="replace") for path in self.folder.glob("serve-*.log")]
        return Counter(word for text in texts for word in _EVENT.findall(text))

    @property
    def _running(self) -> Process:
        if self._process is None:
            raise BenchError("the app was not started")
        return self._process


@dataclass
class BadLines(Failures):
    """Calls of the server's that go wrong by chance. `cut`: sends after which the server cannot know what became."""

    chance: random.Random = field(default_factory=random.Random)
    cut: int = 0
    on: bool = True

    def taken(self, path: str) -> Failure | None:
        if not self.on or path not in (_SEND, _TOKEN) or self.chance.random() > 0.06:
            return super().taken(path)
        failure = self._drawn()
        self.cut += path == _SEND
        return failure

    def _drawn(self) -> Failure:
        page = html(status=502, processed=self.chance.random() < 0.5)
        ends = (drop(), drop(processed=True), page, unavailable(), slow(_TOO_SLOW_SECONDS))
        return self.chance.choices(ends, (4, 4, 2, 1, 1))[0]


@dataclass
class RoughCourier(Courier):
    """Loses answers and does not wait for some, but never the last of a push's three.

    `dead`: tries that found nobody; `cut`: connections that ended without an answer, whoever ended them.
    """

    chance: random.Random = field(default_factory=random.Random)
    dead: int = 0
    cut: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)

    async def deliver(self, url: str, sealed: Sealed, now: int, lose: int = 0) -> Delivery:
        push, delivery, nonce = sealed.push, Delivery(sealed.push), new_nonce()
        asked = Asked(push.openid, push.is_event, sealed.account)
        renewed = self.chance.random() < 0.5
        for number in range(self.deliveries):
            nonce = new_nonce() if renewed else nonce
            began = time.monotonic()
            attempt = await self._tried(url, sealed.signed(now, nonce), asked, last=number + 1 == self.deliveries)
            delivery.attempts.append(attempt)
            if attempt.outcome in ANSWERED:
                break
            if number + 1 < self.deliveries:
                await asyncio.sleep(max(0.0, TIMEOUT_SECONDS * self.second - (time.monotonic() - began)))
        return delivery

    async def _tried(self, url: str, request: Signed, asked: Asked, *, last: bool) -> Attempt:
        patience = self.chance.uniform(0, 0.6) if not last and self.chance.random() < 0.08 else None
        began = time.monotonic()
        try:
            async with asyncio.timeout(patience):
                attempt = await self.knock(url, request, asked)
        except TimeoutError:
            attempt = Attempt(Outcome.TIMEOUT, time.monotonic() - began)
        if attempt.outcome in ANSWERED and not last and self.chance.random() < 0.08:
            attempt = Attempt(Outcome.LOST, attempt.seconds, attempt.status, attempt.body)
        self._note(attempt)
        return attempt

    def _note(self, attempt: Attempt) -> None:
        self.outcomes[f"{attempt.outcome} {attempt.why}".strip()] += 1
        refused = attempt.outcome is Outcome.UNREACHABLE and attempt.why == "ClientConnectorError"
        self.dead += refused
        self.cut += attempt.outcome not in ANSWERED and not refused


@dataclass
class Storm:
    """One run: pushes on their way, and a server that dies meanwhile."""

    platform: WechatPlatform
    server: Killable
    scale: Scale
    questions: Sequence[str]
    say: Say
    kills: int = 0
    brought: list[Brought] = field(default_factory=list)
    late: int = 0
    chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.scale.seed)

    async def rage(self) -> None:
        """Returns when the platform is done with every push; the server is up then."""
        await asyncio.to_thread(self.server.start)
        await asyncio.to_thread(self.server.up)
        over = asyncio.Event()
        killing = asyncio.create_task(self._kill(over))
        pushing = asyncio.create_task(self._push())
        try:
            # Whoever fails first ends the other.
            await asyncio.wait({killing, pushing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            # Not cancelled: a start in its thread would go on, and leave a server behind.
            over.set()
            await killing
        await pushing
        await self._killed()
        await asyncio.to_thread(self.server.up)

    async def _push(self) -> None:
        loop, tasks = asyncio.get_running_loop(), []
        start = loop.time()
        names = [f"storm-{number}" for number in range(self.scale.users)]
        for number in range(self.scale.pushes):
            await asyncio.sleep(max(0.0, start + number / self.scale.rate - loop.time()))
            # Now and then somebody writes twice in one breath.
            name = names[(number - (self.chance.random() < 0.05)) % len(names)]
            tasks.append(asyncio.create_task(self._one(self.platform.user(name), number)))
            if number % 1000 == 999:
                self.say(f"{number + 1:,} pushes, {self.kills} kills")
        self.brought += await asyncio.gather(*tasks)

    async def _one(self, user: User, number: int) -> Brought:
        mark = f"k{number:06}"
        delivery = await self._act(user, number, mark)
        answered = delivery.answered
        reached = any(one.outcome in (Outcome.LOST, Outcome.TIMEOUT) for one in delivery.attempts)
        return Brought(key_of(delivery.push), user.openid, mark, answered, not answered and reached)

    async def _act(self, user: User, number: int, mark: str) -> Delivery:
        """Questions are searched for, which takes time; alarms and what is no text are answered at once."""
        match self.chance.choices(("question", "alarm", "click", "image", "link"), (30, 35, 15, 10, 10))[0]:
            case "question":
                return await user.says(f"{self.questions[number % len(self.questions)]} {mark}")
            case "alarm":
                return await user.says(f"{_ALARMS[number % len(_ALARMS)]} {mark}")
            case "click":
                return await user.clicks(_MENU[number % len(_MENU)])
            case "image":
                return await user.sends_image()
            case _:
                return await user.sends_link(mark, "https://example.org/")

    async def _kill(self, over: asyncio.Event) -> None:
        """Until it is over; the server is up then."""
        while not await _within(over, self.chance.uniform(*self.scale.alive)):
            await self._killed()
            while self.chance.random() < self.scale.early:
                await asyncio.sleep(self.chance.uniform(0.1, 3))
                await self._killed()
            await asyncio.to_thread(self.server.up)

    async def _killed(self) -> None:
        await asyncio.to_thread(self.server.kill)
        self.kills += 1
        await asyncio.to_thread(self.server.start)


async def _within(event: asyncio.Event, seconds: float) -> bool:
    """Whether it happens in this time."""
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False


def measure(scale: Scale, say: Say) -> dict[str, Any]:
    """On the real articles, without an engine. BenchError when it cannot be measured."""
    platform = free_port()
    # So short that many answers are sent afterwards.
    app = App("wechat-storm", settings=settings_of(f"http://127.0.0.1:{platform}", passive_seconds="0.1"))
    app.prepare()
    for old in app.folder.glob("serve-*.log"):
        old.unlink()
    say(f"{scale.pushes:,} pushes to a server that is killed meanwhile")
    ports = (app.port, platform)
    return asyncio.run(storm(scale, app.environment(), app.folder, ports, plain_questions(), say))


async def storm(
    scale: Scale,
    environment: Mapping[str, str],
    folder: Path,
    ports: tuple[int, int],
    questions: Sequence[str],
    say: Say,
) -> dict[str, Any]:
    """All of it: `ports` are the server's and the platform's, `environment` the server's."""
    async with WechatPlatform(f"http://127.0.0.1:{ports[0]}/wechat", port=ports[1]) as platform:
        chance = random.Random(scale.seed + 1)
        courier = RoughCourier(platform.courier.session, chance=chance)
        lines = BadLines(chance=chance)
        platform.courier, platform.server.failures = courier, lines
        run = Storm(platform, Killable(environment, folder), scale, questions, say)
        database = make_engine(f"sqlite+aiosqlite:///{environment['LINLI_VAR_FOLDER']}/linli.db")
        try:
            begun = time.monotonic()
            await run.rage()
            raged = time.monotonic() - begun
            lines.on = False
            left = await _settled(database, platform)
            asked = await _released(database, platform)
            settled = time.monotonic() - begun - raged
            await asyncio.to_thread(run.server.stop)
            ledger = await ledger_of(database, Locales.load())
        finally:
            await asyncio.to_thread(run.server.stop)
            await database.dispose()
        screens = {user.openid: list(user.shown) for user in platform.users.values()}
        verdict = judge(run.brought, screens, ledger)
        return {
            **_told(run, courier, lines, verdict),
            "seconds": round(raged, 1),
            "settle_seconds": round(settled, 1),
            "left": left,
            "released": asked,
            "events": dict(run.server.events()),
        }


def _told(run: Storm, courier: RoughCourier, lines: BadLines, verdict: Verdict) -> dict[str, Any]:
    return {
        "pushes": len(run.brought),
        "kills": run.kills,
        "lives": run.server.lives,
        "tries": dict(courier.outcomes),
        "tries_dead": courier.dead,
        "tries_cut": courier.cut,
        "sends_cut": lines.cut,
        "ends": {end.value: count for end, count in verdict.ends.items()},
        "surplus": verdict.surplus,
        "contradicted": verdict.contradicted,
        "disordered": verdict.disordered,
        "unknown": {
            "custom": verdict.unknown_custom,
            "passive": verdict.unknown_passive,
            "arrived": verdict.unknown_seen,
        },
        "wrong": verdict.wrong,
        "examples": list(verdict.examples),
    }


async def _settled(database: AsyncEngine, platform: WechatPlatform) -> int:
    """Wait until nothing is under way; what is left of it after a while."""
    until, left = time.monotonic() + _SETTLE_SECONDS, -1
    while left and time.monotonic() < until:
        await asyncio.sleep(1.0)
        with contextlib.suppress(StorageError):
            left = await unsettled(database, platform.clock())
    return left


async def _released(database: AsyncEngine, platform: WechatPlatform) -> int:
    """Have everybody for whom something waits write once more, so that it is sent; how many had to."""
    asked: set[str] = set()
    for _ in range(_MOST_ROUNDS):
        waiting = await waited_for(database)
        if not waiting:
            break
        asked.update(waiting)
        await asyncio.gather(*(platform.user(openid).says("1") for openid in waiting))
        await _settled(database, platform)
    return len(asked)
