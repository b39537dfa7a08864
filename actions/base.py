"""What every custom action shares: find the message again, make a plan, hand it back as one JSON reply."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.executor import CollectingDispatcher

from bot.conversations.inflight import Asked, InFlight
from bot.knowledge.desk import Desk
from bot.languages import DEFAULT
from bot.messages import Plan


@dataclass(frozen=True)
class Tools:
    """What an action may use."""

    desk: Desk
    inflight: InFlight


class PlannedAction(Action):
    """An action that returns one plan. Subclasses name themselves and decide."""

    action_name: str

    def __init__(self, tools: Tools) -> None:
        self.tools = tools

    def name(self) -> str:
        return self.action_name

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[dict[str, Any]]:
        dispatcher.utter_message(json_message=self.plan(tracker).to_json())
        return []

    @abstractmethod
    def plan(self, tracker: Tracker) -> Plan:
        """What to say to the tracker's latest message."""

    def asked(self, tracker: Tracker) -> Asked:
        """The message as this process took it in; encoded again when another process did."""
        metadata = tracker.latest_message.get("metadata") or {}
        asked = self.tools.inflight.get(str(metadata.get("id")))
        if asked is not None:
            return asked
        text, language = str(tracker.latest_message.get("text") or ""), str(metadata.get("language") or DEFAULT)
        return Asked(text, language, self.tools.desk.encoder.encode(text, language))


def ranking(tracker: Tracker) -> Mapping[str, float]:
    """The pipeline's intents with their confidences."""
    found = tracker.latest_message.get("intent_ranking") or []
    return {str(item["name"]): float(item["confidence"]) for item in found}
