"""What a resident's client keeps with its conversation: its devices' tokens, what was seen, the language."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import Select, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.db.engine import reading, transaction
from bot.db.models import Conversation, Device
from bot.ids import new_id


async def begin(database: AsyncEngine, conversation_id: uuid.UUID, now: datetime) -> uuid.UUID:
    """One more device of the conversation. StorageError when the conversation is no more."""
    async with transaction(database) as connection:
        return await add_device(connection, conversation_id, now)


async def add_device(connection: AsyncConnection, conversation_id: uuid.UUID, now: datetime) -> uuid.UUID:
    device = new_id()
    row = {"id": device, "conversation_id": conversation_id, "generation": 0, "created_at": now}
    await connection.execute(insert(Device).values(row))
    return device


async def generation(database: AsyncEngine, conversation_id: uuid.UUID, device: uuid.UUID) -> int | None:
    """How often the device's token was renewed; None when it has the conversation no more."""
    async with reading(database) as connection:
        return (await connection.execute(_generation(conversation_id, device))).scalar_one_or_none()


def _generation(conversation_id: uuid.UUID, device: uuid.UUID) -> Select[int]:
    return select(Device.generation).where(Device.id == device, Device.conversation_id == conversation_id)


async def renew(database: AsyncEngine, conversation_id: uuid.UUID, device: uuid.UUID, shown: int) -> int | None:
    """Count the generation up for a client that shows the present one; the one before it gets the present one.

    None when the conversation is no more, or the generation shown is older: two tabs may renew at the same time, and
    the slower of them must not be locked out.
    """
    async with transaction(database) as connection:
        renewed = await connection.execute(
            update(Device)
            .where(Device.id == device, Device.conversation_id == conversation_id, Device.generation == shown)
            .values(generation=shown + 1)
        )
        if renewed.rowcount:
            return shown + 1
        present = (await connection.execute(_generation(conversation_id, device))).scalar_one_or_none()
    return present if present == shown + 1 else None


async def seen(database: AsyncEngine, conversation_id: uuid.UUID, seq: int) -> None:
    """The resident has seen everything up to `seq`; a smaller number than before changes nothing."""
    statement = update(Conversation).where(
        Conversation.id == conversation_id, Conversation.seen_seq < seq, Conversation.last_seq >= seq
    )
    async with transaction(database) as connection:
        await connection.execute(statement.values(seen_seq=seq))


async def choose_language(database: AsyncEngine, conversation_id: uuid.UUID, language: str, now: datetime) -> bool:
    """The resident's explicit choice: from now on it wins. False when the conversation is no more."""
    statement = update(Conversation).where(Conversation.id == conversation_id)
    values = {"language": language, "language_chosen": True, "updated_at": now}
    async with transaction(database) as connection:
        return bool((await connection.execute(statement.values(values))).rowcount)
