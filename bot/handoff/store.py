"""Who waits, who answers and who is to be called back, in the tables; each function in the caller's transaction.

A handoff and its conversation's owner change together, the conversation first: two who want the same conversation then
wait for each other at its row, and exactly one finds it as it must be.
"""

from __future__ import annotations

import secrets
import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Select, and_, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.db.models import CallBack, Consent, Conversation, Handoff, Staff
from bot.handoff import staff
from bot.handoff.hours import DeskRules
from bot.handoff.rules import Reason, Situation
from bot.ids import new_id

CONSENT_KIND = "handoff"
# Raised when the words that ask for it change in what they say.
CONSENT_VERSION = "1"
# Crockford's base 32: no I, L, O and U. Eight of them are 40 bits.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MISREAD = str.maketrans("ILO", "110")
_REFERENCE_PREFIX = "LL"
_TIMED_OUT_LATELY = timedelta(hours=2)


class Holder(StrEnum):
    """A conversation's owner, as its row has it (bot.conversations.store.Owner is the same)."""

    BOT = "bot"
    WAITING = "waiting"
    PERSON = "person"
    CLOSED = "closed"


class State(StrEnum):
    """Of a handoff: waiting and claimed are open, the others say how it ended."""

    WAITING = "waiting"
    CLAIMED = "claimed"
    LEFT = "left"
    TIMEOUT = "timeout"
    RETURNED = "returned"
    CLOSED = "closed"


class CallState(StrEnum):
    """Of a call-back."""

    OPEN = "open"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class Waiting:
    """One who waits: since when, and since when without a break (an operator may have been lost in between)."""

    conversation_id: uuid.UUID
    language: str
    resident_language: str | None
    requested_at: datetime
    since: datetime


@dataclass(frozen=True)
class Held:
    """A conversation that an operator has."""

    conversation_id: uuid.UUID
    staff_id: uuid.UUID
    shown_name: str
    resident_language: str | None
    updated_at: datetime


async def situation(connection: AsyncConnection, rules: DeskRules, now: datetime) -> Situation:
    counted = select(Handoff.language, func.count()).where(Handoff.state == State.WAITING).group_by(Handoff.language)
    waiting = {row[0]: row[1] for row in await connection.execute(counted)}
    present = await staff.present_languages(connection, now)
    return Situation(present, waiting, await waits(connection, rules, now))


async def waits(connection: AsyncConnection, rules: DeskRules, now: datetime) -> dict[str, Sequence[timedelta]]:
    """The last waits by language. One that ended without anybody coming counts as long as it lasted."""
    ended = func.coalesce(Handoff.claimed_at, Handoff.ended_at)
    statement = (
        select(Handoff.language, Handoff.requested_at, ended.label("until"))
        .where(
            or_(Handoff.claimed_at.is_not(None), Handoff.state == State.TIMEOUT),
            Handoff.state != State.WAITING,
            Handoff.requested_at > now - timedelta(days=rules.estimate.days),
        )
        .order_by(Handoff.requested_at.desc())
        .limit(rules.estimate.most * 20)
    )
    found: dict[str, list[timedelta]] = defaultdict(list)
    for language, requested, until in await connection.execute(statement):
        if len(found[language]) < rules.estimate.most:
            found[language].append(until - requested)
    return dict(found)


async def enqueue(connection: AsyncConnection, conversation_id: uuid.UUID, language: str, now: datetime) -> bool:
    """Put a conversation of the bot's into the queue for `language`, with the consent. False: it was not the bot's."""
    topic = await _take(connection, conversation_id, Holder.BOT, Holder.WAITING, Conversation.topic)
    if topic is None:
        return False
    consent = {"kind": CONSENT_KIND, "version": CONSENT_VERSION, "given_at": now}
    await connection.execute(insert(Consent).values(id=new_id(), conversation_id=conversation_id, **consent))
    await connection.execute(
        insert(Handoff).values(
            id=new_id(),
            conversation_id=conversation_id,
            state=State.WAITING,
            language=language,
            topic=topic.topic,
            requested_at=now,
        )
    )
    return True


async def leave(connection: AsyncConnection, conversation_id: uuid.UUID, state: State, now: datetime) -> bool:
    """Out of the queue and back to the bot. False when it was not waiting."""
    if await _take(connection, conversation_id, Holder.WAITING, Holder.BOT, Conversation.id) is None:
        return False
    await _end(connection, conversation_id, State.WAITING, state, now)
    return True


