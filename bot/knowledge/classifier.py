"""A linear classifier over the labels of the passages: articles, acts, and `none`. Rebuilt on publish, in the app."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bot.encoder import E5_DIMENSIONS

_BEST = 8
_EPOCHS = 60
_LEARNING_RATE = 0.05
_WEIGHT_DECAY = 1e-3
_SCALE = 6.0


@dataclass(frozen=True)
class Classifier:
    """Softmax regression: `weights` (896, labels), `bias` (labels)."""

    labels: tuple[str, ...]
    weights: np.ndarray
    bias: np.ndarray

    def probabilities(self, vector: np.ndarray) -> dict[str, float]:
        if not self.labels:
            return {}
        scores = _rescaled(vector[None, :])[0] @ self.weights + self.bias
        scores = np.exp(scores - scores.max())
        return dict(zip(self.labels, (scores / scores.sum()).tolist(), strict=True))

    def best(self, probabilities: Mapping[str, float]) -> list[str]:
        return sorted(probabilities, key=lambda label: -probabilities[label])[:_BEST]

    def save(self, path: Path) -> None:
        np.savez(path, labels=np.array(self.labels), weights=self.weights, bias=self.bias)

    @staticmethod
    def load(path: Path) -> Classifier:
        with np.load(path) as stored:
            return Classifier(tuple(stored["labels"].tolist()), stored["weights"], stored["bias"])


def _rescaled(matrix: np.ndarray) -> np.ndarray:
    """A vector without USE's half weighs as much as one with it."""
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    rescaled: np.ndarray = matrix / np.maximum(lengths, 1e-6) * _SCALE
    return rescaled


def train(labels: Sequence[str], matrix: np.ndarray, seed: int = 7) -> Classifier:
    """Fit on passages; every row is seen a second time without USE's half, so that e5's languages work alone."""
    names = tuple(sorted(set(labels)))
    if not names:
        return Classifier((), np.zeros((matrix.shape[1], 0), np.float32), np.zeros(0, np.float32))
    position = {name: place for place, name in enumerate(names)}
    target = np.array([position[label] for label in labels])
    e5_only = matrix.copy()
    e5_only[:, E5_DIMENSIONS:] = 0
    rows = _rescaled(np.concatenate([matrix, e5_only])).astype(np.float32)
    return _fit(names, rows, np.concatenate([target, target]), seed)


def _fit(names: tuple[str, ...], rows: np.ndarray, target: np.ndarray, seed: int) -> Classifier:
    """Softmax regression by Adam in mini-batches; classes weigh alike, whatever their number of passages."""
    counts = np.bincount(target, minlength=len(names)).astype(np.float32)
    importance = np.sqrt(counts.mean() / counts)[target]
    weights = np.zeros((rows.shape[1], len(names)), np.float32)
    bias = np.zeros(len(names), np.float32)
    first, second = np.zeros_like(weights), np.zeros_like(weights)
    random = np.random.default_rng(seed)
    step = 0
    for epoch in range(_EPOCHS):
        rate = _LEARNING_RATE * (1 - epoch / _EPOCHS)
        for batch in np.array_split(random.permutation(len(rows)), max(1, len(rows) // 512)):
            step += 1
            error = _errors(rows[batch], weights, bias, target[batch]) * importance[batch, None] / len(batch)
            gradient = rows[batch].T @ error + _WEIGHT_DECAY * weights
            first = 0.9 * first + 0.1 * gradient
            second = 0.999 * second + 0.001 * gradient**2
            corrected = second / (1 - 0.999**step)
            weights -= rate * (first / (1 - 0.9**step)) / (np.sqrt(corrected) + 1e-8)
            bias -= rate * error.sum(axis=0)
    return Classifier(names, weights, bias)


def _errors(rows: np.ndarray, weights: np.ndarray, bias: np.ndarray, target: np.ndarray) -> np.ndarray:
    scores = rows @ weights + bias
    scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    scores /= scores.sum(axis=1, keepdims=True)
    scores[np.arange(len(target)), target] -= 1
    errors: np.ndarray = scores
    return errors
