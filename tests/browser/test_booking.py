"""A doctor booked in the widget: in Arabic from first word to card, with all that is not Arabic in its order."""

from __future__ import annotations

import functools
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml
from playwright.async_api import Locator, expect

from bot.appointments.contents import LANGUAGES
from bot.db.models import Appointment, BookingDraft
from tests.browser.resident import Opener, Resident, rows, words
from tests.browser.test_access import LOOKS, no_sideways
from tests.fakes.engine import ROOT
from tests.fakes.site import Brain, Site, running_site

NAME, NUMBER, PHONE = "SPECIMEN ERIKA", "X1234567", "+44 20 7946 0958"
WISH = {"en": "I want to book a doctor", "zh": "我要预约医生", "ar": "أريد حجز موعد عند الطبيب"}
COMPLAINT = {"en": "my tooth hurts", "zh": "牙疼", "ar": "ألم في الأسنان"}
TIME = re.compile(r"^\d\d:\d\d$")
# Where each character stands, from the left: a number in an Arabic line may not be turned round.
_PLACES = """(element, text) => {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const start = walker.currentNode.data.indexOf(text);
    if (start < 0) continue;
    return Array.from({ length: text.length }, (_, place) => {
      const range = document.createRange();
      range.setStart(walker.currentNode, start + place);
      range.setEnd(walker.currentNode, start + place + 1);
      return range.getBoundingClientRect().x;
    });
  }
  return null;
}"""


@pytest_asyncio.fixture(loop_scope="session")
async def site(brain: Brain, tmp_path: Path) -> AsyncIterator[Site]:
    """With a made-up timetable. Its address is known only when it listens: links lead there from then on."""
    async with running_site(brain, tmp_path / "var", booking="demo", public_url="https://linli.example") as running:
        assert running.service.booking is not None
        running.service.booking.public_url = running.public
        yield running


@functools.cache
def booking_words(language: str) -> Mapping[str, str]:
    file = ROOT / "data" / "booking" / "words" / f"{language}.yml"
    found: Mapping[str, str] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return found


def part_of(language: str, key: str) -> str:
    """The longest part of a text in which nothing is filled in."""
    return max(re.split(r"\{\w+\}|\n|• ", booking_words(language)[key]), key=len).strip(" .:،")


class Booker:
    """A resident who books; each step is waited for by the key of what is asked next."""

    def __init__(self, resident: Resident) -> None:
        self.resident = resident
        self.words = booking_words(resident.language)

    @property
    def last(self) -> Locator:
        return self.resident.answers.last

    @property
    def chips(self) -> Locator:
        return self.last.locator(".choices").get_by_role("button")

    def said(self, key: str) -> Locator:
        """The newest answer made of these words."""
        return self.resident.answers.filter(has_text=part_of(self.resident.language, f"booking_{key}")).last

    async def writes(self, text: str, then: str) -> None:
        await self.resident.write(text)
        await self._arrived(then)

    async def taps(self, title: str | re.Pattern[str], then: str) -> None:
        await self.chips.filter(has_text=title).first.click()
        await self._arrived(then)

    async def _arrived(self, then: str) -> None:
        await expect(self.resident.panel.locator(".pending")).to_have_count(0)
        await expect(self.last).to_contain_text(part_of(self.resident.language, f"booking_{then}"))

    async def until_day(self) -> None:
        language = self.resident.language
        await self.writes(WISH[language], "consent")
        await self.taps(self.words["button_yes"], "complaint")
        await self.writes(COMPLAINT[language], "hospital")
        await self.chips.first.click()
        await self._arrived("day")

    async def until_name(self) -> None:
        await self.until_day()
        # An appointment of tomorrow could no longer be changed.
        await self.chips.nth(4).click()
        await self._arrived("slot")
        await self.taps(TIME, "who")
        await self.taps(self.words["who_self"], "name")

    async def until_confirm(self) -> None:
        await self.until_name()
        await self.writes(NAME, "birth")
        await self.writes("1990/05/17", "document")
        await self.writes(NUMBER, "phone")
        await self.writes(PHONE, "interpreter")
        await self.taps(self.words["button_interpreter_none"], "agree")
        await self.taps(self.words["button_yes"], "confirm")

    async def books(self) -> Locator:
        await self.until_confirm()
        await self.chips.filter(has_text=self.words["button_yes"]).click()
        await expect(self.said("done")).to_be_visible()
        return self.said("done")


