"""Answers as a resident meets them: cards, buttons, what to say about them, and what nobody can slip into them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from playwright.async_api import expect

from bot.db.models import Feedback, Message, Rating
from tests.browser.resident import REGISTER, UNCLEAR, UNREACHED, Opener, Visits, content_of, rows
from tests.fakes.site import ALWAYS_ASK_BACK, Site

_INK = """canvas => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let dark = 0;
  for (let at = 0; at < data.length; at += 4) if (data[at] + data[at + 1] + data[at + 2] < 300) dark += 1;
  return dark;
}"""


async def test_an_article_comes_as_a_card_with_its_source_and_date(opened: Opener) -> None:
    resident = await (await opened()).begin()
    card = await resident.ask()
    await expect(card.locator(".steps li")).to_have_text(
        ["Go to the police station.", "Show your passport and your lease.", "Take the slip."]
    )
    for document in ("Passport", "Lease"):
        await card.get_by_role("checkbox", name=document, exact=True).check()
    source = card.locator(".source")
    link = source.get_by_role("link", name="National Immigration Administration")
    await expect(link).to_have_attribute("href", "https://www.nia.gov.cn/a.html")
    await expect(link).to_have_attribute("rel", "noopener noreferrer")
    await expect(source).to_contain_text("1 November 2026")
    office = card.locator(".office")
    await expect(office).to_contain_text("Police station of your area")
    await expect(office.locator(".address [lang=zh]")).to_have_text("合肥市屯溪路1号")


async def test_the_card_to_show_works_without_a_network(opened: Opener, visits: Visits, tmp_path: Path) -> None:
    visits.expect(UNREACHED)
    resident = await (await opened()).begin()
    card = await resident.ask()
    await resident.page.context.set_offline(True)
    show = card.locator(".office").get_by_role("button", name=resident.t("show_this"))
    await show.click()
    picture = resident.widget.get_by_role("img", name="合肥市屯溪路1号")
    await expect(picture).to_be_visible()
    assert await picture.evaluate(_INK) > 5_000, "something is written on it"
    async with resident.page.expect_download() as saving:
        await resident.button("save_picture").click()
    await (await saving.value).save_as(tmp_path / "card.png")
    assert (tmp_path / "card.png").read_bytes().startswith(b"\x89PNG")
    await resident.button("close_card").click()
    await expect(show).to_be_focused()


async def test_quick_replies_are_sent_and_marked(opened: Opener, site: Site) -> None:
    site.service.desk.thresholds = ALWAYS_ASK_BACK
    resident = await (await opened()).begin()
    await resident.write(UNCLEAR)
    choices = resident.answers.last.locator(".choices").get_by_role("button")
    await expect(choices.first).to_be_visible()
    title = (await choices.first.inner_text()).strip()
    await choices.first.click()
    await expect(resident.panel.locator(".message.article")).to_be_visible()
    await expect(resident.own.last).to_contain_text(title)
    await expect(resident.panel.locator(".choice.chosen")).to_contain_text(title)
    said = [row.text for row in await rows(site, Message) if row.direction == "in"]
    assert said == [UNCLEAR, title]


async def test_an_emergency_shows_the_number_to_tap_and_what_to_say(opened: Opener) -> None:
    resident = await (await opened()).begin()
    await resident.write("There is a fire in my building, help!")
    card = resident.panel.locator(".message.urgent")
    call = card.get_by_role("link", name="119").first
    await expect(call).to_have_attribute("href", "tel:119")
    await expect(card.locator(".spoken .chinese").first).to_contain_text("着火")
    await expect(card.locator(".spoken .pinyin").first).to_be_visible()
    await card.get_by_role("button", name=resident.t("show_this")).click()
    await expect(resident.widget.locator("dialog.show canvas")).to_be_visible()


async def test_a_thumb_down_asks_why_and_is_kept(opened: Opener, site: Site) -> None:
    resident = await (await opened()).begin()
    card = await resident.ask()
    await card.get_by_role("button", name=resident.t("thumbs_down")).click()
    await card.get_by_role("button", name=resident.t("reason_outdated")).click()
    await expect(card).to_contain_text(resident.t("thanks_feedback"))
    (given,) = await rows(site, Feedback)
    assert (given.value, given.reason) == ("down", "outdated")

    await card.get_by_role("button", name=resident.t("thumbs_up")).click()
    up = card.get_by_role("button", name=resident.t("thumbs_up"))
    await expect(up).to_have_attribute("aria-pressed", "true")
    assert [(row.value, row.reason) for row in await rows(site, Feedback)] == [("up", None)]
    await resident.page.reload()
    await expect(up).to_have_attribute("aria-pressed", "true")


async def test_the_chat_can_be_rated(opened: Opener, site: Site) -> None:
    resident = await (await opened()).begin()
    await resident.ask()
    await resident.choose_menu("rate")
    card = resident.panel.locator("form.rating")
    await card.get_by_role("button", name=resident.t("rate_send"), exact=True).click()
    await expect(card.get_by_role("alert")).to_have_text(resident.t("rate_choose"))
    await card.get_by_role("radio", name=resident.t("stars", n=4)).press(" ")
    await card.get_by_role("textbox").fill("Quick and clear")
    await card.get_by_role("button", name=resident.t("rate_send"), exact=True).click()
    await expect(card).to_contain_text(resident.t("rate_thanks"))
    (given,) = await rows(site, Rating)
    assert (given.who, given.stars, given.comment) == ("bot", 4, "Quick and clear")


async def test_the_transcript_says_all_that_was_said(opened: Opener, site: Site, tmp_path: Path) -> None:
    resident = await (await opened()).begin()
    await resident.ask()
    site.service.desk.thresholds = ALWAYS_ASK_BACK
    await resident.write(UNCLEAR)
    await expect(resident.answers.last.locator(".choices")).to_be_visible()
    async with resident.page.expect_download() as saving:
        await resident.choose_menu("transcript")
    text = await content_of(await saving.value, tmp_path)
    for said in (
        REGISTER,
        "Register at the police station",
        "1. Go to the police station.",
        "合肥市屯溪路1号",
        UNCLEAR,
    ):
        assert said in text
    assert "https://www.nia.gov.cn/a.html" in text


async def test_markup_is_text_whoever_wrote_it(opened: Opener, site: Site) -> None:
    nasty = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script><b>bold</b> javascript:alert(1)'
    resident = await (await opened()).begin()
    await resident.write(nasty)
    await expect(resident.own.locator(".bubble")).to_have_text(nasty)
    await expect(resident.answers.first).to_be_visible()
    await resident.page.reload()
    await expect(resident.own.locator(".bubble")).to_have_text(nasty)
    assert await resident.page.evaluate("window.hacked") is None
    assert await resident.own.locator("img, script, b, a[href^='javascript']").count() == 0
    await expect(resident.input).to_be_visible()


async def test_a_message_may_be_as_long_as_the_server_takes(opened: Opener) -> None:
    resident = await (await opened()).begin()
    await resident.input.fill("号" * 4001)
    await expect(resident.panel.locator(".count")).to_have_text(resident.t("too_long", n=1))
    await resident.input.press("Enter")
    await expect(resident.own).to_have_count(0)
    await resident.input.fill("号" * 4000)
    await resident.input.press("Enter")
    await expect(resident.own).to_have_count(1)
    await expect(resident.answers).to_have_count(1)


async def test_a_word_in_mid_spelling_is_not_sent(opened: Opener) -> None:
    """Enter ends the spelling of a Chinese word; only the next Enter sends."""
    resident = await (await opened(locale="zh-CN")).begin()
    await resident.input.fill("怎样办理住宿登记")
    composing: dict[str, Any] = {"key": "Enter", "bubbles": True, "isComposing": True}
    await resident.input.evaluate(f"e => e.dispatchEvent(new KeyboardEvent('keydown', {json.dumps(composing)}))")
    await expect(resident.input).to_have_value("怎样办理住宿登记")
    await resident.input.press("Shift+Enter")
    await expect(resident.own).to_have_count(0)
    await resident.input.press("Enter")
    await expect(resident.article("到派出所登记")).to_be_visible()
