"""A circuit breaker. Pure: the time is given."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Circuit:
    """Open after `failures_to_open` failures in a row, for `open_seconds`; then one try decides."""

    failures_to_open: int
    open_seconds: float
    _failures: int = 0
    _opened_at: float | None = None
    _trying: bool = False

    def allows(self, now: float) -> bool:
        """Whether a call may be made now. After the pause only one call at a time is let through."""
        if self._opened_at is None:
            return True
        if now - self._opened_at < self.open_seconds or self._trying:
            return False
        self._trying = True
        return True

    def succeeded(self) -> None:
        self._failures, self._opened_at, self._trying = 0, None, False

    def failed(self, now: float) -> None:
        self._failures += 1
        self._trying = False
        if self._failures >= self.failures_to_open:
            self._opened_at = now

    def given_up(self) -> None:
        """A call was neither answered nor refused."""
        self._trying = False

    @property
    def open(self) -> bool:
        return self._opened_at is not None