async def booker(opened: Opener, **device: Any) -> Booker:
    return Booker(await (await opened(**device)).begin())


async def in_order(element: Locator, text: str) -> bool:
    """Whether the characters of a text stand from left to right as they are written."""
    places = await element.evaluate(_PLACES, text)
    assert places is not None, f"{text!r} is in no single text of {await element.inner_text()!r}"
    return bool(places == sorted(places))


async def test_a_doctor_is_booked_in_arabic(opened: Opener, site: Site) -> None:
    one = await booker(opened, locale="ar")
    ar = one.words
    await one.writes(WISH["ar"], "consent")
    await expect(one.resident.answers.first).to_contain_text(part_of("ar", "booking_demo"))
    await one.taps(ar["button_yes"], "complaint")
    await one.writes(COMPLAINT["ar"], "hospital")
    await one.taps("المستشفى الأول التابع لجامعة آنهوي الطبية", "day")
    await one.writes("بعد ظهر الثلاثاء القادم", "which_day")
    await one.taps("1 ديسمبر (بعد الظهر)", "slot")
    times = one.last.get_by_role("group", name="الثلاثاء 1 ديسمبر", exact=True)
    await times.get_by_role("button", name="الثلاثاء 1 ديسمبر الساعة 14:00", exact=True).click()
    await expect(one.last).to_contain_text(part_of("ar", "booking_who"))
    await expect(one.resident.own.last).to_contain_text("الثلاثاء 1 ديسمبر الساعة 14:00")
    await one.taps(ar["who_self"], "name")
    await one.writes(NAME, "birth")
    await one.writes("١٧ مايو ١٩٩٠", "document")
    await one.writes(NUMBER, "phone")
    await one.writes(PHONE, "interpreter")
    await one.taps("العربية", "agree")
    await one.taps(ar["button_yes"], "confirm")
    points = one.last.locator(".points li")
    await expect(points.nth(2)).to_have_text("الثلاثاء 1 ديسمبر الساعة 14:00")
    await expect(points.nth(3)).to_contain_text(f"{NAME} (")
    await expect(points.nth(3)).to_contain_text("17 مايو 1990")
    await one.chips.filter(has_text=ar["button_yes"]).click()

    card = one.said("done")
    await expect(card).to_be_visible()
    (made,) = await rows(site, Appointment)
    await expect(card).to_contain_text(made.reference)
    await expect(card.locator(".office .chinese")).to_have_text("安徽医科大学第一附属医院")
    await expect(card.locator(".address [lang=zh]")).to_contain_text("合肥市")
    await expect(one.said("interpreter_wished")).to_contain_text("العربية")
    assert await rows(site, BookingDraft) == []

    async with one.resident.page.context.expect_page() as opening:
        await one.said("link").get_by_role("link").click()
    page = await opening.value
    await expect(page.locator("html")).to_have_attribute("dir", "rtl")
    await expect(page.locator("section.card")).to_contain_text(made.reference)
    await expect(page.locator("section.card")).to_contain_text("14:00")


async def test_in_an_arabic_line_numbers_names_and_chinese_keep_their_order(opened: Opener) -> None:
    one = await booker(opened, locale="ar")
    await one.until_confirm()
    own = one.resident.own.filter(has_text="•••67")
    await expect(own.locator(".bubble")).to_have_text("•••67")
    assert await in_order(own, "•••67")
    confirm = one.said("confirm").locator(".points")
    assert await in_order(confirm, "•••67")
    assert await in_order(confirm, NAME)
    assert await in_order(confirm, "•••58")
    await expect(confirm).to_have_css("direction", "rtl")
    for clock in (confirm, one.said("slot").locator(".times")):
        text = re.search(r"\d\d:\d\d", await clock.inner_text())
        assert text is not None
        assert await in_order(clock, text[0])
    # What stands first in a line does not turn it round.
    start = one.said("confirm").locator(".points li").nth(3)
    name, after = [await start.evaluate(_PLACES, word) for word in (NAME, one.words["relation_self"])]
    assert min(name) > max(after)
    await one.chips.filter(has_text=one.words["button_yes"]).click()
    card = one.said("done")
    await expect(card).to_be_visible()
    assert await in_order(card, "口腔科")
    assert await in_order(card, re.findall(r"LB-\w{4}-\w{4}", await card.inner_text())[0])


