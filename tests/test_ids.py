"""Identifiers: UUIDv7 that sort by time, tokens that nobody guesses."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator

import pytest

from bot import ids


def test_version_and_variant_bits() -> None:
    for _ in range(200):
        made = ids.new_id()
        assert made.version == 7
        assert made.variant == uuid.RFC_4122


def test_the_first_48_bits_are_milliseconds() -> None:
    before = time.time_ns() // 1_000_000
    made = ids.new_id()
    assert before <= made.int >> 80 <= time.time_ns() // 1_000_000


def test_they_sort_by_the_time_they_were_made(monkeypatch: pytest.MonkeyPatch) -> None:
    clock: Iterator[int] = iter(range(1_800_000_000_000_000_000, 1_800_000_001_000_000_000, 1_000_000))
    monkeypatch.setattr(ids.time, "time_ns", lambda: next(clock))
    made = [ids.new_id() for _ in range(500)]
    assert made == sorted(made)
    assert [str(one) for one in made] == sorted(str(one) for one in made)
    assert len(set(made)) == 500


def test_tokens_are_long_and_different() -> None:
    tokens = {ids.new_token() for _ in range(1000)}
    assert len(tokens) == 1000
    assert all(len(token) == 22 and token.isascii() for token in tokens)
