"""The page of one appointment in a browser: read, changed, printed, by everybody; and nothing left behind."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from icalendar import Calendar
from playwright.async_api import Locator, Page, expect

from bot.appointments import page_words
from bot.appointments.bookings import State
from bot.appointments.contents import LANGUAGES
from bot.appointments.links import SESSION_LIFE
from tests.browser.resident import Resident, Visits, content_of
from tests.fakes.booked import BORN, FOLDER, HOSPITAL, MASKED, NOW, PATIENT, Booked, booked

WORDS = page_words.load(FOLDER)
PHONE: dict[str, Any] = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}
ARABIC_DIGITS = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")


class Patient(Resident):
    """At the page of the appointment; `server` is what it asks."""

    server: Booked

    def t(self, key: str, **params: Any) -> str:
        return WORDS[self.language][key].format(**params)

    def named(self, key: str) -> Locator:
        return self.page.get_by_role("button", name=self.t(key), exact=True)

    @property
    def manage(self) -> Locator:
        return self.page.locator("section.manage")

    @property
    def status(self) -> Locator:
        return self.page.get_by_role("status")

    async def say_born(self, born: str = BORN) -> None:
        for name, text in zip(("year", "month", "day"), born.split("-"), strict=True):
            await self.page.locator(f"#born-{name}").fill(text)
        await self.named("continue").click()

    async def verified(self) -> None:
        await self.say_born()
        await expect(self.named("move")).to_be_visible()


Opened = Callable[..., Awaitable[Patient]]


@pytest_asyncio.fixture(loop_scope="session")
async def opened(visits: Visits, tmp_path: Path) -> Any:
    """`await opened("ar", demo=True, **device)`: somebody who opened the link of an appointment in that language."""
    async with AsyncExitStack() as stack:

        async def open_(language: str = "en", *, demo: bool = False, page: str | None = None, **device: Any) -> Patient:
            server = await stack.enter_async_context(
                booked(tmp_path / f"var-{len(visits.contexts)}", language, demo=demo)
            )
            # The browser's own language is another one: the appointment's is spoken.
            given = await visits.visit(server, page or server.page, **{"locale": "it", **device})  # type: ignore[arg-type]
            patient = Patient(visits, given.site, given.page, language)
            patient.server = server
            return patient

        yield open_
        await visits.close()


async def no_sideways(page: Page) -> None:
    root = page.locator("html")
    assert await root.evaluate("e => e.scrollWidth <= e.clientWidth"), await root.evaluate("e => e.scrollWidth")


@pytest.mark.parametrize("look", [{}, {"color_scheme": "dark"}, {"forced_colors": "active"}, PHONE], ids=str)
async def test_everybody_can_use_it(opened: Opened, look: dict[str, Any]) -> None:
    for language in ("en", "ar"):
        patient = await opened(language, demo=True, **look)
        await expect(patient.page.locator("h1")).to_have_text(patient.t("title"))
        await patient.axe()
        await patient.verified()
        await patient.named("move").click()
        await expect(patient.page.locator(".time").first).to_be_visible()
        await patient.axe()
        await no_sideways(patient.page)
        await patient.named("intake_open").click()
        await patient.page.locator("details summary").first.click()
        await patient.axe()
        await no_sideways(patient.page)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_it_speaks_the_language_of_the_appointment_and_chinese(opened: Opened, language: str) -> None:
    patient = await opened(language, viewport={"width": 320, "height": 568})
    root, hospital = patient.page.locator("html"), patient.server.bookings.catalogue.hospitals[HOSPITAL]
    await expect(root).to_have_attribute("lang", language)
    await expect(root).to_have_attribute("dir", "rtl" if language == "ar" else "ltr")
    card = patient.page.locator("section.card")
    for text in (hospital.names[language], hospital.name_zh, "心血管内科", MASKED, patient.server.one.reference):
        await expect(card).to_contain_text(text)
    await expect(card).to_contain_text("09:30")
    await expect(patient.page.locator(".sign")).to_contain_text("师傅您好，请送我到")
    await expect(patient.page.locator("section.demo")).to_have_count(0)
    await expect(patient.page.locator("body")).not_to_contain_text("{")
    await no_sideways(patient.page)


async def test_in_arabic_what_is_not_arabic_stands_apart(opened: Opened) -> None:
    patient = await opened("ar")
    times = patient.page.locator("section.card dd").first.locator("bdi")
    await expect(times.get_by_text("09:30", exact=True)).to_be_visible()
    terms = patient.page.locator("section.route bdi[lang=zh]")
    await expect(terms.get_by_text("挂号", exact=True)).to_be_visible()
    born = BORN.translate(ARABIC_DIGITS)
    await patient.say_born(born)
    await expect(patient.named("move")).to_be_visible()


async def test_a_demonstration_says_so_first_and_in_both_languages(opened: Opened) -> None:
    patient = await opened("en", demo=True)
    banner = patient.page.locator("main > :first-child")
    await expect(banner).to_contain_text(patient.t("demo_text"))
    await expect(banner).to_contain_text(WORDS["zh"]["demo_text"])
    await expect(banner.get_by_role("heading")).to_be_in_viewport()


async def test_it_is_moved_and_the_address_follows(opened: Opened) -> None:
    patient = await opened("en")
    await patient.verified()
    await expect(patient.page.locator("section.card")).to_contain_text(PATIENT.name)
    await patient.named("move").click()
    day = patient.page.locator("#opening-day")
    await day.select_option(index=2)
    await patient.page.get_by_role("button", name="10:00").click()
    await patient.named("move_yes").click()
    await expect(patient.status).to_contain_text("Saturday, 28 November 2026 at 10:00")
    await expect(patient.page.locator("section.card")).to_contain_text("28 November 2026 at 10:00")
    assert (await patient.server.present()).starts_at.isoformat() == "2026-11-28T02:00:00+00:00"
    await patient.page.reload()
    await expect(patient.page.locator("section.card")).to_contain_text("28 November 2026 at 10:00")


async def test_a_time_that_was_just_taken_is_said_and_another_can_be_chosen(opened: Opened, visits: Visits) -> None:
    visits.expect("status of 409")
    patient = await opened("en")
    await patient.verified()
    await patient.named("move").click()
    await patient.page.locator(".time").first.click()
    server = patient.server
    first = (await server.bookings.openings(server.one.department, HOSPITAL))[0]
    await server.bookings.hold(server.one.conversation_id, HOSPITAL, first.id, "another")
    await patient.named("move_yes").click()
    await expect(patient.status).to_have_text(patient.t("slot_gone"))
    await expect(patient.page.locator(".time")).to_have_count(1)


async def test_it_is_cancelled_after_being_asked_again(opened: Opened) -> None:
    patient = await opened("en")
    await patient.verified()
    await patient.named("cancel").click()
    await patient.named("keep").click()
    await expect(patient.named("cancel")).to_be_focused()
    await patient.named("cancel").click()
    await patient.named("cancel_yes").click()
    await expect(patient.page.locator(".badge")).to_have_text(patient.t("state_cancelled"))
    await expect(patient.status).to_have_text(patient.t("cancelled"))
    await expect(patient.manage).to_have_count(0)
    assert (await patient.server.present()).state is State.CANCELLED


async def test_with_the_keyboard_alone(opened: Opened) -> None:
    patient = await opened("en")
    await expect(patient.page.locator("#born-year")).to_be_visible()
    press, write = patient.page.keyboard.press, patient.page.keyboard.type
    await press("Tab")
    await press("Enter")
    await expect(patient.page.locator("main")).to_be_focused()
    assert patient.page.url == patient.server.page
    await patient.tab_to(lambda focus: focus["id"] == "born-year")
    for text in BORN.split("-"):
        await write(text.lstrip("0"))
        await press("Tab")
    await press("Enter")
    await expect(patient.page.locator("#manage-title")).to_be_focused()
    await patient.tab_to(lambda focus: focus["name"] == patient.t("cancel"))
    await press("Enter")
    await expect(patient.page.locator(".question")).to_be_focused()
    await patient.tab_to(lambda focus: focus["name"] == patient.t("cancel_yes"))
    await press("Enter")
    await expect(patient.page.locator("#title")).to_be_focused()


async def test_a_wrong_date_of_birth_is_said_where_it_was_written(opened: Opened, visits: Visits) -> None:
    visits.expect("status of 403", "status of 429")
    patient = await opened("en")
    year, wrong = patient.page.locator("#born-year"), patient.page.locator("#born-wrong")
    for born in ("1990-2-30", "90-5-17", "x-5-17", "2999-1-1"):
        await patient.say_born(born)
        await expect(wrong).to_have_text(patient.t("born_bad"))
    for _ in range(5):
        await patient.say_born("1990-5-18")
        await expect(wrong).to_have_text(patient.t("born_wrong"))
        await expect(year).to_be_focused()
        await expect(year).to_have_attribute("aria-invalid", "true")
        await year.fill("")
    await patient.say_born()
    await expect(wrong).to_contain_text("too many wrong tries")
    await patient.axe()


async def test_after_a_quarter_of_an_hour_the_date_of_birth_is_asked_again(opened: Opened, visits: Visits) -> None:
    visits.expect("status of 401")
    patient = await opened("en")
    await patient.verified()
    patient.server.clock.now = NOW + SESSION_LIFE + timedelta(seconds=1)
    await patient.named("move").click()
    await expect(patient.status).to_have_text(patient.t("session_over"))
    await expect(patient.page.locator("section.card")).to_contain_text(MASKED)
    await patient.verified()


async def test_the_card_for_the_doctor_is_ticked_saved_and_printed_in_chinese(opened: Opened) -> None:
    patient = await opened("en")
    await patient.verified()
    await patient.named("intake_open").click()
    page = patient.page
    await page.get_by_text("Symptoms", exact=True).first.click()
    await page.get_by_label("Fever", exact=True).check()
    await page.get_by_text("Allergies").first.click()
    allergies = page.locator("input[name=allergies]")
    await allergies.nth(2).check()
    await allergies.nth(0).check()
    await expect(allergies.nth(2)).not_to_be_checked()
    await patient.named("intake_save").click()
    sheet = page.locator(".sheet")
    await expect(sheet).to_contain_text("发热")
    await expect(sheet).to_contain_text("Fever")
    await expect(sheet).to_contain_text(PATIENT.name)
    assert (await patient.server.present()).intake == {"symptoms": ("fever",), "allergies": ("none_known",)}
    await page.evaluate("() => { window.print = () => {}; }")
    await patient.named("intake_print").click()
    await page.emulate_media(media="print")
    await expect(sheet).to_be_visible()
    await expect(page.locator("section.card")).to_be_hidden()
    await page.evaluate("() => window.dispatchEvent(new Event('afterprint'))")
    await expect(page.locator("section.card")).to_be_visible()
    await expect(patient.manage).to_be_hidden()


async def test_the_calendar_gets_the_appointment(opened: Opened, tmp_path: Path) -> None:
    patient = await opened("en")
    async with patient.page.expect_download() as saving:
        await patient.named("calendar").click()
    (event,) = Calendar.from_ical(await content_of(await saving.value, tmp_path)).walk("VEVENT")
    assert event.decoded("dtstart") == patient.server.one.starts_at


async def test_another_language_can_be_chosen(opened: Opened) -> None:
    patient = await opened("en")
    await patient.verified()
    await patient.page.locator("#language").select_option("ar")
    patient.language = "ar"
    await expect(patient.page.locator("h1")).to_have_text(patient.t("title"))
    await expect(patient.named("move")).to_be_visible()
    await expect(patient.page.locator("html")).to_have_attribute("dir", "rtl")


async def test_a_link_that_is_none_is_said_kindly(opened: Opened, visits: Visits) -> None:
    visits.expect("status of 401")
    patient = await opened("en", locale="fr")
    bare = patient.page.url.partition("#")[0]
    patient.language = "fr"
    for fragment, key in (("#" + "x" * 56, "bad_link_text"), ("", "no_link_text")):
        page = await patient.page.context.new_page()
        await page.goto(bare + fragment)
        await expect(page.locator("main")).to_contain_text(patient.t(key))


async def test_without_a_network_it_can_be_tried_again(opened: Opened, visits: Visits) -> None:
    visits.expect("net::ERR_")
    patient = await opened("en")
    await patient.verified()
    await patient.page.context.set_offline(True)
    await patient.named("move").click()
    await expect(patient.status).to_have_text(patient.t("offline"))
    await patient.page.context.set_offline(False)
    await patient.named("move").click()
    await expect(patient.page.locator(".time").first).to_be_visible()


async def test_nothing_is_left_in_the_browser(opened: Opened, visits: Visits) -> None:
    patient = await opened("en")
    await patient.verified()
    context = patient.page.context
    assert await context.cookies() == []
    kept = await patient.page.evaluate("() => [localStorage.length, sessionStorage.length]")
    assert kept == [0, 0]
    assert visits.tokens
    sent = [address for address in visits.addresses if patient.server.link in address.partition("#")[0]]
    assert sent == []
