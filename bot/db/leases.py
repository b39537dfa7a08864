"""Leases: a name that one holder has until an instant, in the database, so that it ends with a crash too."""

from __future__ import annotations

import os
import secrets
import socket
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.db.engine import transaction
from bot.db.models import Lease
from bot.errors import StorageError

PROCESS_PREFIX = "process:"
# A server that relies on being the only one.
SERVER_PREFIX = "process:server:"


def new_holder() -> str:
    """A name for this process that no other has: host, process id, random."""
    return f"{socket.gethostname()[:40]}:{os.getpid()}:{secrets.token_hex(4)}"


async def take(database: AsyncEngine, name: str, holder: str, seconds: float, now: datetime) -> bool:
    """Whether `holder` has the lease now, for `seconds`; the one who has it prolongs it so."""
    until = now + timedelta(seconds=seconds)
    async with transaction(database) as connection:
        free = or_(Lease.holder == holder, Lease.until <= now)
        taken = await connection.execute(
            update(Lease).where(Lease.name == name, free).values(holder=holder, until=until)
        )
        if taken.rowcount:
            return True
        known = await connection.execute(select(Lease.holder).where(Lease.name == name))
        if known.one_or_none() is not None:
            return False
    return await _first(database, name, holder, until)


async def _first(database: AsyncEngine, name: str, holder: str, until: datetime) -> bool:
    """Make the lease's row; False when another made it at the same time."""
    try:
        async with transaction(database) as connection:
            await connection.execute(insert(Lease).values(name=name, holder=holder, until=until))
    except StorageError:
        async with transaction(database) as connection:
            if (await connection.execute(select(Lease.holder).where(Lease.name == name))).one_or_none() is None:
                raise
        return False
    return True


async def release(database: AsyncEngine, name: str, holder: str) -> None:
    async with transaction(database) as connection:
        await connection.execute(delete(Lease).where(Lease.name == name, Lease.holder == holder))


async def alive(database: AsyncEngine, own: str, now: datetime) -> frozenset[str]:
    """The holders whose process lease has not run out; those that died on this machine are forgotten at once."""
    return frozenset(lease.holder for lease in await _processes(database, PROCESS_PREFIX, own, now))


async def servers(database: AsyncEngine, own: str, now: datetime) -> list[str]:
    """The holders that rely on being the only server, but for `own`."""
    found = await _processes(database, SERVER_PREFIX, own, now)
    return [lease.holder for lease in found if lease.holder != own]


async def _processes(database: AsyncEngine, prefix: str, own: str, now: datetime) -> list[Any]:
    async with transaction(database) as connection:
        found = await connection.execute(
            select(Lease.name, Lease.holder, Lease.until).where(Lease.name.startswith(prefix))
        )
        rows = found.all()
        gone = [row.name for row in rows if row.until <= now or _died_here(row.holder, own)]
        if gone:
            await connection.execute(delete(Lease).where(Lease.name.in_(gone)))
    return [row for row in rows if row.name not in gone]


def lives_here(holder: str, own: str) -> bool:
    """Whether the holder is a living process of this machine."""
    return holder.rsplit(":", 2)[0] == own.rsplit(":", 2)[0] and not _died_here(holder, own)


def _died_here(holder: str, own: str) -> bool:
    """Whether the process was of this machine and is no more: then nobody need wait for its lease to run out."""
    host, pid, _ = holder.rsplit(":", 2)
    if holder == own or host != own.rsplit(":", 2)[0]:
        return False
    if int(pid) == os.getpid():
        return True  # the same number in an earlier life: in a container it is often 1
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
