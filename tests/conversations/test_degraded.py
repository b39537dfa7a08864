"""The engine is killed, hangs, answers nonsense: the search answers in time, and the engine is taken back."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace

import pytest

from bot.conversations import acts, plans
from bot.conversations.inflight import Asked
from bot.errors import EngineError
from bot.knowledge.search import Verdict, decide
from tests.conftest import SiteMaker
from tests.fakes.engine import Mood
from tests.fakes.ledger import check_books, lines
from tests.fakes.site import Site, until

RENT = "How do I rent a flat?"
# The engine's time and the search's own: what a resident may have to wait at most.
AT_MOST_SECONDS = 2.5
AT_ONCE_SECONDS = 0.5


async def timed(site: Site, text: str, **fields: str) -> tuple[dict[str, object], float]:
    started = time.monotonic()
    reply = await site.say(text, **fields)
    return reply, time.monotonic() - started


def assert_answered_alone(reply: dict[str, object]) -> None:
    assert (reply["outcome"], reply["intent"], reply["confidence"]) == ("answered", None, 0)
    assert reply["trace"]["degraded"] is True  # type: ignore[index]
    assert [message["article"] for message in reply["messages"]][-1] == "rent-a-flat"  # type: ignore[attr-defined]


BAD_MOODS = [Mood.HANGING, Mood.EMPTY, Mood.FAILING, Mood.NONSENSE, Mood.WRONG_SHAPE, Mood.NOT_JSON]


@pytest.mark.parametrize("mood", BAD_MOODS)
async def test_the_search_answers_when_the_engine_does_not(site: Site, mood: Mood) -> None:
    site.engine.mood = mood
    await site.say("thank you")
    reply, seconds = await timed(site, RENT)
    assert_answered_alone(reply)
    assert seconds < AT_MOST_SECONDS
    await check_books(site.service.database, Counter(["thank you", RENT]))


async def test_the_search_answers_when_the_engine_was_killed(site: Site) -> None:
    assert (await site.say(RENT))["trace"]["degraded"] is False
    await site.engine.die()
    reply, seconds = await timed(site, RENT)
    assert_answered_alone(reply)
    assert seconds < AT_MOST_SECONDS


@pytest.mark.parametrize("mood", [Mood.HANGING, Mood.EMPTY])
async def test_after_three_failures_the_engine_is_left_alone_and_then_taken_back(
    make_site: SiteMaker, mood: Mood
) -> None:
    async with make_site(engine_timeout_seconds=0.3, engine_open_seconds=1.0) as site:
        site.engine.mood = mood
        for _ in range(3):
            await site.say(RENT)
        assert (await site.request("GET", "/readyz")).json["engine"] == "down"
        asked = len(site.engine.received)
        reply, seconds = await timed(site, RENT)
        assert_answered_alone(reply)
        assert seconds < AT_ONCE_SECONDS
        assert len(site.engine.received) == asked

        site.engine.mood = Mood.WELL
        site.worker.circuit.open_seconds = 0.0
        reply = await site.say(RENT)
        assert (reply["intent"], reply["trace"]["degraded"]) == ("ask_life", False)
        assert (await site.request("GET", "/readyz")).json["engine"] == "up"


async def test_one_failure_does_not_shut_the_engine(site: Site) -> None:
    site.engine.moods = [Mood.FAILING, Mood.EMPTY]
    outcomes = [(await site.say(RENT))["trace"]["degraded"] for _ in range(3)]
    assert outcomes == [True, True, False]


async def test_a_worker_that_is_not_ready_is_not_asked(site: Site) -> None:
    site.worker.ready = False
    reply, seconds = await timed(site, RENT)
    assert_answered_alone(reply)
    assert seconds < AT_ONCE_SECONDS
    assert site.engine.received == []


async def test_a_slow_engine_is_waited_for_within_its_time(make_site: SiteMaker) -> None:
    async with make_site(engine_timeout_seconds=1.0) as site:
        site.engine.delay_seconds = 0.4
        assert (await site.say(RENT))["trace"]["degraded"] is False


async def test_without_an_engine_acts_and_emergencies_are_understood(lone_site: Site) -> None:
    assert (await lone_site.say("I want to talk to a person"))["outcome"] == "handoff"
    assert (await lone_site.say("Help! Fire! My flat is burning!"))["outcome"] == "urgent"
    assert (await lone_site.say("what is the weather tomorrow"))["outcome"] == "unknown"


async def test_a_degraded_answer_is_in_the_language_of_the_question(lone_site: Site) -> None:
    reply = await lone_site.say("怎样租房?")
    assert (reply["language"], reply["messages"][-1]["lang"]) == ("zh", "zh")


async def test_the_actions_failure_is_the_engines_failure(site: Site) -> None:
    site.engine.action_url = f"{site.local}/nowhere"
    reply = await site.say(RENT)
    assert_answered_alone(reply)
    assert site.engine.action_statuses == [404]


# --- repeated ids -----------------------------------------------------------------------------------------------------


async def test_the_same_id_asked_again_gives_the_engines_stored_reply(site: Site) -> None:
    """A crash between the engine's reply and the outbox must not make "yes" count twice."""
    door, vector = site.service.engine, site.service.desk.encoder.encode(RENT, "en")
    first = await door.ask("conversation-1", "message-1", RENT, "en", vector)
    again = await door.ask("conversation-1", "message-1", RENT, "en", vector)
    other = await door.ask("conversation-1", "message-2", RENT, "en", vector)
    assert [reply.repeated for reply in (first, again, other)] == [False, True, False]
    assert again.plan == first.plan
    assert again.understanding == first.understanding
    assert site.engine.runs == 2


