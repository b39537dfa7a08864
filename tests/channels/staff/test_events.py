"""What an operator's page is told without asking."""

from __future__ import annotations

import asyncio

import pytest

from bot.bus import conversation_topic
from bot.channels.staff import events
from bot.conversations import store
from bot.db.engine import transaction
from bot.handoff import staff
from bot.handoff.staff import Role
from tests.channels.staff.people import Page, connect, id_of, operator, tell
from tests.fakes.site import Site


async def test_the_queue_and_ones_own_conversations_are_told(desk: Site) -> None:
    one = await operator(desk)
    page = await one.socket()
    assert (await page.next("queue"))["waiting"] == []
    resident = await connect(desk)
    conversation = await id_of(desk, resident)
    assert [entry["id"] for entry in (await page.next("queue"))["waiting"]] == [conversation]
    await one.do(conversation, "claim")
    queue = await page.next("queue")
    assert (queue["waiting"], [entry["id"] for entry in queue["mine"]]) == ([], [conversation])

    await tell(desk, resident, "My number is 13800138000")
    told = await page.next("messages")
    assert told["conversation"] == conversation
    assert [message["text"] for message in told["messages"]] == ["My number is ‹PHONE›"]
    await one.write(conversation, "Thank you")
    assert (await page.next("messages"))["messages"][-1]["text"] == "Thank you"

    thread = await store.thread(desk.service.database, resident["conversation"])
    await desk.service.bus.publish(conversation_topic(thread.id), {"event": "typing", "who": "resident", "on": True})
    assert await page.next("typing") == {"type": "typing", "conversation": conversation, "who": "resident", "on": True}
    await page.raw.close()


async def test_the_conversations_of_others_are_not_told(desk: Site) -> None:
    one, two = await operator(desk, "desk-1"), await operator(desk, "desk-2")
    page = await one.socket()
    resident = await connect(desk)
    conversation = await id_of(desk, resident)
    await two.do(conversation, "claim")
    await tell(desk, resident, "for the other one")
    await page.say({"type": "ping"})
    async with page.raw:
        frame = await page.next("pong")
        assert frame == {"type": "pong"}
    assert not desk.service.bus._listeners._by_topic.get(f"conversation.{conversation}")  # type: ignore[attr-defined]


async def test_after_giving_back_nothing_more_is_told(desk: Site) -> None:
    one = await operator(desk)
    page = await one.socket()
    resident = await connect(desk)
    conversation = await id_of(desk, resident)
    await one.do(conversation, "claim")
    while not (await page.next("queue"))["mine"]:
        pass
    await one.do(conversation, "give-back")
    while (await page.next("queue"))["mine"]:
        pass
    await desk.say("How do I rent a flat?", conversation=resident["conversation"])
    await page.say({"type": "ping"})
    message = await page.raw.receive_json()
    while message["type"] == "queue":
        message = await page.raw.receive_json()
    assert message == {"type": "pong"}
    await page.raw.close()


async def test_presence_is_said_over_the_socket_too(desk: Site) -> None:
    one = await operator(desk, there=False)
    page = await one.socket()
    for on in (True, False):
        await page.say({"type": "presence", "on": on})
        await page.say({"type": "ping"})
        await page.next("pong")
        assert ((await one.get("/me"))["present_until"] is not None) == on
    await page.say({"type": "nonsense"})
    assert (await page.next("error"))["code"] == "bad_field"
    await page.raw.close()


@pytest.mark.parametrize(
    ("frame", "code"), [({"type": "hello", "token": "wrong"}, 4401), ({"type": "ping"}, 4408), ([], 4408)]
)
async def test_without_a_token_the_socket_is_closed(desk: Site, frame: object, code: int) -> None:
    page = Page(await desk.session.ws_connect(f"{desk.public}/api/staff/events"))
    await page.say(frame)
    assert await page.closed() == code


async def test_a_role_without_the_desk_gets_no_events(desk: Site) -> None:
    editor = await operator(desk, "editor", role=Role.EDITOR, there=False)
    page = Page(await desk.session.ws_connect(f"{desk.public}/api/staff/events"))
    await page.say({"type": "hello", "token": editor.token})
    assert await page.closed() == 4403


async def test_a_token_that_is_taken_away_ends_the_connection(desk: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "_CHECK_SECONDS", 0.05)
    one = await operator(desk)
    page = await one.socket()
    async with transaction(desk.service.database) as connection:
        await staff.set_disabled(connection, "desk-1", desk.clock.now)
    assert await page.closed() == 4401


async def test_when_the_server_stops_pages_are_sent_away(desk: Site) -> None:
    one = await operator(desk)
    page = await one.socket()
    closing = asyncio.create_task(page.closed())
    await desk.stop_public()
    assert await closing == 1012
