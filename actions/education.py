"""Schools, kindergartens, universities, language classes."""

from __future__ import annotations

from actions.answers import AnswerAction


class AnswerEducation(AnswerAction):
    action_name = "action_answer_education"
