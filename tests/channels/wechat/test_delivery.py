"""What may be sent when, and what becomes of what may not: counts, windows, refusals, doubts, restarts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from sqlalchemy import select, update

from bot.channels.web.limits import RateLimiter
from bot.channels.wechat.outbox import SendState
from bot.conversations.store import Author, add
from bot.db.engine import transaction
from bot.db.models import Conversation, Identity, Message, WechatBubble, WechatSend
from bot.messages import Kind
from tests.channels.wechat.conftest import Town, TownMaker
from tests.fakes.site import until
from tests.fakes.wechat import TEST_ACCOUNT, By, Outcome, User, drop, error, html, slow, unavailable
from tests.fakes.wechat import Kind as AccountKind

SEND = "/cgi-bin/message/custom/send"


async def _states(town: Town) -> list[tuple[str, str | None]]:
    async with transaction(town.site.service.database) as connection:
        rows = await connection.execute(select(WechatSend.state, WechatSend.reason).order_by(WechatSend.at))
        return [(row.state, row.reason) for row in rows]


async def _waiting(town: Town) -> int:
    async with transaction(town.site.service.database) as connection:
        rows = await connection.execute(select(WechatBubble.id).where(WechatBubble.send_id.is_(None)))
        return len(rows.all())


async def _waits(town: Town, count: int) -> bool:
    return await _waiting(town) == count


async def _conversation(town: Town) -> Conversation:
    async with transaction(town.site.service.database) as connection:
        return (await connection.execute(select(Conversation))).one()  # type: ignore[return-value]


async def _writes(town: Town, text: str, author: Author = Author.PERSON, kind: Kind = Kind.TEXT) -> None:
    """A message that no push asked for, as the operators' desk stores it."""
    conversation = await _conversation(town)
    async with transaction(town.site.service.database) as connection:
        await add(connection, conversation.id, author=author, kind=kind, lang="en", text=text, now=town.site.clock())
    await town.site.service.handover.voice.publish(conversation.id, state=False, desk=False)


async def test_what_an_operator_writes_is_sent_at_once_and_not_as_a_machines(town: Town) -> None:
    user = town.user()
    await town.said_to(user, "I lost my passport")
    await _writes(town, "Good morning, this is the service desk.")
    shown = await user.next()
    await until(lambda: len(user.shown) == 2)
    shown = user.shown[1]
    assert (shown.text, shown.by, shown.ai) == ("Good morning, this is the service desk.", By.CUSTOM, False)
    assert user.left == 4


async def test_the_fifth_is_the_last_and_the_rest_waits_for_the_next_message(town: Town) -> None:
    user = town.user()
    await town.said_to(user, "I lost my passport")
    for number in range(7):
        await _writes(town, f"line {number} " + "x" * 1900)
        await until(lambda number=number: len(user.shown) == min(6, number + 2))
    assert user.left == 0
    # Never tried: the platform has nothing to refuse.
    assert town.wechat.ledger.calls[SEND] == 5
    await until_async(lambda: _waits(town, 2))
    await town.sweep()
    assert town.wechat.ledger.calls[SEND] == 5
    seen = len(user.shown)
    town.move(seconds=1)
    await user.says("1")
    await until(lambda: len(user.shown) == seen + 2)
    assert [shown.text[:6] for shown in list(user.shown)[seen:]] == ["line 5", "line 6"]
    # Asking for the rest is no question.
    assert await town.count(Message) == 1 + 1 + 7


async def test_what_waits_comes_before_the_new_answer_and_in_order(town: Town) -> None:
    user = town.user()
    await town.said_to(user, "I lost my passport")
    for number in range(6):
        await _writes(town, f"line {number} " + "x" * 1900)
    await until(lambda: len(user.shown) == 6)
    seen = len(user.shown)
    town.move(seconds=1)
    await user.says("hello")
    await until(lambda: len(user.shown) >= seen + 2)
    texts = [shown.text for shown in list(user.shown)[seen:]]
    assert texts[0].startswith("line 5")
    assert "Visas and permits" in texts[1]


