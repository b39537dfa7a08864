"""Start a command in a process group of its own, wait until it serves, and leave nothing of it behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import proc

_STOP_SECONDS = 20.0
_POLL_SECONDS = 0.05
_TAIL_LINES = 15


class BenchError(Exception):
    """A measurement that could not be made; the message says what to look at."""


@dataclass
class Process:
    """A command with a log of its own; a context manager that ends the whole tree."""

    name: str
    command: Sequence[str]
    folder: Path
    environment: dict[str, str]
    log_file: Path
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def __enter__(self) -> Process:
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        with self.log_file.open("wb") as output:
            self._process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        return self

    def __exit__(self, *_: object) -> None:
        """SIGTERM to the command, which ends its children itself; what is left after 20 s is killed."""
        process = self._running()
        family = proc.tree(process.pid)
        if process.poll() is None:
            process.terminate()
        try:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_STOP_SECONDS)
        finally:
            # A second Ctrl-C cuts the waiting short, not the end.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            _end(family)

    @property
    def pid(self) -> int:
        return self._running().pid

    def wait_until(self, ready: Callable[[], bool], seconds: float) -> None:
        """Returns when `ready()`. BenchError when the process ends before, or takes longer."""
        until = time.monotonic() + seconds
        while not ready():
            if self._running().poll() is not None:
                raise BenchError(f"{self.name} ended with code {self._running().returncode}; {self._tail()}")
            if time.monotonic() > until:
                raise BenchError(f"{self.name} was not ready after {seconds:.0f} s; {self._tail()}")
            time.sleep(_POLL_SECONDS)

    def wait_end(self, seconds: float) -> None:
        """Returns when the command ended well. BenchError otherwise."""
        self.wait_until(lambda: self._running().poll() == 0, seconds)

    def said(self, text: str) -> bool:
        """Whether the log holds `text`."""
        return text in self.log_file.read_text(encoding="utf-8", errors="replace")

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise BenchError(f"{self.name} was not started")
        return self._process

    def _tail(self) -> str:
        lines = self.log_file.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL_LINES:]
        return "\n  ".join([f"{self.log_file}:", *lines])


def run(process: Process, seconds: float) -> float:
    """Run a command to its end; the seconds it took."""
    started = time.monotonic()
    with process:
        process.wait_end(seconds)
        return time.monotonic() - started


def get(url: str) -> bytes | None:
    """The body of a 200, else None."""
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            body: bytes = response.read()
            return body if response.status == 200 else None
    except (OSError, urllib.error.URLError):
        return None


def _end(family: Sequence[int]) -> None:
    """Kill those of a tree that have outlived it: an engine worker is a session of its own, so no group reaches it."""
    until = time.monotonic() + 3
    while (alive := [pid for pid in family if (Path("/proc") / str(pid)).exists()]) and time.monotonic() < until:
        time.sleep(_POLL_SECONDS)
    for pid in alive:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
