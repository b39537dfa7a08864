"""What goes wrong at the platform when a test says so."""

from __future__ import annotations

from dataclasses import dataclass, field

EVERY = "*"


@dataclass(frozen=True)
class Failure:
    """For the next `times` calls of a path (0: for all). Made by one of the functions below."""

    times: int = 1
    code: int | None = None
    detail: str = ""
    drops: bool = False
    html: bool = False
    status: int = 200
    seconds: float = 0.0
    # Whether the call was obeyed before the answer went wrong.
    processed: bool = False


def error(code: int, times: int = 1, detail: str = "") -> Failure:
    """An error code with HTTP 200, as the platform says all of them."""
    return Failure(times, code=code, detail=detail)


def drop(times: int = 1, *, processed: bool = False) -> Failure:
    """The connection breaks without an answer; `processed`: after the call was obeyed."""
    return Failure(times, drops=True, processed=processed)


def html(times: int = 1, status: int = 200, *, processed: bool = False) -> Failure:
    """A page of some gateway instead of JSON."""
    return Failure(times, html=True, status=status, processed=processed)


def unavailable(times: int = 1, status: int = 503) -> Failure:
    return Failure(times, status=status)


def slow(seconds: float, times: int = 1) -> Failure:
    """A right answer, late (real seconds)."""
    return Failure(times, seconds=seconds, processed=True)


@dataclass
class Failures:
    """Those that wait to happen, by path."""

    waiting: dict[str, list[Failure]] = field(default_factory=dict)

    def add(self, path: str, failure: Failure) -> None:
        self.waiting.setdefault(path, []).append(failure)

    def clear(self) -> None:
        self.waiting.clear()

    def taken(self, path: str) -> Failure | None:
        """The failure of this call, if it has one."""
        queue = self.waiting.get(path) or self.waiting.get(EVERY)
        if not queue:
            return None
        first = queue[0]
        if first.times == 0:
            return first
        if first.times == 1:
            queue.pop(0)
        else:
            queue[0] = Failure(**{**first.__dict__, "times": first.times - 1})
        return first
