"""Messages that are in the engine right now, so that an action called back need not encode them again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bot.encoder import Vector
from bot.knowledge.search import Found


@dataclass(frozen=True)
class Asked:
    """One message as the open room understood it before the engine saw it.

    `found` is there when USE alone was sure of it: the search need not be asked again.
    """

    text: str
    language: str
    vector: Vector
    found: Found | None = None


class InFlight:
    def __init__(self) -> None:
        self._by_id: dict[str, Asked] = {}

    @contextmanager
    def holding(self, message_id: str, asked: Asked) -> Iterator[None]:
        self._by_id[message_id] = asked
        try:
            yield
        finally:
            self._by_id.pop(message_id, None)

    def get(self, message_id: str) -> Asked | None:
        """The message, or None when another process took it in."""
        return self._by_id.get(message_id)
