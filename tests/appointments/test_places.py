"""Places by what residents call them: names made up for this, in many scripts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.appointments.places import Place, found_places

PLACES = (
    Place(
        "north", ("First Hospital of Northfield University (Garden Hospital)", "北田大学第一医院（花园医院）", "Шушань")
    ),
    Place("south", ("Second Hospital of Northfield University", "北田大学第二医院", "مستشفى البحيرة", "Lake")),
    Place("children", ("Garden Children's Hospital", "花园儿童医院", "Детская больница", "Hôpital des enfants")),
)


@pytest.mark.parametrize(
    ("words", "keys"),
    [
        ("Garden Hospital", ["north"]),
        ("the garden hospital, please", ["north"]),
        ("GARDEN CHILDREN'S HOSPITAL", ["children"]),
        ("children’s hospital", ["children"]),
        ("l'hopital des enfants", ["children"]),
        ("в детской больнице", ["children"]),
        ("مستشفى بحيرة", ["south"]),
        ("花园儿童医院", ["children"]),
        ("我想去儿童医院", ["children"]),
        ("第二医院", []),
        ("医院", []),
        ("the first hospital", []),
        ("Northfield", ["north", "south"]),
        ("in der nähe vom lake", ["south"]),
        ("", []),
        ("2", []),
    ],
)
def test_what_is_said_names_a_place(words: str, keys: list[str]) -> None:
    assert found_places(words, PLACES) == keys


def test_what_two_are_called_names_both() -> None:
    alike = (Place("one", ("Lake East",)), Place("two", ("Lake West",)))
    assert found_places("lake", alike) == ["one", "two"]
    assert found_places("lake west", alike) == ["two"]


def test_without_places_there_is_none() -> None:
    assert found_places("lake", ()) == []
    assert found_places("lake", (Place("one", ()),)) == []


@given(st.text(max_size=80))
def test_any_text_is_read(words: str) -> None:
    assert set(found_places(words, PLACES)) <= {"north", "south", "children"}
