"""What an operator sees of a resident on WeChat: how many messages are left, what waits, what became of each."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from bot.channels.wechat import channel
from bot.channels.wechat.outbox import SendState
from bot.conversations import transfers
from bot.conversations.reach import Arrival, Why
from bot.db.engine import transaction
from bot.db.models import Conversation, Message, WechatBubble, WechatSend
from bot.handoff.staff import Role
from tests.channels.staff.people import OPEN, Operator, connect, id_of, operator
from tests.channels.wechat.conftest import Town, TownMaker
from tests.fakes.site import Site
from tests.fakes.wechat import TEST_ACCOUNT, By, User, drop, error
from tests.fakes.wechat import Kind as AccountKind

SEND = "/cgi-bin/message/custom/send"
LONG = "line {} " + "x" * 1900


@pytest.fixture
async def desk(lone_site: Site) -> Site:
    lone_site.clock.now = OPEN
    return lone_site


async def _until(condition: Callable[[], Awaitable[bool]], seconds: float = 8.0) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.02)


async def _queued(town: Town) -> tuple[User, Operator]:
    """A resident who asked for a person and agreed, and who will answer."""
    town.site.clock.now = OPEN
    one, user = await operator(town.site), town.user()
    shown = await town.said_to(user, "I want to talk to a person")
    number = next(line for line in shown.text.splitlines() if "connect me" in line)[0]
    await town.said_to(user, number)
    return user, one


async def _talking(town: Town) -> tuple[User, Operator, str]:
    """One who talks to a person by now, with one of five spent on saying so."""
    user, one = await _queued(town)
    conversation = (await one.listed())[0]["id"]
    assert (await one.do(conversation, "claim")).status == 200
    await _fate(one, conversation, "Operator A", "sent", None)
    await _until(lambda: _all_shown(user, 3))
    return user, one, conversation


async def _all_shown(user: User, count: int) -> bool:
    return len(user.shown) == count


async def _view(one: Operator, conversation: str) -> dict[str, Any]:
    return await one.get(f"/conversations/{conversation}")


async def _reach(one: Operator, conversation: str) -> dict[str, Any]:
    found: dict[str, Any] = (await _view(one, conversation))["reach"]
    return found


async def _left(one: Operator, conversation: str, left: int) -> bool:
    return bool((await _reach(one, conversation))["left"] == left)


async def _fates(one: Operator, conversation: str) -> dict[str, tuple[str | None, str | None]]:
    """By the beginning of a message's text."""
    messages = (await _view(one, conversation))["messages"]
    return {said["text"][:6]: (said["delivery"], said["delivery_reason"]) for said in messages}


async def _fate(one: Operator, conversation: str, text: str, *wanted: str | None) -> None:
    async def is_so() -> bool:
        return (await _fates(one, conversation)).get(text[:6]) == wanted

    await _until(is_so)


async def _writes(one: Operator, conversation: str, *texts: str) -> None:
    for text in texts:
        assert (await one.write(conversation, text)).status == 200


async def _fit(one: Operator, conversation: str, text: str) -> dict[str, Any]:
    response = await one.do(conversation, "fit", {"text": text})
    assert response.status == 200, response.body
    return response.json


async def test_how_many_are_left_and_until_when(town: Town) -> None:
    user, one = await _queued(town)
    town.move(minutes=10)
    (waits,) = await one.listed()
    reach = waits["reach"]
    until = reach.pop("until")
    assert reach == {
        "channel": "wechat",
        "left": 5,
        "of": 5,
        "reachable": True,
        "reason": None,
        "waiting": 0,
        "asked_to_write": False,
    }
    # The window of WeChat, from what the resident wrote, and what is kept off its end.
    assert timedelta(minutes=1) < OPEN + timedelta(hours=48) - datetime.fromisoformat(until) < timedelta(minutes=10)
    await one.do(waits["id"], "claim")
    await _fate(one, waits["id"], "Operator A", "sent", None)
    assert (await _reach(one, waits["id"]))["left"] == user.left == 4
    await _writes(one, waits["id"], "Good morning")
    await _fate(one, waits["id"], "Good morning", "sent", None)
    assert (await _reach(one, waits["id"]))["left"] == user.left == 3
    (mine,) = await one.listed("mine")
    assert mine["reach"] == await _reach(one, waits["id"])


