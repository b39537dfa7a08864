"""Which version of the AI and privacy notice a resident has accepted, and when."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.db.engine import reading, transaction
from bot.db.models import Consent, Conversation
from bot.ids import new_id

NOTICE = "notice"


async def accepted(database: AsyncEngine, conversation_id: uuid.UUID) -> str | None:
    """The version accepted last; null when none was, or the conversation is no more."""
    async with reading(database) as connection:
        statement = select(Conversation.notice_version).where(Conversation.id == conversation_id)
        return (await connection.execute(statement)).scalar_one_or_none()


async def accept(database: AsyncEngine, conversation_id: uuid.UUID, version: str, now: datetime) -> None:
    """Keep that this version was accepted; accepting it again changes nothing."""
    async with transaction(database) as connection:
        changed = await connection.execute(
            update(Conversation)
            .where(Conversation.id == conversation_id, Conversation.notice_version.is_distinct_from(version))
            .values(notice_version=version)
        )
        if changed.rowcount:
            row = {"id": new_id(), "conversation_id": conversation_id, "kind": NOTICE, "version": version}
            await connection.execute(insert(Consent).values(**row, given_at=now, withdrawn_at=None))
