"""The short messages that steer a booking: yes, back, another day, change the name. Pure but for the tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import yaml

from bot.appointments.contents import LANGUAGES, fields, texts
from bot.appointments.tokens import bare, normal
from bot.errors import ContentError
from bot.languages import answer_language

FOLDER = Path(__file__).resolve().parents[2] / "data" / "booking" / "commands"
# Residents of every language type "ok" and 好的 too.
LENDERS = ("en", "zh")
# Languages in which marks make other words: dừng (stop) is not đúng (right).
_MARKED = frozenset({"vi"})
_MAX_CHARS = 100
E = TypeVar("E", bound=StrEnum)
S = TypeVar("S")


class Command(StrEnum):
    YES = "yes"
    NO = "no"
    BACK = "back"
    STOP = "stop"  # of this booking, not of an appointment that is made
    RESTART = "restart"
    SKIP = "skip"  # none, or not known
    MYSELF = "myself"
    CHILD = "child"
    FAMILY = "family"
    EARLIER = "earlier"
    LATER = "later"
    OTHER = "other"  # another hospital, day or time; `change_of` says which when it was said


class Field(StrEnum):
    """What can be changed, in the order in which it is asked."""

    DEPARTMENT = "department"
    HOSPITAL = "hospital"
    DAY = "day"
    SLOT = "slot"
    WHO = "who"
    NAME = "name"
    BIRTH = "birth"
    DOCUMENT = "document"
    PHONE = "phone"
    INTERPRETER = "interpreter"


class Filler(StrEnum):
    """What may stand beside a command."""

    POLITE = "polite"
    ASKING = "asking"  # it asks for another day or to cancel, but it does not say yes
    DETAIL = "detail"  # of the patient: my 5 year old son


class Change(StrEnum):
    CHANGE = "change"


class Lead(StrEnum):
    """Words around an answer about a person."""

    NAME = "name"
    AFTER_NAME = "after_name"
    SURNAME = "surname"
    GIVEN = "given"
    NOT_NAMES = "not_names"
    NUMBER = "number"
    PASSPORT = "passport"
    PERMIT = "permit"
    ID_CARD = "id_card"


Meaning = Command | Filler
Units = tuple[str, ...]


def read_command(text: str, language: str) -> Command | None:
    """The command that the whole message is, in its language, in English or in Chinese."""
    if len(text) > _MAX_CHARS:
        return None
    asked = _QUESTION.search(text) is not None
    for words in (own_words(language), _with_lenders(language)):
        for squeezed in (False, True):
            if command := _command(text, words, squeezed, asked):
                return command
    return None


def change_of(text: str, language: str) -> Field | None:
    """What the resident wants changed; of several, what is asked first."""
    return _named(text, language, with_change=True)


def field_of(text: str, language: str) -> Field | None:
    """The answer to "what do you want to change?": `change_of` without the need of a word for changing."""
    return _named(text, language, with_change=False)


def lead_ins(lead: Lead) -> tuple[str, ...]:
    """Of all languages: a passport is shown in another language than the conversation's."""
    return tuple(dict.fromkeys(phrase for language in LANGUAGES for phrase in own_words(language).leads[lead]))


class Marks(StrEnum):
    """What the marks of a word are worth."""

    LOOSE = "loose"
    STRICT = "strict"  # may be left out, but other marks make another word
    EXACT = "exact"


@dataclass(frozen=True)
class Phrase:
    """Words with their marks."""

    written: Units
    marks: Marks

    def fits(self, typed: Units) -> bool:
        return len(typed) == len(self.written) and all(map(self._unit_fits, typed, self.written))

    def _unit_fits(self, typed: str, written: str) -> bool:
        if self.marks is Marks.LOOSE:
            return bare(typed) == bare(written)
        if self.marks is Marks.EXACT:
            return typed == written
        return len(typed) == len(written) and all(
            one in (other, bare(other)) for one, other in zip(typed, written, strict=True)
        )


Table = Mapping[Units, Sequence[tuple[Phrase, Meaning]]]


