"""A pipeline component that fails with the resident's words in its exception, as real ones do."""

from __future__ import annotations

from typing import List  # noqa: UP035 - Rasa compares annotations with its own `List[Message]`

from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message

from bot.nlu.component import Component

TRIGGER = "break the component"


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=False)
class FailsOnTrigger(Component):
    """Passes every message but those with the trigger."""

    def process(self, messages: List[Message]) -> List[Message]:  # noqa: UP006
        """Raise on the trigger."""
        for message in messages:
            if TRIGGER in message.get(TEXT):
                raise ValueError(message.get(TEXT))
        return messages
