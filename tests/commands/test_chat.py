"""`bot chat` and how a reply looks in a terminal."""

from __future__ import annotations

import io
import sys

import pytest

from bot.commands.chat import converse
from bot.commands.progress import Bar
from bot.commands.show import show
from tests.fakes.ledger import last_sequences
from tests.fakes.site import Site


async def talk(site: Site, monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
    await converse(site.client)


async def test_a_number_presses_a_button(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await talk(site, monkeypatch, "hello there, good morning", "", "1", "2")
    shown = capsys.readouterr().out
    assert "[1] Visas and permits" in shown
    assert "[1] How do I register my address with the police?" in shown
    assert "Report the loss to the police" in shown
    assert list((await last_sequences(site.service.database)).values()) == [6]


async def test_a_number_without_a_button_is_a_message(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    await talk(site, monkeypatch, "1", "12345", "99")
    assert [body["text"] for body in site.engine.received] == ["1", "12345", "99"]


async def test_an_error_is_said_and_the_talk_goes_on(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await talk(site, monkeypatch, "x" * 4001, "How do I rent a flat?")
    shown = capsys.readouterr().out
    assert "(text is longer than 4000 characters)" in shown
    assert "See the flat first" in shown


async def test_how_an_answer_looks(site: Site) -> None:
    assert show(await site.say("How do I register my address with the police?")) == (
        "Register at the police station within 24 hours of moving in.\n\n"
        "Hotels register you themselves.\n\n"
        "To say or show: 您好,我要办理住宿登记。\n"
        "  1. Go to the police station.\n"
        "  2. Show your passport and your lease.\n"
        "  3. Take the slip.\n"
        "  • Passport\n"
        "  • Lease\n"
        "  ⌂ Police station of your area · 居住地派出所 · 合肥市屯溪路1号\n"
        "  ↗ National Immigration Administration (2024-05) · https://www.nia.gov.cn/a.html · 2026-11-01"
    )


async def test_an_office_is_not_named_twice(site: Site) -> None:
    assert "  ⌂ 医院 · 合肥市绩溪路218号 · 0551-62920000" in show(await site.say("怎样预约医院?"))


async def test_buttons_of_several_messages_have_numbers_of_their_own(site: Site) -> None:
    """The number that is shown is the number that is pressed."""
    reply = await site.say("hello there, good morning")
    two = {**reply, "messages": [*reply["messages"], *reply["messages"]]}
    numbers = [line.split("]")[0].strip(" [") for line in show(two).splitlines() if line.startswith("  [")]
    assert numbers == [str(number) for number in range(1, len(numbers) + 1)]


def test_progress_on_a_file_is_a_line_every_tenth() -> None:
    out = io.StringIO()
    bar = Bar(out)
    for done in range(101):
        bar.progress("encoding", done, 100)
    assert out.getvalue().splitlines() == [f"encoding: {done}/100" for done in range(0, 101, 10)]
