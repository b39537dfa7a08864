"""The page of one appointment, by HTTP: who may see it, who may change it, and what nobody is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from icalendar import Calendar
from sqlalchemy import delete, update

from bot.appointments import links
from bot.appointments.bookings import State
from bot.appointments.contents import LANGUAGES
from bot.appointments.links import LINK_LIFE, SESSION_LIFE, Purpose
from bot.appointments.provider import Held, Opening, ProviderError
from bot.channels.web.appointment_view import masked
from bot.channels.web.openapi_appointment import appointment_paths, appointment_schemas
from bot.db.engine import transaction
from bot.db.models import Appointment
from tests.fakes.booked import BORN, DEPARTMENT, HOSPITAL, KEYS, MASKED, NOW, PATIENT, Booked, booked
from tests.fakes.schema import problems

DOCUMENT = {"components": {"schemas": {**appointment_schemas(), "Error": {"type": "object"}}}}
WRONG = "1991-05-17"
DEADLINE = timedelta(hours=23, minutes=30)  # from NOW: a day before the appointment


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Booked]:
    async with booked(tmp_path / "var") as running:
        yield running
    for answer in running.answers:
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        if answer.status < 400 and not answer.body.startswith(b'{"language"'):
            assert answer.headers["Cache-Control"] == "no-store"


def fits(schema: str, value: object) -> bool:
    return problems(DOCUMENT, {"$ref": f"#/components/schemas/{schema}"}, value) == []


async def test_the_page_is_the_same_for_everybody_and_kept_nowhere(server: Booked) -> None:
    async with server.http.get(f"{server.public}/appointment") as response:
        body, headers = await response.text(), response.headers
    assert response.status == 200
    assert server.one.reference not in body
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "noindex" in headers["X-Robots-Tag"]
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


async def test_the_link_shows_the_card_and_not_who_it_is(server: Booked) -> None:
    opened = await server.open()
    assert fits("AppointmentSession", opened)
    card = opened["appointment"]
    assert (card["patient"], card["known"]) == (MASKED, False)
    assert card["starts_at"] == "2026-11-26T09:30:00+08:00"
    assert card["hospital"]["zh"] == "中国科学技术大学附属第一医院（安徽省立医院）"
    assert card["link"] == f"https://linli.example/appointment#{server.link}"
    assert card["qr"].startswith("<svg ")
    told = str(opened)
    for secret in (PATIENT.name, PATIENT.number, PATIENT.phone, BORN, server.one.conversation_id.hex):
        assert secret not in told


async def test_without_a_public_address_there_is_no_link(tmp_path: Path) -> None:
    async with booked(tmp_path / "var", public_url="") as server:
        card = (await server.open())["appointment"]
    assert (card["link"], card["qr"]) == (None, None)


@pytest.mark.parametrize(
    ("name", "shown"), [("PATIENT ONE", MASKED), ("王小明", "王***"), ("  A   de B ", "A*** d*** B***")]
)
def test_a_name_is_masked_word_by_word(name: str, shown: str) -> None:
    assert masked(name) == shown


async def test_what_is_no_link_opens_nothing(server: Booked) -> None:
    one, ends = server.one, NOW + timedelta(days=1)
    sessions = [links.make(KEYS, one.id, 1, ends, purpose) for purpose in (Purpose.VIEW, Purpose.CHANGE)]
    foreign = links.make(("a foreign key",), one.id, 1, ends)
    for token in (*sessions, foreign, links.make(KEYS, one.id, 2, ends), "x", server.link[:-1] + "!"):
        refused = await server.post("open", token=token)
        assert (refused.status, refused.code) == (401, "bad_token")
        assert token not in refused.body.decode()
    for token in (None, 7, "", "x" * 201):
        assert (await server.post("open", token=token)).code == "bad_field"


async def test_the_key_of_last_year_is_still_believed(server: Booked) -> None:
    old = links.link(KEYS[1:], server.one.id, 1, server.one.starts_at)
    assert (await server.post("open", token=old)).status == 200


async def test_a_link_ends_with_time_with_a_newer_one_and_with_the_appointment(server: Booked) -> None:
    await server.open()
    server.clock.now = server.one.starts_at + LINK_LIFE
    assert (await server.post("open", token=server.link)).status == 401
    server.clock.now = NOW
    for change in (update(Appointment).values(link_number=2), delete(Appointment)):
        async with transaction(server.bookings.database) as connection:
            await connection.execute(change)
        assert (await server.post("open", token=server.link)).status == 401
        assert (await server.post("card.ics")).status == 401


async def test_a_session_lasts_a_quarter_of_an_hour_and_is_no_link(server: Booked) -> None:
    await server.verify()
    server.clock.now = NOW + SESSION_LIFE - timedelta(seconds=1)
    assert (await server.get("openings")).status == 200
    server.clock.now = NOW + SESSION_LIFE
    assert (await server.get("openings")).status == 401
    for session in ("", server.link, "Bearer"):
        refused = await server.get("openings", session=session)
        assert (refused.status, refused.code) == (401, "bad_token")


@pytest.mark.parametrize(
    ("method", "name", "body"),
    [
        ("GET", "openings", None),
        ("GET", "intake", None),
        ("POST", "change", {"opening": "x", "key": "k"}),
        ("POST", "cancel", {}),
        ("POST", "intake", {"picked": {}}),
    ],
)
async def test_without_the_date_of_birth_nothing_is_changed(
    server: Booked, method: str, name: str, body: object
) -> None:
    await server.open()
    refused = await server.ask(method, name, body)
    assert (refused.status, refused.code) == (403, "forbidden")
    assert (await server.present()).state is State.BOOKED


async def test_the_date_of_birth_opens_the_rest(server: Booked) -> None:
    await server.open()
    refused = await server.post("verify", born=WRONG)
    assert (refused.status, refused.code) == (403, "unknown_code")
    assert WRONG not in refused.body.decode()
    card = (await server.verify())["appointment"]
    assert (card["patient"], card["known"]) == (PATIENT.name, True)
    for born in ("17.5.1990", "", None, 1990, "1990-13-01", "1990-05-17T00:00"):
        assert (await server.post("verify", born=born)).code == "bad_field"


async def test_five_wrong_dates_lock_it_for_an_hour_from_wherever_they_come(server: Booked) -> None:
    await server.open()

    async def guess(number: int, born: str) -> int:
        server.address = f"10.0.1.{number}"
        return (await server.post("verify", born=born)).status

    tried = [asyncio.create_task(guess(number, WRONG)) for number in range(9)]
    assert sorted(await asyncio.gather(*tried)) == [403] * 5 + [429] * 4
    assert await guess(20, BORN) == 429
    assert 3500 < int(server.answers[-1].headers["Retry-After"]) <= 3600
    server.clock.now = NOW + timedelta(hours=1)
    await server.open()
    assert await guess(21, WRONG) == 403
    assert await guess(22, BORN) == 200


async def test_the_right_date_forgets_the_wrong_ones(server: Booked) -> None:
    await server.open()
    for _ in range(2):
        for number in range(4):
            server.address = f"10.0.2.{number}"
            assert (await server.post("verify", born=WRONG)).status == 403
        assert (await server.post("verify", born=BORN)).status == 200


async def test_one_address_has_few_tries_whatever_it_tries_at(tmp_path: Path) -> None:
    async with booked(tmp_path / "var") as server:
        await server.open()
        statuses = []
        for _ in range(6):
            server.clock.now += timedelta(hours=1)  # the appointment's own count forgets
            await server.open()
            statuses.append((await server.post("verify", born=WRONG)).status)
    assert statuses == [403] * 5 + [429]


async def test_other_times_are_of_the_same_department_and_not_the_own(server: Booked) -> None:
    await server.verify()
    answer = await server.get("openings")
    assert fits("AppointmentOpenings", answer.json)
    starts = [opening["starts_at"] for opening in answer.json["openings"]]
    assert len(starts) == 8
    assert starts == sorted(starts)
    assert "2026-11-26T09:30:00+08:00" not in starts


async def test_it_is_moved_once_and_its_old_place_is_free(server: Booked) -> None:
    await server.verify()
    last = (await server.openings())[-1]
    for _ in range(2):
        moved = await server.post("change", opening=last["id"], key="one wish")
        assert moved.status == 200, moved.body
        assert fits("AppointmentSession", moved.json)
        assert moved.json["appointment"]["starts_at"] == last["starts_at"]
    assert (await server.present()).starts_at.isoformat() == "2026-11-28T02:00:00+00:00"
    starts = [opening["starts_at"] for opening in await server.openings()]
    assert "2026-11-26T09:30:00+08:00" in starts
    assert len(starts) == 8
    # The link of the old day is still good, the new one lasts longer.
    for token in (server.link, moved.json["token"]):
        assert (await server.post("open", token=token)).status == 200


async def test_it_is_moved_back_and_forth(server: Booked) -> None:
    await server.verify()
    first = (await server.openings())[0]
    original = "2026-11-26T09:30:00+08:00"
    assert (await server.post("change", opening=first["id"], key="1")).status == 200
    (back,) = [opening for opening in await server.openings() if opening["starts_at"] == original]
    for opening, key in ((back, "2"), (first, "3"), (back, "4")):
        moved = await server.post("change", opening=opening["id"], key=key)
        assert moved.status == 200, moved.body
        assert moved.json["appointment"]["starts_at"] == opening["starts_at"]


async def test_a_time_that_another_took_is_gone(server: Booked) -> None:
    await server.verify()
    chosen = (await server.openings())[0]
    await server.bookings.hold(server.one.conversation_id, HOSPITAL, chosen["id"], "another")
    refused = await server.post("change", opening=chosen["id"], key="k")
    assert (refused.status, refused.code) == (409, "already_claimed")
    assert (await server.present()).starts_at == server.one.starts_at


async def test_a_time_of_another_department_is_none(server: Booked) -> None:
    await server.verify()
    (other, *_) = await server.bookings.openings("dermatology", HOSPITAL)
    for opening in (other.id, "0" * 32, "nonsense"):
        refused = await server.post("change", opening=opening, key="k")
        assert (refused.status, refused.code) == (409, "already_claimed")
    assert len(await server.bookings.openings("dermatology", HOSPITAL)) == 9
    for body in (
        {},
        {"opening": other.id},
        {"key": "k"},
        {"opening": 7, "key": "k"},
        {"opening": "x", "key": "k" * 65},
    ):
        assert (await server.post("change", **body)).code == "bad_field"


class Silent:
    """A hospital's system that tells its free times and then falls silent."""

    name = "silent"

    def __init__(self, free: Opening) -> None:
        self.free = free

    async def openings(self, *_: object) -> tuple[Opening, ...]:
        return (self.free,)

    async def hold(self, *_: object) -> Held:
        raise ProviderError("no answer")


