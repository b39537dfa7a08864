"""Acts that are no question: greetings, thanks, another language, a person, appointments."""

from __future__ import annotations

from rasa_sdk import Tracker

from actions.base import PlannedAction, Tools, ranking
from bot.conversations import acts, plans
from bot.messages import Plan

# action -> intent; a table, since each differs in nothing but its name.
_BY_ACTION = {
    "action_greet": "greet",
    "action_thank": "thank",
    "action_bye": "bye",
    "action_affirm": "affirm",
    "action_deny": "deny",
    "action_help": "what_can_you_do",
    "action_feedback": "feedback",
    "action_talk_to_person": "talk_to_person",
    "action_change_language": "change_language",
    "action_appointment_book": "book_appointment",
    "action_appointment_change": "change_appointment",
    "action_appointment_cancel": "cancel_appointment",
    "action_appointment_see": "see_appointment",
}


class ActAction(PlannedAction):
    def __init__(self, tools: Tools, action_name: str, intent: str) -> None:
        super().__init__(tools)
        self.action_name = action_name
        self._intent = intent

    def plan(self, tracker: Tracker) -> Plan:
        entities = tracker.latest_message.get("entities") or []
        return acts.act_unless_asked(self.tools.desk, self.asked(tracker), ranking(tracker), self._intent, entities)


class Emergency(PlannedAction):
    """The urgent lane catches emergencies before the engine; what only the pipeline takes for one gets the numbers."""

    action_name = "action_emergency"

    def plan(self, tracker: Tracker) -> Plan:
        return plans.maybe_urgent(acts.answer(self.tools.desk, self.asked(tracker), ranking(tracker)))


def act_actions(tools: Tools) -> list[PlannedAction]:
    acting: list[PlannedAction] = [ActAction(tools, name, intent) for name, intent in _BY_ACTION.items()]
    return [*acting, Emergency(tools)]
