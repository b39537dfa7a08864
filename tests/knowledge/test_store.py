"""Publishing: a new version when something visible changed, none when nothing did; what is loaded is what was said."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.db import models
from bot.db.engine import make_engine, session
from bot.db.migrate import migrate
from bot.knowledge import store
from bot.knowledge.articles import Article, Text, knowledge_version
from bot.knowledge.files import Content, load_folder
from bot.settings import load_settings
from tests.fakes.site import KNOWLEDGE, NOW

SLUG = "lost-passport"


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = make_engine(load_settings({}, database_url=database_url).database_url)
    await migrate(engine)
    yield engine
    await engine.dispose()


def changed(content: Content, **fields: object) -> Content:
    article = replace(content.articles[SLUG], **fields)  # type: ignore[arg-type]
    return Content({**content.articles, SLUG: article}, content.offices)


def visible(article: Article) -> Article:
    variants = {language: tuple(sorted(texts)) for language, texts in article.variants.items()}
    return replace(article, version=0, variants=variants, texts=dict(sorted(article.texts.items())))


async def versions(database: AsyncEngine) -> list[tuple[int, str]]:
    query = select(models.ArticleVersion.number, models.ArticleVersion.status).join(models.Article)
    async with session(database) as unit:
        rows = await unit.execute(query.where(models.Article.slug == SLUG).order_by(models.ArticleVersion.number))
        return [(row.number, row.status) for row in rows]


async def test_load_gives_back_what_was_published(database: AsyncEngine) -> None:
    content = load_folder(KNOWLEDGE)
    assert await store.publish(database, content, NOW) == 6
    knowledge = await store.load(database)
    assert knowledge.offices == content.offices
    assert {slug: visible(article) for slug, article in knowledge.articles.items()} == {
        slug: visible(article) for slug, article in content.articles.items()
    }
    assert {article.version for article in knowledge.articles.values()} == {1}
    assert await store.count(database) == 6


async def test_unchanged_content_makes_no_version(database: AsyncEngine) -> None:
    await store.publish(database, load_folder(KNOWLEDGE), NOW)
    before = await store.load(database)
    assert await store.publish(database, load_folder(KNOWLEDGE), NOW + timedelta(days=1)) == 0
    assert await store.load(database) == before
    assert await versions(database) == [(1, "published")]


async def test_a_change_makes_the_next_version_and_keeps_the_old_one(database: AsyncEngine) -> None:
    content = load_folder(KNOWLEDGE)
    await store.publish(database, content, NOW)
    texts = {**content.articles[SLUG].texts, "en": Text("What do I do when my passport is lost?", "New answer.")}
    assert await store.publish(database, changed(content, texts=texts), NOW) == 1
    assert await versions(database) == [(1, "replaced"), (2, "published")]
    article = (await store.load(database)).articles[SLUG]
    assert (article.version, article.texts["en"].answer) == (2, "New answer.")
    async with session(database) as unit:
        old = await unit.execute(
            select(models.Translation.answer)
            .join(models.ArticleVersion, models.ArticleVersion.id == models.Translation.version_id)
            .join(models.Article)
            .where(models.Article.slug == SLUG, models.ArticleVersion.number == 1, models.Translation.language == "en")
        )
        assert old.scalar_one().startswith("Report the loss")


async def test_back_to_the_old_text_is_a_third_version(database: AsyncEngine) -> None:
    content = load_folder(KNOWLEDGE)
    await store.publish(database, content, NOW)
    await store.publish(database, changed(content, say_zh="别的话"), NOW)
    await store.publish(database, content, NOW)
    assert await versions(database) == [(1, "replaced"), (2, "replaced"), (3, "published")]


@pytest.mark.parametrize("field", ["say_zh", "confidence", "review_by", "office", "sources", "facts"])
async def test_whatever_a_resident_can_see_makes_a_version(field: str) -> None:
    content = load_folder(KNOWLEDGE)
    article, other = content.articles[SLUG], content.articles["accommodation-registration"]
    assert getattr(article, field) != getattr(other, field) or field == "review_by"
    value = article.review_by + timedelta(days=1) if field == "review_by" else getattr(other, field)
    assert replace(article, **{field: value}).content_hash() != article.content_hash()


async def test_variants_change_without_a_version(database: AsyncEngine) -> None:
    content = load_folder(KNOWLEDGE)
    await store.publish(database, content, NOW)
    before = (await store.load(database)).version
    variants = {"en": ("i lost my passport", "where has my passport gone"), "vi": ("mất hộ chiếu",)}
    assert await store.publish(database, changed(content, variants=variants), NOW) == 1
    assert await versions(database) == [(1, "published")]
    knowledge = await store.load(database)
    assert {k: set(v) for k, v in knowledge.articles[SLUG].variants.items()} == {k: set(v) for k, v in variants.items()}
    assert knowledge.version != before
    assert await store.publish(database, changed(content, variants=variants), NOW) == 0


async def test_an_office_is_brought_up_to_date(database: AsyncEngine) -> None:
    content = load_folder(KNOWLEDGE)
    await store.publish(database, content, NOW)
    before = (await store.load(database)).version
    office = replace(content.offices["hospital"], phone="0551-1")
    await store.publish(database, Content(content.articles, {**content.offices, "hospital": office}), NOW)
    after = await store.load(database)
    assert after.offices["hospital"].phone == "0551-1"
    assert after.version != before


def test_the_version_of_the_knowledge_does_not_depend_on_order() -> None:
    content = load_folder(KNOWLEDGE)
    backwards = dict(reversed(content.articles.items()))
    assert knowledge_version(content.articles, content.offices) == knowledge_version(backwards, content.offices)


async def test_vectors_are_kept_by_key(database: AsyncEngine) -> None:
    vectors = {f"k{number}": np.random.default_rng(number).normal(size=896).astype(np.float32) for number in range(600)}
    await store.store_vectors(database, vectors)
    await store.store_vectors(database, {"k1": vectors["k2"]})
    found = await store.stored_vectors(database, [*vectors, "unknown"])
    assert len(found) == 600
    np.testing.assert_allclose(found["k3"], vectors["k3"], rtol=2e-3, atol=1e-3)
    np.testing.assert_array_equal(found["k1"], found["k2"])
    async with session(database) as unit:
        assert await unit.scalar(select(func.count()).select_from(models.Embedding)) == 600
