"""What was said, as a channel shows it: stored messages become the widget's messages (docs/api.md) again."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.orm import aliased

from bot.conversations.render import Renderer
from bot.db.engine import reading
from bot.db.models import Conversation, Feedback, Message, Staff
from bot.messages import Answer, Button, Kind, OfficeCard, Outcome, Part, Reply, SourceLine, Understanding

_Asked = aliased(Message)
_TRACE_ONLY = ("outcome", "language", "intent", "confidence")


@dataclass(frozen=True)
class State:
    """What a client must know of a conversation beside its messages."""

    owner: str
    language: str | None
    last_seq: int
    seen_seq: int
    operator: str | None


async def state(database: AsyncEngine, conversation_id: uuid.UUID) -> State | None:
    """None when the conversation is no more."""
    statement = (
        select(
            Conversation.owner,
            Conversation.language,
            Conversation.last_seq,
            Conversation.seen_seq,
            Staff.shown_name.label("operator"),
        )
        .outerjoin(Staff, Staff.id == Conversation.operator_id)
        .where(Conversation.id == conversation_id)
    )
    async with reading(database) as connection:
        row = (await connection.execute(statement)).one_or_none()
    return State(*row) if row is not None else None


async def after(
    database: AsyncEngine,
    conversation_id: uuid.UUID,
    seq: int,
    renderer: Renderer | None = None,
    language: str | None = None,
    limit: int = 200,
) -> list[dict[str, Any]]:
    """The messages after number `seq`, in order; the bot's in `language` where they can be said in it."""
    async with reading(database) as connection:
        rows = (await connection.execute(_after(conversation_id, seq, limit))).all()
    return [_view(row, renderer, language) for row in rows]


def _after(conversation_id: uuid.UUID, seq: int, limit: int) -> Select[Any]:
    return (
        select(
            Message.id,
            Message.seq,
            Message.direction,
            Message.author,
            Message.key,
            Message.text,
            Message.content,
            _Asked.seq.label("reply_to"),
            Message.created_at,
            Staff.shown_name,
            Feedback.value.label("thumb"),
            Feedback.reason,
        )
        .outerjoin(_Asked, _Asked.id == Message.in_reply_to)
        .outerjoin(Staff, Staff.id == Message.staff_id)
        .outerjoin(Feedback, Feedback.message_id == Message.id)
        .where(Message.conversation_id == conversation_id, Message.seq > seq)
        .order_by(Message.seq)
        .limit(limit)
    )


def _view(row: Any, renderer: Renderer | None, language: str | None) -> dict[str, Any]:
    answer = answer_of(row.content, row.text)
    part = row.content.get("part")
    if renderer is not None and language is not None and part is not None:
        answer = renderer.again(Part.from_json(part), answer, language)
    return {
        "seq": row.seq,
        "direction": row.direction,
        "author": row.author,
        "name": row.shown_name,
        "key": row.key if row.direction == "in" else None,
        "at": row.created_at.isoformat(),
        "reply_to": row.reply_to,
        "outcome": (row.content.get("trace") or {}).get("outcome"),
        **answer.to_json(),
        "feedback": {"value": row.thumb, "reason": row.reason} if row.thumb is not None else None,
        "withdrawn": False,
    }


def answer_of(content: Mapping[str, Any], text: str) -> Answer:
    """The rendered message; a resident's own words, and rows of the first schema, have kind and language at most."""
    kept = content.get("answer") or content
    office, source = kept.get("office"), kept.get("source")
    return Answer(
        kind=Kind(kept.get("kind", Kind.TEXT)),
        lang=str(kept.get("lang") or ""),
        text=text,
        steps=tuple(kept.get("steps") or ()),
        documents=tuple(kept.get("documents") or ()),
        buttons=tuple(Button(**button) for button in kept.get("buttons") or ()),
        office=OfficeCard(**office) if office else None,
        source=SourceLine(**source) if source else None,
        checked_on=kept.get("checked_on"),
        article=kept.get("article"),
        version=kept.get("version"),
    )


def reply(stored: Sequence[Mapping[str, Any]]) -> Reply:
    """The reply that was stored as these messages (contents with `text`), not empty."""
    trace = dict(stored[0].get("trace") or {})
    understanding = Understanding(
        language=str(trace.get("language")), intent=trace.get("intent"), confidence=float(trace.get("confidence") or 0)
    )
    return Reply(
        understanding,
        Outcome(str(trace.get("outcome"))),
        tuple(answer_of(content, str(content["text"])) for content in stored),
        {name: value for name, value in trace.items() if name not in _TRACE_ONLY},
    )
