"""Taking a push in, once: its memory, the message it is stored as and what it grants are one transaction."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Integer, Uuid, bindparam, delete, exists, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.channels.wechat import people
from bot.channels.wechat.errors import PushRejected, Reason
from bot.channels.wechat.ledger import Grant
from bot.conversations import store, transfers
from bot.conversations.plans import Act
from bot.db.engine import transaction
from bot.db.models import UtcDateTime, WechatNonce, WechatPush
from bot.errors import StorageError

# The platform repeats a push within half a minute; a day covers its own troubles too.
_PUSHES_KEPT = timedelta(hours=24)
_AT = bindparam("at", type_=UtcDateTime())
_COUNT = (
    text(
        "INSERT INTO wechat_pushes (key, message_id, attempts, at) VALUES (:key, NULL, 1, :at)"
        " ON CONFLICT (key) DO UPDATE SET attempts = wechat_pushes.attempts + 1 RETURNING attempts, message_id"
    )
    .bindparams(_AT)
    .columns(attempts=Integer, message_id=Uuid)
)
_REMEMBER = text(
    "INSERT INTO wechat_nonces (mark, push_key, at) VALUES (:mark, :key, :at)"
    " ON CONFLICT (mark) DO UPDATE SET push_key = wechat_nonces.push_key RETURNING push_key"
).bindparams(_AT)


@dataclass(frozen=True)
class Sign:
    """What a push is known by: `key` says which it is, `mark` which signature it came with."""

    key: str
    mark: str


@dataclass(frozen=True)
class Counted:
    """How often a push has come by now, and what it was stored as the first time."""

    attempts: int
    message_id: uuid.UUID | None


async def counted(connection: AsyncConnection, sign: Sign, now: datetime) -> Counted:
    """Note a push in the caller's transaction. PushRejected for a signature that was used for another one."""
    known = (await connection.execute(_REMEMBER, {"mark": sign.mark, "key": sign.key, "at": now})).scalar_one()
    if known != sign.key:
        raise PushRejected(Reason.REPLAY)
    row = (await connection.execute(_COUNT, {"key": sign.key, "at": now})).one()
    return Counted(row.attempts, row.message_id)


async def knows(connection: AsyncConnection, key: str) -> bool:
    return bool((await connection.execute(select(exists().where(WechatPush.key == key)))).scalar_one())


@dataclass(frozen=True)
class Received:
    """`incoming` is null for a push that came again after what it said had been erased."""

    incoming: store.Incoming | None
    attempts: int


@dataclass(frozen=True)
class Brought:
    """What a push brings beside what is said: a grant, changes of the identity, a code from elsewhere."""

    grant: Grant | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)
    code: str | None = None


async def receive(
    database: AsyncEngine, sign: Sign, openid: str, arrival: store.Arrival, brought: Brought, now: datetime
) -> Received:
    """Store what somebody said, with his identity when he is new. StorageError when it cannot be kept."""
    try:
        async with transaction(database) as connection:
            return await _received(connection, sign, openid, arrival, brought, now)
    except StorageError as error:
        # Two first messages of the same person at the same time, on two processes.
        if not isinstance(error.__cause__, IntegrityError):
            raise
        async with transaction(database) as connection:
            return await _received(connection, sign, openid, arrival, brought, now)


async def _received(
    connection: AsyncConnection, sign: Sign, openid: str, arrival: store.Arrival, brought: Brought, now: datetime
) -> Received:
    before = await counted(connection, sign, now)
    if before.attempts > 1:
        return Received(await _stored(connection, before.message_id), before.attempts)
    if brought.code is not None:
        arrival = await _moved(connection, openid, arrival, brought.code, now)
    person = await people.by_openid(connection, openid)
    ref = person.conversation if person is not None else arrival.ref
    incoming = await store.take_in(connection, replace(arrival, ref=ref, key=sign.key), now)
    identity_id = person.id if person is not None else await people.add(connection, openid, incoming.thread.id, now)
    changes = {**brought.changes, **({} if person is None or person.reachable else {"reachable": True})}
    if changes:
        await people.change(connection, identity_id, **changes)
    if brought.grant is not None:
        await people.renew(connection, identity_id, brought.grant)
    stored = update(WechatPush).where(WechatPush.key == sign.key).values(message_id=incoming.id)
    await connection.execute(stored)
    return Received(incoming, before.attempts)


async def _moved(
    connection: AsyncConnection, openid: str, arrival: store.Arrival, code: str, now: datetime
) -> store.Arrival:
    """Go on with the conversation that a code was made for; a code that is not good is answered so."""
    conversation_id = await transfers.use_up(connection, code, now)
    if conversation_id is None:
        return replace(arrival, act=(Act.SAID, "wechat_code_bad"))
    person = await people.by_openid(connection, openid)
    if person is not None:
        await people.move(connection, person, conversation_id)
    return replace(arrival, ref=conversation_id)


async def _stored(connection: AsyncConnection, message_id: uuid.UUID | None) -> store.Incoming | None:
    return await store.known(connection, message_id) if message_id is not None else None


async def forget_old(database: AsyncEngine, replay: timedelta, now: datetime) -> None:
    async with transaction(database) as connection:
        await connection.execute(delete(WechatPush).where(WechatPush.at < now - _PUSHES_KEPT))
        # A signature is refused by its time once it is older than the window, on either side.
        await connection.execute(delete(WechatNonce).where(WechatNonce.at < now - 2 * replay))
