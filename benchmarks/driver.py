"""The one who asks: `python -m benchmarks.driver` reads a job as JSON on stdin, drives a server, prints what it saw.

A process of its own, so that the servers never share an interpreter with it. Each conversation under way sends its next
message when it has the whole reply to the one before, keeps its id for a dialogue, and begins a new one after that.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

import aiohttp

from benchmarks.places import APP_PYTHON, ROOT, clean_environment
from benchmarks.processes import BenchError

_TIMEOUT = aiohttp.ClientTimeout(total=60)


class Protocol(StrEnum):
    """How a server is asked."""

    REST = "rest"  # Rasa's own REST webhook
    CHAT = "chat"  # this system's public POST /api/chat


@dataclass(frozen=True)
class Job:
    """`messages` counted requests over `conversations` at once, after one dialogue each that is not counted."""

    protocol: Protocol
    url: str
    dialogues: tuple[tuple[str, ...], ...]
    conversations: int
    messages: int


@dataclass
class Load:
    """What came of a job. `problems` counts requests that failed or were not answered in full, by kind.

    warming: messages that were sent first and are not counted.
    """

    seconds: float = 0.0
    milliseconds: list[float] = field(default_factory=list)
    problems: dict[str, int] = field(default_factory=dict)
    outcomes: dict[str, int] = field(default_factory=dict)
    warming: int = 0


def drive(job: Job) -> Load:
    """Run the job in a process of its own."""
    command = [str(APP_PYTHON), "-m", "benchmarks.driver"]
    done = subprocess.run(
        command,
        input=json.dumps(asdict(job)).encode(),
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env=clean_environment(),
        check=False,
    )
    if done.returncode != 0:
        raise BenchError(f"the driver ended with code {done.returncode} at {job.url}")
    return Load(**json.loads(done.stdout))


@dataclass
class _Talk:
    """One conversation: what carries its identity in either protocol."""

    sender: str = field(default_factory=lambda: uuid.uuid4().hex)
    token: str | None = None


def judge_rest(status: int, body: Any) -> tuple[str | None, str]:
    """(problem or None, outcome) of a reply of Rasa's REST channel."""
    if status != 200:
        return f"http {status}", "error"
    if not isinstance(body, list) or not any(message.get("text") for message in body):
        return "empty reply", "empty"
    return None, f"{len(body)} messages"


def judge_chat(status: int, body: Any) -> tuple[str | None, str]:
    """(problem or None, outcome) of a reply of /api/chat; an answer without the engine is a problem."""
    if status != 200:
        return f"http {status}", "error"
    outcome = str(body["outcome"])
    if outcome == "error" or not any(message["text"] for message in body["messages"]):
        return "empty reply", outcome
    # The urgent lane answers before the engine, by design.
    if outcome != "urgent" and body["trace"].get("degraded") is not False:
        return "without the engine", outcome
    return None, outcome


class _Driver:
    def __init__(self, job: Job, session: aiohttp.ClientSession) -> None:
        self._job, self._session = job, session
        self._left = job.messages
        self._dialogues: Iterator[tuple[str, ...]] = itertools.cycle(job.dialogues)
        self._problems: Counter[str] = Counter()
        self._outcomes: Counter[str] = Counter()
        self._milliseconds: list[float] = []
        self._warming = 0

    async def run(self) -> Load:
        slots = range(self._job.conversations)
        await asyncio.gather(*(self._dialogue(next(self._dialogues), counted=False) for _ in slots))
        started = time.perf_counter()
        await asyncio.gather(*(self._converse() for _ in slots))
        seconds = time.perf_counter() - started
        return Load(seconds, self._milliseconds, dict(self._problems), dict(self._outcomes), self._warming)

    async def _converse(self) -> None:
        while self._left > 0:
            await self._dialogue(next(self._dialogues), counted=True)

    async def _dialogue(self, texts: tuple[str, ...], *, counted: bool) -> None:
        talk = _Talk()
        for text in texts:
            if counted:
                if self._left <= 0:
                    return
                self._left -= 1
            else:
                self._warming += 1
            await self._ask(talk, text, counted=counted)

    async def _ask(self, talk: _Talk, text: str, *, counted: bool) -> None:
        started = time.perf_counter()
        try:
            async with self._session.post(self._job.url, json=self._body(talk, text), timeout=_TIMEOUT) as response:
                status, raw = response.status, await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            self._count(counted, type(error).__name__, "error", started)
            return
        ended = time.perf_counter()
        body = json.loads(raw)
        rest = self._job.protocol is Protocol.REST
        problem, outcome = judge_rest(status, body) if rest else judge_chat(status, body)
        self._count(counted, problem, outcome, started, ended)
        if not rest and status == 200:
            talk.token = body["conversation"]

    def _body(self, talk: _Talk, text: str) -> dict[str, Any]:
        if self._job.protocol is Protocol.REST:
            return {"sender": talk.sender, "message": text}
        return {"text": text} | ({} if talk.token is None else {"conversation": talk.token})

    def _count(
        self, counted: bool, problem: str | None, outcome: str, started: float, ended: float | None = None
    ) -> None:
        # A failure is a failure in the warming dialogues too; only times and outcomes are left out there.
        if problem is not None:
            self._problems[problem] += 1
        if counted:
            self._outcomes[outcome] += 1
            self._milliseconds.append(((ended or time.perf_counter()) - started) * 1000)


async def _run(job: Job) -> Load:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        return await _Driver(job, session).run()


def _job(data: dict[str, Any]) -> Job:
    dialogues = tuple(tuple(dialogue) for dialogue in data.pop("dialogues"))
    return Job(protocol=Protocol(data.pop("protocol")), dialogues=dialogues, **data)


if __name__ == "__main__":
    json.dump(asdict(asyncio.run(_run(_job(json.load(sys.stdin))))), sys.stdout)
