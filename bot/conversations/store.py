"""Conversations and messages in the tables. Each function is one transaction, unless it takes a connection."""

from __future__ import annotations

import re
import uuid
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, cast

from sqlalchemy import Table, bindparam, case, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.conversations.plans import Act, Chosen
from bot.db.engine import reading, transaction
from bot.db.models import Conversation, Message
from bot.errors import Code, RequestError, StorageError
from bot.ids import new_id, new_token
from bot.messages import Answer, Choice, Kind, Part, Reply

# A conversation is found by the token that was given out, or by its row's id when its holder is known otherwise.
Ref = str | uuid.UUID
# What happens in the same transaction as the storing of a reply.
Effect = Callable[[AsyncConnection], Awaitable[None]]
_TOKEN = re.compile(r"[\w-]{16,40}")
_PAYLOAD = re.compile(r"b([0-9]{1,9})\.([0-9]{1,3})\.([0-9]{1,3})")
# Below a message that answers none: its own number, then the button's.
_OWN_PAYLOAD = re.compile(r"m([0-9]{1,9})\.([0-9]{1,3})")
# What a message is kept with beside its text.
_ASKED = ("button", "language", "locale", "act", "sealed")
_OUT = "out"
_IN = "in"


class Owner(StrEnum):
    """Who answers. The bot is silent while a person does."""

    BOT = "bot"
    WAITING = "waiting"
    PERSON = "person"
    CLOSED = "closed"


class Author(StrEnum):
    RESIDENT = "resident"
    BOT = "bot"
    PERSON = "person"
    SYSTEM = "system"


class Status(StrEnum):
    """Incoming: received until it is answered, passed (a person owns the conversation) or failed. Outgoing: stored."""

    RECEIVED = "received"
    ANSWERED = "answered"
    PASSED = "passed"
    FAILED = "failed"
    STORED = "stored"


class Retention(StrEnum):
    ANONYMOUS = "anonymous"
    IDENTIFIED = "identified"
    MEDICAL = "medical"


@dataclass(frozen=True)
class Thread:
    """A conversation as one message finds it."""

    id: uuid.UUID
    token: str
    language: str | None
    language_chosen: bool
    topic: str | None
    owner: Owner


@dataclass(frozen=True)
class Arrival:
    """One message to be stored: `ref` is null for a new conversation, `holder` the process that will answer."""

    channel: str
    text: str
    ref: Ref | None = None
    button: str | None = None
    language: str | None = None
    locale: str | None = None
    key: str | None = None
    site: str | None = None
    holder: str | None = None
    identified: bool = False
    act: tuple[str, str] | None = None
    # The whole of a text of which `text` shows only a part.
    sealed: str | None = None


@dataclass(frozen=True)
class Incoming:
    """A stored message and its thread; `repeated`: it was there before under the same key."""

    id: uuid.UUID
    seq: int
    text: str
    thread: Thread
    button: str | None = None
    language: str | None = None
    locale: str | None = None
    act: tuple[str, str] | None = None
    sealed: str | None = None
    repeated: bool = False
    attempts: int = 1
    chosen: Chosen | None = field(default=None, compare=False)


_THREAD = (
    Conversation.id,
    Conversation.token,
    Conversation.language,
    Conversation.language_chosen,
    Conversation.topic,
    Conversation.owner,
)


# What every message runs is built once: building it took longer than running it.
_C, _M = cast("Table", Conversation.__table__), cast("Table", Message.__table__)
_INSERT_CONVERSATION, _INSERT_MESSAGE = insert(_C), insert(_M)
_ADVANCE = (
    update(_C)
    .values(
        last_seq=_C.c.last_seq + 1,
        updated_at=bindparam("now"),
        owner=case((_C.c.owner == Owner.CLOSED, Owner.BOT), else_=_C.c.owner),
    )
    .returning(_C.c.id, _C.c.token, _C.c.language, _C.c.language_chosen, _C.c.topic, _C.c.owner, _C.c.last_seq)
)
_ADVANCE_BY_ID = _ADVANCE.where(_C.c.id == bindparam("ref"))
_ADVANCE_BY_TOKEN = _ADVANCE.where(_C.c.token == bindparam("ref"))
_IDENTIFIED = (
    update(_C)
    .where(_C.c.id == bindparam("conversation"), _C.c.retention == Retention.ANONYMOUS)
    .values(retention=Retention.IDENTIFIED)
)
_SETTLE = (
    update(_M)
    .where(_M.c.id == bindparam("message"), _M.c.status == Status.RECEIVED)
    .values(status=bindparam("new_status"), claimed_by=None)
)
_LEARN_ALWAYS = (
    update(_C)
    .where(_C.c.id == bindparam("conversation"))
    .values(
        last_seq=_C.c.last_seq + bindparam("more"),
        language=bindparam("learned_language"),
        language_chosen=bindparam("learned_chosen"),
        topic=bindparam("learned_topic"),
        updated_at=bindparam("now"),
    )
    .returning(_C.c.last_seq)
)
_LEARN = _LEARN_ALWAYS.where(_C.c.owner != Owner.PERSON)


