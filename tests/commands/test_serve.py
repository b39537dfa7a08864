"""`bot serve` as a process: what it says when it cannot start, what a kill leaves, how it ends."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bot import training
from bot.app import silent
from bot.db.engine import make_engine
from bot.db.migrate import migrate
from bot.encoder import DIMENSIONS, MEANS_FILE, Encoder
from bot.knowledge import publishing, store
from bot.knowledge.articles import digest
from bot.knowledge.passages import article_passages, other_passages
from bot.language_id import LanguageIdentifier
from bot.settings import load_settings
from tests.fakes.engine import ROOT
from tests.fakes.site import KNOWLEDGE, NOW

MARKER = "Zwickelfritz"


def environment(var: Path, **given: object) -> dict[str, str]:
    own = {name: text for name, text in os.environ.items() if not name.startswith("LINLI_") and name != "DATABASE_URL"}
    wanted = {"VAR_FOLDER": var, "KNOWLEDGE_FOLDER": KNOWLEDGE, "ENGINE_WORKERS": 0, "PORT": 0, **given}
    return own | {f"LINLI_{name}": str(value) for name, value in wanted.items()} | {"PYTHONPATH": str(ROOT)}


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "bot.cli", *words]


def run(var: Path, *words: str, **given: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*words), env=environment(var, **given), cwd=ROOT, capture_output=True, text=True, timeout=60
    )


def assert_one_line(result: subprocess.CompletedProcess[str], *named: str) -> None:
    """Exit code 1, nothing on stdout, and one line for a person among the lines that say what is being done."""
    assert result.returncode == 1, result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    lines = [line for line in result.stderr.splitlines() if line.startswith("bot: ")]
    assert len(lines) == 1, result.stderr
    for name in named:
        assert name in lines[0]


def test_a_taken_port(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert_one_line(run(tmp_path / "var", "serve", PORT=port), str(port), "LINLI_PORT")


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert_one_line(run(tmp_path / "file" / "var", "serve"), "cannot write", "file/var")


@pytest.mark.parametrize("damage", ["nonsense", "cut", "flipped", "other"])
def test_a_broken_model_archive(tmp_path: Path, damage: str) -> None:
    """The rules by themselves; that `bot serve` says so is tried once below."""
    import tarfile

    from bot.errors import StartError

    whole = tmp_path / "whole.tar.gz"
    (tmp_path / "metadata.json").write_bytes(os.urandom(200_000))
    with tarfile.open(whole, "w:gz") as archive:
        archive.add(tmp_path / "metadata.json", "metadata.json" if damage != "other" else "readme.txt")
        archive.add(tmp_path / "metadata.json", "weights.bin")
    data = bytearray(whole.read_bytes())
    if damage == "cut":
        data = data[: len(data) // 2]
    elif damage == "flipped":
        data[len(data) // 2 : len(data) // 2 + 2000] = bytes(2000)
    broken = tmp_path / "broken.tar.gz"
    broken.write_bytes(b"no archive" if damage == "nonsense" else bytes(data))
    with pytest.raises(StartError, match=r"broken\.tar\.gz"):
        training.check_archive(broken)
    if damage == "cut":
        training.check_archive(whole)


def test_serving_with_a_broken_model_archive(tmp_path: Path) -> None:
    if not training.ENGINE_PYTHON.exists():
        pytest.fail("the sealed room's environment is missing: run `make setup`")
    models = tmp_path / "models"
    models.mkdir()
    path = training.model_path(load_settings({}, models_folder=models))
    path.write_bytes(b"no archive")
    result = run(tmp_path / "var", "serve", MODELS_FOLDER=models, ENGINE_WORKERS=1)
    assert_one_line(result, path.name, "broken")


def test_a_newer_database(tmp_path: Path) -> None:
    async def make() -> None:
        engine = make_engine(load_settings({}, var_folder=tmp_path).database_url)
        await migrate(engine)
        await engine.dispose()

    asyncio.run(make())
    with sqlite3.connect(tmp_path / "linli.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    assert_one_line(run(tmp_path, "serve"), "newer than this code", "9999")


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"PROT": 1}, "LINLI_PROT"),
        ({"PORT": 70000}, "PORT"),
        ({"LOG_LEVEL": "loud"}, "LINLI_LOG_LEVEL"),
        ({"DATABASE_URL": "nonsense"}, "DATABASE"),
        ({"DATABASE_URL": "postgresql://linli:hunter2@127.0.0.1:9/x"}, "database"),
        ({"KNOWLEDGE_FOLDER": "/nowhere"}, "offices.yml"),
    ],
)
def test_what_is_set_wrongly(tmp_path: Path, given: dict[str, object], named: str) -> None:
    result = run(tmp_path, "serve", **given)
    assert_one_line(result, named)
    assert "hunter2" not in result.stderr


def test_help_and_settings_say_no_secret(tmp_path: Path) -> None:
    result = run(tmp_path, "settings", DATABASE_URL="postgresql://linli:hunter2@127.0.0.1:9/x", PORT=1234)
    assert result.returncode == 0
    assert "LINLI_PORT" in result.stdout
    assert "1234" in result.stdout, "what they are now"
    assert "hunter2" not in result.stdout + result.stderr


# --- a server that runs ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A var folder whose vectors are there already, made up: what is tried here does not depend on their meaning."""
    var = tmp_path_factory.mktemp("serve") / "var"
    var.mkdir()
    asyncio.run(_prepare(var))
    return var


