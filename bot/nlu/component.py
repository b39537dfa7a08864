"""What every pipeline component here shares: how Rasa makes one, and how a message names its language."""

from __future__ import annotations

from typing import Any, Dict

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.training_data.message import Message

LANGUAGE = "language"
METADATA = "metadata"


class Component(GraphComponent):
    """A component that is made from its configuration alone."""

    def __init__(self, config: Dict[str, Any]) -> None:
        self._config = config

    @classmethod
    def create(
        cls,
        config: Dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> Component:
        """Made by Rasa with `get_default_config()` and config.yml already merged."""
        return cls(config)


def metadata_of(message: Message) -> Dict[str, Any]:
    """The message's own metadata; Rasa leaves `None` where there is none."""
    found = message.get(METADATA)
    return found if isinstance(found, dict) else {}