async def open_conversation(
    database: AsyncEngine, channel: str, site: str | None, language: str | None, now: datetime
) -> Thread:
    """An empty conversation, for a resident who has not written yet."""
    async with transaction(database) as connection:
        return await _new_thread(connection, Arrival(channel, "", language=language, site=site), 0, now)


async def receive(database: AsyncEngine, arrival: Arrival, now: datetime) -> Incoming:
    """Store a message in its conversation, or in a new one; a key that is known gives the message it was stored as.

    RequestError 404 for an unknown conversation.
    """
    try:
        async with transaction(database) as connection:
            return await take_in(connection, arrival, now)
    except StorageError as error:
        # Two tabs or a retry at the same time: the other one was first.
        if not isinstance(error.__cause__, IntegrityError) or arrival.ref is None or arrival.key is None:
            raise
        known = await _by_key(database, arrival.ref, arrival.key)
        if known is None:
            raise
        return known


async def take_in(connection: AsyncConnection, arrival: Arrival, now: datetime) -> Incoming:
    """Store a message in the caller's transaction. RequestError 404 for an unknown conversation."""
    if arrival.ref is None:
        thread, seq = await _new_thread(connection, arrival, 1, now), 1
    else:
        thread, seq = await _advance(connection, arrival, now)
    asked = {name: value for name in _ASKED if (value := getattr(arrival, name)) is not None}
    incoming = Incoming(new_id(), seq, arrival.text, thread, **asked)
    await connection.execute(
        _INSERT_MESSAGE,
        {
            "id": incoming.id,
            "conversation_id": thread.id,
            "seq": seq,
            "direction": _IN,
            "author": Author.RESIDENT,
            "status": Status.RECEIVED,
            "key": arrival.key,
            "text": arrival.text,
            "content": asked,
            "claimed_by": arrival.holder,
            "attempts": 1,
            "created_at": now,
        },
    )
    return incoming


async def _new_thread(connection: AsyncConnection, arrival: Arrival, last_seq: int, now: datetime) -> Thread:
    # A language that comes with an act of the channel's (a poster's, say) is a hint; the resident has not chosen yet.
    chosen = arrival.language is not None and arrival.act is None
    thread = Thread(new_id(), new_token(), arrival.language, chosen, None, Owner.BOT)
    await connection.execute(
        _INSERT_CONVERSATION,
        {
            "id": thread.id,
            "token": thread.token,
            "channel": arrival.channel,
            "site": arrival.site,
            "owner": thread.owner,
            "language": thread.language,
            "language_chosen": thread.language_chosen,
            "retention": Retention.IDENTIFIED if arrival.identified else Retention.ANONYMOUS,
            "last_seq": last_seq,
            "seen_seq": 0,
            "created_at": now,
            "updated_at": now,
        },
    )
    return thread


async def _advance(connection: AsyncConnection, arrival: Arrival, now: datetime) -> tuple[Thread, int]:
    """The thread with the next number taken; a closed conversation is the bot's again."""
    assert arrival.ref is not None
    if isinstance(arrival.ref, str) and not _TOKEN.fullmatch(arrival.ref):
        raise unknown_conversation()
    # The update comes first: a read before it could leave SQLite unable to take the write lock later.
    statement = _ADVANCE_BY_ID if isinstance(arrival.ref, uuid.UUID) else _ADVANCE_BY_TOKEN
    row = (await connection.execute(statement, {"ref": arrival.ref, "now": now})).one_or_none()
    if row is None:
        raise unknown_conversation()
    if arrival.identified:
        await connection.execute(_IDENTIFIED, {"conversation": row.id})
    return _thread(row), row.last_seq


