"""The sealed room's tracker store seen from here: its one table, in its own file or in PostgreSQL.

The sealed room is asked to forget a conversation; only where it is not running are its rows touched directly.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, delete, inspect
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.db.engine import make_engine, transaction
from bot.errors import EngineError, StorageError
from bot.keeping.tables import TRACKERS, Field, Kind, Shape
from bot.settings import Settings

# As bot/nlu/tracker_store.py makes it, which this room may not import; a test compares the two.
CREATE = (
    "CREATE TABLE IF NOT EXISTS engine_trackers ("
    "conversation TEXT PRIMARY KEY, body TEXT NOT NULL, saved_at DOUBLE PRECISION NOT NULL)"
)
SHAPE = Shape(
    TRACKERS,
    (
        Field("conversation", Kind.TEXT, nullable=False),
        Field("body", Kind.TEXT, nullable=False),
        Field("saved_at", Kind.FLOAT, nullable=False),
    ),
)
_TABLE = SHAPE.table()


class Trackers(Protocol):
    """What can forget a conversation: the engine's door, or its table where no engine runs."""

    async def erase(self, conversation: str) -> None:
        """Delete what the engine keeps of a conversation (its id in hex). Raises EngineError."""
        ...


def place(settings: Settings) -> str:
    """Where the tracker store is: a file's path, or a PostgreSQL URL."""
    return str(settings.tracker_file)


def url(where: str) -> str:
    """The URL of a place for `make_engine`."""
    for scheme in ("postgres://", "postgresql://", "postgresql+asyncpg://"):
        if where.startswith(scheme):
            return "postgresql+asyncpg://" + where.removeprefix(scheme)
    return f"sqlite+aiosqlite:///{where.removeprefix('sqlite:///')}"


def exists(where: str) -> bool:
    """Whether there may be rows; a file that is not there must not be made by looking."""
    return url(where).startswith("postgresql") or Path(where.removeprefix("sqlite:///")).exists()


def has_table(connection: Connection) -> bool:
    return inspect(connection).has_table(TRACKERS)


class TrackerTable:
    """`Trackers` by the table itself."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._engine: AsyncEngine | None = None

    async def erase(self, conversation: str) -> None:
        if not exists(self._where):
            return
        if self._engine is None:
            self._engine = make_engine(url(self._where))
        try:
            async with transaction(self._engine) as connection:
                if self._engine.dialect.name == "sqlite":
                    await connection.exec_driver_sql("PRAGMA secure_delete = ON")
                if await connection.run_sync(has_table):
                    await connection.execute(delete(_TABLE).where(_TABLE.c.conversation == conversation))
        except StorageError as error:
            raise EngineError(f"the tracker store: {error}") from error

    async def close(self) -> None:
        if self._engine is not None:
            await self._engine.dispose()
