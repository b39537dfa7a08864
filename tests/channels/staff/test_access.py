"""The gate: every route asks for a token and a permission, and wrong tokens are tried a few times only."""

from __future__ import annotations

import re
from typing import Any

import pytest

from bot.channels.staff.access import PERMISSIONS, FailedTries, Permission
from bot.channels.staff.admin import ADMIN_ROUTES
from bot.channels.staff.bookings import BOOKING_ROUTES
from bot.channels.staff.openapi import paths
from bot.channels.staff.routes import ROUTES
from bot.db.engine import transaction
from bot.handoff import staff
from bot.handoff.staff import Role
from tests.channels.staff.people import operator
from tests.fakes.schema import faults
from tests.fakes.site import Site

DOORS = [(route.method, route.path.format(id="0" * 32, reference="LL-0000-0000")) for route in ROUTES]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize(("method", "path"), DOORS)
async def test_without_a_token_every_door_is_shut(desk: Site, method: str, path: str) -> None:
    for headers in ({}, {"Authorization": "Basic eDp5"}, bearer("")):
        response = await desk.request(method, path, headers=headers, json={})
        assert (response.status, response.code) == (401, "bad_token")


@pytest.mark.parametrize(("role", "may"), [(Role.EDITOR, {"self"}), (Role.BOOKING, {"self"}), (Role.ADMIN, {"self"})])
async def test_roles_open_their_own_doors_only(desk: Site, role: Role, may: set[str]) -> None:
    one = await operator(desk, "other", role=role, there=False)
    for route, (method, path) in zip(ROUTES, DOORS, strict=True):
        response = await desk.request(method, path, headers=bearer(one.token), json={})
        assert (response.status == 403) == (route.permission.value not in may), path


def test_every_role_has_its_permissions_declared() -> None:
    assert set(PERMISSIONS) == set(Role)
    assert {permission for found in PERMISSIONS.values() for permission in found} == set(Permission)


async def test_a_disabled_member_is_out_at_once(desk: Site) -> None:
    one = await operator(desk)
    assert (await one.call("GET", "/me")).status == 200
    async with transaction(desk.service.database) as connection:
        await staff.set_disabled(connection, "desk-1", desk.clock.now)
    assert (await one.call("GET", "/me")).code == "bad_token"


async def test_a_wrong_token_is_tried_five_times_and_an_address_thirty(desk: Site) -> None:
    one = await operator(desk)

    async def status(token: str) -> int:
        return (await desk.request("GET", "/api/staff/me", headers=bearer(token))).status

    assert [await status("wrong") for _ in range(7)] == [401] * 5 + [429] * 2
    assert await status(one.token) == 200, "others at the same address go on"
    assert [await status(f"wrong-{number}") for number in range(25)] == [401] * 25
    response = await desk.request("GET", "/api/staff/me", headers=bearer("wrong-25"))
    assert (response.status, response.code) == (429, "rate_limited")


def test_failed_tries_are_forgotten_after_a_minute() -> None:
    failed, limits = FailedTries(), {"t": 2, "a": 3}
    for _ in range(2):
        assert failed.wait(limits, 0.0) is None
        failed.count(limits, 0.0)
    assert failed.wait(limits, 0.5) == 60
    assert failed.wait({"a": 3}, 0.5) is None
    assert failed.wait(limits, 60.0) is None
    failed.count(limits, 61.0)
    assert failed.wait(limits, 61.0) is None


async def test_what_is_said_to_staff_is_kept_in_no_cache(desk: Site) -> None:
    one = await operator(desk)
    response = await one.call("GET", "/conversations")
    assert response.headers["Cache-Control"] == "no-store"


async def test_a_body_must_be_json(desk: Site) -> None:
    one = await operator(desk)
    headers = {**bearer(one.token), "Content-Type": "text/plain"}
    response = await desk.request("PUT", "/api/staff/presence", headers=headers, data=b'{"on": true}')
    assert response.code == "unsupported_type"


def test_the_document_has_every_route_with_sound_schemas() -> None:
    document = paths()
    found = {(method.upper(), path) for path, methods in document.items() for method in methods}
    routes = {(route.method, route.path) for route in (*ROUTES, *ADMIN_ROUTES, *BOOKING_ROUTES)}
    assert found == routes | {("GET", "/api/staff/events")}
    for path, methods in document.items():
        for operation in methods.values():
            assert operation["summary"].endswith("."), path
            assert re.fullmatch(r"\d{3}", next(iter(operation["responses"])))
            for schema in _schemas(operation):
                assert list(faults(schema)) == [] or set(schema) == {"$ref"}


def _schemas(operation: dict[str, Any]) -> list[dict[str, Any]]:
    bodies = [operation.get("requestBody"), *operation["responses"].values()]
    return [media["schema"] for body in bodies for media in (body or {}).get("content", {}).values()]