@dataclass(frozen=True)
class Words:
    """What a language says. `commands` is by the units without marks; `squeezed` is without doubled letters too."""

    commands: Table
    squeezed: Table
    longest: int
    change: Mapping[Units, Sequence[tuple[Phrase, Change]]]
    fields: Mapping[Units, Sequence[tuple[Phrase, Field]]]
    leads: Mapping[Lead, tuple[str, ...]]

    def meaning(self, typed: Units, squeezed: bool) -> Meaning | None:
        if len(typed) == 1 and _NUMBER.fullmatch(typed[0]):
            return Filler.DETAIL
        typed = _squeeze(typed) if squeezed else typed
        among = (self.squeezed if squeezed else self.commands).get(_bared(typed), ())
        return next((meaning for phrase, meaning in among if phrase.fits(typed)), None)


_CJK = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_SIGNS = "\u2190-\u2bff\U0001f000-\U0001faff"
_UNIT = re.compile(f"[{_CJK}{_SIGNS}]|[^\\W_{_CJK}]+")
_SIGN = re.compile(f"[{_SIGNS}]")
_QUESTION = re.compile("[?？؟]")
_CLAUSE = re.compile("[,.;:!?\n，。、；：！？؟،؛…]+")
_ANSWERS = {Command.YES, Command.NO}
_PATIENTS = {Command.MYSELF, Command.CHILD, Command.FAMILY}
_NUMBER = re.compile(r"\d{1,3}")
_REPEATED = re.compile(r"(.)\1+")


def units(text: str) -> Units:
    """The words of a text, each Chinese, Japanese or Korean letter and each sign being one of its own."""
    return tuple(_UNIT.findall(normal(text, strict=True)))


def _bared(typed: Units) -> Units:
    return tuple(bare(unit) for unit in typed)


def _squeeze(typed: Units) -> Units:
    """Without doubled letters: "yesss", "nooo", "anuler"."""
    return tuple(_REPEATED.sub(r"\1", unit) for unit in typed)


def _command(text: str, words: Words, squeezed: bool, asked: bool) -> Command | None:
    """Of the clauses' commands the one; a yes or no before another only leads in to it ("no, go back")."""
    commands: set[Command] = set()
    for clause in _CLAUSE.split(text):
        if typed := _known_signs(units(clause), words):
            meanings = _cover(typed, words, squeezed)
            asked = asked or Filler.ASKING in meanings
            found = {each for each in meanings if isinstance(each, Command)}
            if not meanings or _contradictory(found) or (Filler.DETAIL in meanings and not _is_patient(found)):
                return None
            commands |= found
    chosen = commands - _ANSWERS or commands
    return chosen.pop() if len(chosen) == 1 and not (asked and chosen == {Command.YES}) else None


def _contradictory(commands: set[Command]) -> bool:
    """Without a comma "no" belongs to what follows: "no cancel", 不取消."""
    return Command.NO in commands and len(commands) > 1


def _is_patient(commands: set[Command]) -> bool:
    return bool(commands & _PATIENTS) and commands <= {*_PATIENTS, Command.YES}


def _known_signs(typed: Units, words: Words) -> Units:
    return tuple(unit for unit in typed if not _SIGN.fullmatch(unit) or (unit,) in words.commands)


def _cover(typed: Units, words: Words, squeezed: bool) -> list[Meaning]:
    """What the phrases mean that together are the whole clause; empty when something is left over."""
    best: list[list[Meaning] | None] = [None] * len(typed) + [[]]
    for start in range(len(typed) - 1, -1, -1):
        for end in range(min(len(typed), start + words.longest), start, -1):
            rest, meaning = best[end], words.meaning(typed[start:end], squeezed)
            if rest is not None and meaning is not None:
                best[start] = [meaning, *rest]
                break
    return best[0] or []


def _named(text: str, language: str, with_change: bool) -> Field | None:
    if len(text) > _MAX_CHARS:
        return None
    typed = units(text)
    for words in (own_words(language), _with_lenders(language)):
        changes = not with_change or any(_places(typed, words.change))
        if changes and (found := _fields_in(typed, words)):
            return min(found, key=list(Field).index)
    return None


def _fields_in(typed: Units, words: Words) -> set[Field]:
    """Those whose words are not part of another's: a date of birth is no date of the visit."""
    found = list(_places(typed, words.fields))
    return {field for (start, end), field in found if not any(_within(start, end, other) for other, _ in found)}


def _within(start: int, end: int, other: tuple[int, int]) -> bool:
    return other[0] <= start and end <= other[1] and end - start < other[1] - other[0]


