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


_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_CHINESE_ID = re.compile(
    r"(?<![0-9A-Za-z])\d{6}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?![0-9A-Za-z])"
)
_CARD = re.compile(r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)")
# Eleven digits of a mainland mobile, or an international number; 12367, 110 and the like stay.
_PHONE = re.compile(r"(?<![\d+])(?:\+?86[ -]?)?1[3-9]\d(?:[ -]?\d){8}(?!\d)|\+\d(?:[ -]?\d){7,14}(?!\d)")
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
_INVISIBLE = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


def mask(text: str) -> str:
    """The text with e-mails, Chinese IDs, phones, bank cards and passport numbers replaced by ‹KIND›."""
    masked = unicodedata.normalize("NFKC", text)
    for kind, pattern in _PATTERNS:
        masked = pattern.sub(f"‹{kind.value}›", masked)
    return masked


def storable(text: str) -> str:
    """The text as written, but for what no database and no UTF-8 takes: NUL and lone surrogates."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "\ufffd")


def for_engine(text: str) -> str:
    """Masked, without invisible characters and without a leading slash: Rasa obeys `/restart` as a command."""
    visible = _INVISIBLE.sub("", mask(text)).strip()
    # Some characters only become a slash or a space by NFKC, which `mask` has applied.
    while visible[:1] in ("/", "\\"):
        visible = visible[1:].strip()
    return visible or "?"
