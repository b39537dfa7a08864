"""Visas, permits, registration, entry and exit."""

from __future__ import annotations

from actions.answers import AnswerAction


class AnswerImmigration(AnswerAction):
    action_name = "action_answer_immigration"
