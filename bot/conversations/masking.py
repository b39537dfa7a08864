"""Personal numbers are replaced before a text enters the sealed room, the logs or the training inbox. Pure.

The order matters: an e-mail holds digits, a Chinese ID looks like a bank card, a phone like part of either.
"""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum


class Personal(StrEnum):
    EMAIL = "EMAIL"
    CHINESE_ID = "CHINESE_ID"
    CARD = "CARD"
    PHONE = "PHONE"
    PASSPORT = "PASSPORT"


# What people put between digits.
_GAP = r"[ .\-‐-―·()]{0,2}"
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_CHINESE_ID = re.compile(
    r"(?<![0-9A-Za-z])\d{6}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?![0-9A-Za-z])"
)
_CARD = re.compile(rf"(?<!\d)\d(?:{_GAP}\d){{12,18}}(?!\d)")
# Eleven digits of a mainland mobile, or an international number; 12367, 110 and the like stay.
_PHONE = re.compile(rf"(?<![\d+])(?:\+?86{_GAP})?1[3-9]\d(?:{_GAP}\d){{8}}(?!\d)|(?<!\d)\+\d(?:{_GAP}\d){{7,14}}(?!\d)")
# One or two letters and seven to nine digits, or letters between digits as some countries write them.
_PASSPORT = re.compile(
    r"(?<![0-9A-Za-z])(?:[A-Za-z]{1,2}\d{7,9}|[A-Za-z]\d{2}[A-Za-z]{2}\d{4}|\d{2}[A-Za-z]{2}\d{5})(?![0-9A-Za-z])"
)
_PATTERNS = (
    (Personal.EMAIL, _EMAIL),
    (Personal.CHINESE_ID, _CHINESE_ID),
    (Personal.PHONE, _PHONE),
    (Personal.CARD, _CARD),
    (Personal.PASSPORT, _PASSPORT),
)
_JOINERS = "\u200c\u200d"  # part of the spelling between two letters of Persian, Hindi or Bengali
# The engine takes 4,000; what it reads beyond the first thousand is never an entity's, and its tracker stays small.
_ENGINE_CHARACTERS = 1000


def mask(text: str) -> str:
    """The text with e-mails, Chinese IDs, phones, bank cards and passport numbers replaced by ‹KIND›."""
    masked = visible(unicodedata.normalize("NFKC", text))
    for kind, pattern in _PATTERNS:
        masked = _replaced(masked, kind, pattern)
    return masked


def _replaced(text: str, kind: Personal, pattern: re.Pattern[str]) -> str:
    """Found in the digits of any script, replaced in the text as it is."""
    pieces, end = list[str](), 0
    for match in pattern.finditer(_western(text)):
        if kind is not Personal.CARD or _is_card(match[0]):
            pieces += [text[end : match.start()], f"‹{kind.value}›"]
            end = match.end()
    return "".join([*pieces, text[end:]])


def _western(text: str) -> str:
    """The same length, with ٣ and ३ as 3."""
    return "".join(str(unicodedata.decimal(c)) if not c.isascii() and c.isdecimal() else c for c in text)


def _is_card(found: str) -> bool:
    """Without gaps any long number counts; with gaps only one whose check digit is right: two dates are no card."""
    digits = [int(c) for c in found if c.isdigit()]
    if len(digits) == len(found):
        return True
    doubled = [d if place % 2 == 0 else sum(divmod(2 * d, 10)) for place, d in enumerate(reversed(digits))]
    return sum(doubled) % 10 == 0 or bool(re.fullmatch(r"(?:\d{4}[ -]){3}\d{1,7}(?:[ -]\d{1,4})?", found))


def visible(text: str) -> str:
    """Without the characters that cannot be seen, but for the joiners inside words."""
    kept = []
    for place, character in enumerate(text):
        if character in _JOINERS:
            if 0 < place < len(text) - 1 and text[place - 1].isalpha() and text[place + 1].isalpha():
                kept.append(character)
        elif character.isspace() or not _unseen(character):
            kept.append(character)
    return "".join(kept)


def _unseen(character: str) -> bool:
    if unicodedata.category(character) in ("Cf", "Cc", "Cs"):
        return True
    # Variation selectors and the grapheme joiner.
    return "\ufe00" <= character <= "\ufe0f" or character == "\u034f" or "\U000e0100" <= character <= "\U000e01ef"


def storable(text: str) -> str:
    """The text as written, but for what no database and no UTF-8 takes: NUL and lone surrogates."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "\ufffd")


def for_engine(text: str) -> str:
    """Masked, at most 1,000 characters, and beginning with something that Rasa does not obey as a command.

    Whatever stands before a slash without being seen is taken away with it: spaces, lone accents, control characters.
    """
    masked = unicodedata.normalize("NFKC", mask(text))
    start = 0
    while start < len(masked) and (masked[start] in "/\\" or unicodedata.category(masked[start])[0] in "CZM"):
        start += 1
    return masked[start : start + _ENGINE_CHARACTERS].strip() or "?"
