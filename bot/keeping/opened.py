"""The database of the settings for one command."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from bot.db.engine import make_engine
from bot.db.migrate import migrate
from bot.keeping.errors import KeepingError

_SQLITE = "sqlite+aiosqlite:///"


def sqlite_file(url: str) -> Path | None:
    """The file of an SQLite database; None for PostgreSQL."""
    return Path(url.removeprefix(_SQLITE)) if url.startswith(_SQLITE) else None


def check_there(url: str) -> None:
    """KeepingError for an SQLite file that is not there: opening it would make it."""
    file = sqlite_file(url)
    if file is not None and not file.exists():
        raise KeepingError(f"there is no database at {file}; start the server once, or restore a backup")


@asynccontextmanager
async def opened_database(url: str) -> AsyncIterator[AsyncEngine]:
    """A database that is there, at this program's schema. Raises KeepingError or StartError."""
    check_there(url)
    database = make_engine(url)
    try:
        await migrate(database)
        yield database
    finally:
        await database.dispose()
