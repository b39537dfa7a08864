"""The kill switch: what residents are told in each language, and how every process comes to know."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.bus import CONFIG, LocalBus
from bot.conversations import switches
from bot.conversations.switches import SCOPES, State, Switches, turn_off, turn_on
from bot.db.engine import transaction
from bot.errors import RequestError
from bot.keeping import notices
from bot.knowledge.articles import Area
from bot.languages import ANSWERED, CODES
from bot.locales import Locales
from tests.keeping.world import NOW, opened

LOCALES = Locales.load()


def test_what_is_on_says_nothing() -> None:
    state = State(LOCALES)
    for language in CODES:
        assert state.widget_off(language) is None
        assert state.bot_off(language) is None
        assert all(state.topic_off(area, language) is None for area in Area)


@pytest.mark.parametrize("language", CODES)
def test_what_is_off_has_good_words_in_every_language(language: str) -> None:
    state = State(LOCALES, {scope: {} for scope in SCOPES})
    said = [state.widget_off(language), state.bot_off(language), *(state.topic_off(area, language) for area in Area)]
    assert all(one is not None and "12345" in one and "12367" in one for one in said)
    assert len(set(said)) == len(SCOPES)
    english = State(LOCALES, {"bot": {}}).bot_off("en")
    assert (state.bot_off(language) == english) == (language == "en" or language not in ANSWERED)


def test_the_administrators_words_come_first_then_the_readers_language() -> None:
    state = State(LOCALES, {"bot": {"en": "Back at noon.", "ja": "正午に再開します。"}})
    assert state.bot_off("en") == "Back at noon."
    assert state.bot_off("ja") == "正午に再開します。"
    assert state.bot_off("de") == "Back at noon."
    assert state.bot_off("fr") == State(LOCALES, {"bot": {}}).bot_off("fr")
    assert state.widget_off("en") is None


def test_one_topic_is_one_topic() -> None:
    state = State(LOCALES, {"topic:medical": {}})
    assert "Doctors and health" in (state.topic_off("medical", "en") or "")
    assert state.topic_off("finance", "en") is None


@dataclass
class World:
    database: AsyncEngine
    bus: LocalBus
    switches: Switches
    signals: list[Any]

    async def off(self, scope: str) -> None:
        async with transaction(self.database) as connection:
            await turn_off(connection, scope, {}, "command", NOW)

    async def until(self, condition: Any, seconds: float = 5) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.01)


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    async with opened(database_url) as database:
        bus, signals = LocalBus(), list[Any]()
        bus.subscribe(CONFIG, signals.append)
        held = Switches(database, bus, LOCALES, lambda: NOW)
        await held.reload()
        watching = asyncio.create_task(held.run())
        await asyncio.sleep(0)
        yield World(database, bus, held, signals)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def test_a_signal_is_followed_at_once(world: World) -> None:
    await world.off("bot")
    assert world.switches.bot_off("en") is None
    await world.bus.publish(CONFIG, switches.CHANGED)
    await world.until(lambda: world.switches.bot_off("en") is not None, 2)
    assert world.signals == [switches.CHANGED]


async def test_without_a_signal_it_is_seen_in_a_few_seconds_and_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(switches, "_LOOK_SECONDS", 0.05)
    await world.bus.publish(CONFIG, switches.CHANGED)  # so that it waits anew
    await asyncio.sleep(0.2)
    await world.off("widget")
    await world.until(lambda: len(world.signals) == 2)
    assert world.switches.widget_off("en") is not None
    await asyncio.sleep(0.3)
    assert len(world.signals) == 2, "told once"


async def test_a_notice_whose_time_comes_is_told(database_url: str) -> None:
    now = NOW
    async with opened(database_url) as database:
        words = {"en": "Storm", "zh": "暴雨"}
        draft = notices.Draft(
            notices.Severity.EMERGENCY, None, words, NOW + timedelta(hours=1), NOW + timedelta(hours=2)
        )
        async with transaction(database) as connection:
            await notices.create(connection, draft, "command", NOW)
        held = Switches(database, LocalBus(), LOCALES, lambda: now)
        assert not await held.reload()
        assert not await held.reload()
        now = NOW + timedelta(hours=1)
        assert await held.reload()
        assert not await held.reload()
        now = NOW + timedelta(hours=2)
        assert await held.reload()


async def test_a_database_that_is_gone_changes_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.off("bot")
    await world.bus.publish(CONFIG, switches.CHANGED)
    await world.until(lambda: world.switches.bot_off("en") is not None)
    async with transaction(world.database) as connection:
        await connection.exec_driver_sql("ALTER TABLE switches RENAME TO elsewhere")
    await world.bus.publish(CONFIG, switches.CHANGED)
    await asyncio.sleep(0.3)
    assert world.switches.bot_off("en") is not None
    async with transaction(world.database) as connection:
        await connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO switches")
        await turn_on(connection, "bot", "command", NOW)
    await world.bus.publish(CONFIG, switches.CHANGED)
    await world.until(lambda: world.switches.bot_off("en") is None)


async def test_off_twice_is_off_with_the_later_words(world: World) -> None:
    async with transaction(world.database) as connection:
        await turn_off(connection, "bot", {"en": "first"}, "command", NOW)
        await turn_off(connection, "bot", {"en": "second"}, "admin-1", NOW)
        (found,) = await switches.listed(connection)
        assert (found.words, found.set_by) == ({"en": "second"}, "admin-1")
        assert await turn_on(connection, "bot", "command", NOW)
        assert not await turn_on(connection, "bot", "command", NOW)


@pytest.mark.parametrize("scope", ["", "Bot", "topic", "topic:", "topic:cooking", "x" * 100])
async def test_a_scope_that_does_not_exist(world: World, scope: str) -> None:
    async with transaction(world.database) as connection:
        with pytest.raises(RequestError):
            await turn_off(connection, scope, {}, "command", NOW)
