"""One loaded encoder for the whole process: a model switch must not load 170 MB a second time."""

from __future__ import annotations

import functools

from bot.encoder import Encoder


@functools.lru_cache(maxsize=1)
def encoder() -> Encoder:
    """The process's encoder; its weights are loaded by the first text it encodes."""
    return Encoder()
