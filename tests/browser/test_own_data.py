"""What belongs to the resident: going on elsewhere, taking it along, having it erased."""

from __future__ import annotations

import json
from pathlib import Path

from playwright.async_api import expect

from bot.db.models import CallBack, Consent, Conversation, Device, Erasure, Feedback, Message, TransferCode
from tests.browser.resident import REGISTER, Opener, Resident, Visits, content_of, rows
from tests.fakes.site import Site


async def code_of(resident: Resident) -> str:
    """A code for another device, read off the page."""
    await resident.choose_menu("elsewhere")
    await resident.button("elsewhere_get").click()
    return (await resident.panel.locator(".code bdi").inner_text()).strip()


async def enter(resident: Resident, code: str) -> None:
    await resident.choose_menu("elsewhere")
    await resident.panel.get_by_role("textbox", name=resident.t("elsewhere_label")).fill(code)
    await resident.button("elsewhere_go").click()


async def test_the_conversation_goes_on_on_another_device(opened: Opener, site: Site) -> None:
    at_home = await (await opened()).begin()
    await at_home.ask()
    code = await code_of(at_home)
    on_the_way = await (await opened(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)).begin()
    await enter(on_the_way, code.lower())
    await expect(on_the_way.article()).to_be_visible()
    await expect(on_the_way.own).to_contain_text(REGISTER)
    await at_home.panel.get_by_role("button", name=at_home.t("back")).click()
    await on_the_way.ask("How do I rent a flat?", "sign a written lease")
    await expect(at_home.article("sign a written lease")).to_be_visible()
    assert await at_home.stored("session") != await on_the_way.stored("session")


async def test_a_code_works_once_and_a_wrong_one_never(opened: Opener, visits: Visits, site: Site) -> None:
    visits.expect("status of 404")
    first = await (await opened()).begin()
    await first.ask()
    code = await code_of(first)
    second, third = await (await opened()).begin(), await (await opened()).begin()
    await enter(second, code)
    await expect(second.article()).to_be_visible()
    await enter(third, code)
    await expect(third.panel.locator(".wrong")).to_have_text(third.t("elsewhere_bad"))
    field = third.panel.get_by_role("textbox", name=third.t("elsewhere_label"))
    await expect(field).to_be_focused()
    await expect(field).to_have_attribute("aria-invalid", "true")
    await third.panel.get_by_role("button", name=third.t("back")).click()
    await expect(third.article()).to_have_count(0)


async def test_everything_can_be_taken_along(opened: Opener, tmp_path: Path) -> None:
    resident = await (await opened()).begin()
    await resident.ask()
    await resident.choose_menu("my_data")
    async with resident.page.expect_download() as saving:
        await resident.button("export").click()
    data = json.loads(await content_of(await saving.value, tmp_path))
    text = json.dumps(data, ensure_ascii=False)
    assert REGISTER in text
    assert "Register at the police station" in text


async def test_erasing_is_asked_again_and_leaves_a_receipt(
    opened: Opener, visits: Visits, site: Site, tmp_path: Path
) -> None:
    visits.expect("status of 401", "WebSocket connection to")
    resident = await (await opened()).begin()
    card = await resident.ask()
    await card.get_by_role("button", name=resident.t("thumbs_up")).click()
    await expect(card).to_contain_text(resident.t("thanks_feedback"))
    await resident.choose_menu("my_data")
    await resident.button("erase").click()
    await resident.button("cancel").click()
    assert len(await rows(site, Conversation)) == 1
    await resident.button("erase").click()
    await resident.button("erase_confirm").click()
    await expect(resident.panel.get_by_role("heading", name=resident.t("erased_title"))).to_be_focused()
    shown = await resident.panel.locator(".sheet dd bdi").inner_text()
    (erasure,) = await rows(site, Erasure)
    assert erasure.receipt == shown
    for table in (Conversation, Message, Consent, Device, Feedback, TransferCode, CallBack):
        assert await rows(site, table) == [], table.__name__
    assert len(site.engine.erased) == 1
    async with resident.page.expect_download() as saving:
        await resident.button("receipt_save").click()
    assert shown in await content_of(await saving.value, tmp_path)

    await resident.button("start_new").click()
    for name in ("session", "notice", "outbox"):
        assert await resident.stored(name) is None
    await resident.accept()
    await expect(resident.own).to_have_count(0)
    await resident.ask()
    assert len(await rows(site, Conversation)) == 1


async def test_erased_in_one_tab_is_erased_in_the_other(opened: Opener, visits: Visits) -> None:
    visits.expect("status of 401", "WebSocket connection to")
    first = await (await opened()).begin()
    await first.ask()
    second = await (await visits.tab(first)).open()
    await expect(second.article()).to_be_visible()
    await first.choose_menu("my_data")
    await first.button("erase").click()
    await first.button("erase_confirm").click()
    await expect(first.panel.get_by_role("heading", name=first.t("erased_title"))).to_be_visible()
    await expect(second.article()).to_have_count(0)
    await expect(second.own).to_have_count(0)
