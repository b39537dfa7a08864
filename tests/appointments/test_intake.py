"""The intake card: the project's lists, the card made of them, and what the loader and the card refuse."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.appointments.contents import LANGUAGES
from bot.appointments.intake import INTAKE_FILE, Intake, Line, Topic, load
from bot.errors import ContentError, RequestError
from bot.settings import ROOT

DATA = ROOT / "data" / "booking"
_SCRIPTS = {
    "zh": "[\u4e00-\u9fff]",
    "ja": "[\u3040-\u30ff\u4e00-\u9fff]",
    "ko": "[\uac00-\ud7af]",
    "ru": "[\u0400-\u04ff]",
    "ar": "[\u0600-\u06ff]",
}
_NOT_THEIRS = {
    "zh": "[\u3040-\u30fa\uac00-\ud7af\u0400-\u06ff]",
    "ja": "[\uac00-\ud7af\u0400-\u06ff]",
    "ko": "[\u3040-\u30fa\u4e00-\u9fff\u0400-\u06ff]",
    "ru": "[\u3040-\uffef\u0600-\u06ff]",
    "ar": "[\u3040-\uffef\u0400-\u04ff]",
}


@pytest.fixture(scope="module")
def intake() -> Intake:
    return load(DATA)


def test_the_lists_are_as_long_as_a_card_needs(intake: Intake) -> None:
    sizes = {topic: len(choices.entries) for topic, choices in intake.topics.items()}
    assert sizes[Topic.SYMPTOMS] >= 40
    assert sizes[Topic.ALLERGIES] >= 25
    assert sizes[Topic.MEDICINES] >= 40
    assert sizes[Topic.CONDITIONS] >= 35
    assert sizes[Topic.PAIN] == 11


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_in_the_script_of_its_language(intake: Intake, language: str) -> None:
    needed, foreign = _SCRIPTS.get(language, "[A-Za-z]"), _NOT_THEIRS.get(language, "[\u0400-\u06ff\u3040-\uffef]")
    for choices in intake.topics.values():
        for text in (choices.heading[language], *(entry.texts[language] for entry in choices.entries.values())):
            assert re.search(needed, text), text
            assert not re.search(foreign, text), text


@pytest.mark.parametrize("language", LANGUAGES)
def test_pain_grows_with_its_number(intake: Intake, language: str) -> None:
    texts = [entry.texts[language] for entry in intake.topics[Topic.PAIN].entries.values()]
    assert [int(re.match(r"\d+", text)[0]) for text in texts] == list(range(11))  # type: ignore[index]
    grades = [re.sub(r"^\d+", "", text) for text in texts]
    assert [grades.index(grade) for grade in grades] == [0, 1, 1, 1, 4, 4, 4, 7, 7, 7, 10]


def test_the_same_entry_has_the_same_words_in_every_list(intake: Intake) -> None:
    allergies, medicines = intake.topics[Topic.ALLERGIES].entries, intake.topics[Topic.MEDICINES].entries
    for key in ("paracetamol", "ibuprofen", "aspirin", "amoxicillin", "not_sure"):
        assert allergies[key].texts == medicines[key].texts


def test_a_card_is_chinese_and_the_residents_language_in_the_cards_order(intake: Intake) -> None:
    picked = {"allergies": ["peanuts", "penicillin"], "symptoms": ["fever"], "pain": []}
    symptoms, allergies = intake.card(picked, "vi")
    assert symptoms.heading == Line("症状", "Triệu chứng")
    assert symptoms.lines == (Line("发热", "Sốt"),)
    assert [line.printed for line in allergies.lines] == ["青霉素", "花生"]
    assert [line.own for line in allergies.lines] == ["Penicillin", "Lạc (đậu phộng)"]


def test_a_card_in_another_language_is_chinese_and_english(intake: Intake) -> None:
    (block,) = intake.card({"conditions": ["asthma"]}, "tr")
    assert block.lines == (Line("哮喘", "Asthma"),)


@pytest.mark.parametrize(
    ("picked", "says"),
    [
        ({"doctor": ["x"]}, "lists"),
        ({"conditions": ["hiv", "dragon_pox"]}, "conditions"),
        ({"conditions": ["hiv", "hiv"]}, "conditions"),
        ({"conditions": "hiv"}, "conditions"),
        ({"conditions": ["hiv", "none"]}, "conditions"),
        ({"durations": ["today", "days_1_3"]}, "durations"),
        ({"pregnancy": ["not_pregnant", "first_weeks"]}, "pregnancy"),
    ],
)
def test_a_wrong_pick_is_refused_without_saying_what_ails(intake: Intake, picked: Any, says: str) -> None:
    with pytest.raises(RequestError, match=says) as caught:
        intake.card(picked, "en")
    assert "hiv" not in str(caught.value).lower()


def test_none_alone_can_be_picked(intake: Intake) -> None:
    (block,) = intake.card({"allergies": ["none_known"]}, "en")
    assert block.lines == (Line("无已知过敏", "No known allergies"),)


def _entry(data: Any, topic: str, number: int = 0) -> Any:
    return data[topic]["entries"][number]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda data: data.pop("pain"), "lacks pain"),
        (lambda data: data.update(doctors={}), "unknown fields doctors"),
        (lambda data: data["pain"]["heading"].pop("ar"), "pain: heading: lacks ar"),
        (lambda data: data["pain"].update(many="yes"), "pain: many"),
        (lambda data: data["pain"].update(entries=[]), "pain: entries"),
        (lambda data: _entry(data, "symptoms")["texts"].pop("ru"), "symptoms: fever: texts: lacks ru"),
        (lambda data: _entry(data, "symptoms")["texts"].update(ru=""), "symptoms: fever: texts: ru"),
        (lambda data: _entry(data, "symptoms")["texts"].update(tr="Ateş"), "unknown fields tr"),
        (lambda data: _entry(data, "symptoms").update(key="chills"), "symptoms: chills stands twice"),
        (lambda data: _entry(data, "symptoms").update(key=True), "quote yes and no"),
        (lambda data: _entry(data, "symptoms").update(exclusive=1), "symptoms: fever: exclusive"),
        (lambda data: _entry(data, "symptoms", 1)["texts"].update(de="FIEBER"), "chills: de: the same text as fever"),
    ],
)
def test_a_wrong_entry_is_named(tmp_path: Path, change: Callable[[Any], object], says: str) -> None:
    data = yaml.load((DATA / INTAKE_FILE).read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    change(data)
    (tmp_path / INTAKE_FILE).write_text(yaml.dump(data, Dumper=yaml.CSafeDumper, allow_unicode=True), encoding="utf-8")
    with pytest.raises(ContentError, match=re.escape(INTAKE_FILE)) as caught:
        load(tmp_path)
    assert says in str(caught.value)