async def test_chatter_never_takes_the_last_one(town: Town) -> None:
    user = town.user()
    await town.said_to(user, "I lost my passport")
    for number in range(4):
        await _writes(town, f"line {number} " + "x" * 1900)
    await until(lambda: len(user.shown) == 5)
    assert user.left == 1
    await _writes(town, "Operator A has joined.", Author.SYSTEM, Kind.EVENT)
    await town.sweep()
    assert (user.left, await _waiting(town)) == (1, 1)
    # An answer takes it, and brings the chatter along when both fit.
    await _writes(town, "Your card is ready.")
    await until(lambda: user.left == 0)
    assert await _waiting(town) <= 1


async def test_two_days_later_nothing_is_sent_until_the_resident_writes(town: Town) -> None:
    user = town.user()
    await town.said_to(user, "I lost my passport")
    town.move(hours=47, minutes=58)
    await _writes(town, "Too late.")
    await town.sweep()
    assert town.wechat.ledger.calls[SEND] == 0
    await user.says("hello")
    await until(lambda: len(user.shown) >= 2)
    assert "Too late." in user.shown[1].text


async def test_a_tap_allows_three_in_a_minute(make_town: TownMaker) -> None:
    async with make_town(wechat_passive_seconds=0.1) as town:
        town.site.engine.delay_seconds = 0.3
        user = town.user()
        await user.says("hello")
        await user.next()
        town.move(hours=49)
        await user.taps(1)
        await until(lambda: len(user.shown) == 2)
        for number in range(3):
            await _writes(town, f"line {number} " + "x" * 1900)
        await until(lambda: len(user.shown) >= 3)
        await town.sweep()
        town.move(seconds=70)
        await town.sweep()
        assert [code for code in _codes(town) if code] == []
        assert user.left == 0


def _codes(town: Town) -> list[int | None]:
    return [call.code for call in town.wechat.ledger.of(SEND)]


@pytest.mark.parametrize(("code", "allowed"), [(45047, 0), (45015, 0)])
async def test_the_platforms_own_count_is_believed(town: Town, code: int, allowed: int) -> None:
    user = town.user()
    await town.said_to(user, "I lost my passport")
    town.wechat.fail(SEND, error(code))
    await _writes(town, "Hello.")
    await until(lambda: town.wechat.ledger.calls[SEND] == 1)
    await until_async(lambda: _has(town, SendState.RETURNED))
    await town.sweep()
    assert town.wechat.ledger.calls[SEND] == 1 + allowed
    await user.says("hello")
    await until(lambda: any("Hello." in shown.text for shown in user.shown))


async def until_async(condition: Callable[[], Awaitable[bool]], seconds: float = 5.0) -> None:
    deadline = asyncio.get_running_loop().time() + seconds
    while not await condition():
        assert asyncio.get_running_loop().time() < deadline, "waited in vain"
        await asyncio.sleep(0.02)


async def _has(town: Town, state: SendState) -> bool:
    return state in [found for found, _ in await _states(town)]


@pytest.mark.parametrize("failure", ["drop_after", "html", "unavailable"])
async def test_a_send_of_which_nothing_is_known_is_not_repeated(town: Town, failure: str) -> None:
    user = town.user()
    await town.said_to(user, "I lost my passport")
    town.wechat.fail(SEND, {"drop_after": drop(), "html": html(), "unavailable": unavailable()}[failure])
    await _writes(town, "Hello.")
    await until_async(lambda: _has(town, SendState.UNKNOWN))
    await _writes(town, "Second.")
    await until(lambda: any("Second." in shown.text for shown in user.shown))
    await town.sweep()
    assert sum("Hello." in shown.text for shown in user.shown) <= 1
    assert [state for state, _ in await _states(town)].count("unknown") == 1


async def test_menus_that_are_refused_become_numbers_in_the_same_send(make_town: TownMaker) -> None:
    async with make_town(wechat_passive_seconds=0.1) as town:
        town.site.engine.delay_seconds = 0.3
        user = town.user()
        town.wechat.fail(SEND, error(40200))
        await user.says("hello")
        shown = await user.next()
        assert "1. Visas and permits" in shown.text
        chosen = await town.said_to(user, "1")
        assert "often ask" in chosen.text


@pytest.mark.parametrize("code", [43004, 50005, 43019, 48002])
async def test_who_cannot_be_reached_is_left_alone_until_he_writes(town: Town, code: int) -> None:
    user = town.user()
    await town.said_to(user, "I lost my passport")
    town.wechat.fail(SEND, error(code))
    await _writes(town, "Hello.")
    await until_async(lambda: _has(town, SendState.FAILED))
    await _writes(town, "Second.")
    await town.sweep()
    assert town.wechat.ledger.calls[SEND] == 1
    await user.says("hello")
    await until(lambda: any("Second." in shown.text for shown in user.shown))


