"""A resident in a browser of his own, and what every visit must keep to whatever it is about."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Download,
    Locator,
    Page,
    Request,
    WebSocket,
    expect,
)
from sqlalchemy import select

from bot.db.engine import transaction
from bot.db.models import Base, Conversation
from tests.fakes.engine import ROOT
from tests.fakes.site import Site

PATIENCE_MS = 20_000
REGISTER = "How do I register my address with the police?"
REGISTERED = "Register at the police station within 24 hours of moving in."
# Asked back about when nothing is sure enough for an answer.
UNCLEAR = "How is waste sorted here?"
PERSON = "I want to talk to a person"
_STRINGS = ROOT / "bot" / "channels" / "web" / "widget" / "strings"
_WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
# Pauses before a new try are random; here they are as short as they can be.
_NO_JITTER = "Math.random = () => 0;"
# What the browser itself logs when a server is not reached: nothing that a page could keep it from.
UNREACHED = r"net::ERR_|WebSocket connection to"
_FOCUSED = """() => {
  let active = document.activeElement;
  while (active?.shadowRoot?.activeElement) active = active.shadowRoot.activeElement;
  return active;
}"""


def words(language: str = "en") -> Mapping[str, Any]:
    """The widget's own words, so that a test does not hold on to how something is put."""
    found: Mapping[str, Any] = json.loads((_STRINGS / f"{language}.json").read_text(encoding="utf-8"))
    return found


@dataclass
class Visits:
    """All browsers of a test: each context is a device of its own."""

    browser: Browser
    contexts: list[BrowserContext] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    # Servers that pages may load from.
    hosts: set[str] = field(default_factory=set)
    _expected: list[str] = field(default_factory=list)

    def expect(self, *patterns: str) -> None:
        """What the browser may log in this test."""
        self._expected += patterns

    async def resident(self, site: Site, page: str | None = None, **device: Any) -> Resident:
        """On the demo page (`page`: one of its own) with a new device."""
        path = "/" if page is None else f"/?page={page}"
        return await self.visit(site, site.public + path, **device)

    async def visit(self, site: Site, address: str, **device: Any) -> Resident:
        """On any page that embeds the widget."""
        given = {"locale": "en-GB", "timezone_id": "Asia/Shanghai", "viewport": {"width": 1280, "height": 900}}
        context = await self.browser.new_context(**{**given, **device})
        context.set_default_timeout(PATIENCE_MS)
        self.contexts.append(context)
        self.hosts |= {_host(site.public), _host(address)}
        await context.add_init_script(_NO_JITTER)
        context.on("console", self._logged)
        context.on("weberror", lambda error: self.problems.append(f"page error: {error.error}"))
        context.on("request", self._requested)
        page = await context.new_page()
        page.on("websocket", self._connected)
        await page.goto(address)
        return Resident(self, site, page, _language(device))

    async def tab(self, resident: Resident) -> Resident:
        """One more tab of the same browser, on the same page."""
        page = await resident.page.context.new_page()
        page.on("websocket", self._connected)
        await page.goto(resident.page.url)
        return Resident(self, resident.site, page, resident.language)

    async def close(self) -> None:
        """Before the site goes: else its end would be an error on the pages."""
        while self.contexts:
            await self.contexts.pop().close()

    def check(self) -> None:
        """No error on any page, nothing from another host, no token in an address."""
        logged = [line for line in self.problems if not any(re.search(known, line) for known in self._expected)]
        assert not logged, logged
        strangers = {_host(address) for address in self.addresses} - self.hosts
        assert not strangers, strangers
        leaks = [address for address in self.addresses if any(token in address for token in self.tokens)]
        assert not leaks, leaks

    def _logged(self, message: ConsoleMessage) -> None:
        # A violation of the content security policy is such an error too.
        if message.type in ("error", "warning"):
            self.problems.append(f"{message.type}: {message.text} ({message.location.get('url', '')})")

    def _requested(self, request: Request) -> None:
        if request.url.startswith(("blob:", "data:")):
            return
        self.addresses.append(request.url)
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind == "Bearer":
            # The signature is the part that must stay secret.
            self.tokens |= {token, token.rpartition(".")[2]}

    def _connected(self, socket: WebSocket) -> None:
        self.addresses.append(socket.url)


