"""A real Chromium on the real app. Everything here runs on one loop: the app, the browser's driver and the tests."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright, expect

from tests.browser.resident import Opener, Visits
from tests.conftest import SiteMaker
from tests.fakes.site import Site

# Said by the continuous integration: the browser must be there, and its tests may not be skipped.
REQUIRE_BROWSER = os.environ.get("TEST_REQUIRE_BROWSER", "") == "1"
_HERE = Path(__file__).parent
# A machine that does other work too is slow, not wrong.
_PATIENCE_MS = 20_000


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Playwright's objects live on the loop that made them, so the folder's tests share the session's loop."""
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        why = "no Chromium on this machine (Debian, Ubuntu: apt install chromium)"
        if REQUIRE_BROWSER:
            pytest.fail(why)
        pytest.skip(why)
    expect.set_options(timeout=_PATIENCE_MS)
    # Chromium's own sandbox refuses root, which is what containers run as; theirs is a small /dev/shm too.
    args = ["--disable-dev-shm-usage", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=program, args=args)
        yield started
        await started.close()


@pytest_asyncio.fixture(loop_scope="session")
async def site(make_site: SiteMaker) -> AsyncIterator[Site]:
    """A running app with a fake engine that is well."""
    async with make_site() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def visits(browser: Browser) -> AsyncIterator[Visits]:
    """Makes browsers for residents; at the end holds what they loaded and logged against the rules."""
    made = Visits(browser)
    yield made
    await made.close()
    made.check()


@pytest_asyncio.fixture(loop_scope="session")
async def opened(visits: Visits, site: Site) -> AsyncIterator[Opener]:
    """A resident on the demo page, the widget still closed: `await opened(locale="fr-FR")`."""
    yield lambda **given: visits.resident(site, **given)
    await visits.close()
