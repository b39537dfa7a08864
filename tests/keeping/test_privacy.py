"""A resident's own data: all of it in the export, nothing of it after the erasure, in no table and no file."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.appointments.sealing import Vault, VaultError
from bot.db import models
from bot.db.engine import transaction
from bot.errors import Code, EngineError, RequestError
from bot.keeping import erasing, trackers
from bot.keeping.erasing import Cause, owned
from bot.keeping.privacy import check, confirm_token, erase, export
from bot.keeping.retention import Class, Retention
from bot.keeping.trackers import TrackerTable
from tests.keeping.world import (
    CONTACT,
    NOW,
    VAULT,
    WORDS,
    Person,
    add_person,
    add_staff,
    contents,
    fill_trackers,
    opened,
    tracker_rows,
)

KEY = "a-key-of-the-tests-that-is-long-enough-for-it"
DAYS = {Class.ANONYMOUS: 30, Class.IDENTIFIED: 180, Class.MEDICAL: 90}


@dataclass
class Door:
    """The engine's memory: it forgets what it is asked to, while it is up."""

    up: bool = True
    remembers: set[str] = field(default_factory=set)
    asked: int = 0

    async def erase(self, conversation: str) -> None:
        self.asked += 1
        if not self.up:
            raise EngineError("no engine worker is ready")
        self.remembers.discard(conversation)


@dataclass
class World:
    url: str
    database: AsyncEngine
    ann: Person
    ben: Person
    staff_id: uuid.UUID
    door: Door


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    """Two residents with a row in every table that can belong to one."""
    async with opened(database_url) as database:
        async with transaction(database) as connection:
            staff_id = await add_staff(connection)
            ann, ben = await add_person(connection, staff_id), await add_person(connection, staff_id, words="I am Ben")
        door = Door(remembers={ann.id.hex, ben.id.hex})
        yield World(database_url, database, ann, ben, staff_id, door)


async def only_of(url: str, person: Person) -> dict[str, int]:
    """How many rows of each table name this resident anywhere."""
    marks = (person.id.hex, str(person.id), person.token)
    found = await contents(url)
    return {
        name: count
        for name, rows in found.items()
        if (count := sum(any(mark in repr(row) for mark in marks) for row in rows))
    }


async def test_nothing_is_left_of_it_and_all_of_the_others(world: World) -> None:
    before = await contents(world.url)
    receipt = await erase(world.database, world.door, world.ann.id, Cause.RESIDENT, NOW)
    assert await only_of(world.url, world.ann) == {}
    after = await contents(world.url)
    for name in ("conversations", "call_backs", "handoffs", "ratings", "consents", "transfer_codes", "feedback"):
        assert len(after[name]) == len(before[name]) - 1 == 1, name
    assert len(after["messages"]) == 3
    assert after["staff"] == before["staff"]
    assert world.door.remembers == {world.ben.id.hex}
    assert receipt.engine_done
    assert receipt.counts == {
        "messages": 3, "conversations": 1, "feedback": 1, "handoffs": 1, "call_backs": 1, "ratings": 1,
        "consents": 1, "transfer_codes": 1, "devices": 1, "identities": 1, "wechat_grants": 1, "wechat_sends": 1,
        "wechat_bubbles": 1, "wechat_templates": 1, "seats": 2, "booking_drafts": 1, "appointments": 1,
        "interpreter_wishes": 1, "waiting_list": 1,
    }  # fmt: skip


async def test_the_receipt_proves_it_without_saying_whose_it_was(world: World) -> None:
    receipt = await erase(world.database, world.door, world.ann.id, Cause.RESIDENT, NOW)
    async with transaction(world.database) as connection:
        (row,) = await connection.execute(select(models.Erasure))
    assert row.receipt == receipt.receipt
    assert (row.cause, row.at, row.engine_pending) == ("resident", NOW, [])
    assert row.counts == receipt.counts
    for mark in (world.ann.id.hex, str(world.ann.id), world.ann.token, CONTACT, WORDS):
        assert mark not in repr(tuple(row))


def test_every_table_that_names_a_conversation_is_covered() -> None:
    """A table that is added later is found by its foreign key or its column's name."""
    names = {table.name for table, _ in owned([uuid.uuid4()])}
    assert names == {
        "conversations", "messages", "feedback", "handoffs", "call_backs", "ratings", "consents", "transfer_codes",
        "devices", "identities", "wechat_grants", "wechat_sends", "wechat_bubbles", "wechat_templates",
        "seats", "booking_drafts", "appointments", "interpreter_wishes", "waiting_list",
    }  # fmt: skip
    for table in models.Base.metadata.sorted_tables:
        points_there = any(key.column.table.name in names for key in table.foreign_keys)
        assert (table.name in names) == (points_there or "conversation_id" in table.c or table.name == "conversations")


