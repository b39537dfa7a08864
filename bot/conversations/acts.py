"""From an intent to a plan: what the custom actions return, and what the search alone does when the engine is down."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bot.conversations import plans
from bot.conversations.inflight import Asked
from bot.conversations.plans import Appointment
from bot.knowledge.desk import Desk
from bot.knowledge.search import Decision, Verdict, decide
from bot.messages import Plan

_PERSON = "talk_to_person"
_SIMPLE: dict[str, Callable[[], Plan]] = {
    "greet": plans.greet,
    "thank": lambda: plans.say("thank"),
    "bye": lambda: plans.say("bye"),
    "affirm": lambda: plans.say("affirm"),
    "deny": lambda: plans.say("deny"),
    "what_can_you_do": plans.help_,
    "feedback": lambda: plans.say("feedback"),
    _PERSON: plans.person,
    "book_appointment": lambda: plans.appointment(Appointment.BOOK),
    "change_appointment": lambda: plans.appointment(Appointment.CHANGE),
    "cancel_appointment": lambda: plans.appointment(Appointment.CANCEL),
    "see_appointment": lambda: plans.appointment(Appointment.SEE),
}
ACTS: frozenset[str] = frozenset({*_SIMPLE, "change_language"})


def answer(desk: Desk, asked: Asked, ranking: Mapping[str, float] | None) -> Plan:
    """Answer a question from the knowledge base."""
    return plans.from_search(_decision(desk, asked, ranking))


def _decision(desk: Desk, asked: Asked, ranking: Mapping[str, float] | None) -> Decision:
    if asked.found is not None:
        return decide(asked.found, desk.thresholds)
    return desk.decide(asked.text, asked.vector, ranking)


def act(intent: str, entities: Sequence[Mapping[str, Any]] = ()) -> Plan:
    """What to say to an act that is no question. KeyError for an intent that is none."""
    if intent == "change_language":
        codes = [str(entity["value"]) for entity in entities if entity.get("entity") == "language"]
        return plans.change_language(codes[-1] if codes else None)
    return _SIMPLE[intent]()


def act_unless_asked(
    desk: Desk,
    asked: Asked,
    ranking: Mapping[str, float],
    intent: str,
    entities: Sequence[Mapping[str, Any]],
) -> Plan:
    """An act of the pipeline, unless the index is sure of an article and sees no act: it was a question after all."""
    decision = _decision(desk, asked, ranking)
    if decision.verdict is Verdict.ANSWER and decision.found.act is None:
        return plans.from_search(decision)
    return act(intent, entities)


def alone(desk: Desk, asked: Asked) -> Plan:
    """Without the engine: the index knows the acts too, so that a wish for a person is still understood."""
    decision = _decision(desk, asked, None)
    seen = decision.found.act
    # Whoever wants a person is not given an article instead, however well it fits.
    if seen == _PERSON or (seen in _SIMPLE and decision.verdict is not Verdict.ANSWER):
        return act(seen)
    return plans.from_search(decision)
