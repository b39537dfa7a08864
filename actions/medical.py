"""Doctors, hospitals, medicines, insurance."""

from __future__ import annotations

from actions.answers import AnswerAction


class AnswerMedical(AnswerAction):
    action_name = "action_answer_medical"