async def test_a_hospital_that_does_not_answer_is_said_and_nothing_is_lost(server: Booked) -> None:
    await server.verify()
    free = (await server.bookings.openings(DEPARTMENT, HOSPITAL))[0]
    server.bookings.providers = {HOSPITAL: Silent(replace(free, id="theirs"))}  # type: ignore[dict-item]
    refused = await server.post("change", opening="theirs", key="k")
    assert (refused.status, refused.code) == (503, "unavailable")
    assert int(refused.headers["Retry-After"]) > 0
    present = await server.present()
    assert (present.starts_at, present.state) == (server.one.starts_at, State.BOOKED)


async def test_it_is_cancelled_once_and_its_place_is_free(server: Booked) -> None:
    await server.verify()
    for _ in range(2):
        cancelled = await server.post("cancel")
        assert cancelled.status == 200
        assert cancelled.json["appointment"]["state"] == "cancelled"
        assert cancelled.json["appointment"]["changeable"] is False
    assert len(await server.bookings.openings(DEPARTMENT, HOSPITAL)) == 9
    opening = (await server.bookings.openings(DEPARTMENT, HOSPITAL))[0]
    refused = await server.post("change", opening=opening.id, key="k")
    assert (refused.status, refused.code) == (409, "wrong_state")
    assert len(await server.bookings.openings(DEPARTMENT, HOSPITAL)) == 9
    assert (await server.post("intake", picked={"symptoms": ["fever"]})).code == "wrong_state"


