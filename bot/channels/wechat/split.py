"""A long text in as few messages as possible, each at most `limit` bytes of UTF-8. Pure.

Breaks are sought before headings, then between paragraphs, lines, sentences, words and, in scripts without spaces,
letters; never inside a URL, a link element or what a reader sees as one character, unless that alone is too long.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import accumulate, pairwise
from typing import Final

# WeChat takes 2048 bytes (one report measures 2047); the rest is room for the words that say a machine wrote it.
LIMIT: Final = 2000
# A part of a longer text also has room for "send 1 to read on".
PART_LIMIT: Final = 1950

# A full-width mark ends an address even without a space before it.
URL = re.compile(r"((?<![a-z0-9+.-])(?:[a-z][a-z0-9+.-]*://|www\.)[^\s<>\u3000-\u3011\uff01-\uff5e]+)", re.IGNORECASE)
_KEPT_WHOLE = re.compile(rf"<a\s[^<>]*>[^<>]*</a>|{URL.pattern}", re.IGNORECASE)
_NO_BREAK_SPACES: Final = frozenset("\u00a0\u202f\u2060\ufeff")
_LIST_MARK = re.compile(r"(?:^|\n)[\s\u200e\u200f]*(?:[0-9]{1,3}[.)、]|[•–-])\Z")
_SENTENCE_END = re.compile(r"[.!?…؟۔।॥。！？；][.!?'\"»”’」』）】)\]]*\Z")
_WIDE_SENTENCE_END = re.compile(r"[。！？；][”’」』）】]*\Z")
_WIDE_PAUSE = re.compile(r"[，、：—…][”’」』）】]*\Z")
# What must not begin a line, and what must not end one.
_CLOSING: Final = frozenset("，。、；：！？）】」』》”’…—·،؛؟.,;:!?)]}%»")
_OPENING: Final = frozenset("（【「『《“‘([{#«")
# Han and its neighbours, Thai, Lao, Burmese, Khmer: words are not parted by spaces.
_UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u30ff\u31a0-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
_COLONS: Final = (":", "：")
# As far back as the ends of sentences and the marks of lists are looked for.
_NEAR: Final = 12

_ZERO_WIDTH_JOINER: Final = "\u200d"
_JOINS_BACKWARD = re.compile(r"[\u200c\u200d\u0e33\u0eb3\uff9e\uff9f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]")
_JOINS_FORWARD = re.compile(r"[\u0600-\u0605\u06dd\u070f\u08e2]")
_HANGUL = re.compile(
    r"[\u1100-\u11ff\uac00-\ud7ff][\u1160-\u11ff\ud7b0-\ud7ff]|[\u1100-\u115f][\u1100-\u115f\uac00-\ud7a3]"
)
_FLAG_LETTER = re.compile(r"[\U0001f1e6-\U0001f1ff]")
_VIRAMA: Final = 9
_LONGEST_CODE_POINT: Final = 4


class Rank(IntEnum):
    """How well a text breaks in a place."""

    LETTER = 0
    WORD = 1
    SENTENCE = 2
    LINE = 3
    PARAGRAPH = 4
    # Before a heading.
    SECTION = 5


@dataclass(frozen=True)
class _Atom:
    """`text[start:end]`, which is not broken; `rank` is the break's behind it and the white space that follows."""

    start: int
    end: int
    rank: Rank


def size(text: str) -> int:
    """Bytes on WeChat's scale."""
    return len(text.encode())


def graphemes(text: str) -> Iterator[str]:
    """What a reader sees as one character each; together they are the text."""
    yield from (text[start:end] for start, end in pairwise(_characters(text)))


def cut(text: str, limit: int) -> str:
    """The text; shortened at a character and marked with … when it is longer than `limit` bytes."""
    if size(text) <= limit:
        return text
    kept, room = "", limit - size("…")
    for grapheme in graphemes(text):
        if size(kept) + size(grapheme) > room:
            break
        kept += grapheme
    return kept.rstrip() + "…"


def pieces(text: str, limit: int = LIMIT, reserved: int = 0) -> list[str]:
    """The text in order, as few pieces as can be; between two only white space is left out. An empty text has none.

    The last piece leaves `reserved` bytes of its limit free. ValueError when that leaves no room for a character.
    """
    if limit - reserved < _LONGEST_CODE_POINT:
        raise ValueError("a limit below one character")
    atoms = [part for atom in _atoms(text) for part in _fitting(text, atom, limit - reserved)]
    breaks = _Breaks(text, atoms, limit, reserved)
    return [text[atoms[first].start : atoms[last - 1].end] for first, last in pairwise(breaks.chosen())]


