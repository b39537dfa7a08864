"""Red flags of illness: the card comes at once, also when the resident only asks for an appointment."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.conversations.urgent import Kind, TableError, UrgentLane
from bot.languages import LANGUAGES

FOLDER = Path(__file__).parents[2] / "data" / "urgent"
CASES: dict[str, dict[str, list[str]]] = yaml.safe_load(
    Path(__file__).with_name("red_flags.yml").read_text(encoding="utf-8")
)


@pytest.fixture(scope="module")
def lane() -> UrgentLane:
    return UrgentLane.load(FOLDER)


def lane_of(tmp_path: Path, flags: str, context: str = "") -> UrgentLane:
    (tmp_path / "card.yml").write_text((FOLDER / "card.yml").read_text(encoding="utf-8"), encoding="utf-8")
    table = f"language: en\nsigns: {{ambulance: {{flag: [{flags}]}}}}\ncontext: {{{context}}}\n"
    (tmp_path / "en.yml").write_text(table, encoding="utf-8")
    return UrgentLane.load(tmp_path)


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_language_catches_its_red_flags(lane: UrgentLane, language: str) -> None:
    missed = [text for text in CASES[language]["must"] if lane.check(text) is None]
    assert len(CASES[language]["must"]) >= 8
    assert not missed


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_ordinary_wishes_of_patients_raise_no_alarm(lane: UrgentLane, language: str) -> None:
    assert len(CASES[language]["calm"]) >= 5
    assert not [text for text in CASES[language]["calm"] if lane.check(text) is not None]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("I want to see a doctor tomorrow, my chest hurts and my left arm is numb", Kind.AMBULANCE),
        ("can I get an appointment? my wife's water broke", Kind.AMBULANCE),
        ("I keep thinking about ending my life, is there a doctor on Monday?", Kind.SUICIDE),
    ],
)
def test_a_wish_for_an_appointment_silences_nothing(lane: UrgentLane, text: str, kind: Kind) -> None:
    urgent = lane.check(text)
    assert urgent is not None
    assert (urgent.kind, urgent.number) == (kind, "120")


def test_thoughts_of_suicide_name_the_support_line(lane: UrgentLane) -> None:
    urgent = lane.check("everyone would be better off without me")
    assert urgent is not None
    assert "12356" in urgent.also


@pytest.mark.parametrize(
    ("text", "card"),
    [
        ("my baby is two months old, he has a fever", True),
        ("he has a fever. my baby is two months old", True),
        ("my baby is two months old", False),
        ("he has a fever", False),
        ("if he has a fever, my baby is two months old", False),
        ("my baby is two months old, he had a fever yesterday", False),
        ("my baby is two months old, fever since yesterday", True),
    ],
)
def test_parts_may_stand_in_two_clauses(tmp_path: Path, text: str, card: bool) -> None:
    context = "if: [if], past: [yesterday], despite: [since yesterday]"
    lane = lane_of(tmp_path, "months old + fever", context)
    assert (lane.check(text) is not None) is card


def test_a_group_alone_can_be_a_part(tmp_path: Path) -> None:
    (tmp_path / "card.yml").write_text((FOLDER / "card.yml").read_text(encoding="utf-8"), encoding="utf-8")
    table: dict[str, Any] = {
        "language": "zh",
        "groups": {"fever": ["发烧"], "young": ["新生儿"]},
        "signs": {"ambulance": {"flag": ["<young> + <fever>"]}},
        "context": {},
    }
    (tmp_path / "zh.yml").write_text(yaml.safe_dump(table, allow_unicode=True), encoding="utf-8")
    assert UrgentLane.load(tmp_path).check("我家新生儿从早上一直发烧") is not None


def test_a_denial_takes_its_part_away(tmp_path: Path) -> None:
    lane = lane_of(tmp_path, "hit .. head + vomiting", "ignore: [no vomiting]")
    assert lane.check("he hit his head, vomiting") is not None
    assert lane.check("he hit his head, no vomiting") is None


def test_a_part_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="fe\\?ver"):
        lane_of(tmp_path, "'months old + fe?ver'")


def test_two_letters_are_enough_to_begin_a_word(tmp_path: Path) -> None:
    lane = lane_of(tmp_path, "el* arm")
    assert lane.check("elbow arm") is not None
    assert lane.check("ell") is None
