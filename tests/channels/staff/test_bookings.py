"""The hospital's side by HTTP: who may, what is shown and what is not, and that residents are told."""

from __future__ import annotations

import io
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import openpyxl
import pytest
from aiohttp import web

from bot.channels.staff import bookings
from bot.channels.staff.access import FAILED, HANDOVER, FailedTries
from bot.channels.staff.bookings import BOOKING_ROUTES, SIDE
from bot.channels.web.errors import errors_as_json
from bot.channels.web.keys import SETTINGS
from bot.db.engine import transaction
from bot.handoff import staff
from bot.handoff.staff import Role
from bot.settings import load_settings
from tests.fakes.booking import DEPARTMENT, HOSPITAL, PATIENT, Clock, booking
from tests.fakes.hospital_side import DAY, World

SECRETS = (PATIENT.name, PATIENT.number, PATIENT.phone, PATIENT.born.isoformat())
SESSION = {
    "key": "k1",
    "hospital": HOSPITAL,
    "department": DEPARTMENT,
    "day": DAY.isoformat(),
    "part": "morning",
    "from": "08:00",
    "to": "10:00",
    "minutes": 30,
    "capacity": 2,
    "fee_fen": 2500,
    "clinician_zh": "李医生",
    "languages": ["zh", "en"],
}


@dataclass
class Desk:
    """As much of the desk as the gate needs."""

    database: Any


@dataclass
class Office:
    """The interface, listening, and a booking clerk's token."""

    world: World
    address: str
    session: aiohttp.ClientSession
    token: str

    async def send(self, method: str, path: str, data: Any = None, token: str | None = None, **query: str) -> Any:
        headers = {"Authorization": f"Bearer {token or self.token}"}
        url = f"{self.address}/api/staff/bookings/{path}"
        async with self.session.request(method, url, json=data, headers=headers, params=query) as response:
            body = await response.read()
            return response, body

    async def call(self, method: str, path: str, data: Any = None, **query: str) -> tuple[int, Any]:
        response, _ = await self.send(method, path, data, **query)
        return response.status, await response.json()

    async def get(self, path: str, **query: str) -> Any:
        status, found = await self.call("GET", path, **query)
        assert status == 200, found
        return found

    async def post(self, path: str, data: Any) -> Any:
        status, found = await self.call("POST", path, data)
        assert status == 200, found
        return found

    async def member(self, *roles: Role) -> str:
        async with transaction(self.world.bookings.database) as connection:
            return await staff.add(connection, "other", "Operator A", roles, ("en",), self.world.bookings.clock())


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    clock = Clock()
    url = f"sqlite:///{tmp_path}/test.db"
    async with booking(url, tmp_path / "var", clock) as made, aiohttp.ClientSession() as session:
        world = World.of(made)
        async with transaction(made.database) as connection:
            token = await staff.add(connection, "clerk-1", "Clerk A", {Role.BOOKING}, (), clock())
        app = web.Application(middlewares=[errors_as_json])
        app[HANDOVER], app[FAILED], app[SETTINGS] = Desk(made.database), FailedTries(), load_settings({})  # type: ignore[assignment]
        app[SIDE] = world.side
        bookings.add_routes(app)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield Office(world, f"http://127.0.0.1:{runner.addresses[0][1]}", session, token)
        await runner.cleanup()


@pytest.mark.parametrize("route", BOOKING_ROUTES, ids=lambda route: f"{route.method} {route.path}")
async def test_only_booking_clerks(office: Office, route: Any) -> None:
    token = await office.member(*(set(Role) - {Role.BOOKING}))
    path = route.path.removeprefix("/api/staff/bookings/").format(id="0" * 32)
    assert (await office.send(route.method, path, {}, token))[0].status == 403
    assert (await office.send(route.method, path, {}, "linli_wrong"))[0].status == 401
    assert await office.world.audited() == []


async def test_the_day_names_no_patient_and_one_appointment_does(office: Office) -> None:
    made = await office.world.patient("fr", card=True)
    response, body = await office.send("GET", "appointments", hospital=HOSPITAL, day=DAY.isoformat())
    assert response.headers["Cache-Control"] == "no-store"
    (line,) = (await response.json())["appointments"]
    assert (line["id"], line["reference"], line["time"]) == (made.id.hex, made.reference, "09:00")
    assert (line["department_zh"], line["state_zh"], line["intake"]) == ("皮肤科", "已预约", True)
    assert not any(secret in body.decode() for secret in SECRETS)
    assert await office.world.audited() == []

    found = await office.get(f"appointments/{made.id.hex}")
    assert [found["patient"][name] for name in ("name", "number", "phone", "born")] == list(SECRETS)
    assert found["card"][0]["lines"][0] == {"printed_zh": "发热", "own": "Fever"}
    assert await office.world.audited() == [("clerk-1", "appointment_seen", f"appointment:{made.id.hex}")]
    acts = (await office.get(f"appointments/{made.id.hex}/acts"))["acts"]
    assert [act["actor"] for act in acts] == ["resident", "resident", "clerk-1"]


