"""The comparison: each bot alone (start, memory), then all of them in turns, never two under load at once."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any, Literal

from benchmarks import machine, proc
from benchmarks.bots import Running, Starter, System
from benchmarks.driver import Job, Load, Protocol, drive
from benchmarks.figures import spread, summary
from benchmarks.questions import Dialogues, Set, dialogues

Say = Callable[[str], None]
CONVERSATIONS = (1, 8)
STARTER, ONE, TWO = Starter(), System(1), System(2)


@dataclass(frozen=True)
class Scale:
    """How much is asked. `messages`: per round, for each number of conversations at once."""

    rounds: int
    starts: int
    messages: dict[int, int]
    loaded: int
    fresh: bool


FULL = Scale(rounds=5, starts=3, messages={1: 120, 8: 320}, loaded=400, fresh=True)
QUICK = Scale(rounds=2, starts=1, messages={1: 24, 8: 48}, loaded=48, fresh=False)


@dataclass(frozen=True)
class Cell:
    """What one figure is about."""

    bot: str
    asked: Set
    conversations: int


@dataclass
class Rounds:
    """One cell's rounds. `others`: cores that the rest of the machine was using meanwhile; 0 is a quiet machine."""

    p50: list[float] = field(default_factory=list)
    p95: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    rate: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    others: list[float] = field(default_factory=list)
    problems: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)

    def add(self, load: Load, cpu_seconds: float, others: float) -> None:
        times = summary(load.milliseconds)
        self.p50.append(times["p50"])
        self.p95.append(times["p95"])
        self.p99.append(times["p99"])
        self.rate.append(len(load.milliseconds) / load.seconds)
        # The warming messages took CPU time, too.
        self.cpu_ms.append(cpu_seconds * 1000 / (len(load.milliseconds) + load.warming))
        self.others.append(others)
        self.problems.update(load.problems)
        self.outcomes.update(load.outcomes)

    def to_json(self) -> dict[str, Any]:
        figures = {name: spread(getattr(self, name)) for name in ("p50", "p95", "p99", "rate", "cpu_ms", "others")}
        return {**figures, "problems": dict(self.problems), "outcomes": dict(self.outcomes)}


@dataclass
class Weighed:
    """What one bot takes by itself. Seconds and MB; None: not measured in this run."""

    train_seconds: float | None = None
    first_start_seconds: float | None = None
    start_seconds: list[float] = field(default_factory=list)
    idle_mb: float | None = None
    loaded_mb: float | None = None
    after_rounds_mb: float | None = None
    problems: Counter[str] = field(default_factory=Counter)

    def to_json(self) -> dict[str, Any]:
        start = spread(self.start_seconds) if self.start_seconds else None
        return {**asdict(self), "start_seconds": start, "problems": dict(self.problems)}


@dataclass
class Comparison:
    weighed: dict[str, Weighed] = field(default_factory=dict)
    cells: dict[Cell, Rounds] = field(default_factory=dict)
    loads: list[list[float]] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        rows = [{**asdict(cell), **rounds.to_json()} for cell, rounds in self.cells.items()]
        return {
            "weighed": {name: weighed.to_json() for name, weighed in self.weighed.items()},
            "whole_way": rows,
            "load_at_each_round": self.loads,
        }

    def problems(self) -> Counter[str]:
        """Our requests that failed, of all rounds; what the starter bot leaves unanswered is shown, not judged."""
        ours = (ONE.name, TWO.name)
        rounds = [one.problems for cell, one in self.cells.items() if cell.bot in ours]
        return sum((*rounds, *(self.weighed[name].problems for name in ours if name in self.weighed)), Counter[str]())

    def counted(self) -> int:
        """Our requests in all rounds, the warming ones left out."""
        return sum(one.outcomes.total() for cell, one in self.cells.items() if cell.bot in (ONE.name, TWO.name))

    def ratio(self, figure: Literal["p50", "rate"], asked: Set, conversations: int, ours: System) -> float | None:
        """Ours against the starter bot's: the median of the rounds' ratios, since both of a round saw one machine."""
        own = self.cells.get(Cell(ours.name, asked, conversations))
        peer = self.cells.get(Cell(STARTER.name, asked, conversations))
        if own is None or peer is None:
            return None
        mine, theirs = (own.p50, peer.p50) if figure == "p50" else (own.rate, peer.rate)
        return median(one / other for one, other in zip(mine, theirs, strict=True))