async def test_a_platform_that_is_gone_loses_nothing(town: Town) -> None:
    user = town.user()
    await town.said_to(user, "I lost my passport")
    town.wechat.fail(SEND, error(-1, times=9))
    await _writes(town, "Hello.")
    await until_async(lambda: _has(town, SendState.RETURNED))
    assert await _waiting(town) == 1
    assert town.site.wechat is not None
    town.site.wechat.delivery._paused_until = 0.0
    town.wechat.server.failures.clear()
    await town.sweep()
    await until(lambda: any("Hello." in shown.text for shown in user.shown))


async def test_a_new_token_when_the_old_one_is_refused_once(town: Town) -> None:
    user = town.user()
    await town.said_to(user, "I lost my passport")
    await _writes(town, "First.")
    await until(lambda: len(user.shown) == 2)
    town.wechat.tokens.revoke()
    await _writes(town, "Second.")
    await until(lambda: len(user.shown) == 3)
    assert town.wechat.ledger.calls["/cgi-bin/stable_token"] == 2


async def test_a_repeated_push_gets_the_same_answer_and_is_one_message(town: Town) -> None:
    user = town.user()
    delivery = await user.says("I lost my passport", lose=2)
    assert [attempt.outcome for attempt in delivery.attempts] == [Outcome.LOST, Outcome.LOST, Outcome.REPLY]
    assert len(user.shown) == 1
    assert await town.count(Message) == 2
    assert len(town.site.engine.received) == 1
    assert town.wechat.ledger.calls[SEND] == 0


async def test_a_repeated_push_gets_its_answer_though_its_sender_may_not_write_more(town: Town) -> None:
    assert town.site.wechat is not None
    town.site.wechat.callback.limiter = RateLimiter(per_minute=1, burst=1)
    user = town.user()
    delivery = await user.says("I lost my passport", lose=1)
    assert [attempt.outcome for attempt in delivery.attempts] == [Outcome.LOST, Outcome.REPLY]
    await user.says("hello")
    assert ["Report the loss" in shown.text for shown in user.shown] == [True, False]
    # What was too much is not kept.
    assert await town.count(Message) == 2


async def test_an_event_that_comes_twice_is_one(town: Town) -> None:
    user = town.wechat.user("new", following=False)
    await user.follows(lose=1)
    assert len(user.shown) == 1
    assert await town.count(Identity) == 1
    incoming = 1
    assert await town.count(Message) == incoming + 3


async def test_a_slow_answer_is_sent_afterwards_once(make_town: TownMaker) -> None:
    async with make_town(wechat_passive_seconds=0.1) as town:
        town.site.engine.delay_seconds = 0.4
        user = town.user()
        delivery = await user.says("I lost my passport", lose=1)
        assert delivery.outcome in (Outcome.SUCCESS, Outcome.REPLY)
        await until(lambda: len(user.shown) == 1)
        await town.sweep()
        assert len(user.shown) == 1
        assert "Report the loss" in user.shown[0].text


async def test_an_account_without_sending_answers_the_third_try(make_town: TownMaker) -> None:
    basic = replace(TEST_ACCOUNT, kind=AccountKind.BASIC)
    async with make_town(basic, second=1.0) as town:
        town.site.engine.delay_seconds = 1.2
        town.site.service.engine._timeout = 30.0  # type: ignore[attr-defined]
        user = town.user()
        delivery = await user.says("I lost my passport")
        assert delivery.outcome is Outcome.REPLY
        assert "Report the loss" in (await user.next()).text


async def test_an_account_without_sending_says_how_to_get_the_rest(make_town: TownMaker) -> None:
    basic = replace(TEST_ACCOUNT, kind=AccountKind.BASIC)
    async with make_town(basic) as town:
        user = town.user()
        await town.said_to(user, "hello")
        await _writes(town, "A" * 1700)
        await _writes(town, "B" * 1700)
        shown = await town.said_to(user, "I lost my passport")
        assert shown.text.startswith("AAA")
        assert "Send 1" in shown.text
        assert (await town.said_to(user, "1")).text.startswith("BBB")
        assert "Report the loss" in (await town.said_to(user, "１")).text
        assert await town.count(WechatSend) == 4
        assert await _waiting(town) == 0


