"""`bot backup`: every table in one consistent view, and the tracker store, while the server goes on working."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.db.engine import make_engine
from bot.errors import StorageError
from bot.keeping import archive, trackers
from bot.keeping.errors import KeepingError
from bot.keeping.opened import check_there
from bot.keeping.tables import EMBEDDINGS, Shape, shapes

Progress = Callable[[str, int, int], None]
_AT_ONCE = 1000


async def back_up(
    database_url: str, tracker_place: str, path: Path, now: datetime, progress: Progress, *, embeddings: bool = False
) -> archive.Manifest:
    """Write the archive `path`. KeepingError when it cannot be, with nothing left behind.

    Embeddings are left out unless asked for: they are made again from the texts.
    """
    check_there(database_url)
    database = make_engine(database_url)
    try:
        with archive.writing(path, now) as writer:
            revision = await _tables(database, writer, () if embeddings else (EMBEDDINGS,), progress)
            await _trackers(tracker_place, writer)
            return writer.finish(_program(), revision)
    except (SQLAlchemyError, OSError) as error:
        cause = getattr(error, "orig", None) or error
        raise StorageError(f"the database refused: {type(cause).__name__}") from error
    finally:
        await database.dispose()


def _program() -> str:
    try:
        return version("linli")
    except PackageNotFoundError:
        return "unknown"


async def _tables(database: AsyncEngine, writer: archive.Writer, left_out: Sequence[str], progress: Progress) -> str:
    async with database.connect() as plain:
        connection = await _snapshot(plain)
        revision = await connection.run_sync(_revision)
        found = await connection.run_sync(shapes, left_out)
        total = sum([await _count(connection, shape) for shape in found])
        done = 0
        for shape in found:
            writer.begin(shape)
            result = await connection.stream(select(shape.table()).execution_options(yield_per=_AT_ONCE))
            async for rows in result.partitions():
                for row in rows:
                    writer.add(tuple(row))
                done += len(rows)
                progress("backing up", done, total)
        return revision


async def _snapshot(connection: AsyncConnection) -> AsyncConnection:
    """The connection in a transaction that sees one state of the whole database and changes nothing."""
    if connection.dialect.name == "sqlite":
        return connection  # its transaction, which begins with the first reading, is of this kind
    return await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def _revision(connection: Connection) -> str:
    revision = MigrationContext.configure(connection).get_current_revision()
    if revision is None:
        raise KeepingError("there is nothing to back up: the database has no tables of Linli yet")
    return revision


async def _count(connection: AsyncConnection, shape: Shape) -> int:
    return int((await connection.execute(select(func.count()).select_from(shape.table()))).scalar_one())


async def _trackers(place: str, writer: archive.Writer) -> None:
    writer.begin(trackers.SHAPE)
    if not trackers.exists(place):
        return
    store = make_engine(trackers.url(place))
    try:
        async with store.connect() as connection:
            if await connection.run_sync(trackers.has_table):
                statement = select(trackers.SHAPE.table()).execution_options(yield_per=_AT_ONCE)
                async for row in await connection.stream(statement):
                    writer.add(tuple(row))
    finally:
        await store.dispose()
