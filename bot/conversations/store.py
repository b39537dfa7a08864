"""Conversations and messages in the tables. Each function is one transaction: stored before anything else happens."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.conversations.plans import Act, Chosen
from bot.db.engine import transaction
from bot.db.models import Conversation, Message
from bot.errors import Code, RequestError
from bot.ids import new_id, new_token
from bot.messages import Answer, Part, Reply

_TOKEN = re.compile(r"[\w-]{16,40}")
_PAYLOAD = re.compile(r"b([0-9]{1,9})\.([0-9]{1,3})\.([0-9]{1,3})")
_OUT = "out"
_IN = "in"


class Owner:
    """Who answers; only the bot does until the operators' desk exists."""

    BOT = "bot"


class Status:
    RECEIVED = "received"
    ANSWERED = "answered"
    STORED = "stored"


@dataclass(frozen=True)
class Thread:
    """A conversation as one message finds it."""

    id: uuid.UUID
    token: str
    language: str | None
    language_chosen: bool
    topic: str | None


@dataclass(frozen=True)
class Incoming:
    """A stored message and its thread."""

    id: uuid.UUID
    seq: int
    text: str
    thread: Thread


async def receive(
    engine: AsyncEngine, token: str | None, text: str, button: str | None, channel: str, now: datetime
) -> Incoming:
    """Store a message in its conversation, or in a new one. RequestError 404 for an unknown token."""
    async with transaction(engine) as connection:
        thread, seq = (
            await _new_thread(connection, channel, now) if token is None else await _advance(connection, token, now)
        )
        message = Incoming(new_id(), seq, text, thread)
        await connection.execute(
            insert(Message).values(
                id=message.id,
                conversation_id=thread.id,
                seq=seq,
                direction=_IN,
                status=Status.RECEIVED,
                text=text,
                content={"button": button} if button is not None else {},
                in_reply_to=None,
                created_at=now,
            )
        )
        return message


async def _new_thread(connection: AsyncConnection, channel: str, now: datetime) -> tuple[Thread, int]:
    thread = Thread(new_id(), new_token(), None, False, None)
    await connection.execute(
        insert(Conversation).values(
            id=thread.id,
            token=thread.token,
            channel=channel,
            owner=Owner.BOT,
            language=None,
            language_chosen=False,
            topic=None,
            last_seq=1,
            created_at=now,
            updated_at=now,
        )
    )
    return thread, 1


async def _advance(connection: AsyncConnection, token: str, now: datetime) -> tuple[Thread, int]:
    row = None
    if _TOKEN.fullmatch(token):
        # The update comes first: a read before it could leave SQLite unable to take the write lock later.
        found = await connection.execute(
            update(Conversation)
            .where(Conversation.token == token)
            .values(last_seq=Conversation.last_seq + 1, updated_at=now)
            .returning(
                Conversation.id,
                Conversation.language,
                Conversation.language_chosen,
                Conversation.topic,
                Conversation.last_seq,
            )
        )
        row = found.one_or_none()
    if row is None:
        raise RequestError(Code.UNKNOWN_CONVERSATION, "there is no such conversation", 404)
    return Thread(row.id, token, row.language, row.language_chosen, row.topic), row.last_seq


async def store_reply(
    engine: AsyncEngine,
    incoming: Incoming,
    reply: Reply,
    parts: Sequence[Part | None],
    language_chosen: bool,
    topic: str | None,
    now: datetime,
) -> None:
    """Store a reply's messages (`parts` are what they were rendered from) and what the conversation learned."""
    async with transaction(engine) as connection:
        found = await connection.execute(
            update(Conversation)
            .where(Conversation.id == incoming.thread.id)
            .values(
                last_seq=Conversation.last_seq + len(reply.messages),
                language=reply.understanding.language,
                language_chosen=language_chosen,
                topic=topic,
                updated_at=now,
            )
            .returning(Conversation.last_seq)
        )
        first = found.scalar_one() - len(reply.messages) + 1
        await connection.execute(update(Message).where(Message.id == incoming.id).values(status=Status.ANSWERED))
        await connection.execute(
            insert(Message),
            [
                {
                    "id": new_id(),
                    "conversation_id": incoming.thread.id,
                    "seq": first + place,
                    "direction": _OUT,
                    "status": Status.STORED,
                    "text": answer.text,
                    "content": _content(answer, part, reply if place == 0 else None),
                    "in_reply_to": incoming.id,
                    "created_at": now,
                }
                for place, (answer, part) in enumerate(zip(reply.messages, parts, strict=True))
            ],
        )


def _content(answer: Answer, part: Part | None, reply: Reply | None) -> dict[str, Any]:
    """What a message was made from (key, parameters, article and version) beside its rendered text."""
    content: dict[str, Any] = {"kind": answer.kind.value, "lang": answer.lang}
    if part is not None:
        content |= {
            "key": part.key,
            "params": part.params,
            "article": part.article,
            "version": answer.version,
            "choices": [[choice.act, choice.value] for choice in part.choices],
        }
    if reply is not None:
        understanding = reply.understanding
        content["trace"] = {
            **reply.trace,
            "outcome": reply.outcome.value,
            "language": understanding.language,
            "intent": understanding.intent,
            "confidence": round(understanding.confidence, 4),
        }
    return content


async def pressed(engine: AsyncEngine, token: str, payload: str) -> Chosen:
    """What a button of this conversation does. RequestError for one that it never sent."""
    unknown = RequestError(Code.UNKNOWN_BUTTON, "this conversation sent no such button", 404)
    match_ = _PAYLOAD.fullmatch(payload)
    if match_ is None or not _TOKEN.fullmatch(token):
        raise unknown
    async with transaction(engine) as connection:
        asked = (
            select(Message.id)
            .join(Conversation, Conversation.id == Message.conversation_id)
            .where(Conversation.token == token, Message.seq == int(match_[1]), Message.direction == _IN)
        )
        reply = select(Message.content).where(Message.in_reply_to.in_(asked)).order_by(Message.seq)
        contents = (await connection.execute(reply.offset(int(match_[2])).limit(1))).scalars().all()
    choices = contents[0].get("choices") or [] if contents else []
    place = int(match_[3])
    if place >= len(choices):
        raise unknown
    act, value = choices[place]
    return Chosen(Act(act), value)
