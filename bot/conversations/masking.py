"""Personal numbers are replaced before a text enters the sealed room, the logs or the training inbox. Pure.

The order matters: an e-mail holds digits, a Chinese ID looks like a bank card, a phone like part of either.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from bot.errors import ContentError
from bot.settings import ROOT

FILE = ROOT / "data" / "masking.yml"


class Personal(StrEnum):
    EMAIL = "EMAIL"
    IBAN = "IBAN"
    CHINESE_ID = "CHINESE_ID"
    PERMIT = "PERMIT"
    PHONE = "PHONE"
    CARD = "CARD"
    PASSPORT = "PASSPORT"
    NUMBER = "NUMBER"


@dataclass(frozen=True)
class Found:
    """Where something personal stands: characters [start, end) of the text."""

    kind: Personal
    start: int
    end: int


@dataclass(frozen=True)
class Finder:
    """One pattern; what it matches counts when `sure` says so. A group `value` narrows it down."""

    kind: Personal
    pattern: re.Pattern[str]
    sure: Callable[[str], bool] = lambda _found: True


@dataclass(frozen=True)
class Rules:
    """The lists of data/masking.yml: `allowed` matches what is left alone, `denied` comes before our own patterns."""

    allowed: re.Pattern[str] | None = None
    denied: tuple[Finder, ...] = ()


# What people put between digits.
_GAP = r"[ .\-‐-―·()]{0,2}"
# Bounded: a run of 4,000 letters before an @ would otherwise be tried from each of them to its end.
_EMAIL = re.compile(r"[\w.+-]{1,64}(?:@| ?[\[(](?:at|@)[\])] ?)[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}", re.IGNORECASE)
_IBAN = re.compile(
    r"(?<![0-9A-Za-z])[A-Z]{2}\d{2}(?:[ -]?[0-9A-Z]{4}){2,7}(?:[ -]?[0-9A-Z]{1,4})?(?![0-9A-Za-z])", re.I
)
_CHINESE_ID = re.compile(
    r"(?<![0-9A-Za-z])\d{6}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?![0-9A-Za-z])"
)
_SPACED_CHINESE_ID = re.compile(rf"(?<![0-9A-Za-z])\d(?:{_GAP}\d){{16}}{_GAP}[\dXx](?![0-9A-Za-z])")
_CARD = re.compile(rf"(?<!\d)\d(?:{_GAP}\d){{12,18}}(?!\d)")
# Eleven digits of a mainland mobile, or an international number; 12367, 110 and the like stay.
_PHONE = re.compile(
    rf"(?<![\d+])(?:(?:\+|00)?86{_GAP})?1[3-9]\d(?:{_GAP}\d){{8}}(?!\d)|(?<!\d)(?:\+|00[1-9])\d(?:{_GAP}\d){{7,14}}(?!\d)"
)
# As people write their number at home: with the 0 in front, but no date; or as North America, India and Russia do.
_HOME_PHONE = re.compile(
    rf"(?<![\d.,+])(?!\d{{1,2}}[. -]\d{{1,2}}[. -](?:19|20)\d\d)\(?0[1-9](?:{_GAP}\d){{8,11}}(?!\d)"
    r"|(?<![\d.,+-])(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[ .-])[2-9]\d{2}[ .-]\d{4}(?![\d-])"
    r"|(?<![\d.,+-])[6-9]\d{4}[ -]?\d{5}(?![\d-])"
    r"|(?<![\d.,+-])8[ -]?\(?9\d{2}\)?[ -]?\d{3}[ -]?\d{2}[ -]?\d{2}(?![\d-])"
)
# One or two letters and seven to nine digits, or letters between digits as some countries write them.
_PASSPORT = re.compile(
    r"(?<![0-9A-Za-z])(?:[A-Za-z]{1,2}\d{7,9}|[A-Za-z]\d{2}[A-Za-z]{2}\d{4}|\d{2}[A-Za-z]{2}\d{5})(?![0-9A-Za-z])"
)
_JOINERS = "\u200c\u200d"  # part of the spelling between two letters of Persian, Hindi or Bengali
# Stands for what was found while the rest is searched: no part of any pattern.
_HOLE = "‹"
# The engine takes 4,000; what it reads beyond the first thousand is never an entity's, and its tracker stays small.
_ENGINE_CHARACTERS = 1000
_LONGEST_PATTERN = 300


def mask(text: str, rules: Rules | None = None) -> str:
    """The text with what is personal replaced by ‹KIND›; `rules` are those of data/masking.yml unless given."""
    plain = _plain(text)
    pieces, end = list[str](), 0
    for found in find(plain, rules):
        pieces += [plain[end : found.start], f"‹{found.kind.value}›"]
        end = found.end
    return "".join([*pieces, plain[end:]])


def find(plain: str, rules: Rules | None = None) -> list[Found]:
    """What is personal in a text that is in NFKC and without invisible characters, in order."""
    rules = default_rules() if rules is None else rules
    searched = _western(plain)
    has_digits = any(c.isdigit() for c in searched)
    finders = (*rules.denied, *(_OWN if has_digits else _WITHOUT_DIGITS))
    found = list[Found]()
    for finder in finders:
        for start, end in _places(finder, searched, rules.allowed):
            found.append(Found(finder.kind, start, end))
            searched = searched[:start] + _HOLE * (end - start) + searched[end:]
    return sorted(found, key=lambda one: one.start)


def is_personal(text: str) -> bool:
    """Whether masking would hide something: the conversation is an identified one from then on."""
    return bool(find(_plain(text)))


def locate(text: str, rules: Rules | None = None) -> list[Found]:
    """As `find`, in the characters of the text as it was written."""
    plain, origin = _traced(text)
    return [Found(one.kind, origin[one.start][0], origin[one.end - 1][1]) for one in find(plain, rules)]


def _places(finder: Finder, searched: str, allowed: re.Pattern[str] | None) -> Iterator[tuple[int, int]]:
    """Where in the digits of any script; replaced in the text as it is."""
    group: str | int = "value" if "value" in finder.pattern.groupindex else 0
    for match in finder.pattern.finditer(searched):
        hit = match[group]
        if hit and _HOLE not in hit and finder.sure(hit) and not (allowed and allowed.fullmatch(hit.strip())):
            yield match.span(group)


def _plain(text: str) -> str:
    return visible(unicodedata.normalize("NFKC", text))


def _traced(text: str) -> tuple[str, list[tuple[int, int]]]:
    """The plain text, and for each of its characters the place [start, end) in the written text."""
    plain, origin = list[str](), list[tuple[int, int]]()
    for start, end in _clusters(text):
        for character in unicodedata.normalize("NFKC", text[start:end]):
            plain.append(character)
            origin.append((start, end))
    kept = _kept("".join(plain))
    return "".join(plain[place] for place in kept), [origin[place] for place in kept]


def _clusters(text: str) -> Iterator[tuple[int, int]]:
    """The smallest pieces that NFKC treats by themselves."""
    start = 0
    for place in range(1, len(text) + 1):
        if place == len(text) or not _joins(text[place - 1], text[place]):
            yield start, place
            start = place


def _joins(before: str, after: str) -> bool:
    if before.isascii() and after.isascii():
        return False
    whole = unicodedata.normalize("NFKC", before + after)
    apart = unicodedata.normalize("NFKC", before) + unicodedata.normalize("NFKC", after)
    return unicodedata.combining(after) != 0 or whole != apart


@cache
def _digit(character: str) -> str:
    return str(unicodedata.decimal(character)) if character.isdecimal() else character


def _western(text: str) -> str:
    """The same length, with ٣ and ३ as 3."""
    return text if text.isascii() else "".join(c if c.isascii() else _digit(c) for c in text)


def _is_card(found: str) -> bool:
    """Without gaps any long number counts; with gaps only one whose check digit is right: two dates are no card."""
    digits = [int(c) for c in found if c.isdigit()]
    if len(digits) == len(found):
        return True
    doubled = [d if place % 2 == 0 else sum(divmod(2 * d, 10)) for place, d in enumerate(reversed(digits))]
    return sum(doubled) % 10 == 0 or bool(re.fullmatch(r"(?:\d{4}[ -]){3}\d{1,7}(?:[ -]\d{1,4})?", found))


def _is_chinese_id(found: str) -> bool:
    """With gaps only one whose date and check digit are right (GB 11643: ISO 7064, MOD 11-2)."""
    bare = "".join(c for c in found if c.isalnum()).upper()
    if not _CHINESE_ID.fullmatch(bare):
        return False
    total = sum(int(digit) * (2 ** (17 - place) % 11) for place, digit in enumerate(bare[:17]))
    return bare[17] == "10X98765432"[total % 11]


def _is_iban(found: str) -> bool:
    """ISO 7064, MOD 97-10."""
    bare = "".join(c for c in found if c.isalnum()).upper()
    return 15 <= len(bare) <= 34 and int("".join(str(int(c, 36)) for c in bare[4:] + bare[:4])) % 97 == 1


_WITHOUT_DIGITS = (Finder(Personal.EMAIL, _EMAIL),)
_OWN = (
    *_WITHOUT_DIGITS,
    Finder(Personal.IBAN, _IBAN, _is_iban),
    Finder(Personal.CHINESE_ID, _CHINESE_ID),
    Finder(Personal.CHINESE_ID, _SPACED_CHINESE_ID, _is_chinese_id),
    Finder(Personal.PHONE, _PHONE),
    Finder(Personal.CARD, _CARD, _is_card),
    Finder(Personal.PHONE, _HOME_PHONE),
    Finder(Personal.PASSPORT, _PASSPORT),
)


@cache
def default_rules() -> Rules:
    """Those of data/masking.yml. Raises ContentError."""
    return load_rules(FILE)


def load_rules(path: Path) -> Rules:
    """Read the two lists. ContentError names what is wrong with them."""
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ContentError(f"{path.name}: cannot be read ({type(error).__name__})") from error
    allow, deny = _member(path, data, "allow", dict), _member(path, data, "deny", list)
    numbers, patterns = _member(path, allow, "numbers", list), _member(path, allow, "patterns", list)
    return Rules(_allowed(path, numbers, patterns), tuple(_denied(path, entry) for entry in deny))


def _member(path: Path, data: Any, name: str, kind: type) -> Any:
    value = (data or {}).get(name, kind()) if isinstance(data, dict | None) else None
    if not isinstance(value, kind):
        raise ContentError(f"{path.name}: {name} must be a {'list' if kind is list else 'mapping'}")
    return value


def _allowed(path: Path, numbers: Sequence[Any], patterns: Sequence[Any]) -> re.Pattern[str] | None:
    """One pattern for a text that consists of allowed numbers only."""
    for number in numbers:
        if not isinstance(number, str) or not re.fullmatch(r"[\d .-]*\d[\d .-]*", number):
            raise ContentError(f"{path.name}: allow: a number in quotation marks, not {number!r}")
    own = [_GAP.join(c for c in number if c.isdigit()) for number in numbers]
    own += [_compiled(path, pattern).pattern for pattern in patterns]
    if not own:
        return None
    one = "|".join(f"(?:{pattern})" for pattern in own)
    return re.compile(rf"(?:(?:\+|00)?86{_GAP})?(?:{one})(?:[ ,;/]+(?:{one}))*", re.IGNORECASE)


def _denied(path: Path, entry: Any) -> Finder:
    if not isinstance(entry, dict) or set(entry) != {"kind", "pattern"} or entry["kind"] not in list(Personal):
        raise ContentError(f"{path.name}: deny: an entry has a pattern and a kind, one of {', '.join(Personal)}")
    return Finder(Personal(entry["kind"]), _compiled(path, entry["pattern"]))


def _compiled(path: Path, pattern: Any) -> re.Pattern[str]:
    try:
        compiled = re.compile(pattern, re.IGNORECASE)
    except (re.error, TypeError) as error:
        raise ContentError(f"{path.name}: not a regular expression: {pattern!r}") from error
    if len(pattern) > _LONGEST_PATTERN or compiled.fullmatch(""):
        raise ContentError(f"{path.name}: a pattern that is too long or matches nothing at all: {pattern!r}")
    return compiled


def visible(text: str) -> str:
    """Without the characters that cannot be seen, but for the joiners inside words."""
    return text if text.isascii() and text.isprintable() else "".join(text[place] for place in _kept(text))


def _kept(text: str) -> list[int]:
    kept = []
    for place, character in enumerate(text):
        if character in _JOINERS:
            if 0 < place < len(text) - 1 and text[place - 1].isalpha() and text[place + 1].isalpha():
                kept.append(place)
        elif character.isspace() or not _unseen(character):
            kept.append(place)
    return kept


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
