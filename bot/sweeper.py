"""One sweeper in the whole installation: finds what nobody announced. Signals can be lost, rows cannot."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from bot.db import leases
from bot.errors import LinliError

log = logging.getLogger("linli.sweeper")

NAME = "sweeper"
_TICK_SECONDS = 2.0
# A process that dies holds the sweep up for so long at most.
_LEASE_SECONDS = 10.0


@dataclass(frozen=True)
class Job:
    """Something done at start and then every so often; it must be harmless to do twice."""

    name: str
    every_seconds: float
    run: Callable[[datetime], Awaitable[None]]


@dataclass
class Sweeper:
    database: AsyncEngine
    holder: str
    jobs: Sequence[Job]
    clock: Callable[[], datetime]
    _due: dict[str, float] = field(default_factory=dict)

    async def run(self) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await self.tick(loop.time())
            await asyncio.sleep(_TICK_SECONDS)

    async def tick(self, seconds: float) -> None:
        """What is due, when this process holds the lease. A job that fails is tried again at its next turn."""
        try:
            if not await leases.take(self.database, NAME, self.holder, _LEASE_SECONDS, self.clock()):
                return
        except LinliError as error:
            log.warning("sweep_failed job=lease type=%s", type(error).__name__)
            return
        for job in self.jobs:
            if seconds >= self._due.get(job.name, 0.0):
                self._due[job.name] = seconds + job.every_seconds
                await self._run(job)

    async def _run(self, job: Job) -> None:
        try:
            await job.run(self.clock())
        except Exception as error:  # noqa: BLE001 - one job's fault must not stop the others; only its type is told
            log.error("sweep_failed job=%s type=%s", job.name, type(error).__name__)
