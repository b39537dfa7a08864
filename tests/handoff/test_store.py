"""The queue in the tables, on both databases: one winner of a claim, honest places and waits, references."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.app import desk_rules
from bot.conversations import store as conversations
from bot.db.engine import make_engine, transaction
from bot.db.migrate import migrate
from bot.db.models import Consent, Conversation, Handoff, Staff
from bot.errors import StaffError
from bot.handoff import staff, store
from bot.handoff.rules import Reason
from bot.handoff.staff import Role
from bot.handoff.store import CallState, Holder, State, Wanted
from bot.settings import load_settings
from tests.handoff.test_hours import at

NOW = at("2026-11-23 10:00")
DESK = desk_rules()


def later(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = make_engine(load_settings({}, database_url=database_url).database_url)
    await migrate(engine)
    yield engine
    await engine.dispose()


async def operator(database: AsyncEngine, name: str, *languages: str, role: Role = Role.OPERATOR) -> uuid.UUID:
    async with transaction(database) as connection:
        await staff.add(connection, name, name.title(), {role}, languages or ("en",), NOW)
        return (await staff.by_name(connection, name)).id


async def waiting(database: AsyncEngine, language: str = "en", now: datetime = NOW) -> uuid.UUID:
    """A conversation in the queue."""
    thread = await conversations.open_conversation(database, "web", None, language, now)
    async with transaction(database) as connection:
        assert await store.enqueue(connection, thread.id, language, now)
    return thread.id


async def owner(database: AsyncEngine, conversation_id: uuid.UUID) -> str:
    async with transaction(database) as connection:
        found = await connection.execute(select(Conversation.owner).where(Conversation.id == conversation_id))
        return str(found.scalar_one())


async def claim(database: AsyncEngine, conversation_id: uuid.UUID, staff_id: uuid.UUID, now: datetime = NOW) -> bool:
    async with transaction(database) as connection:
        return await store.claim(connection, conversation_id, staff_id, now)


async def place(database: AsyncEngine, conversation_id: uuid.UUID) -> tuple[str, int] | None:
    async with transaction(database) as connection:
        return await store.position(connection, conversation_id)


def test_the_owners_words_are_those_of_conversations() -> None:
    assert list(Holder) == list(conversations.Owner)


async def test_the_queue_is_entered_once_and_with_consent(database: AsyncEngine) -> None:
    conversation = await waiting(database)
    async with transaction(database) as connection:
        assert not await store.enqueue(connection, conversation, "en", later(1))
    async with transaction(database) as connection:
        handoffs = (await connection.execute(select(func.count()).select_from(Handoff))).scalar_one()
        consents = (await connection.execute(select(Consent.kind, Consent.version, Consent.given_at))).all()
    assert handoffs == 1
    assert [tuple(row) for row in consents] == [(store.CONSENT_KIND, store.CONSENT_VERSION, NOW)]
    assert await owner(database, conversation) == Holder.WAITING


async def test_two_presses_at_once_are_one_place_in_the_queue(database: AsyncEngine) -> None:
    thread = await conversations.open_conversation(database, "web", None, "en", NOW)

    async def press() -> bool:
        async with transaction(database) as connection:
            return await store.enqueue(connection, thread.id, "en", NOW)

    assert sorted(await asyncio.gather(*(press() for _ in range(4)))) == [False, False, False, True]


async def test_of_many_claims_at_once_exactly_one_wins(database: AsyncEngine) -> None:
    operators = [await operator(database, f"desk-{number}") for number in range(6)]
    for _ in range(5):
        conversation = await waiting(database)
        won = await asyncio.gather(*(claim(database, conversation, one) for one in operators))
        assert sum(won) == 1
        async with transaction(database) as connection:
            columns = (Conversation.operator_id, Handoff.operator_id, Handoff.state)
            row = (
                await connection.execute(
                    select(*columns)
                    .join(Handoff, Handoff.conversation_id == Conversation.id)
                    .where(Conversation.id == conversation)
                )
            ).one()
        winner = operators[won.index(True)]
        assert tuple(row) == (winner, winner, State.CLAIMED)


async def test_claiming_and_leaving_at_once_end_in_one_of_both(database: AsyncEngine) -> None:
    one = await operator(database, "desk-1")
    for _ in range(5):
        conversation = await waiting(database)

        async def leave(conversation: uuid.UUID = conversation) -> bool:
            async with transaction(database) as connection:
                return await store.leave(connection, conversation, State.LEFT, NOW)

        won = await asyncio.gather(claim(database, conversation, one), leave())
        assert sum(won) == 1
        assert await owner(database, conversation) == (Holder.PERSON if won[0] else Holder.BOT)


async def test_places_are_by_language_in_the_order_of_coming(database: AsyncEngine) -> None:
    first, second = await waiting(database), await waiting(database, now=later(1))
    french = await waiting(database, "fr", later(2))
    assert [await place(database, one) for one in (first, second, french)] == [("en", 1), ("en", 2), ("fr", 1)]
    async with transaction(database) as connection:
        assert await store.leave(connection, first, State.LEFT, later(3))
    assert await place(database, first) is None
    assert await place(database, second) == ("en", 1)


async def test_only_the_operator_who_has_it_can_give_it_up(database: AsyncEngine) -> None:
    mine, other = await operator(database, "desk-1"), await operator(database, "desk-2")
    conversation = await waiting(database)
    assert await claim(database, conversation, mine)
    async with transaction(database) as connection:
        assert not await store.give_up(connection, conversation, other, State.RETURNED, NOW)
        assert not await store.holds(connection, conversation, other, NOW)
        assert await store.holds(connection, conversation, mine, NOW)
        assert await store.give_up(connection, conversation, mine, State.RETURNED, NOW)
        assert not await store.give_up(connection, conversation, mine, State.CLOSED, NOW)
    assert await owner(database, conversation) == Holder.BOT


async def test_one_whose_operator_is_lost_keeps_his_place_and_gets_new_time(database: AsyncEngine) -> None:
    one = await operator(database, "desk-1")
    first, second = await waiting(database), await waiting(database, now=later(1))
    assert await claim(database, first, one, later(2))
    async with transaction(database) as connection:
        assert [held.conversation_id for held in await store.lapsed(connection, later(3))] == [first]
        assert await store.requeue(connection, first, one, later(30))
        found = await store.all_waiting(connection)
    assert [entry.conversation_id for entry in found] == [first, second]
    assert [entry.since for entry in found] == [later(30), later(1)]
    assert await place(database, first) == ("en", 1)


async def test_a_present_operators_conversations_have_not_lapsed(database: AsyncEngine) -> None:
    one = await operator(database, "desk-1")
    conversation = await waiting(database)
    assert await claim(database, conversation, one)
    async with transaction(database) as connection:
        await staff.set_present(connection, one, later(1))
        assert await store.lapsed(connection, NOW) == []
        assert len(await store.lapsed(connection, later(1))) == 1
        await staff.set_present(connection, one, later(9))
        await staff.set_disabled(connection, "desk-1", NOW)
        assert len(await store.lapsed(connection, NOW)) == 1


async def test_waits_are_those_of_the_language_and_count_who_waited_in_vain(database: AsyncEngine) -> None:
    one = await operator(database, "desk-1")
    for minutes in (2, 4, 6):
        conversation = await waiting(database)
        assert await claim(database, conversation, one, later(minutes))
    in_vain, gone = await waiting(database), await waiting(database)
    await waiting(database, "fr")
    async with transaction(database) as connection:
        assert await store.leave(connection, in_vain, State.TIMEOUT, later(20))
        assert await store.leave(connection, gone, State.LEFT, later(1))
        found = await store.waits(connection, DESK, later(30))
        old = await store.waits(connection, DESK, NOW + timedelta(days=DESK.estimate.days, minutes=1))
    assert {language: sorted(waits) for language, waits in found.items()} == {
        "en": [timedelta(minutes=number) for number in (2, 4, 6, 20)]
    }
    assert old == {}


async def test_the_languages_at_the_desk_are_those_of_present_operators(database: AsyncEngine) -> None:
    ids = [
        await operator(database, "desk-1", "en", "fr"),
        await operator(database, "desk-2", "ru"),
        await operator(database, "desk-3", "vi"),
        await operator(database, "writer", "ar", role=Role.EDITOR),
    ]
    async with transaction(database) as connection:
        for one, minutes in zip(ids, (1, 1, -1, 1), strict=True):
            await staff.set_present(connection, one, later(minutes))
        await staff.set_disabled(connection, "desk-2", NOW)
        assert await staff.present_languages(connection, NOW) == {"en", "fr"}


# --- call-backs ------------------------------------------------------------------------------------------------------


async def test_a_call_back_is_finished_once(database: AsyncEngine) -> None:
    one = await operator(database, "desk-1")
    thread = await conversations.open_conversation(database, "web", None, "en", NOW)
    wanted = Wanted("email", "a@example.org", "my permit", "en", Reason.HOURS)
    async with transaction(database) as connection:
        reference = await store.add_call_back(connection, thread.id, wanted, later(60), NOW)
        assert [row.reference for row in await store.open_call_backs(connection, thread.id)] == [reference]
        assert await store.finish_call_back(connection, "LL-0000-0000", CallState.DONE, one, NOW) is None
        assert await store.finish_call_back(connection, reference, CallState.DONE, one, NOW) is True
        assert await store.finish_call_back(connection, reference, CallState.FAILED, one, NOW) is False
        assert await store.open_call_backs(connection, thread.id) == []


def test_references_cannot_be_guessed_or_misread() -> None:
    found = {store.new_reference() for _ in range(500)}
    assert len(found) == 500
    assert all(re.fullmatch(r"LL-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}", one) for one in found)
    used = set("".join(found).replace("LL-", "").replace("-", ""))
    assert len(used) == 32, "eight of 32 letters are 40 bits"


@pytest.mark.parametrize("written", ["LL-01AB-CD10", "ll 01ab cd10", "ll-o1ab-cdIO", " LL-OLAB-CD1O "])
def test_a_reference_is_read_as_people_write_it(written: str) -> None:
    assert store.read_reference(written) == "LL-01AB-CD10"


# --- staff -----------------------------------------------------------------------------------------------------------


async def test_a_token_is_its_members_and_ends_with_him(database: AsyncEngine) -> None:
    async with transaction(database) as connection:
        token = await staff.add(connection, "desk-1", "Operator A", {Role.OPERATOR}, ["en"], NOW)
        member = await staff.by_token(connection, token)
        assert member is not None
        assert (member.name, member.shown_name, member.languages) == ("desk-1", "Operator A", ("en",))
        assert await staff.by_token(connection, token + "x") is None
        renewed = await staff.renew_token(connection, "desk-1")
        assert await staff.by_token(connection, token) is None
        assert await staff.by_token(connection, renewed) is not None
        await staff.set_disabled(connection, "desk-1", NOW)
        assert await staff.by_token(connection, renewed) is None
        await staff.set_disabled(connection, "desk-1", None)
        assert await staff.by_token(connection, renewed) is not None


async def test_a_role_that_is_not_known_any_more_gives_no_right(database: AsyncEngine) -> None:
    one = await operator(database, "desk-1")
    async with transaction(database) as connection:
        await connection.execute(update(Staff).where(Staff.id == one).values(roles=["wizard"]))
        assert (await staff.by_name(connection, "desk-1")).roles == frozenset()


@pytest.mark.parametrize(
    ("name", "shown", "roles", "languages"),
    [
        ("", "A", {Role.OPERATOR}, ["en"]),
        ("Desk One", "A", {Role.OPERATOR}, ["en"]),
        ("desk-1", " ", {Role.OPERATOR}, ["en"]),
        ("desk-1", "A" * 61, {Role.OPERATOR}, ["en"]),
        ("desk-1", "A", set(), ["en"]),
        ("desk-1", "A", {Role.OPERATOR}, []),
        ("desk-1", "A", {Role.OPERATOR}, ["xx"]),
    ],
)
async def test_bad_members_are_refused(
    database: AsyncEngine, name: str, shown: str, roles: set[Role], languages: list[str]
) -> None:
    with pytest.raises(StaffError):
        async with transaction(database) as connection:
            await staff.add(connection, name, shown, roles, languages, NOW)


async def test_a_name_is_taken_once(database: AsyncEngine) -> None:
    await operator(database, "desk-1")
    with pytest.raises(StaffError, match="already"):
        await operator(database, "desk-1")
