"""The engine's processes: start them, watch them, start them again with backoff, stop them all."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from bot.engine import SECRET_HEADER, Worker

log = logging.getLogger("linli.workers")

# A hung worker answers no probe; one slow probe may be a burst of load on a small machine, three are not.
_PROBE_SECONDS = 1.0
_PROBE_TIMEOUT_SECONDS = 3.0
_PROBES_UNTIL_HUNG = 3
_LONGEST_BACKOFF_SECONDS = 30.0
_STOP_SECONDS = 5.0
# Rasa imports TensorFlow: about 6 s of one core on a small machine, far more on a busy one.
_START_SECONDS = 120.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def backoff_seconds(failures: int) -> float:
    """Half a second, doubled with each failure in a row, at most 30 s."""
    return float(min(_LONGEST_BACKOFF_SECONDS, 0.5 * 2 ** min(10, max(0, failures - 1))))


@dataclass(frozen=True)
class Launch:
    """How a worker is started: program with its arguments before --port and --model, folder, model, environment."""

    command: Sequence[str]
    folder: Path
    model: Path
    environment: dict[str, str]
    log_file: Path


@dataclass
class Supervisor:
    """Keeps one process behind one `Worker` alive; `worker.ready` says whether it may be asked."""

    worker: Worker
    launch: Launch
    session: aiohttp.ClientSession
    on_change: Callable[[], None] = lambda: None
    restarts: int = 0
    _task: asyncio.Task[None] | None = None
    _process: asyncio.subprocess.Process | None = None
    _failures: int = 0
    _first_ready: asyncio.Event = field(default_factory=asyncio.Event)

    def start(self) -> None:
        self._task = asyncio.create_task(self._keep_alive())

    async def wait_ready(self, seconds: float) -> bool:
        """Whether the worker became ready within `seconds` of now."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._first_ready.wait(), seconds)
        return self.worker.ready

    async def stop(self) -> None:
        """End the process: SIGTERM, after five seconds SIGKILL to its whole group."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._end_process()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    async def _keep_alive(self) -> None:
        while True:
            await self._run_once()
            self._set_ready(False)
            self._failures += 1
            self.restarts += 1
            pause = backoff_seconds(self._failures)
            log.warning("engine_worker_down name=%s restart_in_seconds=%.1f", self.worker.name, pause)
            await asyncio.sleep(pause)

    async def _run_once(self) -> None:
        """One life of the process, until it has ended or hung (then it is killed)."""
        try:
            await self._spawn()
        except OSError as error:
            log.error("engine_worker_not_started name=%s reason=%s", self.worker.name, type(error).__name__)
            return
        assert self._process is not None
        watching = asyncio.create_task(self._watch())
        ended = asyncio.create_task(self._process.wait())
        try:
            await asyncio.wait({watching, ended}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            watching.cancel()
            ended.cancel()
            await asyncio.gather(watching, ended, return_exceptions=True)
            await self._end_process()

    async def _spawn(self) -> None:
        port = int(self.worker.url.rsplit(":", 1)[1])
        with self.launch.log_file.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *self.launch.command,
                "--port",
                str(port),
                "--model",
                str(self.launch.model),
                cwd=self.launch.folder,
                env={**_inherited(), **self.launch.environment},
                stdout=output,
                stderr=output,
                stdin=asyncio.subprocess.DEVNULL,
                start_new_session=True,
            )

    async def _watch(self) -> None:
        """Return when the process no longer answers its probes (or never began to)."""
        loop = asyncio.get_running_loop()
        started, missed = loop.time(), 0
        while True:
            healthy = await self._probe()
            if healthy:
                missed = 0
                if not self.worker.ready:
                    self._failures = 0
                    self.worker.circuit.succeeded()
                    self._set_ready(True)
            elif self.worker.ready:
                missed += 1
            elif loop.time() - started > _START_SECONDS:
                return
            if missed >= _PROBES_UNTIL_HUNG:
                return
            await asyncio.sleep(_PROBE_SECONDS if self.worker.ready else 0.2)

    async def _probe(self) -> bool:
        try:
            async with self.session.get(
                f"{self.worker.url}/webhooks/linli/health",
                headers={SECRET_HEADER: self.worker_secret},
                timeout=aiohttp.ClientTimeout(total=_PROBE_TIMEOUT_SECONDS),
            ) as response:
                return response.status == 200
        except (TimeoutError, aiohttp.ClientError):
            return False

    @property
    def worker_secret(self) -> str:
        return self.launch.environment["LINLI_SECRET"]

    def _set_ready(self, ready: bool) -> None:
        self.worker.ready = ready
        if ready:
            self._first_ready.set()
        self.on_change()

    async def _end_process(self) -> None:
        process, self._process = self._process, None
        self.worker.ready = False
        if process is None:
            return
        if process.returncode is not None:
            # It ended by itself; what it had started must not stay behind.
            _signal_group(process.pid, signal.SIGKILL)
            return
        _signal_group(process.pid, signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), _STOP_SECONDS)
        except TimeoutError:
            _signal_group(process.pid, signal.SIGKILL)
            await process.wait()
        _signal_group(process.pid, signal.SIGKILL)


def _signal_group(pid: int, sign: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, sign)


def _inherited() -> dict[str, str]:
    """The environment without the WeChat account's secrets, which are no business of the engine's."""
    return {name: value for name, value in os.environ.items() if not name.startswith("LINLI_WECHAT_")}
