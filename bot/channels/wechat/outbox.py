"""What is on its way to somebody on WeChat: messages become bubbles, bubbles become sends.

Each function is one transaction. A send is stored before it is made and its end after it, so that one whose process
died is known, as one that may have arrived: the platform takes no mark by which it could tell a second try.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.channels.wechat import people
from bot.channels.wechat.form import Bubble, Option
from bot.channels.wechat.ledger import Grant, allowance, exhausted, left, refunded, source, spent
from bot.channels.wechat.packing import Message as Packed
from bot.channels.wechat.packing import fitted
from bot.channels.wechat.people import Person
from bot.channels.wechat.shaping import ENDS, Shaper
from bot.conversations.history import answer_of
from bot.conversations.store import Author, Owner
from bot.db.engine import reading, transaction
from bot.db.models import Conversation, Identity, Message, WechatBubble, WechatGrant, WechatSend
from bot.ids import new_id
from bot.languages import DEFAULT
from bot.messages import Answer, Kind

# A push is repeated twice, five seconds apart: after this nobody asks for the same response again.
OFFER_ENDS = timedelta(seconds=25)
_MOST_WAITING = 500
# In a response there must be room for the line that a machine wrote it, and for how to read on.
PASSIVE_ROOM = 1800
_CHATTER = frozenset({Kind.EVENT, Kind.NOTICE})


class SendState(StrEnum):
    """OFFERED: in a response that is not known to have left; UNKNOWN: it may have arrived; RETURNED: it did not."""

    SENDING = "sending"
    OFFERED = "offered"
    SENT = "sent"
    UNKNOWN = "unknown"
    FAILED = "failed"
    RETURNED = "returned"


class Refund(StrEnum):
    """What becomes of the allowance that a send took which did not arrive."""

    GIVEN = "given"
    KEPT = "kept"
    # The platform counts otherwise than we did: it is believed.
    ALL_GONE = "all_gone"


@dataclass(frozen=True)
class Taken:
    """A send that is to be made now."""

    id: uuid.UUID
    openid: str = field(repr=False)
    message: Packed
    person: Person
    grant: Grant


@dataclass(frozen=True)
class Offer:
    """What goes into the response to a push."""

    id: uuid.UUID
    person: uuid.UUID
    body: str = field(repr=False)


async def offer(
    database: AsyncEngine,
    identity_id: uuid.UUID,
    push_key: str,
    shaper: Shaper,
    say: Callable[[Packed], str],
    holder: str,
    now: datetime,
    *,
    patient: bool,
) -> Offer | None:
    """The next message for the response to this push, the same when the push comes again; None when there is none.

    `patient`: what comes after a response that is still open can be sent when that has left.
    """
    async with transaction(database) as connection:
        person = await _locked(connection, identity_id)
        if person is None:
            return None
        before = await _offered_again(connection, push_key, holder, now)
        if before is not None:
            return before
        waiting = await _waiting(connection, person, shaper)
        if not waiting or await _under_way(connection, person.id):
            return None
        if patient and await _being_offered(connection, person.id, now):
            return None
        bubbles = [bubble for _, bubble in waiting]
        messages, _ = fitted(bubbles, 1, PASSIVE_ROOM)
        body = say(messages[0])
        await _now_shown(connection, person, messages[0], bubbles[: messages[0].taken])
        send = await _begun(connection, person.id, SendState.OFFERED, holder, now, push_key=push_key, body=body)
        await _move(connection, [bubble_id for bubble_id, _ in waiting[: messages[0].taken]], send)
        return Offer(send, person.id, body)


async def take(
    database: AsyncEngine, identity_id: uuid.UUID, shaper: Shaper, holder: str, now: datetime
) -> Taken | None:
    """The next message to send by the platform's interface; None when there is none, or it may not be sent now."""
    async with transaction(database) as connection:
        person = await _locked(connection, identity_id)
        if person is None or not person.reachable:
            return None
        waiting = await _waiting(connection, person, shaper)
        if not waiting or await _under_way(connection, person.id) or await _being_offered(connection, person.id, now):
            return None
        grants = await people.grants(connection, person.id)
        bubbles = [bubble for _, bubble in waiting]
        packed, grant = _allowed(person, bubbles, left(grants, now)), source(grants, now)
        if packed is None or grant is None:
            return None
        await _now_shown(connection, person, packed, bubbles[: packed.taken])
        send = await _begun(connection, person.id, SendState.SENDING, holder, now)
        await _move(connection, [bubble_id for bubble_id, _ in waiting[: packed.taken]], send)
        await people.put_grants(connection, person.id, spent(grants, now))
        return Taken(send, person.openid, packed, person, grant)


def _allowed(person: Person, bubbles: Sequence[Bubble], remaining: int) -> Packed | None:
    """The next message within what may be sent. What nobody waits for never takes the last one."""
    near = person.owner in (Owner.PERSON, Owner.WAITING)
    allowed = max(allowance(remaining, answer=bubble.answer, person_near=near and bubble.machine) for bubble in bubbles)
    if allowed <= 0:
        return None
    messages, _ = fitted(bubbles, allowed)
    return messages[0] if messages else None


