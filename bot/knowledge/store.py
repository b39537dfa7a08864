"""Articles between memory and the tables: publish what changed, read what is published, keep vectors by content."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.orm import selectinload

from bot.db import models
from bot.db.engine import session
from bot.knowledge.articles import (
    Area,
    Article,
    Confidence,
    Fact,
    FactKind,
    Knowledge,
    Office,
    SourceRef,
    Text,
    digest,
    knowledge_version,
)
from bot.knowledge.files import Content

PUBLISHED = "published"
REPLACED = "replaced"
# SQLite takes at most 32,766 parameters in one statement.
_BATCH = 500


async def publish(engine: AsyncEngine, content: Content, now: datetime) -> int:
    """Store every article that differs from what is published as a new version. Returns how many did."""
    async with session(engine) as unit:
        for office in content.offices.values():
            await unit.merge(
                models.Office(key=office.key, names=office.names, address_zh=office.address_zh, phone=office.phone)
            )
        await unit.flush()
        current = {row.slug: row for row in await _stored(unit)}
        return sum([await _publish_one(unit, article, current, now) for article in content.articles.values()])


async def _publish_one(unit: AsyncSession, article: Article, current: dict[str, models.Article], now: datetime) -> bool:
    row = current.get(article.slug)
    if row is None:
        row = models.Article(slug=article.slug, area=article.area.value, created_at=now, versions=[], variants=[])
        unit.add(row)
    changed_variants = _sync_variants(row, article)
    live = [version for version in row.versions if version.status == PUBLISHED]
    if live and live[0].content_hash == article.content_hash():
        return changed_variants
    for version in live:
        version.status = REPLACED
    number = max((version.number for version in row.versions), default=0) + 1
    row.area = article.area.value
    row.versions.append(_version_row(article, number, now))
    return True


def _sync_variants(row: models.Article, article: Article) -> bool:
    wanted = {(language, digest(text)): text for language, texts in article.variants.items() for text in texts}
    stored = {(variant.language, variant.text_hash): variant for variant in row.variants}
    for key, variant in stored.items():
        if key not in wanted:
            row.variants.remove(variant)
    for (language, text_hash), text in wanted.items():
        if (language, text_hash) not in stored:
            row.variants.append(models.Variant(language=language, text=text, text_hash=text_hash))
    return set(wanted) != set(stored)


def _version_row(article: Article, number: int, now: datetime) -> models.ArticleVersion:
    return models.ArticleVersion(
        number=number,
        status=PUBLISHED,
        content_hash=article.content_hash(),
        confidence=article.confidence.value,
        confirm_with=article.confirm_with,
        office=article.office,
        say_zh=article.say_zh,
        facts=[
            {"kind": fact.kind.value, "value": fact.value, "unit": fact.unit, "of": fact.of} for fact in article.facts
        ],
        review_by=article.review_by,
        checked_on=article.checked_on,
        published_at=now,
        translations=[_translation_row(language, text) for language, text in article.texts.items()],
        sources=[
            models.Source(
                position=position,
                title=source.title,
                url=source.url,
                page_date=source.page_date,
                checked_on=article.checked_on,
            )
            for position, source in enumerate(article.sources, 1)
        ],
    )


def _translation_row(language: str, text: Text) -> models.Translation:
    return models.Translation(
        language=language,
        question=text.question,
        answer=text.answer,
        steps=list(text.steps),
        documents=list(text.documents),
        note=text.note,
    )


async def load(engine: AsyncEngine) -> Knowledge:
    """Everything that is published now."""
    async with session(engine) as unit:
        rows = await _stored(unit)
        offices = {row.key: _office(row) for row in await unit.scalars(select(models.Office))}
    articles = {article.slug: article for article in _published(rows)}
    return Knowledge(knowledge_version(articles, offices), articles, offices)


async def count(engine: AsyncEngine) -> int:
    async with session(engine) as unit:
        return await unit.scalar(select(func.count()).select_from(models.Article)) or 0


async def _stored(unit: AsyncSession) -> Sequence[models.Article]:
    version = selectinload(models.Article.versions)
    query = select(models.Article).options(
        version.selectinload(models.ArticleVersion.translations),
        version.selectinload(models.ArticleVersion.sources),
        selectinload(models.Article.variants),
    )
    return (await unit.scalars(query.order_by(models.Article.slug))).all()


def _published(rows: Iterable[models.Article]) -> Iterable[Article]:
    for row in rows:
        for version in row.versions:
            if version.status == PUBLISHED:
                yield _article(row, version)


def _article(row: models.Article, version: models.ArticleVersion) -> Article:
    return Article(
        slug=row.slug,
        area=Area(row.area),
        confidence=Confidence(version.confidence),
        confirm_with=version.confirm_with,
        office=version.office,
        say_zh=version.say_zh,
        review_by=version.review_by,
        checked_on=version.checked_on,
        sources=tuple(SourceRef(source.title, source.url, source.page_date) for source in version.sources),
        facts=tuple(_fact(raw) for raw in version.facts),
        texts={text.language: _text(text) for text in sorted(version.translations, key=lambda t: t.language)},
        variants=_variants(row.variants),
        version=version.number,
    )


def _fact(raw: dict[str, Any]) -> Fact:
    return Fact(FactKind(raw["kind"]), raw["value"], raw["unit"], raw["of"])


def _text(row: models.Translation) -> Text:
    return Text(row.question, row.answer, tuple(row.steps), tuple(row.documents), row.note)


def _variants(rows: Iterable[models.Variant]) -> dict[str, tuple[str, ...]]:
    by_language: dict[str, list[str]] = {}
    for row in sorted(rows, key=lambda row: (row.language, row.text)):
        by_language.setdefault(row.language, []).append(row.text)
    return {language: tuple(texts) for language, texts in by_language.items()}


def _office(row: models.Office) -> Office:
    return Office(row.key, dict(row.names), row.address_zh, row.phone)


async def stored_vectors(engine: AsyncEngine, keys: Sequence[str]) -> dict[str, np.ndarray]:
    """The vectors (float32) that are already known, by key."""
    found: dict[str, np.ndarray] = {}
    async with session(engine) as unit:
        for start in range(0, len(keys), _BATCH):
            # Columns, not rows of the model: thousands of objects at every start were half a second.
            query = select(models.Embedding.key, models.Embedding.vector)
            for key, vector in await unit.execute(query.where(models.Embedding.key.in_(keys[start : start + _BATCH]))):
                found[key] = np.frombuffer(vector, dtype="<f2").astype(np.float32)
    return found


async def store_vectors(engine: AsyncEngine, vectors: dict[str, np.ndarray]) -> None:
    """Keep vectors (float16) by key; keys that are there already are replaced."""
    async with session(engine) as unit:
        keys = list(vectors)
        for start in range(0, len(keys), _BATCH):
            batch = keys[start : start + _BATCH]
            await unit.execute(delete(models.Embedding).where(models.Embedding.key.in_(batch)))
            unit.add_all(
                models.Embedding(key=key, vector=np.asarray(vectors[key], dtype="<f2").tobytes()) for key in batch
            )
            await unit.flush()