async def test_what_was_erased_is_not_in_the_files_either(tmp_path: Path) -> None:
    """SQLite would leave the bytes in free pages and in its log."""
    url = f"sqlite:///{tmp_path}/test.db"
    async with opened(url) as database:
        async with transaction(database) as connection:
            staff_id = await add_staff(connection)
            ann = await add_person(connection, staff_id, words="Zwickelfritz " * 30)
            await add_person(connection, staff_id)
        assert any(b"Zwickelfritz" in path.read_bytes() for path in tmp_path.iterdir())
        await erase(database, Door(), ann.id, Cause.RESIDENT, NOW)
        for path in tmp_path.iterdir():
            assert b"Zwickelfritz" not in path.read_bytes(), path.name


async def test_the_engine_that_is_down_is_asked_again(world: World) -> None:
    world.door.up = False
    receipt = await erase(world.database, world.door, world.ann.id, Cause.RESIDENT, NOW)
    assert not receipt.engine_done
    assert await only_of(world.url, world.ann) == {"erasures": 1}
    keeper = Retention(world.database, world.door, DAYS)
    await keeper.sweep(NOW + timedelta(minutes=2))
    assert world.ann.id.hex in world.door.remembers
    world.door.up = True
    await keeper.sweep(NOW + timedelta(minutes=4))
    assert world.door.remembers == {world.ben.id.hex}
    assert await only_of(world.url, world.ann) == {}
    asked = world.door.asked
    await keeper.sweep(NOW + timedelta(minutes=6))
    assert world.door.asked == asked, "what is done is not done again"


async def test_a_message_that_is_with_the_engine_is_forgotten_after_it_has_come_back(world: World) -> None:
    async with transaction(world.database) as connection:
        cleo = await add_person(connection, world.staff_id, status="received")
    receipt = await erase(world.database, world.door, cleo.id, Cause.RESIDENT, NOW)
    assert not receipt.engine_done
    world.door.remembers.add(cleo.id.hex)  # the engine's answer came, and was remembered
    await Retention(world.database, world.door, DAYS).sweep(NOW + timedelta(minutes=2))
    assert cleo.id.hex not in world.door.remembers
    assert await only_of(world.url, cleo) == {}


