"""How many messages one client may send: a token bucket a client. Pure: the time is given."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass

# Old clients are forgotten beyond this many, so that a flood of addresses costs no more than about 20 MB.
_MOST_CLIENTS = 50_000


@dataclass
class _Bucket:
    tokens: float
    at: float


class RateLimiter:
    def __init__(self, per_minute: int, burst: int) -> None:
        self._per_second = per_minute / 60
        self._burst = float(max(1, burst))
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, client: str, now: float) -> int | None:
        """None when the client may go on, else after how many whole seconds it may."""
        if self._per_second <= 0:
            return None
        bucket = self._buckets.pop(client, None) or _Bucket(self._burst, now)
        bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.at) * self._per_second)
        bucket.at = now
        self._buckets[client] = bucket
        if len(self._buckets) > _MOST_CLIENTS:
            self._buckets.popitem(last=False)
        if bucket.tokens >= 1:
            bucket.tokens -= 1
            return None
        return max(1, math.ceil((1 - bucket.tokens) / self._per_second))


def client_address(remote: str | None, forwarded: str | None, trusted_proxies: int) -> str:
    """Whom to count: the address that the outermost trusted proxy saw; those left of it are the client's own words."""
    if trusted_proxies <= 0 or not forwarded:
        return remote or "unknown"
    hops = [hop.strip() for hop in forwarded.split(",")]
    return hops[-min(trusted_proxies, len(hops))] or remote or "unknown"
