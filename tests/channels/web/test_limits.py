"""The token bucket and the address it counts. Pure: the tests hold the clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.web import limits
from bot.channels.web.limits import RateLimiter, client_address


def test_a_burst_then_the_rate() -> None:
    limiter = RateLimiter(per_minute=60, burst=2)
    assert [limiter.take("a", 0.0) for _ in range(3)] == [None, None, 1]
    assert limiter.take("a", 1.0) is None
    assert limiter.take("a", 1.5) == 1
    assert limiter.take("b", 1.5) is None


def test_the_wait_is_long_enough() -> None:
    limiter = RateLimiter(per_minute=1, burst=1)
    assert limiter.take("a", 0.0) is None
    wait = limiter.take("a", 10.0)
    assert wait == 50
    assert limiter.take("a", 10.0 + wait) is None


def test_zero_means_no_limit() -> None:
    limiter = RateLimiter(per_minute=0, burst=1)
    assert {limiter.take("a", 0.0) for _ in range(100)} == {None}


def test_old_clients_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_MOST_CLIENTS", 3)
    limiter = RateLimiter(per_minute=1, burst=1)
    for client in "abcd":
        limiter.take(client, 0.0)
    assert limiter.take("d", 0.0) is not None
    assert limiter.take("a", 0.0) is None


@given(st.lists(st.floats(0, 600), max_size=200), st.integers(1, 120), st.integers(1, 10))
def test_never_more_than_burst_and_rate_allow(times: list[float], per_minute: int, burst: int) -> None:
    limiter = RateLimiter(per_minute, burst)
    times.sort()
    taken = sum(limiter.take("a", at) is None for at in times)
    span = times[-1] - times[0] if times else 0.0
    assert taken <= burst + span * per_minute / 60 + 1e-6


@pytest.mark.parametrize(
    ("remote", "forwarded", "proxies", "client"),
    [
        ("9.9.9.9", None, 0, "9.9.9.9"),
        ("9.9.9.9", "1.1.1.1", 0, "9.9.9.9"),
        ("9.9.9.9", "1.1.1.1", 1, "1.1.1.1"),
        ("9.9.9.9", "evil, 1.1.1.1", 1, "1.1.1.1"),
        ("9.9.9.9", "evil, 1.1.1.1, 2.2.2.2", 2, "1.1.1.1"),
        ("9.9.9.9", "1.1.1.1", 5, "1.1.1.1"),
        ("9.9.9.9", "", 1, "9.9.9.9"),
        ("9.9.9.9", " , ", 1, "9.9.9.9"),
        (None, None, 0, "unknown"),
    ],
)
def test_whom_to_count(remote: str | None, forwarded: str | None, proxies: int, client: str) -> None:
    assert client_address(remote, forwarded, proxies) == client
