"""What the city puts up while pages are open: notices with a period, and the switches."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from playwright.async_api import expect

from bot.handoff.staff import Role
from tests.browser.resident import Opener, Visits
from tests.channels.staff.people import Operator, operator
from tests.fakes.site import NOW, Site

STORM = {"en": "Typhoon: schools are closed. Call 119 in danger.", "zh": "台风：学校停课。遇险请拨119。"}
MOVED = {"en": "The visa office has moved.", "zh": "出入境办证大厅已搬迁。"}


async def administrator(site: Site) -> Operator:
    return await operator(site, "admin-1", role=Role.ADMIN, there=False)


async def put_up(one: Operator, severity: str, words: dict[str, str], hours: int = 2) -> Any:
    period = {"starts_at": NOW.isoformat(), "ends_at": (NOW + timedelta(hours=hours)).isoformat()}
    response = await one.call("POST", "/notices", {"severity": severity, "words": words, **period})
    assert response.status == 200, response.body
    return response.json


async def test_an_emergency_is_told_before_the_chat_is_opened(opened: Opener, site: Site) -> None:
    one = await administrator(site)
    await put_up(one, "emergency", STORM)
    await put_up(one, "info", MOVED)
    resident = await opened()
    note = resident.widget.locator(".note")
    await expect(note).to_have_count(1)
    await expect(note).to_contain_text(STORM["en"])
    await note.get_by_role("button").click()
    await expect(note).to_have_count(0)
    await resident.page.reload()
    await expect(resident.launcher).to_be_visible()
    await resident.begin()
    await expect(resident.panel.locator(".banner.emergency")).to_contain_text(STORM["en"])
    await expect(resident.panel.locator(".banner.info")).to_contain_text(MOVED["en"])
    await expect(note).to_have_count(0)


async def test_a_notice_comes_and_goes_while_the_chat_is_open(opened: Opener, site: Site) -> None:
    one = await administrator(site)
    resident = await (await opened()).begin()
    await put_up(one, "emergency", STORM)
    banner = resident.panel.locator(".banner.emergency")
    await expect(banner).to_contain_text(STORM["en"])
    await expect(banner).to_contain_text("14:00")
    await expect(banner.get_by_role("link", name="119")).to_have_attribute("href", "tel:119")
    await resident.speak("中文", "zh")
    await expect(banner).to_contain_text(STORM["zh"])
    # Its time is over: nobody does anything, the page takes it away.
    site.clock.now = NOW + timedelta(hours=3)
    await expect(banner).to_have_count(0)


async def test_the_widget_is_switched_off_and_on(opened: Opener, visits: Visits, site: Site) -> None:
    one = await administrator(site)
    resident = await (await opened()).begin()
    words = {"en": "We are closed for the holiday.", "zh": "假期停用。"}
    assert (await one.call("PUT", "/switches/widget", {"words": words})).status == 200
    await expect(resident.panel).to_contain_text(words["en"])
    await expect(resident.input).to_have_count(0)
    late = await opened()
    await expect(late.widget.locator(".quiet")).to_have_text(words["en"])
    await expect(late.launcher).to_be_hidden()
    assert (await one.call("DELETE", "/switches/widget")).status == 200
    await expect(resident.input).to_be_visible()
    await resident.ask()


async def test_the_assistant_is_switched_off(opened: Opener, site: Site) -> None:
    one = await administrator(site)
    resident = await (await opened()).begin()
    assert (await one.call("PUT", "/switches/bot", {"words": {"en": "Back at ten.", "zh": "十点恢复。"}})).status == 200
    await expect(resident.panel.locator(".banner")).to_contain_text("Back at ten.")
    await resident.write("How do I rent a flat?")
    await expect(resident.answers.last).to_contain_text("Back at ten.")
    await resident.write("There is a fire in my building, help!")
    await expect(resident.panel.locator(".message.urgent")).to_be_visible()
