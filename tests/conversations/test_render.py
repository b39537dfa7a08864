"""Rendering is pure: the same plan, language and date give the same words, and nothing is looked up elsewhere."""

from __future__ import annotations

import json
import string
from datetime import date
from pathlib import Path

import pytest
import yaml

from bot import locales
from bot.conversations import acts, plans
from bot.conversations.plans import Act, Appointment, Chosen
from bot.conversations.render import Renderer, _source
from bot.errors import ContentError
from bot.knowledge.articles import Area, SourceRef
from bot.languages import ANSWERED, CODES
from bot.locales import Locales
from bot.messages import Choice, Kind, Outcome, Plan
from tests.fakes.site import Brain

TODAY = date(2026, 11, 23)
ALL_PLANS = {
    "greet": plans.greet(),
    "help": plans.help_(),
    "person": plans.person(),
    "unknown": plans.unknown(),
    "language": plans.change_language("fr"),
    "which language": plans.change_language(None),
    "article": plans.article("lost-passport"),
    "urgent?": plans.maybe_urgent(plans.article("lost-passport")),
    **{act.value: plans.appointment(act) for act in Appointment},
    **{area.value: plans.area(area.value) for area in Area},
    **{intent: acts.act(intent) for intent in sorted(acts.ACTS)},
}


@pytest.fixture
def renderer(brain: Brain) -> Renderer:
    return Renderer(brain.locales, brain.search.knowledge, TODAY)


@pytest.mark.parametrize("language", CODES)
def test_every_plan_can_be_said_in_every_language(renderer: Renderer, language: str) -> None:
    for name, plan in ALL_PLANS.items():
        answers = renderer.render(plan, language, 2, say_only_english=True)
        again = renderer.render(plan, language, 2, say_only_english=True)
        assert answers == again, name
        assert len(answers) == len(plan.parts) + (language not in ANSWERED), name
        assert all(answer.text.strip() and "{" not in answer.text for answer in answers), name
        assert all(answer.lang in CODES for answer in answers), name


def test_a_plan_survives_the_way_through_the_engine() -> None:
    for plan in ALL_PLANS.values():
        assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


@pytest.mark.parametrize(
    "damage", [{"outcome": "x"}, {"parts": [{}]}, {"parts": 7}, {"parts": [{"kind": "text"}]}, {"trace": 3}]
)
def test_what_is_no_plan_is_refused(damage: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        Plan.from_json({**plans.greet().to_json(), **damage})


def test_a_payload_names_the_message_and_the_place(renderer: Renderer) -> None:
    plan = Plan(Outcome.CHAT, (plans.say("greet").parts[0], plans.greet().parts[0]))
    answers = renderer.render(plan, "th", 5, say_only_english=True)
    assert [len(answer.buttons) for answer in answers] == [0, 0, 6]
    assert [button.payload for button in answers[2].buttons] == [f"b5.2.{place}" for place in range(6)]


def test_places_do_not_shift_when_a_choice_is_left_out(renderer: Renderer) -> None:
    choices = (Choice(Act.ARTICLE, "never-published"), Choice(Act.ARTICLE, "lost-passport"))
    (answer,) = renderer.render(plans.say("clarify", choices=choices), "en", 2, say_only_english=False)
    assert [button.payload for button in answer.buttons] == ["b2.0.1"]


def test_an_article_that_was_withdrawn_is_not_invented(renderer: Renderer) -> None:
    (answer,) = renderer.render(plans.article("never-published"), "en", 2, say_only_english=False)
    assert (answer.kind, answer.article, answer.source) == (Kind.TEXT, None, None)
    assert "12345" in answer.text


@pytest.mark.parametrize(("page_date", "shown"), [(None, "T"), ("2024", "T (2024)"), ("2024-05", "T (2024-05)")])
def test_a_source_shows_the_pages_own_date(page_date: str | None, shown: str) -> None:
    assert _source(SourceRef("T", None, page_date)).title == shown


def test_every_button_has_its_plan() -> None:
    for act, value in ((Act.ARTICLE, "x"), (Act.AREA, "life"), (Act.NONE_OF_THESE, ""), (Act.PERSON, "")):
        assert plans.for_button(Chosen(act, value)).parts


# --- the locales' files ----------------------------------------------------------------------------------------------


def placeholders(text: str) -> set[str | None]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def words_of(language: str) -> dict[str, str]:
    path = Path(locales.__file__).with_name(f"{language}.yml")
    words: dict[str, str] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return words


@pytest.mark.parametrize("language", CODES)
def test_placeholders_are_the_same_in_every_language(language: str) -> None:
    english = words_of("en")
    for key, text in words_of(language).items():
        assert placeholders(text) == placeholders(english[key]), key


@pytest.mark.parametrize("language", ANSWERED)
def test_an_answered_language_says_everything_itself(language: str) -> None:
    own, english = words_of(language), words_of("en")
    assert set(own) == set(english)
    same = [key for key in own if language != "en" and own[key] == english[key]]
    assert same == []


def test_the_line_about_english_is_in_each_language_itself() -> None:
    lines = {words_of(code)["only_english"] for code in CODES}
    assert len(lines) == len(CODES)


def damaged(change: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    words = {code: words_of(code) for code in CODES}
    return {code: {**words[code], **change.get(code, {})} for code in CODES}


def test_a_lost_placeholder_is_refused() -> None:
    with pytest.raises(ContentError, match="fr"):
        Locales(damaged({"fr": {"stale": "Une vérification a eu lieu."}}))


def test_a_missing_key_and_an_unknown_key_are_refused() -> None:
    with pytest.raises(ContentError, match="zh"):
        Locales(damaged({"zh": {"no_such_key": "?"}}))
    words = damaged({})
    del words["vi"]["greet"]
    with pytest.raises(ContentError, match="vi"):
        Locales(words)
    del words["th"]
    with pytest.raises(ContentError, match="th"):
        Locales(words)


def test_a_locale_file_that_is_no_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "en.yml").write_text("- a\n- b\n")
    with pytest.raises(ContentError, match=r"en\.yml"):
        Locales.load(tmp_path)
