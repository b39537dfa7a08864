"""The tables. Instants are UTC; ids are UUIDv7; slugs of articles are permanent."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, Uuid
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import TypeDecorator

from bot.ids import new_id


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC instant; SQLite forgets the zone, so it is put back on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("an instant must carry its time zone")
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    type_annotation_map = {datetime: UtcDateTime, dict[str, Any]: JSON, list[Any]: JSON, uuid.UUID: Uuid}


class Article(Base):
    """One topic a resident can ask about; everything that can change lives in its versions."""

    __tablename__ = "articles"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    slug: Mapped[str] = mapped_column(String(80), unique=True)
    area: Mapped[str] = mapped_column(String(20))
    created_at: Mapped[datetime]
    versions: Mapped[list[ArticleVersion]] = relationship(back_populates="article", cascade="all, delete-orphan")
    variants: Mapped[list[Variant]] = relationship(back_populates="article", cascade="all, delete-orphan")


class ArticleVersion(Base):
    """What was published under a slug at one time; never changed afterwards, so that an answer can name it."""

    __tablename__ = "article_versions"
    __table_args__ = (UniqueConstraint("article_id", "number"),)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    article_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("articles.id"))
    number: Mapped[int]
    status: Mapped[str] = mapped_column(String(12))
    content_hash: Mapped[str] = mapped_column(String(64))
    confidence: Mapped[str] = mapped_column(String(12))
    confirm_with: Mapped[str] = mapped_column(ForeignKey("offices.key"))
    office: Mapped[str | None] = mapped_column(ForeignKey("offices.key"))
    say_zh: Mapped[str] = mapped_column(Text)
    facts: Mapped[list[Any]]
    review_by: Mapped[date]
    checked_on: Mapped[date]
    published_at: Mapped[datetime]
    article: Mapped[Article] = relationship(back_populates="versions")
    translations: Mapped[list[Translation]] = relationship(cascade="all, delete-orphan")
    sources: Mapped[list[Source]] = relationship(cascade="all, delete-orphan", order_by="Source.position")


class Translation(Base):
    """The article's text in one language."""

    __tablename__ = "translations"
    __table_args__ = (UniqueConstraint("version_id", "language"),)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    version_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("article_versions.id"))
    language: Mapped[str] = mapped_column(String(8))
    question: Mapped[str] = mapped_column(Text)
    answer: Mapped[str] = mapped_column(Text)
    steps: Mapped[list[Any]]
    documents: Mapped[list[Any]]
    note: Mapped[str | None] = mapped_column(Text)


class Source(Base):
    """Where a version's facts come from: name, official link or none, the page's own date as printed, our check."""

    __tablename__ = "sources"
    __table_args__ = (UniqueConstraint("version_id", "position"),)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    version_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("article_versions.id"))
    position: Mapped[int]
    title: Mapped[str] = mapped_column(Text)
    url: Mapped[str | None] = mapped_column(Text)
    page_date: Mapped[str | None] = mapped_column(String(10))
    checked_on: Mapped[date]


class Variant(Base):
    """One way people ask for an article."""

    __tablename__ = "variants"
    __table_args__ = (UniqueConstraint("article_id", "language", "text_hash"),)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    article_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("articles.id"))
    language: Mapped[str] = mapped_column(String(8))
    text: Mapped[str] = mapped_column(Text)
    text_hash: Mapped[str] = mapped_column(String(64))
    article: Mapped[Article] = relationship(back_populates="variants")


class Office(Base):
    """A place or hotline to ask or to go to; names by language."""

    __tablename__ = "offices"
    key: Mapped[str] = mapped_column(String(60), primary_key=True)
    names: Mapped[dict[str, Any]]
    address_zh: Mapped[str | None] = mapped_column(Text)
    phone: Mapped[str | None] = mapped_column(String(60))


class Embedding(Base):
    """Sentence vectors by content, so that a start does not encode again what has not changed."""

    __tablename__ = "embeddings"
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    vector: Mapped[bytes] = mapped_column(LargeBinary)


class Conversation(Base):
    """One resident's thread. `token` alone authorises going on with it."""

    __tablename__ = "conversations"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    token: Mapped[str] = mapped_column(String(40), unique=True)
    channel: Mapped[str] = mapped_column(String(12))
    owner: Mapped[str] = mapped_column(String(8))
    language: Mapped[str | None] = mapped_column(String(8))
    language_chosen: Mapped[bool]
    topic: Mapped[str | None] = mapped_column(String(80))
    last_seq: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Message(Base):
    """One line of a conversation, as written. `status` of an incoming one: received, then answered or failed."""

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("conversation_id", "seq"),
        Index("ix_messages_in_reply_to", "in_reply_to"),
    )
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    conversation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("conversations.id"))
    seq: Mapped[int]
    direction: Mapped[str] = mapped_column(String(3))
    status: Mapped[str] = mapped_column(String(10))
    text: Mapped[str] = mapped_column(Text)
    content: Mapped[dict[str, Any]]
    in_reply_to: Mapped[uuid.UUID | None]
    created_at: Mapped[datetime]