async def test_after_the_deadline_it_stays(server: Booked) -> None:
    server.clock.now = NOW + DEADLINE + timedelta(minutes=1)
    card = (await server.verify())["appointment"]
    assert card["changeable"] is False
    opening = (await server.openings())[-1]
    for refused in (await server.post("cancel"), await server.post("change", opening=opening["id"], key="k")):
        assert (refused.status, refused.code) == (409, "wrong_state")
    assert len(await server.openings()) == 8


async def test_the_card_for_the_doctor_is_picked_from_lists(server: Booked) -> None:
    await server.verify()
    given = await server.get("intake", language="ar")
    assert fits("AppointmentIntake", given.json)
    assert given.json["picked"] == {}
    symptoms = given.json["lists"][0]
    assert (symptoms["topic"], symptoms["heading"], symptoms["heading_zh"]) == ("symptoms", "الأعراض", "症状")
    picked = {"symptoms": ["cough", "fever"], "durations": ["today"]}
    assert (await server.post("intake", picked=picked)).status == 204
    assert (await server.get("intake")).json["picked"] == picked
    assert (await server.post("intake", picked={})).status == 204
    assert (await server.get("intake")).json["picked"] == {}


@pytest.mark.parametrize(
    "picked",
    [
        None,
        [],
        {"symptoms": "fever"},
        {"symptoms": [7]},
        {"symptoms": ["a secret illness"]},
        {"durations": ["today", "days_1_3"]},
        {"secrets": []},
        {"symptoms": ["fever", "fever"]},
    ],
)
async def test_what_is_on_no_list_is_refused_and_not_repeated(server: Booked, picked: object) -> None:
    await server.verify()
    refused = await server.post("intake", picked=picked)
    assert (refused.status, refused.code) == (400, "bad_field")
    assert b"secret" not in refused.body


