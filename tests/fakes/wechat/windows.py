"""How many customer-service messages a user may be sent, and until when (sheet 13)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum


class Trigger(StrEnum):
    MESSAGE = "message"
    MENU = "menu"
    FOLLOW = "follow"
    SCAN = "scan"


GRANTED: dict[Trigger, tuple[int, timedelta]] = {
    Trigger.MESSAGE: (5, timedelta(hours=48)),
    Trigger.MENU: (3, timedelta(minutes=1)),
    Trigger.FOLLOW: (3, timedelta(minutes=1)),
    Trigger.SCAN: (3, timedelta(minutes=1)),
}


class Verdict(StrEnum):
    """What the platform says to one more message."""

    SENT = "sent"
    COUNT = "45047"
    CLOSED = "45015"


@dataclass
class Window:
    remaining: int
    expires_at: datetime


@dataclass
class Windows:
    """Of one user. A trigger gives its own class anew; a message is taken from the window that ends first."""

    open: dict[Trigger, Window] = field(default_factory=dict)

    def opened(self, trigger: Trigger, at: datetime) -> None:
        count, lasting = GRANTED[trigger]
        self.open[trigger] = Window(count, at + lasting)

    def closed(self) -> None:
        self.open.clear()

    def valid(self, now: datetime) -> list[Window]:
        return sorted((w for w in self.open.values() if now < w.expires_at), key=lambda w: w.expires_at)

    def left(self, now: datetime) -> int:
        return sum(window.remaining for window in self.valid(now))

    def until(self, now: datetime) -> datetime | None:
        """When the last window that still holds a message ends."""
        return max((window.expires_at for window in self.valid(now) if window.remaining), default=None)

    def spend(self, now: datetime) -> Verdict:
        valid = self.valid(now)
        if not valid:
            return Verdict.CLOSED
        usable = next((window for window in valid if window.remaining), None)
        if usable is None:
            return Verdict.COUNT
        usable.remaining -= 1
        return Verdict.SENT
