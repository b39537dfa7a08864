"""For everybody: WCAG 2.2 AA by axe-core, the keyboard alone, no motion, large text."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Locator, expect

from tests.browser.resident import PERSON, UNCLEAR, Opener, Resident
from tests.browser.test_notices import MOVED, STORM, administrator, put_up
from tests.fakes.site import ALWAYS_ASK_BACK, Site

PHONE: dict[str, Any] = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}
LOOKS: dict[str, dict[str, Any]] = {
    "light": {},
    "dark": {"color_scheme": "dark"},
    "arabic": {"locale": "ar"},
    "chinese": {"locale": "zh-CN"},
    "phone": PHONE,
    "phone in dark Arabic": {**PHONE, "locale": "ar", "color_scheme": "dark"},
    "high contrast": {"forced_colors": "active"},
}
FIRE = {"en": "There is a fire in my building, help!", "zh": "我家着火了，救命！", "ar": "هناك حريق في المبنى، النجدة!"}
QUESTION = {"en": "How do I rent a flat?", "zh": "怎样租房?", "ar": "How do I register my address with the police?"}


@pytest.mark.parametrize("look", LOOKS)
async def test_axe_from_the_closed_page_to_the_emergency(look: str, opened: Opener, site: Site) -> None:
    one = await administrator(site)
    await put_up(one, "emergency", STORM)
    await put_up(one, "info", MOVED)
    resident = await opened(**LOOKS[look])
    await expect(resident.widget.locator(".note")).to_be_visible()
    await resident.axe()
    await resident.open()
    await resident.axe()
    await resident.accept()
    await resident.axe()
    await resident.write(QUESTION[resident.language])
    card = resident.panel.locator(".message.article")
    await card.get_by_role("button", name=resident.t("thumbs_down")).click()
    await expect(card.locator(".reasons")).to_be_visible()
    await resident.axe()
    await resident.write(FIRE[resident.language])
    await expect(resident.panel.locator(".message.urgent")).to_be_visible()
    await resident.axe()


@pytest.mark.parametrize("look", ["light", "phone in dark Arabic"])
async def test_axe_on_what_opens_from_the_menu(look: str, opened: Opener) -> None:
    resident = await (await opened(**LOOKS[look])).begin()
    await resident.panel.locator("button.language").click()
    await resident.axe()
    await resident.page.keyboard.press("Escape")
    await resident.button("menu").click()
    await resident.axe()
    await resident.page.keyboard.press("Escape")
    await resident.choose_menu("elsewhere")
    await resident.button("elsewhere_get").click()
    await expect(resident.panel.locator(".code")).to_be_visible()
    await resident.axe()
    for sheet in ("topics", "emergency", "my_data"):
        await resident.panel.get_by_role("button", name=resident.t("back"), exact=True).click()
        await resident.choose_menu(sheet)
        await resident.axe()
    await resident.button("erase").click()
    await resident.axe()


@pytest.mark.parametrize("look", ["light", "phone in dark Arabic"])
async def test_axe_on_forms_and_buttons(look: str, opened: Opener, site: Site) -> None:
    site.service.desk.thresholds = ALWAYS_ASK_BACK
    resident = await (await opened(**LOOKS[look])).begin()
    await resident.write(UNCLEAR)
    await expect(resident.answers.last.locator(".choices")).to_be_visible()
    await resident.write(PERSON)
    await expect(resident.answers).to_have_count(3)
    await resident.answers.last.get_by_role("button").first.click()
    form = resident.panel.locator("form").filter(has_text=resident.t("callback_how"))
    await form.get_by_role("button", name=resident.t("callback_send")).click()
    await expect(form.locator(".wrong").first).to_be_visible()
    await resident.choose_menu("rate")
    await expect(resident.panel.locator("form.rating")).to_be_visible()
    await resident.axe()


@pytest.mark.parametrize("address", ["/", "/?page=visa", "/?lang=zh", "/?lang=ar"])
async def test_axe_on_the_pages_around_it(address: str, opened: Opener, site: Site) -> None:
    resident = await opened()
    await resident.page.goto(site.public + address)
    await expect(resident.launcher).to_be_visible()
    await resident.axe()


async def test_with_the_keyboard_alone(opened: Opener, site: Site) -> None:
    resident = await opened()
    press = resident.page.keyboard.press
    await resident.tab_to(lambda focus: "launch" in focus["class"])
    await press("Enter")
    await expect(resident.panel.locator(".consent h2")).to_be_focused()
    await resident.tab_to(lambda focus: focus["name"] == resident.t("continue"))
    await press("Enter")
    await expect(resident.input).to_be_focused()

    site.service.desk.thresholds = ALWAYS_ASK_BACK
    await resident.page.keyboard.type(UNCLEAR)
    await press("Enter")
    await expect(resident.answers.last.locator(".choices")).to_be_visible()
    await expect(resident.input).to_be_focused()
    await resident.tab_to(lambda focus: "choice" in focus["class"], "Shift+Tab")
    await press("Enter")
    await expect(resident.own).to_have_count(2)
    await expect(resident.answers.nth(1)).to_be_visible()
    assert (await resident.focused())["inside"] == "true", "an answer does not throw the focus out of the window"

    await press("Escape")
    await expect(resident.panel).to_be_hidden()
    await expect(resident.launcher).to_be_focused()


async def test_menus_by_the_keyboard(opened: Opener) -> None:
    resident = await (await opened()).begin()
    press = resident.page.keyboard.press
    language = resident.panel.locator("button.language")
    await language.focus()
    await press("ArrowDown")
    await expect(resident.panel.get_by_role("menuitemradio", name="English")).to_be_focused()
    await press("End")
    await expect(resident.panel.get_by_role("menuitemradio", name="Tiếng Việt")).to_be_focused()
    await press("ArrowDown")
    await expect(resident.panel.get_by_role("menuitemradio").first).to_be_focused()
    await press("Escape")
    await expect(language).to_be_focused()
    await expect(resident.panel).to_be_visible()

    menu = resident.button("menu")
    await menu.focus()
    await press("Enter")
    await press("m")
    await press("Enter")
    heading = resident.panel.get_by_role("heading", name=resident.t("my_data"))
    await expect(heading).to_be_focused()
    await press("Escape")
    await expect(heading).to_have_count(0)
    await expect(menu).to_be_focused()
    await press("Escape")
    await expect(resident.launcher).to_be_focused()


async def test_the_window_that_covers_the_page_keeps_the_focus(opened: Opener) -> None:
    resident = await (await opened(**PHONE)).begin()
    await resident.ask()
    assert await resident.panel.evaluate("e => e.matches(':modal')")
    # Between the last and the first control the browser's own bar has its turn: then nothing of the page has the focus.
    for key in ("Tab", "Shift+Tab"):
        for _ in range(40):
            await resident.page.keyboard.press(key)
            focus = await resident.focused()
            assert focus["inside"] == "true" or focus["tag"] == "body", focus
    await resident.page.keyboard.press("Escape")
    await expect(resident.launcher).to_be_focused()


async def test_an_answer_is_read_out_and_the_history_is_not(opened: Opener) -> None:
    resident = await (await opened()).begin()
    await resident.ask()
    log = resident.panel.get_by_role("log")
    await expect(log).to_have_attribute("aria-live", "polite")
    await resident.page.reload()
    await expect(resident.article()).to_be_visible()
    await expect(log).to_have_attribute("aria-live", "off")
    await expect(log).to_have_attribute("aria-live", "polite")


async def test_nothing_moves_where_motion_is_not_wanted(opened: Opener, site: Site) -> None:
    site.engine.delay_seconds = 1.2
    resident = await (await opened(reduced_motion="reduce")).begin()
    await resident.write(QUESTION["en"])
    await expect(resident.panel.locator(".typing")).to_have_text(resident.t("typing_bot"))
    moving = await resident.page.locator("linli-widget").evaluate(
        "e => e.shadowRoot.getAnimations().filter((one) => one.playState === 'running').length"
    )
    assert moving == 0
    await expect(resident.panel.locator(".message.article")).to_be_visible()


@pytest.mark.parametrize("language", ["en", "ar"])
async def test_at_200_percent_everything_can_be_reached(language: str, opened: Opener) -> None:
    """A window of 1280 × 1024 at 200 % has 640 × 512 CSS pixels."""
    zoomed = {"viewport": {"width": 640, "height": 512}, "device_scale_factor": 2, "locale": language}
    resident = await (await opened(**zoomed)).begin()
    await all_in_view(resident)


async def test_text_twice_as_large_still_fits(opened: Opener, site: Site) -> None:
    """The reader's own text size, not the zoom: the root's font is what browsers then make larger."""
    resident = await opened()
    await resident.page.add_style_tag(url=f"{site.public}/pages/demo.css")
    await resident.page.evaluate("document.documentElement.style.fontSize = '200%'")
    await resident.begin()
    await all_in_view(resident)


async def test_the_smallest_phone_needs_no_sideways_scrolling(opened: Opener) -> None:
    """WCAG's reflow: 320 CSS pixels."""
    resident = await (await opened(viewport={"width": 320, "height": 568}, is_mobile=True, has_touch=True)).begin()
    await all_in_view(resident)


