"""The urgent lane: sees at once, by rules alone, that a message is an emergency, and has the card for it.

It runs before everything else and depends on nothing else: no model, no database, no network. The rules are tables in
`data/urgent/`, one a language, written for editors. The language of a message is not yet known when it runs, so all
tables that can apply are asked. It never diagnoses: it names a number, and what to say there.
"""

import contextlib
import hashlib
import os
import pickle
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import Any

import yaml

from bot.conversations.urgent_phrases import (
    CALL,
    LOUD,
    Mode,
    Phrase,
    Reading,
    Spelling,
    compile_phrase,
    is_unspaced,
    read,
)
from bot.conversations.urgent_spelling import Speller
from bot.errors import ContentError

FALLBACK_LANGUAGE = "en"


class TableError(ContentError):
    """A table of `data/urgent/` cannot be used; the message names the file and what is wrong in it."""


class Kind(StrEnum):
    """Who is needed. The order is the order of precedence when a message speaks of several."""

    SUICIDE = "suicide"
    FIRE = "fire"
    TRAFFIC = "traffic"
    POLICE = "police"
    AMBULANCE = "ambulance"


class Role(StrEnum):
    """What a phrase of a table is for."""

    CRY = "cry"  # a sign when the sentence says nothing else: "Fire!"
    ALWAYS = "always"  # a sign whatever else is said: "call an ambulance now"
    CLEAR = "clear"  # a sign unless the same clause speaks of "if" or the past
    FLAG = "flag"  # a sign of illness unless its clause speaks of "if" or an old past; `a + b` may stand in two clauses
    LIKELY = "likely"  # a sign unless anything in the message speaks against it
    URGED = "urged"  # a sign only in a message that also urges: "quickly", "right now"
    IGNORE = "ignore"  # looks like a sign and is none: "fire exit"
    IF = "if"
    PAST = "past"
    DESPITE = "despite"  # takes back the `if` and the `past` that it covers: "since yesterday"
    RECENT = "recent"  # a past that is none for a red flag: "last night"
    TOPIC = "topic"  # insurance, certificates: people who write of these are not in danger
    NOT = "not"
    URGENCY = "urgency"
    FILLER = "filler"  # may stand beside a cry: "please", "help"


SIGNS = frozenset({Role.CRY, Role.ALWAYS, Role.CLEAR, Role.FLAG, Role.LIKELY, Role.URGED})
VETOES = frozenset({Role.IF, Role.PAST, Role.TOPIC, Role.NOT})
# A bare "Help!": nobody knows yet whom; the police answer every call and send the others.
HELP = "help"
# Joins the parts of a phrase that need not stand in one clause: "my baby is 2 months old, he has a fever".
AND = " + "


@dataclass(frozen=True)
class Urgent:
    """An emergency: whom it needs, what to dial first and what else; `language` is the table that saw it."""

    kind: Kind
    number: str
    also: tuple[str, ...]
    language: str = FALLBACK_LANGUAGE


@dataclass(frozen=True)
class UrgentCard:
    """What the resident gets: lines in their language, and Chinese sentences with pinyin to say or show."""

    text: str
    say: tuple[tuple[str, str], ...]
    number: str
    also: tuple[str, ...]


@dataclass(frozen=True)
class Rule:
    """A phrase with its place in the tables; `kind` is a Kind, HELP, or empty for context.

    `whole` names the parts that count only together, each as (phrase, part); empty for all others.
    """

    language: str
    role: Role
    kind: str
    phrase: Phrase
    whole: str = ""
    part: int = 0


@dataclass(frozen=True)
class Hit:
    """A rule found in a message."""

    rule: Rule
    clause: int
    start: int
    end: int

    def overlaps(self, other: "Hit") -> bool:
        same_place = self.clause == other.clause and self.rule.phrase.mode is other.rule.phrase.mode
        return same_place and self.start < other.end and other.start < self.end