async def test_the_calendar_file(server: Booked) -> None:
    await server.open()
    answer = await server.post("card.ics", language="de")
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert server.one.reference in answer.headers["Content-Disposition"]
    (event,) = Calendar.from_ical(answer.body).walk("VEVENT")
    assert event.decoded("dtstart") == server.one.starts_at
    assert "心血管内科" not in answer.body.decode().replace("\r\n ", "")
    assert server.link.encode() not in answer.body
    assert (await server.post("card.ics", language="xx")).code == "bad_field"


async def test_the_words_are_anybodys(server: Booked) -> None:
    for language in LANGUAGES:
        answer = await server.get("words", session="", language=language)
        assert fits("AppointmentWords", answer.json)
        assert answer.json["language"] == language
    assert (await server.get("words", language="xx")).code == "bad_field"


async def test_who_comes_too_often_waits(server: Booked) -> None:
    statuses = [(await server.post("open", token=server.link)).status for _ in range(31)]
    assert statuses == [200] * 30 + [429]
    server.session = server.answers[0].json["session"]
    calls = [(await server.post("card.ics")).status for _ in range(31)]
    assert calls == [200] * 30 + [429]
    assert int(server.answers[-1].headers["Retry-After"]) >= 1


async def test_an_interpreter_is_named_to_who_knows_the_patient(tmp_path: Path) -> None:
    async with booked(tmp_path / "var", interpreter="ru") as server:
        card = (await server.open())["appointment"]
    assert card["interpreter"] == {"language": "ru", "state": "wished", "name": None}


async def test_other_methods_and_bodies_are_refused(server: Booked) -> None:
    await server.open()
    assert (await server.get("open")).code == "method_not_allowed"
    assert (await server.ask("POST", "open", ["x"])).code == "bad_json"
    async with server.http.post(f"{server.public}/api/appointment/open", data="token=x") as response:
        assert response.status == 415


def test_every_route_is_described() -> None:
    described = {(method, path.rpartition("/")[2]) for path, calls in appointment_paths().items() for method in calls}
    assert described == {
        ("get", "words"),
        ("post", "open"),
        ("post", "verify"),
        ("post", "card.ics"),
        ("get", "openings"),
        ("post", "change"),
        ("post", "cancel"),
        ("get", "intake"),
        ("post", "intake"),
    }