async def test_departments_stand_together_in_the_catalogues_order(office: Office) -> None:
    for department in ("dermatology", "internal_medicine", "dermatology"):
        await office.world.patient(department=department)
    found = await office.get("appointments", hospital=HOSPITAL, day=DAY.isoformat())
    assert [line["department"] for line in found["appointments"]] == ["internal_medicine", "dermatology", "dermatology"]
    only = await office.get("appointments", hospital=HOSPITAL, day=DAY.isoformat(), department="internal_medicine")
    assert len(only["appointments"]) == 1


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("appointments", {"hospital": HOSPITAL}),
        ("appointments", {"hospital": "kitchen", "day": "2026-11-26"}),
        ("appointments", {"hospital": HOSPITAL, "day": "20261126"}),
        ("appointments", {"hospital": HOSPITAL, "day": "2026-11-31"}),
        ("appointments", {"hospital": HOSPITAL, "day": "2026-11-26", "department": "a\u0000b"}),
        ("sessions", {"hospital": HOSPITAL, "first": "2026-11-01", "last": "2026-12-02"}),
        ("export", {"hospital": HOSPITAL, "first": "2026-11-01", "last": "2026-12-02"}),
        ("export", {"hospital": HOSPITAL, "first": "2026-11-02", "last": "2026-11-01"}),
        ("wishes", {"hospital": HOSPITAL, "first": "2026-11-02", "state": "kitchen"}),
    ],
)
async def test_a_wrong_query(office: Office, path: str, query: dict[str, str]) -> None:
    status, found = await office.call("GET", path, **query)
    assert (status, found["error"]["code"]) == (400, "bad_field")


async def test_came_and_cancelled(office: Office) -> None:
    made, other = await office.world.patient(), await office.world.patient()
    office.world.bookings.clock.now = made.starts_at  # type: ignore[attr-defined]
    one = f"appointments/{made.id.hex}"
    assert await office.post(f"{one}/state", {"state": "arrived"}) == {"state": "arrived"}
    assert await office.post(f"{one}/state", {"state": "booked"}) == {"state": "booked"}
    for data in ({}, {"state": 7}, {"state": "cancelled"}, {"state": "gone"}):
        assert (await office.call("POST", f"{one}/state", data))[0] == 400
    assert (await office.call("POST", f"{one}/cancel", {"reason": "bored"}))[0] == 400
    two = f"appointments/{other.id.hex}/cancel"
    assert await office.post(two, {"reason": "doctor_absent"}) == {"state": "cancelled", "new": True}
    assert await office.post(two, {"reason": "doctor_absent"}) == {"state": "cancelled", "new": False}
    assert office.world.herald.written == office.world.herald.published
    assert [news.appointment_id for news in office.world.herald.published] == [other.id]
    status, found = await office.call("POST", f"appointments/{other.id.hex}/state", {"state": "arrived"})
    assert (status, found["error"]["code"]) == (409, "wrong_state")
    for path in ("appointments/kitchen", f"appointments/{'0' * 32}"):
        assert (await office.call("GET", path))[0] == 404


async def test_a_session_is_entered_closed_and_opened(office: Office) -> None:
    added = await office.post("sessions", SESSION)
    assert (added["new"], added["made_up"]) == (True, [])
    assert await office.post("sessions", SESSION) == {**added, "new": False}
    (row,) = (await office.get("sessions", hospital=HOSPITAL, first=DAY.isoformat()))["sessions"]
    assert (row["id"], row["part_zh"], row["from"], row["last_start"]) == (added["id"], "上午", "08:00", "09:30")
    assert (row["places"], row["booked"], row["demo"], row["clinician_zh"]) == (8, 0, False, "李医生")
    closed = await office.post(f"sessions/{added['id']}/close", {"cancel": "doctor_absent"})
    assert closed == {"state": "closed", "affected": [], "cancelled": 0}
    assert await office.post(f"sessions/{added['id']}/open", {}) == {"state": "open"}
    assert office.world.herald.published == []


async def test_a_closed_sessions_patients_are_told(office: Office) -> None:
    made = await office.world.patient()
    session = (await office.world.session_of(made)).hex
    listed = await office.post(f"sessions/{session}/close", {})
    assert ([one["id"] for one in listed["affected"]], listed["cancelled"]) == ([made.id.hex], 0)
    done = await office.post(f"sessions/{session}/close", {"cancel": "doctor_absent"})
    assert ([one["reference"] for one in done["affected"]], done["cancelled"]) == ([made.reference], 1)
    assert [news.reference for news in office.world.herald.published] == [made.reference]