async def test_what_the_resident_wrote_has_no_delivery_and_the_bots_has(town: Town) -> None:
    _, one, conversation = await _talking(town)
    messages = (await _view(one, conversation))["messages"]
    assert {message["author"]: message["delivery"] for message in messages} == {
        "resident": None,
        "bot": "sent",
        "system": "sent",
    }


async def test_what_does_not_go_any_more_waits_and_says_why_until_the_resident_writes(town: Town) -> None:
    user, one, conversation = await _talking(town)
    await _writes(one, conversation, *(LONG.format(number) for number in range(6)))
    await _until(lambda: _left(one, conversation, 0))
    await _fate(one, conversation, "line 5", "waiting", "count_used_up")
    reach = await _reach(one, conversation)
    assert (reach["reachable"], reach["reason"], reach["waiting"], reach["until"]) == (False, "count_used_up", 2, None)
    fates = await _fates(one, conversation)
    assert [fates[f"line {number}"][0] for number in range(6)] == ["sent"] * 4 + ["waiting"] * 2

    town.move(seconds=5)
    await user.says("1")
    await _fate(one, conversation, "line 5", "sent", None)
    reach = await _reach(one, conversation)
    assert (reach["reachable"], reach["waiting"]) == (True, 0)
    assert reach["left"] == user.left


async def test_after_two_days_the_window_is_over(town: Town) -> None:
    _, one, conversation = await _talking(town)
    town.move(hours=48)
    await _writes(one, conversation, "Too late")
    await _fate(one, conversation, "Too late", "waiting", "window_over")
    reach = await _reach(one, conversation)
    assert (reach["left"], reach["of"], reach["until"], reach["reason"]) == (0, 5, None, "window_over")


