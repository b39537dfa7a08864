"""Answers from the knowledge base, one action a service area."""

from __future__ import annotations

from rasa_sdk import Tracker

from actions.base import PlannedAction, ranking
from bot.conversations import acts
from bot.messages import Plan


class AnswerAction(PlannedAction):
    """Search with the pipeline's ranking of areas as a prior: a question near two areas may be answered from either."""

    def plan(self, tracker: Tracker) -> Plan:
        return acts.answer(self.tools.desk, self.asked(tracker), ranking(tracker))


class AnswerAny(AnswerAction):
    """No area stood out (fallback), or the pipeline saw none: the search still decides, with what the ranking says."""

    action_name = "action_answer_any"
