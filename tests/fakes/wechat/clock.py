"""The platform's time: the real one, moved forward by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class MovableClock:
    """Goes with the real time, or stands at `at`; `move` sets it forward in both cases."""

    def __init__(self, at: datetime | None = None) -> None:
        self._standing = at
        self._offset = timedelta()

    def __call__(self) -> datetime:
        return (self._standing or datetime.now(UTC)) + self._offset

    def move(self, by: timedelta) -> None:
        self._offset += by