class _Breaks:
    """Where to break between atoms, each of which fits. A place is the number of atoms before it."""

    def __init__(self, text: str, atoms: Sequence[_Atom], limit: int, reserved: int) -> None:
        self._atoms = atoms
        self._limit = limit
        self._reserved = reserved
        bytes_before = list(accumulate((size(character) for character in text), initial=0))
        self._starts = [bytes_before[atom.start] for atom in atoms]
        self._ends = [bytes_before[atom.end] for atom in atoms]

    def chosen(self) -> list[int]:
        """From 0 to the number of atoms, as few as can be."""
        walls = self._walls()
        places = [0]
        for wall in reversed(walls[:-1]):
            places.append(self._best(places[-1], max(wall, places[-1] + 1), pieces=len(walls) - len(places)))
        return places

    def _walls(self) -> list[int]:
        """The first place from which the rest fits into 0, 1, 2 … pieces; the last is 0."""
        walls, room = [len(self._atoms)], self._limit - self._reserved
        while walls[-1] > 0:
            start, room = self._ends[walls[-1] - 1] - room, self._limit
            walls.append(bisect_left(self._starts, start))
        return walls

    def _best(self, first: int, least: int, *, pieces: int) -> int:
        """The end of the piece that begins at `first`, with `pieces` from there on."""
        most = bisect_right(self._ends, self._starts[first] + self._limit)
        most = min(most, len(self._atoms) - pieces + 1)
        rank = max(self._atoms[place - 1].rank for place in range(least, most + 1))
        places = [place for place in range(least, most + 1) if self._atoms[place - 1].rank is rank]
        if rank < Rank.LINE:
            return places[-1]
        # Even shares leave room in each piece for a neighbour.
        share = self._starts[first] + (self._ends[-1] + self._reserved - self._starts[first]) / pieces
        return min(places, key=lambda place: abs(self._ends[place - 1] - share))


def _atoms(text: str) -> Iterator[_Atom]:
    start = len(text) - len(text.lstrip())
    for place in _places(text):
        end = _before_spaces(text, place)
        if end > start and (rank := _rank(text, end, place)) is not None:
            yield _Atom(start, end, rank)
            start = place
    if end := len(text.rstrip()):
        yield _Atom(start, end, Rank.PARAGRAPH)


def _places(text: str) -> Iterator[int]:
    """Where a character begins that is no space and not inside what is kept whole."""
    whole = iter([*((found.start(), found.end()) for found in _KEPT_WHOLE.finditer(text)), (len(text), len(text))])
    start, end = next(whole)
    for place in _characters(text)[1:-1]:
        while place >= end < len(text):
            start, end = next(whole)
        if not start < place < end and not _is_space(text[place]):
            yield place


def _rank(text: str, end: int, place: int) -> Rank | None:
    """The break's between `end` and `place`; None when the two belong together."""
    near, before, after = text[max(0, end - _NEAR) : end], text[end - 1], text[place]
    gap = text[end:place]
    if not gap:
        return None if after in _CLOSING or before in _OPENING else _rank_without_space(near, after)
    if _LIST_MARK.search(near if end <= _NEAR else f"…{near}"):
        return None
    # A heading stays with its list.
    if before in _COLONS:
        return Rank.WORD
    if "\n" in gap:
        return _rank_of_lines(gap, text[place : text.find("\n", place)])
    if after in _CLOSING or before in _OPENING:
        return None
    return Rank.SENTENCE if _SENTENCE_END.search(near) else Rank.WORD


def _rank_of_lines(gap: str, next_line: str) -> Rank:
    if gap.count("\n") == 1:
        return Rank.LINE
    return Rank.SECTION if next_line.endswith(_COLONS) else Rank.PARAGRAPH


def _rank_without_space(near: str, after: str) -> Rank | None:
    if _WIDE_SENTENCE_END.search(near):
        return Rank.SENTENCE
    if _WIDE_PAUSE.search(near):
        return Rank.WORD
    return Rank.LETTER if _UNSPACED.match(near[-1]) or _UNSPACED.match(after) else None


def _fitting(text: str, atom: _Atom, limit: int) -> Iterator[_Atom]:
    """The atom; by characters, or code points where one character is too long, when it does not fit."""
    if size(text[atom.start : atom.end]) <= limit:
        yield atom
        return
    start = atom.start
    for grapheme in graphemes(text[atom.start : atom.end]):
        for part in [grapheme] if size(grapheme) <= limit else grapheme:
            end = start + len(part)
            yield _Atom(start, end, atom.rank if end == atom.end else Rank.LETTER)
            start = end


def _characters(text: str) -> list[int]:
    """Where the characters begin, and the end."""
    starts = [0]
    for at in range(1, len(text)):
        if not _joined(text, starts[-1], at):
            starts.append(at)
    return [*starts, len(text)] if text else starts


def _joined(text: str, start: int, at: int) -> bool:
    """Whether `text[at]` belongs to the character begun at `start` (Unicode's annex 29; joins more, not less)."""
    before, after = text[at - 1], text[at]
    if before.isspace() or after < "\u0300":
        return before + after == "\r\n"
    if unicodedata.category(after).startswith("M") or _JOINS_BACKWARD.match(after):
        return True
    if before == _ZERO_WIDTH_JOINER or _JOINS_FORWARD.match(before) or _HANGUL.match(before + after):
        return True
    if _FLAG_LETTER.match(before) and _FLAG_LETTER.match(after):
        return (at - start) % 2 == 1
    return unicodedata.combining(before) == _VIRAMA and after.isalpha()


def _before_spaces(text: str, place: int) -> int:
    while place > 0 and _is_space(text[place - 1]):
        place -= 1
    return place


def _is_space(character: str) -> bool:
    return character.isspace() and character not in _NO_BREAK_SPACES
