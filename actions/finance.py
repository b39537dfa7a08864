"""Payments, banks, tax, social insurance."""

from __future__ import annotations

from actions.answers import AnswerAction


class AnswerFinance(AnswerAction):
    action_name = "action_answer_finance"
