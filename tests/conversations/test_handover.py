"""What a resident meets who wants a person: the truth about the desk, consent, a place, a way back, a call-back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from bot.conversations import store
from bot.db.engine import transaction
from bot.db.models import Audit, CallBack, Consent, Conversation, Handoff
from bot.errors import Code, RequestError
from bot.languages import ANSWERED, CODES
from tests.channels.staff.people import OPEN, connect, operator, said, wish
from tests.fakes.site import Site, buttons
from tests.handoff.test_hours import at

HOTLINES = ("12345", "12367")


@pytest.fixture
async def desk(lone_site: Site) -> Site:
    lone_site.clock.now = OPEN
    return lone_site


def texts(reply: dict[str, Any]) -> str:
    return "\n".join(message["text"] for message in reply["messages"])


def titles(reply: dict[str, Any]) -> list[str]:
    return [button["title"] for button in buttons(reply)]


def words(site: Site, key: str, **params: str) -> str:
    return site.service.locales.text("en", key, **params)


async def thread_of(site: Site, reply: dict[str, Any]) -> store.Thread:
    return await store.thread(site.service.database, reply["conversation"])


async def rows(site: Site, *columns: Any) -> list[Any]:
    async with transaction(site.service.database) as connection:
        return list(await connection.execute(select(*columns)))


async def pass_time(site: Site, minutes: float) -> None:
    site.clock.now += timedelta(minutes=minutes)
    await site.service.handover.sweep(site.clock.now)


# --- what is offered -------------------------------------------------------------------------------------------------


async def test_with_somebody_there_consent_is_asked_before_anything_happens(desk: Site) -> None:
    await operator(desk)
    reply = await wish(desk)
    assert all(number in texts(reply) for number in HOTLINES)
    assert texts(reply).endswith(words(desk, "desk_offer"))
    assert titles(reply) == [words(desk, "button_connect"), words(desk, "button_stay")]
    assert (await thread_of(desk, reply)).owner is store.Owner.BOT
    assert await rows(desk, Handoff.id) == []


@pytest.mark.parametrize("language", CODES)
async def test_every_language_is_told_about_the_desk(desk: Site, language: str) -> None:
    """In its own words where it is answered, else in English; with both hotlines, and nothing left to fill in."""
    for there in ((), ("en",)):
        if there:
            await operator(desk, "desk-1", *there)
        reply = await wish(desk, language=language)
        assert all(number in texts(reply) for number in HOTLINES)
        assert "{" not in texts(reply)
        lang = language if language in ANSWERED else "en"
        assert {message["lang"] for message in reply["messages"][-2:]} == {lang}
        own = desk.service.locales.text(lang, "button_stay")
        assert titles(reply)[1] == own
        if there and language != "en":
            assert desk.service.locales.text(lang, "desk_english") in texts(reply)


@pytest.mark.parametrize(
    ("now", "key", "opens"),
    [
        ("2026-11-24 12:30", "desk_closed_hours", "today at 13:30"),
        ("2026-11-24 20:00", "desk_closed_hours", "on Wednesday, 25 November, at 09:00"),
        ("2026-10-01 10:00", "desk_closed_holiday", "on Thursday, 8 October, at 09:00"),
    ],
)
async def test_a_closed_desk_says_why_and_when_it_opens(desk: Site, now: str, key: str, opens: str) -> None:
    desk.clock.now = at(now)
    await operator(desk)
    reply = await wish(desk)
    assert texts(reply).endswith(words(desk, key, at_opens=opens))
    assert all(number in texts(reply) for number in HOTLINES)
    assert titles(reply) == [words(desk, "button_call_back"), words(desk, "button_stay")]


async def test_an_operator_who_has_left_is_not_counted_on(desk: Site) -> None:
    one = await operator(desk)
    await one.be_there(on=False)
    assert texts(await wish(desk)).endswith(words(desk, "desk_nobody"))
    await one.be_there()
    desk.clock.now += desk.service.handover.desk.presence
    assert texts(await wish(desk)).endswith(words(desk, "desk_nobody"))


async def test_a_long_queue_is_not_joined(desk: Site) -> None:
    await operator(desk)
    for _ in range(desk.service.handover.desk.longest_queue):
        await connect(desk)
    reply = await wish(desk)
    assert texts(reply).endswith(words(desk, "desk_busy"))
    # One more who was asked before the queue was full is told when he presses.
    assert titles(reply)[0] == words(desk, "button_call_back")


async def test_the_desk_that_closed_after_the_offer_says_so(desk: Site) -> None:
    await operator(desk)
    offered = await wish(desk)
    desk.clock.now = at("2026-11-24 12:30")
    reply = await desk.press(offered, 0)
    assert texts(reply) == words(desk, "desk_closed_hours", at_opens="today at 13:30")
    assert (await thread_of(desk, reply)).owner is store.Owner.BOT


# --- in the queue ----------------------------------------------------------------------------------------------------


async def test_agreeing_is_kept_and_gives_a_place(desk: Site) -> None:
    await operator(desk)
    first, second = await connect(desk), await connect(desk)
    assert texts(first).startswith(words(desk, "desk_queue", position="1"))
    assert texts(second).startswith(words(desk, "desk_queue", position="2"))
    assert titles(second) == [words(desk, "button_stay")]
    assert (await thread_of(desk, second)).owner is store.Owner.WAITING
    thread = await thread_of(desk, second)
    consents = await rows(desk, Consent.kind, Consent.conversation_id)
    assert [tuple(row) for row in consents][-1] == ("handoff", thread.id)
    queue = await desk.service.handover.queue(thread.id, "en")
    assert queue == {"position": 2, "minutes": None, "text": words(desk, "desk_queue", position="2")}


async def test_the_wait_is_the_median_of_earlier_ones(desk: Site) -> None:
    one = await operator(desk)
    for minutes in (3, 5, 10):
        reply = await connect(desk)
        desk.clock.now += timedelta(minutes=minutes)
        await one.be_there()
        thread = await thread_of(desk, reply)
        assert (await one.do(thread.id.hex, "claim")).status == 200
    reply = await wish(desk)
    assert texts(reply).endswith(words(desk, "desk_offer_minutes", minutes="5"))
    assert texts(await desk.press(reply, 0)).startswith(words(desk, "desk_queue_minutes", position="1", minutes="5"))


async def test_the_bot_goes_on_answering_those_who_wait(desk: Site) -> None:
    await operator(desk)
    waiting = await connect(desk)
    reply = await desk.say("How do I rent a flat?", conversation=waiting["conversation"])
    assert reply["outcome"] == "answered"
    assert (await thread_of(desk, reply)).owner is store.Owner.WAITING


async def test_asking_again_tells_the_place_and_takes_no_second_one(desk: Site) -> None:
    await operator(desk)
    waiting = await connect(desk)
    again = await wish(desk, conversation=waiting["conversation"])
    assert texts(again).startswith(words(desk, "desk_queue", position="1"))
    pressed = await desk.press(waiting, 0)  # "stay with the assistant"
    assert texts(pressed) == words(desk, "desk_left_queue")
    assert (await thread_of(desk, pressed)).owner is store.Owner.BOT
    assert [row.state for row in await rows(desk, Handoff.state)] == ["left"]


async def test_staying_without_having_waited(desk: Site) -> None:
    await operator(desk)
    reply = await desk.press(await wish(desk), 1)
    assert (texts(reply), reply["outcome"]) == (words(desk, "desk_stay"), "chat")


async def test_an_old_button_pressed_twice_does_no_harm(desk: Site) -> None:
    await operator(desk)
    offered = await wish(desk)
    first, second = await desk.press(offered, 0), await desk.press(offered, 0)
    assert texts(first) == texts(second)
    assert len(await rows(desk, Handoff.id)) == 1


async def test_leaving_by_the_widgets_own_way(desk: Site) -> None:
    await operator(desk)
    thread = await thread_of(desk, await connect(desk))
    handover = desk.service.handover
    assert await handover.leave(thread.id) is store.Owner.BOT
    assert await handover.leave(thread.id) is store.Owner.BOT
    assert await handover.queue(thread.id, "en") is None


# --- nobody comes ----------------------------------------------------------------------------------------------------


async def test_who_waits_in_vain_gets_the_form_and_the_bot_back(desk: Site) -> None:
    one = await operator(desk)
    waiting = await connect(desk)
    await one.be_there()
    await pass_time(desk, 19)
    assert (await thread_of(desk, waiting)).owner is store.Owner.WAITING
    await pass_time(desk, 1)
    assert (await thread_of(desk, waiting)).owner is store.Owner.BOT
    last = (await said(desk, waiting))[-1]
    assert (last["kind"], last["author"]) == ("callback", "bot")
    assert last["text"] == words(desk, "desk_timeout_form", at_promised="on Wednesday, 25 November, at 10:20")
    await pass_time(desk, 1)
    assert (await said(desk, waiting))[-1]["seq"] == last["seq"], "told once"


async def test_when_the_desk_closes_nobody_is_left_waiting(desk: Site) -> None:
    one = await operator(desk)
    desk.clock.now = at("2026-11-24 17:25")
    await one.be_there()
    waiting = await connect(desk)
    desk.clock.now = at("2026-11-24 17:30")
    await one.be_there()
    await pass_time(desk, 0)
    assert (await thread_of(desk, waiting)).owner is store.Owner.WAITING, "somebody is still there"
    await one.be_there(on=False)
    await pass_time(desk, 0)
    last = (await said(desk, waiting))[-1]
    assert last["text"] == words(desk, "desk_closed_form", at_promised="on Wednesday, 25 November, at 17:30")


# --- call-backs ------------------------------------------------------------------------------------------------------


async def test_a_call_back_is_noted_with_reference_promise_and_reason(desk: Site) -> None:
    desk.clock.now = at("2026-11-24 20:00")
    form = await desk.press(await wish(desk), 0)
    assert [message["kind"] for message in form["messages"]] == ["callback"]
    promised = "on Wednesday, 25 November, at 17:30"
    assert texts(form) == words(desk, "desk_call_back", at_promised=promised)
    thread = await thread_of(desk, form)
    handover = desk.service.handover
    receipt = await handover.request_call_back(thread.id, "phone", " +86 138-0013-8000 ", "my permit", "fr")
    assert receipt.promised == at("2026-11-25 17:30")
    assert receipt.reference in receipt.text
    assert "le mercredi 25 novembre à 17:30" in receipt.text
    columns = (CallBack.value, CallBack.words, CallBack.reason, CallBack.language, CallBack.state)
    assert [tuple(row) for row in await rows(desk, *columns)] == [
        ("+86 138-0013-8000", "my permit", "hours", "fr", "open")
    ]
    event = (await said(desk, form))[-1]
    assert (event["kind"], event["author"]) == ("event", "system")
    assert receipt.reference in event["text"]
    kept = {row.id: row.retention for row in await rows(desk, Conversation.id, Conversation.retention)}
    assert kept[thread.id] == "identified"


async def test_the_same_wish_again_is_the_same_call_back(desk: Site) -> None:
    thread = await thread_of(desk, await wish(desk))
    request = desk.service.handover.request_call_back
    first = await request(thread.id, "email", "a@example.org", None, "en")
    again = await request(thread.id, "email", "a@example.org", "more", "en")
    assert (first.reference, first.promised) == (again.reference, again.promised)
    for number in range(2):
        await request(thread.id, "email", f"b{number}@example.org", None, "en")
    with pytest.raises(RequestError) as caught:
        await request(thread.id, "email", "c@example.org", None, "en")
    assert (caught.value.code, caught.value.status) == (Code.RATE_LIMITED, 429)


@pytest.mark.parametrize(
    ("waited", "there", "reason"), [(False, True, "asked"), (False, False, "nobody"), (True, True, "timeout")]
)
async def test_the_reason_is_what_happened(desk: Site, waited: bool, there: bool, reason: str) -> None:
    one = await operator(desk, there=there or waited)
    reply = await connect(desk) if waited else await wish(desk)
    if waited:
        await pass_time(desk, 21)
        await one.be_there()
    thread = await thread_of(desk, reply)
    await desk.service.handover.request_call_back(thread.id, "email", "a@example.org", None, "en")
    assert [row.reason for row in await rows(desk, CallBack.reason)] == [reason]


@pytest.mark.parametrize(
    ("contact", "value"),
    [
        ("phone", "1234"),
        ("phone", "call me"),
        ("phone", "1" * 21),
        ("phone", "a@example.org"),
        ("email", "13800138000"),
        ("email", "a@b"),
        ("email", "a b@example.org"),
        ("email", "a" * 120 + "@example.org"),
        ("fax", "13800138000"),
        ("phone", ""),
    ],
)
async def test_what_cannot_be_called_is_not_noted(desk: Site, contact: str, value: str) -> None:
    thread = await thread_of(desk, await wish(desk))
    with pytest.raises(RequestError) as caught:
        await desk.service.handover.request_call_back(thread.id, contact, value, None, "en")
    assert caught.value.code is Code.BAD_FIELD
    assert await rows(desk, CallBack.id) == []


@pytest.mark.parametrize("value", ["٠٥٥١-١٢٣٤٥٦٧", "0551-1234567", "＋８６ １３８００１３８０００"])
async def test_numbers_in_other_digits_are_kept_in_plain_ones(desk: Site, value: str) -> None:
    thread = await thread_of(desk, await wish(desk))
    await desk.service.handover.request_call_back(thread.id, "phone", value, None, "ar")
    (row,) = await rows(desk, CallBack.value)
    assert row.value.isascii()


# --- the record ------------------------------------------------------------------------------------------------------


async def test_every_step_is_on_record_without_a_word_of_the_residents(desk: Site) -> None:
    one = await operator(desk)
    reply = await connect(desk)
    thread = await thread_of(desk, reply)
    assert (await one.do(thread.id.hex, "claim")).status == 200
    assert (await one.write(thread.id.hex, "my own words")).status == 200
    assert (await one.do(thread.id.hex, "give-back")).status == 200
    await desk.service.handover.request_call_back(thread.id, "email", "a@example.org", "secret words", "en")
    found = await rows(desk, Audit.action, Audit.actor, Audit.subject, Audit.detail)
    assert [row.action for row in found] == [
        "presence_on",
        "queue_joined",
        "claimed",
        "returned",
        "call_back_requested",
    ]
    assert {row.subject for row in found[1:]} == {f"conversation:{thread.id.hex}"}
    assert "words" not in str(found)
    assert "example.org" not in str(found)
