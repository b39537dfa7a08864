"""Real time: the socket and the long poll, what they resume, what they refuse, what they survive."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from sqlalchemy import text as sql

from bot.bus import CONFIG, RESYNC, conversation_topic
from bot.channels.web.hub import Close
from bot.channels.web.visitor import LIFE, Tokens
from bot.conversations import store, visits
from bot.db.engine import transaction
from bot.messages import Kind
from tests.conftest import SiteMaker
from tests.fakes.ledger import check_books
from tests.fakes.site import NOW, VISITOR_KEYS, Site
from tests.fakes.visitor import visitor

RENT = "How do I rent a flat?"
FIELDS = frozenset(
    "seq direction author name key at reply_to outcome kind lang text steps documents buttons office source checked_on"
    " article version feedback withdrawn".split()
)


async def test_a_question_and_its_answer(site: Site) -> None:
    socket = await (await visitor(site)).socket()
    key = await socket.send(RENT)
    assert (await socket.next("accepted"))["key"] == key
    answer = (await socket.reply_to(key))[-1]
    asked = socket.messages[0]
    assert (asked["direction"], asked["author"], asked["text"], asked["key"]) == ("in", "resident", RENT, key)
    assert (answer["author"], answer["kind"], answer["article"], answer["outcome"]) == (
        "bot",
        "article",
        "rent-a-flat",
        "answered",
    )
    assert all(set(message) == FIELDS for message in socket.messages)
    assert {"type": "typing", "who": "bot", "on": True} in socket.frames
    await check_books(site.service.database, Counter([RENT]))


async def test_two_tabs_show_the_same(site: Site) -> None:
    who = await visitor(site)
    first, second = await who.socket(), await who.socket()
    key = await first.send(RENT)
    assert (await first.reply_to(key)) == (await second.reply_to(key))
    assert first.messages == second.messages


async def test_nobody_elses_messages_come(site: Site) -> None:
    mine, theirs = await (await visitor(site)).socket(), await (await visitor(site)).socket()
    await mine.reply_to(await mine.send(RENT))
    await theirs.quiet()
    assert theirs.messages == []


async def test_who_comes_back_gets_all_after_the_last_it_has(site: Site) -> None:
    who = await visitor(site)
    socket = await who.socket()
    await socket.reply_to(await socket.send(RENT))
    last = socket.messages[-1]["seq"]
    await socket.raw.close()
    async with transaction(site.service.database) as connection:
        for n in range(450):
            await store.add(
                connection,
                who.conversation,
                author=store.Author.PERSON,
                kind=Kind.TEXT,
                lang="en",
                text=str(n),
                now=NOW,
            )
    again = await who.socket(after=last)
    found = await again.until_seq(last + 450)
    assert [message["seq"] for message in found] == list(range(last + 1, last + 451))
    assert again.welcome["last_seq"] == last + 450


async def test_the_same_key_is_accepted_again_and_answered_once(site: Site) -> None:
    who = await visitor(site)
    socket = await who.socket()
    key = await socket.send(RENT)
    first = await socket.next("accepted")
    await socket.reply_to(key)
    await socket.send(RENT, key)
    assert await socket.next("accepted") == first
    posted = await site.request("POST", "/api/widget/messages", json={"key": key, "text": RENT}, headers=who.headers)
    assert (posted.status, posted.json) == (202, {"key": key, "seq": first["seq"]})
    await check_books(site.service.database, Counter([RENT]))
    assert len(site.engine.received) == 1


async def test_fifty_questions_at_once_are_each_answered_once_and_in_order(site: Site) -> None:
    socket = await (await visitor(site)).socket()
    texts = [f"{RENT} {n}" for n in range(50)]
    keys = [await socket.send(text) for text in texts]
    for key in keys:
        await socket.reply_to(key)
    assert [message["seq"] for message in socket.messages] == list(range(1, len(socket.messages) + 1))
    answered = [m["reply_to"] for m in socket.messages if m["reply_to"] is not None]
    assert answered == sorted(answered)
    await check_books(site.service.database, Counter(texts))


async def test_a_button_over_the_socket(site: Site) -> None:
    socket = await (await visitor(site)).socket()
    (*_, greeting) = await socket.reply_to(await socket.send("hello there, good morning"))
    key = await socket.send(button=greeting["buttons"][0]["payload"])
    assert (await socket.reply_to(key))[-1]["kind"] == "question"
    await socket.send(button="b1.0.99")
    assert (await socket.next("error"))["code"] == "unknown_button"


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ({"type": "send", "text": RENT}, "bad_field"),
        ({"type": "send", "key": "a b", "text": RENT}, "bad_field"),
        ({"type": "send", "key": "x" * 65, "text": RENT}, "bad_field"),
        ({"type": "send", "key": "k", "text": "  "}, "empty_text"),
        ({"type": "send", "key": "k", "text": "x" * 4001}, "text_too_long"),
        ({"type": "send", "key": "k", "text": 5}, "bad_field"),
        ({"type": "send", "key": "k", "text": "a", "button": "b"}, "bad_field"),
        ({"type": "send", "key": "k", "text": RENT, "language": "xx"}, "bad_field"),
        ({"type": "ack", "seq": "1"}, "bad_field"),
        ({"type": "ack", "seq": 2**40}, "bad_field"),
        ({"type": "dance"}, "bad_field"),
        ({}, "bad_field"),
    ],
)
async def test_a_bad_frame_is_told_and_the_connection_lives(site: Site, frame: dict[str, Any], code: str) -> None:
    socket = await (await visitor(site)).socket()
    await socket.say(frame)
    error = await socket.next("error")
    assert (error["code"], error["key"]) == (code, frame.get("key"))
    await socket.say({"type": "ping"})
    await socket.next("pong")
    await check_books(site.service.database, Counter())


@pytest.mark.parametrize("raw", ["", "no json", "[]", "3", '{"type":', "[" * 10_000])
async def test_a_frame_that_is_no_object_is_told(site: Site, raw: str) -> None:
    socket = await (await visitor(site)).socket()
    await socket.raw.send_str(raw)
    assert (await socket.next("error"))["code"] == "bad_json"


async def test_binary_frames_and_huge_ones(site: Site) -> None:
    socket = await (await visitor(site)).socket()
    await socket.raw.send_bytes(b"\x00\xff")
    assert (await socket.next("error"))["code"] == "bad_json"
    await socket.raw.send_str("x" * 40_000)
    assert await socket.closed() == 1009


@pytest.mark.parametrize("hello", [{"type": "ping"}, {"type": "send", "key": "k", "text": RENT}, {}])
async def test_the_first_frame_is_a_hello(site: Site, hello: dict[str, Any]) -> None:
    socket = await (await visitor(site)).raw_socket()
    await socket.say(hello)
    assert await socket.closed() == Close.NO_HELLO


async def test_tokens_that_are_not_good(site: Site) -> None:
    who, now = await visitor(site), site.service.clock()
    tokens, strangers = Tokens(VISITOR_KEYS), Tokens(("another-key-" * 4,))
    bad = [
        "",
        "x",
        "0.1.2.3",
        who.token[:-1],
        who.token + "x",
        "1" + who.token,
        strangers.sign(who.conversation, who.device, 0, now),
        tokens.sign(who.conversation, who.device, 0, now - LIFE),
        tokens.sign(who.conversation, who.device, 1, now),
        tokens.sign(uuid.uuid4(), who.device, 0, now),
        tokens.sign(who.conversation, uuid.uuid4(), 0, now),
        tokens.sign(who.conversation, who.device, 0, now + timedelta(hours=1)),
        None,
        7,
    ]
    for token in bad:
        socket = await who.raw_socket()
        await socket.say({"type": "hello", "token": token, "after": 0})
        assert await socket.closed() == Close.BAD_TOKEN, token
        headers = {"Authorization": f"Bearer {token}"}
        refused = await site.request("GET", "/api/widget/messages", headers=headers)
        assert (refused.status, refused.code) == (401, "bad_token"), token


async def test_the_key_before_the_present_one_is_still_believed(site: Site) -> None:
    who = await visitor(site)
    old = Tokens(VISITOR_KEYS[1:]).sign(who.conversation, who.device, 0, site.service.clock())
    who.token = old
    assert (await who.socket()).welcome["owner"] == "bot"


async def test_an_old_token_is_renewed_while_the_socket_is_open(make_site: SiteMaker) -> None:
    async with make_site() as site:
        who = await visitor(site)
        socket = await who.socket()
        assert socket.welcome["token"] is None
        site.clock.now = NOW + LIFE * 0.6
        await socket.say({"type": "ping"})
        token = (await socket.next("token"))["token"]
        await socket.next("pong")
        assert Tokens(VISITOR_KEYS).read(token).generation == 1
        # The other tab still has the one before, and may go on.
        assert (await who.get())["messages"] == []
        await visits.renew(site.service.database, who.conversation, who.device, 1)
        refused = await site.request("GET", "/api/widget/messages", headers=who.headers)
        assert refused.status == 401, "a token two renewals old is worth nothing"


async def test_too_many_connections(make_site: SiteMaker) -> None:
    async with make_site(most_connections_per_conversation=2, most_connections_per_address=3) as site:
        who = await visitor(site)
        sockets = [await who.socket(), await who.socket()]
        third = await who.raw_socket()
        await third.say({"type": "hello", "token": who.token, "after": 0})
        assert await third.closed() == Close.TOO_MANY_CONNECTIONS
        others = await (await visitor(site)).socket()
        fourth = await (other := await visitor(site)).raw_socket()
        await fourth.say({"type": "hello", "token": other.token, "after": 0})
        assert await fourth.closed() == Close.TOO_MANY_CONNECTIONS
        await sockets[0].raw.close()
        await others.raw.close()
        await asyncio.sleep(0.1)
        assert (await other.socket()).welcome["owner"] == "bot", "a place that was left is free"


async def test_a_flood_of_small_frames_is_cut_off(site: Site) -> None:
    socket = await (await visitor(site)).socket()
    for _ in range(200):
        try:
            await socket.say({"type": "typing", "on": True})
        except ConnectionError:
            break
    assert await socket.closed() == Close.TOO_MANY_MESSAGES


async def test_messages_count_against_the_rate(make_site: SiteMaker) -> None:
    async with make_site(rate_per_minute=6, rate_burst=2, proof_bits=0) as site:
        socket = await (await visitor(site)).socket()
        for _ in range(3):
            await socket.send("thank you")
        error = await socket.next("error")
        assert (error["code"], error["retry_after"] > 0) == ("rate_limited", True)


async def test_without_the_database_a_message_is_not_accepted_and_can_be_sent_again(site: Site) -> None:
    socket = await (await visitor(site)).socket()
    async with transaction(site.service.database) as connection:
        await connection.execute(sql("ALTER TABLE messages RENAME TO gone"))
    key = await socket.send(RENT)
    error = await socket.next("error")
    assert (error["code"], error["key"]) == ("unavailable", key)
    async with transaction(site.service.database) as connection:
        await connection.execute(sql("ALTER TABLE gone RENAME TO messages"))
    await socket.send(RENT, key)
    await socket.reply_to(key)
    await check_books(site.service.database, Counter([RENT]))


async def test_lost_signals_are_made_good(site: Site) -> None:
    who = await visitor(site)
    socket = await who.socket()

    async def behind_the_bus(text: str) -> None:
        async with transaction(site.service.database) as connection:
            await store.add(
                connection, who.conversation, author=store.Author.PERSON, kind=Kind.TEXT, lang="en", text=text, now=NOW
            )

    await behind_the_bus("one")
    await socket.quiet()
    await site.service.signal_again(NOW)
    assert [message["text"] for message in await socket.until_seq(1)] == ["one"]
    await behind_the_bus("two")
    await site.service.bus.publish(RESYNC, {"event": "resync"})
    assert [message["text"] for message in await socket.until_seq(2)] == ["one", "two"]


async def test_a_change_of_the_configuration_is_told(site: Site) -> None:
    socket = await (await visitor(site)).socket()
    await site.service.bus.publish(CONFIG, {"event": "changed"})
    await socket.next("refresh")


async def test_an_erased_conversation_closes_its_sockets(site: Site) -> None:
    who = await visitor(site)
    socket = await who.socket()
    await site.service.bus.publish(conversation_topic(who.conversation), {"event": "gone"})
    assert await socket.closed() == Close.BAD_TOKEN


async def test_a_stopping_server_says_come_back(make_site: SiteMaker) -> None:
    async with make_site() as site:
        socket = await (await visitor(site)).socket()
        closing = asyncio.create_task(socket.closed())
        await site.stop_public()
        assert await closing == Close.RESTART


async def test_a_client_that_takes_nothing_costs_nothing_and_loses_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is cut off after a while, and gets everything when it is back."""
    monkeypatch.setattr("bot.channels.web.hub._SEND_SECONDS", 0.3)
    who = await visitor(site)
    deaf = await who.socket()
    transport = deaf.raw._response.connection.transport  # type: ignore[union-attr]
    asyncio.get_running_loop()._remove_reader(transport.get_extra_info("socket").fileno())  # type: ignore[attr-defined]
    async with transaction(site.service.database) as connection:
        for _ in range(400):
            await store.add(
                connection,
                who.conversation,
                author=store.Author.PERSON,
                kind=Kind.TEXT,
                lang="en",
                text="x" * 60_000,
                now=NOW,
            )
    await site.service.signal_again(NOW)
    for _ in range(200):
        if site.hub.count == 0:
            break
        await asyncio.sleep(0.05)
    assert site.hub.count == 0
    again = await who.socket(after=398)
    assert [m["seq"] for m in await again.until_seq(400)] == [399, 400]


