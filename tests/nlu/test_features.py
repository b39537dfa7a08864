"""Where a message's vector comes from."""

from __future__ import annotations

import numpy as np
from rasa.shared.nlu.training_data.message import Message

from bot.encoder import DIMENSIONS, E5_DIMENSIONS, pack
from bot.nlu.features import SentenceFeatures, vector_of

ONES = pack(np.ones(DIMENSIONS))


def _processed(**data: object) -> Message:
    message = Message({"text": "hello", **data})
    SentenceFeatures(SentenceFeatures.get_default_config()).process([message])
    return message


def test_a_vector_that_comes_along_is_used_and_taken_out_of_the_metadata() -> None:
    metadata = {"id": "1", "vector": ONES}
    message = _processed(language="en", metadata=metadata)
    assert vector_of(message).tolist() == [1.0] * DIMENSIONS
    assert metadata == {"id": "1"}


def test_the_second_half_counts_only_in_its_languages() -> None:
    vector = vector_of(_processed(language="vi", metadata={"vector": ONES}))
    assert vector[:E5_DIMENSIONS].all() and not vector[E5_DIMENSIONS:].any()


def test_without_a_vector_the_text_is_encoded() -> None:
    english, vietnamese = _processed(language="en"), _processed(language="vi", metadata=None)
    assert np.linalg.norm(vector_of(english)[E5_DIMENSIONS:]) > 0.9
    assert not vector_of(vietnamese)[E5_DIMENSIONS:].any()
    assert np.linalg.norm(vector_of(vietnamese)) > 0.9