async def test_a_send_whose_process_died_is_unknown(town: Town) -> None:
    user = town.user()
    await town.said_to(user, "I lost my passport")
    town.wechat.fail(SEND, slow(30))
    await _writes(town, "Hello.")
    await until(lambda: town.wechat.ledger.calls[SEND] == 1)
    async with transaction(town.site.service.database) as connection:
        await connection.execute(
            update(WechatSend).where(WechatSend.state == "sending").values(holder="elsewhere:1:dead")
        )
    await town.sweep()
    assert ("unknown", "process_ended") in await _states(town)
    await _writes(town, "Second.")
    await until(lambda: any("Second." in shown.text for shown in user.shown), 15)


async def test_unfollowing_deletes_everything(town: Town) -> None:
    user: User = town.user()
    await town.said_to(user, "I lost my passport")
    await _writes(town, "Hello.")
    await until(lambda: len(user.shown) == 2)
    await user.unfollows()
    assert await town.count(Identity, Conversation, Message, WechatBubble, WechatSend) == 0
    assert town.site.engine.erased
    # A push that comes late, or again, brings nothing back by itself.
    await town.sweep()
    assert await town.count(Identity, Conversation, Message) == 0


async def test_nothing_personal_is_logged(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    user = town.user()
    await town.said_to(user, "I lost my passport")
    town.wechat.fail(SEND, error(43004))
    await _writes(town, "Hello.")
    await until_async(lambda: _has(town, SendState.FAILED))
    await user.unfollows()
    own = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("linli"))
    assert "wechat_send_refused" in own
    for secret in (user.openid, TEST_ACCOUNT.token, TEST_ACCOUNT.secret, "passport", "Hello."):
        assert secret not in own


async def test_the_same_on_either_database(make_town: TownMaker, database_url: str) -> None:
    async with make_town(database_url=database_url) as town:
        users = [town.user(name) for name in "abcd"]
        await asyncio.gather(*(user.says("I lost my passport", lose=1) for user in users))
        assert [len(user.shown) for user in users] == [1, 1, 1, 1]
        user = town.wechat.user("new", following=False)
        await user.follows("c=linhu&l=vi", lose=1)
        assert len(user.shown) == 1
        for number in range(7):
            await _write_to(town, users[0], f"line {number} " + "x" * 1900)
        await until(lambda: users[0].left == 0)
        town.move(seconds=1)
        await users[0].says("hello")
        await until(lambda: len(users[0].shown) == 9)
        assert await town.count(Message) == 4 * 2 + 4 + 7 + 2
        town.wechat.fail(SEND, drop())
        await _write_to(town, users[1], "Hello.")
        await until_async(lambda: _has(town, SendState.UNKNOWN))
        await town.sweep()
        for one in (*users, user):
            await one.unfollows()
        assert await town.count(Identity, Conversation, Message, WechatBubble, WechatSend) == 0


async def _write_to(town: Town, user: User, text: str) -> None:
    async with transaction(town.site.service.database) as connection:
        mine = select(Identity.conversation_id).where(Identity.external_id == user.openid)
        conversation = (await connection.execute(mine)).scalar_one()
        now = town.site.clock()
        await add(connection, conversation, author=Author.PERSON, kind=Kind.TEXT, lang="en", text=text, now=now)
    await town.site.service.handover.voice.publish(conversation, state=False, desk=False)


async def test_what_waited_is_given_again_when_the_response_with_it_was_lost(make_town: TownMaker) -> None:
    async with make_town(wechat_passive_seconds=0.1) as town:
        town.site.engine.delay_seconds = 0.4
        town.wechat.fail(SEND, error(45047))
        user = town.user()
        await user.says("I lost my passport")
        await until(lambda: bool(town.wechat.ledger.of(SEND)))
        town.move(seconds=1)
        await user.says("1", lose=1)
        assert "Report the loss" in (await user.next(3)).text


async def test_a_second_question_does_not_overtake_a_response_that_is_still_open(town: Town) -> None:
    user = town.user()
    first = asyncio.create_task(user.says("I lost my passport", lose=1))
    await asyncio.sleep(0.05)
    await user.says("hello")
    await first
    await until(lambda: len(user.shown) == 2, 30)
    assert await town.count(WechatSend) == 2
