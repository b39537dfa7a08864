"""Short codes with which a resident goes on elsewhere: only their hashes are kept, each is good once."""

from __future__ import annotations

import hashlib
import secrets
import unicodedata
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.conversations.visits import add_device
from bot.db.engine import transaction
from bot.db.models import TransferCode

LIFE = timedelta(minutes=15)
# Crockford's base 32: no I, L, O and U. Ten of them are 50 bits.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MISREAD = str.maketrans("ILO", "110")
_LENGTH = 10
_GROUP = 4


@dataclass(frozen=True)
class Issued:
    """`code` as it is shown: XXXX-XXXX-XX."""

    code: str
    expires_at: datetime


@dataclass(frozen=True)
class Taken:
    """The conversation that a code was made for, and its new device."""

    conversation: uuid.UUID
    device: uuid.UUID


async def issue(database: AsyncEngine, conversation_id: uuid.UUID, now: datetime) -> Issued:
    """A new code; the conversation's earlier ones end with it."""
    code = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
    async with transaction(database) as connection:
        await connection.execute(delete(TransferCode).where(TransferCode.conversation_id == conversation_id))
        row = {"code_hash": _hash(code), "conversation_id": conversation_id, "expires_at": now + LIFE, "used_at": None}
        await connection.execute(insert(TransferCode).values(row))
    return Issued("-".join(code[at : at + _GROUP] for at in range(0, _LENGTH, _GROUP)), now + LIFE)


async def redeem(database: AsyncEngine, written: str, now: datetime) -> Taken | None:
    """Use a code up; None for one that there is not, that is too old, or that was used.

    The device that the code came from stays in: each has a token of its own.
    """
    async with transaction(database) as connection:
        conversation_id = await use_up(connection, written, now)
        if conversation_id is None:
            return None
        return Taken(conversation_id, await add_device(connection, conversation_id, now))


async def use_up(connection: AsyncConnection, written: str, now: datetime) -> uuid.UUID | None:
    """The conversation that a code is good for, which it is no more; None for one that is not good."""
    code = read(written)
    if code is None:
        return None
    statement = (
        update(TransferCode)
        .where(TransferCode.code_hash == _hash(code), TransferCode.used_at.is_(None), TransferCode.expires_at > now)
        .values(used_at=now)
        .returning(TransferCode.conversation_id)
    )
    return (await connection.execute(statement)).scalar_one_or_none()


def read(written: str) -> str | None:
    """A code as somebody typed it, in its own form: any case, width and hyphens, O for 0, I or L for 1."""
    drawn = "".join(c for c in unicodedata.normalize("NFKC", written).upper() if c.isalnum()).translate(_MISREAD)
    return drawn if len(drawn) == _LENGTH and set(drawn) <= set(_ALPHABET) else None


def _hash(code: str) -> str:
    return hashlib.sha256(code.encode("ascii")).hexdigest()