def _thread(row: Any) -> Thread:
    return Thread(row.id, row.token, row.language, row.language_chosen, row.topic, Owner(row.owner))


def _is(ref: Ref) -> Any:
    if isinstance(ref, uuid.UUID):
        return Conversation.id == ref
    if not _TOKEN.fullmatch(ref):
        raise unknown_conversation()
    return Conversation.token == ref


def unknown_conversation() -> RequestError:
    return RequestError(Code.UNKNOWN_CONVERSATION, "there is no such conversation", 404)


async def thread(database: AsyncEngine, ref: Ref) -> Thread:
    """RequestError 404 for an unknown conversation."""
    async with reading(database) as connection:
        row = (await connection.execute(select(*_THREAD).where(_is(ref)))).one_or_none()
    if row is None:
        raise unknown_conversation()
    return _thread(row)


_MESSAGE = (
    *_THREAD,
    Message.id.label("message_id"),
    Message.seq,
    Message.text,
    Message.content,
    Message.attempts,
)


async def _by_key(database: AsyncEngine, ref: Ref, key: str) -> Incoming | None:
    statement = select(*_MESSAGE).join(Conversation, Conversation.id == Message.conversation_id)
    async with reading(database) as connection:
        row = (await connection.execute(statement.where(_is(ref), Message.key == key))).one_or_none()
    return _incoming(row, repeated=True) if row is not None else None


async def known(connection: AsyncConnection, message_id: uuid.UUID) -> Incoming | None:
    """A message that was stored before; None when it has been erased since."""
    statement = select(*_MESSAGE).join(Conversation, Conversation.id == Message.conversation_id)
    row = (await connection.execute(statement.where(Message.id == message_id))).one_or_none()
    return _incoming(row, repeated=True) if row is not None else None


def _incoming(row: Any, *, repeated: bool = False) -> Incoming:
    asked = {name: row.content.get(name) for name in _ASKED}
    if asked["act"] is not None:
        asked["act"] = tuple(asked["act"])
    attempts = row.attempts + (not repeated)
    return Incoming(row.message_id, row.seq, row.text, _thread(row), repeated=repeated, attempts=attempts, **asked)


async def abandoned(
    database: AsyncEngine,
    alive: Collection[str],
    own: str,
    working: Collection[uuid.UUID],
    before: datetime,
    limit: int,
) -> list[Incoming]:
    """Messages received but not under way: their process is dead, or it is this one and is not at work on them.

    They are claimed for `own` before they are given back.
    """
    others = [holder for holder in alive if holder != own]
    statement = (
        select(*_MESSAGE, Message.claimed_by)
        .join(Conversation, Conversation.id == Message.conversation_id)
        .where(
            Message.status == Status.RECEIVED,
            Message.created_at < before,
            or_(Message.claimed_by.is_(None), Message.claimed_by.not_in(others)),
        )
        .order_by(Message.created_at, Message.seq)
        .limit(limit + len(working))
    )
    async with transaction(database) as connection:
        rows = [row for row in await connection.execute(statement) if row.message_id not in working]
    return [_incoming(row) for row in rows[:limit] if await _claim(database, row, own)]


async def _claim(database: AsyncEngine, row: Any, own: str) -> bool:
    holder = Message.claimed_by.is_(None) if row.claimed_by is None else Message.claimed_by == row.claimed_by
    statement = (
        update(Message)
        .where(Message.id == row.message_id, Message.status == Status.RECEIVED, holder)
        .values(claimed_by=own, attempts=Message.attempts + 1)
    )
    async with transaction(database) as connection:
        return bool((await connection.execute(statement)).rowcount)


async def put_into_words(database: AsyncEngine, incoming: Incoming, text: str, *, identified: bool) -> None:
    """What was said in a recording, in its message's place; taken up again, it is a message like any other."""
    asked = {name: value for name in ("language", "locale") if (value := getattr(incoming, name)) is not None}
    async with transaction(database) as connection:
        statement = update(Message).where(Message.id == incoming.id).values(text=text, content=asked)
        await connection.execute(statement)
        if identified:
            await connection.execute(_IDENTIFIED, {"conversation": incoming.thread.id})


