"""What strangers send: a named error or a sensible reply, the process lives, and the books are right afterwards."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.conversations.masking import storable
from tests.conftest import SiteMaker
from tests.fakes.engine import is_command
from tests.fakes.ledger import check_books, lines
from tests.fakes.site import Response, Site

NASTY: dict[str, str] = {
    "nul": "a\x00b",
    "only nul": "\x00",
    "control": "".join(map(chr, range(1, 32))) + "x",
    "lone surrogate": "\ud800 visa \udfff",
    "U+FDFA": "\ufdfa" * 200,
    "many U+FDFA": "\ufdfa" * 4000,
    "rtl override": "\u202egro.live\u202c register \u2066x\u2069",
    "only marks": "\u200b\u200e\u202e\ufeff",
    "emoji": "😀👩‍👩‍👧‍👦🇨🇳",
    "zalgo": "z" + "\u0300" * 3000,
    "markup": "<script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}${7*7}<!--",
    "sql": "'; DROP TABLE messages; -- \" OR 1=1",
    "template": "{office} {text} %s %(a)s {0.__class__}",
    "restart": "/restart",
    "inform": '/inform{"a":1}',
    "fullwidth slash": "／restart",
    "zero width slash": "\u200b/restart",
    "soft hyphen slash": "\u00ad/restart",
    "joiner slash": "\u034f/restart",
    "accent slash": "\u0301/restart",
    "variation slash": "\ufe0f/restart",
    "control slash": "\x01/restart",
    "tag slash": "\U000e0001/restart",
    "many slashes": "/ / ／ \u200b// restart",
    "backslash": "\\/restart",
    "json": '{"text": "hello"}',
    "masks grow": "A1234567 " * 444,
    "path": "../../../../etc/passwd\n\r\nHTTP/1.1 200",
    "yaml": "!!python/object/apply:os.system ['true']",
    "line separators": "a\u2028b\u2029c\x85d",
    "private use": "\ue000\uf8ff\U0010ffff",
    "math digits": "𝟙𝟛𝟠𝟘𝟘𝟙𝟛𝟠𝟘𝟘𝟘",
    "one long word": "x" * 4000,
    "long chinese": "签证" * 2000,
    "fifty questions": "How do I register my address? " * 50,
}


@pytest.mark.parametrize("name", NASTY)
async def test_a_nasty_text_gets_a_sensible_reply(site: Site, name: str) -> None:
    response = await site.post({"text": NASTY[name]})
    assert response.status == 200
    assert response.json["outcome"] in ("answered", "clarify", "unknown", "chat", "handoff")
    await check_books(site.service.database, Counter([storable(NASTY[name])]))


@pytest.mark.parametrize("name", NASTY)
async def test_a_nasty_text_is_none_that_the_engine_refuses(site: Site, name: str) -> None:
    """A refusal counts as a failure of the engine: three of them and it is left alone, for every resident."""
    reply = await site.say(NASTY[name])
    assert site.engine.refused == []
    assert site.engine.action_statuses in ([], [200])
    assert reply["trace"]["degraded"] is False


async def test_a_stranger_cannot_shut_the_engine_for_others(site: Site) -> None:
    for name in ("many U+FDFA", "soft hyphen slash", "masks grow", "joiner slash"):
        await site.say(NASTY[name])
    reply = await site.say("How do I register my address with the police?")
    assert reply["intent"] == "ask_immigration"


async def test_a_long_conversation_of_long_messages_stays_with_the_engine(site: Site) -> None:
    token = (await site.say("hello there, good morning"))["conversation"]
    for _ in range(12):
        reply = await site.say("怎样办理住宿登记?" + "我上个月搬家了,房东说要去派出所。" * 40, conversation=token)
        assert reply["trace"]["degraded"] is False, f"action calls answered {site.engine.action_statuses}"


async def test_a_text_is_stored_as_it_was_written(site: Site) -> None:
    text = "My number is 13800138000, and ａ fullwidth é."
    await site.say(text)
    assert (await lines(site.service.database))[0].text == text


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.data())
def test_any_text_at_all(brain: object, data: st.DataObject) -> None:
    """Through the parts that touch a stranger's text before anything else does: none of them raises."""
    from bot.conversations.masking import for_engine
    from bot.language_id import Hints
    from tests.fakes.site import Brain

    assert isinstance(brain, Brain)
    text = data.draw(st.text(st.characters(exclude_categories=()), min_size=1, max_size=300))
    brain.lane.check(storable(text), None)
    language = brain.identifier.identify(text, Hints(locale=text[:100])).code
    sent = for_engine(storable(text))
    assert sent.strip()
    assert not is_command(sent)
    brain.search.find(sent, brain.encoder.encode(sent, language))