async def test_an_engine_that_hangs_keeps_nobody_waiting(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    class Hanging(Door):
        async def erase(self, conversation: str) -> None:
            await asyncio.Event().wait()

    monkeypatch.setattr(erasing, "_ENGINE_SECONDS", 0.05)
    receipt = await erase(world.database, Hanging(), world.ann.id, Cause.RESIDENT, NOW)
    assert not receipt.engine_done
    await Retention(world.database, world.door, DAYS).sweep(NOW + timedelta(minutes=2))
    assert world.door.remembers == {world.ben.id.hex}


async def test_a_process_that_died_in_between_leaves_the_engines_part_to_the_sweep(world: World) -> None:
    """Between the commit and the engine's answer."""

    class Dying(Door):
        async def erase(self, conversation: str) -> None:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await erase(world.database, Dying(), world.ann.id, Cause.RESIDENT, NOW)
    await Retention(world.database, world.door, DAYS).sweep(NOW + timedelta(minutes=2))
    assert world.door.remembers == {world.ben.id.hex}


async def test_two_at_once_are_one_erasure(world: World) -> None:
    asked = [erase(world.database, world.door, world.ann.id, Cause.RESIDENT, NOW) for _ in range(2)]
    done = await asyncio.gather(*asked, return_exceptions=True)
    (refused,) = [one for one in done if isinstance(one, RequestError)]
    assert (refused.code, refused.status) == (Code.UNKNOWN_CONVERSATION, 404)
    assert len((await contents(world.url))["erasures"]) == 1


async def test_a_message_that_comes_in_at_that_moment_is_refused_or_erased_with_it(world: World) -> None:
    async def write(seq: int) -> None:
        async with transaction(world.database) as connection:
            await connection.execute(
                insert(models.Message).values(
                    id=uuid.uuid4(), conversation_id=world.ann.id, seq=seq, direction="in", author="resident",
                    status="received", key=None, text="late", content={}, in_reply_to=None, staff_id=None,
                    claimed_by=None, attempts=1, created_at=NOW,
                )
            )  # fmt: skip

    writes = [write(seq) for seq in range(10, 30)]
    await asyncio.gather(
        *writes, erase(world.database, world.door, world.ann.id, Cause.RESIDENT, NOW), return_exceptions=True
    )
    assert set(await only_of(world.url, world.ann)) <= {"erasures"}


async def test_the_tracker_stores_own_table(world: World, tmp_path: Path) -> None:
    place = str(tmp_path / "tracker.db") if world.url.startswith("sqlite") else world.url
    await fill_trackers(place, [world.ann, world.ben])
    store = TrackerTable(place)
    receipt = await erase(world.database, store, world.ann.id, Cause.RESIDENT, NOW)
    await store.close()
    assert receipt.engine_done
    assert [row[0] for row in await tracker_rows(place)] == [world.ben.id.hex]


async def test_no_tracker_store_is_made_by_forgetting(tmp_path: Path) -> None:
    store = TrackerTable(str(tmp_path / "tracker.db"))
    await store.erase("0" * 32)
    assert not (tmp_path / "tracker.db").exists()
    assert not trackers.exists(str(tmp_path / "tracker.db"))


async def test_the_export_holds_everything_that_was_said_and_given(world: World) -> None:
    found = json.loads(json.dumps(await export(world.database, world.ann.id)))
    assert found["format"] == "linli-export"
    assert found["conversation"]["language"] == "en"
    assert found["conversation"]["created_at"] == NOW.isoformat()
    assert [message["text"] for message in found["messages"]] == [WORDS, "Go to the desk.", "I can help."]
    assert [message["reply_to"] for message in found["messages"]] == [None, 1, None]
    assert [message["name"] for message in found["messages"]] == [None, None, "Operator A"]
    assert found["messages"][1]["content"]["steps"] == ["一", "二"]
    assert found["call_backs"][0]["value"] == CONTACT
    assert found["ratings"][0]["comment"] == "谢谢"
    assert found["feedback"] == [{"seq": 2, "value": "down", "reason": "unclear", "at": NOW.isoformat()}]
    assert found["consents"][0]["version"] == "1"
    assert found["handoffs"][0]["state"] == "closed"
    assert found["transfer_codes"][0]["used_at"] is None


async def test_the_export_opens_what_is_sealed_for_whom_it_is_about(world: World) -> None:
    told = json.loads(json.dumps(await export(world.database, world.ann.id, VAULT)))
    (appointment,) = told["appointments"]
    assert appointment["patient"] == {"name": WORDS}
    assert appointment["intake"] == {"symptoms": ["fever"]}
    assert appointment["starts_at"] == (NOW + timedelta(days=1)).isoformat()
    assert told["booking_drafts"] == [{"updated_at": NOW.isoformat(), "draft": {"name": WORDS}}]
    assert told["waiting_list"][0]["first_day"] == (NOW + timedelta(days=1)).date().isoformat()
    closed = json.loads(json.dumps(await export(world.database, world.ann.id)))
    assert "patient" not in closed["appointments"][0]
    with pytest.raises(VaultError):
        await export(world.database, world.ann.id, Vault((b"x" * 32,)))


async def test_the_export_leaves_no_table_out(world: World) -> None:
    names = {table.name for table, _ in owned([world.ann.id])}
    found = await export(world.database, world.ann.id)
    assert names - set(found) == {"conversations"}  # there it is called conversation
    assert all(found[name] for name in names - {"conversations"})


async def test_the_export_names_nobody_else_and_opens_no_door(world: World) -> None:
    told = json.dumps(await export(world.database, world.ann.id))
    others = (world.staff_id.hex, str(world.staff_id), world.ben.token, world.ann.token, world.ann.id.hex * 2, "desk-1")
    for mark in (*others, "I am Ben"):
        assert mark not in told


async def test_nobody_is_an_error_of_its_own(world: World) -> None:
    for act in (
        export(world.database, uuid.uuid4()),
        erase(world.database, world.door, uuid.uuid4(), Cause.STAFF, NOW),
    ):
        with pytest.raises(RequestError) as caught:
            await act
        assert caught.value.status == 404
    assert (await contents(world.url))["erasures"] == []


def test_a_confirmation_is_good_for_ten_minutes_and_one_conversation() -> None:
    one, other = uuid.uuid4(), uuid.uuid4()
    token = confirm_token(KEY, one, NOW)
    assert check(KEY, one, token, NOW)
    assert check(KEY, one, token, NOW + timedelta(seconds=600))
    assert not check(KEY, one, token, NOW + timedelta(seconds=601))
    assert not check(KEY, other, token, NOW)
    assert not check(KEY + "x", one, token, NOW)
    later = str(int(token.split(".")[0]) + 60)
    for forged in (
        "",
        ".",
        "x",
        token[:-1],
        token + "x",
        f"{later}.{token.split('.')[1]}",
        "9" * 400 + ".x",
        "1.é",
        "٣.x",
    ):
        assert not check(KEY, one, forged, NOW), forged
