"""Words for residents that an administrator writes, by language: of a switch, of a notice."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from bot.errors import Code, RequestError
from bot.languages import CODES

# The languages of the widget's own interface.
INTERFACE = ("zh", "en", "ja", "ko", "fr", "de", "es", "ru", "ar", "vi")
LONGEST = 1000


def checked_words(data: Any, required: Collection[str] = ()) -> dict[str, str]:
    """The words of a request, trimmed. RequestError naming the language that is unknown, empty, too long or missing."""
    if not isinstance(data, dict):
        raise RequestError(Code.BAD_FIELD, "words must be an object of languages and texts")
    words = {str(language): _checked(str(language), text) for language, text in data.items()}
    if absent := [language for language in required if language not in words]:
        raise RequestError(Code.BAD_FIELD, f"words are needed in {', '.join(absent)}")
    return words


def _checked(language: str, text: Any) -> str:
    if language not in CODES:
        raise RequestError(
            Code.BAD_FIELD, f"words: there is no language {language[:20]!r}; known are {', '.join(CODES)}"
        )
    if not isinstance(text, str) or not text.strip() or len(text) > LONGEST or not _storable(text):
        raise RequestError(Code.BAD_FIELD, f"words: {language} must be a text of 1 to {LONGEST} characters")
    return text.strip()


def _storable(text: str) -> bool:
    return "\x00" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def missing(words: Mapping[str, str]) -> list[str]:
    """The interface's languages that have none; their residents read English."""
    return [language for language in INTERFACE if language not in words]
