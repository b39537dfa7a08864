"""Tabs, reloads, restarts and lines that drop: nothing is lost and nothing comes twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

from playwright.async_api import WebSocketRoute, expect

from bot.conversations.store import Incoming
from bot.db.models import Message
from tests.browser.resident import REGISTER, UNREACHED, Opener, Resident, Visits, rows
from tests.conftest import SiteMaker
from tests.fakes.site import NOW, Site, until

LONG = "How do I register my address with the police? " * 4


async def test_two_tabs_show_the_same(opened: Opener, visits: Visits) -> None:
    first = await (await opened()).begin()
    await first.ask()
    second = await (await visits.tab(first)).open()
    await expect(second.article()).to_be_visible()
    await second.ask("How do I rent a flat?", "sign a written lease")
    for tab in (first, second):
        await expect(tab.article()).to_have_count(1)
        await expect(tab.article("sign a written lease")).to_have_count(1)
        await expect(tab.own).to_have_count(2)


async def test_a_second_tab_accepts_with_the_first(opened: Opener, visits: Visits) -> None:
    first = await (await opened()).open()
    second = await (await visits.tab(first)).open()
    await first.accept()
    await expect(second.input).to_be_visible()
    await second.ask()
    await expect(first.article()).to_be_visible()


async def test_reload_in_mid_answer(opened: Opener, site: Site) -> None:
    site.engine.delay_seconds = 1.0
    resident = await (await opened()).begin()
    await resident.write(REGISTER)
    await expect(resident.own.locator(".state")).to_contain_text(resident.t("seen"))
    await expect(resident.answers).to_have_count(0)
    await resident.page.reload()
    await expect(resident.article()).to_have_count(1)
    await once(resident)
    assert len(site.engine.received) == 1


async def test_server_restart_in_mid_answer(opened: Opener, visits: Visits, site: Site) -> None:
    visits.expect(UNREACHED)
    site.engine.delay_seconds = 1.0
    resident = await (await opened()).begin()
    await resident.write(REGISTER)
    await until(lambda: site.engine.received)
    await site.stop_public()
    await site.start_public()
    await expect(resident.article()).to_have_count(1)
    await once(resident)
    await resident.ask("How do I rent a flat?", "sign a written lease")


async def test_a_process_that_dies_before_it_answers(opened: Opener, visits: Visits, site: Site) -> None:
    """What it had stored is answered by the sweeper, and the page shows it without being asked."""
    visits.expect(UNREACHED)
    resident = await (await opened()).begin()
    async with dying(site):
        await resident.write(REGISTER)
        await expect(resident.own.locator(".state.sent")).to_be_visible()
        await site.stop_public()
    await site.start_public()
    assert [row.status for row in await rows(site, Message)] == ["received"]
    site.clock.now = NOW + timedelta(minutes=1)
    await site.service.sweep(site.clock.now)
    await expect(resident.article()).to_have_count(1)
    await once(resident)


async def test_offline_it_keeps_what_is_written_and_sends_it_after(opened: Opener, visits: Visits) -> None:
    visits.expect(UNREACHED)
    resident = await (await opened()).begin()
    await resident.page.context.set_offline(True)
    await expect(resident.panel.locator(".banner")).to_contain_text(resident.t("offline"))
    await resident.write(REGISTER)
    await expect(resident.own).to_contain_text(resident.t("queued"))
    await resident.page.context.set_offline(False)
    await expect(resident.article()).to_have_count(1)
    await expect(resident.panel.locator(".banner")).to_have_count(0)
    await once(resident)


async def test_what_was_written_offline_survives_the_page(opened: Opener, visits: Visits, site: Site) -> None:
    visits.expect(UNREACHED)
    resident = await (await opened()).begin()
    await resident.page.context.set_offline(True)
    await expect(resident.panel.locator(".banner")).to_be_visible()
    await resident.write(REGISTER)
    await expect(resident.own).to_contain_text(resident.t("queued"))
    # Another tab's entry is left to that tab for a while: this one was written a minute ago.
    await resident.page.evaluate(
        """name => {
          const aged = (entry) => ({ ...entry, at: new Date(Date.parse(entry.at) - 60_000).toISOString() });
          localStorage.setItem(name, JSON.stringify(JSON.parse(localStorage.getItem(name)).map(aged)));
        }""",
        "linli.demo.outbox",
    )
    context = resident.page.context
    await resident.page.close()
    await context.set_offline(False)
    page = await context.new_page()
    await page.goto(site.public)
    again = await Resident(visits, site, page).open()
    await expect(again.article()).to_have_count(1)
    await once(again)


async def test_long_poll_where_no_socket_gets_through(opened: Opener, visits: Visits, site: Site) -> None:
    visits.expect(UNREACHED)
    resident = await opened()

    async def refuse(route: WebSocketRoute) -> None:
        await route.close(code=3000, reason="blocked")

    await resident.page.context.route_web_socket("**/api/widget/live", refuse)
    await resident.begin()
    await resident.ask()
    await resident.ask("How do I rent a flat?", "sign a written lease")
    # What nobody asked for comes too: here an answer to a message of another tab.
    await expect(resident.panel.locator(".banner")).to_have_count(0)
    other = await (await visits.tab(resident)).open()
    await other.ask("How is waste sorted here?", "four kinds of bins")
    await expect(resident.article("four kinds of bins")).to_have_count(1)
    await expect(resident.own).to_have_count(3)
    assert any("/api/widget/messages" in address and "wait=25" in address for address in visits.addresses)


async def test_a_refused_message_can_be_sent_again(opened: Opener, visits: Visits, site: Site) -> None:
    """The server came back with a smaller limit than the page knows, and then with the old one."""
    visits.expect(UNREACHED, "status of 400")
    resident = await (await opened()).begin()
    usual = site.settings
    await restart(site, text_limit_characters=20)
    await resident.write(LONG)
    failed = resident.panel.locator(".message.own.failed")
    await expect(failed).to_contain_text(resident.t("too_long_refused"))
    await restart(site, text_limit_characters=usual.text_limit_characters)
    await failed.get_by_role("button", name=resident.t("resend")).click()
    await expect(failed).to_have_count(0)
    await expect(resident.article()).to_have_count(1)
    await once(resident)


async def test_a_refused_message_can_be_thrown_away(opened: Opener, visits: Visits, site: Site) -> None:
    visits.expect(UNREACHED, "status of 400")
    resident = await (await opened()).begin()
    await restart(site, text_limit_characters=20)
    await resident.write(LONG)
    await resident.panel.locator(".message.own.failed").get_by_role("button", name=resident.t("discard")).click()
    await expect(resident.own).to_have_count(0)
    await resident.page.reload()
    await expect(resident.input).to_be_visible()
    await expect(resident.own).to_have_count(0)
    assert await rows(site, Message) == []


async def test_a_flood_of_conversations_has_to_work_for_it(make_site: SiteMaker, visits: Visits) -> None:
    visits.expect("status of 429")
    async with make_site(sessions_per_minute=1, proof_bits=12) as site:
        for _ in range(3):
            resident = await (await visits.resident(site)).begin()
            await resident.ask()
        await visits.close()
    assert any(address.endswith("/api/widget/proof") for address in visits.addresses)


async def test_the_server_is_away_when_the_chat_is_opened(opened: Opener, visits: Visits, site: Site) -> None:
    visits.expect(UNREACHED)
    resident = await (await opened()).begin()
    await resident.button("close").click()
    await site.stop_public()
    await resident.open()
    await resident.write(REGISTER)
    await expect(resident.panel.locator(".banner")).to_contain_text(resident.t("reconnecting"))
    await site.start_public()
    await expect(resident.article()).to_have_count(1)
    await expect(resident.panel.locator(".banner")).to_have_count(0)
    await once(resident)


async def once(resident: Resident) -> None:
    """One question, one answer: on the page, after a reload, and in the tables."""
    await expect(resident.own).to_have_count(1)
    await expect(resident.answers).to_have_count(1)
    await resident.page.reload()
    await expect(resident.article()).to_have_count(1)
    await expect(resident.own).to_have_count(1)
    assert [row.direction for row in await rows(resident.site, Message)] == ["in", "out"]


async def restart(site: Site, **given: Any) -> None:
    """Stop and start the public port with other settings."""
    await site.stop_public()
    site.settings = replace(site.settings, **given)
    await site.start_public()


@asynccontextmanager
async def dying(site: Site) -> AsyncIterator[None]:
    """A process that falls between storing a message and taking it up."""

    def fall(incoming: Incoming) -> None:
        site.service._working.discard(incoming.id)

    site.service.start = fall  # type: ignore[method-assign]
    try:
        yield
    finally:
        del site.service.start


async def test_a_page_left_while_the_line_is_being_opened_leaves_no_error(opened: Opener) -> None:
    """The fixture fails on anything that the browser logged."""
    resident = await opened()
    await resident.page.evaluate(
        """async () => {
          const { Connection } = await import("/widget/connection.js");
          const api = { token: async () => "none", base: new URL("/api/widget/", location) };
          const line = new Connection(api, { after: () => 0, status() {}, frame() {}, lost() {} });
          const opened = new Promise((opened) => {
            window.WebSocket = class extends WebSocket {
              constructor(url) {
                super(url);
                this.addEventListener("close", opened);
                setTimeout(() => line.stop());
              }
            };
          });
          line.start();
          await opened;
        }"""
    )
