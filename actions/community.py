"""Community rules, service stations, the residents' convention, volunteering, hotlines."""

from __future__ import annotations

from actions.answers import AnswerAction


class AnswerCommunity(AnswerAction):
    action_name = "action_answer_community"