async def settle(database: AsyncEngine, message_id: uuid.UUID, status: Status) -> bool:
    """End a received message without a reply. False when it had ended before."""
    async with transaction(database) as connection:
        return await _settled(connection, message_id, status)


async def _settled(connection: AsyncConnection, message_id: uuid.UUID, status: Status) -> bool:
    return bool((await connection.execute(_SETTLE, {"message": message_id, "new_status": status})).rowcount)


@dataclass(frozen=True)
class Learned:
    """What a reply teaches the conversation; `language` is null while nothing tells it."""

    language: str | None
    language_chosen: bool
    topic: str | None


async def store_reply(
    database: AsyncEngine,
    incoming: Incoming,
    reply: Reply,
    parts: Sequence[Part | None],
    learned: Learned,
    now: datetime,
    *,
    effect: Effect | None = None,
    urgent: bool = False,
) -> bool:
    """Store a reply's messages (`parts` are what they were rendered from) and what the conversation learned.

    False, and nothing stored, when the message was answered before, or when a person has taken the conversation over
    and the reply is not `urgent`.
    """
    async with transaction(database) as connection:
        if not await _settled(connection, incoming.id, Status.ANSWERED):
            return False
        last = await _learned(connection, incoming, reply, learned, now, urgent)
        if last is None:
            passed = update(Message).where(Message.id == incoming.id).values(status=Status.PASSED)
            await connection.execute(passed)
            return False
        if reply.messages:
            first = last - len(reply.messages) + 1
            await connection.execute(_INSERT_MESSAGE, _rows(incoming, reply, parts, first, now))
        if effect is not None:
            await effect(connection)
    return True


async def _learned(
    connection: AsyncConnection, incoming: Incoming, reply: Reply, learned: Learned, now: datetime, urgent: bool
) -> int | None:
    """Take the reply's numbers; the last of them, None when a person owns the conversation."""
    values = {
        "conversation": incoming.thread.id,
        "more": len(reply.messages),
        "learned_language": learned.language,
        "learned_chosen": learned.language_chosen,
        "learned_topic": learned.topic,
        "now": now,
    }
    last: int | None = (await connection.execute(_LEARN_ALWAYS if urgent else _LEARN, values)).scalar_one_or_none()
    return last


def _rows(
    incoming: Incoming, reply: Reply, parts: Sequence[Part | None], first: int, now: datetime
) -> list[dict[str, Any]]:
    return [
        {
            "id": new_id(),
            "conversation_id": incoming.thread.id,
            "seq": first + place,
            "direction": _OUT,
            "author": Author.BOT,
            "status": Status.STORED,
            "text": answer.text,
            "content": _content(answer, part, reply if place == 0 else None),
            "in_reply_to": incoming.id,
            "attempts": 0,
            "created_at": now,
        }
        for place, (answer, part) in enumerate(zip(reply.messages, parts, strict=True))
    ]


def _content(answer: Answer, part: Part | None, reply: Reply | None) -> dict[str, Any]:
    """What a message was made from (key, parameters, article and version) beside its rendered form."""
    content: dict[str, Any] = {"answer": answer.filled()}
    if part is not None:
        content["part"] = part.to_json()
        # The buttons' acts, by their place: what a payload is looked up in.
        content["choices"] = [[choice.act, choice.value] for choice in part.choices]
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


async def add(
    connection: AsyncConnection,
    conversation_id: uuid.UUID,
    *,
    author: Author,
    kind: Kind,
    lang: str,
    text: str,
    now: datetime,
    content: Mapping[str, Any] | None = None,
    key: str | None = None,
    staff_id: uuid.UUID | None = None,
    buttons: Sequence[tuple[str, Choice]] = (),
) -> int:
    """One more outgoing message, in the caller's transaction; its sequence number. RequestError 404 when unknown.

    `buttons`: what stands on each, and what it does.
    """
    statement = (
        update(Conversation)
        .where(Conversation.id == conversation_id)
        .values(last_seq=Conversation.last_seq + 1, updated_at=now)
        .returning(Conversation.last_seq)
    )
    seq = (await connection.execute(statement)).scalar_one_or_none()
    if seq is None:
        raise unknown_conversation()
    await connection.execute(
        insert(Message).values(
            id=new_id(),
            conversation_id=conversation_id,
            seq=seq,
            direction=_OUT,
            author=author,
            status=Status.STORED,
            key=key,
            text=text,
            content={
                "answer": {"kind": kind.value, "lang": lang},
                **(content or {}),
                **_below(seq, kind, lang, buttons),
            },
            staff_id=staff_id,
            attempts=0,
            created_at=now,
        )
    )
    return int(seq)