async def test_that_the_resident_was_asked_to_write_is_said_until_he_does(
    make_town: TownMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "wechat"
    shutil.copytree(channel.FOLDER, folder)
    file = folder / "templates.yml"
    template = "T" * 43
    file.write_text(file.read_text("utf-8").replace('  id: ""', f'  id: "{template}"', 1), "utf-8")
    monkeypatch.setattr(channel, "FOLDER", folder)
    async with make_town() as town:
        town.wechat.notices.has(template, "thing1", "time2", "thing3")
        user, one, conversation = await _talking(town)
        town.move(hours=49)
        assert (await _reach(one, conversation))["asked_to_write"] is False
        await _writes(one, conversation, "Too late")

        async def asked() -> bool:
            return bool((await _reach(one, conversation))["asked_to_write"])

        await _until(asked)
        assert user.shown[-1].by is By.TEMPLATE
        town.move(minutes=5)
        await user.says("1")
        await _fate(one, conversation, "Too late", "sent", None)
        assert not await asked()
        # The next time nothing can be sent he has not been asked yet.
        town.move(hours=49)
        assert not await asked()


async def test_the_last_one_is_kept_from_chatter_and_that_is_said(town: Town) -> None:
    user, one, conversation = await _talking(town)
    await _writes(one, conversation, *(LONG.format(number) for number in range(3)))
    await _until(lambda: _left(one, conversation, 1))
    await one.do(conversation, "give-back")
    supervisor = await operator(town.site, "desk-2", role=Role.SUPERVISOR, there=False)
    await _until(lambda: _reserved(supervisor, conversation))
    assert user.left == 1
    reach = await _reach(supervisor, conversation)
    assert (reach["left"], reach["reachable"], reach["waiting"]) == (1, True, 1)


async def _reserved(one: Operator, conversation: str) -> bool:
    last = (await _view(one, conversation))["messages"][-1]
    return (last["kind"], last["delivery"], last["delivery_reason"]) == ("event", "waiting", "reserved")


@pytest.mark.parametrize(
    ("code", "fate"),
    [(48002, ("failed", "blocked")), (43004, ("failed", "blocked")), (45087, ("failed", "account"))],
)
async def test_what_the_platform_refuses_is_not_dropped_silently(town: Town, code: int, fate: tuple[str, str]) -> None:
    _, one, conversation = await _talking(town)
    town.wechat.fail(SEND, error(code))
    await _writes(one, conversation, "refused")
    await _fate(one, conversation, "refused", *fate)
    assert (await _reach(one, conversation))["reason"] == ("blocked" if fate[1] == "blocked" else None)


async def test_any_other_refusal_says_that_the_message_was_refused(town: Town) -> None:
    _, one, conversation = await _talking(town)
    town.wechat.fail(SEND, error(45002))
    await _writes(one, conversation, "refused")
    await _fate(one, conversation, "refused", "failed", "refused")


async def test_the_platforms_count_is_believed(town: Town) -> None:
    _, one, conversation = await _talking(town)
    town.wechat.fail(SEND, error(45047))
    await _writes(one, conversation, "refused")
    await _fate(one, conversation, "refused", "waiting", "count_used_up")


async def test_a_send_whose_end_nobody_knows_is_said_to_be_so(town: Town) -> None:
    _, one, conversation = await _talking(town)
    town.wechat.fail(SEND, drop(processed=True))
    await _writes(one, conversation, "perhaps")
    await _fate(one, conversation, "perhaps", "unknown", "no_receipt")


async def test_a_send_whose_process_died_is_said_to_be_so(town: Town) -> None:
    _, one, conversation = await _talking(town)
    await _writes(one, conversation, "perhaps")
    await _fate(one, conversation, "perhaps", "sent", None)
    async with transaction(town.site.service.database) as connection:
        last = select(WechatBubble.send_id).order_by(WechatBubble.seq.desc()).limit(1).scalar_subquery()
        dead = {"state": SendState.SENDING, "holder": "a process that is no more"}
        await connection.execute(update(WechatSend).where(WechatSend.id == last).values(dead))
    assert (await _fates(one, conversation))["perhap"] == ("waiting", "under_way")
    await town.sweep()
    await _fate(one, conversation, "perhaps", "unknown", "process_ended")


async def test_a_long_message_is_sent_when_all_of_it_is(town: Town) -> None:
    _, one, conversation = await _talking(town)
    await _writes(one, conversation, *(LONG.format(number) for number in range(3)), "y" * 3900)
    await _until(lambda: _left(one, conversation, 0))
    await _fate(one, conversation, "y" * 6, "waiting", "count_used_up")


async def test_an_account_that_answers_in_responses_only(make_town: TownMaker) -> None:
    async with make_town(replace(TEST_ACCOUNT, kind=AccountKind.BASIC)) as town:
        user, one = await _queued(town)
        conversation = (await one.listed())[0]["id"]
        await one.do(conversation, "claim")
        await _writes(one, conversation, "Good morning")
        assert (await _fates(one, conversation))["Good m"] == ("waiting", "responses_only")
        reach = await _reach(one, conversation)
        assert (reach["left"], reach["of"], reach["reason"], reach["waiting"]) == (0, 0, "responses_only", 2)
        assert (await _fit(one, conversation, "And again"))["fits"] is False
        # A response is one message, and a person's words do not stand in one with the machine's.
        for words in ("Hello?", "1"):
            assert (await _fates(one, conversation))["Good m"][0] == "waiting"
            town.move(seconds=1)
            await user.says(words)
        await _fate(one, conversation, "Good morning", "sent", None)


async def test_who_goes_on_with_another_conversation_is_not_reached_in_this_one(town: Town) -> None:
    user, one, conversation = await _talking(town)
    await town.site.say("I lost my passport")
    async with transaction(town.site.service.database) as connection:
        statement = select(Conversation.id).where(Conversation.channel != "wechat")
        other = (await connection.execute(statement)).scalar_one()
    issued = await transfers.issue(town.site.service.database, other, town.site.clock())
    await town.said_to(user, issued.code)
    reach = await _reach(one, conversation)
    assert (reach["reachable"], reach["reason"], reach["left"]) == (False, "moved", 0)
    assert (await _fit(one, conversation, "hello?"))["fits"] is False


async def test_on_the_web_nothing_is_counted(desk: Site) -> None:
    one = await operator(desk)
    conversation = await id_of(desk, await connect(desk))
    assert (await one.listed())[0]["reach"] is None
    await one.do(conversation, "claim")
    view = await _view(one, conversation)
    assert view["reach"] is None
    assert {message["delivery"] for message in view["messages"]} == {None}
    assert await _fit(one, conversation, "x" * 4000) == {
        "messages": 1,
        "left": None,
        "fits": True,
        "pieces": [{"bytes": 4000, "draft": True}],
    }


async def test_without_the_account_a_resident_of_wechat_cannot_be_reached(desk: Site) -> None:
    one = await operator(desk)
    conversation = await id_of(desk, await connect(desk))
    async with transaction(desk.service.database) as connection:
        await connection.execute(update(Conversation).values(channel="wechat"))
    await one.do(conversation, "claim")
    assert (await _reach(one, conversation))["reason"] == "off"


async def test_a_draft_is_measured_together_with_what_waits_and_not_kept(town: Town) -> None:
    user, one, conversation = await _talking(town)
    before = await town.count(Message, WechatBubble)
    small = await _fit(one, conversation, "  Good morning  ")
    assert small == {"messages": 1, "left": 4, "fits": True, "pieces": [{"bytes": 12, "draft": True}]}
    large = await _fit(one, conversation, "字" * 3000)
    assert (large["messages"], large["fits"], user.left) == (5, False, 4)
    sizes = [piece["bytes"] for piece in large["pieces"]]
    assert (sum(sizes), max(sizes) <= 2047) == (9000, True)
    assert await town.count(Message, WechatBubble) == before

    await _writes(one, conversation, *(LONG.format(number) for number in range(5)))
    await _until(lambda: _left(one, conversation, 0))
    await _fate(one, conversation, "line 4", "waiting", "count_used_up")
    together = await _fit(one, conversation, "Good morning")
    # It goes along with what waits.
    assert (together["messages"], together["left"], together["fits"]) == (1, 0, False)
    assert [piece["draft"] for piece in together["pieces"]] == [True]
    apart = await _fit(one, conversation, "y" * 500)
    assert [piece["draft"] for piece in apart["pieces"]] == [False, True]


async def test_what_was_said_to_fit_is_sent_as_it_was_said(town: Town) -> None:
    user, one, conversation = await _talking(town)
    draft = "\n\n".join(f"第{number}段。" + "合肥市出入境接待大厅周一至周五办理签证延期。" * 20 for number in range(3))
    fit = await _fit(one, conversation, draft)
    assert fit["fits"]
    seen = len(user.shown)
    await _writes(one, conversation, draft)
    await _fate(one, conversation, draft, "sent", None)
    sent = list(user.shown)[seen:]
    assert [len(shown.text.encode()) for shown in sent] == [piece["bytes"] for piece in fit["pieces"]]
    assert await _left(one, conversation, 4 - fit["messages"])


@pytest.mark.parametrize(
    ("data", "code"),
    [({"text": " "}, "empty_text"), ({"text": "x" * 4001}, "text_too_long"), ({"text": 1}, "bad_field")],
)
async def test_drafts_are_checked_like_messages(desk: Site, data: dict[str, Any], code: str) -> None:
    one = await operator(desk)
    conversation = await id_of(desk, await connect(desk))
    assert (await one.do(conversation, "fit", {"text": "x"})).code == "not_yours"
    await one.do(conversation, "claim")
    assert (await one.do(conversation, "fit", data)).code == code


async def test_an_open_page_is_told_when_the_numbers_change(town: Town) -> None:
    user, one, conversation = await _talking(town)
    page = await one.socket()
    assert (await page.next("queue"))["mine"][0]["reach"]["left"] == 4
    await _writes(one, conversation, "Good morning")
    frame = await page.next("reach")
    while frame["reach"]["left"] != 3 or frame["deliveries"][-1]["delivery"] != "sent":
        frame = await page.next("reach")
    assert frame["conversation"] == conversation
    assert frame["deliveries"][-1]["delivery_reason"] is None

    town.move(seconds=5)
    await user.says("Thank you")
    while (frame := await page.next("reach"))["reach"]["left"] != 5:
        pass
    await page.raw.close()


async def test_an_open_page_is_told_what_became_of_what_a_response_carried(town: Town) -> None:
    user, one, conversation = await _talking(town)
    await _writes(one, conversation, *(LONG.format(number) for number in range(5)))
    await _until(lambda: _left(one, conversation, 0))
    page = await one.socket()
    await page.next("queue")
    town.move(seconds=5)
    await user.says("1")
    while (frame := await page.next("reach"))["deliveries"][-1]["delivery"] != "sent":
        pass
    assert (frame["reach"]["left"], frame["reach"]["waiting"]) == (user.left, 0)
    await page.raw.close()


def test_the_words_are_those_of_the_documentation() -> None:
    from tests.fakes.engine import ROOT

    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    assert [word for word in (*Why, *Arrival) if f"`{word}`" not in text] == []
