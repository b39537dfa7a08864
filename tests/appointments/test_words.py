"""The words of a booking: whole in every language, and every key that is said is there."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from bot.appointments.contents import LANGUAGES
from bot.appointments.draft import Step
from bot.appointments.identity import BirthTrouble, NameTrouble, PhoneTrouble
from bot.appointments.readings import Part, Reason
from bot.appointments.words import BookingWords
from bot.errors import ContentError
from bot.settings import ROOT
from tests.fakes.booking import DATA
from tests.fakes.dialogue import CATALOGUE, FIRST, WORDS

_SOURCES = sorted(
    [*(ROOT / "bot" / "appointments").glob("*.py"), *(ROOT / "bot" / "conversations").glob("booking*.py")]
)
_KEY = re.compile(r'"(booking_[a-z_]+)"')
# Never said: a NOT_A_… is answered like any other message, and nobody is asked for a day alone.
_UNSAID = {Reason.NOT_A_DATE, Reason.ONLY_TIME}
_MADE = (
    *(f"booking_help_{step}" for step in Step),
    *(f"booking_day_{reason}" for reason in Reason if reason not in _UNSAID),
    *(f"booking_name_{trouble}" for trouble in NameTrouble if trouble is not NameTrouble.NOT_A_NAME),
    *(f"booking_birth_{trouble}" for trouble in BirthTrouble if trouble is not BirthTrouble.NOT_A_DATE),
    *(f"booking_phone_{trouble}" for trouble in PhoneTrouble if trouble is not PhoneTrouble.NOT_A_NUMBER),
)
_NOT_TEXTS = {"booking_drafts", "booking_failed_at"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(DATA / "words", tmp_path / "words")
    return tmp_path


def _edit(folder: Path, code: str, **changed: str | None) -> None:
    path = folder / "words" / f"{code}.yml"
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    for key, value in changed.items():
        if value is None:
            del data[key]
        else:
            data[key] = value
    path.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")


def _keys_in_code() -> Iterator[str]:
    for path in _SOURCES:
        yield from _KEY.findall(path.read_text(encoding="utf-8"))


def test_every_key_that_is_said_has_words() -> None:
    said = {*_keys_in_code(), *_MADE} - _NOT_TEXTS
    assert len(said) > 80
    assert {key for key in said if key not in WORDS.words["en"] and not key.endswith("_")} == set()


def test_no_words_are_kept_that_nobody_says() -> None:
    said = {*_keys_in_code(), *_MADE}
    assert {key for key in WORDS.words["en"] if key.startswith("booking_")} <= said


@pytest.mark.parametrize("code", LANGUAGES)
def test_days_and_languages_are_whole_in_every_language(code: str) -> None:
    own = WORDS.words[code]
    assert [len(own[key].split("|")) for key in ("weekdays", "months")] == [7, 12]
    parts = [WORDS.title(code, f"day:2026-12-01/{part}") for part in Part]
    assert len(set(parts)) == len(parts)
    languages = [WORDS.title(code, f"interpreter:{one}") for one in (*LANGUAGES, "uk", "none")]
    assert len(set(languages)) == len(languages)


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"booking_who": None}, "lacks booking_who"),
        ({"booking_new": "?"}, "unknown fields booking_new"),
        ({"booking_day_full": "plein"}, "booking_day_full: not the placeholders"),
        ({"booking_day_full": "{day_asked} {"}, "booking_day_full"),
        ({"booking_who": " "}, "booking_who: must be a text"),
        ({"weekdays": "lundi|mardi"}, "weekdays: must be 7"),
        ({"months": "janvier"}, "months: must be 12"),
        ({"parts": "morning: matin"}, "parts: lacks noon"),
    ],
)
def test_a_faulty_file_is_refused_by_name(folder: Path, changed: dict[str, str | None], error: str) -> None:
    _edit(folder, "fr", **changed)
    with pytest.raises(ContentError, match=re.escape(error)) as raised:
        BookingWords.load(folder, CATALOGUE)
    assert "words/fr.yml" in str(raised.value)


def test_a_language_without_words_is_spoken_to_in_english() -> None:
    assert BookingWords.language("uk") == "en"
    assert WORDS.text("uk", "booking_who", {}) == WORDS.text("en", "booking_who", {})
    assert WORDS.title("uk", f"hospital:{FIRST}") == WORDS.title("en", f"hospital:{FIRST}")
    assert WORDS.title("en", "interpreter:uk") == "Yes, Українська"


def test_an_unknown_key_or_button_is_an_error() -> None:
    for value in ("department:none", "nonsense:", "say:nonsense", "who:nobody"):
        with pytest.raises(KeyError):
            WORDS.title("en", value)
    with pytest.raises(KeyError):
        WORDS.text("en", "booking_nonsense", {})


def test_braces_in_a_name_are_only_letters() -> None:
    params = {
        "department_name": "dentistry",
        "hospital_name": FIRST,
        "at_start": "2026-12-01T09:30:00+08:00",
        "relation_name": "self",
        "name": "{phone} {} {0.__class__}",
        "day_born": "1990-05-17",
        "document_name": "passport",
        "number": "•••67",
        "phone": "+4915123456789",
        "interpreter_name": "none",
    }
    said = WORDS.text("en", "booking_confirm", params)
    assert "{phone} {} {0.__class__} (you yourself), born 17 May 1990" in said
    assert "Tuesday, 1 December, 09:30" in said


def test_moments_are_those_of_the_city() -> None:
    assert WORDS.title("de", "slot:x@2026-12-01T01:30:00+00:00") == "Dienstag, 1. Dezember, 09:30 Uhr"
    assert WORDS.title("zh", "day:2026-12-01") == "12月1日（星期二）"
