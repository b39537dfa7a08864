"""Who did what, kept for good: one row an act, with no text of anybody."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.db.models import Audit
from bot.ids import new_id

SYSTEM = "system"
COMMAND = "command"


def conversation_subject(conversation_id: uuid.UUID) -> str:
    return f"conversation:{conversation_id.hex}"


async def record(
    connection: AsyncConnection, actor: str, action: str, subject: str, now: datetime, **detail: Any
) -> None:
    """One row, in the caller's transaction: it is there exactly when the act is."""
    row = {"id": new_id(), "at": now, "actor": actor, "action": action, "subject": subject, "detail": detail}
    await connection.execute(insert(Audit).values(row))
