"""The drill with real processes: `bot backup` and `bot restore` killed half-way, on a full disk, beside a server."""

from __future__ import annotations

import asyncio
import http.server
import json
import resource
import signal
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import insert

from bot.db import models
from bot.db.engine import transaction
from bot.ids import new_id
from bot.keeping import archive
from bot.settings import ROOT
from tests.keeping.world import NOW, WORDS, add_person, add_staff, bot, command, environment, fill, opened, run

_ROWS = 8_000


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose linli.db takes a second to back up, and backup.tar.gz of it."""
    var = tmp_path_factory.mktemp("large")
    run(_fill_large(f"sqlite:///{var}/linli.db"))
    done = bot("backup", var / "backup.tar.gz", var=var)
    assert done.returncode == 0, done.stderr
    return var


async def _fill_large(url: str) -> None:
    async with opened(url) as database, transaction(database) as connection:
        person = await add_person(connection, await add_staff(connection))
        rows = [
            {
                "id": new_id(), "conversation_id": person.id, "seq": 10 + number, "direction": "in",
                "author": "resident", "status": "answered", "key": None, "text": f"{number} {new_id().hex * 8}",
                "content": {}, "in_reply_to": None, "staff_id": None, "claimed_by": None, "attempts": 1,
                "created_at": NOW,
            }
            for number in range(_ROWS)
        ]  # fmt: skip
        await connection.execute(insert(models.Message), rows)


def tables(url: str) -> list[str]:
    """What stands in a database, looked at without our own code."""
    if url.startswith("sqlite"):
        if not Path(url.removeprefix("sqlite:///")).exists():
            return []
        with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
            return [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]

    async def look() -> list[str]:
        connection = await asyncpg.connect(url)
        rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        await connection.close()
        return [row[0] for row in rows]

    found: list[str] = asyncio.run(look())
    return found


def kill_in_the_middle(words: list[str], env: dict[str, str], line: str) -> None:
    """Start it, wait until it says that it is under way, and kill it as a power cut would."""
    with subprocess.Popen(command(*words), env=env, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert any(said.startswith(line) for said in iter(process.stderr.readline, ""))
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL


def test_a_restore_that_is_killed_leaves_nothing_and_can_be_done_again(
    large: Path, database_url: str, tmp_path: Path
) -> None:
    kill_in_the_middle(["restore", str(large / "backup.tar.gz")], environment(tmp_path, database_url), "restoring: ")
    assert tables(database_url) == []
    done = bot("restore", large / "backup.tar.gz", var=tmp_path, url=database_url)
    assert done.returncode == 0, done.stderr
    assert f"{_ROWS + 10} rows" not in done.stderr
    assert "is restored" in done.stdout
    assert "messages" in tables(database_url)


def test_a_forced_restore_that_is_killed_leaves_the_old_contents(
    large: Path, database_url: str, tmp_path: Path
) -> None:
    run(fill(database_url))
    words = ["restore", "--force-empty", str(large / "backup.tar.gz")]
    kill_in_the_middle(words, environment(tmp_path, database_url), "restoring: ")
    before = bot("purge", "--preview", var=tmp_path, url=database_url)
    assert "anonymous   kept 30 days: 2 conversations" in before.stdout, before.stderr


def test_a_backup_that_is_killed_leaves_no_file_and_the_next_one_tidies_up(large: Path, tmp_path: Path) -> None:
    file = tmp_path / "b.tar.gz"
    kill_in_the_middle(["backup", str(file)], environment(large), "backing up: ")
    assert not file.exists()
    assert len(list(tmp_path.iterdir())) <= 1
    done = bot("backup", file, var=large)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == [file]
    assert archive.verify(file).rows()["messages"] == _ROWS + 3


def limited(size: int) -> Callable[[], None]:
    """No file may grow beyond this, as on a disk that is full; Python ignores the signal and sees the error."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@pytest.mark.parametrize("size", [40_000, 100_000])
def test_a_full_disk_is_one_line_and_no_half_backup(size: int, large: Path, tmp_path: Path) -> None:
    assert (large / "backup.tar.gz").stat().st_size > 2 * size
    ended = bot("backup", tmp_path / "b.tar.gz", var=large, preexec_fn=limited(size))
    assert ended.returncode == 1
    assert list(tmp_path.iterdir()) == []
    (line,) = [line for line in ended.stderr.splitlines() if not line.startswith("backing up: ")]
    assert line == f"bot: {tmp_path}/b.tar.gz was not written: File too large"


@pytest.mark.parametrize("size", [50_000, 1_000_000])
def test_a_full_disk_at_restoring_leaves_nothing(size: int, large: Path, tmp_path: Path) -> None:
    ended = bot("restore", large / "backup.tar.gz", var=tmp_path / "var", preexec_fn=limited(size))
    assert ended.returncode == 1
    (line,) = [line for line in ended.stderr.splitlines() if not line.startswith("restoring: ")]
    assert line.startswith("bot: nothing was restored: ")
    assert list((tmp_path / "var").iterdir()) == []
    assert WORDS not in ended.stderr


@contextmanager
def answering(var: Path) -> Iterator[None]:
    """Something that answers where a server announced itself."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(503)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        announced = {"local": f"http://127.0.0.1:{server.server_port}", "pid": 1, "address": None, "at": 0}
        (var / "run.json").write_text(json.dumps(announced))
        yield
        server.shutdown()


def test_a_running_server_is_not_restored_under(large: Path, tmp_path: Path) -> None:
    with answering(tmp_path):
        ended = bot("restore", large / "backup.tar.gz", var=tmp_path)
        assert (ended.returncode, ended.stderr) == (1, "bot: a server is running on this database; stop it first\n")
        assert not (tmp_path / "linli.db").exists()
    # What a killed server left behind says nothing.
    assert bot("restore", large / "backup.tar.gz", var=tmp_path).returncode == 0


def test_a_check_reads_and_changes_nothing(large: Path, tmp_path: Path) -> None:
    done = bot("restore", "--check", large / "backup.tar.gz", var=tmp_path)
    assert done.returncode == 0
    assert "is whole" in done.stdout
    assert list(tmp_path.iterdir()) == []
    cut = tmp_path / "cut.tar.gz"
    cut.write_bytes((large / "backup.tar.gz").read_bytes()[:5000])
    ended = bot("restore", "--check", cut, var=tmp_path)
    assert ended.returncode == 1
    assert ended.stderr == f"bot: {cut} is damaged, cut off, or no backup of Linli\n"


def test_keys_go_their_own_way(tmp_path: Path) -> None:
    var = tmp_path / "var"
    var.mkdir()
    none = bot("backup", "--keys", tmp_path / "keys", var=var)
    assert (none.returncode, none.stderr.count("\n")) == (1, 1)
    (var / "local.secret").write_text("x" * 43)
    done = bot("backup", "--keys", tmp_path / "keys", var=var)
    assert done.returncode == 0
    assert "x" * 43 not in done.stdout + done.stderr
    assert bot("restore", "--keys", tmp_path / "keys", var=tmp_path / "new").returncode == 0
    assert (tmp_path / "new" / "local.secret").read_text() == "x" * 43
