"""Backup and restore: what goes in comes out, on either kind of database or the other one; damage is refused."""

from __future__ import annotations

import gzip
import io
import itertools
import json
import os
import re
import stat
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic import command as alembic
from sqlalchemy import insert, select, text, update

from bot.db import leases, models
from bot.db.engine import make_engine, transaction
from bot.db.migrate import config
from bot.errors import LinliError
from bot.keeping import archive, trackers
from bot.keeping.backup import back_up
from bot.keeping.errors import KeepingError
from bot.keeping.keys import back_up_keys, restore_keys
from bot.keeping.restore import restore
from bot.settings import ROOT
from tests.keeping.world import (
    NOT_KEPT,
    NOW,
    WORDS,
    add_person,
    add_staff,
    contents,
    fill,
    fill_trackers,
    full_url,
    opened,
    tracker_rows,
)

MakeUrl = Callable[[str], str]


def quiet(_what: str, _done: int, _of: int) -> None:
    pass


@pytest.fixture
def other_url(database_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A second empty database of the same kind."""
    if database_url.startswith("sqlite"):
        return f"sqlite:///{tmp_path}/other.db"
    url: str = request.getfixturevalue("another_postgres_url")
    return url


@pytest.fixture
def another_postgres_url(postgres_server: str) -> str:
    import asyncio

    import asyncpg

    name = f"other_{next(_numbers)}"

    async def create() -> None:
        connection = await asyncpg.connect(f"{postgres_server}/postgres")
        await connection.execute(f"CREATE DATABASE {name}")
        await connection.close()

    asyncio.run(create())
    return f"{postgres_server}/{name}"


_numbers = itertools.count(1)


async def saved(url: str, folder: Path, **options: Any) -> Path:
    file = folder / "backup.tar.gz"
    await back_up(full_url(url), str(folder / "tracker.db"), file, NOW, quiet, **options)
    return file


async def restored(url: str, file: Path, place: Path | str, **options: Any) -> archive.Manifest:
    return await restore(full_url(url), str(place), file, NOW, quiet, **options)


def kept(found: dict[str, Any]) -> dict[str, Any]:
    return {name: rows for name, rows in found.items() if name not in NOT_KEPT}


async def test_everything_comes_back(database_url: str, other_url: str, tmp_path: Path) -> None:
    people = await fill(database_url)
    await fill_trackers(str(tmp_path / "tracker.db"), people)
    file = await saved(database_url, tmp_path)
    manifest = await restored(other_url, file, tmp_path / "tracker2.db")
    assert kept(await contents(other_url)) == kept(await contents(database_url))
    assert (await contents(other_url))["embeddings"] == (await contents(other_url))["leases"] == []
    assert await tracker_rows(str(tmp_path / "tracker2.db")) == await tracker_rows(str(tmp_path / "tracker.db")) != []
    assert manifest.rows()["conversations"] == 2
    assert manifest.rows()["messages"] == 6


@pytest.mark.parametrize("way", ["sqlite to postgresql", "postgresql to sqlite"])
async def test_from_one_kind_of_database_to_the_other(way: str, postgres_url: str, tmp_path: Path) -> None:
    urls = [f"sqlite:///{tmp_path}/test.db", postgres_url]
    start, end = urls if way.startswith("sqlite") else reversed(urls)
    # The trackers change places too: from the file to PostgreSQL, or back.
    places = [str(tmp_path / "tracker.db"), postgres_url]
    place, new_place = places if way.startswith("sqlite") else reversed(places)
    people = await fill(start)
    await fill_trackers(place, people)
    file = tmp_path / "backup.tar.gz"
    await back_up(full_url(start), place, file, NOW, quiet)
    await restored(end, file, new_place)
    assert kept(await contents(end)) == kept(await contents(start))
    assert await tracker_rows(new_place) == await tracker_rows(place) != []


async def test_embeddings_come_along_when_asked_for(database_url: str, other_url: str, tmp_path: Path) -> None:
    await fill(database_url)
    await restored(other_url, await saved(database_url, tmp_path, embeddings=True), tmp_path / "t.db")
    assert (await contents(other_url))["embeddings"] == (await contents(database_url))["embeddings"] != []


async def test_a_backup_sees_one_state_while_residents_write(database_url: str, other_url: str, tmp_path: Path) -> None:
    """A conversation that arrives while the backup is under way is in it whole or not at all."""
    async with opened(database_url) as database:
        async with transaction(database) as connection:
            staff_id = await add_staff(connection)
            await add_person(connection, staff_id)
        written = 0

        def write(_what: str, _done: int, _of: int) -> None:
            nonlocal written
            write_now(database_url)
            written += 1

        file = tmp_path / "backup.tar.gz"
        await back_up(full_url(database_url), str(tmp_path / "none.db"), file, NOW, write)
        assert written > 5, "the backup went through several tables"
    manifest = await restored(other_url, file, tmp_path / "t.db")
    assert manifest.rows()["conversations"] == 1
    assert manifest.rows()["messages"] == 3
    assert len((await contents(database_url))["conversations"]) == 1 + written


def write_now(url: str) -> None:
    """Another process's write, from within a callback."""
    import asyncio
    import threading

    async def add() -> None:
        async with opened(url) as database, transaction(database) as connection:
            found = await connection.execute(select(models.Staff.id).limit(1))
            await add_person(connection, found.scalar_one())

    thread = threading.Thread(target=lambda: asyncio.run(add()))
    thread.start()
    thread.join()


async def test_the_archive_is_for_its_owner_alone_and_holds_no_key(database_url: str, tmp_path: Path) -> None:
    people = await fill(database_url)
    (tmp_path / "local.secret").write_text("s" * 40)
    file = await saved(database_url, tmp_path)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    body = gzip.decompress(file.read_bytes())
    assert b"s" * 40 not in body
    assert WORDS.encode() in body
    assert people[0].token.encode() in body
    with tarfile.open(file) as tar:
        names = tar.getnames()
    assert names[-1] == archive.MANIFEST
    assert all(re.fullmatch(r"tables/[a-z_]+\.\d{6}\.jsonl", name) for name in names[:-1])


async def test_the_manifest_says_what_is_in_it(database_url: str, tmp_path: Path) -> None:
    await fill(database_url)
    file = await saved(database_url, tmp_path)
    with tarfile.open(file) as tar:
        member = tar.extractfile(archive.MANIFEST)
        assert member is not None
        manifest = json.load(member)
    assert manifest["format"] == "linli-backup"
    assert manifest["made_at"] == NOW.isoformat()
    assert manifest["rows"]["audit"] == 1
    assert manifest["rows"]["engine_trackers"] == 0
    assert "embeddings" not in manifest["rows"]


async def test_a_name_that_is_taken_is_left_alone(database_url: str, tmp_path: Path) -> None:
    await fill(database_url)
    (tmp_path / "backup.tar.gz").write_bytes(b"precious")
    with pytest.raises(KeepingError, match="there already"):
        await saved(database_url, tmp_path)
    assert (tmp_path / "backup.tar.gz").read_bytes() == b"precious"
    assert leftovers(tmp_path) == []


async def test_there_must_be_something_to_back_up(tmp_path: Path) -> None:
    with pytest.raises(KeepingError, match="no database"):
        await saved(f"sqlite:///{tmp_path}/none.db", tmp_path)
    (tmp_path / "empty.db").touch()
    with pytest.raises(KeepingError, match="nothing to back up"):
        await saved(f"sqlite:///{tmp_path}/empty.db", tmp_path)
    assert not (tmp_path / "none.db").exists()
    assert not (tmp_path / "backup.tar.gz").exists()
    assert leftovers(tmp_path) == []


def leftovers(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if ".part" in path.name]


async def test_a_database_that_is_not_empty_is_not_touched(database_url: str, other_url: str, tmp_path: Path) -> None:
    await fill(database_url)
    file = await saved(database_url, tmp_path)
    await fill(other_url)
    before = await contents(other_url)
    with pytest.raises(KeepingError, match="not empty") as caught:
        await restored(other_url, file, tmp_path / "t.db")
    assert "\n" not in str(caught.value)
    assert await contents(other_url) == before
    assert not (tmp_path / "t.db").exists()


async def test_it_is_emptied_when_that_is_said(database_url: str, other_url: str, tmp_path: Path) -> None:
    await fill(database_url)
    file = await saved(database_url, tmp_path)
    others = await fill(other_url)
    await fill_trackers(str(tmp_path / "t.db"), others)
    await restored(other_url, file, tmp_path / "t.db", empty_first=True)
    assert kept(await contents(other_url)) == kept(await contents(database_url))
    assert await tracker_rows(str(tmp_path / "t.db")) == []


async def test_not_under_a_running_server(database_url: str, other_url: str, tmp_path: Path) -> None:
    await fill(database_url)
    file = await saved(database_url, tmp_path)
    async with opened(other_url) as database:
        # Another process of this machine that lives: the one that started this one.
        holder = ":".join([leases.new_holder().split(":")[0], str(os.getppid()), "ab"])
        await leases.take(database, leases.PROCESS_PREFIX + holder, holder, 60, NOW)
        with pytest.raises(KeepingError, match="server is running"):
            await restored(other_url, file, tmp_path / "t.db", empty_first=True)
        await leases.release(database, leases.PROCESS_PREFIX + holder, holder)
    await restored(other_url, file, tmp_path / "t.db")
    assert kept(await contents(other_url)) == kept(await contents(database_url))


def rewritten(file: Path, change: Callable[[str, bytes], bytes | None]) -> Path:
    """The archive with some members changed or (None) left out."""
    to = file.with_name("changed.tar.gz")
    with tarfile.open(file) as old, tarfile.open(to, "w:gz") as new:
        for info in old:
            member = old.extractfile(info)
            assert member is not None
            body = change(info.name, member.read())
            if body is not None:
                info.size = len(body)
                new.addfile(info, io.BytesIO(body))
    return to


def other_manifest(name: str, value: Any) -> Callable[[str, bytes], bytes]:
    def change(member: str, body: bytes) -> bytes:
        return json.dumps(json.loads(body) | {name: value}).encode() if member == archive.MANIFEST else body

    return change


DAMAGES: dict[str, tuple[Callable[[str, bytes], bytes | None], str]] = {
    "a word": (lambda _name, body: body.replace(b"passport", b"passporT"), "sums"),
    "a piece is missing": (lambda name, body: None if "messages" in name else body, "sums"),
    "a line is missing": (lambda name, body: body.split(b"\n", 1)[1] if "messages" in name else body, "sums"),
    "no manifest": (lambda name, body: None if name == archive.MANIFEST else body, "cut off"),
    "a manifest of something else": (lambda name, body: b"[]" if name == archive.MANIFEST else body, "manifest"),
    "another format": (other_manifest("format", "x"), "manifest"),
    "a newer format": (other_manifest("version", 2), "newer program"),
    "a newer schema": (other_manifest("revision", "9999"), "newer than this program"),
    "an evil table": (other_manifest("tables", [{"name": "a; drop", "fields": []}]), "manifest"),
}


@pytest.mark.parametrize("damage", DAMAGES)
async def test_damage_is_seen_before_anything_is_touched(damage: str, tmp_path: Path) -> None:
    await fill(f"sqlite:///{tmp_path}/test.db")
    change, words = DAMAGES[damage]
    file = rewritten(await saved(f"sqlite:///{tmp_path}/test.db", tmp_path), change)
    with pytest.raises(KeepingError, match=words) as caught:
        await restored(f"sqlite:///{tmp_path}/new.db", file, tmp_path / "t.db")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "new.db").exists()
    assert not (tmp_path / "t.db").exists()


