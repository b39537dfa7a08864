"""Bubbles become messages, as few as can be, because WeChat counts them; and a typed number is read. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from bot.channels.wechat.form import Bubble, Option, needed
from bot.channels.wechat.split import LIMIT, PART_LIMIT, size

_BETWEEN: Final = "\n\n"

_HAN: Final = {word: number for number, word in enumerate("一二三四五六七八九十", 1)}
# A phone's own keys for numbers end with one of these.
_KEYCAP = str.maketrans({"\ufe0f": "", "\u20e3": "", "🔟": "10"})
_NUMBER = re.compile(
    r"(?:[#(\[]|第|选择?|我选|回复|no\.?|n[°o]\.?|number|num[eé]ro|option|le|s[oố]|رقم|الرقم)?\s*"
    r"(?:(?P<digits>[0-9]{1,2})|(?P<han>[一二三四五六七八九十]))"
    r"\s*(?:个|项|号|条)?\s*[.,:;!)\]。、،]{0,2}"
)
_LONGEST: Final = 16


@dataclass(frozen=True)
class Message:
    """What is sent as one, with `taken` bubbles in it. `more`: others stay behind, and its end should say so."""

    text: str
    language: str
    options: tuple[Option, ...]
    machine: bool
    taken: int
    more: bool = False


def pack(bubbles: Sequence[Bubble], limit: int = LIMIT) -> list[tuple[Bubble, ...]]:
    """In order, each once, as few messages as can be. A machine's words and a person's stay apart; options end one."""
    messages: list[tuple[Bubble, ...]] = []
    for bubble in bubbles:
        if messages and _together([*messages[-1], bubble], limit):
            messages[-1] = (*messages[-1], bubble)
        else:
            messages.append((bubble,))
    return messages


def fitted(bubbles: Sequence[Bubble], allowed: int, limit: int = LIMIT) -> tuple[list[Message], int]:
    """At most `allowed` messages, and how many bubbles stay behind.

    The last one is marked with `more` then, unless its own options are numbers or it is full.
    """
    packed = pack(bubbles, limit)
    sent = packed[: max(0, allowed)]
    if sent and len(sent) < len(packed):
        sent[-1] = _with_room(sent[-1])
    messages = [_message(group) for group in sent]
    rest = len(bubbles) - sum(message.taken for message in messages)
    if messages and rest and _has_room(sent[-1]):
        messages[-1] = replace(messages[-1], more=True)
    return messages, rest


def typed_number(text: str) -> int | None:
    """The number that somebody typed to choose, from 1 to 99: "2", "２。", "②", "(2)", "٢", "2️⃣", "第二个"."""
    if len(text.strip()) > _LONGEST:
        return None
    folded = unicodedata.normalize("NFKC", text.translate(_KEYCAP)).casefold()
    found = _NUMBER.fullmatch("".join(map(_digits, folded)).strip())
    if found is None:
        return None
    number = int(found["digits"]) if found["digits"] else _HAN[found["han"]]
    return number or None


def _together(group: Sequence[Bubble], limit: int) -> bool:
    *before, last = group
    alike = all(bubble.machine is last.machine and not bubble.options for bubble in before)
    return alike and needed(_joined(group), last.options) <= limit


def _with_room(group: tuple[Bubble, ...]) -> tuple[Bubble, ...]:
    """As many of the bubbles as leave room for saying that more follow; all when even the first alone does not."""
    return next((group[:count] for count in range(len(group), 0, -1) if _has_room(group[:count])), group)


def _has_room(group: Sequence[Bubble]) -> bool:
    return not group[-1].options and size(_joined(group)) <= PART_LIMIT


def _message(group: Sequence[Bubble]) -> Message:
    last = group[-1]
    return Message(_joined(group), last.language, last.options, last.machine, len(group))


def _joined(group: Sequence[Bubble]) -> str:
    return _BETWEEN.join(bubble.text for bubble in group if bubble.text)


def _digits(character: str) -> str:
    """Digits of all scripts as ours; marks of direction as nothing."""
    match unicodedata.category(character):
        case "Cf":
            return ""
        case "Nd" | "No" if (value := unicodedata.numeric(character)).is_integer():
            return str(int(value))
        case _:
            return character