@pytest.mark.parametrize("written", ["+44 20 7946 0958", "+8613800000000", "•••67", "+1 (202) 555-0143"])
async def test_a_number_that_begins_with_a_sign_is_not_turned_round(written: str, opened: Opener) -> None:
    resident = await (await opened(locale="ar")).begin()
    await resident.write(f"رقمي {written} شكرا")
    line = resident.own.last.locator(".bubble p")
    await expect(line).to_have_css("direction", "rtl")
    assert await in_order(line, written)


@pytest.mark.parametrize("language", ["en", "zh", "ar"])
async def test_after_a_reload_it_goes_on_and_the_passport_stays_hidden(language: str, opened: Opener) -> None:
    one = await booker(opened, locale=language)
    await one.until_name()
    await one.writes(NAME, "birth")
    await one.writes("1990/05/17", "document")
    await one.writes(NUMBER, "phone")
    await one.resident.page.reload()
    own = one.resident.own
    await expect(own.filter(has_text="•••67")).to_have_count(1)
    await expect(own.filter(has_text=NUMBER)).to_have_count(0)
    await expect(one.last).to_contain_text(part_of(language, "booking_phone"))
    await expect(own.filter(has_text=NAME)).to_have_count(1)
    await one.writes(PHONE, "interpreter")
    await expect(own.filter(has_text=re.compile("7946|0958"))).to_have_count(0)
    await one.taps(one.words["button_interpreter_none"], "agree")
    await one.taps(one.words["button_yes"], "confirm")
    assert NUMBER not in await one.resident.page.content()


@pytest.mark.parametrize("look", ["light", "phone in dark Arabic", "high contrast"])
async def test_everybody_can_book(look: str, opened: Opener) -> None:
    one = await booker(opened, **LOOKS[look])
    await one.writes(WISH[one.resident.language], "consent")
    await one.resident.axe()
    await one.taps(one.words["button_yes"], "complaint")
    await one.taps(one.words["button_all_departments"], "which_department")
    await no_sideways(one.resident)
    await one.resident.axe()
    await one.taps(one.words["button_stop"], "stopped")
    await one.books()
    await one.resident.axe()
    await no_sideways(one.resident)


async def test_the_ways_out_stand_apart_and_times_under_their_day(opened: Opener) -> None:
    one = await booker(opened, viewport={"width": 320, "height": 568}, is_mobile=True, has_touch=True)
    await one.until_day()
    await expect(one.last.locator(".ways").get_by_role("button")).to_have_text(["Back", "Stop booking"])
    await one.chips.nth(2).click()
    times = one.said("slot").locator(".times").get_by_role("button")
    await expect(times.first).to_have_text(TIME)
    first, second = await times.nth(0).bounding_box(), await times.nth(1).bounding_box()
    assert first is not None and second is not None
    assert first["y"] == second["y"], "several times fit beside each other"
    await no_sideways(one.resident)
    await times.nth(1).click()
    await expect(one.said("slot").locator(".chosen")).to_have_count(1)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_widget_knows_the_ways_out_by_the_words_on_them(language: str) -> None:
    said = booking_words(language)
    assert [words(language)[key] for key in ("back", "stop_booking")] == [said["button_back"], said["button_stop"]]


async def test_the_link_to_the_appointment_is_short_and_opens_apart(opened: Opener, site: Site) -> None:
    one = await booker(opened)
    await one.books()
    link = one.said("link").get_by_role("link")
    await expect(link).to_have_text(f"{site.public.removeprefix('http://')}/appointment")
    await expect(link).to_have_attribute("href", re.compile(rf"^{site.public}/appointment#[\w-]{{56}}$"))
    await expect(link).to_have_attribute("target", "_blank")
    await expect(link).to_have_attribute("rel", "noopener noreferrer")
