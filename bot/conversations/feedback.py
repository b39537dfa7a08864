"""What residents think of the answers: a thumb on one, stars for a conversation."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.conversations.store import Author
from bot.db.engine import transaction
from bot.db.models import Feedback, Message, Rating
from bot.errors import Code, RequestError
from bot.ids import new_id


class Thumb(StrEnum):
    UP = "up"
    DOWN = "down"


class Reason(StrEnum):
    """Why a thumb is down."""

    WRONG = "wrong"
    UNCLEAR = "unclear"
    OUTDATED = "outdated"
    NOT_MY_CASE = "not_my_case"


class Who(StrEnum):
    """Who is rated."""

    BOT = "bot"
    PERSON = "person"


async def give_thumb(
    database: AsyncEngine,
    conversation_id: uuid.UUID,
    seq: int,
    thumb: Thumb | None,
    reason: Reason | None,
    now: datetime,
) -> None:
    """Set, change or (None) take back the thumb on an answer. RequestError 404 when there is no such one."""
    async with transaction(database) as connection:
        message_id = await _answer(connection, conversation_id, seq)
        if thumb is None:
            await connection.execute(delete(Feedback).where(Feedback.message_id == message_id))
            return
        values = {"value": thumb, "reason": reason, "at": now}
        await _put(connection, Feedback, {"message_id": message_id}, values)


async def _answer(connection: AsyncConnection, conversation_id: uuid.UUID, seq: int) -> uuid.UUID:
    statement = select(Message.id).where(
        Message.conversation_id == conversation_id,
        Message.seq == seq,
        Message.author.in_((Author.BOT, Author.PERSON)),
    )
    message_id = (await connection.execute(statement)).scalar_one_or_none()
    if message_id is None:
        raise RequestError(Code.NOT_FOUND, "this conversation has no such answer", 404)
    return message_id


async def rate(
    database: AsyncEngine, conversation_id: uuid.UUID, who: Who, stars: int, comment: str | None, now: datetime
) -> None:
    """One rating a conversation for the assistant and one for the staff; a later one takes its place."""
    keys = {"conversation_id": conversation_id, "who": who}
    async with transaction(database) as connection:
        values = {"stars": stars, "comment": comment, "at": now}
        await _put(connection, Rating, keys, values, id=new_id())


async def _put(
    connection: AsyncConnection,
    table: type[Feedback] | type[Rating],
    keys: Mapping[str, Any],
    values: Mapping[str, Any],
    **first: Any,
) -> None:
    """Insert, or change the row that has these keys; two at once are no error. `first`: what only a new row gets."""
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = insert(table).values(**first, **keys, **values)
    await connection.execute(statement.on_conflict_do_update(index_elements=list(keys), set_=dict(values)))
