"""The real starting content: it loads, there is enough of it, and every statement says where it is from and how old."""

from __future__ import annotations

import re
from datetime import date

import pytest

from bot.conversations.plans import BOOKING_ARTICLE, STARTERS
from bot.evaluation.sets import load_questions
from bot.knowledge.articles import Area, Article
from bot.knowledge.files import Content, load_counter_examples, load_folder
from tests.fakes.engine import ROOT

FOLDER = ROOT / "data" / "knowledge"


@pytest.fixture(scope="module")
def content() -> Content:
    return load_folder(FOLDER)


def test_there_is_enough(content: Content) -> None:
    assert len(content.articles) >= 48
    full = [article for article in content.articles.values() if {"en", "zh", "fr", "ar", "vi"} <= set(article.texts)]
    assert len(full) >= 24
    assert {article.area for article in content.articles.values()} == set(Area)


def test_every_article_can_be_asked_for_in_many_ways(content: Content) -> None:
    for slug, article in content.articles.items():
        counts = {language: len(texts) for language, texts in article.variants.items()}
        assert min(counts.get("en", 0), counts.get("zh", 0)) >= 8, (slug, counts)


def test_sources_and_dates_are_everywhere(content: Content) -> None:
    for slug, article in content.articles.items():
        assert article.sources, slug
        assert date(2025, 1, 1) <= article.checked_on < article.review_by, slug


def test_every_language_of_an_article_has_the_same_parts(content: Content) -> None:
    """A translation must not lose a step or a document."""
    wrong = [
        (slug, language)
        for slug, article in content.articles.items()
        for language in article.texts
        if shape(article, language) != shape(article, "en")
    ]
    assert wrong == []


def shape(article: Article, language: str) -> tuple[int, int, bool]:
    text = article.texts[language]
    return len(text.steps), len(text.documents), text.note is None


def test_the_numbers_of_every_fact_stand_in_the_text(content: Content) -> None:
    """A value kept as a field must be one that the answer states; numbers below ten may stand there as words."""
    for slug, article in content.articles.items():
        said = "\n".join(
            "\n".join((text.answer, *text.steps, *text.documents, text.note or "")) for text in article.texts.values()
        )
        numbers = {int(found) for found in re.findall(r"\d+", re.sub(r"(?<=\d)[, ](?=\d{3})", "", said))}
        for fact in article.facts:
            stated = {int(found) for found in re.findall(r"\d+", fact.value.replace(",", ""))}
            assert {number for number in stated if number >= 10} <= numbers, (slug, fact)


def test_the_buttons_of_the_areas_lead_to_articles(content: Content) -> None:
    assert set(STARTERS) == set(Area)
    for area, slugs in STARTERS.items():
        assert [slug for slug in slugs if slug not in content.articles] == [], area
        assert {content.articles[slug].area for slug in slugs} == {area}
    assert BOOKING_ARTICLE in content.articles


def test_no_counter_example_is_also_a_variant(content: Content) -> None:
    variants = {
        (language, text.casefold())
        for article in content.articles.values()
        for language, texts in article.variants.items()
        for text in texts
    }
    examples = load_counter_examples(FOLDER)
    assert len(examples) >= 20
    assert [example for example in examples if (example[0], example[1].casefold()) in variants] == []


def test_no_frozen_question_is_a_variant(content: Content) -> None:
    """What is measured must not be what was learned."""
    variants = {
        text.casefold().strip()
        for article in content.articles.values()
        for texts in article.variants.values()
        for text in texts
    }
    holdout = load_questions(ROOT / "data" / "evaluation", "holdout")
    assert [question.id for question in holdout if question.text.casefold().strip() in variants] == []
    assert {slug for question in holdout for slug in question.articles} <= set(content.articles)
