"""What residents are told while they book: data/booking/words, one file a language, all with the same keys and places.

What stands in a text is named by its parameter: `department_name` is a department's key, `at_start` an instant,
`day_asked` a day. So a message keeps keys and is said in whatever language it is shown in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from string import Formatter

from bot.appointments import page_words
from bot.appointments.catalogue import Catalogue
from bot.appointments.contents import LANGUAGES, fields, read_yaml, text
from bot.appointments.draft import NO_INTERPRETER
from bot.appointments.readings import Part
from bot.errors import ContentError
from bot.handoff.hours import CITY_TIME
from bot.languages import DEFAULT
from bot.languages import LANGUAGES as ALL_LANGUAGES

FOLDER = "words"
PREFIX = "booking_"
_DOCUMENTS = "doc_"
Words = Mapping[str, str]


@dataclass(frozen=True)
class BookingWords:
    words: Mapping[str, Words]
    catalogue: Catalogue
    page: Mapping[str, Words]

    @staticmethod
    def load(folder: Path, catalogue: Catalogue) -> BookingWords:
        """Read data/booking. ContentError naming file and key."""
        first = _read(folder, DEFAULT)
        own = {code: _checked(folder, code, first) for code in LANGUAGES}
        return BookingWords(own, catalogue, page_words.load(folder))

    @staticmethod
    def language(code: str) -> str:
        """The language a resident of this one is spoken to in."""
        return code if code in LANGUAGES else DEFAULT

    def text(self, language: str, key: str, params: Mapping[str, str]) -> str:
        """The words of a key. KeyError for one that is unknown."""
        own = self.words[self.language(language)]
        return own[key].format(**{name: self._spelled(name, value, own, language) for name, value in params.items()})

    def title(self, language: str, value: str) -> str:
        """What stands on the button that says this. KeyError or ValueError for a value that none says."""
        code = self.language(language)
        own = self.words[code]
        name, _, what = value.partition(":")
        match name:
            case "say":
                return own[f"button_{what}"]
            case "department" | "hospital" if what in _OWN_BUTTONS:
                return own[_OWN_BUTTONS[what]]
            case "department":
                return self.catalogue.departments[what].names[code]
            case "hospital":
                return self.catalogue.hospitals[what].names[code]
            case "speaks":
                return own["button_speaks"].format(interpreter_name=_named(own, what)) if what else own[_SPEAKS_ANY]
            case "day":
                return own["button_any_day"] if what == "any" else _day_and_part(what, own)
            case "slot" | "one":
                return _moment(datetime.fromisoformat(what.rpartition("@")[2]), own)
            case "born":
                return _born(date.fromisoformat(what), own)
            case "who":
                return own[f"who_{what}"]
            case "change":
                return own[f"field_{what}"]
            case "interpreter" if what != NO_INTERPRETER:
                return own["button_interpreter"].format(interpreter_name=_named(own, what))
            case "interpreter":
                return own["button_interpreter_none"]
            case _:
                return own[f"button_{name}"]

    def documents(self, language: str) -> tuple[str, ...]:
        """What to bring, as on the appointment's page."""
        own = self.page[self.language(language)]
        return tuple(text for key, text in own.items() if key.startswith(_DOCUMENTS))

    def context(self, language: str) -> str:
        """What a question beside a booking is about."""
        return self.words[self.language(language)]["context"]

    def of_money(self, text: str, language: str) -> bool:
        """Whether a text asks what something costs."""
        asked = text.casefold()
        codes = dict.fromkeys((self.language(language), DEFAULT, "zh"))
        return any(word in asked for code in codes for word in self.words[code]["cost_words"].split("|"))

    def _spelled(self, name: str, value: str, own: Words, language: str) -> str:
        code = self.language(language)
        if name in _SPELLED:
            return _SPELLED[name](value, own)
        if name.startswith("at_"):
            return _moment(datetime.fromisoformat(value), own)
        if name.startswith("day_"):
            return _day(date.fromisoformat(value), own)
        match name:
            case "department_name":
                return self.catalogue.departments[value].names[code]
            case "department_sign":
                return self.catalogue.departments[value].sign_zh
            case "hospital_name":
                return self.catalogue.hospitals[value].names[code]
            case _:
                return value


_OWN_BUTTONS = {"all": "button_all_departments", "any": "button_any_hospital"}
_SPEAKS_ANY = "button_speaks_any"


def _named(own: Words, code: str) -> str:
    """A language by its name here, or by its own where there is none."""
    names = _pairs(own["languages"])
    return names.get(code) or ALL_LANGUAGES[code].endonym


def _pairs(listed: str) -> dict[str, str]:
    return {name: said for name, _, said in (one.partition(": ") for one in listed.split("|"))}


def _day(day: date, own: Words) -> str:
    weekday, month = own["weekdays"].split("|")[day.weekday()], own["months"].split("|")[day.month - 1]
    return own["date"].format(weekday=weekday, day=str(day.day), month=month)


def _born(day: date, own: Words) -> str:
    return own["date_born"].format(day=str(day.day), month=own["months"].split("|")[day.month - 1], year=str(day.year))


def _moment(instant: datetime, own: Words) -> str:
    here = instant.astimezone(CITY_TIME)
    return own["moment"].format(date=_day(here.date(), own), time=f"{here:%H:%M}")


def _day_and_part(value: str, own: Words) -> str:
    day, _, part = value.partition("/")
    said = _day(date.fromisoformat(day), own)
    return f"{said} ({_pairs(own['parts'])[part]})" if part else said


_SPELLED: dict[str, Callable[[str, Words], str]] = {
    "day_born": lambda value, own: _born(date.fromisoformat(value), own),
    "relation_name": lambda value, own: own[f"relation_{value}"],
    "reason_name": lambda value, own: own[f"reason_{value}"],
    "document_name": lambda value, own: own[f"document_{value}"],
    "interpreter_name": lambda value, own: own["no_interpreter"] if value == NO_INTERPRETER else _named(own, value),
    # Somebody's name may hold a brace.
    "name": lambda value, own: value,
}


def _read(folder: Path, code: str) -> Words:
    place = f"{FOLDER}/{code}.yml"
    raw = read_yaml(folder / FOLDER / f"{code}.yml")
    if not isinstance(raw, dict):
        raise ContentError(f"{place}: must be a mapping of keys to texts")
    return {key: text(f"{place}: {key}", value) for key, value in raw.items()}


def _checked(folder: Path, code: str, first: Words) -> Words:
    own = _read(folder, code)
    fields(f"{FOLDER}/{code}.yml", own, tuple(first))
    for key, value in own.items():
        if _places(f"{FOLDER}/{code}.yml: {key}", value) != _places(key, first[key]):
            raise ContentError(f"{FOLDER}/{code}.yml: {key}: not the placeholders of {DEFAULT}.yml")
    _check_lists(f"{FOLDER}/{code}.yml", own)
    return own


def _check_lists(place: str, own: Words) -> None:
    for key, count in (("weekdays", 7), ("months", 12)):
        if len(own[key].split("|")) != count:
            raise ContentError(f"{place}: {key}: must be {count} names with | between them")
    fields(f"{place}: parts", _pairs(own["parts"]), tuple(Part))
    fields(f"{place}: languages", _pairs(own["languages"]), LANGUAGES)


def _places(place: str, words: str) -> set[str]:
    try:
        return {name for _, name, _, _ in Formatter().parse(words) if name is not None}
    except ValueError as error:
        raise ContentError(f"{place}: {error}") from error