class RuleIndex:
    """Rules by the key that is hardest to meet, so that a message runs only the few patterns it can match."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules: dict[Mode, dict[str, list[Rule]]] = {mode: {} for mode in Mode}
        for rule in rules:
            for key in rule.phrase.demands[0]:
                self._rules[rule.phrase.mode].setdefault(key, []).append(rule)

    def warm(self) -> None:
        for rules in chain.from_iterable(index.values() for index in self._rules.values()):
            for rule in rules:
                _ = rule.phrase.pattern

    def hits(self, reading: Reading, keys: Mapping[Mode, frozenset[str]]) -> list[Hit]:
        found = (rule for mode, index in self._rules.items() for rule in _candidates(index, keys[mode]))
        return [Hit(rule, *span) for rule in found for span in rule.phrase.spans(reading)]


def _candidates(index: Mapping[str, list[Rule]], keys: frozenset[str]) -> Iterator[Rule]:
    listed = {id(rule): rule for key in index.keys() & keys for rule in index[key]}
    for rule in listed.values():
        if not any(demand.isdisjoint(keys) for demand in rule.phrase.demands[1:]):
            yield rule


class UrgentLane:
    """All tables, compiled. Pure after `load`: `check` and `card` touch no file."""

    def __init__(self, rules: Sequence[Rule], speller: Speller, cards: Mapping[str, Any]) -> None:
        context: dict[str, list[Rule]] = {rule.language: [] for rule in rules}
        for rule in rules:
            if rule.role not in SIGNS:
                context[rule.language].append(rule)
        self._signs = RuleIndex(rule for rule in rules if rule.role in SIGNS)
        self._context = {language: RuleIndex(found) for language, found in context.items()}
        self._speller = speller
        self._cards = cards

    @classmethod
    def load(cls, folder: Path, kept: Path | None = None) -> "UrgentLane":
        """Read the tables; raises TableError naming the file that is wrong. See `warm`.

        Reading takes two seconds. `kept` is a folder of our own where what was read is kept for the next time.
        """
        file = None if kept is None else kept / f"lane-{_fingerprint(folder)}.pickle"
        if file is not None and (lane := _kept(file)) is not None:
            return lane
        files = (path for path in sorted(folder.glob("*.yml")) if path.stem not in {"card", "examples"})
        tables = [_read_yaml(path) for path in files]
        rules = list(chain.from_iterable(map(_rules, tables)))
        lane = cls(rules, Speller(tables), _read_yaml(folder / "card.yml"))
        if file is not None:
            _keep(lane, file)
        return lane

    def check(self, text: str, language: str | None = None) -> Urgent | None:
        """The emergency a message speaks of. `language` is a hint only: it breaks ties."""
        reading = read(text)
        urgent = self._judge(reading, language)
        if urgent is None and (corrected := self._speller.correct(reading, language)) is not None:
            urgent = self._judge(corrected, language)
        return urgent

    def card(self, kind: Kind, language: str, also: Sequence[str] | None = None) -> UrgentCard:
        """The card of a kind; `also` replaces the kind's own further numbers (those of an Urgent)."""
        lines = self._cards["text"].get(language) or self._cards["text"][FALLBACK_LANGUAGE]
        number = self._cards["numbers"][kind]["dial"]
        others = tuple(self._cards["numbers"][kind]["also"] if also is None else also)
        named = ", ".join(f"{other} ({lines['names'][other]})" for other in others)
        text = [
            lines[kind],
            lines["dial"].format(number=number, name=lines["names"][number]),
            *([lines["also"].format(numbers=named)] if named else []),
            lines["stay"],
            lines["say"],
        ]
        say = tuple((line["zh"], line["pinyin"]) for line in self._cards["say"][kind])
        return UrgentCard("\n".join(text), say, number, others)

    def warm(self) -> None:
        """Compile all patterns now (about 3 seconds), so that no message waits for those that it needs."""
        for index in (self._signs, *self._context.values()):
            index.warm()

    def _judge(self, reading: Reading, hint: str | None) -> Urgent | None:
        keys = {mode: reading.keys(mode) for mode in Mode}
        signs = _by_language(self._signs.hits(reading, keys))
        if not signs:
            return None
        context = {language: index.hits(reading, keys) for language, index in self._context.items()}
        return self._verdict(signs, context, reading, hint)

    def _verdict(
        self, signs: Mapping[str, list[Hit]], context: Mapping[str, list[Hit]], reading: Reading, hint: str | None
    ) -> Urgent | None:
        """The verdict of the language that recognises most of the message; of others only calls that are plain."""
        weights = {language: _weight([*signs.get(language, ()), *hits]) for language, hits in context.items()}
        for language in sorted(signs, key=lambda own: (-weights[own], own != hint, own)):
            rivals = (weights[other] for other in context if _same_script(signs[language], context[other]))
            outdone = weights[language] < max(rivals, default=0)
            heard = [hit for hit in signs[language] if hit.rule.role is Role.ALWAYS or not outdone]
            if heard and (kinds := decide(heard, context[language], reading)):
                return self._urgent(kinds, language)
        return None

    def _urgent(self, kinds: frozenset[str], language: str) -> Urgent:
        numbers = self._cards["numbers"]
        called = [kind for kind in Kind if kind in kinds] or [Kind.POLICE]
        first, further = called[0], [numbers[kind]["dial"] for kind in called[1:]]
        listed = [*further, *numbers[first]["also"], *([] if kinds != {HELP} else numbers[HELP]["also"])]
        also = tuple(number for number in dict.fromkeys(listed) if number != numbers[first]["dial"])
        return Urgent(first, numbers[first]["dial"], also, language)


