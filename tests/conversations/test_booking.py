"""A doctor booked in a conversation, through the public port: every step, every way back, and what is kept of it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from bot.db.engine import reading, transaction
from bot.db.models import Appointment, BookingDraft, Consent, Conversation, Message, Seat
from tests.fakes.site import Brain, Site, buttons, running_site

NUMBER = "X1234567"
_LATER = 4


@pytest.fixture
async def town(brain: Brain, tmp_path: Path) -> AsyncIterator[Site]:
    async with running_site(brain, tmp_path / "var", booking="demo", public_url="https://linli.example") as site:
        yield site


@dataclass
class Resident:
    """Somebody in one conversation; `last` is the last reply."""

    site: Site
    language: str | None = None
    conversation: str | None = None
    last: dict[str, Any] = field(default_factory=dict)

    async def says(self, text: str) -> str:
        given = {"conversation": self.conversation} if self.conversation else {}
        if self.language and not self.conversation:
            given["language"] = self.language
        self.last = await self.site.say(text, **given)
        self.conversation = self.last["conversation"]
        return self.text

    async def taps(self, title: str) -> str:
        """The newest button with this in its title."""
        found = [one for one in buttons(self.last) if title in one["title"]]
        assert found, [one["title"] for one in buttons(self.last)]
        assert self.conversation is not None
        self.last = await self.site.say(button=found[0]["payload"], conversation=self.conversation)
        return self.text

    @property
    def text(self) -> str:
        return "\n".join(message["text"] for message in self.last["messages"])

    @property
    def titles(self) -> list[str]:
        return [one["title"] for one in buttons(self.last)]

    async def until_who(self) -> None:
        """Up to the question of whom it is for, with the first time that is shown."""
        await self.says("I want to book a doctor")
        await self.taps("Yes")
        await self.says("my tooth hurts")
        await self.taps("The soonest, wherever")
        # Not the soonest: an appointment of tomorrow can no longer be changed.
        await self.taps(self.titles[_LATER])
        await self.taps(_time(self.titles))

    async def until_confirm(self, born: str = "1990-05-17") -> None:
        await self.until_who()
        await self.taps("For me")
        for words in ("SPECIMEN ERIKA", born, NUMBER, "+44 20 7946 0958"):
            await self.says(words)
        await self.taps("No interpreter")
        await self.taps("Yes")

    async def books(self) -> str:
        await self.until_confirm()
        return await self.taps("Yes")


def _time(titles: list[str]) -> str:
    return next(title for title in titles if re.search(r"\d\d:\d\d", title))


async def _count(site: Site, table: Any) -> int:
    async with reading(site.service.database) as connection:
        return int((await connection.execute(select(func.count()).select_from(table))).scalar_one())


async def test_a_doctor_is_booked_from_the_first_word_to_the_card(town: Site) -> None:
    resident = Resident(town)
    assert "Do you agree" in await resident.says("I want to book a doctor")
    assert "made up" in resident.text  # a trial run says so
    assert resident.last["outcome"] == "booking"
    assert "What is the matter" in await resident.taps("Yes")
    assert "which hospital" in await resident.says("my tooth hurts")
    await resident.taps("The soonest, wherever")
    assert "which day" in resident.text
    await resident.taps("The soonest")
    await resident.taps(_time(resident.titles))
    assert "Who is the appointment for" in resident.text
    assert "exactly as in the passport" in await resident.taps("For me")
    await resident.says("SPECIMEN ERIKA")
    await resident.says("17 May 1990")
    assert "phone" in await resident.says(NUMBER)
    await resident.says("+44 20 7946 0958")
    await resident.taps("Yes, English")
    assert "pass the patient's details" in resident.text
    assert "•••67" in await resident.taps("Yes")
    assert NUMBER not in resident.text
    done = await resident.taps("Yes")
    assert "Booked" in done and re.search(r"LB-\w{4}-\w{4}", done)
    assert "https://linli.example/appointment#" in done
    card = next(message for message in resident.last["messages"] if message["office"])
    assert card["office"]["name_zh"] and card["documents"]
    assert "医院" in card["text"]  # what the hospital's desk reads stands below
    assert await _count(town, Appointment) == 1
    assert await _count(town, BookingDraft) == 0


async def test_consent_comes_first_and_is_recorded(town: Site) -> None:
    resident = Resident(town)
    await resident.says("I want to book a doctor, my tooth hurts")
    assert await _count(town, Consent) == 0
    # What was said with the wish is read only now.
    assert "dentist" in await resident.taps("Yes")
    async with reading(town.service.database) as connection:
        kinds = list((await connection.execute(select(Consent.kind))).scalars())
        kept = (await connection.execute(select(Conversation.retention))).scalar_one()
    assert kinds == ["health"]
    assert kept == "medical"


async def test_without_consent_nothing_is_kept(town: Site) -> None:
    resident = Resident(town)
    await resident.says("I want to book a doctor")
    assert "noted nothing" in await resident.taps("No")
    assert await _count(town, BookingDraft) == 0


async def test_the_passport_number_is_nowhere_in_the_database(town: Site) -> None:
    resident = Resident(town)
    await resident.books()
    await town.service.database.dispose()
    for file in town.settings.var_folder.glob("linli.db*"):
        assert NUMBER.encode() not in file.read_bytes()
    assert all(NUMBER not in str(asked) for asked in town.engine.received)


async def test_a_question_in_between_is_answered_and_the_booking_goes_on(town: Site) -> None:
    resident = Resident(town)
    await resident.until_who()
    text = await resident.says("how do I register with the police station?")
    assert "Back to your booking" in text
    assert "Who is the appointment for" in text
    assert "exactly as in the passport" in await resident.taps("For me")


async def test_another_language_keeps_everything(town: Site) -> None:
    resident = Resident(town)
    await resident.until_who()
    await resident.says("please speak French")
    assert "Pour qui" in resident.text
    assert "passeport" in await resident.says("pour moi")


async def test_back_leads_through_the_steps(town: Site) -> None:
    resident = Resident(town)
    await resident.until_who()
    assert "Which one" in await resident.says("back")
    assert "which day" in await resident.says("go back")
    assert "which hospital" in await resident.taps("Back")
    assert await _count(town, Seat) == 0  # the time is free for others again


async def test_stop_forgets_it(town: Site) -> None:
    resident = Resident(town)
    await resident.until_who()
    assert "Nothing was booked" in await resident.says("stop")
    assert await _count(town, BookingDraft) == 0
    assert await _count(town, Seat) == 0


async def test_start_again_asks_from_the_beginning(town: Site) -> None:
    resident = Resident(town)
    await resident.until_who()
    assert "What is the matter" in await resident.says("start again")


async def test_one_thing_is_changed_at_the_end(town: Site) -> None:
    resident = Resident(town)
    await resident.until_confirm()
    assert "exactly as in the passport" in await resident.says("change the name")
    assert "MUSTERMANN MAX" in await resident.says("MUSTERMANN MAX")


async def test_the_server_may_be_started_again_at_any_step(town: Site) -> None:
    resident = Resident(town)
    await resident.until_who()
    await town.stop_public()
    await town.start_public()
    assert "exactly as in the passport" in await resident.taps("For me")


async def test_a_hold_that_ran_out_is_taken_up_or_said(town: Site, brain: Brain) -> None:
    slow, quick = Resident(town), Resident(town)
    await slow.until_confirm()
    starts = re.search(r"• (.*\d\d:\d\d)", slow.text)
    assert starts is not None
    town.clock.now += timedelta(minutes=40)
    async with transaction(town.service.database) as connection:
        held = (await connection.execute(select(Seat.until))).scalars().all()
    assert all(until is not None and until < town.clock.now for until in held)
    await quick.until_who()
    await quick.taps("For me")
    assert "Booked" in await slow.taps("Yes") or "has just gone" in slow.text


async def test_an_adult_is_no_child(town: Site) -> None:
    resident = Resident(town)
    await resident.until_who()
    await resident.taps("For my child")
    await resident.says("SPECIMEN ERIKA")
    text = await resident.says("1996-01-02")
    assert "30" in text and "family" in text
    assert "passport" in text


async def test_a_small_child_has_a_guardian(town: Site) -> None:
    resident = Resident(town)
    await resident.until_who()
    await resident.taps("For my child")
    await resident.says("SPECIMEN LENA")
    assert "parent or guardian" in await resident.says("2020-03-04")
    assert "number of the patient" in await resident.says("SPECIMEN ERIKA")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("yesterday", "That day is over"),
        ("31 February", "no such day"),
        ("1 January", "no free time"),
        ("in three months", "days ahead"),
        ("Sunday", "weekend"),
    ],
)
async def test_a_day_that_cannot_be_gets_a_kind_line(town: Site, words: str, said: str) -> None:
    resident = Resident(town)
    await resident.says("I want to book a doctor")
    await resident.taps("Yes")
    await resident.says("my tooth hurts")
    await resident.taps("The soonest, wherever")
    text = await resident.says(words)
    assert said in text or "days ahead" in text
    assert "day" in text


@pytest.mark.parametrize("words", ["12", "abcdefgh", "12345678901234567890"])
async def test_an_impossible_passport_gets_a_kind_line(town: Site, words: str) -> None:
    resident = Resident(town)
    await resident.until_who()
    await resident.taps("For me")
    await resident.says("SPECIMEN ERIKA")
    await resident.says("1990-05-17")
    text = await resident.says(words)
    assert "number" in text
    assert "phone" in await resident.says(NUMBER)


async def test_an_emergency_comes_before_the_booking(town: Site) -> None:
    resident = Resident(town)
    await resident.until_who()
    text = await resident.says("help, my husband collapsed and is not breathing!")
    assert resident.last["outcome"] == "urgent"
    assert "120" in text
    assert "exactly as in the passport" in await resident.says("for me")


async def test_appointments_are_seen_changed_and_cancelled(town: Site) -> None:
    resident = Resident(town)
    await resident.books()
    listed = await resident.taps("My appointments")
    reference = re.search(r"LB-\w{4}-\w{4}", listed)
    assert reference is not None
    await resident.taps("Change the time")
    assert "which day" in resident.text
    await resident.taps(resident.titles[_LATER])
    await resident.taps(_time(resident.titles))
    assert "The old time is given up" in resident.text
    assert reference[0] in await resident.taps("Yes")
    assert await _count(town, Seat) == 1
    await resident.taps("My appointments")
    assert "Cancel this appointment?" in await resident.taps("Cancel it")
    assert "Cancelled" in await resident.taps("Yes, cancel it")
    assert await _count(town, Seat) == 0


async def test_consent_withdrawn_deletes_what_was_noted(town: Site) -> None:
    resident = Resident(town)
    await resident.books()
    await resident.taps("My appointments")
    await resident.taps("Withdraw my consent")
    assert "deleted" in await resident.taps("Yes, withdraw it")
    assert await _count(town, Appointment) == 0
    async with reading(town.service.database) as connection:
        left = select(func.count()).select_from(Consent).where(Consent.withdrawn_at.is_(None))
        assert (await connection.execute(left)).scalar_one() == 0


async def test_the_day_before_there_is_a_reminder_with_buttons(town: Site) -> None:
    resident = Resident(town)
    await resident.books()
    assert town.room is not None
    async with reading(town.service.database) as connection:
        starts_at = (await connection.execute(select(Appointment.starts_at))).scalar_one()
    town.clock.now = starts_at - timedelta(hours=20)
    for _ in range(2):
        await town.room.voice.sweep(town.clock.now)
    async with reading(town.service.database) as connection:
        statement = select(Message.content, Message.text).where(Message.text.contains("A reminder"))
        rows = (await connection.execute(statement)).all()
    assert len(rows) == 1
    payload = rows[0].content["answer"]["buttons"][0]["payload"]
    assert resident.conversation is not None
    shown = await town.say(button=payload, conversation=resident.conversation)
    assert "Your appointments" in shown["messages"][0]["text"]


async def test_a_button_of_a_booking_that_is_over_says_so(town: Site) -> None:
    resident = Resident(town)
    await resident.until_who()
    old = resident.last
    await resident.says("stop")
    resident.last = old
    assert "over" in await resident.taps("For me")


async def test_booking_that_is_off_shows_how_to_do_it_at_the_hospital(lone_site: Site) -> None:
    reply = await lone_site.say("I want to book a doctor")
    assert reply["outcome"] == "answered"


async def test_the_page_of_an_appointment_is_served_and_what_is_done_there_is_said_here(town: Site) -> None:
    resident = Resident(town)
    link = re.search(r"#([\w-]+)", await resident.books())
    assert link is not None
    opened = await town.request("POST", "/api/appointment/open", json={"token": link[1]})
    assert opened.status == 200
    given = {"Authorization": f"Bearer {opened.json['session']}"}
    known = await town.request("POST", "/api/appointment/verify", json={"born": "1990-05-17"}, headers=given)
    allowed = {"Authorization": f"Bearer {known.json['session']}"}
    for _ in range(2):
        await town.request("POST", "/api/appointment/cancel", json={}, headers=allowed)
    async with reading(town.service.database) as connection:
        said = list(
            (await connection.execute(select(Message.text).where(Message.text.startswith("Cancelled")))).scalars()
        )
    assert len(said) == 1
    assert await _count(town, Seat) == 0
