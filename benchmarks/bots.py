"""The two that are compared: how each is set up, trained and started, untouched, as its own documentation says."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import driver
from benchmarks.places import APP_PYTHON, ENGINE_PYTHON, FOLDER, ROOT, clean_environment, free_port
from benchmarks.processes import BenchError, Process, get, run

_MODELS = FOLDER / "models"
_START_SECONDS = 300.0
_TRAIN_SECONDS = 1800.0
# The first start encodes every passage: a minute on two free cores, many on a busy one.
_PREPARE_SECONDS = 1800.0
_OUR_ENGINE_IS_UP = "Linli answers at"
# The part of `rasa init --no-prompt` that writes the project; the other part, training, is timed by itself.
_WRITE_PROJECT = "import sys; from rasa.cli.scaffold import create_initial_project; create_initial_project(sys.argv[1])"


@dataclass(frozen=True)
class Running:
    """A bot that answers: whom to ask, what to weigh, and how long it took to get here."""

    name: str
    protocol: driver.Protocol
    url: str
    pid: int
    start_seconds: float


@dataclass(frozen=True)
class Starter:
    """The project that `rasa init` writes: default pipeline (DIET) and policies (TED, UnexpecTED), default settings."""

    name: str = "starter bot"
    folder: Path = FOLDER / "starter"

    def prepare(self, *, fresh: bool) -> None:
        if fresh:
            shutil.rmtree(self.folder, ignore_errors=True)
        if not (self.folder / "config.yml").exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            run(self._process("init", (str(ENGINE_PYTHON), "-c", _WRITE_PROJECT, str(self.folder))), _START_SECONDS)

    def trained(self) -> bool:
        return any((self.folder / "models").glob("*.tar.gz"))

    def train(self) -> float:
        shutil.rmtree(self.folder / ".rasa", ignore_errors=True)
        shutil.rmtree(self.folder / "models", ignore_errors=True)
        return run(self._process("train", _rasa("train")), _TRAIN_SECONDS)

    @contextmanager
    def running(self) -> Iterator[Running]:
        port = free_port()
        url = f"http://127.0.0.1:{port}/webhooks/rest"
        started = time.monotonic()
        with self._process("run", _rasa("run", "-i", "127.0.0.1", "-p", str(port))) as process:
            # Rasa listens only when its model is loaded; /status needs --enable-api, which is no default.
            process.wait_until(lambda: get(f"{url}/") is not None, _START_SECONDS)
            seconds = time.monotonic() - started
            yield Running(self.name, driver.Protocol.REST, f"{url}/webhook", process.pid, seconds)

    def _process(self, what: str, command: tuple[str, ...]) -> Process:
        log_file = FOLDER / f"starter-{what}.log"
        return Process(f"{self.name} ({what})", command, self.folder, clean_environment(), log_file)


@dataclass(frozen=True)
class System:
    """This system: the app with its engine workers, on a database of its own."""

    workers: int

    @property
    def name(self) -> str:
        return f"this system, {self.workers} engine worker{'s' if self.workers > 1 else ''}"

    @property
    def folder(self) -> Path:
        return FOLDER / ("linli" if self.workers == 1 else f"linli-{self.workers}")

    def prepare(self, *, fresh: bool) -> None:
        if fresh:
            shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True, exist_ok=True)

    def trained(self) -> bool:
        return any(_MODELS.glob("*.tar.gz"))

    def train(self) -> float:
        shutil.rmtree(_MODELS, ignore_errors=True)
        cache = FOLDER / "cache"
        shutil.rmtree(cache, ignore_errors=True)
        command = (str(APP_PYTHON), "-m", "bot.cli", "train", "--force")
        return run(self._process("train", command, RASA_CACHE_DIRECTORY=str(cache)), _TRAIN_SECONDS)

    def first_start(self) -> float:
        """Start once and stop: database, articles and vectors are there afterwards. The seconds until it answered."""
        with self.running(_PREPARE_SECONDS) as running:
            return running.start_seconds

    def copy_of(self, other: System) -> None:
        """The same state as another's, so that nothing is encoded twice. Neither may be running."""
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(other.folder, self.folder)

    @contextmanager
    def running(self, patience: float = _START_SECONDS) -> Iterator[Running]:
        port = free_port()
        address = f"http://127.0.0.1:{port}"
        started = time.monotonic()
        process = self._process(
            "serve", (str(APP_PYTHON), "-m", "bot.cli", "serve"), LINLI_PORT=str(port), LINLI_RATE_PER_MINUTE="0"
        )
        with process:
            process.wait_until(lambda: _engine_up(address), patience)
            seconds = time.monotonic() - started
            # /readyz is content with one worker; this line comes when all are up.
            process.wait_until(lambda: process.said(_OUR_ENGINE_IS_UP), patience)
            if process.said("engine is not ready"):
                raise BenchError(f"{self.name}: an engine worker did not start; see {self.folder}")
            yield Running(self.name, driver.Protocol.CHAT, f"{address}/api/chat", process.pid, seconds)

    def _process(self, what: str, command: tuple[str, ...], **settings: str) -> Process:
        environment = clean_environment(
            LINLI_VAR_FOLDER=str(self.folder),
            LINLI_MODELS_FOLDER=str(_MODELS),
            LINLI_ENGINE_WORKERS=str(self.workers),
            **settings,
        )
        return Process(f"{self.name} ({what})", command, ROOT, environment, FOLDER / f"{self.folder.name}-{what}.log")


def _rasa(*arguments: str) -> tuple[str, ...]:
    return (str(ENGINE_PYTHON), "-m", "rasa", *arguments)


def _engine_up(address: str) -> bool:
    body = get(f"{address}/readyz")
    return body is not None and json.loads(body)["engine"] == "up"
