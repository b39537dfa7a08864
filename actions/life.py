"""Housing, transport, utilities, deliveries, driving."""

from __future__ import annotations

from actions.answers import AnswerAction


class AnswerLife(AnswerAction):
    action_name = "action_answer_life"