async def _prepare(var: Path) -> None:
    database = make_engine(load_settings({}, var_folder=var).database_url)
    await migrate(database)
    await publishing.publish_files(database, KNOWLEDGE, NOW)
    knowledge, version = await store.load(database), publishing.encoder_version(MEANS_FILE)
    others = other_passages(ROOT / "data" / "nlu", KNOWLEDGE, LanguageIdentifier())
    passages = [*article_passages(knowledge), *others]
    keys = {digest(f"{version}\0{passage.language}\0{passage.text}") for passage in passages}
    random = np.random.default_rng(1)
    await store.store_vectors(database, {key: random.normal(size=DIMENSIONS).astype(np.float32) for key in sorted(keys)})
    await publishing.build_search(database, knowledge, passages, Encoder(), version, var / "index", silent)
    await database.dispose()


class Serving:
    """A `bot serve` of the test's own."""

    def __init__(self, var: Path) -> None:
        self.log = (var.parent / "stderr").open("a+b")
        self.process = subprocess.Popen(
            command("serve"), env=environment(var), cwd=ROOT, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL
        )
        self.announcement = var / "run.json"
        self.address = self._address()

    def _address(self) -> str:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process.poll() is None:
            if self.announcement.exists():
                said = json.loads(self.announcement.read_text() or "{}")
                if said.get("pid") == self.process.pid:
                    return str(said["address"])
            time.sleep(0.05)
        raise AssertionError(self.said())

    def said(self) -> str:
        self.log.seek(0)
        return self.log.read().decode()

    def say(self, **fields: str) -> dict[str, Any]:
        request = urllib.request.Request(
            f"{self.address}/api/chat", json.dumps(fields).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            reply: dict[str, Any] = json.load(response)
            return reply

    def end(self, sign: signal.Signals) -> int:
        self.process.send_signal(sign)
        return self.process.wait(timeout=20)


@pytest.fixture
def var(prepared: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(prepared, tmp_path / "var"))


@pytest.fixture
def serving(var: Path) -> Iterator[Serving]:
    server = Serving(var)
    yield server
    if server.process.poll() is None:
        server.end(signal.SIGKILL)
    server.log.close()


def test_after_a_kill_everything_that_was_answered_is_there_and_goes_on(serving: Serving, var: Path) -> None:
    first = serving.say(text=f"I am {MARKER}: how do I rent a flat?")
    second = serving.say(text="thank you", conversation=first["conversation"])
    assert serving.end(signal.SIGKILL) == -signal.SIGKILL
    assert MARKER not in serving.said()
    with sqlite3.connect(var / "linli.db") as connection:
        rows = connection.execute("SELECT direction, status, text FROM messages ORDER BY seq").fetchall()
    told = [message["text"] for reply in (first, second) for message in reply["messages"]]
    assert [text for direction, _, text in rows if direction == "out"] == told
    assert {status for direction, status, _ in rows if direction == "in"} == {"answered"}

    again = Serving(var)
    try:
        third = again.say(text="goodbye", conversation=first["conversation"])
        assert third["conversation"] == first["conversation"]
    finally:
        code = again.end(signal.SIGTERM)
    assert code == 0
    assert not again.announcement.exists()
    assert "stopping" in again.said()
    assert "Traceback" not in again.said()


def test_an_interrupt_while_starting_ends_at_once(var: Path) -> None:
    process = subprocess.Popen(
        command("serve"), env=environment(var), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    assert process.stderr.readline() == "starting\n"
    process.send_signal(signal.SIGINT)
    rest = process.stderr.read()
    assert process.wait(timeout=15) == 0
    assert rest == "stopped\n"
    assert not (var / "run.json").exists()
