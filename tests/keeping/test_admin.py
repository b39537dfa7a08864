"""The administrators' interface by HTTP: who may, what changes, and that everybody hears of it."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.bus import CONFIG, LocalBus
from bot.channels.staff import admin
from bot.channels.staff.access import FAILED, HANDOVER, FailedTries
from bot.channels.web.errors import errors_as_json
from bot.channels.web.keys import SETTINGS
from bot.conversations.switches import SCOPES, Switches
from bot.db import models
from bot.db.engine import transaction
from bot.handoff import staff
from bot.handoff.staff import Role
from bot.keeping import notices
from bot.locales import Locales
from bot.settings import load_settings
from tests.keeping.world import NOW, add_person, add_staff, opened


@dataclass
class Desk:
    """As much of the desk as these routes need."""

    database: AsyncEngine
    bus: LocalBus
    clock: Callable[[], datetime] = lambda: NOW


@dataclass
class Office:
    """The interface, listening, and an administrator's token."""

    desk: Desk
    address: str
    session: aiohttp.ClientSession
    token: str
    signals: list[Any]

    async def call(self, method: str, path: str, data: Any = None, token: str | None = None) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {token or self.token}"}
        async with self.session.request(method, f"{self.address}{path}", json=data, headers=headers) as response:
            return response.status, await response.json()

    async def audited(self) -> list[tuple[str, str, str]]:
        async with transaction(self.desk.database) as connection:
            rows = await connection.execute(select(models.Audit).order_by(models.Audit.id))
            return [(row.actor, row.action, row.subject) for row in rows]


@pytest.fixture
async def office(database_url: str) -> AsyncIterator[Office]:
    async with opened(database_url) as database, aiohttp.ClientSession() as session:
        async with transaction(database) as connection:
            token = await staff.add(connection, "admin-1", "Administrator", {Role.ADMIN}, ("en",), NOW)
        desk, signals = Desk(database, LocalBus()), list[Any]()
        desk.bus.subscribe(CONFIG, signals.append)
        app = web.Application(middlewares=[errors_as_json])
        app[HANDOVER], app[FAILED], app[SETTINGS] = desk, FailedTries(), load_settings({})  # type: ignore[assignment]
        admin.add_routes(app)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield Office(desk, f"http://127.0.0.1:{runner.addresses[0][1]}", session, token, signals)
        await runner.cleanup()


@pytest.mark.parametrize("route", admin.ADMIN_ROUTES, ids=lambda route: f"{route.method} {route.path}")
async def test_only_administrators(office: Office, route: Any) -> None:
    async with transaction(office.desk.database) as connection:
        token = await staff.add(connection, "desk-1", "Operator A", set(Role) - {Role.ADMIN}, ("en",), NOW)
    path = route.path.format(scope="bot", id="0" * 32)
    assert (await office.call(route.method, path, {}, token))[0] == 403
    assert (await office.call(route.method, path, {}, "linli_wrong"))[0] == 401
    assert office.signals == []


async def test_off_and_on_again(office: Office) -> None:
    switches = Switches(office.desk.database, office.desk.bus, Locales.load(), office.desk.clock)
    words = {"en": "Back at noon.", "zh": "中午恢复。"}
    status, done = await office.call("PUT", "/api/staff/switches/topic:medical", {"words": words})
    assert status == 200
    assert done["missing"] == ["ja", "ko", "fr", "de", "es", "ru", "ar", "vi"]
    await switches.reload()
    assert switches.topic_off("medical", "en") == "Back at noon."
    assert switches.bot_off("en") is None
    _, listed = await office.call("GET", "/api/staff/switches")
    assert [one["scope"] for one in listed["switches"]] == list(SCOPES)
    assert [(one["scope"], one["set_by"]) for one in listed["switches"] if one["off"]] == [("topic:medical", "admin-1")]
    assert (await office.call("DELETE", "/api/staff/switches/topic:medical"))[0] == 200
    await switches.reload()
    assert switches.topic_off("medical", "en") is None
    assert office.signals == [{"event": "changed"}] * 2
    assert await office.audited() == [
        ("admin-1", "switch_off", "topic:medical"),
        ("admin-1", "switch_on", "topic:medical"),
    ]


@pytest.mark.parametrize(
    ("path", "data", "status"),
    [
        ("/api/staff/switches/kitchen", {}, 404),
        ("/api/staff/switches/topic:", {}, 404),
        ("/api/staff/switches/bot", {"words": []}, 200),
        ("/api/staff/switches/bot", {"words": ["x"]}, 400),
        ("/api/staff/switches/bot", {"words": {"tlh": "nuqneH"}}, 400),
        ("/api/staff/switches/bot", {"words": {"en": " "}}, 400),
        ("/api/staff/switches/bot", {"words": {"en": 7}}, 400),
        ("/api/staff/switches/bot", {"words": {"en": "x" * 1001}}, 400),
        ("/api/staff/switches/bot", {"words": {"en": "a\u0000b"}}, 400),
        ("/api/staff/switches/bot", {"words": {"en": "\ud800"}}, 400),
        ("/api/staff/switches/bot", [], 400),
    ],
)
async def test_a_wrong_switch_changes_nothing(office: Office, path: str, data: Any, status: int) -> None:
    assert (await office.call("PUT", path, data))[0] == status
    assert (len(office.signals), len(await office.audited())) == ((1, 1) if status == 200 else (0, 0))