async def claim(connection: AsyncConnection, conversation_id: uuid.UUID, staff_id: uuid.UUID, now: datetime) -> bool:
    """Take one who waits. Of those who try at the same time, one gets True."""
    taken = await _take(
        connection,
        conversation_id,
        Holder.WAITING,
        Holder.PERSON,
        Conversation.id,
        operator_id=staff_id,
        updated_at=now,
    )
    if taken is None:
        return False
    values = {"state": State.CLAIMED, "operator_id": staff_id, "claimed_at": now}
    await _change(connection, conversation_id, State.WAITING, values)
    return True


async def give_up(
    connection: AsyncConnection,
    conversation_id: uuid.UUID,
    staff_id: uuid.UUID,
    state: State,
    now: datetime,
) -> bool:
    """The operator's part ends: RETURNED to the bot, or CLOSED. False when the conversation is not the operator's."""
    holder = Holder.CLOSED if state is State.CLOSED else Holder.BOT
    if not await _let_go(connection, conversation_id, staff_id, holder):
        return False
    await _end(connection, conversation_id, State.CLAIMED, state, now)
    return True


async def requeue(connection: AsyncConnection, conversation_id: uuid.UUID, staff_id: uuid.UUID, now: datetime) -> bool:
    """Back into the queue in the old place, because the operator is gone; the time to wait begins anew."""
    if not await _let_go(connection, conversation_id, staff_id, Holder.WAITING):
        return False
    # In one who waits, claimed_at says since when again.
    values = {"state": State.WAITING, "operator_id": None, "claimed_at": now}
    await _change(connection, conversation_id, State.CLAIMED, values)
    return True


async def holds(connection: AsyncConnection, conversation_id: uuid.UUID, staff_id: uuid.UUID, now: datetime) -> bool:
    """Whether the conversation is the operator's; it stays so until the transaction's end."""
    statement = update(Conversation).where(
        Conversation.id == conversation_id, Conversation.owner == Holder.PERSON, Conversation.operator_id == staff_id
    )
    return bool((await connection.execute(statement.values(updated_at=now))).rowcount)


async def _take(
    connection: AsyncConnection, conversation_id: uuid.UUID, of: Holder, to: Holder, column: Any, **values: Any
) -> Any:
    """The row with `column` when the owner was `of` and is `to` now, else None."""
    statement = update(Conversation).where(Conversation.id == conversation_id, Conversation.owner == of)
    return (await connection.execute(statement.values(owner=to, **values).returning(column))).one_or_none()


async def _let_go(connection: AsyncConnection, conversation_id: uuid.UUID, staff_id: uuid.UUID, holder: Holder) -> bool:
    statement = update(Conversation).where(
        Conversation.id == conversation_id, Conversation.owner == Holder.PERSON, Conversation.operator_id == staff_id
    )
    return bool((await connection.execute(statement.values(owner=holder, operator_id=None))).rowcount)


async def _end(connection: AsyncConnection, conversation_id: uuid.UUID, of: State, to: State, now: datetime) -> None:
    await _change(connection, conversation_id, of, {"state": to, "ended_at": now})


async def _change(connection: AsyncConnection, conversation_id: uuid.UUID, of: State, values: dict[str, Any]) -> None:
    statement = update(Handoff).where(Handoff.conversation_id == conversation_id, Handoff.state == of)
    await connection.execute(statement.values(values))


async def position(connection: AsyncConnection, conversation_id: uuid.UUID) -> tuple[str, int] | None:
    """The queue's language and the place in it, from 1; None when the conversation does not wait."""
    own = select(Handoff.language, Handoff.requested_at, Handoff.id).where(
        Handoff.conversation_id == conversation_id, Handoff.state == State.WAITING
    )
    row = (await connection.execute(own)).one_or_none()
    if row is None:
        return None
    ahead = select(func.count()).where(
        Handoff.state == State.WAITING,
        Handoff.language == row.language,
        or_(
            Handoff.requested_at < row.requested_at,
            and_(Handoff.requested_at == row.requested_at, Handoff.id <= row.id),
        ),
    )
    return row.language, (await connection.execute(ahead)).scalar_one()