# --- the long poll ---------------------------------------------------------------------------------------------------


async def test_a_long_poll_waits_for_what_comes(site: Site) -> None:
    who = await visitor(site)
    polling = asyncio.create_task(who.get(after=0, wait=10))
    await asyncio.sleep(0.2)
    assert not polling.done()
    sent = await site.request("POST", "/api/widget/messages", json={"key": "k", "text": RENT}, headers=who.headers)
    assert sent.status == 202
    found = await polling
    assert found["messages"][0]["text"] == RENT
    seq = found["messages"][-1]["seq"]
    while not any(m["reply_to"] == 1 for m in found["messages"]):
        found = await who.get(after=seq, wait=10)
    assert found["messages"][-1]["article"] == "rent-a-flat"
    assert (found["owner"], found["last_seq"]) == ("bot", found["messages"][-1]["seq"])


async def test_a_long_poll_that_waits_in_vain_ends(site: Site) -> None:
    who = await visitor(site)
    found = await who.get(after=0, wait=1)
    assert (found["messages"], found["typing"]) == ([], {"bot": False, "person": False})


async def test_messages_in_another_language(site: Site) -> None:
    who = await visitor(site)
    await site.request("POST", "/api/widget/messages", json={"key": "k", "text": RENT}, headers=who.headers)
    found = await who.get(after=1, wait=10)
    french = (await who.get(after=1, language="fr"))["messages"]
    assert found["messages"][-1]["lang"] == "en"
    assert french[-1]["lang"] == "fr"
    assert french[-1]["text"] != found["messages"][-1]["text"]
    assert [m["seq"] for m in french] == [m["seq"] for m in found["messages"]]


@pytest.mark.parametrize("query", ["after=x", "after=-1", "after=99999999999", "wait=x", "language=xx"])
async def test_a_bad_query_is_told(site: Site, query: str) -> None:
    who = await visitor(site)
    refused = await site.request("GET", f"/api/widget/messages?{query}", headers=who.headers)
    assert (refused.status, refused.code) == (400, "bad_field")


async def test_no_token_is_401(site: Site) -> None:
    for headers in ({}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer"}):
        for method in ("GET", "POST"):
            refused = await site.request(method, "/api/widget/messages", headers=headers)
            assert (refused.status, refused.code) == (401, "bad_token")


async def test_a_socket_from_a_page_that_may_not(site: Site) -> None:
    who = await visitor(site)
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await who.raw_socket(Origin="https://evil.example")
    assert caught.value.status == 403


async def test_an_emergency_card_in_another_language(site: Site) -> None:
    who = await visitor(site)
    socket = await who.socket()
    await socket.reply_to(await socket.send("my house is on fire, help"))
    (card,) = (await who.get(after=1, language="fr"))["messages"]
    assert (card["kind"], card["lang"]) == ("urgent", "fr")
    assert "119" in card["text"]
    assert card["steps"] == socket.messages[-1]["steps"]
