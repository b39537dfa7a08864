"""Database engines and sessions; storage errors are wrapped here, at the storage edge."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine

from bot.errors import StorageError


def make_engine(url: str) -> AsyncEngine:
    """An async engine; SQLite in WAL with foreign keys on, PostgreSQL with a checked pool."""
    if url.startswith("sqlite"):
        engine = create_async_engine(url, connect_args={"timeout": 15}, pool_size=4, max_overflow=4)
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        return engine
    return create_async_engine(url, pool_pre_ping=True, pool_size=8, max_overflow=4)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    # FULL: a message that was acknowledged survives a power cut too, not only a killed process.
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


@asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """One connection, one commit. Raises StorageError for whatever the database refuses."""
    try:
        async with engine.begin() as connection:
            yield connection
    except (DBAPIError, SQLAlchemyError, OSError) as error:
        raise _storage_error(error) from error


@asynccontextmanager
async def session(engine: AsyncEngine) -> AsyncIterator[AsyncSession]:
    """One ORM session, one commit. Raises StorageError for whatever the database refuses."""
    try:
        async with AsyncSession(engine, expire_on_commit=False) as unit, unit.begin():
            yield unit
    except (DBAPIError, SQLAlchemyError, OSError) as error:
        raise _storage_error(error) from error


def _storage_error(error: Exception) -> StorageError:
    # The type only: a database's message repeats the parameters, and those are a resident's words.
    cause = getattr(error, "orig", None) or error
    return StorageError(f"the database refused: {type(cause).__name__}")
