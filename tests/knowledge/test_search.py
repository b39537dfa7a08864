"""From signals to a decision: the table of decide(), the scoring, the words, the classifier, the index."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.encoder import DIMENSIONS, E5_DIMENSIONS
from bot.knowledge.classifier import Classifier, train
from bot.knowledge.index import PassageIndex
from bot.knowledge.scoring import (
    Context,
    Scored,
    Signals,
    Thresholds,
    Weights,
    logistic,
    rank_features,
    ranked,
    softmax,
    trust_features,
)
from bot.knowledge.search import Found, Verdict, decide
from bot.knowledge.words import tokens
from tests.fakes.site import THRESHOLDS, WEIGHTS, Brain


def found(*probabilities: float) -> Found:
    candidates = tuple(Scored(f"a{place}", p, p, Signals()) for place, p in enumerate(probabilities))
    return Found(candidates, Context(), None)


@pytest.mark.parametrize(
    ("probabilities", "verdict", "slugs"),
    [
        ((), Verdict.UNKNOWN, ()),
        ((0.9, 0.05), Verdict.ANSWER, ("a0",)),
        ((0.5,), Verdict.ANSWER, ("a0",)),
        ((0.499, 0.3, 0.2, 0.1), Verdict.CLARIFY, ("a0", "a1", "a2")),
        ((0.499, 0.3), Verdict.CLARIFY, ("a0", "a1")),
        ((0.4, 0.001, 0.0), Verdict.CLARIFY, ("a0",)),
        ((0.2,), Verdict.CLARIFY, ("a0",)),
        ((0.199, 0.19), Verdict.UNKNOWN, ()),
        ((0.0,), Verdict.UNKNOWN, ()),
    ],
)
def test_the_table_of_decisions(probabilities: tuple[float, ...], verdict: Verdict, slugs: tuple[str, ...]) -> None:
    decision = decide(found(*probabilities), THRESHOLDS)
    assert (decision.verdict, decision.slugs) == (verdict, slugs)


@given(st.lists(st.floats(0, 1), max_size=5), st.floats(0, 1), st.floats(0, 1))
def test_never_an_answer_below_the_threshold(probabilities: list[float], one: float, two: float) -> None:
    thresholds = Thresholds(answer=max(one, two), clarify=min(one, two))
    decision = decide(found(*sorted(probabilities, reverse=True)), thresholds)
    assert len(decision.slugs) <= 3
    if decision.verdict is Verdict.ANSWER:
        assert max(probabilities) >= thresholds.answer
    if decision.verdict is Verdict.UNKNOWN:
        assert not probabilities or max(probabilities) < thresholds.clarify


def test_what_was_calibrated_is_complete() -> None:
    weights, thresholds = Weights.load(), Thresholds.load()
    assert set(weights.rank) == set(rank_features(Signals()))
    assert set(weights.trust) == set(trust_features(Signals(), 0.0, 0.0, Context()))
    assert 0 <= thresholds.clarify <= thresholds.answer <= 1


NUMBERS = st.floats(0, 1)
SIGNALS = st.builds(
    Signals, near=st.floats(-1, 1), near_mean=st.floats(-1, 1), model=NUMBERS, words=NUMBERS, area=st.none() | NUMBERS
)


@given(st.dictionaries(st.text("abcdef", min_size=1), SIGNALS, max_size=9), NUMBERS, NUMBERS, st.none() | NUMBERS)
def test_a_ranking_is_in_order_and_in_bounds(
    articles: dict[str, Signals], none: float, act: float, out_of_scope: float | None
) -> None:
    order = ranked(WEIGHTS, articles, Context(none=none, act=act, out_of_scope=out_of_scope, length=3))
    assert len(order) == min(5, len(articles))
    assert all(0 <= scored.probability <= 1 for scored in order)
    assert [scored.score for scored in order] == sorted((scored.score for scored in order), reverse=True)
    assert all(order[0].probability >= scored.probability for scored in order)


def test_more_of_each_signal_ranks_higher() -> None:
    weak, strong = Signals(0.5, 0.5, 0.2, 0.2, 0.2), Signals(0.6, 0.6, 0.4, 0.4, 0.4)
    assert [s.slug for s in ranked(WEIGHTS, {"weak": weak, "strong": strong}, Context())] == ["strong", "weak"]


def test_none_of_the_articles_lowers_the_trust() -> None:
    articles = {"a": Signals(0.8, 0.7, 0.6, 1.0, 0.3)}
    sure, unsure = (ranked(WEIGHTS, articles, Context(near_none=near))[0].probability for near in (0.1, 0.9))
    assert unsure < sure


def test_without_the_engine_the_area_is_neutral() -> None:
    assert rank_features(Signals(area=None)) == rank_features(Signals(area=1 / 6))


@given(st.floats(-1e6, 1e6))
def test_logistic_is_a_probability(value: float) -> None:
    assert 0 <= logistic(value) <= 1


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=9))
def test_softmax_sums_to_one(values: list[float]) -> None:
    assert math.isclose(sum(softmax(values)), 1.0)


# --- words ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("办理X1签证", ["办理", "x1", "签证"]),
        ("Größe", ["grosse"]),
        ("Enregistrer à la POLICE!", ["enregistrer", "a", "la", "police"]),
        ("ｖｉｓａ １２", ["visa", "12"]),
        ("签", ["签"]),
        ("住宿登记", ["住宿", "宿登", "登记"]),
        ("", []),
        ("!?…😀", []),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert tokens(text) == words


def test_korean_words_stay_whole_and_japanese_is_cut() -> None:
    assert tokens("비자 연장") == ["비자", "연장"]
    assert tokens("ビザの") == ["ビザ", "ザの"]


@given(st.text(st.characters(exclude_categories=()), max_size=500))
def test_any_text_has_a_bounded_number_of_bounded_words(text: str) -> None:
    found_ = tokens(text)
    assert len(found_) <= 64
    assert all(0 < len(word) <= 40 for word in found_)
    assert tokens(text) == found_


# --- classifier and index ---------------------------------------------------------------------------------------------


def cloud(seed: int, count: int, use: bool = True) -> np.ndarray:
    random = np.random.default_rng(seed)
    centre = random.normal(size=DIMENSIONS)
    rows = centre + 0.6 * random.normal(size=(count, DIMENSIONS))
    for half in (slice(0, E5_DIMENSIONS), slice(E5_DIMENSIONS, None)):
        rows[:, half] /= np.linalg.norm(rows[:, half], axis=1, keepdims=True)
    if not use:
        rows[:, E5_DIMENSIONS:] = 0
    return rows.astype(np.float32)


def test_the_classifier_tells_clouds_apart_and_is_the_same_each_time(tmp_path: Path) -> None:
    matrix = np.concatenate([cloud(1, 20), cloud(2, 8), cloud(3, 20)])
    labels = ["a"] * 20 + ["b"] * 8 + ["none"] * 20
    model, again = train(labels, matrix), train(labels, matrix)
    np.testing.assert_array_equal(model.weights, again.weights)
    for seed, label in ((1, "a"), (2, "b"), (3, "none")):
        for row in (cloud(seed, 30)[-1], cloud(seed, 30, use=False)[-1]):
            probabilities = model.probabilities(row)
            assert math.isclose(sum(probabilities.values()), 1.0, rel_tol=1e-5)
            assert model.best(probabilities)[0] == label
    model.save(tmp_path / "c.npz")
    loaded = Classifier.load(tmp_path / "c.npz")
    assert loaded.labels == model.labels
    np.testing.assert_array_equal(loaded.weights, model.weights)


def test_a_classifier_of_nothing() -> None:
    assert train([], np.zeros((0, DIMENSIONS), np.float32)).probabilities(np.ones(DIMENSIONS, np.float32)) == {}


def test_the_index_finds_the_nearest_by_vector() -> None:
    matrix = np.concatenate([cloud(1, 40), cloud(2, 40)])
    index = PassageIndex(["a"] * 40 + ["b"] * 40, matrix, [""] * 80)
    hits = index.nearest(matrix[50], 10)
    assert hits[0].row == 50
    assert math.isclose(hits[0].similarity, 1.0, abs_tol=0.01)
    assert {index.labels[hit.row] for hit in hits} == {"b"}
    assert [hit.similarity for hit in hits] == sorted((hit.similarity for hit in hits), reverse=True)


def test_a_vector_with_one_half_is_compared_by_that_half() -> None:
    matrix = cloud(1, 5)
    index = PassageIndex(["a"] * 5, matrix, [""] * 5)
    half = matrix[2].copy()
    half[E5_DIMENSIONS:] = 0
    best = index.nearest(half, 5)[0]
    assert best.row == 2
    assert math.isclose(best.similarity, 1.0, abs_tol=0.01)


def test_the_index_finds_words() -> None:
    texts = ["register at the police", "rent a flat", "办理住宿登记", "sort the waste"]
    index = PassageIndex(["r", "f", "z", "w"], cloud(1, 4), texts)
    assert index.best_by_words("where is the POLICE?")[0][0] == 0
    assert index.best_by_words("住宿")[0][0] == 2
    assert index.best_by_words("unheard") == []
    assert index.best_by_words("'\"()+-*:~^ AND OR") == []


def test_an_empty_index() -> None:
    index = PassageIndex([], np.zeros((0, DIMENSIONS), np.float32), [])
    assert index.nearest(np.ones(DIMENSIONS, np.float32)) == []
    assert index.best_by_words("x") == []


@pytest.mark.parametrize(
    ("text", "language", "slug"),
    [
        ("I have moved into a new place, must the police know?", "en", "accommodation-registration"),
        ("我的护照好像丢在出租车上了", "zh", "lost-passport"),
        ("Où jeter les piles usagées ?", "fr", "waste-sorting"),
        ("Wie miete ich hier eine Wohnung?", "de", "rent-a-flat"),
        ("كيف أحجز موعدا في المستشفى؟", "ar", "book-hospital"),
        ("外国のクレジットカードを支払いアプリに登録したい", "ja", "link-foreign-card"),
    ],
)
def test_the_real_encoder_finds_the_article_in_any_language(brain: Brain, text: str, language: str, slug: str) -> None:
    found_ = brain.search.find(text, brain.encoder.encode(text, language))
    assert found_.candidates[0].slug == slug


@pytest.mark.parametrize("text", ["who won the football game", "qwertz uiop", "tell me a recipe for pancakes"])
def test_what_no_article_answers_gets_no_answer(brain: Brain, text: str) -> None:
    decision = decide(brain.search.find(text, brain.encoder.encode(text, "en")), THRESHOLDS)
    assert decision.verdict is not Verdict.ANSWER


def test_the_pipelines_areas_move_the_ranking(brain: Brain) -> None:
    vector = brain.encoder.encode("how do I do it here", "en")
    ranking = {"ask_community": 0.99, "out_of_scope": 0.0}
    with_, without = (
        next(c.signals.area for c in brain.search.find("how", vector, r).candidates if c.slug == "waste-sorting")
        for r in (ranking, None)
    )
    assert (with_, without) == (0.99, None)


def test_an_act_is_seen_by_the_index_alone(brain: Brain) -> None:
    text = "I want to talk to a person"
    assert brain.search.find(text, brain.encoder.encode(text, "en")).act == "talk_to_person"