async def test_each_message_takes_its_stored_id_into_the_engine(site: Site) -> None:
    token = (await site.say(RENT))["conversation"]
    await site.say("thank you", conversation=token)
    stored = [line.id for line in await lines(site.service.database) if line.direction == "in"]
    assert [body["id"] for body in site.engine.received] == stored
    assert len({body["sender"] for body in site.engine.received}) == 1
    assert token not in {body["sender"] for body in site.engine.received}, "the token alone authorises: it stays here"


async def test_a_lost_reply_is_not_a_second_run_when_the_reply_comes_late(site: Site) -> None:
    site.engine.delay_seconds = 0.0
    await site.say(RENT)
    body = dict(site.engine.received[0])
    headers = {"X-Linli-Secret": site.service.engine.secret}
    async with site.session.post(f"{site.engine.url}/webhooks/linli/messages", json=body, headers=headers) as response:
        assert (await response.json())["repeated"] is True
    assert site.engine.runs == 1


async def test_erasing_reaches_the_engine(site: Site) -> None:
    await site.service.engine.erase("conversation-1")
    assert site.engine.erased == ["conversation-1"]
    await site.engine.die()
    with pytest.raises(EngineError):
        await site.service.engine.erase("conversation-1")


async def test_the_engine_is_asked_again_after_it_was_restarted(site: Site) -> None:
    await site.engine.die()
    for _ in range(3):
        await site.say(RENT)
    assert not site.service.engine.up
    await site.engine.start()
    site.worker.circuit.succeeded()  # what the supervisor does at the first good probe
    await until(lambda: site.service.engine.up)
    assert (await site.say(RENT))["trace"]["degraded"] is False


async def test_without_the_engine_a_wish_for_a_person_goes_before_an_article(lone_site: Site) -> None:
    desk = lone_site.service.desk
    vector = desk.encoder.encode("I want to talk to a person", "en")
    found = desk.search.find("How do I rent a flat?", desk.encoder.encode("How do I rent a flat?", "en"))
    assert decide(found, desk.thresholds).verdict is Verdict.ANSWER
    asked = Asked("I want to talk to a person", "en", vector, replace(found, act="talk_to_person"))
    assert plans.is_wish_for_person(acts.alone(desk, asked))
    greeting = replace(asked, found=replace(found, act="greet"))
    assert acts.alone(desk, greeting).parts[0].article == "rent-a-flat"
