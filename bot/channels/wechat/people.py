"""Who somebody is on WeChat, the conversation that is his, and how many messages may still reach him."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.channels.wechat.ledger import Grant, Trigger, renewed
from bot.db.models import Conversation, Identity, WechatGrant
from bot.ids import new_id

CHANNEL = "wechat"


@dataclass(frozen=True)
class Person:
    """`openid` is whom the platform knows; it is shown nowhere. `options`: [number's id, title, payload] in order.

    `former`: conversations he had before, and up to which number what was said there is on its way to him.
    """

    id: uuid.UUID
    openid: str = field(repr=False)
    conversation: uuid.UUID
    owner: str
    language: str | None
    former: tuple[tuple[uuid.UUID, int], ...]
    planned_seq: int
    options: tuple[tuple[int, str, str], ...]
    awaits_contact: bool
    language_tag: str | None
    community: str | None
    reminders: bool | None
    reachable: bool


def _selected(*conditions: ColumnElement[bool]) -> Select[Any]:
    return (
        select(
            Identity.id,
            Identity.external_id,
            Identity.conversation_id,
            Conversation.owner,
            Conversation.language,
            Identity.former,
            Identity.planned_seq,
            Identity.options,
            Identity.awaits_contact,
            Identity.language_tag,
            Identity.community,
            Identity.reminders,
            Identity.reachable,
        )
        .join(Conversation, Conversation.id == Identity.conversation_id)
        .where(Identity.channel == CHANNEL, *conditions)
    )


async def _one(connection: AsyncConnection, *conditions: ColumnElement[bool]) -> Person | None:
    row = (await connection.execute(_selected(*conditions))).one_or_none()
    if row is None:
        return None
    options = tuple((int(one[0]), str(one[1]), str(one[2])) for one in row.options)
    former = tuple((uuid.UUID(one), int(planned)) for one, planned in row.former)
    return Person(
        id=row.id,
        openid=row.external_id,
        conversation=row.conversation_id,
        owner=row.owner,
        language=row.language,
        former=former,
        planned_seq=row.planned_seq,
        options=options,
        awaits_contact=row.awaits_contact,
        language_tag=row.language_tag,
        community=row.community,
        reminders=row.reminders,
        reachable=row.reachable,
    )


async def by_openid(connection: AsyncConnection, openid: str) -> Person | None:
    return await _one(connection, Identity.external_id == openid)


async def by_id(connection: AsyncConnection, identity_id: uuid.UUID) -> Person | None:
    return await _one(connection, Identity.id == identity_id)


async def of_conversation(connection: AsyncConnection, conversation_id: uuid.UUID) -> Person | None:
    """The latest of those who have the conversation; it has one at most unless a code was handed round."""
    statement = select(Identity.id).where(Identity.channel == CHANNEL, Identity.conversation_id == conversation_id)
    found = (await connection.execute(statement.order_by(Identity.created_at.desc()).limit(1))).scalar_one_or_none()
    return await by_id(connection, found) if found is not None else None


async def add(connection: AsyncConnection, openid: str, conversation_id: uuid.UUID, now: datetime) -> uuid.UUID:
    identity_id = new_id()
    await connection.execute(
        insert(Identity).values(
            id=identity_id,
            channel=CHANNEL,
            external_id=openid,
            conversation_id=conversation_id,
            former=[],
            planned_seq=0,
            options=[],
            awaits_contact=False,
            reachable=True,
            created_at=now,
        )
    )
    return identity_id


async def change(connection: AsyncConnection, identity_id: uuid.UUID, **values: Any) -> None:
    await connection.execute(update(Identity).where(Identity.id == identity_id).values(**values))


async def move(connection: AsyncConnection, person: Person, conversation_id: uuid.UUID) -> None:
    """He goes on with another conversation; what was said in it before is not said to him again."""
    last = select(Conversation.last_seq).where(Conversation.id == conversation_id).scalar_subquery()
    had = (*person.former, (person.conversation, person.planned_seq))
    former = [[one.hex, planned] for one, planned in had if one != conversation_id]
    values = {"conversation_id": conversation_id, "former": former, "planned_seq": last, "options": []}
    await change(connection, person.id, **values)


async def grants(connection: AsyncConnection, identity_id: uuid.UUID) -> tuple[Grant, ...]:
    statement = select(WechatGrant.trigger, WechatGrant.remaining, WechatGrant.expires_at).where(
        WechatGrant.identity_id == identity_id
    )
    rows = await connection.execute(statement)
    return tuple(Grant(Trigger(row.trigger), row.remaining, row.expires_at) for row in rows)


async def renew(connection: AsyncConnection, identity_id: uuid.UUID, new: Grant) -> None:
    await put_grants(connection, identity_id, renewed(await grants(connection, identity_id), new))


async def put_grants(connection: AsyncConnection, identity_id: uuid.UUID, kept: Sequence[Grant]) -> None:
    """These instead of those that there were."""
    await connection.execute(delete(WechatGrant).where(WechatGrant.identity_id == identity_id))
    rows = [
        {
            "identity_id": identity_id,
            "trigger": grant.trigger,
            "remaining": grant.remaining,
            "expires_at": grant.expires_at,
        }
        for grant in kept
    ]
    if rows:
        await connection.execute(insert(WechatGrant), rows)
