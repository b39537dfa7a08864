"""Wrong dates of birth: an appointment has five an hour, whoever tries and from wherever."""

from __future__ import annotations

import math
import uuid
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.db.engine import transaction
from bot.db.models import Appointment

MOST = 5
LOCKED = timedelta(hours=1)


async def begin(database: AsyncEngine, appointment_id: uuid.UUID, now: datetime) -> int | None:
    """Count a try before its answer is known, so that many at once are no way around it.

    None when it may be made, else after how many seconds.
    """
    mine = Appointment.id == appointment_id
    async with transaction(database) as connection:
        found = await connection.execute(select(Appointment.tries, Appointment.tries_at).where(mine).with_for_update())
        row = found.one_or_none()
        tries, last = (0, None) if row is None else (row.tries, row.tries_at)
        left = timedelta() if last is None else last + LOCKED - now
        if tries >= MOST and left > timedelta():
            return max(1, math.ceil(left.total_seconds()))
        counted = tries + 1 if left > timedelta() else 1
        await connection.execute(update(Appointment).where(mine).values(tries=counted, tries_at=now))
    return None


async def forget(database: AsyncEngine, appointment_id: uuid.UUID) -> None:
    """After the right one."""
    async with transaction(database) as connection:
        await connection.execute(
            update(Appointment).where(Appointment.id == appointment_id).values(tries=0, tries_at=None)
        )