async def all_in_view(resident: Resident) -> None:
    """An answer with all its parts, and every control, in view without scrolling sideways."""
    await resident.ask()
    await no_sideways(resident)
    size = resident.page.viewport_size
    assert size is not None
    for control in await resident.panel.locator("button:visible, a:visible, textarea:visible, input:visible").all():
        if await control.evaluate("e => e.classList.contains('grip')"):
            continue
        await control.scroll_into_view_if_needed()
        box = await control.bounding_box()
        assert box is not None
        assert box["x"] >= 0 and box["x"] + box["width"] <= size["width"], await told(control)
        assert box["y"] >= 0 and box["y"] + min(box["height"], 44) <= size["height"], await told(control)
    await expect(resident.input).to_be_in_viewport(ratio=0.9)
    await resident.choose_menu("elsewhere")
    await no_sideways(resident)


async def no_sideways(resident: Resident) -> None:
    wide = await resident.page.evaluate(
        """() => {
          const root = document.querySelector("linli-widget").shadowRoot;
          const inside = root.querySelectorAll(".panel, .frame, .log, .sheet, .sheet-body");
          const wide = [document.documentElement, ...inside].filter((e) => e.scrollWidth > e.clientWidth + 1);
          return wide.map((e) => e.className || e.localName);
        }"""
    )
    assert wide == []


async def told(control: Locator) -> str:
    return f"{await control.evaluate('e => e.outerHTML')} at {await control.bounding_box()}"
