"""Residents' words for what hurts, found in what they write. Pure; how to write the words: see departments.yml."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from bot.errors import ContentError

# A complaint is a sentence or two; the cap bounds the work on hostile input (NFKC makes 18 letters of one U+FDFA).
MAX_CHARS = 600
# Languages that are compared without any blank, and those whose word order tells (đau đầu is not đầu đau).
PACKED = frozenset({"zh", "ja", "ko"})
ORDERED = frozenset({"vi"})
_BETWEEN_CHARACTERS = 5  # 头 (昨天开始) 疼
_BETWEEN_WORDS = {"vi": 2}
_BETWEEN_WORDS_ELSEWHERE = 3  # pain (in my left) knee
_MOST_SPELLINGS = 400

_CLAUSE = re.compile(r"[.,;:!?()\n。，、；：！？؟،؛…]+")
_WORD = re.compile(r"\w+")
# Written without blanks beside a word of another language: 我有headache.
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")
_MARKS = re.compile("[\u0300-\u036f\u064b-\u0655\u0670]")
_LATIN_MARKS = re.compile("[\u0300-\u036f]|đ")
_LETTERS = str.maketrans(
    {
        **dict.fromkeys("\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u0640\u00ad", ""),
        **dict.fromkeys("'’‘`´-", " "),
        **{"ى": "ي", "ی": "ي", "ة": "ه", "ک": "ك", "ı": "i"},
    }
)
_PLAIN = str.maketrans({"đ": "d", "ø": "o", "ł": "l", "æ": "ae", "œ": "oe"})
_UMLAUT = re.compile("([aou])e")  # Ruecken is Rücken; what it spoils elsewhere it spoils on both sides
_TOKEN = re.compile(r"\w+\*?(/\w+\*?)*")
# What Arabic writes onto the word that follows: and, to, by, the.
_ARABIC_PREFIX = "[وف]?[بكل]?(?:ال|لل)?"

# The places in the message that a phrase covers: clause, and word or character in it.
Places = frozenset[tuple[int, int]]


def folded(text: str) -> str:
    """One width and one case; accents still there."""
    short = unicodedata.normalize("NFKC", text[:MAX_CHARS])[:MAX_CHARS].casefold()
    return unicodedata.normalize("NFC", short.translate(_LETTERS))


def bare(text: str, language: str) -> str:
    """A folded text without accents, Arabic vowel signs and hamzas; kana and Hangul stay whole."""
    stripped = _MARKS.sub("", unicodedata.normalize("NFD", text)).translate(_PLAIN)
    if language == "de":
        stripped = _UMLAUT.sub(r"\1", stripped)
    return unicodedata.normalize("NFC", stripped)


@dataclass(frozen=True)
class Message:
    """What was written, in the form that the phrases of `language` are compared with."""

    language: str
    marked: bool
    clauses: tuple[str, ...]

    @staticmethod
    def read(text: str, language: str) -> Message:
        whole = folded(text)
        marked = language == "vi" and _LATIN_MARKS.search(unicodedata.normalize("NFD", whole)) is not None
        clauses = _CLAUSE.split(whole if marked else bare(whole, language))
        if language in PACKED:
            clauses = ["".join(clause.split()) for clause in clauses]
        else:
            clauses = [_UNSPACED.sub(" ", clause) for clause in clauses]
        return Message(language, marked, tuple(clauses))


@dataclass(frozen=True)
class Phrase:
    """Words that lead to a department; each of `tokens` holds what may stand for it."""

    language: str
    tokens: tuple[tuple[str, ...], ...]
    shared: bool = False

    @staticmethod
    def parse(place: str, written: str, language: str, shared: bool) -> Phrase:
        """ContentError for what the notation does not allow."""
        words = written.split()
        if not words or not all(_TOKEN.fullmatch(folded(word)) for word in words):
            raise ContentError(f"{place}: {written!r} is not words with a/b and a final *")
        tokens = tuple(tuple(folded(word).split("/")) for word in words)
        phrase = Phrase(language, tokens, shared)
        if len(list(product(*tokens))) > _MOST_SPELLINGS:
            raise ContentError(f"{place}: {written!r} stands for more than {_MOST_SPELLINGS} phrases")
        return phrase

    def spellings(self) -> Iterator[tuple[str, ...]]:
        """Every phrase that this one stands for, in a form in which equal phrases are equal."""
        for words in product(*self.tokens):
            plain = tuple(words if self.language == "vi" else (bare(word, self.language) for word in words))
            yield ("".join(plain),) if self.language in PACKED else self._in_order(plain)

    def _in_order(self, words: tuple[str, ...]) -> tuple[str, ...]:
        return words if self.language in ORDERED else tuple(sorted(words))

    def found_in(self, message: Message) -> Iterator[Places]:
        for number, clause in enumerate(message.clauses):
            places = self._packed(clause) if self.language in PACKED else self._spaced(clause, message.marked)
            yield from (frozenset((number, place) for place in found) for found in places)

    def _packed(self, clause: str) -> Iterator[list[int]]:
        for match in self._packed_pattern.finditer(clause):
            yield [place for group in range(1, len(self.tokens) + 1) for place in range(*match.span(group))]

    @cached_property
    def _packed_pattern(self) -> re.Pattern[str]:
        gap = f".{{0,{_BETWEEN_CHARACTERS}}}?"
        return re.compile(
            gap.join(f"({'|'.join(re.escape(bare(word, self.language)) for word in token)})" for token in self.tokens)
        )

    def _spaced(self, clause: str, marked: bool) -> Iterator[list[int]]:
        patterns = self._marked_patterns if marked else self._bare_patterns
        if not all(pattern.search(clause) for pattern in patterns):
            return
        words = _WORD.findall(clause)
        hits = [{at for at, word in enumerate(words) if pattern.fullmatch(word)} for pattern in patterns]
        width = len(patterns) + _BETWEEN_WORDS.get(self.language, _BETWEEN_WORDS_ELSEWHERE)
        for start in sorted(hits[0] if self.language in ORDERED else set().union(*hits)):
            if found := self._within(hits, start, start + width):
                yield found

    def _within(self, hits: Sequence[set[int]], start: int, end: int) -> list[int]:
        """One place for each token from `start` on and before `end`; empty when one has none."""
        found: list[int] = []
        for places in hits:
            least = found[-1] + 1 if found and self.language in ORDERED else start
            place = min((at for at in places if least <= at < end and at not in found), default=None)
            if place is None:
                return []
            found.append(place)
        return found

    @cached_property
    def _bare_patterns(self) -> tuple[re.Pattern[str], ...]:
        return tuple(self._pattern([bare(word, self.language) for word in token]) for token in self.tokens)

    @cached_property
    def _marked_patterns(self) -> tuple[re.Pattern[str], ...]:
        return tuple(self._pattern(token) for token in self.tokens)

    def _pattern(self, words: Sequence[str]) -> re.Pattern[str]:
        prefix = _ARABIC_PREFIX if self.language == "ar" else ""
        ended = (re.escape(word.rstrip("*")) + (r"\w*" if word.endswith("*") else "") for word in words)
        return re.compile(rf"\b{prefix}(?:{'|'.join(ended)})\b")


@dataclass(frozen=True)
class Hit:
    """Where a phrase of a department stands in a message."""

    department: str
    places: Places
    shared: bool


def longest(hits: Sequence[Hit]) -> list[Hit]:
    """Without those that lie within another: yellow skin is not a skin complaint, a knee (đầu gối) is no head (đầu)."""
    return [hit for hit in hits if not any(hit.places < other.places for other in hits)]


def score(hits: Sequence[Hit]) -> int:
    """Of one department: how much of the message speaks for it; what is shared with others counts half."""
    return sum(1 if shared else 2 for _, shared in {(hit.places, hit.shared) for hit in hits})
