"""The first minutes: the closed page, the notice, the greeting."""

from __future__ import annotations

from playwright.async_api import expect

from bot.db.models import Consent, Conversation, Message
from tests.browser.resident import Opener, rows
from tests.fakes.site import Site


async def test_nothing_is_kept_before_the_notice_is_accepted(opened: Opener, site: Site) -> None:
    resident = await (await opened()).open()
    notice = resident.panel.locator(".consent")
    await expect(notice.get_by_role("heading")).to_be_focused()
    await expect(notice).to_contain_text("computer program")
    await expect(notice).to_contain_text("deleted 30 days")
    await expect(notice.get_by_role("link", name="110")).to_have_attribute("href", "tel:110")
    assert await rows(site, Conversation) == []
    assert await resident.stored("session") is None

    await resident.accept()
    (conversation,) = await rows(site, Conversation)
    (consent,) = await rows(site, Consent)
    assert (consent.kind, consent.version) == ("notice", await resident.stored("notice"))
    assert conversation.notice_version == consent.version
    assert await rows(site, Message) == []


async def test_who_has_accepted_is_not_asked_again(opened: Opener) -> None:
    resident = await (await opened()).begin()
    await resident.page.reload()
    await expect(resident.input).to_be_visible()
    await expect(resident.panel.locator(".consent")).to_have_count(0)


async def test_topics_follow_the_page_and_are_sent_when_pressed(opened: Opener, site: Site) -> None:
    for page, topic, other in (("visa", "Visa types", "Driving licence"), (None, "Driving licence", "Visa types")):
        resident = await (await opened(page=page)).begin()
        hello = resident.panel.locator(".hello")
        await expect(hello.get_by_role("heading")).to_have_text(resident.t("greeting_title"))
        assert 6 <= await hello.get_by_role("button").count() <= 8
        await expect(hello.get_by_role("button", name=topic)).to_be_visible()
        await expect(hello.get_by_role("button", name=other)).to_have_count(0)
    await hello.get_by_role("button", name="Register my address").click()
    await expect(resident.article()).to_be_visible()
    await expect(resident.own).to_contain_text("How do I register my address with the police?")
    assert [row.text for row in await rows(site, Message) if row.direction == "in"] == [
        "How do I register my address with the police?"
    ]


async def test_closed_it_stays_closed_and_open_it_opens_again(opened: Opener) -> None:
    resident = await (await opened()).begin()
    await resident.button("close").click()
    await expect(resident.panel).to_be_hidden()
    await expect(resident.launcher).to_be_focused()
    await resident.page.reload()
    await expect(resident.launcher).to_be_visible()
    await expect(resident.panel).to_have_count(0)
    await resident.open()
    await expect(resident.input).to_be_focused()