def compare(scale: Scale, say: Say, *, starter: bool, system: bool) -> Comparison:
    found = Comparison()
    bots: list[Starter | System] = [*([STARTER] if starter else []), *([ONE] if system else [])]
    for bot in bots:
        found.weighed[bot.name] = _made(bot, scale, say)
    for _ in range(scale.starts):
        for bot in bots:
            _alone(bot, scale, found.weighed[bot.name], say)
    if system:
        TWO.copy_of(ONE)
        bots.append(TWO)
        found.weighed[TWO.name] = Weighed()
    _in_turns(bots, scale, found, say)
    return found


def _made(bot: Starter | System, scale: Scale, say: Say) -> Weighed:
    """Set up and trained."""
    weighed = Weighed()
    bot.prepare(fresh=scale.fresh)
    if scale.fresh or not bot.trained():
        say(f"training {bot.name}")
        weighed.train_seconds = bot.train()
    if isinstance(bot, System):
        say(f"first start of {bot.name}")
        weighed.first_start_seconds = bot.first_start()
    return weighed


def _alone(bot: Starter | System, scale: Scale, weighed: Weighed, say: Say) -> None:
    """One start, and memory before and after a load, while nothing else runs that could share its pages."""
    say(f"starting {bot.name} alone")
    with bot.running() as running:
        weighed.start_seconds.append(running.start_seconds)
        weighed.idle_mb = proc.pss_mb(running.pid)
        load = drive(_job(running, dialogues(Set.QUESTIONS_EN), max(CONVERSATIONS), scale.loaded))
        weighed.problems.update(load.problems)
        weighed.loaded_mb = max(weighed.loaded_mb or 0.0, proc.pss_mb(running.pid))


def _in_turns(bots: Sequence[Starter | System], scale: Scale, found: Comparison, say: Say) -> None:
    with ExitStack() as stack:
        running = [stack.enter_context(bot.running()) for bot in bots]
        for number in range(scale.rounds):
            say(f"round {number + 1} of {scale.rounds}, load {machine.load()[0]}")
            found.loads.append(machine.load())
            for kind in Set:
                for conversations in CONVERSATIONS:
                    # The order turns with the round: nobody always comes after the one that heats the machine most.
                    _one_turn(running if number % 2 == 0 else running[::-1], kind, conversations, scale, found)
        for bot in running:
            found.weighed[bot.name].after_rounds_mb = proc.pss_mb(bot.pid)


def _one_turn(bots: Iterable[Running], kind: Set, conversations: int, scale: Scale, found: Comparison) -> None:
    for bot in bots:
        # The starter bot speaks English only.
        if bot.protocol is Protocol.REST and kind is Set.QUESTIONS_5:
            continue
        job = _job(bot, dialogues(kind), conversations, scale.messages[conversations])
        load, cpu, others = _observed(bot, job)
        found.cells.setdefault(Cell(bot.name, kind, conversations), Rounds()).add(load, cpu, others)


def _observed(bot: Running, job: Job) -> tuple[Load, float, float]:
    """The load with the CPU seconds that the bot took, and the cores that neither it nor the driver was using."""
    begun, before, all_before, own_before = time.monotonic(), proc.cpu_seconds(bot.pid), *_cpu()
    load = drive(job)
    cpu = proc.cpu_seconds(bot.pid) - before
    all_after, own_after = _cpu()
    others = (all_after - all_before) - cpu - (own_after - own_before)
    return load, cpu, max(0.0, others / (time.monotonic() - begun))


def _cpu() -> tuple[float, float]:
    """CPU seconds of the whole machine, and of this process with the drivers that have ended."""
    return proc.machine_cpu_seconds(), proc.own_cpu_seconds()


def _job(bot: Running, asked: Dialogues, conversations: int, messages: int) -> Job:
    return Job(bot.protocol, bot.url, asked, conversations, messages)
