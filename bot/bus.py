"""Signals between the parts and processes: small, losable, never the only record of anything (rows are)."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any, Protocol

Listener = Callable[[dict[str, Any]], None]
DESK = "desk"
CONFIG = "config"
# Said by the bus itself, in this process only: signals may have been lost.
RESYNC = "resync"


def conversation_topic(conversation_id: uuid.UUID) -> str:
    return f"conversation.{conversation_id.hex}"


class Bus(Protocol):
    """What is published under a topic reaches every listener of it, in this process and the others."""

    async def publish(self, topic: str, data: Mapping[str, Any]) -> None: ...

    def subscribe(self, topic: str, listener: Listener) -> Callable[[], None]:
        """Call `listener` in the event loop for each signal; the result ends it."""
        ...


class Listeners:
    """Who listens to what in this process. A listener must be quick and may not raise."""

    def __init__(self) -> None:
        # Each under a mark of its own: the same function may listen twice, and leave once.
        self._by_topic: dict[str, dict[object, Listener]] = {}

    def add(self, topic: str, listener: Listener) -> Callable[[], None]:
        mark = object()
        self._by_topic.setdefault(topic, {})[mark] = listener

        def remove() -> None:
            listeners = self._by_topic.get(topic, {})
            listeners.pop(mark, None)
            if not listeners:
                self._by_topic.pop(topic, None)

        return remove

    def call(self, topic: str, data: dict[str, Any]) -> None:
        for listener in tuple(self._by_topic.get(topic, {}).values()):
            listener(data)


class LocalBus:
    """One process."""

    def __init__(self) -> None:
        self._listeners = Listeners()

    async def publish(self, topic: str, data: Mapping[str, Any]) -> None:
        self._listeners.call(topic, dict(data))

    def subscribe(self, topic: str, listener: Listener) -> Callable[[], None]:
        return self._listeners.add(topic, listener)
