"""Conversations are kept as long as their class says, and not a day longer."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.db import models
from bot.db.engine import transaction
from bot.errors import SettingsError
from bot.keeping.retention import Class, Retention, mark, periods, preview
from bot.settings import load_settings
from tests.keeping.test_privacy import Door
from tests.keeping.world import NOW, add_person, add_staff, bot, contents, fill_trackers, opened, run, tracker_rows

DAYS = {Class.ANONYMOUS: 30, Class.IDENTIFIED: 180, Class.MEDICAL: 90}


@dataclass
class Kept:
    """A database whose conversations are named by class and age in days."""

    url: str
    database: AsyncEngine
    staff_id: uuid.UUID
    door: Door
    names: dict[uuid.UUID, str]

    async def add(self, retention: str, days: float) -> uuid.UUID:
        async with transaction(self.database) as connection:
            person = await add_person(connection, self.staff_id, NOW - timedelta(days=days), retention)
        self.names[person.id] = f"{retention} {days:g}"
        self.door.remembers.add(person.id.hex)
        return person.id

    async def left(self) -> list[str]:
        async with transaction(self.database) as connection:
            ids = (await connection.execute(select(models.Conversation.id))).scalars()
            return sorted(self.names[one] for one in ids)

    def keeper(self) -> Retention:
        return Retention(self.database, self.door, DAYS)


@pytest.fixture
async def kept(database_url: str) -> AsyncIterator[Kept]:
    async with opened(database_url) as database:
        async with transaction(database) as connection:
            staff_id = await add_staff(connection)
        yield Kept(database_url, database, staff_id, Door(), {})


AGES = [
    ("anonymous", 29.9),
    ("anonymous", 30.1),
    ("identified", 100),
    ("identified", 180.1),
    ("medical", 89),
    ("medical", 91),
]


async def test_each_class_has_its_time(kept: Kept) -> None:
    for retention, days in AGES:
        await kept.add(retention, days)
    await kept.keeper().sweep(NOW)
    assert await kept.left() == ["anonymous 29.9", "identified 100", "medical 89"]
    assert {kept.names[uuid.UUID(one)] for one in kept.door.remembers} == set(await kept.left())
    found = await contents(kept.url)
    assert len(found["messages"]) == 9
    assert len(found["erasures"]) == 3
    async with transaction(kept.database) as connection:
        receipts = (await connection.execute(select(models.Erasure))).all()
    assert {(row.cause, row.counts["retention"], row.counts["conversations"]) for row in receipts} == {
        ("retention", "anonymous", 1),
        ("retention", "identified", 1),
        ("retention", "medical", 1),
    }
    assert all(row.engine_pending == [] for row in receipts)


@pytest.mark.parametrize(("state", "left"), [("booked", 1), ("cancelled", 0)])
async def test_whoever_has_an_appointment_to_come_is_kept_until_then(kept: Kept, state: str, left: int) -> None:
    await kept.add("medical", 91)
    async with transaction(kept.database) as connection:
        to_come = {"starts_at": NOW + timedelta(days=3), "state": state}
        await connection.execute(update(models.Appointment).values(to_come))
    lines = {line.name: line for line in await preview(kept.database, DAYS, NOW)}
    assert lines[Class.MEDICAL].due == 1 - left
    await kept.keeper().sweep(NOW)
    assert len(await kept.left()) == left
    await kept.keeper().sweep(NOW + timedelta(days=4))
    assert await kept.left() == []


async def test_a_preview_counts_and_deletes_nothing(kept: Kept) -> None:
    for retention, days in AGES[:4]:
        await kept.add(retention, days)
    lines = {line.name: line for line in await preview(kept.database, DAYS, NOW)}
    assert (lines[Class.ANONYMOUS].kept, lines[Class.ANONYMOUS].due, lines[Class.ANONYMOUS].days) == (2, 1, 30)
    assert lines[Class.IDENTIFIED].oldest == NOW - timedelta(days=180.1)
    assert (lines[Class.MEDICAL].kept, lines[Class.MEDICAL].due, lines[Class.MEDICAL].oldest) == (0, 0, None)
    assert len(await kept.left()) == 4


async def test_more_than_one_batch(kept: Kept) -> None:
    async with transaction(kept.database) as connection:
        for _ in range(230):
            await add_person(connection, kept.staff_id, NOW - timedelta(days=40))
    counts = await kept.keeper().purge(NOW)
    assert counts["conversations"] == 230
    assert counts["messages"] == 690
    assert kept.door.asked == 230
    assert len((await contents(kept.url))["erasures"]) == 3


async def test_a_sweep_ends_in_time_and_goes_on_at_the_next_turn(kept: Kept) -> None:
    async with transaction(kept.database) as connection:
        for _ in range(130):
            await add_person(connection, kept.staff_id, NOW - timedelta(days=40))
    seconds = iter([0.0, 1.0, 5.0, 5.0, 5.0, 10.0, 11.0, 11.0, 11.0, 11.0, 11.0])
    slow = Retention(kept.database, kept.door, DAYS, clock=lambda: next(seconds))
    await slow.sweep(NOW)
    assert await count(kept) == 30
    await slow.sweep(NOW)
    assert await count(kept) == 0


async def count(kept: Kept) -> int:
    async with transaction(kept.database) as connection:
        return int((await connection.execute(select(func.count()).select_from(models.Conversation))).scalar_one())


async def test_one_who_comes_back_is_kept(kept: Kept) -> None:
    returned = await kept.add("anonymous", 31)
    async with transaction(kept.database) as connection:
        await connection.execute(
            update(models.Conversation).where(models.Conversation.id == returned).values(updated_at=NOW)
        )
    await kept.keeper().sweep(NOW)
    assert len(await kept.left()) == 1


async def test_twice_is_once(kept: Kept) -> None:
    await kept.add("anonymous", 31)
    for _ in range(3):
        await kept.keeper().sweep(NOW)
    assert kept.door.asked == 1
    assert len((await contents(kept.url))["erasures"]) == 1


async def test_while_the_engine_is_down_it_is_remembered_what_it_must_forget(kept: Kept) -> None:
    await kept.add("anonymous", 31)
    await kept.add("medical", 91)
    kept.door.up = False
    await kept.keeper().sweep(NOW)
    assert await kept.left() == []
    assert len(kept.door.remembers) == 2
    kept.door.up = True
    await kept.keeper().sweep(NOW + timedelta(minutes=10))
    assert kept.door.remembers == set()


async def test_old_codes_go_too(kept: Kept) -> None:
    await kept.add("identified", 3)
    await kept.add("identified", 0)
    await kept.keeper().sweep(NOW)
    assert len((await contents(kept.url))["transfer_codes"]) == 1


@pytest.mark.parametrize(
    ("was", "learned", "becomes"),
    [
        (Class.ANONYMOUS, Class.IDENTIFIED, Class.IDENTIFIED),
        (Class.IDENTIFIED, Class.IDENTIFIED, Class.IDENTIFIED),
        (Class.IDENTIFIED, Class.MEDICAL, Class.MEDICAL),
        (Class.MEDICAL, Class.IDENTIFIED, Class.MEDICAL),
        (Class.MEDICAL, Class.ANONYMOUS, Class.MEDICAL),
    ],
)
async def test_a_class_only_becomes_more_careful(kept: Kept, was: Class, learned: Class, becomes: Class) -> None:
    one, other = await kept.add(was.value, 1), await kept.add("anonymous", 1)
    async with transaction(kept.database) as connection:
        await mark(connection, one, learned)
        rows = await connection.execute(select(models.Conversation.id, models.Conversation.retention))
        assert {row.id: row.retention for row in rows} == {one: becomes.value, other: "anonymous"}


def test_the_settings_say_how_long() -> None:
    assert periods(load_settings({})) == DAYS
    assert periods(load_settings({"LINLI_RETENTION_MEDICAL_DAYS": "7"}))[Class.MEDICAL] == 7
    with pytest.raises(SettingsError):
        load_settings({"LINLI_RETENTION_ANONYMOUS_DAYS": "0"})


def test_the_command(database_url: str, tmp_path: Path) -> None:
    """`bot purge --preview`, `bot purge`: with the tracker store's rows, and without a server."""
    now = datetime.now(NOW.tzinfo)

    async def prepare() -> None:
        async with opened(database_url) as database, transaction(database) as connection:
            staff_id = await add_staff(connection)
            people = [await add_person(connection, staff_id, now - timedelta(days=days)) for days in (1, 40)]
        await fill_trackers(str(tmp_path / "tracker.db"), people)

    run(prepare())
    before = bot("purge", "--preview", var=tmp_path, url=database_url)
    assert before.returncode == 0, before.stderr
    assert "anonymous   kept 30 days: 2 conversations, 1 due, the oldest last used on" in before.stdout
    assert "medical     kept 90 days: 0 conversations, 0 due\n" in before.stdout
    done = bot("purge", var=tmp_path, url=database_url)
    assert (done.returncode, done.stdout) == (0, "purged: 1 conversations, 3 messages\n")
    assert len(run(tracker_rows(str(tmp_path / "tracker.db")))) == 1
    assert "2 conversations" not in bot("purge", "--preview", var=tmp_path, url=database_url).stdout


def test_the_command_makes_no_database(tmp_path: Path) -> None:
    ended = bot("purge", var=tmp_path)
    assert ended.returncode == 1
    assert ended.stderr.startswith("bot: there is no database at ")
    assert list(tmp_path.iterdir()) == []
