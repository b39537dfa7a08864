"""The classifier's arithmetic, on vectors made here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bot.encoder import DIMENSIONS, E5_DIMENSIONS
from bot.nlu.classifier import IntentClassifier, IntentModel, best_temperature, fit, softmax, with_halves
from bot.nlu.errors import BadModelError

NAMES = ["ask_medical", "book_appointment", "greet"]


def _clouds(per_intent: int, spread: float) -> tuple[np.ndarray, list[str]]:
    """Rows around one centre an intent, in both halves."""
    random = np.random.default_rng(1)
    centres = random.normal(size=(len(NAMES), DIMENSIONS))
    rows = [c + spread * random.normal(size=(per_intent, DIMENSIONS)) for c in centres]
    matrix = np.concatenate(rows).astype(np.float32)
    return matrix / np.linalg.norm(matrix, axis=1, keepdims=True), [n for n in NAMES for _ in range(per_intent)]


@pytest.fixture(scope="module")
def model() -> IntentModel:
    return fit(*_clouds(30, 1.0), IntentClassifier.get_default_config())


def test_it_learns_and_ranks(model: IntentModel) -> None:
    rows, names = _clouds(30, 1.0)
    assert [model.ranking(row)[0]["name"] for row in rows] == names
    confidences = [entry["confidence"] for entry in model.ranking(rows[0])]
    assert confidences == sorted(confidences, reverse=True)
    assert sum(confidences) == pytest.approx(1.0, abs=0.001)


def test_it_knows_messages_of_languages_without_the_second_half(model: IntentModel) -> None:
    rows, names = _clouds(30, 1.0)
    rows[:, E5_DIMENSIONS:] = 0.0
    assert [model.ranking(row)[0]["name"] for row in rows] == names


def test_what_it_has_never_seen_gets_little_confidence(model: IntentModel) -> None:
    strange = np.random.default_rng(9).normal(size=DIMENSIONS).astype(np.float32)
    known = _clouds(1, 0.1)[0][0]
    assert model.ranking(strange / np.linalg.norm(strange))[0]["confidence"] < model.ranking(known)[0]["confidence"]


def test_saved_and_read_it_says_the_same(model: IntentModel, tmp_path: Path) -> None:
    model.save(tmp_path)
    rows, _ = _clouds(5, 1.0)
    assert np.allclose(IntentModel.read(tmp_path).probabilities(rows), model.probabilities(rows))


def test_damaged_files_are_named(model: IntentModel, tmp_path: Path) -> None:
    with pytest.raises(BadModelError):
        IntentModel.read(tmp_path)
    model.save(tmp_path)
    (tmp_path / "intents.json").write_text('{"intents": ["one"], "temperature": 1}')
    with pytest.raises(BadModelError):
        IntentModel.read(tmp_path)


def test_a_pickled_weight_file_is_refused(tmp_path: Path, model: IntentModel) -> None:
    model.save(tmp_path)
    np.savez(tmp_path / "weights.npz", weights=np.array([{}], dtype=object), bias=model.bias)
    with pytest.raises(BadModelError):
        IntentModel.read(tmp_path)


def test_rows_with_both_halves_are_seen_with_either_alone_and_all_at_one_length() -> None:
    rows = np.ones((3, DIMENSIONS), np.float32)
    rows[2, E5_DIMENSIONS:] = 0.0
    seen, labels = with_halves(rows, np.array([0, 1, 2]))
    assert seen.shape == (7, DIMENSIONS)
    assert labels.tolist() == [0, 1, 2, 0, 1, 0, 1]
    assert not seen[3:5, E5_DIMENSIONS:].any()
    assert not seen[5:, :E5_DIMENSIONS].any()
    assert np.linalg.norm(seen, axis=1) == pytest.approx(np.full(7, 2**0.5), rel=1e-3)


def test_the_temperature_makes_confidence_as_frequent_as_success() -> None:
    random = np.random.default_rng(3)
    logits = random.normal(size=(4000, 4)) * 2.0
    labels = np.array([random.choice(4, p=row) for row in softmax(logits)])
    assert best_temperature(logits, labels) == pytest.approx(1.0, rel=0.15)
    assert best_temperature(logits * 3, labels) == pytest.approx(3.0, rel=0.15)


def test_two_intents_are_too_few() -> None:
    with pytest.raises(BadModelError):
        fit(np.eye(4, DIMENSIONS, dtype=np.float32), ["a", "b", "a", "b"], IntentClassifier.get_default_config())
