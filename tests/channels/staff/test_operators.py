"""The operator's side through HTTP: the whole way of a conversation from the queue to a person and back."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from bot.conversations import store
from bot.db.engine import transaction
from bot.db.models import Audit, Message
from bot.handoff.staff import Role
from tests.channels.staff.people import connect, id_of, operator, said, tell, wish
from tests.fakes.site import Site
from tests.handoff.test_hours import at

PHONE = "My number is 13800138000, please call"


def words(site: Site, key: str, **params: str) -> str:
    return site.service.locales.text("en", key, **params)


async def texts(site: Site, reply: dict[str, Any]) -> list[str]:
    return [message["text"] for message in await said(site, reply)]


async def owner(site: Site, reply: dict[str, Any]) -> store.Owner:
    return (await store.thread(site.service.database, reply["conversation"])).owner


async def pass_time(site: Site, minutes: float) -> None:
    site.clock.now += timedelta(minutes=minutes)
    await site.service.handover.sweep(site.clock.now)


async def test_the_whole_way_to_a_person_and_back(any_desk: Site) -> None:
    one = await operator(any_desk)
    resident = await connect(any_desk)
    (listed,) = await one.listed()
    conversation = await id_of(any_desk, resident)
    assert (listed["id"], listed["owner"], listed["desk_language"]) == (conversation, "waiting", "en")
    assert listed["preview"] == "I want to talk to a person"

    assert (await one.do(conversation, "claim")).json == {"owner": "person"}
    assert await one.listed() == []
    assert [entry["id"] for entry in await one.listed("mine")] == [conversation]
    assert (await texts(any_desk, resident))[-1] == words(any_desk, "event_joined", name="Operator A")

    before = len(await said(any_desk, resident))
    reply = await tell(any_desk, resident, "Can you help me?")
    assert reply["messages"] == [], "the bot is silent while a person owns"
    assert len(await said(any_desk, resident)) == before + 1

    assert (await one.write(conversation, "Of course. What is it about?")).status == 200
    last = (await said(any_desk, resident))[-1]
    assert (last["author"], last["name"], last["text"]) == ("person", "Operator A", "Of course. What is it about?")
    assert last["key"] is None

    assert (await one.do(conversation, "give-back")).json == {"owner": "bot"}
    assert (await texts(any_desk, resident))[-1] == words(any_desk, "event_given_back")
    again = await any_desk.say("How do I rent a flat?", conversation=resident["conversation"])
    assert again["outcome"] == "answered"
    assert await one.listed("mine") == []


async def test_two_clicks_by_two_people_are_one_owner(any_desk: Site) -> None:
    first, second = await operator(any_desk, "desk-1"), await operator(any_desk, "desk-2")
    for _ in range(5):
        conversation = await id_of(any_desk, await connect(any_desk))
        answers = await asyncio.gather(first.do(conversation, "claim"), second.do(conversation, "claim"))
        assert sorted(answer.status for answer in answers) == [200, 409]
        assert next(answer for answer in answers if answer.status == 409).code == "already_claimed"
        winner, loser = (first, second) if answers[0].status == 200 else (second, first)
        assert (await winner.do(conversation, "claim")).status == 200, "the owner's second click changes nothing"
        for what in ("give-back", "close"):
            assert (await loser.do(conversation, what)).code == "not_yours"
        assert (await loser.write(conversation, "hello")).code == "not_yours"
        assert (await winner.do(conversation, "close")).status == 200


async def test_what_does_not_wait_cannot_be_claimed(desk: Site) -> None:
    one = await operator(desk)
    conversation = await id_of(desk, await wish(desk))
    assert (await one.do(conversation, "claim")).code == "not_waiting"
    for unknown in ("0" * 32, "nonsense"):
        assert (await one.do(unknown, "claim")).code == "unknown_conversation"


async def test_the_same_key_is_the_same_message(any_desk: Site) -> None:
    one = await operator(any_desk)
    resident = await connect(any_desk)
    conversation = await id_of(any_desk, resident)
    await one.do(conversation, "claim")
    answers = await asyncio.gather(*(one.write(conversation, "Hello", key="same") for _ in range(4)))
    assert len({answer.json["seq"] for answer in answers}) == 1
    assert (await texts(any_desk, resident)).count("Hello") == 1


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({"key": "k", "text": " "}, "empty_text"),
        ({"key": "k", "text": "x" * 4001}, "text_too_long"),
        ({"key": "", "text": "x"}, "bad_field"),
        ({"key": "k" * 61, "text": "x"}, "bad_field"),
        ({"text": "x"}, "bad_field"),
        ({"key": "k", "text": 7}, "bad_field"),
        ([], "bad_json"),
    ],
)
async def test_bad_messages_are_refused(desk: Site, data: Any, code: str) -> None:
    one = await operator(desk)
    conversation = await id_of(desk, await connect(desk))
    await one.do(conversation, "claim")
    assert (await one.do(conversation, "messages", data)).code == code


async def test_closing_ends_it_and_the_next_word_is_the_bots(desk: Site) -> None:
    one = await operator(desk)
    resident = await connect(desk)
    conversation = await id_of(desk, resident)
    await one.do(conversation, "claim")
    assert (await one.do(conversation, "close")).json == {"owner": "closed"}
    assert await owner(desk, resident) is store.Owner.CLOSED
    assert (await one.write(conversation, "one more thing")).code == "not_yours"
    again = await desk.say("How do I rent a flat?", conversation=resident["conversation"])
    assert again["outcome"] == "answered"
    assert await owner(desk, resident) is store.Owner.BOT
    await desk.press(await wish(desk, conversation=resident["conversation"]), 0)
    assert len(await one.listed()) == 1, "and a person can be had again"


async def test_emergencies_are_answered_even_while_a_person_owns(desk: Site) -> None:
    one = await operator(desk)
    resident = await connect(desk)
    await one.do(await id_of(desk, resident), "claim")
    reply = await desk.say("Help, my husband is not breathing", conversation=resident["conversation"])
    assert reply["outcome"] == "urgent"
    assert await owner(desk, resident) is store.Owner.PERSON


# --- nobody there any more -------------------------------------------------------------------------------------------


async def test_a_lost_operators_conversation_is_back_in_its_place(any_desk: Site) -> None:
    one, two = await operator(any_desk, "desk-1"), await operator(any_desk, "desk-2")
    resident = await connect(any_desk)
    conversation = await id_of(any_desk, resident)
    await one.do(conversation, "claim")
    later = await connect(any_desk)
    await pass_time(any_desk, 0.5)
    assert await owner(any_desk, resident) is store.Owner.PERSON
    await two.be_there()
    await pass_time(any_desk, 0.7)
    assert await owner(any_desk, resident) is store.Owner.WAITING
    assert (await texts(any_desk, resident))[-1] == words(any_desk, "event_lost", name="Operator A")
    assert [entry["id"] for entry in await two.listed()] == [conversation, await id_of(any_desk, later)]
    assert (await one.write(conversation, "I am back")).code == "not_yours"
    assert (await two.do(conversation, "claim")).status == 200


async def test_who_writes_is_there(desk: Site) -> None:
    """An operator whose page forgot to say so does not lose the resident he is writing to."""
    one = await operator(desk)
    resident = await connect(desk)
    conversation = await id_of(desk, resident)
    await one.do(conversation, "claim")
    for _ in range(4):
        await pass_time(desk, 0.7)
        assert (await one.write(conversation, "One moment, please")).status == 200
    assert await owner(desk, resident) is store.Owner.PERSON


async def test_a_talk_that_fell_asleep_is_asked_about_and_then_ended(desk: Site) -> None:
    one = await operator(desk)
    resident = await connect(desk)
    conversation = await id_of(desk, resident)
    await one.do(conversation, "claim")

    async def minutes(number: int) -> None:
        for _ in range(number):
            desk.clock.now += timedelta(minutes=1)
            await one.be_there()
            await desk.service.handover.sweep(desk.clock.now)

    await minutes(19)
    assert (await texts(desk, resident))[-1] == words(desk, "event_joined", name="Operator A")
    await minutes(2)
    assert (await texts(desk, resident))[-1] == words(desk, "event_idle", minutes="10")
    await tell(desk, resident, "I am still here")
    await minutes(19)
    assert (await texts(desk, resident))[-1] == "I am still here"
    await minutes(2)
    assert (await texts(desk, resident))[-1] == words(desk, "event_idle", minutes="10")
    await minutes(11)
    assert (await texts(desk, resident))[-1] == words(desk, "event_idle_ended")
    assert await owner(desk, resident) is store.Owner.CLOSED
    await minutes(40)
    assert (await texts(desk, resident)).count(words(desk, "event_idle_ended")) == 1


# --- what is seen ----------------------------------------------------------------------------------------------------


async def test_numbers_are_masked_unless_asked_for_which_is_put_on_record(any_desk: Site) -> None:
    one, chief = await operator(any_desk), await operator(any_desk, "chief", role=Role.SUPERVISOR)
    resident = await wish(any_desk)
    conversation = await id_of(any_desk, resident)
    await any_desk.post({"text": PHONE, "conversation": resident["conversation"]})
    reply = await any_desk.press(resident, 0)
    assert reply["outcome"] == "handoff"
    (listed,) = await one.listed()
    assert listed["preview"] == "My number is ‹PHONE›, please call"

    found = await one.get(f"/conversations/{conversation}")
    assert found["masked"]
    assert found["consent_at"] is not None
    assert "13800138000" not in str(found)
    assert (await one.call("GET", f"/conversations/{conversation}?as_written=1")).code == "forbidden"
    await one.do(conversation, "claim")
    assert PHONE in str((await one.get(f"/conversations/{conversation}", as_written="1"))["messages"])
    assert PHONE in str((await chief.get(f"/conversations/{conversation}", as_written="1"))["messages"])
    async with transaction(any_desk.service.database) as connection:
        readers = (await connection.execute(select(Audit.actor).where(Audit.action == "read_as_written"))).scalars()
        assert list(readers) == ["desk-1", "chief"]


async def test_the_numbers_of_offices_are_not_masked(desk: Site) -> None:
    one = await operator(desk)
    conversation = await id_of(desk, await connect(desk))
    shown = [message["text"] for message in (await one.get(f"/conversations/{conversation}"))["messages"]]
    assert any("0551-12367" in text for text in shown)


async def test_an_operator_sees_what_is_for_the_desk_and_a_supervisor_all(desk: Site) -> None:
    one, two = await operator(desk, "desk-1"), await operator(desk, "desk-2")
    chief = await operator(desk, "chief", role=Role.SUPERVISOR)
    with_bot, with_two = await id_of(desk, await wish(desk)), await id_of(desk, await connect(desk))
    await two.do(with_two, "claim")
    for conversation in (with_bot, with_two):
        assert (await one.call("GET", f"/conversations/{conversation}")).code == "unknown_conversation"
        assert (await chief.get(f"/conversations/{conversation}"))["id"] == conversation
    for state in ("bot", "person", "nonsense"):
        assert (await one.call("GET", f"/conversations?state={state}")).code == "bad_field"
    assert [entry["id"] for entry in await chief.listed("bot")] == [with_bot]
    assert [entry["operator"] for entry in await chief.listed("person")] == ["Operator B"]


async def test_a_page_of_messages_begins_after_a_number(desk: Site) -> None:
    one = await operator(desk)
    conversation = await id_of(desk, await connect(desk))
    found = (await one.get(f"/conversations/{conversation}"))["messages"]
    rest = (await one.get(f"/conversations/{conversation}", after=found[1]["seq"]))["messages"]
    assert rest == found[2:]
    assert (await one.call("GET", f"/conversations/{conversation}?after=x")).code == "bad_field"


async def test_me_says_how_the_desk_is(desk: Site) -> None:
    one = await operator(desk, "desk-1", "en", "fr")
    me = await one.get("/me")
    assert (me["name"], me["shown_name"], me["languages"]) == ("desk-1", "Operator A", ["en", "fr"])
    assert me["permissions"] == ["call_backs", "desk", "self"]
    assert me["desk"] == {
        "open": True,
        "reason": None,
        "opens": "2026-11-24T13:30:00+08:00",
        "calendar_lacks": [],
    }
    assert me["present_until"] is not None
    desk.clock.now = at("2031-01-01 10:00")
    assert (await one.get("/me"))["desk"]["calendar_lacks"] == [2031]


# --- call-backs ------------------------------------------------------------------------------------------------------


async def test_a_call_back_is_seen_and_finished(any_desk: Site) -> None:
    one = await operator(any_desk)
    resident = await wish(any_desk)
    thread = await store.thread(any_desk.service.database, resident["conversation"])
    receipt = await any_desk.service.handover.request_call_back(thread.id, "phone", "0551-1234567", "my permit", "en")
    (listed,) = (await one.get("/call-backs"))["call_backs"]
    assert (listed["reference"], listed["value"], listed["words"]) == (receipt.reference, "0551-1234567", "my permit")
    assert (await one.get(f"/conversations/{thread.id.hex}"))["id"] == thread.id.hex, "what it is about can be read"

    written = receipt.reference.lower().replace("-", " ")
    done = await one.call("POST", f"/call-backs/{written}", {"state": "done", "note": "called, all clear"})
    assert (done.status, done.json) == (200, {"state": "done"})
    again = await one.call("POST", f"/call-backs/{receipt.reference}", {"state": "failed"})
    assert again.code == "already_done"
    assert (await one.get("/call-backs"))["call_backs"] == []
    (finished,) = (await one.get("/call-backs", state="done"))["call_backs"]
    assert (finished["staff"], finished["words"]) == ("desk-1", "my permit\n\n— desk-1: called, all clear")
    assert (await one.call("GET", f"/conversations/{thread.id.hex}")).code == "unknown_conversation"


async def test_bad_ends_of_call_backs_are_refused(desk: Site) -> None:
    one = await operator(desk)
    assert (await one.call("POST", "/call-backs/LL-0000-0000", {"state": "done"})).code == "not_found"
    for data in ({"state": "open"}, {}, {"state": "done", "note": 7}):
        assert (await one.call("POST", "/call-backs/LL-0000-0000", data)).code == "bad_field"
    assert (await one.call("GET", "/call-backs?state=lost")).code == "bad_field"


async def test_an_operators_words_are_stored_with_their_writer(desk: Site) -> None:
    one = await operator(desk)
    conversation = await id_of(desk, await connect(desk))
    await one.do(conversation, "claim")
    await one.write(conversation, "Good morning")
    async with transaction(desk.service.database) as connection:
        statement = select(Message.author, Message.direction, Message.staff_id).where(Message.text == "Good morning")
        row = (await connection.execute(statement)).one()
    assert (row.author, row.direction) == ("person", "out")
    assert row.staff_id is not None
