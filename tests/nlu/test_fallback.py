"""When the classifier's word is taken."""

from __future__ import annotations

import pytest
from rasa.shared.nlu.training_data.message import Message

from bot.nlu.fallback import Fallback, Verdict, judge


def _ranking(**confidences: float) -> list[dict[str, object]]:
    return [{"name": name, "confidence": value} for name, value in confidences.items()]


@pytest.mark.parametrize(
    ("ranking", "verdict"),
    [
        (_ranking(greet=0.9, bye=0.1), Verdict.KNOWN),
        (_ranking(greet=0.3, bye=0.1), Verdict.WEAK),
        (_ranking(greet=0.45, bye=0.42), Verdict.AMBIGUOUS),
        (_ranking(ask_life=0.45, ask_community=0.42), Verdict.KNOWN),
        (_ranking(ask_life=0.25, ask_community=0.24, greet=0.1), Verdict.KNOWN),
        (_ranking(ask_life=0.2, greet=0.19, bye=0.18), Verdict.WEAK),
        (_ranking(ask_life=0.45, greet=0.42), Verdict.AMBIGUOUS),
        (_ranking(greet=0.5), Verdict.KNOWN),
    ],
)
def test_judgement(ranking: list[dict[str, object]], verdict: Verdict) -> None:
    assert judge(ranking, 0.35, 0.08) is verdict


def test_a_doubtful_intent_is_replaced_and_the_ranking_stays() -> None:
    ranking = _ranking(greet=0.3, bye=0.2)
    message = Message({"text": "?", "intent": ranking[0], "intent_ranking": ranking})
    Fallback(Fallback.get_default_config()).process([message])
    assert message.get("intent") == {"name": "nlu_fallback", "confidence": 0.7}
    assert message.get("intent_ranking") == ranking
