"""The words of dates: a language's table, and a text cut into tokens by it. Pure but for `load`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from bot.errors import ContentError


class Scan(StrEnum):
    """Where a word may stand: between spaces, at the start of a run of letters (Korean), or anywhere (Chinese)."""

    WORDS = "words"
    STARTS = "starts"
    FREE = "free"


class Token(NamedTuple):
    """`kind` is one letter, so that the rules of `dates` are patterns over a string of kinds."""

    kind: str
    value: Any = None


@dataclass(frozen=True)
class Table:
    """`order` is what comes first in 3/4: day, month or either. `following`: "next Tuesday" is never this week's."""

    language: str
    scan: Scan
    order: str
    dots: bool
    following: bool
    strict_accents: bool
    prefixes: tuple[str, ...]
    words: Mapping[str, tuple[Token, ...]]
    longest: int

    def without_short(self) -> Table:
        """For lending to another language, where a short word may mean something else ("mon mari")."""
        kept = {word: tokens for word, tokens in self.words.items() if len(word) > 4 and tokens[0].kind not in "xz"}
        return replace(self, words=kept)


UNKNOWN = "x"
GLUE = "z"
# What the keys of a table become. A plain list of words gives a token without a value.
_LISTS = {
    "this": "t",
    "coming": "c",
    "last": "l",
    "one": "i",
    "in": "a",
    "later": "r",
    "hour": "h",
    "minute": "m",
    "at": "@",
    "day_before": "d",
    "day_after": "D",
    "month_before": "G",
    "month_after": "g",
    "year": "y",
    "to": "-",
    "not_before": "!",
    "not_after": "?",
    "soon": "s",
    "any": "*",
    "lunar": "L",
    "hijri": "J",
    "no_day_before": "X",
    "no_day_after": "Z",
    "glue": GLUE,
}
# A mapping of a value to words gives a token with that value.
_MAPS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "days": ("B", int),
    "weekdays": ("W", int),
    "weak_weekdays": ("v", int),
    "weeks": ("K", int),
    "weekends": ("E", int),
    "months": ("M", int),
    "weak_months": ("b", int),
    "month_spans": ("S", int),
    "next": ("n", int),
    "numbers": ("N", int),
    "ordinals": ("O", int),
    "parts": ("P", str),
    "half_days": ("A", str),
    "minutes_after": ("H", int),
    "minutes_before": ("q", int),
}
_SETTINGS = {"language", "scan", "order", "dots", "next_weekday", "accents", "prefixes"}
_SPECIAL = {"parted_days", "week_tails", "units", "hour_parts"}


def load(folder: Path, language: str) -> Table:
    """ContentError for a file that is not as it should be."""
    path = folder / f"{language}.yml"
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CBaseLoader)  # noqa: S506
        return table(data)
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise ContentError(f"booking/dates/{path.name}: {str(error).splitlines()[0]}") from error


def table(data: Mapping[str, Any]) -> Table:
    unknown = set(data) - set(_LISTS) - set(_MAPS) - _SETTINGS - _SPECIAL
    if unknown:
        raise ValueError(f"unknown keys {sorted(unknown)}")
    strict = data["accents"] == "strict"
    words: dict[str, tuple[Token, ...]] = {}
    entries = list(_entries(data))
    for phrase, tokens in entries:  # what is written out goes before what another word becomes without its accents
        words.setdefault(normal(phrase.removesuffix("!"), strict), tokens)
    for phrase, tokens in entries:
        for form in _forms(phrase, strict):
            words.setdefault(form, tokens)
    return Table(
        language=data["language"],
        scan=Scan(data["scan"]),
        order=data["order"],
        dots=data["dots"] == "yes",
        following=data["next_weekday"] == "following_week",
        strict_accents=strict,
        prefixes=tuple(normal(prefix, strict) for prefix in data.get("prefixes", ())),
        words=words,
        longest=max(map(len, words)),
    )


def _entries(data: Mapping[str, Any]) -> Iterator[tuple[str, tuple[Token, ...]]]:
    for key, kind in _LISTS.items():
        yield from ((phrase, (Token(kind),)) for phrase in data.get(key, ()))
    for key, (kind, read) in _MAPS.items():
        for value, phrases in data.get(key, {}).items():
            yield from ((phrase, (Token(kind, read(value)),)) for phrase in phrases)
    yield from _special(data)


