"""What somebody means by a text: a number from the list, a word for reminders, a code, a phone number, or just words.

Pure. The platform's own id of a tapped item is not always told, so the label and the number count too.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.channels.wechat.form import payload_of
from bot.channels.wechat.packing import typed_number
from bot.channels.wechat.people import Person
from bot.channels.wechat.pushes import Text
from bot.channels.wechat.wishes import Wish, Wishes
from bot.conversations import transfers

# The number that fetches what is still held back.
GO_ON = 1
_MOST_ID = 10**13
_CODE = re.compile(r"\w{4}([-\s]?)\w{4}\1\w{2}")
_EMAIL = re.compile(r"[^\s@<>,;:]+@[^\s@<>,;:]+\.[A-Za-z]{2,}")
_PHONE = re.compile(r"(?<![\w.])\+?[0-9][0-9 ().\-]{5,24}[0-9](?![\w])")
_DASHES = re.compile(r"[\u2010-\u2015\u2212\ufe63\uff0d]")


@dataclass(frozen=True)
class GoOn:
    """Read on."""


@dataclass(frozen=True)
class Pressed:
    """An option; `current`: it belongs to the list that was shown last, and a late tap must not do a thing twice."""

    payload: str
    title: str
    current: bool


@dataclass(frozen=True)
class Code:
    """A conversation from elsewhere is to be gone on with."""

    written: str = field(repr=False)


@dataclass(frozen=True)
class Reachable:
    """A phone number or an address, after one was asked for."""

    contact: str
    value: str = field(repr=False)


@dataclass(frozen=True)
class Words:
    """Anything else."""


Meaning = GoOn | Pressed | Wish | Code | Reachable | Words


def read(push: Text, person: Person | None, wishes: Wishes, *, held: bool) -> Meaning:
    """`held`: something is still waiting to be sent to the person."""
    options = person.options if person is not None else ()
    pressed = _tapped(push, options) or _numbered(push.content, options)
    if pressed is not None:
        return pressed
    if held and typed_number(push.content) == GO_ON:
        return GoOn()
    wish = wishes.reads_as(push.content)
    if wish is not None:
        return wish
    if _is_code(push.content):
        return Code(push.content)
    if person is not None and person.awaits_contact:
        return _contact(push.content) or Words()
    return Words()


def _tapped(push: Text, options: Sequence[tuple[int, str, str]]) -> Pressed | None:
    if push.menu_id is None:
        return None
    for number, title, payload in options:
        if push.menu_id == str(number) or push.content.strip() == title:
            return Pressed(payload, title, current=True)
    if push.menu_id.isascii() and push.menu_id.isdecimal() and 0 < int(push.menu_id[:14]) < _MOST_ID:
        return Pressed(payload_of(int(push.menu_id)), push.content, current=False)
    return None


def _numbered(content: str, options: Sequence[tuple[int, str, str]]) -> Pressed | None:
    number = typed_number(content)
    if number is None or not 1 <= number <= len(options):
        return _labelled(content, options)
    _, title, payload = options[number - 1]
    return Pressed(payload, title, current=True)


def _labelled(content: str, options: Sequence[tuple[int, str, str]]) -> Pressed | None:
    """Somebody writes the words of an option instead of its number."""
    written = _folded(content)
    for _, title, payload in options:
        if written and _folded(title) == written:
            return Pressed(payload, title, current=True)
    return None


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _is_code(content: str) -> bool:
    """Ten letters alone could be a word, ten digits a phone number; with hyphens, or both, they are neither."""
    text = _DASHES.sub("-", unicodedata.normalize("NFKC", content)).strip()
    found = _CODE.fullmatch(text)
    if found is None or transfers.read(text) is None:
        return False
    return found[1] == "-" or (any(c.isdigit() for c in text) and any(c.isalpha() for c in text))


def _contact(content: str) -> Reachable | None:
    text = unicodedata.normalize("NFKC", content)
    text = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text)
    if (email := _EMAIL.search(text)) is not None:
        return Reachable("email", email[0].rstrip("."))
    if (phone := _PHONE.search(text)) is not None:
        return Reachable("phone", phone[0].strip())
    return None