async def given(database: AsyncEngine, send_id: uuid.UUID) -> None:
    """The response has left."""
    async with transaction(database) as connection:
        await _end(connection, send_id, SendState.SENT, SendState.OFFERED)


async def ended(
    database: AsyncEngine, send_id: uuid.UUID, state: SendState, reason: str | None = None, rid: str | None = None
) -> None:
    """SENT, UNKNOWN or FAILED: it will not be tried again."""
    async with transaction(database) as connection:
        await _end(connection, send_id, state, SendState.SENDING, reason=reason, rid=rid)


async def put_back(
    database: AsyncEngine, taken: Taken, refund: Refund, now: datetime, reason: str, rid: str | None = None
) -> None:
    """It did not arrive: its bubbles wait again, first in order."""
    async with transaction(database) as connection:
        if not await _end(connection, taken.id, SendState.RETURNED, SendState.SENDING, reason=reason, rid=rid):
            return
        await connection.execute(update(WechatBubble).where(WechatBubble.send_id == taken.id).values(send_id=None))
        grants = await people.grants(connection, taken.person.id)
        if refund is Refund.ALL_GONE:
            await people.put_grants(connection, taken.person.id, exhausted(grants))
        elif refund is Refund.GIVEN:
            await people.put_grants(connection, taken.person.id, refunded(grants, taken.grant))


async def abandoned(database: AsyncEngine, alive: Collection[str], now: datetime) -> int:
    """Sends whose process died, and responses that nobody fetched: they may have arrived. How many there were."""
    async with transaction(database) as connection:
        unsure = or_(
            and_(WechatSend.state == SendState.SENDING, WechatSend.holder.not_in(list(alive))),
            and_(WechatSend.state == SendState.OFFERED, WechatSend.at < now - OFFER_ENDS),
        )
        values = {"state": SendState.UNKNOWN, "reason": "process_ended"}
        return int((await connection.execute(update(WechatSend).where(unsure).values(values))).rowcount)


async def unfinished(database: AsyncEngine, since: datetime | None, now: datetime) -> list[uuid.UUID]:
    """Identities for whom something waits that may be sent: unplanned messages (since then), or held bubbles."""
    newer: list[ColumnElement[bool]] = [] if since is None else [Conversation.updated_at >= since]
    fresh = (
        select(Identity.id)
        .join(Conversation, Conversation.id == Identity.conversation_id)
        .where(Identity.channel == people.CHANNEL, Conversation.last_seq > Identity.planned_seq, *newer)
    )
    may = exists().where(
        WechatGrant.identity_id == WechatBubble.identity_id, WechatGrant.remaining > 0, WechatGrant.expires_at > now
    )
    held = select(WechatBubble.identity_id).where(WechatBubble.send_id.is_(None), may)
    async with reading(database) as connection:
        return list((await connection.execute(fresh.union(held))).scalars())


async def waiting_for_window(database: AsyncEngine, now: datetime) -> list[uuid.UUID]:
    """Identities for whom something waits that may not be sent before they write again."""
    may = exists().where(
        WechatGrant.identity_id == WechatBubble.identity_id, WechatGrant.remaining > 0, WechatGrant.expires_at > now
    )
    statement = select(WechatBubble.identity_id).where(WechatBubble.send_id.is_(None), ~may).distinct()
    async with reading(database) as connection:
        return list((await connection.execute(statement.limit(_MOST_WAITING))).scalars())


async def bubbles_waiting(connection: AsyncConnection, identity_id: uuid.UUID) -> list[Bubble]:
    statement = select(WechatBubble.body).where(WechatBubble.identity_id == identity_id, WechatBubble.send_id.is_(None))
    rows = await connection.execute(statement.order_by(WechatBubble.seq, WechatBubble.number))
    return [_bubble(body) for body in rows.scalars()]


async def _locked(connection: AsyncConnection, identity_id: uuid.UUID) -> Person | None:
    """The person, with everything of his held until the end of the transaction."""
    await connection.execute(
        update(Identity).where(Identity.id == identity_id).values(planned_seq=Identity.planned_seq)
    )
    return await people.by_id(connection, identity_id)


async def _waiting(connection: AsyncConnection, person: Person, shaper: Shaper) -> list[tuple[uuid.UUID, Bubble]]:
    """What has not been sent, in order; messages that came since become bubbles first."""
    await _plan(connection, person, shaper)
    statement = select(WechatBubble.id, WechatBubble.body).where(
        WechatBubble.identity_id == person.id, WechatBubble.send_id.is_(None)
    )
    rows = await connection.execute(statement.order_by(WechatBubble.seq, WechatBubble.number))
    return [(row.id, _bubble(row.body)) for row in rows]