def _places(typed: Units, among: Mapping[Units, Sequence[tuple[Phrase, E]]]) -> Iterator[tuple[tuple[int, int], E]]:
    plain, longest = _bared(typed), max(map(len, among))
    for start in range(len(typed)):
        for end in range(start + 1, min(len(typed), start + longest) + 1):
            for phrase, said in among.get(plain[start:end], ()):
                if phrase.fits(typed[start:end]):
                    yield (start, end), said


@cache
def own_words(language: str) -> Words:
    """The language's own, or those of the language it is answered in; ContentError for a file that is not right."""
    return _load(language if language in LANGUAGES else answer_language(language))


@cache
def _load(language: str) -> Words:
    path = FOLDER / f"{language}.yml"
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CBaseLoader)  # noqa: S506
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise ContentError(f"booking/commands/{path.name}: cannot be read ({type(error).__name__})") from error
    return words_of(f"booking/commands/{path.name}", raw, language in _MARKED)


def words_of(place: str, raw: Any, marked: bool) -> Words:
    """ContentError for what is missing, unknown, or said of two commands."""
    data = fields(place, raw, ("commands", *Filler, *Change, "fields", "leads"))
    commands, named = fields(place, data["commands"], [*Command]), fields(place, data["fields"], [*Field])
    leads = fields(place, data["leads"], (), [*Lead])
    said: list[tuple[Phrase, Meaning]] = [*_said(place, commands, Command, marked), *_said(place, data, Filler, marked)]
    _unambiguous(place, said)
    return Words(
        commands=_grouped(said),
        squeezed=_grouped([(Phrase(_squeeze(each.written), each.marks), meaning) for each, meaning in said]),
        longest=max(len(phrase.written) for phrase, _ in said),
        change=_grouped(_said(place, data, Change, marked)),
        fields=_grouped(_said(place, named, Field, marked)),
        leads={lead: texts(place, leads[lead]) if lead in leads else () for lead in Lead},
    )


def _said(place: str, raw: Mapping[str, Any], kind: type[E], marked: bool) -> Iterator[tuple[Phrase, E]]:
    for each in kind:
        yield from ((phrase, each) for phrase in _phrases(f"{place}: {each}", raw[each], marked))


def _phrases(place: str, raw: Any, marked: bool) -> Iterator[Phrase]:
    """A phrase that ends in ! is never read without its own marks."""
    for phrase in texts(place, raw):
        marks = Marks.EXACT if phrase.endswith("!") else Marks.STRICT if marked else Marks.LOOSE
        if not (written := units(phrase)):
            raise ContentError(f"{place}: {phrase!r} has no words")
        yield Phrase(written, marks)


def _unambiguous(place: str, said: Sequence[tuple[Phrase, Meaning]]) -> None:
    seen: dict[Units, Meaning] = {}
    for phrase, meaning in said:
        key = phrase.written if phrase.marks is Marks.EXACT else _bared(phrase.written)
        if seen.setdefault(key, meaning) != meaning:
            raise ContentError(f"{place}: {' '.join(phrase.written)} is both {seen[key]} and {meaning}")


def _grouped(said: Iterable[tuple[Phrase, S]]) -> Mapping[Units, Sequence[tuple[Phrase, S]]]:
    """What must have its own marks first: it knows best."""
    groups: dict[Units, list[tuple[Phrase, S]]] = {}
    for phrase, meaning in sorted(said, key=lambda each: each[0].marks is not Marks.EXACT):
        groups.setdefault(_bared(phrase.written), []).append((phrase, meaning))
    return groups


@cache
def _with_lenders(language: str) -> Words:
    """The language's own words come first where another language means something else."""
    tables = [own_words(each) for each in dict.fromkeys((language, *LENDERS))]
    return Words(
        commands=_joined(table.commands for table in tables),
        squeezed=_joined(table.squeezed for table in tables),
        longest=max(table.longest for table in tables),
        change=_joined(table.change for table in tables),
        fields=_joined(table.fields for table in tables),
        leads=tables[0].leads,
    )


def _joined(tables: Iterable[Mapping[Units, Sequence[tuple[Phrase, S]]]]) -> Mapping[Units, Sequence[tuple[Phrase, S]]]:
    joined: dict[Units, list[tuple[Phrase, S]]] = {}
    for table in tables:
        for key, phrases in table.items():
            joined.setdefault(key, []).extend(phrases)
    return joined
