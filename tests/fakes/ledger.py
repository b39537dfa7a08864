"""What the database says of conversations, and the rules that must hold for all of them at any time."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.db.engine import transaction
from bot.db.models import Conversation, Message


@dataclass(frozen=True)
class Line:
    token: str
    seq: int
    direction: str
    status: str
    text: str
    id: str
    in_reply_to: str | None
    content: dict[str, object]


async def lines(database: AsyncEngine) -> list[Line]:
    """Every message of every conversation, in order."""
    query = (
        select(Conversation.token, Message.__table__)
        .join(Message, Message.conversation_id == Conversation.id)
        .order_by(Conversation.token, Message.seq)
    )
    async with transaction(database) as connection:
        rows = (await connection.execute(query)).all()
    return [
        Line(row.token, row.seq, row.direction, row.status, row.text, str(row.id),
             None if row.in_reply_to is None else str(row.in_reply_to), row.content)
        for row in rows
    ]  # fmt: skip


async def last_sequences(database: AsyncEngine) -> dict[str, int]:
    async with transaction(database) as connection:
        rows = (await connection.execute(select(Conversation.token, Conversation.last_seq))).all()
    return {row.token: row.last_seq for row in rows}


async def check_books(database: AsyncEngine, accepted: Counter[str]) -> None:
    """Each accepted text is stored exactly once, with one reply; sequence numbers have no gap and no double."""
    found = await lines(database)
    assert Counter(line.text for line in found if line.direction == "in") == accepted
    for token, last in (await last_sequences(database)).items():
        assert [line.seq for line in found if line.token == token] == list(range(1, last + 1))
    for incoming in (line for line in found if line.direction == "in"):
        replies = [line for line in found if line.in_reply_to == incoming.id]
        assert incoming.status == "answered"
        assert sum("trace" in line.content for line in replies) == 1
        first = replies[0].seq
        assert first > incoming.seq
        assert [line.seq for line in replies] == list(range(first, first + len(replies)))
