"""The widget on a cold load: Chromium on a CPU made four times slower, in a context that has cached nothing.

Times are the page's own clock, up to the frame after the one in which a thing can be seen and used.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, CDPSession, Error, Page, sync_playwright

from benchmarks import figures, machine
from benchmarks.processes import BenchError
from benchmarks.serving import App
from bot.channels.web.assets import load

_SLOWER = 4
_BROWSERS = ("/usr/bin/chromium", "/usr/bin/chromium-browser")
_WAIT_MS = 30_000
_LOADER = "/widget.js"
# Marks the frame after the one in which each of these can be pressed or written in, and the moments of the clicks.
_WATCH = """
(() => {
  const clicks = (window.benchClicks = []);
  const marks = {}, tell = {};
  const usable = (selector) => {
    const found = document.querySelector("linli-widget")?.shadowRoot?.querySelector(selector);
    return found && !found.disabled && found.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  };
  const parts = { launcher: "button.launch", notice: ".consent button.primary", composer: ".composer textarea" };
  for (const name of Object.keys(parts)) marks[name] = new Promise((resolve) => (tell[name] = resolve));
  const look = () => {
    for (const [name, selector] of Object.entries(parts)) {
      if (name in tell && usable(selector)) {
        const resolve = tell[name];
        delete tell[name];
        requestAnimationFrame(() => resolve(performance.now()));
      }
    }
    requestAnimationFrame(look);
  };
  window.bench = (name) => marks[name];
  requestAnimationFrame(look);
  addEventListener("click", (event) => clicks.push(event.timeStamp), { capture: true });
})();
"""
Say = Callable[[str], None]


@dataclass(frozen=True)
class _Load:
    """Milliseconds of one cold load, and the bytes over the line by path, headers included."""

    launcher: float
    notice: float
    composer: float
    requests: dict[str, int]


def measure(rounds: int, say: Say) -> dict[str, Any]:
    """As JSON. BenchError when there is no browser, or the widget does not come up."""
    app, load_before = App("widget"), machine.load()
    app.prepare()
    with app.running(), sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=_browser(), args=["--no-sandbox"])
            # The first page of a browser pays for the browser's own start.
            _cold(browser, app.url)
            loads = []
            for number in range(rounds):
                say(f"cold load {number + 1} of {rounds}, load {machine.load()[0]}")
                loads.append(_cold(browser, app.url))
            version = browser.version
            browser.close()
        except Error as error:
            raise BenchError(f"the widget could not be loaded: {error.message.splitlines()[0]}") from error
    conditions = {"browser": version, "slower": _SLOWER, "rounds": rounds, "load": load_before}
    return {**conditions, **_times(loads), "transfer": _transfer(loads[-1])}


def _browser() -> str:
    found = next((path for path in _BROWSERS if Path(path).exists()), None)
    if found is None:
        raise BenchError("no Chromium (Debian, Ubuntu: apt install chromium)")
    return found


def _cold(browser: Browser, url: str) -> _Load:
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    try:
        page = context.new_page()
        session = context.new_cdp_session(page)
        session.send("Emulation.setCPUThrottlingRate", {"rate": _SLOWER})
        requests = _counted(session)
        page.add_init_script(_WATCH)
        page.goto(f"{url}/", wait_until="commit")
        launcher = _marked(page, "launcher")
        page.wait_for_load_state("networkidle")
        page.locator("linli-widget button.launch").click()
        notice = _marked(page, "notice")
        page.locator("linli-widget .consent button.primary").click()
        composer = _marked(page, "composer")
        clicked = page.evaluate("benchClicks")
        page.wait_for_load_state("networkidle")
        return _Load(launcher, notice - clicked[0], composer - clicked[1], dict(requests))
    finally:
        with suppress(Error):
            context.close()


def _marked(page: Page, name: str) -> float:
    """When it was usable, in ms from the beginning of the navigation. Error when it never is."""
    # Not wait_for_function: that evaluates a string in the page, which its content security policy forbids.
    late = f"new Promise((_, no) => setTimeout(() => no(new Error('no {name}')), {_WAIT_MS}))"
    return float(page.evaluate(f"Promise.race([bench({name!r}), {late}])"))


def _counted(session: CDPSession) -> dict[str, int]:
    """What goes over the line from now on, by path; a file that is asked for twice counts twice."""
    paths: dict[str, str] = {}
    found: dict[str, int] = {}

    def begun(event: dict[str, Any]) -> None:
        paths[event["requestId"]] = urlsplit(event["request"]["url"]).path

    def ended(event: dict[str, Any]) -> None:
        path = paths.get(event["requestId"], "?")
        found[path] = found.get(path, 0) + int(event["encodedDataLength"])

    session.on("Network.requestWillBeSent", begun)
    session.on("Network.loadingFinished", ended)
    session.send("Network.enable")
    return found


def _times(loads: list[_Load]) -> dict[str, Any]:
    return {
        "launcher_ms": figures.spread([load.launcher for load in loads]),
        "notice_ms": figures.spread([load.notice for load in loads]),
        "composer_ms": figures.spread([load.composer for load in loads]),
    }


def _transfer(load_: _Load) -> dict[str, Any]:
    """Bytes: of every file of the widget as it is sent, and of what one cold visit took, with headers."""
    files = {path: asset.transferred for path, asset in load().items() if path.startswith("/widget/")}
    strings = [size for path, size in files.items() if path.startswith("/widget/strings/")]
    return {
        "loader": load()[_LOADER].transferred,
        "files": files,
        # A visitor takes one language of them.
        "all_with_one_language": sum(files.values()) - sum(strings) + max(strings),
        "visit": dict(sorted(load_.requests.items())),
        "visit_total": sum(load_.requests.values()),
    }