def _unpacked(data: bytes) -> bytes | None:
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error):
        return None


async def test_a_cut_or_bent_archive_is_refused_wherever_it_is(tmp_path: Path) -> None:
    await fill(f"sqlite:///{tmp_path}/test.db")
    file = await saved(f"sqlite:///{tmp_path}/test.db", tmp_path)
    body, bent = file.read_bytes(), tmp_path / "bent.tar.gz"
    cuts = [body[: len(body) * part // 20] for part in range(20)]
    # The ten bytes of gzip's header and the operating system in it say nothing of the contents.
    flips = [body[:place] + bytes([body[place] ^ 0x10]) + body[place + 1 :] for place in range(10, len(body), 97)]
    # In a run of zeros another distance says the same: such a flip has changed nothing.
    harmless = [damaged for damaged in flips if _unpacked(damaged) == gzip.decompress(body)]
    assert len(harmless) < len(flips) / 20
    for damaged in (*cuts, *(damaged for damaged in flips if damaged not in harmless)):
        bent.write_bytes(damaged)
        with pytest.raises(KeepingError):
            archive.verify(bent)
    for nonsense in (b"", b"hello", b"\x1f\x8b" + bytes(50), gzip.compress(b"hello" * 1000)):
        bent.write_bytes(nonsense)
        with pytest.raises(KeepingError):
            archive.verify(bent)
    with pytest.raises(KeepingError, match="cannot be read"):
        archive.verify(tmp_path / "none.tar.gz")


async def test_what_does_not_fit_leaves_nothing_behind(database_url: str, other_url: str, tmp_path: Path) -> None:
    """Sums are right but a row is not one that the database takes: found when half of it is written."""
    await fill(database_url)
    file = await saved(database_url, tmp_path)

    def twice(shape: archive.Shape, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [*rows, *rows] if shape.name == "transfer_codes" else rows

    sound = archive.rows
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(archive, "rows", lambda *given: ((shape, twice(shape, rows)) for shape, rows in sound(*given)))
        with pytest.raises(KeepingError, match="nothing was restored") as caught:
            await restored(other_url, file, tmp_path / "t.db")
    assert WORDS not in str(caught.value)
    await restored(other_url, file, tmp_path / "t.db")  # it is still empty
    assert kept(await contents(other_url)) == kept(await contents(database_url))


async def test_a_dump_of_the_first_schema_is_brought_up_to_the_present(
    database_url: str, other_url: str, tmp_path: Path
) -> None:
    old = make_engine(full_url(database_url))
    async with old.begin() as connection:
        await connection.run_sync(lambda sync: alembic.upgrade(config(sync), "0001"))
        await connection.execute(
            text(
                "INSERT INTO conversations (id, token, channel, owner, language, language_chosen, topic, last_seq,"
                " created_at, updated_at) VALUES ('0197a8f0c0de7000800000000000000a', 'a-token-of-the-first-schema',"
                " 'web', 'bot', 'en', true, NULL, 2, '2026-10-01 08:00:00+00:00', '2026-10-01 08:00:00+00:00')"
            )
        )
        for seq, direction in ((1, "in"), (2, "out")):
            await connection.execute(
                text(
                    "INSERT INTO messages (id, conversation_id, seq, direction, status, text, content, in_reply_to,"
                    f" created_at) VALUES ('0197a8f0c0de7000800000000000000{seq}',"
                    f" '0197a8f0c0de7000800000000000000a', {seq}, '{direction}', 'stored', 'hello', '{{}}', NULL,"
                    " '2026-10-01 08:00:00+00:00')"
                )
            )
    await old.dispose()
    file = await saved(database_url, tmp_path)
    assert archive.verify(file).revision == "0001"
    await restored(other_url, file, tmp_path / "t.db")
    async with opened(other_url) as database, transaction(database) as connection:
        authors = await connection.execute(select(models.Message.author).order_by(models.Message.seq))
        assert list(authors.scalars()) == ["resident", "bot"]
        found = (await connection.execute(select(models.Conversation.retention, models.Conversation.created_at))).one()
        assert found.retention == "anonymous"
        assert found.created_at.isoformat() == "2026-10-01T08:00:00+00:00"


async def test_a_database_that_refuses_is_one_line_without_its_password(tmp_path: Path) -> None:
    await fill(f"sqlite:///{tmp_path}/test.db")
    file = await saved(f"sqlite:///{tmp_path}/test.db", tmp_path)
    nowhere = "postgresql://linli:hunter2@127.0.0.1:9/x"
    with pytest.raises(LinliError) as caught:
        await restored(nowhere, file, tmp_path / "t.db")
    assert "hunter2" not in str(caught.value)
    with pytest.raises(LinliError) as caught:
        await back_up(full_url(nowhere), str(tmp_path / "t.db"), tmp_path / "x.tar.gz", NOW, quiet)
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert leftovers(tmp_path) == []


def test_the_tracker_table_is_the_sealed_rooms() -> None:
    """This room may not import that one, so the two say the same in words."""
    source = (ROOT / "bot" / "nlu" / "tracker_store.py").read_text(encoding="utf-8")
    assert "".join(re.findall(r'"([^"]*)"', trackers.CREATE)) == ""
    joined = "".join(re.findall(r'"([^"]*)"', source.split("_TABLE = (")[1].split(")\n_SELECT")[0]))
    assert joined == trackers.CREATE


@pytest.mark.parametrize(("column", "refuses"), [("place TEXT", "restore"), ("place NUMERIC(5, 2)", "backup")])
async def test_a_table_that_is_not_ours_makes_no_half_backup(column: str, refuses: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/test.db"
    await fill(url)
    async with opened(url) as database, transaction(database) as connection:
        await connection.exec_driver_sql(f"CREATE TABLE strange ({column})")
    with pytest.raises(KeepingError, match="strange"):
        await saved(url, tmp_path)
        assert refuses == "restore"
        await restored(f"sqlite:///{tmp_path}/new.db", tmp_path / "backup.tar.gz", tmp_path / "t.db")
    assert not (tmp_path / "new.db").exists()
    assert leftovers(tmp_path) == []


def test_keys_are_apart_and_come_back(tmp_path: Path) -> None:
    var, new = tmp_path / "var", tmp_path / "new"
    var.mkdir()
    for name in ("local.secret", "visitor.secret", "visitor.secret.previous"):
        (var / name).write_text(f"{name}-{'x' * 40}")
    (var / "linli.db").write_text("no key")
    names = back_up_keys(var, tmp_path / "keys.json")
    assert names == ["local.secret", "visitor.secret", "visitor.secret.previous"]
    assert stat.S_IMODE((tmp_path / "keys.json").stat().st_mode) == 0o600
    assert restore_keys(tmp_path / "keys.json", new) == names
    for name in names:
        assert (new / name).read_text() == (var / name).read_text()
        assert stat.S_IMODE((new / name).stat().st_mode) == 0o600
    restore_keys(tmp_path / "keys.json", new)  # a second time changes nothing
    (new / "local.secret").write_text("y" * 40)
    with pytest.raises(KeepingError, match="another key"):
        restore_keys(tmp_path / "keys.json", new)
    assert (new / "local.secret").read_text() == "y" * 40


def test_keys_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(KeepingError, match="no keys"):
        back_up_keys(tmp_path, tmp_path / "keys.json")
    for body in ("", "[]", '{"format": "linli-keys", "files": {"../x.secret": "y"}}', '{"format": "x", "files": {}}'):
        (tmp_path / "keys.json").write_text(body)
        with pytest.raises(KeepingError, match="no keys"):
            restore_keys(tmp_path / "keys.json", tmp_path / "var")
    assert not (tmp_path / "var").exists()


async def test_rows_beyond_one_piece(tmp_path: Path) -> None:
    """Several pieces a table, several batches a piece."""
    url, new = f"sqlite:///{tmp_path}/test.db", f"sqlite:///{tmp_path}/new.db"
    async with opened(url) as database, transaction(database) as connection:
        rows = [{"key": f"{number:064}", "vector": os.urandom(3000)} for number in range(2500)]
        await connection.execute(insert(models.Embedding), rows)
        await connection.execute(update(models.Embedding).where(models.Embedding.key == "0" * 64).values(vector=b""))
    file = await saved(url, tmp_path, embeddings=True)
    pieces = archive.verify(file).pieces
    assert len(pieces) > 1
    await restored(new, file, tmp_path / "t.db")
    assert (await contents(new))["embeddings"] == (await contents(url))["embeddings"]
