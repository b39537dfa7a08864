"""The bus between processes, over Redis. Losing Redis loses signals, never rows; this process still hears itself."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from bot.bus import RESYNC, Listener, Listeners
from bot.errors import StartError

log = logging.getLogger("linli.bus")

_RETRY_SECONDS = 1.0
_SOCKET_SECONDS = 5.0


class RedisBus:
    """`prefix` keeps the installations apart that share one Redis."""

    def __init__(self, url: str, prefix: str) -> None:
        self._redis = Redis.from_url(url, socket_connect_timeout=_SOCKET_SECONDS, socket_timeout=_SOCKET_SECONDS)
        # The reading connection waits for as long as there is nothing to read.
        self._reading = Redis.from_url(url, socket_connect_timeout=_SOCKET_SECONDS, health_check_interval=15)
        self._prefix = f"linli:{prefix}:"
        self._own = secrets.token_hex(6)
        self._listeners = Listeners()
        self._reader: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Begin to listen. StartError when Redis is not there."""
        try:
            await self._redis.ping()
        except (RedisError, OSError) as error:
            raise StartError(f"REDIS_URL: no Redis answers there ({type(error).__name__})") from error
        listening = asyncio.Event()
        self._reader = asyncio.create_task(self._read(listening))
        await listening.wait()

    async def close(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)
        await self._redis.aclose()
        await self._reading.aclose()

    async def publish(self, topic: str, data: Mapping[str, Any]) -> None:
        self._listeners.call(topic, dict(data))
        try:
            await self._redis.publish(self._prefix + topic, json.dumps({"from": self._own, "data": dict(data)}))
        except (RedisError, OSError) as error:
            log.warning("signal_lost type=%s", type(error).__name__)

    def subscribe(self, topic: str, listener: Listener) -> Callable[[], None]:
        return self._listeners.add(topic, listener)

    async def _read(self, listening: asyncio.Event) -> None:
        while True:
            try:
                await self._listen(listening)
            except (RedisError, OSError) as error:
                log.warning("bus_interrupted type=%s", type(error).__name__)
            await asyncio.sleep(_RETRY_SECONDS)

    async def _listen(self, listening: asyncio.Event) -> None:
        async with self._reading.pubsub() as subscription:
            await subscription.psubscribe(f"{self._prefix}*")
            async for message in subscription.listen():
                if message["type"] == "psubscribe":
                    if listening.is_set():
                        # Whatever was said while the connection was gone is unknown: look at the rows.
                        self._listeners.call(RESYNC, {"event": "resync"})
                    listening.set()
                elif message["type"] == "pmessage":
                    self._received(message["channel"], message["data"])

    def _received(self, channel: bytes, raw: bytes) -> None:
        try:
            said = json.loads(raw)
            own, data = said["from"] == self._own, dict(said["data"])
        except (ValueError, KeyError, TypeError):
            log.warning("signal_unreadable")
            return
        if not own:
            self._listeners.call(channel.decode().removeprefix(self._prefix), data)