def _special(data: Mapping[str, Any]) -> Iterator[tuple[str, tuple[Token, ...]]]:
    for value, phrases in data.get("parted_days", {}).items():
        offset, part = value.split()
        yield from ((phrase, (Token("B", int(offset)), Token("P", part))) for phrase in phrases)
    for part, phrases in data.get("hour_parts", {}).items():
        yield from ((phrase, (Token("h"), Token("P", part))) for phrase in phrases)
    for value, phrases in data.get("units", {}).items():
        count, unit = value.split()
        yield from ((phrase, (Token("u", (int(count), unit)),)) for phrase in phrases)
    for (week, stems), (day, tails) in product(data.get("weeks", {}).items(), data.get("week_tails", {}).items()):
        yield from ((stem + tail, (Token("w", (int(week), int(day))),)) for stem, tail in product(stems, tails))


_LONG_ENOUGH = 6  # a shorter phrase without its spaces may be another word
_LATIN = "\u10ff"


def _forms(phrase: str, strict: bool) -> Iterator[str]:
    """As written, without accents, with ä as ae, and without the spaces. A phrase that ends in ! keeps its accents."""
    exact = phrase.removesuffix("!")
    spread = exact.translate({ord("ä"): "ae", ord("ö"): "oe", ord("ü"): "ue"})
    if not strict:
        forms = [normal(exact, strict), normal(spread, strict)]
    elif exact != phrase:
        forms = [normal(exact, strict)]
    else:
        forms = [" ".join(each) for each in product(*({word, bare(word)} for word in normal(exact, strict).split()))]
    for form in forms:
        yield form
        if len(form) > _LONG_ENOUGH or form[0] > _LATIN:
            yield form.replace(" ", "")


# A hyphen or an apostrophe inside a word (après-midi, 12-го); between two numbers, or in Chinese, it means "to".
_JOINED = re.compile(r"(?<=[a-z\u00c0-\u06ff])[-'’‘ʼ`´](?=[a-z\d\u00c0-\u06ff])|(?<=\d)[-'’](?=[a-z\u00c0-\u06ff])")
_SPACES = re.compile(r"\s+")
# Letters of these scripts carry marks that people leave out; a Japanese or Korean letter is not a letter with a mark.
_LAST_WITH_MARKS = 0x06FF


def bare(text: str) -> str:
    """Without accents, hamzas and vowel signs."""
    return "".join(map(_bare_letter, text)).replace("đ", "d").replace("ى", "ي").replace("ة", "ه")


def _bare_letter(letter: str) -> str:
    if letter < "\x80":
        return letter
    base = unicodedata.normalize("NFD", letter)
    if ord(base[0]) > _LAST_WITH_MARKS:
        return letter
    return "".join(each for each in base if unicodedata.category(each) != "Mn")


def normal(text: str, strict: bool = False) -> str:
    """One form for what is typed in many: width, case, digits of any script, and accents unless they are `strict`."""
    text = unicodedata.normalize("NFC", unicodedata.normalize("NFKC", text).casefold())
    text = "".join(
        _plain(letter) for letter in text if unicodedata.category(letter) not in ("Cf", "Cc") or letter in "\n\t"
    )
    text = _SPACES.sub(" ", _JOINED.sub(" ", text.replace("ـ", ""))).strip()
    return text if strict else bare(text)


def _plain(letter: str) -> str:
    return str(unicodedata.decimal(letter)) if letter.isdecimal() else letter


# Long numbers that are no dates: telephones with and without separators, the 12345 hotline, a passport's digits.
_LONG = re.compile(r"\+?\(?\d{1,4}\)?(?:[- ]\d{3,4}){2,3}(?!\d)|\+?\d{2,4}-\d{5,8}(?!\d)|\+\d+|\d{5,}|\d+[.,/:]\d{3,}")
_YEAR_FIRST = re.compile(r"((?:19|20)\d\d) ?[-/.] ?(\d{1,2}) ?[-/.] ?(\d{1,2})(?!\d)")
_YEAR_LAST = re.compile(r"(\d{1,2})([-/.] ?)(\d{1,2})\2((?:20)?\d\d)(?!\d)")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?![\d:])")
_PAIR = re.compile(r"(\d{1,2}) ?([/.]) ?(\d{1,2})(?!\d|[/.]\d)(\.?)")
_YEAR = re.compile(r"(?:19|20)\d\d(?!\d)")
_NUMBER = re.compile(r"\d{1,2}(?!\d)")
_DIGITS = re.compile(r"\d+(?:[.,/:-]\d+)*")
_HAN = re.compile("[一二两三四五六七八九十廿]+")
_LETTERS = re.compile(r"[^\W\d_]+")
_HAN_VALUES = {**{digit: value for value, digit in enumerate("一二三四五六七八九", start=1)}, "两": 2}
_LONGEST_RUN = 40
_SHORTEST_PIECE = 4


