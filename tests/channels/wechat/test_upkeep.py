"""What happens by itself: tags for the menu, notices that a reply waits, voices, ratings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from aiohttp import web
from sqlalchemy import select

from bot.channels.wechat import menus
from bot.channels.wechat.channel import FOLDER
from bot.channels.wechat.outbox import SendState
from bot.channels.wechat.templates import Purpose, Templates
from bot.conversations import desk_plans
from bot.conversations.store import Author
from bot.db.engine import transaction
from bot.db.models import Identity, Message, Rating, WechatTemplate
from bot.messages import Kind
from tests.channels.wechat.conftest import Town, TownMaker
from tests.channels.wechat.test_delivery import _writes, until_async
from tests.fakes.site import until
from tests.fakes.wechat import error

TEMPLATE = "reply-template-of-the-tests"


def _switch_notices_on(town: Town, folder: Path) -> None:
    """The shipped file with an id filled in, as a person would."""
    data = yaml.safe_load((FOLDER / "templates.yml").read_text(encoding="utf-8"))
    data["reply_waiting"]["id"] = TEMPLATE
    (folder / "templates.yml").write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    town.wechat.notices.has(TEMPLATE, *data["reply_waiting"]["fields"])
    assert town.site.wechat is not None
    notices = town.site.wechat.delivery.held.__self__  # type: ignore[attr-defined]
    notices.templates = Templates.load(folder)
    assert notices.templates.of(Purpose.REPLY_WAITING) is not None


async def _sent(town: Town) -> list[tuple[str, str]]:
    async with transaction(town.site.service.database) as connection:
        rows = await connection.execute(select(WechatTemplate.purpose, WechatTemplate.state))
        return [(row.purpose, row.state) for row in rows]


async def test_the_menu_follows_the_language(town: Town) -> None:
    assert town.site.wechat is not None
    upkeep, api = town.site.wechat.upkeep, town.site.wechat.delivery.api
    assert api is not None
    user = town.user()
    await town.said_to(user, "I lost my passport")
    # Nothing to do while no menus are installed.
    await upkeep.tag(town.site.clock())
    await menus.install(api, menus.load(FOLDER), town.site.wechat.callback.account.kind)
    tags = await menus.language_tags(api)
    await upkeep.tag(town.site.clock())
    assert user.state.tags == [tags["en"]]
    town.move(seconds=1)
    await town.said_to(user, "我的护照丢了，应该怎么办？请用中文回答我")
    await upkeep.tag(town.site.clock())
    assert user.state.tags == [tags["zh"]]


async def test_one_person_who_cannot_be_tagged_keeps_nobody_else_from_it(town: Town) -> None:
    assert town.site.wechat is not None and town.site.wechat.delivery.api is not None
    await menus.install(town.site.wechat.delivery.api, menus.load(FOLDER), town.site.wechat.callback.account.kind)
    for name in ("a", "b"):
        await town.said_to(town.user(name), "I lost my passport")
    town.wechat.fail("tags/members/batchtagging", error(43004))
    await town.site.wechat.upkeep.tag(town.site.clock())
    assert sorted(len(town.user(name).state.tags) for name in ("a", "b")) == [0, 1]


async def test_a_persons_reply_that_may_not_be_sent_is_announced_once(town: Town, tmp_path: Path) -> None:
    _switch_notices_on(town, tmp_path)
    user = town.user()
    await town.said_to(user, "I lost my passport")
    town.move(hours=49)
    await _writes(town, "Your permit is ready.")
    await until_async(lambda: _notified(town, 1))
    await _writes(town, "Please bring your passport.")
    await town.sweep()
    assert town.site.wechat is not None
    await town.site.wechat.upkeep.remind(town.site.clock())
    assert len(await _sent(town)) == 1
    await until_async(lambda: _ended(town, "delivered"))
    # The resident writes: the replies arrive, before the answer.
    await user.says("hello")
    await until(lambda: any("Your permit is ready." in shown.text for shown in user.shown))


async def _notified(town: Town, count: int) -> bool:
    return len([state for _, state in await _sent(town) if state != "sending"]) == count


async def _ended(town: Town, state: str) -> bool:
    return [found for _, found in await _sent(town)] == [state]


async def test_at_night_the_notice_waits_for_the_morning(town: Town, tmp_path: Path) -> None:
    _switch_notices_on(town, tmp_path)
    assert town.site.wechat is not None
    await town.said_to(town.user(), "I lost my passport")
    town.move(hours=49 + 13)  # two in the morning
    await _writes(town, "Your permit is ready.")
    await town.sweep()
    await town.site.wechat.upkeep.remind(town.site.clock())
    assert await _sent(town) == []
    town.move(hours=8)
    await town.site.wechat.upkeep.remind(town.site.clock())
    await until_async(lambda: _notified(town, 1))


async def test_the_assistants_own_words_are_worth_no_notice(town: Town, tmp_path: Path) -> None:
    _switch_notices_on(town, tmp_path)
    assert town.site.wechat is not None
    await town.said_to(town.user(), "I lost my passport")
    town.move(hours=49)
    await _writes(town, "You are number 3.", Author.SYSTEM, Kind.EVENT)
    await town.sweep()
    await town.site.wechat.upkeep.remind(town.site.clock())
    assert await _sent(town) == []


@asynccontextmanager
async def _recogniser(text: str | None, status: int = 200) -> AsyncIterator[tuple[str, list[bytes]]]:
    heard: list[bytes] = []

    async def recognise(request: web.Request) -> web.Response:
        form = await request.post()
        file = form["file"]
        assert isinstance(file, web.FileField)
        heard.append(file.file.read())
        return web.json_response({"text": text}, status=status)

    app = web.Application()
    app.router.add_post("/hear", recognise)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/hear", heard
    finally:
        await runner.cleanup()


async def test_a_voice_is_answered_like_words(make_town: TownMaker) -> None:
    async with _recogniser("I lost my passport") as (url, heard), make_town(wechat_speech_url=url) as town:
        user = town.user()
        await user.sends_voice(b"#!AMR\n" + b"\x01" * 200)
        shown = await user.next()
        assert "Report the loss" in shown.text
        assert heard == [b"#!AMR\n" + b"\x01" * 200]
        async with transaction(town.site.service.database) as connection:
            said = (await connection.execute(select(Message.text).where(Message.direction == "in"))).scalar_one()
        assert said == "I lost my passport"


@pytest.mark.parametrize(("text", "status"), [(None, 200), ("", 200), ("x", 500)])
async def test_a_voice_that_nobody_understands_is_said_so(make_town: TownMaker, text: str | None, status: int) -> None:
    async with _recogniser(text, status) as (url, _), make_town(wechat_speech_url=url) as town:
        user = town.user()
        await user.sends_voice()
        assert "could not understand the voice" in (await user.next()).text


async def test_who_no_longer_wants_notices_gets_none(town: Town, tmp_path: Path) -> None:
    _switch_notices_on(town, tmp_path)
    assert town.site.wechat is not None
    user = town.user()
    await town.said_to(user, "stop reminders")
    town.move(hours=49)
    await _writes(town, "Your permit is ready.")
    await until_async(lambda: _ended(town, "not_sent"))
    assert town.wechat.ledger.calls["/cgi-bin/message/template/send"] == 0
    await user.decides(TEMPLATE, accepts=True)
    async with transaction(town.site.service.database) as connection:
        assert (await connection.execute(select(Identity.reminders))).scalar_one() is True


async def test_a_talk_with_a_person_can_be_rated(town: Town) -> None:
    user = town.user()
    await town.said_to(user, "I lost my passport")
    service = town.site.service
    async with transaction(service.database) as connection:
        conversation = (await connection.execute(select(Identity.conversation_id))).scalar_one()
        await service.handover.voice.tell(connection, conversation, desk_plans.event("event_ended"))
    await service.handover.voice.publish(conversation)
    await until(lambda: len(user.shown) == 2)
    shown = user.shown[1]
    assert "★★★★☆" in str(shown)
    thanks = await town.said_to(user, "4")
    assert "Thank you for your rating" in thanks.text
    async with transaction(service.database) as connection:
        row = (await connection.execute(select(Rating.who, Rating.stars))).one()
    assert tuple(row) == ("person", 4)
    assert SendState.FAILED not in [state for state, _ in await _sent(town)]


async def test_templates_of_another_purpose_stay_off(town: Town) -> None:
    templates = Templates.load(FOLDER)
    assert templates.of(Purpose.REPLY_WAITING) is None
    assert replace(templates, by_purpose={}).of(Purpose.REMINDER) is None
