"""The app alone, without an engine, for what needs no answers: a real `bot serve` on a folder and a port of its own."""

from __future__ import annotations

import resource
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from benchmarks.places import APP_PYTHON, FOLDER, ROOT, clean_environment, free_port
from benchmarks.processes import BenchError, Process

_PREPARED = FOLDER / "app"
_START_SECONDS = 300.0
# The first start encodes every passage.
_PREPARE_SECONDS = 1800.0
_IS_UP = "Linli answers at"
# One machine plays thousands of residents here: what is counted by address is let through.
_SETTINGS = {
    "LINLI_ENGINE_WORKERS": "0",
    "LINLI_RATE_PER_MINUTE": "0",
    "LINLI_SESSIONS_PER_MINUTE": "0",
    "LINLI_PROOF_BITS": "0",
    "LINLI_MOST_CONNECTIONS_PER_ADDRESS": "100000",
}
# Descriptors beside the sockets: database, logs, indexes.
_OTHER_FILES = 200


@dataclass(frozen=True)
class App:
    """`name` of the folder of its state; the same port at each start. `settings` beside, or instead of, the usual."""

    name: str
    port: int = field(default_factory=free_port)
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def prepare(self) -> None:
        """A fresh state: articles and vectors as the first start leaves them, and no conversation."""
        _start_once()
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(_PREPARED, self.folder)

    @contextmanager
    def running(self, patience: float = _START_SECONDS) -> Iterator[Process]:
        process = Process("the app", _bot("serve"), ROOT, self.environment(), FOLDER / f"{self.name}-serve.log")
        with process:
            process.wait_until(lambda: process.said(_IS_UP), patience)
            yield process

    def user(self, name: str, shown_name: str) -> str:
        """Make an operator; the token."""
        command = _bot("user", "add", name, "--role", "operator", "--language", "en", "--shown-name", shown_name)
        done = subprocess.run(command, cwd=ROOT, env=self.environment(), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise BenchError(f"bot user add ended with code {done.returncode}: {done.stderr.strip()}")
        return done.stdout.split()[-1]

    @property
    def folder(self) -> Path:
        return FOLDER / self.name

    def environment(self) -> dict[str, str]:
        own = {"LINLI_VAR_FOLDER": str(self.folder), "LINLI_PORT": str(self.port)}
        return clean_environment(**{**_SETTINGS, **own, **self.settings})


@cache
def _start_once() -> None:
    """So that no start after it has anything to encode."""
    with App(_PREPARED.name).running(_PREPARE_SECONDS):
        pass


def allow_open_files(sockets: int) -> int:
    """Raise this process's limit, which the servers that it starts inherit; how many sockets there may then be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = sockets + _OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return sockets if soft == resource.RLIM_INFINITY else min(sockets, soft - _OTHER_FILES)


def _bot(*arguments: str) -> tuple[str, ...]:
    return (str(APP_PYTHON), "-m", "bot.cli", *arguments)
