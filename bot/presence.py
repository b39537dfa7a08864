"""That this process lives, said in the database: others take over what a dead one left, and need not guess."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from bot.db import leases
from bot.errors import StartError, StorageError

log = logging.getLogger("linli.presence")

_LEASE_SECONDS = 15.0
_RENEW_SECONDS = 4.0
# A server that was killed on another machine is believed to live for as long as its lease.
_PATIENCE_SECONDS = _LEASE_SECONDS + 2.0


@asynccontextmanager
async def present(
    database: AsyncEngine, holder: str, clock: Callable[[], datetime], *, alone: bool
) -> AsyncIterator[None]:
    """The process lease, renewed for as long as this lasts. `alone`: StartError while another server has one."""
    if alone:
        await _wait_to_be_alone(database, holder, clock)
    prefix = leases.SERVER_PREFIX if alone else leases.PROCESS_PREFIX
    name = f"{prefix}{holder}"
    await leases.take(database, name, holder, _LEASE_SECONDS, clock())
    renewing = asyncio.create_task(_renew(database, name, holder, clock))
    try:
        yield
    finally:
        renewing.cancel()
        with contextlib.suppress(StorageError):
            await leases.release(database, name, holder)


async def _wait_to_be_alone(database: AsyncEngine, holder: str, clock: Callable[[], datetime]) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _PATIENCE_SECONDS
    while others := await leases.servers(database, holder, clock()):
        if leases.lives_here(others[0], holder) or loop.time() > deadline:
            raise StartError(
                "another server uses this database; stop it, or give both REDIS_URL so that they can work together"
            )
        await asyncio.sleep(1.0)


async def _renew(database: AsyncEngine, name: str, holder: str, clock: Callable[[], datetime]) -> None:
    while True:
        await asyncio.sleep(_RENEW_SECONDS)
        try:
            await leases.take(database, name, holder, _LEASE_SECONDS, clock())
        except StorageError as error:
            log.warning("lease_not_renewed reason=%s", error)
