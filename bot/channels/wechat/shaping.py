"""What was said, as bubbles: messages through form.py, and the wish to rate it under a talk with a person."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.channels.wechat import form
from bot.channels.wechat.form import Bubble, Option
from bot.languages import answer_language
from bot.locales import Locales
from bot.messages import Answer

# The events that end a talk with a person.
ENDS = frozenset({"event_ended", "event_idle_ended"})
_MOST_STARS = 5
# No reply has so many messages: the place tells a rating from a button.
_PLACE = 99
_RATING = re.compile(rf"b[0-9]{{1,9}}\.{_PLACE}\.([1-{_MOST_STARS}])")


@dataclass(frozen=True)
class Shaper:
    locales: Locales

    def bubbles(self, answer: Answer, machine: bool, awaited: bool) -> Sequence[Bubble]:
        """`machine`: no person wrote it; `awaited`: it answers something."""
        return form.bubbles(answer, locales=self.locales, machine=machine, answer=awaited)

    def rating(self, seq: int, language: str) -> Bubble:
        """One to five stars to choose from, under the message with this number."""
        payloads = [f"b{seq}.{_PLACE}.{stars}" for stars in range(1, _MOST_STARS + 1)]
        options = tuple(Option(form.option_id(payload), stars_of(payload), payload) for payload in payloads)
        lang = answer_language(language)
        return Bubble(self.locales.text(lang, "wechat_rate"), lang, options, machine=True, answer=False)


def stars(payload: str) -> int | None:
    """How many stars an option of a rating gives; None for any other option."""
    found = _RATING.fullmatch(payload)
    return int(found[1]) if found is not None else None


def stars_of(payload: str) -> str:
    given = stars(payload) or 0
    return "★" * given + "☆" * (_MOST_STARS - given)
