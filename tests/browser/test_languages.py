"""Other languages and the other direction of writing."""

from __future__ import annotations

from playwright.async_api import expect

from bot.db.models import Conversation
from tests.browser.resident import REGISTER, REGISTERED, Opener, rows
from tests.fakes.site import Site

NAMES = {"zh": "中文", "ar": "العربية", "fr": "Français"}


async def test_chinese_in_the_header_changes_words_and_answers_at_once(opened: Opener, site: Site) -> None:
    resident = await (await opened()).begin()
    await resident.ask()
    await resident.speak(NAMES["zh"], "zh")
    await expect(resident.input).to_have_attribute("placeholder", resident.t("placeholder"))
    await expect(resident.panel.locator(".hello")).to_contain_text(resident.t("greeting_title"))
    await expect(resident.article("入住后24小时内到派出所登记")).to_be_visible()
    await expect(resident.article(REGISTERED)).to_have_count(0)
    await expect(resident.own).to_contain_text(REGISTER)
    await resident.page.reload()
    await expect(resident.panel).to_have_attribute("lang", "zh")
    await expect(resident.article("入住后24小时内到派出所登记")).to_be_visible()
    (conversation,) = await rows(site, Conversation)
    assert (conversation.language, conversation.language_chosen) == ("zh", True)
    await resident.ask("护照丢了怎么办?", "先向公安机关报失")


async def test_the_language_can_be_chosen_before_the_notice(opened: Opener, site: Site) -> None:
    resident = await (await opened()).open()
    await resident.speak(NAMES["fr"], "fr")
    await expect(resident.panel.locator(".consent")).to_contain_text("programme informatique")
    assert await rows(site, Conversation) == []
    await resident.accept()
    (conversation,) = await rows(site, Conversation)
    assert (conversation.language, conversation.language_chosen) == ("fr", True)


async def test_the_browsers_language_is_the_first_guess(opened: Opener) -> None:
    resident = await (await opened(locale="fr-FR")).begin()
    await expect(resident.panel).to_have_attribute("lang", "fr")
    await expect(resident.launcher).to_have_count(1)
    await resident.ask("Comment enregistrer mon adresse à la police ?", "dans les 24 heures")


async def test_arabic_is_laid_out_from_the_right_with_mixed_text_intact(opened: Opener) -> None:
    resident = await (await opened(locale="ar")).begin()
    await expect(resident.panel).to_have_attribute("dir", "rtl")
    panel, send = await resident.panel.bounding_box(), await resident.panel.locator(".send").bounding_box()
    title = await resident.panel.locator(".names").bounding_box()
    assert panel is not None and send is not None and title is not None
    assert panel["x"] < 100, "the window stands on the left"
    middle = panel["x"] + panel["width"] / 2
    assert send["x"] < middle < title["x"] + title["width"]

    # Arabic around Latin words, a number and an address: each stays in its own order.
    mixed = "أريد تجديد visa رقم 0551-62920000 في https://www.hefei.gov.cn/w غدا"
    await resident.write(mixed)
    bubble = resident.own.locator(".bubble p")
    await expect(bubble).to_have_text(mixed)
    await expect(bubble).to_have_css("direction", "rtl")
    call = bubble.get_by_role("link", name="0551-62920000")
    await expect(call).to_have_attribute("href", "tel:055162920000")
    await expect(call.locator("bdi")).to_have_css("direction", "ltr")

    # A Latin question in the Arabic page reads from the left.
    await resident.write(REGISTER)
    latin = resident.own.last.locator(".bubble p")
    await expect(latin).to_have_text(REGISTER)
    await expect(latin).to_have_css("direction", "ltr")


async def test_arabic_and_back_is_remembered_after_a_reload(opened: Opener) -> None:
    resident = await (await opened()).begin()
    await resident.speak(NAMES["ar"], "ar")
    await expect(resident.panel).to_have_attribute("dir", "rtl")
    await expect(resident.panel.locator(".hello")).to_contain_text(resident.t("greeting_title"))
    await resident.page.reload()
    await expect(resident.panel).to_have_attribute("dir", "rtl")
    await expect(resident.button("send")).to_be_visible()
    await resident.speak("English", "en")
    await expect(resident.panel).to_have_attribute("dir", "ltr")


async def test_all_tabs_change_their_language(opened: Opener) -> None:
    first = await (await opened()).begin()
    second = await (await first.visits.tab(first)).open()
    await expect(second.input).to_be_visible()
    await first.speak(NAMES["zh"], "zh")
    await expect(second.panel).to_have_attribute("lang", "zh")


async def test_the_page_around_it_can_choose_the_language(opened: Opener) -> None:
    resident = await (await opened()).begin()
    await resident.page.get_by_role("link", name="中文").click()
    await expect(resident.panel).to_have_attribute("lang", "zh")
    await expect(resident.page.locator("html")).to_have_attribute("lang", "zh")