def tokenise(text: str, words: Table) -> list[Token]:
    """The tokens of a text; what no table knows is one `UNKNOWN` token for each run, what only joins is left out."""
    text, place, found = normal(text, words.strict_accents), 0, list[Token]()
    while place < len(text):
        place, tokens = _next(text, place, words)
        if not (tokens and tokens[0].kind == UNKNOWN and found and found[-1].kind == UNKNOWN):
            found.extend(token for token in tokens if token.kind != GLUE)
    return found


def _next(text: str, place: int, words: Table) -> tuple[int, tuple[Token, ...]]:
    if text[place] == " ":
        return place + 1, ()
    if known := _known(text, place, words):
        return known
    if text[place].isdigit() or text[place] in "+(":
        return _digits(text, place, words)
    if words.scan is Scan.FREE and (run := _HAN.match(text, place)):
        value = _han(run.group())
        return run.end(), (Token("N", value),) if value else (Token(UNKNOWN),)
    return _unknown(text, place, words)


def _known(text: str, place: int, words: Table) -> tuple[int, tuple[Token, ...]] | None:
    for end in range(min(len(text), place + words.longest), place, -1):
        tokens = words.words.get(text[place:end])
        if tokens is not None and _ends(text, end, words):
            return end, tokens
    return None


def _ends(text: str, end: int, words: Table) -> bool:
    if end == len(text):
        return True
    before, after = text[end - 1], text[end]
    if before.isdigit() or after.isdigit():
        return not (before.isdigit() and after.isdigit())
    return words.scan is not Scan.WORDS or not (before.isalpha() and after.isalpha())


def _digits(text: str, place: int, words: Table) -> tuple[int, tuple[Token, ...]]:
    if run := _YEAR_FIRST.match(text, place):
        return run.end(), (Token("I", tuple(map(int, run.groups()))),)
    if run := _YEAR_LAST.match(text, place):
        year = int(run[4]) + (2000 if len(run[4]) == 2 else 0)
        return run.end(), (Token("F", (int(run[1]), int(run[3]), year, True)),)
    if run := _LONG.match(text, place):
        return run.end(), (Token(UNKNOWN),)
    if run := _CLOCK.match(text, place):
        return run.end(), (Token("T", (int(run[1]), int(run[2]))),)
    if run := _PAIR.match(text, place):
        sure = run[2] == "/" or words.dots or bool(run[4])
        return run.end(), (Token("F", (int(run[1]), int(run[3]), None, sure)),)
    return _single(text, place)


def _single(text: str, place: int) -> tuple[int, tuple[Token, ...]]:
    if run := _YEAR.match(text, place):
        return run.end(), (Token("Y", int(run.group())),)
    if run := _NUMBER.match(text, place):
        return run.end(), (Token("N", int(run.group())),)
    junk = _DIGITS.match(text, place)
    return (junk.end() if junk else place + 1), (Token(UNKNOWN),) if junk else ()


def _han(run: str) -> int | None:
    """1 to 99 in Chinese numerals; None for what is no such number."""
    tens, ten, ones = run.replace("廿", "二十").partition("十")
    if any(len(digits) > 1 or (digits and digits not in _HAN_VALUES) for digits in (tens, ones)):
        return None
    return (_HAN_VALUES.get(tens, 1) * 10 if ten else _HAN_VALUES.get(tens, 0)) + _HAN_VALUES.get(ones, 0)


def _unknown(text: str, place: int, words: Table) -> tuple[int, tuple[Token, ...]]:
    run = _LETTERS.match(text, place)
    if run is None:
        return place + 1, ()
    if words.scan is Scan.FREE:
        return place + 1, (Token(UNKNOWN),)
    letters = run.group()
    tokens = _prefixed(letters, words) or (_pieces(letters, words) if words.scan is Scan.WORDS else None)
    return run.end(), tokens or (Token(UNKNOWN),)


def _prefixed(letters: str, words: Table) -> tuple[Token, ...] | None:
    rests = (letters.removeprefix(prefix) for prefix in words.prefixes if letters.startswith(prefix))
    return next((words.words[rest] for rest in rests if rest in words.words), None)


def _pieces(letters: str, words: Table) -> tuple[Token, ...] | None:
    """Words typed without a space between ("nexttuesday"), or None."""
    found: tuple[Token, ...] = ()
    if len(letters) > _LONGEST_RUN:
        return None
    while letters:
        ends = range(len(letters), _SHORTEST_PIECE - 1, -1)
        end = next((end for end in ends if letters[:end] in words.words), None)
        if end is None:
            return None
        found, letters = found + words.words[letters[:end]], letters[end:]
    return found
