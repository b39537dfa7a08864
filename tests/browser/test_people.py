"""A person, please: the queue, the talk with an operator, and the call-back when nobody is there."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from bot.db.models import CallBack, Rating
from tests.browser.resident import PERSON, Opener, Resident, only_conversation, rows
from tests.channels.staff.people import OPEN, Operator, operator
from tests.fakes.site import Site


@pytest.fixture
def desk(site: Site) -> Site:
    site.clock.now = OPEN
    return site


async def queued(resident: Resident) -> None:
    """Ask for a person and agree."""
    await resident.write(PERSON)
    await resident.panel.get_by_role("button", name="Yes, connect me").click()
    await expect(resident.panel.locator(".queue")).to_contain_text(resident.t("queue_position", n=1))


async def claimed(one: Operator, resident: Resident) -> str:
    conversation = (await only_conversation(one.site)).hex
    assert (await one.do(conversation, "claim")).status == 200
    await expect(resident.panel.locator(".who")).to_have_text(resident.t("subtitle_person", name="Operator A"))
    return conversation


async def test_the_whole_way_to_a_person_and_back(opened: Opener, desk: Site) -> None:
    one = await operator(desk)
    resident = await (await opened()).begin()
    await expect(resident.panel.locator(".desk")).to_contain_text("at the desk")
    await resident.write(PERSON)
    await expect(resident.answers.last).to_contain_text("They will see this conversation")
    assert await one.listed() == [], "nobody is connected before agreeing"
    await resident.panel.get_by_role("button", name="Yes, connect me").click()
    await expect(resident.panel.locator(".queue")).to_contain_text(resident.t("queue_position", n=1))
    await expect(resident.panel.locator(".who")).to_have_text(resident.t("subtitle_waiting"))

    conversation = await claimed(one, resident)
    await expect(resident.panel.locator(".queue")).to_be_hidden()
    await expect(resident.panel.locator(".event").last).to_contain_text("Operator A has joined")
    await one.do(conversation, "typing", {"on": True})
    await expect(resident.panel.locator(".typing")).to_have_text(resident.t("typing_person", name="Operator A"))
    nasty = "<b onclick=alert(1)>Good morning</b> & welcome"
    assert (await one.write(conversation, nasty)).status == 200
    said = resident.panel.locator(".message.person")
    await expect(said.locator(".bubble")).to_have_text(nasty)
    assert await said.locator("b").count() == 0
    await expect(said.locator(".author")).to_contain_text("Operator A")
    await expect(resident.panel.locator(".typing")).to_have_text("")

    await resident.write("Thank you, that is all")
    await expect(resident.own.last).to_contain_text(resident.t("sent"))
    written = (await one.get(f"/conversations/{conversation}"))["messages"]
    assert written[-1]["text"] == "Thank you, that is all"
    await one.do(conversation, "give-back")
    await expect(resident.panel.locator(".who")).to_have_text(resident.t("subtitle_bot"))

    card = resident.panel.locator("form.rating")
    await expect(card).to_contain_text(resident.t("rate_person"))
    await card.get_by_role("radio", name=resident.t("stars", n=5)).press(" ")
    await card.get_by_role("button", name=resident.t("rate_send"), exact=True).click()
    await expect(card).to_contain_text(resident.t("rate_thanks"))
    assert [(row.who, row.stars) for row in await rows(desk, Rating)] == [("person", 5)]
    await resident.ask()


async def test_who_waits_may_stay_with_the_assistant(opened: Opener, desk: Site) -> None:
    one = await operator(desk)
    resident = await (await opened()).begin()
    await queued(resident)
    await resident.panel.locator(".queue").get_by_role("button", name=resident.t("leave_queue")).click()
    await expect(resident.panel.locator(".queue")).to_be_hidden()
    assert await one.listed() == []
    await resident.ask()


async def test_the_place_is_kept_while_the_page_is_closed(opened: Opener, desk: Site) -> None:
    one = await operator(desk)
    resident = await (await opened()).begin()
    await queued(resident)
    await resident.button("close").click()
    await resident.page.reload()
    conversation = (await only_conversation(desk)).hex
    assert (await one.do(conversation, "claim")).status == 200
    assert (await one.write(conversation, "Here I am")).status == 200
    badge = resident.launcher.locator(".badge")
    await expect(badge).to_have_text(re.compile("[1-9]"))
    await resident.open()
    await expect(resident.panel.locator(".message.person")).to_contain_text("Here I am")
    await resident.button("close").click()
    await expect(badge).to_be_hidden()


async def test_with_the_desk_closed_a_call_back_is_noted(opened: Opener, site: Site) -> None:
    resident = await (await opened()).begin()
    await expect(resident.panel.locator(".desk")).to_contain_text("13:30")
    await resident.write(PERSON)
    await resident.panel.get_by_role("button", name="Leave my phone number or e-mail").click()
    form = resident.panel.locator("form").filter(has_text=resident.t("callback_how"))
    send = form.get_by_role("button", name=resident.t("callback_send"))
    phone = form.get_by_role("textbox", name=resident.t("callback_phone"))
    await phone.fill("ask me")
    await send.click()
    await expect(form).to_contain_text(resident.t("callback_bad_phone"))
    await expect(phone).to_be_focused()

    await form.get_by_role("radio", name=resident.t("contact_email")).check()
    await form.get_by_role("textbox", name=resident.t("callback_email")).fill("resident@example.org")
    await form.get_by_role("textbox", name=resident.t("callback_words")).fill("My residence permit")
    await send.click()
    receipt = resident.panel.locator(".receipt")
    await expect(receipt).to_be_focused()
    (noted,) = await rows(site, CallBack)
    assert (noted.contact, noted.value, noted.words) == ("email", "resident@example.org", "My residence permit")
    await expect(receipt).to_contain_text(noted.reference)
    await expect(receipt).to_contain_text(re.compile("Tue.*24 Nov.*12:00"))
    await resident.page.reload()
    await expect(receipt).to_contain_text(noted.reference)
