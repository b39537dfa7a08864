"""Stored before anything else happens: what was accepted is there, and without the database nothing is accepted."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import text as sql

from bot.conversations import store
from bot.db.engine import make_engine, transaction
from bot.db.migrate import migrate
from bot.errors import RequestError, StorageError
from bot.messages import Answer, Choice, Kind, Outcome, Part, Reply, Understanding
from bot.settings import load_settings
from tests.conftest import SiteMaker
from tests.fakes.ledger import check_books, lines
from tests.fakes.site import NOW, Site, buttons

RENT = "How do I rent a flat?"


async def break_table(site: Site, table: str) -> None:
    async with transaction(site.service.database) as connection:
        await connection.execute(sql(f"ALTER TABLE {table} RENAME TO {table}_gone"))


async def mend_table(site: Site, table: str) -> None:
    async with transaction(site.service.database) as connection:
        await connection.execute(sql(f"ALTER TABLE {table}_gone RENAME TO {table}"))


async def test_without_the_database_a_message_is_refused_and_says_when_to_come_back(site: Site) -> None:
    await break_table(site, "messages")
    response = await site.post({"text": RENT})
    assert (response.status, response.code, response.headers["Retry-After"]) == (503, "unavailable", "5")
    assert site.engine.received == [], "nothing happens to a message that is not stored"
    await mend_table(site, "messages")
    await site.say(RENT)
    await check_books(site.service.database, Counter([RENT]))


async def test_a_database_that_is_gone_is_not_ready(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async def no() -> bool:
        return False

    monkeypatch.setattr(site.service, "database_answers", no)
    ready = await site.request("GET", "/readyz")
    assert (ready.status, ready.json["database"]) == (503, "down")
    assert (await site.request("GET", "/healthz")).status == 200


async def test_a_database_that_cannot_be_reached_is_said_to_be(tmp_path: Path) -> None:
    engine = make_engine(load_settings({}, database_url=f"sqlite:///{tmp_path}/no/such/folder/x.db").database_url)
    with pytest.raises(StorageError):
        async with transaction(engine) as connection:
            await connection.execute(sql("SELECT 1"))
    await engine.dispose()


async def test_a_locked_database_is_waited_for(site: Site) -> None:
    """Another process writes: SQLite makes us wait, it does not lose a message."""
    holder = sqlite3.connect(site.settings.var_folder / "linli.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    saying = asyncio.create_task(site.say(RENT))
    await asyncio.sleep(0.3)
    holder.execute("COMMIT")
    holder.close()
    assert (await saying)["outcome"] == "answered"


async def test_the_reply_is_in_the_database_when_it_is_sent(site: Site) -> None:
    reply = await site.say(RENT)
    stored = [line for line in await lines(site.service.database) if line.direction == "out"]
    assert [line.text for line in stored] == [message["text"] for message in reply["messages"]]
    assert stored[0].content["trace"]["outcome"] == reply["outcome"]  # type: ignore[index]
    assert stored[0].content["answer"]["article"] == "rent-a-flat"  # type: ignore[index]
    assert stored[0].content["answer"]["version"] == 1  # type: ignore[index]


async def test_a_reply_is_stored_as_key_parameters_and_text(site: Site) -> None:
    await site.say("hello there, good morning")
    stored = [line for line in await lines(site.service.database) if line.direction == "out"]
    assert stored[-1].content["part"]["key"] == "greet"  # type: ignore[index]
    assert stored[-1].content["choices"][0] == ["area", "immigration"]  # type: ignore[index]


# --- the same rules on SQLite and PostgreSQL -------------------------------------------------------------------------


def reply_of(*texts: str) -> tuple[Reply, list[Part | None]]:
    answers = tuple(Answer(Kind.TEXT, "en", text) for text in texts)
    parts: list[Part | None] = [Part(Kind.TEXT, key="greet", choices=(Choice("person", ""),)) for _ in texts]
    return Reply(Understanding("en", "greet", 0.5), Outcome.CHAT, answers, {"degraded": False}), parts


async def test_a_thread_in_the_tables(database_url: str) -> None:
    engine = make_engine(load_settings({}, database_url=database_url).database_url)
    await migrate(engine)
    try:
        first = await store.receive(engine, store.Arrival("web", "hello 你好 \u202e 😀"), NOW)
        reply, parts = reply_of("one", "two")
        assert await store.store_reply(engine, first, reply, parts, store.Learned("en", True, "rent-a-flat"), NOW)
        second = await store.receive(engine, store.Arrival("web", "again", first.thread.token), NOW)
        assert (first.seq, second.seq) == (1, 4)
        assert (second.thread.language, second.thread.language_chosen, second.thread.topic) == (
            "en",
            True,
            "rent-a-flat",
        )
        assert await store.store_reply(engine, second, *reply_of("three"), store.Learned("en", False, None), NOW)
        assert (await store.pressed(engine, first.thread.token, "b1.0.0")).act == "person"
        with pytest.raises(RequestError):
            await store.pressed(engine, first.thread.token, "b1.0.1")
        await check_books(engine, Counter(["hello 你好 \u202e 😀", "again"]))
    finally:
        await engine.dispose()


async def test_many_writers_at_once(database_url: str) -> None:
    engine = make_engine(load_settings({}, database_url=database_url).database_url)
    await migrate(engine)

    async def talk(name: int) -> None:
        token: str | None = None
        for turn in range(4):
            incoming = await store.receive(engine, store.Arrival("web", f"{name}.{turn}", token), NOW)
            token = incoming.thread.token
            await store.store_reply(engine, incoming, *reply_of("a", "b"), store.Learned("en", False, None), NOW)

    try:
        await asyncio.gather(*(talk(name) for name in range(16)))
        await check_books(engine, Counter(f"{name}.{turn}" for name in range(16) for turn in range(4)))
    finally:
        await engine.dispose()


async def test_the_same_key_is_the_same_message(database_url: str) -> None:
    engine = make_engine(load_settings({}, database_url=database_url).database_url)
    await migrate(engine)
    try:
        first = await store.receive(engine, store.Arrival("web", "hello"), NOW)
        arrival = store.Arrival("web", "once", first.thread.id, key="k-1")
        found = await asyncio.gather(*(store.receive(engine, arrival, NOW) for _ in range(8)))
        assert len({incoming.id for incoming in found}) == 1
        assert sum(not incoming.repeated for incoming in found) == 1
        other = await store.receive(engine, store.Arrival("web", "elsewhere"), NOW)
        same_key = await store.receive(engine, store.Arrival("web", "twice", other.thread.id, key="k-1"), NOW)
        assert not same_key.repeated, "a key is the conversation's own"
    finally:
        await engine.dispose()


async def test_a_message_is_answered_once_however_many_try(database_url: str) -> None:
    engine = make_engine(load_settings({}, database_url=database_url).database_url)
    await migrate(engine)
    try:
        incoming = await store.receive(engine, store.Arrival("web", "hello"), NOW)
        learned = store.Learned("en", False, None)
        tries = (store.store_reply(engine, incoming, *reply_of("one"), learned, NOW) for _ in range(6))
        assert sorted(await asyncio.gather(*tries)) == [False] * 5 + [True]
        await check_books(engine, Counter(["hello"]))
    finally:
        await engine.dispose()


async def test_the_bot_is_silent_while_a_person_owns_the_conversation(database_url: str) -> None:
    engine = make_engine(load_settings({}, database_url=database_url).database_url)
    await migrate(engine)
    try:
        incoming = await store.receive(engine, store.Arrival("web", "hello"), NOW)
        async with transaction(engine) as connection:
            await connection.execute(sql("UPDATE conversations SET owner = 'person'"))
        learned = store.Learned("en", False, None)
        assert not await store.store_reply(engine, incoming, *reply_of("one"), learned, NOW)
        assert [(line.direction, line.status) for line in await lines(engine)] == [("in", "passed")]
        second = await store.receive(engine, store.Arrival("web", "fire!", incoming.thread.id), NOW)
        assert await store.store_reply(engine, second, *reply_of("119"), learned, NOW, urgent=True)
    finally:
        await engine.dispose()


async def test_what_a_dead_process_left_is_found_once(database_url: str) -> None:
    engine = make_engine(load_settings({}, database_url=database_url).database_url)
    await migrate(engine)
    later = NOW + timedelta(minutes=1)
    try:
        for holder in ("dead", "living", "own"):
            await store.receive(engine, store.Arrival("web", holder, holder=holder), NOW)
        found = await store.abandoned(engine, {"living", "own"}, "own", (), later, 10)
        assert sorted(incoming.text for incoming in found) == ["dead", "own"]
        assert {incoming.attempts for incoming in found} == {2}
        working = [incoming.id for incoming in found]
        assert await store.abandoned(engine, {"living", "own"}, "own", working, later, 10) == []
        (own,) = await store.abandoned(engine, {"living", "own"}, "living", working, later, 10)
        assert own.text == "living", "its process is alive but not at work on it"
        assert await store.abandoned(engine, set(), "own", working, NOW, 10) == [], "too young to be abandoned"
    finally:
        await engine.dispose()


async def test_the_whole_app_on_postgresql(make_site: SiteMaker, postgres_url: str) -> None:
    async with make_site(database_url=postgres_url) as site:
        asked = await site.say("hello there, good morning")
        await site.press(asked, 0)
        texts = ["NUL \x00 and surrogate \ud800", "How do I rent a flat?", *(f"Question {n}" for n in range(30))]
        found = await asyncio.gather(
            *(site.post({"text": text, "conversation": asked["conversation"]}) for text in texts)
        )
        assert {response.status for response in found} == {200}
        stored = ["NUL \ufffd and surrogate ?", *texts[1:], "hello there, good morning", buttons(asked)[0]["title"]]
        await check_books(site.service.database, Counter(stored))


async def test_a_postgresql_that_goes_away_is_503(make_site: SiteMaker, postgres_url: str) -> None:
    async with make_site(database_url=postgres_url) as site:
        await site.say(RENT)
        name = postgres_url.rsplit("/", 1)[1]
        await site.service.database.dispose()
        admin = await asyncpg.connect(postgres_url.rsplit("/", 1)[0] + "/postgres")
        await admin.execute(f"ALTER DATABASE {name} RENAME TO {name}_gone")
        response = await site.post({"text": RENT})
        assert (response.status, response.code) == (503, "unavailable")
        assert (await site.request("GET", "/readyz")).status == 503
        await admin.execute(f"ALTER DATABASE {name}_gone RENAME TO {name}")
        await admin.close()
        assert (await site.say(RENT))["outcome"] == "answered"
