"""All actions by one list, as the executor takes them."""

from __future__ import annotations

from rasa_sdk.executor import ActionExecutor

from actions.answers import AnswerAny
from actions.base import PlannedAction, Tools
from actions.community import AnswerCommunity
from actions.conversation import act_actions
from actions.education import AnswerEducation
from actions.finance import AnswerFinance
from actions.immigration import AnswerImmigration
from actions.life import AnswerLife
from actions.medical import AnswerMedical

_ANSWERS: tuple[type[PlannedAction], ...] = (
    AnswerImmigration,
    AnswerMedical,
    AnswerFinance,
    AnswerCommunity,
    AnswerLife,
    AnswerEducation,
    AnswerAny,
)


def make_executor(tools: Tools) -> ActionExecutor:
    executor = ActionExecutor()
    for action in [*(kind(tools) for kind in _ANSWERS), *act_actions(tools)]:
        executor.register_action(action)
    return executor
