"""Wrong codes: an address has a few, and many from everywhere are an alarm. Pure: the time is given."""

from __future__ import annotations

import logging
import math
from collections import OrderedDict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bot.errors import Code, RequestError

log = logging.getLogger("linli.web")

_MOST_WRONG = 5
_SECONDS = 900.0
# Of 2^50 codes a few are alive: this many wrong ones in a quarter of an hour are no residents' slips.
_ALARM = 50
_MOST_CLIENTS = 50_000


@dataclass
class Tries:
    """Counted before the answer is known, so that a hundred at once are no way around it."""

    _by_client: OrderedDict[str, deque[float]] = field(default_factory=OrderedDict)
    _all: deque[float] = field(default_factory=deque)

    @contextmanager
    def one(self, client: str, now: float) -> Iterator[None]:
        """A try; it counts when its end is an unknown code. RequestError 429 after too many."""
        tries = self._begun(client, now)
        try:
            yield
        except RequestError as error:
            if error.code is not Code.UNKNOWN_CODE:
                _take_back(tries, now)
                raise
            self._alarm(now)
            raise
        except BaseException:
            _take_back(tries, now)
            raise
        _take_back(tries, now)

    def _begun(self, client: str, now: float) -> deque[float]:
        tries = self._by_client.setdefault(client, deque())
        self._by_client.move_to_end(client)
        if len(self._by_client) > _MOST_CLIENTS:
            self._by_client.popitem(last=False)
        _forget(tries, now)
        if len(tries) >= _MOST_WRONG:
            wait = max(1, math.ceil(tries[0] + _SECONDS - now))
            raise RequestError(Code.RATE_LIMITED, "too many wrong codes", 429, retry_after_seconds=wait)
        tries.append(now)
        return tries

    def _alarm(self, now: float) -> None:
        self._all.append(now)
        _forget(self._all, now)
        if len(self._all) % _ALARM == 0:
            log.warning("codes_guessed wrong=%d minutes=%d", len(self._all), _SECONDS // 60)


def _forget(tries: deque[float], now: float) -> None:
    while tries and tries[0] <= now - _SECONDS:
        tries.popleft()


def _take_back(tries: deque[float], at: float) -> None:
    if at in tries:
        tries.remove(at)