async def all_waiting(connection: AsyncConnection) -> list[Waiting]:
    """Who waits, longest first."""
    since = func.coalesce(Handoff.claimed_at, Handoff.requested_at)
    statement = (
        select(Handoff.conversation_id, Handoff.language, Conversation.language, Handoff.requested_at, since)
        .join(Conversation, Conversation.id == Handoff.conversation_id)
        .where(Handoff.state == State.WAITING)
        .order_by(Handoff.requested_at, Handoff.id)
    )
    return [Waiting(*row) for row in await connection.execute(statement)]


async def lapsed(connection: AsyncConnection, now: datetime) -> list[Held]:
    """What operators have who are not at the desk any more."""
    gone = or_(Staff.present_until.is_(None), Staff.present_until <= now, Staff.disabled_at.is_not(None))
    return [Held(*row) for row in await connection.execute(_held().where(gone))]


async def idle(connection: AsyncConnection, before: datetime) -> list[Held]:
    """What operators have in which nothing was written since `before`."""
    return [Held(*row) for row in await connection.execute(_held().where(Conversation.updated_at <= before))]


def _held() -> Select[*tuple[Any, ...]]:
    return (
        select(Conversation.id, Staff.id, Staff.shown_name, Conversation.language, Conversation.updated_at)
        .join(Staff, Staff.id == Conversation.operator_id)
        .where(Conversation.owner == Holder.PERSON)
    )


def new_reference() -> str:
    """LL-XXXX-XXXX: 40 random bits in letters that are not mistaken for others."""
    drawn = "".join(secrets.choice(_ALPHABET) for _ in range(8))
    return f"{_REFERENCE_PREFIX}-{drawn[:4]}-{drawn[4:]}"


def read_reference(text: str) -> str:
    """A reference as somebody wrote it down, in its own form: small letters, O for 0, I or L for 1."""
    drawn = "".join(c for c in text.upper() if c.isalnum()).removeprefix(_REFERENCE_PREFIX).translate(_MISREAD)
    return f"{_REFERENCE_PREFIX}-{drawn[:4]}-{drawn[4:]}"


@dataclass(frozen=True)
class Wanted:
    """A call-back as it is asked for."""

    contact: str
    value: str
    words: str
    language: str
    reason: Reason


async def open_call_backs(connection: AsyncConnection, conversation_id: uuid.UUID) -> list[Any]:
    """The conversation's open call-backs: reference, contact, value, promised_at."""
    columns = (CallBack.reference, CallBack.contact, CallBack.value, CallBack.promised_at)
    statement = select(*columns).where(CallBack.conversation_id == conversation_id, CallBack.state == CallState.OPEN)
    return list(await connection.execute(statement))


async def add_call_back(
    connection: AsyncConnection, conversation_id: uuid.UUID, wanted: Wanted, promised: datetime, now: datetime
) -> str:
    """The reference of a new call-back."""
    reference = new_reference()
    await connection.execute(
        insert(CallBack).values(
            id=new_id(),
            reference=reference,
            conversation_id=conversation_id,
            contact=wanted.contact,
            value=wanted.value,
            words=wanted.words,
            language=wanted.language,
            reason=wanted.reason,
            state=CallState.OPEN,
            created_at=now,
            promised_at=promised,
        )
    )
    return reference


async def finish_call_back(
    connection: AsyncConnection, reference: str, state: CallState, staff_id: uuid.UUID, now: datetime
) -> bool | None:
    """True when it was open and ends now, False when it had ended before, None when there is none."""
    statement = update(CallBack).where(CallBack.reference == reference, CallBack.state == CallState.OPEN)
    changed = await connection.execute(statement.values(state=state, staff_id=staff_id, done_at=now))
    if changed.rowcount:
        return True
    known = await connection.execute(select(CallBack.id).where(CallBack.reference == reference))
    return None if known.one_or_none() is None else False


async def timed_out_lately(connection: AsyncConnection, conversation_id: uuid.UUID, now: datetime) -> bool:
    """Whether the last wish for a person ended with nobody coming, a short while ago."""
    statement = (
        select(Handoff.state)
        .where(Handoff.conversation_id == conversation_id, Handoff.requested_at > now - _TIMED_OUT_LATELY)
        .order_by(Handoff.requested_at.desc())
        .limit(1)
    )
    return (await connection.execute(statement)).scalar_one_or_none() == State.TIMEOUT