def _fingerprint(folder: Path) -> str:
    """Of the tables, of the code that reads them, and of the Python whose objects are kept."""
    code = (Path(__file__).with_name(f"{name}.py") for name in ("urgent", "urgent_phrases", "urgent_spelling"))
    digest = hashlib.sha256(sys.version.encode())
    for path in (*sorted(folder.glob("*.yml")), *code):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def _kept(file: Path) -> UrgentLane | None:
    """What an earlier start kept; None when there is nothing, or nothing that can be read."""
    try:
        lane = pickle.loads(file.read_bytes())  # noqa: S301 - written by this program beside its database and its keys
    except (OSError, EOFError, pickle.UnpicklingError, AttributeError, ImportError, IndexError, ValueError):
        return None
    return lane if isinstance(lane, UrgentLane) else None


def _keep(lane: UrgentLane, file: Path) -> None:
    """Only the newest; a start that cannot write here is only slower."""
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        for old in file.parent.glob("lane-*.pickle"):
            old.unlink()
        unfinished = file.with_name(f".{file.name}.{os.getpid()}")
        unfinished.write_bytes(pickle.dumps(lane, pickle.HIGHEST_PROTOCOL))
        unfinished.replace(file)


def _by_language(hits: Iterable[Hit]) -> dict[str, list[Hit]]:
    """Without the parts that lack another: "fever" alone must not make a message English."""
    found: dict[str, list[Hit]] = {}
    for hit in hits:
        found.setdefault(hit.rule.language, []).append(hit)
    complete = {language: list(_complete(hits)) for language, hits in found.items()}
    return {language: hits for language, hits in complete.items() if hits}


def _weight(hits: Iterable[Hit]) -> int:
    """How much of a message a language recognises: the letters under its hits."""
    return len({(hit.clause, at) for hit in hits for at in range(hit.start, hit.end)})


def _same_script(hits: Sequence[Hit], others: Sequence[Hit]) -> bool:
    """Whether both were found in text between blanks; two languages can only be mistaken for each other there."""
    return not {Mode.PACKED} & {hit.rule.phrase.mode for hit in (*hits, *others)}


def decide(signs: Sequence[Hit], context: Sequence[Hit], reading: Reading) -> frozenset[str]:
    """The kinds that the hits of one language amount to. Pure."""
    if reading.kana and signs[0].rule.language == "zh":
        return frozenset()  # Japanese shares words with Chinese: 救命講習 is a first-aid course
    ignored = [hit for hit in context if hit.rule.role is Role.IGNORE]
    standing, others = (
        [hit for hit in hits if hit.rule.role in VETOES or not any(hit.overlaps(other) for other in ignored)]
        for hits in (signs, context)
    )
    despite = [hit for hit in others if hit.rule.role is Role.DESPITE]
    others = [hit for hit in others if hit.rule.role not in {Role.IF, Role.PAST} or not any(map(hit.overlaps, despite))]
    # One of a sort in a clause is enough: a thousand times "fire" must not take a thousand times as long.
    sorts = {(hit.rule.role, hit.rule.kind, hit.clause, hit.rule.phrase.mode, *_part(hit)): hit for hit in standing}
    fired = [hit for hit in sorts.values() if _fires(hit, standing, others, reading)]
    return frozenset(hit.rule.kind for hit in _complete(fired))


def _part(hit: Hit) -> tuple[str, int]:
    return hit.rule.whole, hit.rule.part


def _complete(hits: Sequence[Hit]) -> Iterator[Hit]:
    """Those, of one language, whose phrase has no other part, or has them all among the hits."""
    parts = {_part(hit) for hit in hits}
    for hit in hits:
        if all((hit.rule.whole, part) in parts for part in range(hit.rule.whole.count(AND) + 1)):
            yield hit


