"""On other websites: one that may embed the widget, and one that only tries to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest_asyncio
from aiohttp import web
from playwright.async_api import expect

from bot.db.models import Conversation
from tests.browser.resident import Visits, rows
from tests.conftest import SiteMaker
from tests.fakes.site import Site

# What the browser logs of a request that it does not let a page have the answer of.
_REFUSED = ("status of 40[13]", "net::ERR_FAILED", "net::ERR_BLOCKED_BY_RESPONSE", "CORS policy")
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Another website</title>
<link rel="icon" href="data:,"><h1>Another website</h1>
<script type="module" src="{public}/widget.js"></script>
<linli-widget site="demo"><a href="tel:12345">12345</a></linli-widget></html>"""
# What a page could try with a token that it has come by, and without one.
_ATTACK = """async ([api, token]) => {
  const json = { "Content-Type": "application/json" };
  const tries = {
    config: () => fetch(api + "config?site=demo"),
    session: () => fetch(api + "session", { method: "POST", headers: json, body: "{}", credentials: "include" }),
    simple: () => fetch(api + "session", { method: "POST", body: '{"site": "demo"}', mode: "no-cors" }),
    renew: () => fetch(api + "session", { method: "POST", headers: json, body: JSON.stringify({ token }) }),
    read: () => fetch(api + "messages", { headers: { Authorization: `Bearer ${token}` } }),
    export: () => fetch(api + "export", { headers: { Authorization: `Bearer ${token}` } }),
  };
  const seen = {};
  for (const [name, attempt] of Object.entries(tries)) {
    try {
      const response = await attempt();
      seen[name] = response.type === "opaque" ? "" : await response.text();
    } catch {
      seen[name] = "";
    }
  }
  seen.socket = await new Promise((resolve) => {
    const socket = new WebSocket(api.replace("http", "ws") + "live");
    let heard = "";
    socket.onopen = () => socket.send(JSON.stringify({ type: "hello", token, after: 0 }));
    socket.onmessage = ({ data }) => (heard += data);
    socket.onclose = () => resolve(heard);
  });
  return seen;
}"""


@dataclass
class Website:
    """Another origin, whose page embeds the widget of `public`."""

    origin: str = ""
    public: str = ""

    async def page(self, _request: web.Request) -> web.Response:
        return web.Response(text=_PAGE.format(public=self.public), content_type="text/html")


@pytest_asyncio.fixture(loop_scope="session")
async def website() -> AsyncIterator[Website]:
    made = Website()
    app = web.Application()
    app.router.add_get("/", made.page)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


async def test_a_website_that_may_embed_it(
    website: Website, make_site: SiteMaker, visits: Visits, tmp_path: Path
) -> None:
    sites = tmp_path / "sites.yml"
    sites.write_text(f'default: {{origins: [], pages: {{}}}}\ndemo: {{origins: ["{website.origin}"], pages: {{}}}}\n')
    async with make_site(sites_file=sites) as site:
        website.public = site.public
        resident = await (await visits.visit(site, website.origin)).begin()
        await resident.ask()
        await resident.page.reload()
        await expect(resident.article()).to_have_count(1)
        (conversation,) = await rows(site, Conversation)
        assert conversation.site == "demo"
        await visits.close()
    assert any(address.startswith("ws://") for address in visits.addresses)


async def test_a_website_that_may_not_gets_nothing(website: Website, site: Site, visits: Visits) -> None:
    visits.expect(*_REFUSED)
    website.public = site.public
    resident = await visits.visit(site, website.origin)
    await resident.open()
    await expect(resident.panel.locator(".banner")).to_be_visible()
    await expect(resident.panel.locator(".consent, .hello, textarea")).to_have_count(0)
    assert await resident.stored("session") is None
    assert await rows(site, Conversation) == []
    await visits.close()


async def test_not_even_with_a_token_it_has_come_by(website: Website, site: Site, visits: Visits) -> None:
    visits.expect(*_REFUSED, "WebSocket connection to")
    website.public = site.public
    victim = await (await visits.resident(site)).begin()
    await victim.ask()
    token = (await victim.stored("session"))["token"]
    thief = await visits.visit(site, website.origin)
    seen = await thief.page.evaluate(_ATTACK, [f"{site.public}/api/widget/", token])
    assert set(seen.values()) == {""}, seen
    assert len(await rows(site, Conversation)) == 1
    await visits.close()


async def test_nobody_shows_our_pages_in_a_frame(website: Website, site: Site, visits: Visits) -> None:
    visits.expect(*_REFUSED, "frame-ancestors")
    website.public = site.public
    resident = await visits.visit(site, website.origin)
    await resident.page.evaluate(
        """address => new Promise((resolve) => {
          const frame = document.createElement("iframe");
          frame.onload = resolve;
          frame.src = address;
          document.body.append(frame);
        })""",
        site.public,
    )
    framed = resident.page.frames[-1]
    assert framed is not resident.page.main_frame
    await expect(framed.locator("linli-widget")).to_have_count(0)
    await visits.close()


async def test_a_page_without_script_still_says_whom_to_call(site: Site, visits: Visits) -> None:
    resident = await visits.resident(site, java_script_enabled=False)
    await expect(resident.page.get_by_role("link", name="12345").last).to_have_attribute("href", "tel:12345")
    await visits.close()
