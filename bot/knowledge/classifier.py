"""A linear classifier over the labels of the passages: articles, acts, and `none`. Rebuilt on publish, in the app."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bot.encoder import E5_DIMENSIONS
from bot.knowledge.labels import ACT_PREFIX, NONE

_BEST = 8
_EPOCHS = 60
_LEARNING_RATE = 0.05
_WEIGHT_DECAY = 1e-3
_SCALE = 6.0
# Beyond this many labels a regression would take minutes to hours; the labels' mean vectors stand in for its weights.
_MOST_LABELS = 1500
_CENTROID_SCALE = 4.0


class Chances(Mapping[str, float]):
    """The probabilities of all labels; looked up by name, without a dictionary of thousands for each question."""

    def __init__(self, position: Mapping[str, int], values: np.ndarray) -> None:
        self._position = position
        self._values = values

    def __getitem__(self, label: str) -> float:
        return float(self._values[self._position[label]])

    def __iter__(self) -> Iterator[str]:
        return iter(self._position)

    def __len__(self) -> int:
        return len(self._position)

    @property
    def values_array(self) -> np.ndarray:
        return self._values


@dataclass(frozen=True)
class Classifier:
    """Softmax regression: `weights` (896, labels), `bias` (labels)."""

    labels: tuple[str, ...]
    weights: np.ndarray
    bias: np.ndarray
    _position: dict[str, int] = field(init=False, repr=False, compare=False)
    _no_articles: tuple[int, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_position", {label: place for place, label in enumerate(self.labels)})
        others = [place for label, place in self._position.items() if label == NONE or label.startswith(ACT_PREFIX)]
        object.__setattr__(self, "_no_articles", tuple(others))

    def probabilities(self, vector: np.ndarray, among: Iterable[str] = ()) -> Chances:
        """How likely each label is, for a vector (896) with one half or both.

        With very many labels only those of `among` are compared, and those that are no article: to compare all
        200,000 of a million passages took 60 ms, and an article that no near passage and no word speaks for is none.
        """
        if not self.labels:
            return Chances({}, np.zeros(0, np.float32))
        if len(self.labels) <= _MOST_LABELS:
            return Chances(self._position, _softmax(_rescaled(vector[None, :])[0] @ self.weights + self.bias))
        columns = sorted({*self._no_articles, *(self._position[label] for label in among if label in self._position)})
        if not columns:
            return Chances({}, np.zeros(0, np.float32))
        # The weights of that many labels lie label by label (`_centroids`), so these are short walks.
        scores = self.weights.T[columns] @ _rescaled(vector[None, :])[0] + self.bias[columns]
        return Chances({self.labels[column]: place for place, column in enumerate(columns)}, _softmax(scores))

    def best(self, chances: Chances) -> list[str]:
        """The likeliest labels, best first."""
        values = chances.values_array
        if not len(values):
            return []
        names = list(chances)
        top = np.argpartition(-values, min(_BEST, len(values) - 1))[:_BEST]
        return [names[place] for place in sorted(top.tolist(), key=lambda place: -values[place])]

    def save(self, path: Path) -> None:
        np.savez(path, labels=np.array(self.labels), weights=self.weights, bias=self.bias)

    @staticmethod
    def load(path: Path) -> Classifier:
        with np.load(path) as stored:
            return Classifier(tuple(stored["labels"].tolist()), stored["weights"], stored["bias"])


def _softmax(scores: np.ndarray) -> np.ndarray:
    likely: np.ndarray = np.exp(scores - scores.max())
    likely /= likely.sum()
    return likely


def _rescaled(matrix: np.ndarray) -> np.ndarray:
    """A vector with one half weighs as much as one with both."""
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    rescaled: np.ndarray = matrix / np.maximum(lengths, 1e-6) * _SCALE
    return rescaled


def train(labels: Sequence[str], matrix: np.ndarray, seed: int = 7) -> Classifier:
    """Fit on passages; each is also seen with either half alone.

    So e5's own languages work, and so does USE alone, which is asked first because it is five times faster. On the
    tuning questions this made answers with both halves better, too (right first 95.3 → 96.5 %).
    """
    names = tuple(sorted(set(labels)))
    if not names:
        return Classifier((), np.zeros((matrix.shape[1], 0), np.float32), np.zeros(0, np.float32))
    position = {name: place for place, name in enumerate(names)}
    rows, target = _with_halves(matrix, np.array([position[label] for label in labels]))
    if len(names) > _MOST_LABELS:
        return _centroids(names, rows, target)
    return _fit(names, rows, target, seed)


def _with_halves(matrix: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    both = matrix[:, E5_DIMENSIONS:].any(axis=1)
    e5_alone, use_alone = matrix.copy(), matrix[both].copy()
    e5_alone[:, E5_DIMENSIONS:] = 0
    use_alone[:, :E5_DIMENSIONS] = 0
    rows = _rescaled(np.concatenate([matrix, e5_alone, use_alone])).astype(np.float32)
    return rows, np.concatenate([target, target, target[both]])


def _centroids(names: tuple[str, ...], rows: np.ndarray, target: np.ndarray) -> Classifier:
    sums = np.zeros((len(names), rows.shape[1]), np.float32)
    np.add.at(sums, target, rows)
    means = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-6) * _CENTROID_SCALE
    # A view: each label's weights stay beside each other.
    return Classifier(names, means.T, np.zeros(len(names), np.float32))


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
