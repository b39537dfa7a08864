"""Training's memory of vectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bot.encoder import DIMENSIONS, Encoder
from bot.vector_cache import encode_all


class CountingEncoder(Encoder):
    """The length of the text in every place, and how often it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def encode(self, text: str, language: str) -> np.ndarray:
        """No model needed."""
        self.asked.append(text)
        return np.full(DIMENSIONS, len(text) + len(language), np.float32)


def test_a_text_is_encoded_once_and_again_only_in_another_language(tmp_path: Path) -> None:
    encoder, file = CountingEncoder(), tmp_path / "sub" / "v.npz"
    first = encode_all([("a", "en"), ("a", "en"), ("bb", "en")], encoder, file)
    again = encode_all([("a", "en"), ("a", "zh"), ("bb", "en")], encoder, file)
    assert sorted(encoder.asked) == ["a", "a", "bb"]
    assert np.array_equal(first["bb", "en"], again["bb", "en"])
    assert again["bb", "en"][0] == 4.0


def test_a_damaged_or_foreign_file_is_made_again(tmp_path: Path) -> None:
    encoder, file = CountingEncoder(), tmp_path / "v.npz"
    file.write_bytes(b"PK\x03\x04 broken")
    encode_all([("a", "en")], encoder, file)
    with np.load(file) as stored:
        parts = dict(stored)
    np.savez(file, **{**parts, "maker": np.array("another encoder")})
    encode_all([("a", "en")], encoder, file)
    assert encoder.asked == ["a", "a"]


def test_without_a_file_nothing_is_kept(tmp_path: Path) -> None:
    encode_all([("a", "en")], CountingEncoder(), None)
    assert list(tmp_path.iterdir()) == []
