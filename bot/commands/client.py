"""The way of the commands to a server: the running one by its loopback door, else one started for the command."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from bot.app import announcement, running
from bot.commands.progress import Bar
from bot.engine import SECRET_HEADER
from bot.errors import Code, RequestError
from bot.secrets import local_secret
from bot.settings import Settings

# Far above any answer's time: a batch may wait behind others.
_TIMEOUT = aiohttp.ClientTimeout(total=60)
_PROBE_TIMEOUT = aiohttp.ClientTimeout(total=2)


@dataclass(frozen=True)
class Client:
    """POST to the loopback door. Raises RequestError with the server's own code."""

    session: aiohttp.ClientSession
    address: str
    secret: str

    async def say(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            async with self.session.post(
                f"{self.address}/local/chat",
                data=json.dumps(request).encode(),
                headers={SECRET_HEADER: self.secret, "Content-Type": "application/json"},
                timeout=_TIMEOUT,
            ) as response:
                body: dict[str, Any] = await response.json()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise RequestError(Code.UNAVAILABLE, f"the server did not answer ({type(error).__name__})", 503) from None
        if "error" in body:
            raise RequestError(Code(body["error"]["code"]), body["error"]["message"], response.status)
        return body


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[Client]:
    """A client of the running server, or of one that is started here and stopped at the end."""
    async with aiohttp.ClientSession() as session:
        address = await _running_address(settings, session)
        if address is not None:
            yield Client(session, address, local_secret(settings.var_folder))
            return
        async with running(settings, Bar().progress, public=False) as server:
            await server.wait_for_engine()
            yield Client(session, server.local_address, server.secret)


async def _running_address(settings: Settings, session: aiohttp.ClientSession) -> str | None:
    try:
        address = json.loads(announcement(settings).read_text(encoding="ascii"))["local"]
        async with session.get(f"{address}/readyz", timeout=_PROBE_TIMEOUT) as response:
            return str(address) if response.status == 200 else None
    except (OSError, ValueError, KeyError, aiohttp.ClientError, TimeoutError):
        # No server, or one that was killed and left its announcement behind.
        return None
