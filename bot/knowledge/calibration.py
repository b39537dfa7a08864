"""Fit the search's weights and thresholds on the tuning questions. Pure numbers; `bot calibrate` brings the data.

Rank: a conditional logit over the candidates of each answerable question. Trust: a logistic regression on whether the
first candidate was right, over answerable and no-answer questions alike. Both are drawn towards zero, few as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bot.knowledge.scoring import Context, Signals, Thresholds, Weights, rank_features, ranked, trust_features, weighed
from bot.knowledge.search import Decision, Found, Verdict, decide

_STEPS = 4000
_RATE = 0.05
_RANK_PULL = 1e-3
_TRUST_PULL = 1e-2
RANK_NAMES = ("near", "near_mean", "model", "words", "area")
TRUST_NAMES = (
    "bias",
    "score",
    "gap",
    "near",
    "model",
    "none",
    "ahead_of_none",
    "act",
    "out_of_scope",
    "words",
    "length",
)


@dataclass(frozen=True)
class Case:
    """One tuning question with the signals of all its candidates; `right` is empty for a no-answer question."""

    right: tuple[str, ...]
    articles: Mapping[str, Signals]
    context: Context


@dataclass(frozen=True)
class Calibration:
    weights: Weights
    thresholds: Thresholds
    why: dict[str, float]


def calibrate(cases: Sequence[Case], most_false: float, clarify_share: float) -> Calibration:
    """Weights, and thresholds such that at most `most_false` of the no-answer questions are answered and at most
    `clarify_share` of the answerable ones whose article is among the candidates are left unanswered."""
    weights = Weights(_fit_rank(cases), dict.fromkeys(TRUST_NAMES, 0.0))
    weights = Weights(weights.rank, _fit_trust(cases, weights))
    thresholds = _thresholds(cases, weights, most_false, clarify_share)
    return Calibration(weights, thresholds, measure(cases, weights, thresholds))


def _fit_rank(cases: Sequence[Case]) -> dict[str, float]:
    usable = [case for case in cases if set(case.right) & set(case.articles)]
    rows, owners, targets = [], [], []
    for number, case in enumerate(usable):
        for slug, signals in case.articles.items():
            features = rank_features(signals)
            rows.append([features[name] for name in RANK_NAMES])
            owners.append(number)
            targets.append(slug in case.right)
    matrix, owner, target = np.array(rows), np.array(owners), np.array(targets, dtype=float)
    target /= np.bincount(owner, target)[owner]
    weights = np.ones(len(RANK_NAMES))
    for _ in range(_STEPS):
        scores = matrix @ weights
        chances = np.exp(scores - scores.max())
        chances /= np.bincount(owner, chances)[owner]
        weights -= _RATE * (matrix.T @ (chances - target) / len(usable) * 10 + _RANK_PULL * weights)
    return _named(RANK_NAMES, np.maximum(weights, 0.0) / max(1e-6, weights.max()))


def _fit_trust(cases: Sequence[Case], weights: Weights) -> dict[str, float]:
    rows, labels = [], []
    for case in cases:
        order = sorted(case.articles, key=lambda slug: -weighed(weights.rank, rank_features(case.articles[slug])))
        if not order:
            continue
        scores = [weighed(weights.rank, rank_features(case.articles[slug])) for slug in order[:2]]
        features = trust_features(
            case.articles[order[0]], scores[0], scores[1] if len(scores) > 1 else 0.0, case.context
        )
        rows.append([features[name] for name in TRUST_NAMES])
        labels.append(order[0] in case.right)
    matrix, label = np.array(rows), np.array(labels, dtype=float)
    # The few no-answer questions weigh as much as all others: a false answer is the worse fault.
    balance = np.where(label > 0, 0.5 / max(1, label.sum()), 0.5 / max(1, (1 - label).sum()))
    middle, spread = matrix.mean(axis=0), matrix.std(axis=0) + 1e-9
    middle[0], spread[0] = 0.0, 1.0  # the bias
    standard = (matrix - middle) / spread
    fitted = np.zeros(len(TRUST_NAMES))
    for _ in range(_STEPS * 2):
        chances = 1 / (1 + np.exp(-np.clip(standard @ fitted, -30, 30)))
        fitted -= 1.0 * (standard.T @ ((chances - label) * balance) + _TRUST_PULL * fitted)
    fitted = fitted / spread
    fitted[0] -= float(fitted[1:] @ middle[1:])
    return _named(TRUST_NAMES, fitted)


def _named(names: Sequence[str], values: np.ndarray) -> dict[str, float]:
    return {name: round(float(value), 4) for name, value in zip(names, values, strict=True)}


def _thresholds(cases: Sequence[Case], weights: Weights, most_false: float, clarify_share: float) -> Thresholds:
    unanswerable = [_best(case, weights) for case in cases if not case.right]
    answer = float(np.quantile(unanswerable, 1 - most_false)) if unanswerable else 0.5
    found = [
        _best(case, weights)
        for case in cases
        if case.right and any(scored.slug in case.right for scored in ranked(weights, case.articles, case.context)[:3])
    ]
    clarify = float(np.quantile(found, clarify_share)) if found else 0.2
    return Thresholds(round(answer, 3), round(min(answer, clarify), 3))


def _best(case: Case, weights: Weights) -> float:
    order = ranked(weights, case.articles, case.context)
    return order[0].probability if order else 0.0


def decided(case: Case, weights: Weights, thresholds: Thresholds) -> Decision:
    order = tuple(ranked(weights, case.articles, case.context))
    return decide(Found(order, case.context, None), thresholds)


def measure(cases: Sequence[Case], weights: Weights, thresholds: Thresholds) -> dict[str, float]:
    """Shares on these cases: right first, right among, answered right and wrong, false answers and false buttons."""
    answerable = [(case, decided(case, weights, thresholds)) for case in cases if case.right]
    others = [decided(case, weights, thresholds) for case in cases if not case.right]
    return {
        "right first": _mean([bool(d.slugs) and d.slugs[0] in c.right for c, d in answerable]),
        "right first or among": _mean([bool(set(d.slugs) & set(c.right)) for c, d in answerable]),
        "answered right": _mean([d.verdict is Verdict.ANSWER and d.slugs[0] in c.right for c, d in answerable]),
        "answered wrong": _mean([d.verdict is Verdict.ANSWER and d.slugs[0] not in c.right for c, d in answerable]),
        "false answers": _mean([d.verdict is Verdict.ANSWER for d in others]),
        "false buttons": _mean([d.verdict is Verdict.CLARIFY for d in others]),
    }


def _mean(flags: Sequence[bool]) -> float:
    return round(sum(flags) / len(flags), 4) if flags else 0.0