async def test_sixty_four_messages_at_once_in_one_conversation(site: Site) -> None:
    token = (await site.say("thank you"))["conversation"]
    texts = [f"Question {number}: how do I rent a flat?" for number in range(64)]
    responses = await asyncio.gather(*(site.post({"text": text, "conversation": token}) for text in texts))
    assert {response.status for response in responses} == {200}
    assert {response.json["conversation"] for response in responses} == {token}
    await check_books(site.service.database, Counter([*texts, "thank you"]))


async def test_a_reply_is_the_one_to_its_own_message(site: Site) -> None:
    token = (await site.say("thank you"))["conversation"]
    wanted = {
        "How do I rent a flat?": "rent-a-flat",
        "How is waste sorted here?": "waste-sorting",
        "What do I do when my passport is lost?": "lost-passport",
    }
    asked = list(wanted) * 6
    replies = await asyncio.gather(*(site.say(text, conversation=token) for text in asked))
    assert [reply["messages"][0]["article"] for reply in replies] == [wanted[text] for text in asked]


async def test_sixty_four_conversations_at_once(site: Site) -> None:
    texts = [f"Question {number}: how do I rent a flat?" for number in range(64)]
    responses = await asyncio.gather(*(site.post({"text": text}) for text in texts))
    assert {response.status for response in responses} == {200}
    assert len({response.json["conversation"] for response in responses}) == 64
    await check_books(site.service.database, Counter(texts))


async def test_what_does_not_fit_the_queue_is_429_and_is_not_stored(make_site: SiteMaker) -> None:
    async with make_site(queue_per_conversation=5) as site:
        token = (await site.say("thank you"))["conversation"]
        site.engine.delay_seconds = 0.1
        texts = [f"Question {number}" for number in range(20)]
        responses = await asyncio.gather(*(site.post({"text": text, "conversation": token}) for text in texts))
        accepted = [text for text, response in zip(texts, responses, strict=True) if response.status == 200]
        refused = [response for response in responses if response.status != 200]
        assert len(accepted) == 5
        assert {(response.status, response.code) for response in refused} == {(429, "busy")}
        await check_books(site.service.database, Counter([*accepted, "thank you"]))


async def test_a_client_that_hangs_up_loses_nothing(site: Site) -> None:
    site.engine.delay_seconds = 0.3
    task = asyncio.create_task(site.post({"text": "How do I rent a flat?"}))
    await asyncio.sleep(0.15)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await asyncio.sleep(0.8)
    await check_books(site.service.database, Counter(["How do I rent a flat?"]))


async def test_without_an_engine_the_process_lives_after_everything(lone_site: Site) -> None:
    found: list[Response] = await asyncio.gather(*(lone_site.post({"text": text}) for text in NASTY.values()))
    assert {response.status for response in found} == {200}
    assert (await lone_site.say("How do I rent a flat?"))["messages"][0]["article"] == "rent-a-flat"
    await check_books(lone_site.service.database, Counter([*map(storable, NASTY.values()), "How do I rent a flat?"]))
