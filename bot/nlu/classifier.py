"""Fourth component: the intent, by multinomial logistic regression on the sentence's vector.

scikit-learn is needed to train only; in service a prediction is one matrix product on the stored weights.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Tuple
from zipfile import BadZipFile

import numpy as np
from rasa.engine.graph import ExecutionContext
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.constants import INTENT, INTENT_NAME_KEY, INTENT_RANKING_KEY, PREDICTED_CONFIDENCE_KEY
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.encoder import E5_DIMENSIONS
from bot.nlu.component import Component
from bot.nlu.errors import BadModelError
from bot.nlu.features import vector_of

RANKING_LENGTH = 5
_WEIGHTS = "weights.npz"
_ABOUT = "intents.json"


@dataclass(frozen=True)
class IntentModel:
    """What training leaves behind: `weights` (intents, 896), `bias` (intents,), and what logits are divided by."""

    intents: Tuple[str, ...]
    weights: np.ndarray
    bias: np.ndarray
    temperature: float

    def probabilities(self, vectors: np.ndarray) -> np.ndarray:
        """Rows of vectors (n, 896) to rows of probabilities (n, intents)."""
        return softmax((levelled(vectors) @ self.weights.T + self.bias) / self.temperature)

    def ranking(self, vector: np.ndarray) -> List[Dict[str, Any]]:
        """The best intents of one vector, best first."""
        found = self.probabilities(vector[None, :])[0]
        best = np.argsort(-found)[:RANKING_LENGTH]
        return [{INTENT_NAME_KEY: self.intents[i], PREDICTED_CONFIDENCE_KEY: round(float(found[i]), 4)} for i in best]

    def save(self, folder: Path) -> None:
        """Numbers as .npz, names as JSON: nothing that runs code when it is read."""
        np.savez(folder / _WEIGHTS, weights=self.weights, bias=self.bias)
        about = {"intents": self.intents, "temperature": self.temperature}
        (folder / _ABOUT).write_text(json.dumps(about, indent=1), "utf-8")

    @classmethod
    def read(cls, folder: Path) -> IntentModel:
        """Raises `BadModelError` when the files are missing or do not belong together."""
        try:
            about = json.loads((folder / _ABOUT).read_text("utf-8"))
            with np.load(folder / _WEIGHTS, allow_pickle=False) as stored:
                weights, bias = stored["weights"], stored["bias"]
            model = cls(tuple(about["intents"]), weights, bias, float(about["temperature"]))
        except (OSError, ValueError, KeyError, BadZipFile) as error:
            raise BadModelError("the intent classifier's files cannot be read; train again") from error
        if weights.shape[0] != len(model.intents) or bias.shape != (len(model.intents),):
            raise BadModelError("the intent classifier's files do not fit together; train again")
        return model


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class IntentClassifier(Component):
    """Sets `intent` and `intent_ranking` (the five best) of each message."""

    def __init__(
        self, config: Dict[str, Any], storage: ModelStorage, resource: Resource, model: IntentModel | None = None
    ) -> None:
        super().__init__(config)
        self._storage = storage
        self._resource = resource
        self._model = model

    @staticmethod
    def get_default_config() -> Dict[str, Any]:
        """`strength` is scikit-learn's C; `held_out` is the share that the temperature is found on."""
        return {"strength": 10.0, "held_out": 0.15, "iterations": 60, "seed": 7}

    @classmethod
    def create(
        cls,
        config: Dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> IntentClassifier:
        """Made by Rasa before training."""
        return cls(config, model_storage, resource)

    @classmethod
    def load(
        cls,
        config: Dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> IntentClassifier:
        """Made by Rasa from a trained model."""
        with model_storage.read_from(resource) as folder:
            return cls(config, model_storage, resource, IntentModel.read(Path(folder)))

    def train(self, training_data: TrainingData) -> Resource:
        """Learn from every example that has an intent."""
        examples = training_data.intent_examples
        vectors = np.stack([vector_of(example) for example in examples])
        self._model = fit(vectors, [str(example.get(INTENT)) for example in examples], self._config)
        with self._storage.write_to(self._resource) as folder:
            self._model.save(Path(folder))
        return self._resource

    def process(self, messages: List[Message]) -> List[Message]:
        """Predict each message."""
        if self._model is None:
            raise BadModelError("the intent classifier has not been trained")
        for message in messages:
            ranking = self._model.ranking(vector_of(message))
            message.set(INTENT, dict(ranking[0]), add_to_output=True)
            message.set(INTENT_RANKING_KEY, ranking, add_to_output=True)
        return messages


def softmax(logits: np.ndarray) -> np.ndarray:
    """Row-wise, safe for large numbers."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def with_halves(vectors: np.ndarray, labels: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """The rows again with either half alone: the languages USE lacks, and what the app was sure of by USE alone."""
    both = np.abs(vectors[:, E5_DIMENSIONS:]).sum(axis=1) > 0
    e5_alone, use_alone = vectors[both].copy(), vectors[both].copy()
    e5_alone[:, E5_DIMENSIONS:] = 0.0
    use_alone[:, :E5_DIMENSIONS] = 0.0
    rows = levelled(np.concatenate([vectors, e5_alone, use_alone]))
    return rows, np.concatenate([labels, labels[both], labels[both]])


def levelled(vectors: np.ndarray) -> np.ndarray:
    """Every row at the length that two halves have, so that one half alone speaks as loud."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-6) * np.sqrt(2.0), dtype=np.float32)


def fit(vectors: np.ndarray, names: List[str], config: Dict[str, Any]) -> IntentModel:
    """Train on everything; the temperature comes from predictions on a part held out."""
    intents, labels = np.unique(names, return_inverse=True)
    weights, bias = _regression(vectors, labels, len(intents), config)
    temperature = best_temperature(*_held_out(vectors, labels, len(intents), config))
    return IntentModel(tuple(str(name) for name in intents), weights, bias, temperature)


def _regression(
    vectors: np.ndarray, labels: np.ndarray, count: int, config: Dict[str, Any]
) -> Tuple[np.ndarray, np.ndarray]:
    from sklearn.linear_model import LogisticRegression

    rows, classes = with_halves(vectors, labels)
    if count < 3:  # scikit-learn keeps a single row of weights for two classes
        raise BadModelError("training needs examples of three intents at least")
    model = LogisticRegression(
        C=config["strength"], class_weight="balanced", max_iter=config["iterations"], multi_class="multinomial"
    ).fit(rows, classes)
    weights, bias = np.zeros((count, rows.shape[1]), np.float32), np.full(count, -30.0, np.float32)
    # A rare intent may be missing from a fold: its row stays at "never".
    weights[model.classes_], bias[model.classes_] = model.coef_, model.intercept_
    return weights, bias


def _held_out(
    vectors: np.ndarray, labels: np.ndarray, count: int, config: Dict[str, Any]
) -> Tuple[np.ndarray, np.ndarray]:
    """Logits (m, intents) and labels of a part that the model behind them has not seen: enough for one number."""
    order = np.random.default_rng(config["seed"]).permutation(len(labels))
    part, rest = np.split(order, [max(1, int(config["held_out"] * len(order)))])
    if len(np.unique(labels[rest])) < 3:
        part, rest = order, order
    weights, bias = _regression(vectors[rest], labels[rest], count, config)
    return levelled(vectors[part]) @ weights.T + bias, labels[part]


def best_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The divisor of the logits that makes the confidences of held-out rows the most likely ones."""
    rows = np.arange(len(labels))
    grid = np.geomspace(0.3, 4.0, 60)
    costs = [-np.log(softmax(logits / t)[rows, labels] + 1e-12).mean() for t in grid]
    return float(grid[int(np.argmin(costs))])
