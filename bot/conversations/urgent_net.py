"""The net behind the urgent lane: hears in a sentence's vector an emergency for which the rules have no phrase.

It is asked only when no rule spoke, with the vector that the search needs anyway, and costs 0.1 ms. Its weights are
made by `tools/urgent_net.py` and come with the code; the numbers and the card are the lane's.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import numpy as np

from bot.conversations.urgent import Kind
from bot.encoder import E5_DIMENSIONS, Vector
from bot.errors import ContentError

CALM = "none"
LABELS: tuple[str, ...] = (*(kind.value for kind in Kind), CALM)
NET_FILE = Path(__file__).with_name("urgent_net.npz")
_SCALE = 6.0


class NetError(ContentError):
    """The file of the net cannot be used; the message names it."""


class Halves(IntEnum):
    """Which halves a vector has; each sort has its own threshold, because one half alone is less sure."""

    BOTH = 0
    E5 = 1
    USE = 2


@dataclass(frozen=True)
class UrgentNet:
    """One hidden layer: `hidden` (896, n), `hidden_bias` (n), `out` (n, 6), `out_bias` (6); `thresholds` (3).

    Without the hidden layer it caught 75 % instead of 90 % at the same number of false alarms. Whether a rule had been
    vetoed is no input: false alarms were 1.4 times as frequent there, which the threshold covers.
    """

    hidden: np.ndarray
    hidden_bias: np.ndarray
    out: np.ndarray
    out_bias: np.ndarray
    thresholds: np.ndarray
    version: str

    @staticmethod
    def load(path: Path = NET_FILE) -> UrgentNet:
        """Raises NetError when the file is missing or not one of ours."""
        try:
            with np.load(path) as stored:
                hidden = stored["hidden"].astype(np.float32) * stored["hidden_scale"]
                return UrgentNet(
                    hidden,
                    stored["hidden_bias"],
                    stored["out"],
                    stored["out_bias"],
                    stored["thresholds"],
                    str(stored["version"]),
                )
        except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
            raise NetError(f"{path.name}: {error}") from error

    def save(self, path: Path) -> None:
        """The large layer as int8 with a scale a column: a quarter of the size, the same verdicts."""
        scale = np.maximum(np.abs(self.hidden).max(axis=0), 1e-9) / 127
        np.savez(
            path,
            hidden=np.rint(self.hidden / scale).astype(np.int8),
            hidden_scale=scale.astype(np.float32),
            hidden_bias=self.hidden_bias.astype(np.float32),
            out=self.out.astype(np.float32),
            out_bias=self.out_bias.astype(np.float32),
            thresholds=self.thresholds.astype(np.float32),
            version=np.array(self.version),
        )

    def check(self, vector: Vector) -> Kind | None:
        """The kind of emergency that a message's vector (896), with one half or both, speaks of."""
        chances = self.chances(vector[None, :])[0]
        if 1 - chances[-1] < self.thresholds[_halves(vector)]:
            return None
        return Kind(LABELS[int(chances[:-1].argmax())])

    def suspects(self, vector: Vector) -> bool:
        """Whether an emergency is as likely as not: worth the other half of the vector before it is said or unsaid."""
        return bool(self.chances(vector[None, :])[0][-1] < 0.5)

    def chances(self, matrix: np.ndarray) -> np.ndarray:
        """How likely each of LABELS is (n, 6), for vectors (n, 896)."""
        inner = np.maximum(rescaled(matrix) @ self.hidden + self.hidden_bias, 0)
        return softmax(inner @ self.out + self.out_bias)


def _halves(vector: np.ndarray) -> Halves:
    if not vector[E5_DIMENSIONS:].any():
        return Halves.E5
    return Halves.BOTH if vector[:E5_DIMENSIONS].any() else Halves.USE


def rescaled(matrix: np.ndarray) -> np.ndarray:
    """A vector with one half weighs as much as one with both."""
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    result: np.ndarray = matrix / np.maximum(lengths, 1e-6) * _SCALE
    return result


def softmax(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    result: np.ndarray = powers / powers.sum(axis=1, keepdims=True)
    return result
