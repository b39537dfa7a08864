"""The words by which a resident stops reminders or has them again: data/wechat/words.yml."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from bot.channels.web.texts import read_yaml
from bot.channels.wechat.contents import text
from bot.errors import ContentError
from bot.languages import ANSWERED

WORDS_FILE = "words.yml"
# Nothing longer is nothing but one of the words; NFKC makes much of little, so the cap comes first.
_LONGEST = 60
# What an accent is to other letters, these are not to Unicode.
_LETTERS = str.maketrans({"đ": "d", "ı": "i", "ـ": ""})


class Wish(StrEnum):
    STOP = "stop"
    START = "start"


@dataclass(frozen=True)
class Wishes:
    """Each word as it is compared, and what it asks for."""

    folded: Mapping[str, Wish]

    @staticmethod
    def load(folder: Path) -> Wishes:
        """ContentError naming what is wrong in words.yml."""
        data = read_yaml(folder / WORDS_FILE)
        if not isinstance(data, dict) or set(data) != set(Wish):
            raise ContentError(f"{WORDS_FILE}: has {' and '.join(Wish)}, nothing else")
        words = {wish: _words(f"{WORDS_FILE}: {wish}", data[wish]) for wish in Wish}
        if words[Wish.STOP] & words[Wish.START]:
            raise ContentError(f"{WORDS_FILE}: a word stands for both wishes")
        return Wishes({word: wish for wish, own in words.items() for word in own})

    def reads_as(self, message: str) -> Wish | None:
        """The wish of a message that is nothing but one of the words, in whatever language."""
        return self.folded.get(_fold(message)) if len(message) <= _LONGEST else None


def _words(place: str, raw: Any) -> set[str]:
    if not isinstance(raw, dict) or set(raw) != set(ANSWERED):
        raise ContentError(f"{place}: must be there in exactly {', '.join(ANSWERED)}")
    return {word for language, given in raw.items() for word in _list(f"{place}: {language}", given)}


def _list(place: str, raw: Any) -> list[str]:
    if not isinstance(raw, list) or not raw:
        raise ContentError(f"{place}: must be a list of words")
    return [_word(place, word) for word in raw]


def _word(place: str, raw: Any) -> str:
    word = text(place, raw)
    if len(word) > _LONGEST or not _fold(word):
        raise ContentError(f"{place}: a word has letters, and {_LONGEST} characters at most")
    return _fold(word)


def _fold(message: str) -> str:
    """Letters and digits alone: one width, one case, no accents."""
    bare = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", message).casefold()).translate(_LETTERS)
    return "".join(character for character in bare if character.isalnum())