def notice(**given: Any) -> dict[str, Any]:
    words = {"en": "The hall is closed on Friday.", "zh": "周五大厅不办公。"}
    period = {"starts_at": NOW.isoformat(), "ends_at": (NOW + timedelta(days=2)).isoformat()}
    return {"severity": "info", "site": None, "words": words, **period} | given


async def test_a_notice_from_its_beginning_to_its_end(office: Office) -> None:
    status, made = await office.call("POST", "/api/staff/notices", notice())
    assert status == 200
    assert made["missing"] == ["ja", "ko", "fr", "de", "es", "ru", "ar", "vi"]
    words = {**made["words"], "fr": "Fermé vendredi."}
    path = f"/api/staff/notices/{made['id']}"
    status, changed = await office.call("PUT", path, notice(words=words, severity="emergency"))
    assert (status, changed["id"], changed["created_by"]) == (200, made["id"], "admin-1")
    _, listed = await office.call("GET", "/api/staff/notices")
    assert [(one["severity"], one["shown"]) for one in listed["notices"]] == [("emergency", True)]
    async with transaction(office.desk.database) as connection:
        (shown,) = await notices.current(connection, "demo", NOW)
        assert (shown.text("fr"), shown.text("ja")) == ("Fermé vendredi.", "The hall is closed on Friday.")
        assert await notices.current(connection, None, NOW + timedelta(days=2)) == []
        assert await notices.current(connection, None, NOW - timedelta(seconds=1)) == []
    assert (await office.call("DELETE", path))[0] == 200
    assert (await office.call("DELETE", path))[0] == 404
    assert [action for _, action, _ in await office.audited()] == ["notice_created", "notice_changed", "notice_removed"]
    assert len(office.signals) == 3


async def test_a_site_shows_its_own_and_everybodys_the_emergency_first(office: Office) -> None:
    for site, severity in ((None, "info"), ("demo", "emergency"), ("other", "info")):
        await office.call("POST", "/api/staff/notices", notice(site=site, severity=severity))
    async with transaction(office.desk.database) as connection:
        assert [one.site for one in await notices.current(connection, "demo", NOW)] == ["demo", None]
        assert [one.site for one in await notices.current(connection, None, NOW)] == [None]


@pytest.mark.parametrize(
    "wrong",
    [
        {"words": {"en": "only English"}},
        {"words": None},
        {"severity": "loud"},
        {"severity": ["info"]},
        {"site": "A Site"},
        {"site": 7},
        {"starts_at": "2026-12-01T08:00:00"},
        {"starts_at": "tomorrow"},
        {"ends_at": None},
        {"ends_at": NOW.isoformat()},
        {"starts_at": "0001-01-01T00:00:00+14:00"},
        {"colour": "red"},
    ],
    ids=str,
)
async def test_a_wrong_notice_is_refused(office: Office, wrong: dict[str, Any]) -> None:
    status, body = await office.call("POST", "/api/staff/notices", notice(**wrong))
    assert (status, body["error"]["code"]) == (400, "bad_field")
    assert office.signals == []
    for path in (f"/api/staff/notices/{'0' * 32}", "/api/staff/notices/x"):
        assert (await office.call("PUT", path, notice()))[0] == 404


async def test_the_test_box_masks_and_keeps_nothing(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    text = "我的手机１３８００１３８０００，mail jane＠example.com"
    status, found = await office.call("POST", "/api/staff/mask", {"text": text})
    assert status == 200
    assert found["masked"] == "我的手机‹PHONE›,mail ‹EMAIL›"
    assert [(one["kind"], text[one["start"] : one["end"]]) for one in found["found"]] == [
        ("PHONE", "１３８００１３８０００"),
        ("EMAIL", "jane＠example.com"),
    ]
    ours = [record for record in caplog.records if record.name.startswith("linli")]
    assert not any("jane" in record.getMessage() for record in ours)
    assert await office.audited() == []
    for wrong in ({}, {"text": 7}, {"text": "x" * 4001}):
        assert (await office.call("POST", "/api/staff/mask", wrong))[0] == 400


async def test_the_preview_of_the_next_purge(office: Office) -> None:
    async with transaction(office.desk.database) as connection:
        staff_id = await add_staff(connection, "desk-9")
        for days in (1, 31):
            await add_person(connection, staff_id, NOW - timedelta(days=days))
    _, found = await office.call("GET", "/api/staff/retention")
    oldest = (NOW - timedelta(days=31)).isoformat()
    assert found["classes"][0] == {"class": "anonymous", "days": 30, "kept": 2, "due": 1, "oldest": oldest}
    assert [one["class"] for one in found["classes"]] == ["anonymous", "identified", "medical"]
