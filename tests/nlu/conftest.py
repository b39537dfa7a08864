"""One small model and one engine for the whole run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.nlu.engine_process import Engine, train
from tests.nlu.fake_actions import FakeActions


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained archive."""
    return train(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="session")
def actions() -> Iterator[FakeActions]:
    """The app's action server."""
    with FakeActions() as server:
        yield server


@pytest.fixture(scope="session")
def running(model: Path, actions: FakeActions, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The engine process."""
    engine = Engine(model, tmp_path_factory.mktemp("engine"), actions.url).start()
    yield engine
    engine.stop()


@pytest.fixture
def engine(running: Engine, actions: FakeActions) -> Iterator[Engine]:
    """The engine, with an action server that behaves."""
    actions.calls.status, actions.calls.silent = 200, False
    actions.calls.bodies.clear()
    actions.calls.queries.clear()
    yield running
    actions.calls.status, actions.calls.silent = 200, False
