"""`bot restore`: an archive into an empty database, in one transaction: afterwards it is all there, or nothing is."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path

from alembic import command
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, MetaData, Table, delete, func, insert, inspect, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.db import leases
from bot.db.engine import make_engine, transaction
from bot.db.migrate import config
from bot.db.models import Base
from bot.errors import StorageError
from bot.keeping import archive, trackers
from bot.keeping.errors import KeepingError
from bot.keeping.opened import sqlite_file
from bot.keeping.tables import EMBEDDINGS, LEASES, PASSING, REVISIONS, TRACKERS, shapes

Progress = Callable[[str, int, int], None]
_AT_ONCE = 500
# What a server writes by itself, and what says nothing about anybody.
_NEVER_MISSED = (EMBEDDINGS,)


async def restore(
    database_url: str, tracker_place: str, path: Path, now: datetime, progress: Progress, *, empty_first: bool = False
) -> archive.Manifest:
    """Fill the database and the tracker store from the archive, then bring them to this program's schema.

    KeepingError when the archive is not whole or newer than this program, a server is running, or the database is not
    empty and `empty_first` was not said. Whatever fails, the target is as it was.
    """
    manifest = archive.verify(path)
    _check_revision(path, manifest)
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(_opened(database_url))
        await _check_nobody_works(database, now)
        try:
            await _fill(database, tracker_place, path, manifest, progress, empty_first)
        except StorageError as error:
            raise KeepingError(f"nothing was restored: {error}{_reason(error)}") from error
    return manifest


def _check_revision(path: Path, manifest: archive.Manifest) -> None:
    try:
        ScriptDirectory.from_config(config()).get_revision(manifest.revision)
    except CommandError:
        raise KeepingError(
            f"{path} is newer than this program (revision {manifest.revision}); update the program first"
        ) from None


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator[AsyncEngine]:
    """The database; an SQLite file that was not there and is still empty at the end is taken away again."""
    file = sqlite_file(url)
    new = file is not None and not file.exists()
    database = make_engine(url)
    restored = False
    try:
        yield database
        restored = True
    finally:
        await database.dispose()
        if file is not None and new and not restored:
            for name in (file.name, f"{file.name}-wal", f"{file.name}-shm"):
                file.with_name(name).unlink(missing_ok=True)


async def _check_nobody_works(database: AsyncEngine, now: datetime) -> None:
    """KeepingError when a server holds its lease in this database."""
    try:
        async with database.connect() as connection:
            known = await connection.run_sync(lambda sync: inspect(sync).has_table(LEASES))
    except Exception as error:
        raise KeepingError(f"the database cannot be opened ({type(error).__name__})") from error
    if known and await leases.alive(database, leases.new_holder(), now):
        raise KeepingError("a server is running on this database; stop it first")


async def _fill(
    database: AsyncEngine,
    tracker_place: str,
    path: Path,
    manifest: archive.Manifest,
    progress: Progress,
    empty_first: bool,
) -> None:
    # The tracker store commits last: without it the engine has only forgotten its last few turns.
    async with _tracker_rows(tracker_place, manifest) as tracker_connection, transaction(database) as connection:
        await connection.run_sync(_make_room, empty_first)
        await connection.run_sync(lambda sync: command.upgrade(config(sync), manifest.revision))
        await _check_shapes(connection, path, manifest)
        await _insert(connection, tracker_connection, path, manifest, progress)
        await _check_counts(connection, path, manifest)
        await connection.run_sync(lambda sync: command.upgrade(config(sync), "head"))


def _make_room(connection: Connection, empty_first: bool) -> None:
    """Drop the tables; KeepingError when one of them has rows and it was not said that they may go."""
    names = set(inspect(connection).get_table_names())
    ours = [name for name in names if name in Base.metadata.tables or name == REVISIONS]
    for name in sorted(ours):
        if name not in (REVISIONS, *PASSING, *_NEVER_MISSED) and not empty_first and _has_rows(connection, name):
            raise KeepingError(
                f"the database is not empty (table {name}); restore into another one, or say --force-empty to empty it"
            )
    present = MetaData()
    present.reflect(connection, only=ours)
    present.drop_all(connection)


def _has_rows(connection: Connection, name: str) -> bool:
    found = connection.execute(select(func.count()).select_from(Table(name, MetaData()))).scalar_one()
    return bool(found)


async def _check_shapes(connection: AsyncConnection, path: Path, manifest: archive.Manifest) -> None:
    wanted = {shape.name: shape for shape in await connection.run_sync(shapes, ())}
    for shape in manifest.tables:
        if shape.name == TRACKERS:
            continue
        known = wanted.get(shape.name)
        if known is None or {f.name: f.kind for f in known.fields} != {f.name: f.kind for f in shape.fields}:
            raise KeepingError(f"{path}: table {shape.name} is not as revision {manifest.revision} has it")


async def _insert(
    connection: AsyncConnection,
    tracker_connection: AsyncConnection | None,
    path: Path,
    manifest: archive.Manifest,
    progress: Progress,
) -> None:
    total, done = sum(manifest.rows().values()), 0
    for shape, rows in archive.rows(path, manifest):
        to = tracker_connection if shape.name == TRACKERS else connection
        assert to is not None
        for start in range(0, len(rows), _AT_ONCE):
            await to.execute(insert(shape.table()), rows[start : start + _AT_ONCE])
            done += len(rows[start : start + _AT_ONCE])
            progress("restoring", done, total)


async def _check_counts(connection: AsyncConnection, path: Path, manifest: archive.Manifest) -> None:
    for name, wanted in manifest.rows().items():
        if name != TRACKERS:
            table = Table(name, MetaData())
            found = (await connection.execute(select(func.count()).select_from(table))).scalar_one()
            if found != wanted:
                raise KeepingError(f"{path}: table {name} has {found} rows after restoring, not {wanted}")


@asynccontextmanager
async def _tracker_rows(place: str, manifest: archive.Manifest) -> AsyncIterator[AsyncConnection | None]:
    """A transaction on the emptied tracker store; None when there is neither one nor anything to put into it."""
    if not manifest.rows().get(TRACKERS) and not trackers.exists(place):
        yield None
        return
    async with _opened(trackers.url(place)) as store, transaction(store) as connection:
        await connection.exec_driver_sql(trackers.CREATE)
        await connection.execute(delete(trackers.SHAPE.table()))
        yield connection


def _reason(error: StorageError) -> str:
    """SQLite's own words, which name no value; other databases' may."""
    cause = getattr(error.__cause__, "orig", None)
    driver = getattr(cause, "__cause__", None) or cause
    return f" ({driver})" if isinstance(driver, sqlite3.OperationalError) else ""