async def _plan(connection: AsyncConnection, person: Person, shaper: Shaper) -> None:
    """What was answered in a conversation that he has left meanwhile reaches him too."""
    former = [
        (one, planned, await _planned(connection, person, one, planned, shaper)) for one, planned in person.former
    ]
    if any(rows for _, _, rows in former):
        kept = [[one.hex, rows[-1].seq if rows else planned] for one, planned, rows in former]
        await people.change(connection, person.id, former=kept)
    rows = await _planned(connection, person, person.conversation, person.planned_seq, shaper)
    if rows:
        said = [row for row in rows if row.direction == "out"]
        awaits = {"awaits_contact": answer_of(said[-1].content, "").kind is Kind.CALLBACK} if said else {}
        await people.change(connection, person.id, planned_seq=rows[-1].seq, **awaits)


async def _planned(
    connection: AsyncConnection, person: Person, conversation_id: uuid.UUID, after: int, shaper: Shaper
) -> Sequence[Any]:
    """The messages of a conversation after this number; those to the resident are bubbles now."""
    statement = (
        select(Message.seq, Message.author, Message.direction, Message.text, Message.content)
        .where(Message.conversation_id == conversation_id, Message.seq > after)
        .order_by(Message.seq)
    )
    rows = (await connection.execute(statement)).all()
    made = [
        _row(person.id, conversation_id, row.seq, number, bubble)
        for row in rows
        if row.direction == "out"
        for number, bubble in enumerate(
            _made(shaper, row, answer_of(row.content, row.text), person.language or DEFAULT)
        )
    ]
    if made:
        await connection.execute(insert(WechatBubble), made)
    return rows


def _made(shaper: Shaper, row: Any, answer: Answer, language: str) -> list[Bubble]:
    bubbles = list(shaper.bubbles(answer, row.author != Author.PERSON, answer.kind not in _CHATTER))
    if (row.content.get("part") or {}).get("key") in ENDS:
        bubbles.append(shaper.rating(row.seq, language))
    return bubbles


async def _now_shown(connection: AsyncConnection, person: Person, message: Packed, taken: Sequence[Bubble]) -> None:
    """What a number means now. Chatter changes nothing; an answer without options takes the earlier ones away."""
    if message.options or any(bubble.answer for bubble in taken):
        options = [[option.id, option.title, option.payload] for option in message.options]
        await people.change(connection, person.id, options=options)


def _row(identity_id: uuid.UUID, conversation_id: uuid.UUID, seq: int, number: int, bubble: Bubble) -> dict[str, Any]:
    return {
        "id": new_id(),
        "identity_id": identity_id,
        "conversation_id": conversation_id,
        "seq": seq,
        "number": number,
        "body": asdict(bubble),
        "send_id": None,
    }


def _bubble(body: dict[str, Any]) -> Bubble:
    return Bubble(**{**body, "options": tuple(Option(**option) for option in body["options"])})


async def _begun(
    connection: AsyncConnection,
    identity_id: uuid.UUID,
    state: SendState,
    holder: str,
    now: datetime,
    *,
    push_key: str | None = None,
    body: str | None = None,
) -> uuid.UUID:
    send_id = new_id()
    row = {
        "id": send_id,
        "identity_id": identity_id,
        "state": state,
        "push_key": push_key,
        "body": body,
        "holder": holder,
        "at": now,
    }
    await connection.execute(insert(WechatSend).values(row))
    return send_id


async def _move(connection: AsyncConnection, bubble_ids: Sequence[uuid.UUID], send_id: uuid.UUID) -> None:
    statement = update(WechatBubble).where(WechatBubble.id.in_(bubble_ids))
    await connection.execute(statement.values(send_id=send_id))


async def _end(
    connection: AsyncConnection, send_id: uuid.UUID, state: SendState, before: SendState, **told: str | None
) -> bool:
    statement = update(WechatSend).where(WechatSend.id == send_id, WechatSend.state == before)
    return bool((await connection.execute(statement.values(state=state, **told))).rowcount)


_OFFERED = (WechatSend.id, WechatSend.identity_id, WechatSend.body)


async def _offered_again(connection: AsyncConnection, push_key: str, holder: str, now: datetime) -> Offer | None:
    """What this push was answered with before; that it comes again shows that it did not arrive."""
    statement = update(WechatSend).where(WechatSend.push_key == push_key)
    again = statement.values(state=SendState.OFFERED, reason=None, holder=holder, at=now)
    row = (await connection.execute(again.returning(*_OFFERED))).one_or_none()
    return Offer(row.id, row.identity_id, row.body or "") if row is not None else None


async def _under_way(connection: AsyncConnection, identity_id: uuid.UUID) -> bool:
    sending = exists().where(WechatSend.identity_id == identity_id, WechatSend.state == SendState.SENDING)
    return bool((await connection.execute(select(sending))).scalar_one())


async def _being_offered(connection: AsyncConnection, identity_id: uuid.UUID, now: datetime) -> bool:
    """A response is on its way: what comes after it must not overtake it."""
    offered = exists().where(
        WechatSend.identity_id == identity_id,
        WechatSend.state == SendState.OFFERED,
        WechatSend.at >= now - OFFER_ENDS,
    )
    return bool((await connection.execute(select(offered))).scalar_one())
