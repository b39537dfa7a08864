"""The engine's processes: the model they run, the door to them, and who watches them."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
from sqlalchemy.ext.asyncio import AsyncEngine

from bot import training
from bot.circuit import Circuit
from bot.encoder import Encoder
from bot.engine import EngineDoor, Worker
from bot.knowledge.publishing import Progress
from bot.settings import ROOT, Settings
from bot.workers import Launch, Supervisor, free_port


class Fleet:
    """All workers of this app process; `local_port` is where their actions are run. They end with `stack`."""

    def __init__(self, settings: Settings, session: aiohttp.ClientSession, secret: str, stack: AsyncExitStack) -> None:
        self._settings = settings
        self._secret = secret
        self._stack = stack
        self._model: Path | None = None
        self.local_port = free_port()
        self.door = _door(settings, session, secret)
        self.supervisors: list[Supervisor] = []

    @property
    def model_name(self) -> str:
        return self._model.name.removesuffix(".tar.gz") if self._model is not None else "none"

    def start_if_trained(self) -> None:
        """StartError when the archive is broken, or the engine's environment is missing."""
        if self._settings.engine_workers == 0:
            return
        training.check_engine_environment()
        path = training.model_path(self._settings)
        if path.exists():
            self._start(path)

    async def train_and_start(self, database: AsyncEngine, encoder: Encoder, progress: Progress) -> None:
        """Train when there was no model for the present data; nothing when the workers have been started."""
        if self._settings.engine_workers == 0 or self.supervisors:
            return
        path = training.model_path(self._settings)
        await training.train(self._settings, database, encoder, progress)
        self._start(path)

    def _start(self, model: Path) -> None:
        training.check_archive(model)
        self._model = model
        for worker in self.door.workers:
            supervisor = Supervisor(worker, self._launch(worker, model), self.door.session)
            self._stack.push_async_callback(supervisor.stop)
            self.supervisors.append(supervisor)
            supervisor.start()

    def _launch(self, worker: Worker, model: Path) -> Launch:
        environment = {
            "LINLI_SECRET": self._secret,
            "LINLI_ACTION_URL": f"http://127.0.0.1:{self.local_port}/actions",
            "LINLI_TRACKER": str(self._settings.tracker_file),
            "RASA_TELEMETRY_ENABLED": "false",
            "OMP_NUM_THREADS": "1",
        }
        command = (str(training.ENGINE_PYTHON), "-m", "bot.nlu.serve")
        return Launch(command, ROOT, model, environment, self._settings.var_folder / f"{worker.name}.log")


def _door(settings: Settings, session: aiohttp.ClientSession, secret: str) -> EngineDoor:
    workers = [
        Worker(
            name=f"engine-{number}",
            url=f"http://127.0.0.1:{free_port()}",
            circuit=Circuit(settings.engine_failures_to_open, settings.engine_open_seconds),
        )
        for number in range(1, settings.engine_workers + 1)
    ]
    return EngineDoor(session, secret, settings.engine_timeout_seconds, workers)
