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
import tarfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text

from bot import training
from bot.app import silent
from bot.conversations.acts import ACTS
from bot.db.engine import make_engine, transaction
from bot.db.migrate import migrate
from bot.encoder import DIMENSIONS, Encoder
from bot.errors import StartError
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


# Starting Python with all that `bot` imports takes seconds: it is done once, and each case is a fork of that process.
ZYGOTE = """
import json, os, sys
from bot import cli, training
from bot.settings import load_settings

def no_training(*_):
    raise AssertionError("the archive was not looked at")

for case in json.load(sys.stdin):
    child = os.fork()
    if child == 0:
        os.environ.update(case["environment"])
        for number, name in ((1, "out"), (2, "err")):
            os.dup2(os.open(os.path.join(case["folder"], name), os.O_WRONLY | os.O_CREAT), number)
        code = 99
        try:
            if case["break_model"]:
                # Here, since the archive's name follows from the sealed room's code as it is at this moment.
                path = training.model_path(load_settings())
                path.parent.mkdir()
                path.write_bytes(b"no archive")
                training.train = no_training
            code = cli.main(case["words"])
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            if code == 99:
                import traceback
                os.write(2, traceback.format_exc().encode())
            os._exit(code)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Ended]]:
    """How each of the commands below ended, by name."""
    folder = tmp_path_factory.mktemp("ended")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        cases = dict(_cases(folder, taken.getsockname()[1]))
        asked = []
        for name, (words, given) in cases.items():
            (folder / name).mkdir(exist_ok=True)
            wanted = environment(given.pop("VAR_FOLDER", folder / name / "var"), **given)
            changed = {key: text for key, text in wanted.items() if os.environ.get(key) != text}
            broken = "MODELS_FOLDER" in given
            asked.append({"folder": str(folder / name), "words": words, "environment": changed, "break_model": broken})
        zygote = subprocess.run(
            [sys.executable, "-c", ZYGOTE], input=json.dumps(asked), capture_output=True, text=True,
            timeout=60, cwd=ROOT,
            env={name: text for name, text in environment(folder).items() if not name.startswith("LINLI_")},
        )  # fmt: skip
    codes = [int(code) for code in zygote.stdout.split()]
    assert len(codes) == len(cases), zygote.stderr
    yield {
        name: Ended(code, (folder / name / "out").read_text(), (folder / name / "err").read_text())
        for name, code in zip(cases, codes, strict=True)
    }


def _cases(folder: Path, port: int) -> Iterator[tuple[str, tuple[list[str], dict[str, Any]]]]:
    (folder / "file").write_text("in the way")
    (folder / "newer" / "var").mkdir(parents=True)
    asyncio.run(_newer(folder / "newer" / "var"))
    serve = ["serve"]
    yield "taken", (serve, {"PORT": port})
    yield "unwritable", (serve, {"VAR_FOLDER": folder / "file" / "var"})
    yield "broken", (serve, {"MODELS_FOLDER": folder / "models", "ENGINE_WORKERS": 1})
    yield "newer", (serve, {})
    yield "unknown", (serve, {"PROT": 1})
    yield "port", (serve, {"PORT": 70000})
    yield "level", (serve, {"LOG_LEVEL": "loud"})
    yield "url", (serve, {"DATABASE_URL": "nonsense"})
    yield "refused", (serve, {"DATABASE_URL": "postgresql://linli:hunter2@127.0.0.1:9/x"})
    yield "content", (serve, {"KNOWLEDGE_FOLDER": "/nowhere"})
    yield "settings", (["settings"], {"DATABASE_URL": "postgresql://linli:hunter2@127.0.0.1:9/x", "PORT": 1234})
    yield "nothing", (["ask"], {})


async def _newer(var: Path) -> None:
    engine = make_engine(load_settings({}, var_folder=var).database_url)
    await migrate(engine)
    async with transaction(engine) as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    await engine.dispose()


@pytest.mark.parametrize(
    ("name", "named"),
    [
        ("taken", ["cannot listen on 127.0.0.1:", "LINLI_PORT"]),
        ("unwritable", ["cannot write to", "file/var"]),
        ("broken", ["linli-", ".tar.gz", "broken"]),
        ("newer", ["newer than this code", "9999"]),
        ("unknown", ["unknown setting LINLI_PROT"]),
        ("port", ["PORT"]),
        ("level", ["LINLI_LOG_LEVEL"]),
        ("url", ["DATABASE"]),
        ("refused", ["the database cannot be opened"]),
        ("content", ["offices.yml"]),
    ],
)
def test_what_cannot_start_says_so_in_one_line(ended: dict[str, Ended], name: str, named: list[str]) -> None:
    """Exit code 1, nothing on stdout, and one line for a person among the lines that say what is being done."""
    result = ended[name]
    assert "Traceback" not in result.err, result.err
    assert (result.code, result.out) == (1, "")
    lines = [line for line in result.err.splitlines() if line.startswith("bot: ")]
    assert len(lines) == 1, result.err
    for part in named:
        assert part in lines[0]
    assert "hunter2" not in result.err


def test_the_settings_are_listed_as_they_are_and_without_secrets(ended: dict[str, Ended]) -> None:
    result = ended["settings"]
    assert result.code == 0
    assert "LINLI_PORT" in result.out
    assert "1234" in result.out
    assert "hunter2" not in result.out + result.err


def test_a_question_is_needed(ended: dict[str, Ended]) -> None:
    assert (ended["nothing"].code, ended["nothing"].out) == (2, "")
    assert ended["nothing"].err.startswith("bot ask: ")


@pytest.mark.parametrize("damage", ["none", "nonsense", "cut", "flipped", "other"])
def test_a_model_archive_is_read_to_its_end(tmp_path: Path, damage: str) -> None:
    (tmp_path / "part").write_bytes(os.urandom(200_000))
    with tarfile.open(tmp_path / "whole", "w:gz") as archive:
        archive.add(tmp_path / "part", "readme.txt" if damage == "other" else "metadata.json")
        archive.add(tmp_path / "part", "weights.bin")
    data = (tmp_path / "whole").read_bytes()
    half = len(data) // 2
    broken = tmp_path / "broken.tar.gz"
    broken.write_bytes(
        {"nonsense": b"no archive", "cut": data[:half], "flipped": data[:half] + bytes(2000) + data[half + 2000 :]}.get(
            damage, data
        )
    )
    if damage == "none":
        training.check_archive(broken)
        return
    with pytest.raises(StartError, match=r"broken\.tar\.gz"):
        training.check_archive(broken)


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
    knowledge, version = await store.load(database), publishing.encoder_version()
    others = other_passages(ROOT / "data" / "nlu", KNOWLEDGE, LanguageIdentifier(), ACTS)
    passages = [*article_passages(knowledge), *others]
    keys = {digest(f"{version}\0{passage.language}\0{passage.text}") for passage in passages}
    await store.store_vectors(database, dict(zip(sorted(keys), _made_up(len(keys)), strict=True)))
    await publishing.build_search(database, knowledge, passages, Encoder(), version, var / "index", silent)
    await database.dispose()


def _made_up(count: int) -> np.ndarray:
    """Vectors as the encoder's: each half of length one."""
    rows = np.random.default_rng(1).normal(size=(count, 2, DIMENSIONS // 2)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=2, keepdims=True)
    return rows.reshape(count, DIMENSIONS)


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
    assert [words for direction, _, words in rows if direction == "out"] == told
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
