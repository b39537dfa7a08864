"""How the urgent lane reads a message, and how an editor's phrase becomes a pattern.

Both sides are folded in the same way (width, case, accents, Arabic and Indic spelling variants), so a phrase in a table
also finds what people type in a hurry. The notation of the phrases is explained at the top of `data/urgent/en.yml`.
"""

import itertools
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

# A cry for help is short; the cap bounds the work on hostile input (NFKC makes 18 letters of one U+FDFA).
MAX_CHARS = 1_000

LETTERS = str.maketrans(
    {
        **dict.fromkeys("\u200b\u200d\u200e\u200f\u2060\ufeff\u0640\u00ad", ""),
        **dict.fromkeys("'’‘ʼ`´ʹ\u200c", " "),
        **dict.fromkeys("یېےى", "ي"),
        **dict.fromkeys("ہھەۃة", "ه"),
        **{"ک": "ك", "ں": "ن", "ı": "i", "\u0901": "\u0902", "\u0981": "", "🆘": " sos "},
    }
)
PLAIN_LATIN = str.maketrans({"đ": "d", "ð": "d", "ø": "o", "ł": "l", "æ": "ae", "œ": "oe"})
# Accents of Latin and Cyrillic, Arabic vowel signs and hamzas, the dots under Indic consonants.
MARKS = re.compile("[\u0300-\u036f\u064b-\u0655\u0670\u093c\u09bc]")
LATIN_MARKS = re.compile("[\u0300-\u036f]|đ")
NOT_CONTRACTED = re.compile(r"n['’]t\b")
I_AM = re.compile(r"\bi['’]m\b")
LONG_LETTER = re.compile(r"([^\W\d_])\1{2,}")
SHOUT = re.compile(r"!(?:\s*!)*")
CALL, LOUD = "ǃ", "‼"  # letters to the word pattern, unlike the exclamation mark
PERSIAN_PREFIX = re.compile(r"(?:(?<=\s)|^)(ن?مي)\s+")
SENTENCE = re.compile(r"([.!?。؟।۔\n]+)")
CLAUSE = re.compile(r"[,،、;؛:()\[\]\"«»“”„—–]+")
BETWEEN_WORDS = re.compile("[^\\w\u0300-\u036f\u0900-\u0dff\u0e00-\u0e7f‼]+")
UNSPACED = re.compile("[\u0e00-\u0e7f\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
GROUP = re.compile(r"<([a-z_]+)>")
LETTER = re.compile(r"\w")
MARKED_WORD = re.compile(r"[^\W\d_]+\*?")
THAI = re.compile("[\u0e00-\u0e7f]")
KANA = re.compile("[\u3040-\u30fa]")
ARABIC = re.compile("[\u0600-\u06ff]")


class Mode(StrEnum):
    """The view of a message that a phrase is looked for in."""

    SPACED = "spaced"  # words between blanks, accents removed
    PACKED = "packed"  # no blanks at all: Chinese, Japanese, Korean, Thai
    MARKED = "marked"  # accents kept; only messages that have some
    BARE = "bare"  # like SPACED; only messages that were typed without any accent


@dataclass(frozen=True)
class Reading:
    """A message in clauses; clause n is the same stretch of text in every view."""

    views: Mapping[Mode, tuple[str, ...]]
    sentences: tuple[int, ...]
    asks: tuple[bool, ...]
    kana: bool

    def keys(self, mode: Mode) -> frozenset[str]:
        """What the prefilter may find in a view: beginnings of words, or single and double characters."""
        if mode is Mode.PACKED:
            return frozenset(key for view in self.views[mode] for key in packed_keys(view))
        return frozenset(key for view in self.views[mode] for word in view.split() for key in word_keys(word))


def packed_keys(text: str) -> Iterator[str]:
    """Characters and pairs of characters."""
    yield from text
    yield from (text[at : at + 2] for at in range(len(text) - 1))


def word_keys(word: str) -> Iterator[str]:
    """The first three letters, and two as `ab*`, also behind the up to four letters that Arabic writes onto a word."""
    for skip in range(min(5, len(word)) if ARABIC.match(word) else 1):
        yield word[skip : skip + 3]
        yield f"{word[skip : skip + 2]}*"


def casefolded(text: str) -> str:
    """The text with one width and one case, accents still there."""
    text = unicodedata.normalize("NFKC", text[:MAX_CHARS])[:MAX_CHARS].casefold()
    text = I_AM.sub("im", NOT_CONTRACTED.sub("nt", text)).translate(LETTERS)
    return LONG_LETTER.sub(r"\1", SHOUT.sub(_shout, text))


def _shout(marks: re.Match[str]) -> str:
    """Exclamation marks as words of their own, so that `!` and `!!` can stand in phrases."""
    return f" {CALL} {LOUD}!" if marks[0].count("!") > 1 else f" {CALL}!"


def unmarked(text: str) -> str:
    """A casefolded text without accents; Hangul and kana stay whole."""
    bare = MARKS.sub("", unicodedata.normalize("NFD", text)).translate(PLAIN_LATIN)
    return PERSIAN_PREFIX.sub(r"\1", unicodedata.normalize("NFC", bare))


def read(text: str) -> Reading:
    """Fold a message and cut it into clauses."""
    folded = casefolded(text)
    accented = LATIN_MARKS.search(unicodedata.normalize("NFD", folded)) is not None
    parts = list(_clauses(unmarked(folded)))
    spaced = tuple(words for words, _, _ in parts)
    views = {
        Mode.SPACED: spaced,
        Mode.PACKED: tuple(_packed(words) for words in spaced),
        Mode.MARKED: tuple(words for words, _, _ in _clauses(folded)) if accented else (),
        Mode.BARE: () if accented else spaced,
    }
    sentences, asks = tuple(number for _, number, _ in parts), tuple(question for _, _, question in parts)
    return Reading(views, sentences, asks, KANA.search(folded) is not None)


def _packed(words: str) -> str:
    """A clause without blanks; empty when nothing in it is written that way."""
    return words.replace(" ", "") if UNSPACED.search(words) else ""


def _clauses(text: str) -> Iterator[tuple[str, int, bool]]:
    """Clauses as ` word word `, the number of their sentence, and whether that sentence asks."""
    pieces = [*SENTENCE.split(text), ""]
    for number, (body, end) in enumerate(zip(pieces[::2], pieces[1::2], strict=True)):
        for part in CLAUSE.split(body):
            words = BETWEEN_WORDS.sub(" ", part).strip()
            if words:
                yield f" {words} ", number, "?" in end or "؟" in end


@dataclass(frozen=True)
class Spelling:
    """What a table says about writing its language, and its groups.

    `same` are letters that stand for each other (simplified and traditional), `typed` how a letter is typed without its
    mark (ü: ue), `attached` a pattern for what is written onto the front of words.
    """

    same: tuple[str, ...] = ()
    typed: dict[str, str] = field(default_factory=dict)
    attached: str = ""
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def variants(self, literal: str) -> list[str]:
        """All spellings of a stretch with letters that stand for each other."""
        if not self.same:
            return [literal]
        choices = [next((group for group in self.same if letter in group), letter) for letter in literal]
        return sorted({"".join(letters) for letters in itertools.islice(itertools.product(*choices), 64)})

    def expanded(self, phrase: str) -> str:
        """The phrase with the members of its groups, when it is made of nothing else: they tell its script."""
        names = GROUP.findall(phrase)
        if not names or LETTER.search(GROUP.sub("", phrase)):
            return phrase
        return " ".join(self.expanded(member) for name in names for member in self.groups.get(name, ()))

    def spelled_out(self, phrase: str) -> str:
        """The phrase with both ways of typing marked words: `grün` becomes `(grün|gruen)`."""
        return MARKED_WORD.sub(self._both, phrase) if self.typed else phrase

    def _both(self, word: re.Match[str]) -> str:
        own = str(word.group())
        other = "".join(self.typed.get(letter, letter) for letter in own)
        return f"({own}|{other})" if other != own else own


@dataclass(frozen=True)
class Part:
    """A stretch of a phrase: its pattern, and the keys of which a message must hold one (None: no demand)."""

    pattern: str
    keys: frozenset[str] | None


@dataclass(frozen=True)
class Phrase:
    """A compiled phrase: `demands` rules most messages out before the pattern runs.

    The pattern is compiled when a message first needs it: compiling all 3,800 at the start took 4 of 5 seconds.
    """

    mode: Mode
    source: str
    demands: tuple[frozenset[str], ...]

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        return re.compile(self.source)

    def spans(self, reading: Reading) -> Iterator[tuple[int, int, int]]:
        """Clause, start and end of every place where the phrase stands."""
        for clause, view in enumerate(reading.views[self.mode]):
            for found in self.pattern.finditer(view):
                yield clause, found.start(), found.end()


TOKEN = re.compile(r"\.{2,3}|[()|\[\]]|<[a-z_]+>|[^\s()|\[\]<>.!]+")

READABLE = re.compile("[\\w\u0300-\u036f\u0900-\u0dff\u0e00-\u0e7f‼]+")


class PhraseError(ValueError):
    """A phrase in a table cannot be read; the message names it."""


class _Parser:
    """Recursive descent over the tokens of one phrase."""

    def __init__(self, phrase: str, mode: Mode, spelling: Spelling) -> None:
        self.phrase, self.mode, self.spelling = phrase, mode, spelling
        text = spelling.spelled_out(casefolded(phrase))
        self.tokens: list[str] = TOKEN.findall(text if mode is Mode.MARKED else unmarked(text))
        self.at = 0
        self.wide = 2 if THAI.search(text) else 1

    def parse(self) -> list[Part]:
        parts = self._sequence()
        if self.at < len(self.tokens):
            raise PhraseError(f"unbalanced brackets: {self.phrase}")
        return parts

    def _sequence(self) -> list[Part]:
        parts = []
        while self.at < len(self.tokens) and self.tokens[self.at] not in {")", "]", "|"}:
            parts.append(self._part(self._take()))
        return parts

    def _take(self) -> str:
        if self.at >= len(self.tokens):
            raise PhraseError(f"unbalanced brackets: {self.phrase}")
        self.at += 1
        return self.tokens[self.at - 1]

    def _part(self, token: str) -> Part:
        if token in {"(", "["}:
            return self._choice({"(": ")", "[": "]"}[token])
        if token.startswith("<"):
            return self._group(token[1:-1])
        if token.startswith(".."):
            return self._gap(len(token) == 3)
        if not READABLE.fullmatch(token.removesuffix("*")):
            raise PhraseError(f"cannot read {token}: {self.phrase}")
        return self._packed_literal(token) if self.mode is Mode.PACKED else self._word(token)

    def _choice(self, end: str) -> Part:
        branches = [self._sequence()]
        while (token := self._take()) == "|":
            branches.append(self._sequence())
        if token != end:
            raise PhraseError(f"unbalanced brackets: {self.phrase}")
        return _either(branches, optional=end == "]")

    def _group(self, name: str) -> Part:
        if name not in self.spelling.groups:
            raise PhraseError(f"no group <{name}>: {self.phrase}")
        members = self.spelling.groups[name]
        return _either([_Parser(member, self.mode, self.spelling).parse() for member in members], optional=False)

    def _gap(self, long: bool) -> Part:
        if self.mode is Mode.PACKED:
            return Part(f".{{0,{(12 if long else 5) * self.wide}}}?", None)
        return Part(f"(?:[^ ]+ ){{0,{6 if long else 3}}}?", None)

    def _packed_literal(self, token: str) -> Part:
        variants = self.spelling.variants(token)
        return Part(f"(?:{'|'.join(variants)})", frozenset(variant[:2] for variant in variants))

    def _word(self, token: str) -> Part:
        stem = token.removesuffix("*")
        variants = self.spelling.variants(stem)
        ending = "[^ ]* " if stem != token else " "
        keys = map(_key, variants) if stem != token else (variant[:3] for variant in variants)
        demand = None if stem != token and len(stem) < 2 else frozenset(keys)
        return Part(f"{self.spelling.attached}(?:{'|'.join(map(re.escape, variants))}){ending}", demand)


def _key(stem: str) -> str:
    """What a word that begins with the stem has among its `word_keys`."""
    return stem[:3] if len(stem) > 2 else f"{stem}*"


def _either(branches: list[list[Part]], *, optional: bool) -> Part:
    """One of several stretches; demands what any of them demands."""
    pattern = "|".join("".join(part.pattern for part in branch) for branch in branches)
    if optional:
        return Part(f"(?:{pattern})?", None)
    best = [max(demands, key=_weight) for branch in branches if (demands := _demands(branch))]
    keys = frozenset[str]().union(*best) if len(best) == len(branches) else None
    return Part(f"(?:{pattern})", keys)


def _demands(parts: list[Part]) -> list[frozenset[str]]:
    return [part.keys for part in parts if part.keys is not None]


def _weight(keys: frozenset[str]) -> tuple[int, int]:
    """Long keys and few of them: what rules most messages out."""
    return min(map(len, keys)), -len(keys)


def compile_phrase(phrase: str, mode: Mode, spelling: Spelling) -> Phrase:
    """Compile one phrase; raises PhraseError when it is malformed or would match without any letter of its own."""
    parts = _Parser(phrase, mode, spelling).parse()
    demands = sorted(_demands(parts), key=_weight, reverse=True)
    if not demands:
        raise PhraseError(f"nothing to hold on to: {phrase}")
    start = "" if mode is Mode.PACKED else "(?<= )"
    return Phrase(mode, start + "".join(part.pattern for part in parts), tuple(demands))


def is_unspaced(phrase: str) -> bool:
    """Whether a phrase is written in a script without blanks (Korean counts: people leave its blanks out)."""
    return UNSPACED.search(phrase) is not None