def _below(seq: int, kind: Kind, lang: str, buttons: Sequence[tuple[str, Choice]]) -> dict[str, Any]:
    if not buttons:
        return {}
    shown = [{"title": title, "payload": f"m{seq}.{place}"} for place, (title, _) in enumerate(buttons)]
    return {
        "answer": {"kind": kind.value, "lang": lang, "buttons": shown},
        "choices": [[choice.act, choice.value] for _, choice in buttons],
    }


async def pressed(database: AsyncEngine, ref: Ref, payload: str) -> Chosen:
    """What a button of this conversation does. RequestError for one that it never sent."""
    unknown = RequestError(Code.UNKNOWN_BUTTON, "this conversation sent no such button", 404)
    if isinstance(ref, str) and not _TOKEN.fullmatch(ref):
        raise unknown
    if (own := _OWN_PAYLOAD.fullmatch(payload)) is not None:
        contents, place = await _said_at(database, ref, int(own[1])), int(own[2])
    elif (match_ := _PAYLOAD.fullmatch(payload)) is not None:
        contents, place = await _replied_with(database, ref, int(match_[1]), int(match_[2])), int(match_[3])
    else:
        raise unknown
    choices = contents.get("choices") or []
    if place >= len(choices):
        raise unknown
    act, value = choices[place]
    buttons = (contents.get("answer") or {}).get("buttons") or []
    title = next((str(button["title"]) for button in buttons if button["payload"] == payload), "")
    return Chosen(Act(act), value, title)


async def _said_at(database: AsyncEngine, ref: Ref, seq: int) -> dict[str, Any]:
    statement = (
        select(Message.content)
        .join(Conversation, Conversation.id == Message.conversation_id)
        .where(_is(ref), Message.seq == seq, Message.direction == _OUT)
    )
    async with reading(database) as connection:
        return dict((await connection.execute(statement)).scalar_one_or_none() or {})


async def _replied_with(database: AsyncEngine, ref: Ref, seq: int, number: int) -> dict[str, Any]:
    """The message of that number in the reply to the message with this sequence number."""
    async with reading(database) as connection:
        asked = (
            select(Message.id)
            .join(Conversation, Conversation.id == Message.conversation_id)
            .where(_is(ref), Message.seq == seq, Message.direction == _IN)
        )
        reply = select(Message.content).where(Message.in_reply_to.in_(asked)).order_by(Message.seq)
        found = (await connection.execute(reply.offset(number).limit(1))).scalars().all()
    return dict(found[0]) if found else {}


async def reply_of(database: AsyncEngine, message_id: uuid.UUID) -> list[dict[str, Any]]:
    """The contents (with text) of the messages that answer a message, in order; empty while there are none."""
    statement = select(Message.text, Message.content).where(Message.in_reply_to == message_id).order_by(Message.seq)
    async with reading(database) as connection:
        return [{**row.content, "text": row.text} for row in await connection.execute(statement)]


async def ended(database: AsyncEngine, message_id: uuid.UUID) -> bool:
    """Whether a message is no longer waiting for its answer; true for one that is no more."""
    statement = select(Message.id).where(Message.id == message_id, Message.status == Status.RECEIVED)
    async with reading(database) as connection:
        return (await connection.execute(statement)).one_or_none() is None


async def changed_since(database: AsyncEngine, instant: datetime) -> list[tuple[uuid.UUID, int, str]]:
    """(conversation, last number, owner) of those that were written to since."""
    statement = select(Conversation.id, Conversation.last_seq, Conversation.owner).where(
        Conversation.updated_at >= instant
    )
    async with reading(database) as connection:
        return [(row.id, row.last_seq, row.owner) for row in await connection.execute(statement)]
