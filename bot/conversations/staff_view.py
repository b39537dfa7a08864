"""Conversations and call-backs as staff see them: personal numbers masked, unless asked for as written."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversations.masking import mask
from bot.conversations.store import Author, Owner
from bot.db.models import CallBack, Consent, Conversation, Handoff, Message, Staff
from bot.handoff.store import CallState, State

_MOST_LISTED = 100
_PAGE = 200
_PREVIEW_CHARACTERS = 140
_OPEN = (State.WAITING, State.CLAIMED)


async def conversations(connection: AsyncConnection, owner: Owner, staff_id: uuid.UUID | None) -> list[dict[str, Any]]:
    """Those of an owner (and an operator); who waits longest first, else the latest first."""
    statement = _conversations().where(Conversation.owner == owner)
    if staff_id is not None:
        statement = statement.where(Conversation.operator_id == staff_id)
    waiting = owner is Owner.WAITING
    order = (Handoff.requested_at, Handoff.id) if waiting else (Conversation.updated_at.desc(), Conversation.id)
    rows = (await connection.execute(statement.order_by(*order).limit(_MOST_LISTED))).all()
    previews = await _previews(connection, [row.id for row in rows])
    return [{**_summary(row), "preview": previews.get(row.id)} for row in rows]


async def conversation(
    connection: AsyncConnection, conversation_id: uuid.UUID, after: int, *, masked: bool
) -> dict[str, Any] | None:
    """The summary with a page of messages after number `after`, and whether handing over was agreed to."""
    row = (await connection.execute(_conversations().where(Conversation.id == conversation_id))).one_or_none()
    if row is None:
        return None
    agreed = select(func.max(Consent.given_at)).where(
        Consent.conversation_id == conversation_id, Consent.kind == "handoff", Consent.withdrawn_at.is_(None)
    )
    given = (await connection.execute(agreed)).scalar_one_or_none()
    return {
        **_summary(row),
        "masked": masked,
        "consent_at": given.isoformat() if given is not None else None,
        "messages": await messages(connection, conversation_id, after, masked=masked),
    }


async def messages(
    connection: AsyncConnection, conversation_id: uuid.UUID, after: int, *, masked: bool
) -> list[dict[str, Any]]:
    statement = (
        select(Message.seq, Message.author, Message.text, Message.content, Message.created_at, Staff.shown_name)
        .outerjoin(Staff, Staff.id == Message.staff_id)
        .where(Message.conversation_id == conversation_id, Message.seq > after)
        .order_by(Message.seq)
        .limit(_PAGE)
    )
    return [_message(row, masked) for row in await connection.execute(statement)]


async def holds(connection: AsyncConnection, conversation_id: uuid.UUID, staff_id: uuid.UUID) -> bool:
    """Whether the conversation is the operator's at the moment."""
    statement = select(Conversation.id).where(
        Conversation.id == conversation_id, Conversation.owner == Owner.PERSON, Conversation.operator_id == staff_id
    )
    return (await connection.execute(statement)).one_or_none() is not None


async def wants_staff(connection: AsyncConnection, conversation_id: uuid.UUID) -> bool:
    """Whether the resident waits for a person, or for being called."""
    called = select(CallBack.id).where(CallBack.conversation_id == conversation_id, CallBack.state == CallState.OPEN)
    statement = select(Conversation.id).where(
        Conversation.id == conversation_id, or_(Conversation.owner == Owner.WAITING, called.exists())
    )
    return (await connection.execute(statement)).one_or_none() is not None


async def call_backs(connection: AsyncConnection, state: CallState) -> list[dict[str, Any]]:
    """The contact stands there as it was given: it is there to be used. What is promised first comes first."""
    statement = (
        select(*CallBack.__table__.columns, Staff.name.label("staff"))
        .outerjoin(Staff, Staff.id == CallBack.staff_id)
        .where(CallBack.state == state)
        .order_by(CallBack.promised_at, CallBack.id)
        .limit(_MOST_LISTED)
    )
    return [_call_back(row) for row in await connection.execute(statement)]


async def add_note(connection: AsyncConnection, reference: str, name: str, note: str) -> None:
    """Below the resident's words: there it is erased with them."""
    statement = update(CallBack).where(CallBack.reference == reference)
    await connection.execute(statement.values(words=CallBack.words + f"\n\n— {name}: {note}"))


def _conversations() -> Select[*tuple[Any, ...]]:
    return (
        select(
            Conversation.id,
            Conversation.channel,
            Conversation.site,
            Conversation.owner,
            Conversation.language,
            Conversation.topic,
            Conversation.last_seq,
            Conversation.seen_seq,
            Conversation.created_at,
            Conversation.updated_at,
            Handoff.language.label("desk_language"),
            Handoff.requested_at,
            Staff.shown_name,
        )
        .outerjoin(Handoff, and_(Handoff.conversation_id == Conversation.id, Handoff.state.in_(_OPEN)))
        .outerjoin(Staff, Staff.id == Conversation.operator_id)
    )


def _summary(row: Any) -> dict[str, Any]:
    return {
        "id": row.id.hex,
        "channel": row.channel,
        "site": row.site,
        "owner": row.owner,
        "language": row.language,
        "desk_language": row.desk_language,
        "topic": row.topic,
        "operator": row.shown_name,
        "last_seq": row.last_seq,
        "seen_seq": row.seen_seq,
        "created_at": row.created_at.isoformat(),
        "updated_at": row.updated_at.isoformat(),
        "requested_at": row.requested_at.isoformat() if row.requested_at is not None else None,
    }


async def _previews(connection: AsyncConnection, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, str]:
    """The beginning of each one's last words of the resident, masked."""
    last = (
        select(Message.conversation_id, func.max(Message.seq).label("seq"))
        .where(
            Message.conversation_id.in_(ids),
            Message.author == Author.RESIDENT,
            # A pressed button says less than the resident's own words.
            Message.content["button"].as_string().is_(None),
        )
        .group_by(Message.conversation_id)
        .subquery()
    )
    statement = select(Message.conversation_id, Message.text).join(
        last, and_(Message.conversation_id == last.c.conversation_id, Message.seq == last.c.seq)
    )
    return {row.conversation_id: mask(row.text)[:_PREVIEW_CHARACTERS] for row in await connection.execute(statement)}


def _message(row: Any, masked: bool) -> dict[str, Any]:
    kept = row.content.get("answer") or row.content
    # What the bot and the system say has numbers too, but those of offices.
    personal = row.author in (Author.RESIDENT, Author.PERSON)
    return {
        "seq": row.seq,
        "author": row.author,
        "name": row.shown_name,
        "at": row.created_at.isoformat(),
        "kind": kept.get("kind", "text"),
        "lang": kept.get("lang") or kept.get("language"),
        "text": mask(row.text) if masked and personal else row.text,
        "steps": list(kept.get("steps") or ()),
        "article": kept.get("article"),
        "button": row.content.get("button") is not None,
    }


def _call_back(row: Any) -> dict[str, Any]:

    return {
        "reference": row.reference,
        "conversation": row.conversation_id.hex,
        "contact": row.contact,
        "value": row.value,
        "words": row.words,
        "language": row.language,
        "reason": row.reason,
        "state": row.state,
        "staff": row.staff,
        "created_at": row.created_at.isoformat(),
        "promised_at": row.promised_at.isoformat(),
        "done_at": row.done_at.isoformat() if row.done_at is not None else None,
    }
