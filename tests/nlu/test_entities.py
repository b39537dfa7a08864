"""Entities by the project's own tables, in many languages."""

from __future__ import annotations

from pathlib import Path

import pytest
from rasa.shared.nlu.training_data.loading import load_data

from bot.languages import CODES, LANGUAGES
from bot.nlu.entities import Patterns, fold, from_training_data
from bot.nlu.errors import BadModelError

FOLDER = Path(__file__).resolve().parents[2] / "data/nlu/entities"


@pytest.fixture(scope="module")
def patterns() -> Patterns:
    return from_training_data(load_data(str(FOLDER)))


CASES = [
    ("How do I extend my Z visa?", {"visa_type/Z"}),
    ("visa Z ou visa M ?", {"visa_type/Z", "visa_type/M"}),
    ("我的Ｚ签证要到期了", {"visa_type/Z"}),
    ("持X1字签证入境", {"visa_type/X1"}),
    ("from Q2 to S1", {"visa_type/Q2", "visa_type/S1"}),
    ("wiza z Chin", set()),
    ("visa d’étudiant", {"visa_type/X"}),
    ("Нужна рабочая виза", {"visa_type/Z"}),
    ("student visa to residence permit", {"visa_type/X", "permit/residence_permit"}),
    ("거류증 연장하려면?", {"permit/residence_permit"}),
    ("Aufenthaltserlaubnis verlängern", {"permit/residence_permit"}),
    ("هل أحتاج تصريح عمل؟", {"permit/work_permit"}),
    ("gia hạn thẻ cư trú", {"permit/residence_permit"}),
    ("titre de sejour expiré", {"permit/residence_permit"}),
    ("Ich habe meinen Reisepass verloren", {"document/passport"}),
    ("потерял паспорта", {"document/passport"}),
    ("passports lost", {"document/passport"}),
    ("وجواز السفر", {"document/passport"}),
    ("I moved from Baohe to the High-tech Zone", {"district/baohe", "district/high-tech"}),
    ("我住蜀山区，想去滨湖", {"district/shushan", "district/binhu"}),
    ("安徽省立医院的皮肤科", {"hospital/hospital-ustc-1", "department/dermatology"}),
    ("book the children's hospital", {"hospital/hospital-children"}),
    ("歯医者を予約したい", {"department/dentistry"}),
    ("can you speak Arabic", {"language/ar"}),
    ("请用越南语", {"language/vi"}),
    ("mi esposa y mis hijos", {"person/wife", "person/child"}),
    ("моей жене нужен врач", {"person/wife"}),
    ("I want to book a table", set()),
    ("he is a kind man, the entrance is there", set()),
]


@pytest.mark.parametrize(("text", "names"), CASES)
def test_names_in_sentences(patterns: Patterns, text: str, names: set[str]) -> None:
    assert {match.name for match in patterns.find(text)} == names


@pytest.mark.parametrize("code", CODES)
def test_each_language_is_known_by_its_own_name_and_in_english(patterns: Patterns, code: str) -> None:
    for name in (LANGUAGES[code].endonym, LANGUAGES[code].english):
        assert {match.name for match in patterns.find(name)} == {f"language/{code}"}


def test_every_listed_name_is_found_by_itself(patterns: Patterns) -> None:
    missed = [(text, name) for text, name in patterns.phrases if not patterns.find(text)]
    assert missed == []


def test_a_name_means_one_thing_only(patterns: Patterns) -> None:
    meanings: dict[str, set[str]] = {}
    for text, name in patterns.phrases:
        meanings.setdefault(fold(text).text, set()).add(name)
    assert {text: names for text, names in meanings.items() if len(names) > 1} == {}


def test_places_are_those_of_the_original_text(patterns: Patterns) -> None:
    text = "ﷺ 我的Ｚ签证 in Băohé"
    assert [text[m.start : m.end] for m in patterns.find(text)] == ["Ｚ签证", "Băohé"]


def test_the_table_survives_the_model(patterns: Patterns, tmp_path: Path) -> None:
    patterns.save(tmp_path)
    assert Patterns.read(tmp_path).find("Z visa") == patterns.find("Z visa")
    (tmp_path / "entities.json").write_text("{}")
    with pytest.raises(BadModelError):
        Patterns.read(tmp_path)
