"""Last component: does the classifier know, or should the search answer alone?"""

from __future__ import annotations

from enum import Enum
from typing import Any, Dict, List, Mapping, Sequence

from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.shared.constants import DEFAULT_NLU_FALLBACK_INTENT_NAME
from rasa.shared.nlu.constants import INTENT, INTENT_NAME_KEY, INTENT_RANKING_KEY, PREDICTED_CONFIDENCE_KEY
from rasa.shared.nlu.training_data.message import Message

from bot.nlu.component import Component

AREA_PREFIX = "ask_"
Ranking = Sequence[Mapping[str, Any]]


class Verdict(str, Enum):
    """What to make of a ranking."""

    KNOWN = "known"
    WEAK = "weak"
    AMBIGUOUS = "ambiguous"


def judge(ranking: Ranking, threshold: float, margin: float) -> Verdict:
    """Two areas of knowledge close together are no doubt: the search decides the article, across all areas."""
    first, second = ranking[0], ranking[1] if len(ranking) > 1 else None
    area = is_area(first)
    if (areas_together(ranking) if area else first[PREDICTED_CONFIDENCE_KEY]) < threshold:
        return Verdict.WEAK
    if second is None or (area and is_area(second)):
        return Verdict.KNOWN
    gap = first[PREDICTED_CONFIDENCE_KEY] - second[PREDICTED_CONFIDENCE_KEY]
    return Verdict.KNOWN if gap >= margin else Verdict.AMBIGUOUS


def is_area(entry: Mapping[str, Any]) -> bool:
    """Whether a ranking's entry is a question about an area (`ask_medical`), not an act (`greet`)."""
    return str(entry[INTENT_NAME_KEY]).startswith(AREA_PREFIX)


def areas_together(ranking: Ranking) -> float:
    """How sure it is that this is a question about any area."""
    return float(sum(entry[PREDICTED_CONFIDENCE_KEY] for entry in ranking if is_area(entry)))


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=False)
class Fallback(Component):
    """Replaces a doubtful intent by `nlu_fallback`; the ranking stays as the classifier made it."""

    @staticmethod
    def get_default_config() -> Dict[str, Any]:
        """`threshold`: least confidence; `margin`: least distance between the two best."""
        return {"threshold": 0.35, "margin": 0.08}

    def process(self, messages: List[Message]) -> List[Message]:
        """Judge each message."""
        for message in messages:
            ranking = message.get(INTENT_RANKING_KEY) or []
            if not ranking or judge(ranking, self._config["threshold"], self._config["margin"]) is not Verdict.KNOWN:
                _fall_back(message, ranking)
        return messages


def _fall_back(message: Message, ranking: Ranking) -> None:
    doubt = 1.0 - (ranking[0][PREDICTED_CONFIDENCE_KEY] if ranking else 0.0)
    intent = {INTENT_NAME_KEY: DEFAULT_NLU_FALLBACK_INTENT_NAME, PREDICTED_CONFIDENCE_KEY: round(doubt, 4)}
    message.set(INTENT, intent, add_to_output=True)
