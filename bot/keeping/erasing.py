"""Deleting a conversation with everything that belongs to it, and the receipt that stays.

What belongs to a conversation is read from the tables' own foreign keys, so that a table that is added later is not
forgotten. The engine's memory of it is noted in the receipt in the same transaction, and struck out when it is gone.
"""

from __future__ import annotations

import asyncio
import secrets
import uuid
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Table, delete, insert, or_, select, update
from sqlalchemy import Text as SqlText
from sqlalchemy import cast as sql_cast
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.db.engine import bare, transaction
from bot.db.models import Base, Conversation, Erasure
from bot.errors import EngineError, StorageError
from bot.keeping.trackers import Trackers

# Crockford's base 32: no I, L, O and U. Twelve of them are 60 bits.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_OWNER_COLUMN = "conversation_id"
# Forgetting takes milliseconds; an engine that hangs must not hold up the resident who waits, nor the sweeper.
_ENGINE_SECONDS = 2.0


class Cause(StrEnum):
    RESIDENT = "resident"
    RETENTION = "retention"
    STAFF = "staff"
    UNFOLLOWED = "unfollowed"


def new_receipt() -> str:
    """LE-XXXX-XXXX-XXXX; says nothing of whose it is."""
    letters = "".join(secrets.choice(_ALPHABET) for _ in range(12))
    return f"LE-{letters[:4]}-{letters[4:8]}-{letters[8:]}"


def owned(ids: Sequence[uuid.UUID]) -> list[tuple[Table, ColumnElement[bool]]]:
    """Each table with rows of these conversations and which they are; a table stands before those that it points to."""
    conversations = Base.metadata.tables[Conversation.__tablename__]
    found: dict[str, tuple[Table, ColumnElement[bool]]] = {
        conversations.name: (conversations, conversations.c.id.in_(ids))
    }
    for table in Base.metadata.sorted_tables:
        if table.name not in found:
            condition = _belongs(table, ids, found)
            if condition is not None:
                found[table.name] = (table, condition)
    return [found[table.name] for table in reversed(Base.metadata.sorted_tables) if table.name in found]


def _belongs(
    table: Table, ids: Sequence[uuid.UUID], found: dict[str, tuple[Table, ColumnElement[bool]]]
) -> ColumnElement[bool] | None:
    """Rows that name the conversations, and rows that point to others that go: nothing may point to nowhere."""
    conditions = [table.c[_OWNER_COLUMN].in_(ids)] if _OWNER_COLUMN in table.c else []
    for key in table.foreign_keys:
        if key.column.table.name in found and key.parent.name != _OWNER_COLUMN:
            parent, condition = found[key.column.table.name]
            conditions.append(key.parent.in_(select(parent.c[key.column.name]).where(condition)))
    return or_(*conditions) if conditions else None


async def remove(
    connection: AsyncConnection, ids: Sequence[uuid.UUID], cause: Cause, now: datetime, **detail: Any
) -> tuple[str, dict[str, int]]:
    """Delete the rows of conversations that the caller's transaction has locked; receipt and counts by table."""
    counts = dict[str, int]()
    for table, condition in owned(ids):
        deleted = (await connection.execute(delete(table).where(condition))).rowcount
        if deleted:
            counts[table.name] = deleted
    receipt = new_receipt()
    row = {
        "receipt": receipt,
        "cause": cause,
        "counts": {**counts, **detail},
        "engine_pending": [one.hex for one in ids],
        "at": now,
    }
    await connection.execute(insert(Erasure).values(row))
    return receipt, counts


async def scrub_log(database: AsyncEngine) -> None:
    """Take what was deleted out of SQLite's write-ahead log too, unless a reader needs it just now."""
    if database.dialect.name != "sqlite":
        return
    async with bare(database) as connection:
        # Waiting for a long reader, a backup perhaps, would hold up every writer.
        await connection.exec_driver_sql("PRAGMA busy_timeout = 250")
        await connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")


async def settle(database: AsyncEngine, trackers: Trackers, receipt: str, *, keep: bool = False) -> bool:
    """Have the engine forget what a receipt still names; whether it did. What it could not stays for the next time.

    `keep`: a message is still under way and may be remembered yet, so that it must be asked once more.
    """
    async with transaction(database) as connection:
        found = await connection.execute(select(Erasure.engine_pending).where(Erasure.receipt == receipt))
        pending = [str(one) for one in found.scalar_one_or_none() or ()]
    done = set[str]()
    for conversation in pending:
        try:
            async with asyncio.timeout(_ENGINE_SECONDS):
                await trackers.erase(conversation)
        except (EngineError, StorageError, TimeoutError):
            break
        done.add(conversation)
    if done and not keep:
        left = [one for one in pending if one not in done]
        async with transaction(database) as connection:
            await connection.execute(update(Erasure).where(Erasure.receipt == receipt).values(engine_pending=left))
    return len(done) == len(pending)


async def unsettled(database: AsyncEngine, before: datetime, limit: int) -> list[str]:
    """Receipts from before this instant whose conversations the engine may still remember, oldest first."""
    statement = (
        select(Erasure.receipt)
        .where(sql_cast(Erasure.engine_pending, SqlText) != "[]", Erasure.at <= before)
        .order_by(Erasure.at)
        .limit(limit)
    )
    async with transaction(database) as connection:
        return list((await connection.execute(statement)).scalars())
