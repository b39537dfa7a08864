"""Thumbs, stars, consents and codes in the tables, on both kinds of database, also when two come at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.conversations import consents, feedback, store, transfers, visits
from bot.conversations.feedback import Reason, Thumb, Who
from bot.db.engine import make_engine, transaction
from bot.db.migrate import migrate
from bot.db.models import Consent, Feedback, Rating
from bot.messages import Kind
from bot.settings import load_settings
from tests.fakes.site import NOW


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = make_engine(load_settings({}, database_url=database_url).database_url)
    await migrate(engine)
    yield engine
    await engine.dispose()


@pytest.fixture
async def thread(database: AsyncEngine) -> store.Thread:
    """A conversation in which the assistant has said one thing."""
    opened = await store.open_conversation(database, "web", None, None, NOW)
    async with transaction(database) as connection:
        await store.add(
            connection, opened.id, author=store.Author.BOT, kind=Kind.TEXT, lang="en", text="Hello.", now=NOW
        )
    return opened


async def test_thumbs_of_two_tabs_at_once_leave_one(database: AsyncEngine, thread: store.Thread) -> None:
    thumbs = [Thumb.UP, Thumb.DOWN] * 8
    await asyncio.gather(*(feedback.give_thumb(database, thread.id, 1, thumb, None, NOW) for thumb in thumbs))
    await feedback.give_thumb(database, thread.id, 1, Thumb.DOWN, Reason.UNCLEAR, NOW)
    async with transaction(database) as connection:
        found = (await connection.execute(select(Feedback.value, Feedback.reason))).all()
    assert [tuple(row) for row in found] == [("down", "unclear")]


async def test_ratings_at_once_leave_one_each(database: AsyncEngine, thread: store.Thread) -> None:
    given = [(who, stars) for who in Who for stars in range(1, 6)]
    await asyncio.gather(*(feedback.rate(database, thread.id, who, stars, None, NOW) for who, stars in given))
    for who in Who:
        await feedback.rate(database, thread.id, who, 4, "fine", NOW)
    async with transaction(database) as connection:
        found = (await connection.execute(select(Rating.who, Rating.stars, Rating.comment).order_by(Rating.who))).all()
    assert [tuple(row) for row in found] == [("bot", 4, "fine"), ("person", 4, "fine")]


async def test_each_version_of_the_notice_is_accepted_once(database: AsyncEngine, thread: store.Thread) -> None:
    assert await consents.accepted(database, thread.id) is None
    for version in ("1", "1", "2"):
        await consents.accept(database, thread.id, version, NOW)
    assert await consents.accepted(database, thread.id) == "2"
    async with transaction(database) as connection:
        versions = (await connection.execute(select(Consent.version).order_by(Consent.version))).scalars().all()
    assert versions == ["1", "2"]


async def test_a_code_opens_its_conversation_once(database: AsyncEngine, thread: store.Thread) -> None:
    other = await store.open_conversation(database, "web", None, None, NOW)
    mine, theirs = [await transfers.issue(database, one.id, NOW) for one in (thread, other)]
    taken = await asyncio.gather(*(transfers.redeem(database, mine.code, NOW) for _ in range(6)))
    assert [one.conversation for one in taken if one is not None] == [thread.id]
    assert await transfers.redeem(database, theirs.code, NOW + transfers.LIFE) is None
    late = await transfers.redeem(database, theirs.code, NOW)
    assert late is not None
    assert late.conversation == other.id
    assert await visits.generation(database, other.id, late.device) == 0
