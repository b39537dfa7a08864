"""From a question to a decision: answer with one article, ask back with up to three, or say that it is not known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np

from bot.knowledge.articles import Knowledge
from bot.knowledge.classifier import Chances, Classifier
from bot.knowledge.index import PassageIndex
from bot.knowledge.labels import ACT_PREFIX, NONE
from bot.knowledge.scoring import Context, Scored, Signals, Thresholds, Weights, ranked
from bot.knowledge.words import tokens

_MOST_BUTTONS = 3
# An article below this share of the first one's probability is no candidate worth a button.
_SMALLEST_SHARE = 0.02
_ASK = "ask_"
OUT_OF_SCOPE = "out_of_scope"


class Verdict(StrEnum):
    ANSWER = "answer"
    CLARIFY = "clarify"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Found:
    """The search's result. `act` is the intent that the index itself sees when the text is no question."""

    candidates: tuple[Scored, ...]
    context: Context
    act: str | None


@dataclass(frozen=True)
class Decision:
    verdict: Verdict
    slugs: tuple[str, ...]
    found: Found
    thresholds: Thresholds

    def trace(self) -> dict[str, Any]:
        return {
            "candidates": [candidate.trace() for candidate in self.found.candidates],
            "thresholds": {"answer": self.thresholds.answer, "clarify": self.thresholds.clarify},
            "none": round(self.found.context.none, 4),
        }


def decide(found: Found, thresholds: Thresholds) -> Decision:
    """The verdict on what was found. Pure."""
    if not found.candidates:
        return Decision(Verdict.UNKNOWN, (), found, thresholds)
    best = found.candidates[0].probability
    if best >= thresholds.answer:
        return Decision(Verdict.ANSWER, (found.candidates[0].slug,), found, thresholds)
    if best >= thresholds.clarify:
        near = [c.slug for c in found.candidates if c.probability >= best * _SMALLEST_SHARE]
        return Decision(Verdict.CLARIFY, tuple(near[:_MOST_BUTTONS]), found, thresholds)
    return Decision(Verdict.UNKNOWN, (), found, thresholds)


@dataclass(frozen=True)
class Search:
    """One knowledge version's index, classifier and weights; thread-safe, replaced as a whole on publish."""

    knowledge: Knowledge
    index: PassageIndex
    classifier: Classifier
    weights: Weights

    def find(self, text: str, vector: np.ndarray, ranking: Mapping[str, float] | None = None) -> Found:
        """The best articles for a question. `ranking`: the pipeline's intents, null when the engine did not answer."""
        near, words = self._near(vector), self._words(text)
        model = self.classifier.probabilities(vector, {*near, *words})
        articles, context = self._signals(text, ranking, near, words, model)
        return Found(tuple(ranked(self.weights, articles, context)), context, self._act(model))

    def _act(self, model: Chances) -> str | None:
        """The act that is more likely than not."""
        label = max(self._act_labels, key=lambda name: model[name], default=None)
        return label.removeprefix(ACT_PREFIX) if label is not None and model[label] > 0.5 else None

    @cached_property
    def _act_labels(self) -> tuple[str, ...]:
        return tuple(label for label in self.classifier.labels if label.startswith(ACT_PREFIX))

    def signals(
        self, text: str, vector: np.ndarray, ranking: Mapping[str, float] | None = None
    ) -> tuple[dict[str, Signals], Context]:
        """All that is known of each candidate and of the question, before any weighing."""
        near, words = self._near(vector), self._words(text)
        return self._signals(text, ranking, near, words, self.classifier.probabilities(vector, {*near, *words}))

    def _signals(
        self,
        text: str,
        ranking: Mapping[str, float] | None,
        near: Mapping[str, tuple[float, float]],
        words: Mapping[str, float],
        model: Chances,
    ) -> tuple[dict[str, Signals], Context]:
        areas = _areas(ranking)
        slugs = {*near, *words, *self.classifier.best(model)} & self.knowledge.articles.keys()
        articles = {
            slug: Signals(
                near=near.get(slug, (0.0, 0.0))[0],
                near_mean=near.get(slug, (0.0, 0.0))[1],
                model=model.get(slug, 0.0),
                words=words.get(slug, 0.0),
                area=None if areas is None else areas.get(self.knowledge.articles[slug].area.value, 0.0),
            )
            for slug in slugs
        }
        context = Context(
            none=model.get(NONE, 0.0),
            near_none=near.get(NONE, (0.0, 0.0))[0],
            act=sum(model[label] for label in self._act_labels),
            out_of_scope=None if ranking is None else ranking.get(OUT_OF_SCOPE, 0.0),
            length=len(tokens(text)),
        )
        return articles, context

    def _near(self, vector: np.ndarray) -> dict[str, tuple[float, float]]:
        """label -> (similarity of its nearest passage, mean of its three nearest)."""
        by_label: dict[str, list[float]] = {}
        for hit in self.index.nearest(vector):
            by_label.setdefault(self.index.labels[hit.row], []).append(hit.similarity)
        return {label: (values[0], sum(values[:3]) / min(3, len(values))) for label, values in by_label.items()}

    def _words(self, text: str) -> dict[str, float]:
        """label -> BM25 of its best passage, relative to the best of all."""
        best: dict[str, float] = {}
        for row, score in self.index.best_by_words(text):
            label = self.index.labels[row]
            best[label] = max(score, best.get(label, 0.0))
        top = max(best.values(), default=0.0)
        return {label: score / top for label, score in best.items()} if top > 0 else {}


def _areas(ranking: Mapping[str, float] | None) -> dict[str, float] | None:
    if ranking is None:
        return None
    return {name.removeprefix(_ASK): value for name, value in ranking.items() if name.startswith(_ASK)}