@pytest.mark.parametrize(
    "wrong",
    [
        {"key": "a b"},
        {"hospital": "kitchen"},
        {"department": "\ud800"},
        {"day": "tomorrow"},
        {"part": "night"},
        {"from": "8:00"},
        {"to": "24:00"},
        {"minutes": 0},
        {"minutes": True},
        {"minutes": 10**30},
        {"capacity": 51},
        {"fee_fen": -1},
        {"languages": ["tlh"]},
        {"languages": [[]]},
        {"languages": "en"},
        {"clinician_zh": "a\u0000b"},
        {"clinician_zh": "x" * 61},
    ],
)
async def test_a_wrong_session(office: Office, wrong: dict[str, Any]) -> None:
    status, found = await office.call("POST", "sessions", SESSION | wrong)
    assert (status, found["error"]["code"]) == (400, "bad_field")
    assert await office.world.audited() == []


async def test_interpreters_and_wishes(office: Office) -> None:
    made = await office.world.patient("fr")
    one = (await office.post("interpreters", {"name": " Interpreter A ", "languages": ["fr", "fr"]}))["id"]
    assert (await office.call("POST", "interpreters", {"name": "Interpreter A", "languages": ["de"]}))[0] == 409
    for wrong in ({"name": "", "languages": ["fr"]}, {"name": "B", "languages": []}, {"name": "B"}):
        assert (await office.call("POST", "interpreters", wrong))[0] == 400
    (listed,) = (await office.get("interpreters"))["interpreters"]
    spoken = [{"key": "fr", "zh": "法语"}]
    assert listed == {"id": one, "name": "Interpreter A", "languages": spoken, "active": True}

    (wished,) = (await office.get("wishes", hospital=HOSPITAL, first=DAY.isoformat(), state="wished"))["wishes"]
    assert wished["id"] == made.id.hex
    wish = f"wishes/{made.id.hex}"
    assert (await office.call("POST", wish, {"state": "assigned"}))[0] == 400
    assert (await office.call("POST", wish, {"state": "wished"}))[0] == 400
    given = {"state": "assigned", "interpreter": one}
    assert await office.post(wish, given) == {"state": "assigned", "new": True}
    assert await office.post(wish, given) == {"state": "assigned", "new": False}
    assert [news.interpreter for news in office.world.herald.published] == ["Interpreter A"]
    gone = await office.post(f"interpreters/{one}", {"active": False})
    assert gone == {"active": False, "wished_again": 1}


async def test_the_export(office: Office) -> None:
    made = await office.world.patient("fr", card=True)
    asked = {"hospital": HOSPITAL, "first": DAY.isoformat(), "last": DAY.isoformat()}
    response, body = await office.send("GET", "export", **asked, cards="1")
    assert response.content_type == "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Content-Disposition"].startswith("attachment;")
    headings, line = openpyxl.load_workbook(io.BytesIO(body)).active.iter_rows(values_only=True)
    shown = dict(zip(headings, line, strict=True))
    assert (shown["姓名"], shown["电话"], shown["证件类型"]) == (PATIENT.name, PATIENT.phone, "护照")
    assert (shown["预约编号"], shown["翻译需求"], shown["数据性质"]) == (made.reference, "法语（待安排）", "演示数据")
    assert shown["预问诊信息"].startswith("症状：发热")
    _, plain = await office.send("GET", "export", **asked)
    assert "预问诊信息" not in next(openpyxl.load_workbook(io.BytesIO(plain)).active.iter_rows(values_only=True))
    assert len(await office.world.audited("appointments_exported")) == 2
    assert len(await office.world.audited("appointment_seen")) == 2


async def test_choices_and_the_purge(office: Office) -> None:
    choices = await office.get("choices")
    assert "emergency" not in [one["key"] for one in choices["departments"]]
    assert {"key": "doctor_absent", "zh": "医生临时停诊"} in choices["reasons"]
    await office.world.patient()
    lines = (await office.get("purge"))["lines"]
    assert lines[0] == {"thing": "appointments", "hospital": HOSPITAL, "days": 30, "kept": 1, "due": 0}


async def test_the_log_names_no_patient(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        made = await office.world.patient(card=True)
        await office.get(f"appointments/{made.id.hex}")
        await office.send("GET", "export", hospital=HOSPITAL, first=DAY.isoformat())
    assert not any(secret in caplog.text for secret in SECRETS)
