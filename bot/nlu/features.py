"""Third component: the sentence's vector (896 numbers), from the app when it sends it, else encoded here."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Tuple

import numpy as np
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.shared.nlu.constants import FEATURE_TYPE_SENTENCE, TEXT
from rasa.shared.nlu.training_data.features import Features
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.encoder import E5_DIMENSIONS, USE_LANGUAGES, unpack
from bot.languages import DEFAULT
from bot.nlu.component import LANGUAGE, Component, metadata_of
from bot.nlu.shared_encoder import encoder
from bot.vector_cache import encode_all

ORIGIN = "SentenceFeatures"
VECTOR = "vector"


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER, is_trainable=False)
class SentenceFeatures(Component):
    """Adds one dense sentence feature: e5's half and USE's half, the latter zero outside USE's languages."""

    @staticmethod
    def get_default_config() -> Dict[str, Any]:
        """`cache`: the file that keeps training's vectors from one training to the next; null for none."""
        return {"cache": "var/engine/vectors.npz"}

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        """Encode every example."""
        examples = training_data.training_examples
        file = Path(self._config["cache"]) if self._config["cache"] else None
        vectors = encode_all((_text_of(example) for example in examples), encoder(), file)
        for example in examples:
            text = _text_of(example)
            _add(example, _gated(vectors[text], text[1]))
        return training_data

    def process(self, messages: List[Message]) -> List[Message]:
        """Take the vector that came along, or encode."""
        for message in messages:
            _add(message, _handed_over(message))
        return messages


def vector_of(message: Message) -> np.ndarray:
    """The vector that this component has put on the message, (896,) float32."""
    _, sentence = message.get_dense_features(TEXT, [ORIGIN])
    return np.asarray(sentence.features, dtype=np.float32)[0]


def _handed_over(message: Message) -> np.ndarray:
    # Popped, not read: what stays in the metadata goes into the tracker and to every action (17 -> 756 kB, 120 turns).
    packed = metadata_of(message).pop(VECTOR, None)
    if packed is None:
        return _encoded(message)
    return _gated(np.asarray(unpack(packed)), message.get(LANGUAGE) or DEFAULT)


def _encoded(message: Message) -> np.ndarray:
    text, language = _text_of(message)
    return _gated(np.asarray(encoder().encode(text, language)), language)


def _text_of(message: Message) -> Tuple[str, str]:
    return str(message.get(TEXT) or ""), str(message.get(LANGUAGE) or DEFAULT)


def _gated(vector: np.ndarray, language: str) -> np.ndarray:
    """USE's half is noise outside its 16 languages, whoever encoded."""
    if language in USE_LANGUAGES:
        return vector
    gated = vector.copy()
    gated[E5_DIMENSIONS:] = 0.0
    return gated


def _add(message: Message, vector: np.ndarray) -> None:
    row = vector.astype(np.float32).reshape(1, -1)
    message.add_features(Features(row, FEATURE_TYPE_SENTENCE, TEXT, ORIGIN))