def _fires(hit: Hit, signs: Sequence[Hit], context: Sequence[Hit], reading: Reading) -> bool:
    anywhere = {other.rule.role for other in context}
    nearby = {other.rule.role for other in context if other.clause == hit.clause}
    match hit.rule.role:
        case Role.ALWAYS:
            return True
        case Role.CRY:
            return _cried(hit, [*signs, *context], reading)
        case Role.CLEAR if Role.NOT in anywhere or not nearby.isdisjoint({Role.IF, Role.PAST}):
            return False
        case Role.CLEAR:  # "May I take a knife on the metro?" is a topic and a question at once
            return Role.URGENCY in anywhere or Role.TOPIC not in nearby or not reading.asks[hit.clause]
        case Role.FLAG:
            return _unsilenced(hit, context)
        case Role.LIKELY if Role.URGENCY in anywhere:
            return anywhere.isdisjoint({Role.IF, Role.NOT})
        case Role.LIKELY:
            return anywhere.isdisjoint(VETOES)
        case _:
            return Role.URGENCY in anywhere and anywhere.isdisjoint(VETOES)


def _unsilenced(hit: Hit, context: Sequence[Hit]) -> bool:
    """Whether nothing in its clause takes a red flag away. "Nothing serious" does not: people play illness down."""
    beside = [other for other in context if other.clause == hit.clause]
    recent = [other for other in beside if other.rule.role is Role.RECENT]
    past = (other for other in beside if other.rule.role is Role.PAST and not any(map(other.overlaps, recent)))
    return all(other.rule.role is not Role.IF for other in beside) and not any(past)


def _cried(hit: Hit, hits: Sequence[Hit], reading: Reading) -> bool:
    """Whether the sentence of a cry (for HELP, the message) holds nothing but cries and fillers, and asks nothing."""
    sentence = reading.sentences[hit.clause]
    clauses = [n for n, its in enumerate(reading.sentences) if its == sentence or hit.rule.kind == HELP]
    mode = hit.rule.phrase.mode
    telling = [other for other in hits if other.rule.role not in VETOES and not other.rule.whole]
    known = [other for other in telling if other.rule.phrase.mode is mode]
    asks = reading.asks[hit.clause] or any(other.rule.role is Role.IF and other.clause in clauses for other in hits)
    return not asks and all(_covered(number, mode, known, reading) for number in clauses)


def _covered(clause: int, mode: Mode, hits: Sequence[Hit], reading: Reading) -> bool:
    view = reading.views[mode][clause]
    covered = {at for hit in hits if hit.clause == clause for at in range(hit.start, hit.end)}
    return all(letter in {" ", CALL, LOUD} or at in covered for at, letter in enumerate(view))


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        # The base loader builds strings, lists and mappings only: `no` and `110` in a table are words, not values.
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CBaseLoader)  # noqa: S506
    except (yaml.YAMLError, OSError, UnicodeDecodeError) as error:
        raise TableError(f"{path.name}: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise TableError(f"{path.name}: not a table")
    return content


def _rules(table: Mapping[str, Any]) -> list[Rule]:
    """The rules of one table. Unknown headings are errors: a mistyped one would silently drop its phrases."""
    try:
        return list(_table_rules(table))
    except KeyError as error:
        raise TableError(f"{table.get('language')}.yml: has no {error}") from error
    except (AttributeError, TypeError, ValueError) as error:
        raise TableError(f"{table.get('language')}.yml: {error}") from error


def _table_rules(table: Mapping[str, Any]) -> Iterator[Rule]:
    spelling = Spelling(
        same=tuple(table.get("same", ())),
        typed=table.get("typed", {}),
        attached=table.get("attached", ""),
        groups=dict(table.get("groups", {})),
    )
    for role, kind, phrase in _entries(table):
        parts = phrase.split(AND)
        whole = phrase if len(parts) > 1 else ""
        for number, part in enumerate(parts):
            for mode in _modes(spelling.expanded(part), role, marked=table.get("marks_matter") == "true"):
                yield Rule(table["language"], role, kind, compile_phrase(part, mode, spelling), whole, number)


def _entries(table: Mapping[str, Any]) -> Iterator[tuple[Role, str, str]]:
    for heading, phrases in table["context"].items():
        yield from ((Role(heading), "", phrase) for phrase in phrases)
    for kind, tiers in table["signs"].items():
        if kind != HELP:
            Kind(kind)
        for tier, phrases in tiers.items():
            yield from ((Role(tier), kind, phrase) for phrase in phrases)


def _modes(phrase: str, role: Role, *, marked: bool) -> tuple[Mode, ...]:
    """Where a phrase is looked for. Single Vietnamese words without marks are words of others ("no", "mau")."""
    if is_unspaced(phrase):
        return (Mode.PACKED,)
    if not marked:
        return (Mode.SPACED,)
    return (Mode.MARKED,) if role in {Role.CRY, Role.URGED, Role.URGENCY} else (Mode.MARKED, Mode.BARE)