@dataclass
class Resident:
    """One tab. Locators find what is inside the widget's shadow root too."""

    visits: Visits
    site: Site
    page: Page
    language: str = "en"

    def t(self, key: str, **params: Any) -> str:
        text = words(self.language)[key]
        text = text if isinstance(text, str) else text["one" if params.get("n") == 1 else "other"]
        return re.sub(r"\{(\w+)\}", lambda match: str(params.get(match[1], match[0])), text)

    @property
    def widget(self) -> Locator:
        return self.page.locator("linli-widget")

    @property
    def launcher(self) -> Locator:
        return self.widget.locator(".launch")

    @property
    def panel(self) -> Locator:
        return self.widget.locator("dialog.panel")

    @property
    def input(self) -> Locator:
        return self.panel.locator("#linli-text")

    @property
    def answers(self) -> Locator:
        return self.panel.locator(".message.theirs")

    @property
    def own(self) -> Locator:
        return self.panel.locator(".message.own")

    def article(self, text: str = REGISTERED) -> Locator:
        return self.panel.locator(".message.article").filter(has_text=text)

    def button(self, key: str, **params: Any) -> Locator:
        """A button of the widget's by its word."""
        return self.widget.get_by_role("button", name=self.t(key, **params), exact=True)

    async def open(self) -> Resident:
        await self.launcher.click()
        await expect(self.panel).to_be_visible()
        return self

    async def accept(self) -> Resident:
        await self.button("continue").click()
        await expect(self.input).to_be_visible()
        return self

    async def begin(self) -> Resident:
        """Open, accept the notice, and be connected."""
        await self.open()
        await self.accept()
        return self

    async def write(self, text: str) -> None:
        await self.input.fill(text)
        await self.input.press("Enter")

    async def ask(self, text: str = REGISTER, answer: str = REGISTERED) -> Locator:
        """Send a message and wait for an answer that says this; the last such message."""
        await self.write(text)
        found = self.answers.filter(has_text=answer).last
        await expect(found).to_be_visible()
        return found

    async def choose_menu(self, key: str) -> None:
        await self.button("menu").click()
        await self.panel.get_by_role("menuitem", name=self.t(key), exact=True).click()

    async def speak(self, name: str, code: str) -> None:
        """Choose a language in the header."""
        await self.panel.locator("button.language").click()
        await self.panel.get_by_role("menuitemradio", name=name, exact=True).click()
        self.language = code
        await expect(self.panel).to_have_attribute("lang", code)

    async def focused(self) -> Mapping[str, str]:
        """What has the focus: tag, class, text, and whether it is in the chat's window."""
        found: Mapping[str, str] = await self.page.evaluate(
            f"""() => {{
              const active = ({_FOCUSED})();
              const name = active.getAttribute("aria-label") ?? active.textContent;
              return {{ tag: active.localName, name, class: active.className, id: active.id,
                        inside: String(Boolean(active.closest("dialog"))) }};
            }}"""
        )
        return found

    async def tab_to(self, wanted: Callable[[Mapping[str, str]], bool], key: str = "Tab", most: int = 60) -> None:
        """Press the key until the focus is there."""
        for _ in range(most):
            await self.page.keyboard.press(key)
            if wanted(await self.focused()):
                return
        raise AssertionError(f"not reached with {most} × {key}; the focus is on {await self.focused()}")

    async def stored(self, name: str) -> Any:
        """A value of the widget's in localStorage."""
        return await self.page.evaluate("name => JSON.parse(localStorage.getItem('linli.demo.' + name))", name)

    async def axe(self) -> None:
        """No violation of WCAG 2.2 AA on the page as it stands."""
        await self.still()
        options = {"runOnly": {"type": "tag", "values": _WCAG}, "resultTypes": ["violations"]}
        results = await Axe().run(self.page, options=options)
        assert not results.violations_count, results.generate_report()

    async def still(self) -> None:
        """Until nothing moves: a colour in mid-change has any contrast."""
        await self.page.wait_for_function(
            """() => [document, ...[...document.querySelectorAll("*")].flatMap((e) => e.shadowRoot ?? [])]
              .flatMap((root) => root.getAnimations())
              .every((one) => one.playState !== "running" || one.effect.getTiming().iterations === Infinity)"""
        )


Opener = Callable[..., Awaitable[Resident]]


async def rows(site: Site, table: type[Base]) -> Sequence[Any]:
    """All rows of a table, in the order in which they were made."""
    async with transaction(site.service.database) as connection:
        return (await connection.execute(select(table.__table__))).all()


async def only_conversation(site: Site) -> uuid.UUID:
    """The id of the one conversation that there is."""
    (row,) = await rows(site, Conversation)
    found: uuid.UUID = row.id
    return found


def _host(address: str) -> str:
    return address.split("/")[2]


def _language(device: Mapping[str, Any]) -> str:
    return str(device.get("locale", "en")).split("-")[0]


async def content_of(download: Download, folder: Path) -> str:
    """The text of a file that the browser was given to keep."""
    path = folder / download.suggested_filename
    await download.save_as(path)
    return path.read_text(encoding="utf-8")
