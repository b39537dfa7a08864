"""Database engines and transactions; storage errors are wrapped here, at the storage edge.

SQLite is one file with one writer. A statement takes it some 20 µs, and aiosqlite's two changes of thread around each
took ten times that; writers that met slept in SQLite's busy handler for up to 100 ms. So transactions queue for the
write lock here, run their statements in the loop, and ask the thread only for the commit, which waits for the disk:
2 ms of CPU less a message, and the slowest of eight conversations three times as fast.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar
from enum import StrEnum
from typing import Any
from weakref import WeakKeyDictionary

import aiosqlite
from sqlalchemy import event
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine

from bot.errors import StorageError

_BUSY_SECONDS = 15
_BUSY_PAUSE_SECONDS = 0.005


class _Mode(StrEnum):
    """How a transaction runs on SQLite."""

    WRITE = "write"
    READ = "read"
    # In the thread, since it may take seconds; the write lock from the start, for what was read must still hold.
    SESSION = "session"
    # In the thread, for as long as it likes: backups, migrations.
    THREADED = "threaded"
    # Not a transaction at all: what SQLite does to its own files.
    BARE = "bare"


_IMMEDIATE, _DEFERRED = "BEGIN IMMEDIATE", "BEGIN"
_INLINE = frozenset({_Mode.WRITE, _Mode.READ})
_WRITING = frozenset({_Mode.WRITE, _Mode.SESSION})
_mode: ContextVar[_Mode] = ContextVar("mode", default=_Mode.THREADED)


class _InlineConnection(aiosqlite.Connection):
    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if args and args[0] == _IMMEDIATE:
            return await self._begun(fn, *args)
        if _mode.get() not in _INLINE or fn.__name__ == "commit":
            return await super()._execute(fn, *args, **kwargs)  # type: ignore[no-untyped-call]  # of the library
        return fn(*args, **kwargs)

    async def _begun(self, fn: Callable[..., Any], *args: Any) -> Any:
        """The write lock, waited for without holding the loop up: another process may have it."""
        until = time.monotonic() + _BUSY_SECONDS
        while True:
            try:
                return fn(*args)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                    raise
            await asyncio.sleep(_BUSY_PAUSE_SECONDS)


def make_engine(url: str) -> AsyncEngine:
    """An async engine; SQLite in WAL with foreign keys on, PostgreSQL with a checked pool."""
    if not url.startswith("sqlite"):
        return create_async_engine(url, pool_pre_ping=True, pool_size=8, max_overflow=4)
    engine = create_async_engine(url, async_creator=_opener(make_url(url).database or ""), pool_size=4, max_overflow=4)
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin)
    return engine


def _opener(path: str) -> Callable[[], Any]:
    def opened() -> sqlite3.Connection:
        return sqlite3.connect(path, timeout=_BUSY_SECONDS, check_same_thread=False, isolation_level=None)

    async def connect() -> aiosqlite.Connection:
        connection = _InlineConnection(opened, 64)
        connection._thread.daemon = True  # a process that is told to end must not wait for it
        return await connection

    return connect


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    # FULL: a message that was acknowledged survives a power cut too, not only a killed process.
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    # What is deleted is overwritten: residents were promised that it is gone.
    cursor.execute("PRAGMA secure_delete=ON")
    cursor.close()


def _begin(connection: Connection) -> None:
    mode = _mode.get()
    if mode is _Mode.BARE:
        connection.info.pop("busy_timeout", None)  # unknown afterwards
        return
    # What runs in the loop may not sleep in SQLite; what runs in the thread may.
    wait = _BUSY_SECONDS * 1000 if mode is _Mode.THREADED else 0
    if connection.info.get("busy_timeout") != wait:
        connection.exec_driver_sql(f"PRAGMA busy_timeout={wait}")
        connection.info["busy_timeout"] = wait
    connection.exec_driver_sql(_IMMEDIATE if mode in _WRITING else _DEFERRED)


_locks: WeakKeyDictionary[AsyncEngine, asyncio.Lock] = WeakKeyDictionary()


def _one_writer(engine: AsyncEngine) -> AbstractAsyncContextManager[Any]:
    if engine.dialect.name != "sqlite":
        return contextlib.nullcontext()
    return _locks.setdefault(engine, asyncio.Lock())


@asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """One connection, one commit. Raises StorageError for whatever the database refuses.

    Another `transaction` inside it would wait for its end for ever: hand the connection down instead.
    """
    try:
        async with _one_writer(engine), _in_mode(_Mode.WRITE), engine.begin() as connection:
            yield connection
    except (DBAPIError, SQLAlchemyError, OSError) as error:
        raise _storage_error(error) from error


@asynccontextmanager
async def reading(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """One connection that only reads, beside whoever writes. Raises StorageError as `transaction` does."""
    try:
        async with _in_mode(_Mode.READ), engine.connect() as connection:
            yield connection
    except (DBAPIError, SQLAlchemyError, OSError) as error:
        raise _storage_error(error) from error


@asynccontextmanager
async def bare(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection without a transaction. Raises StorageError as `transaction` does."""
    try:
        async with _in_mode(_Mode.BARE), engine.connect() as connection:
            yield connection
    except (DBAPIError, SQLAlchemyError, OSError) as error:
        raise _storage_error(error) from error


@asynccontextmanager
async def session(engine: AsyncEngine) -> AsyncIterator[AsyncSession]:
    """One ORM session, one commit. Raises StorageError for whatever the database refuses."""
    try:
        async with _in_mode(_Mode.SESSION), AsyncSession(engine, expire_on_commit=False) as unit, unit.begin():
            yield unit
    except (DBAPIError, SQLAlchemyError, OSError) as error:
        raise _storage_error(error) from error


@asynccontextmanager
async def _in_mode(mode: _Mode) -> AsyncIterator[None]:
    before = _mode.set(mode)
    try:
        yield
    finally:
        _mode.reset(before)


def _storage_error(error: Exception) -> StorageError:
    # The type only: a database's message repeats the parameters, and those are a resident's words.
    cause = getattr(error, "orig", None) or error
    return StorageError(f"the database refused: {type(cause).__name__}")
