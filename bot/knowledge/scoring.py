"""How the signals of the search become one score an article, and the probability that the best one is right. Pure.

The weights are fitted on the tuning questions (`bot calibrate` writes scoring.json with the measured figures) and
never on the holdout.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("scoring.json")
_FLOOR = 1e-3
# Words beyond which a question counts as long.
_LONG = 40


@dataclass(frozen=True)
class Signals:
    """What is known of one article for one question.

    near: similarity of its nearest passage, -1 to 1; near_mean: mean of its three nearest;
    model: the classifier's probability; words: BM25 relative to the best article's, 0 to 1;
    area: the pipeline's probability that the question is of this article's area, null when there is no engine.
    """

    near: float = 0.0
    near_mean: float = 0.0
    model: float = 0.0
    words: float = 0.0
    area: float | None = None


@dataclass(frozen=True)
class Context:
    """What is known of the question as a whole.

    none: the classifier's probability that no article answers; near_none: similarity of the nearest question that
    none answers; act: the classifier's probability that it is no question at all;
    out_of_scope: the pipeline's, null without the engine; length: words of the question.
    """

    none: float = 0.0
    near_none: float = 0.0
    act: float = 0.0
    out_of_scope: float | None = None
    length: int = 0


@dataclass(frozen=True)
class Scored:
    slug: str
    score: float
    probability: float
    signals: Signals

    def trace(self) -> dict[str, Any]:
        rounded = {name: round(value, 4) for name, value in asdict(self.signals).items() if value is not None}
        return {
            "article": self.slug,
            "probability": round(self.probability, 4),
            "score": round(self.score, 4),
            **rounded,
        }


@dataclass(frozen=True)
class Weights:
    """`rank` weighs an article's signals; `trust` turns the best one's margin and context into a probability."""

    rank: dict[str, float]
    trust: dict[str, float]

    @staticmethod
    def load(path: Path = FILE) -> Weights:
        data = json.loads(path.read_text(encoding="utf-8"))
        return Weights(dict(data["rank"]), dict(data["trust"]))


@dataclass(frozen=True)
class Thresholds:
    """Probabilities that the best article is right: at or above `answer` it is given, at or above `clarify` asked."""

    answer: float
    clarify: float

    @staticmethod
    def load(path: Path = FILE) -> Thresholds:
        """The calibrated ones."""
        found = json.loads(path.read_text(encoding="utf-8"))["thresholds"]
        return Thresholds(float(found["answer"]), float(found["clarify"]))


def rank_features(signals: Signals) -> dict[str, float]:
    # Without the engine the area says nothing: neutral, not zero.
    area = 1 / 6 if signals.area is None else signals.area
    return {
        "near": signals.near,
        "near_mean": signals.near_mean,
        "model": math.sqrt(max(0.0, signals.model)),
        "words": signals.words,
        "area": math.sqrt(max(0.0, area)),
    }


def trust_features(best: Signals, score: float, second: float, context: Context) -> dict[str, float]:
    # Logarithms: what counts is whether the classifier says 90 or 99 %, and whether `none` has 1 % or a tenth of it.
    return {
        "bias": 1.0,
        "score": score,
        "gap": score - second,
        "near": best.near,
        "model": math.log(best.model + _FLOOR),
        "none": math.log(context.none + _FLOOR),
        "ahead_of_none": best.near - context.near_none,
        "act": math.sqrt(max(0.0, context.act)),
        "out_of_scope": context.out_of_scope or 0.0,
        "words": best.words,
        "length": min(context.length, _LONG) / _LONG,
    }


def weighed(weights: Mapping[str, float], features: Mapping[str, float]) -> float:
    return sum(weight * features[name] for name, weight in weights.items())


def ranked(weights: Weights, articles: Mapping[str, Signals], context: Context, most: int = 5) -> list[Scored]:
    """The best articles with their probabilities, best first.

    The best one's probability is `trust`; the others share what it leaves by their distance in score.
    """
    scores = {slug: weighed(weights.rank, rank_features(signals)) for slug, signals in articles.items()}
    order = sorted(scores, key=lambda slug: (-scores[slug], slug))[:most]
    if not order:
        return []
    best = scores[order[0]]
    second = scores[order[1]] if len(order) > 1 else 0.0
    features = trust_features(articles[order[0]], best, second, context)
    probability = logistic(weighed(weights.trust, features))
    return [
        Scored(slug, scores[slug], _share(probability, best - scores[slug], first=slug == order[0]), articles[slug])
        for slug in order
    ]


def _share(probability: float, behind: float, *, first: bool) -> float:
    return probability if first else probability * math.exp(-8 * behind) * 0.9


def logistic(value: float) -> float:
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, value))))


def softmax(values: Sequence[float]) -> list[float]:
    top = max(values, default=0.0)
    exponentials = [math.exp(value - top) for value in values]
    total = sum(exponentials) or 1.0
    return [value / total for value in exponentials]
