"""Nothing a resident wrote stands in the log or on stderr, whatever goes wrong."""

from __future__ import annotations

import logging

import pytest

from bot.knowledge.desk import Desk
from tests.conversations.test_storage import break_table
from tests.fakes.engine import Mood
from tests.fakes.site import Site

# A word that is nowhere in our code: if it is in the log, it came from the message.
MARKER = "Zwickelfritz"
TEXT = f"I, {MARKER}, lost my passport E{12345678} near the lake"
PARTS = (MARKER, "E12345678", "near the lake")


@pytest.fixture(autouse=True)
def everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Also what a library would only say at DEBUG, but for the database driver's own echo of its calls."""
    caplog.set_level(logging.DEBUG)
    logging.getLogger("aiosqlite").setLevel(logging.INFO)


def assert_silent(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    out, err = capfd.readouterr()
    for part in PARTS:
        assert part not in caplog.text
        assert part not in out + err


async def test_when_all_is_well(
    site: Site, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    reply = await site.say(TEXT)
    await site.post({"text": TEXT, "conversation": reply["conversation"], "language": MARKER})
    await site.post({"text": TEXT, "conversation": MARKER * 3})
    await site.post(None, raw=f'{{"text": {TEXT}'.encode())
    await site.post({"text": [TEXT]})
    await site.post({"text": TEXT * 100})
    await site.request("GET", f"/{MARKER}?{MARKER}={MARKER}")
    assert_silent(caplog, capfd)


async def test_when_the_storage_fails(
    site: Site, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    await break_table(site, "messages")
    assert (await site.post({"text": TEXT})).status == 503
    assert "storage_failed" in caplog.text
    assert_silent(caplog, capfd)


@pytest.mark.parametrize("mood", [Mood.FAILING, Mood.EMPTY, Mood.NONSENSE, Mood.NOT_JSON])
async def test_when_the_engine_fails(
    site: Site, mood: Mood, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    site.engine.mood = mood
    await site.say(TEXT)
    assert "engine_failed" in caplog.text
    assert_silent(caplog, capfd)


async def test_when_the_code_fails(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken(text: str, *_: object) -> None:
        raise ValueError(f"cannot understand {text}")

    monkeypatch.setattr(site.service.lane, "check", broken)
    assert (await site.post({"text": TEXT})).status == 500
    assert "unhandled type=ValueError" in caplog.text
    assert_silent(caplog, capfd)


async def test_when_an_action_fails(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken(_desk: object, text: str, *_: object) -> None:
        raise ValueError(f"cannot find {text}")

    monkeypatch.setattr(Desk, "decide", broken)
    # In a language that the quick encoder does not have, so that the decision is the action's.
    assert (await site.post({"text": TEXT, "language": "vi"})).status == 500
    assert site.engine.action_statuses == [500]
    assert_silent(caplog, capfd)
