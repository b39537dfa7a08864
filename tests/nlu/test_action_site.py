"""The kept connection to the action site, against a real HTTP server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from rasa.utils.endpoints import ClientResponseError, EndpointConfig

from bot.nlu.action_site import ActionSite


async def _answer(request: web.Request) -> web.Response:
    if request.query.get("token") != "secret":
        return web.json_response({"error": "no"}, status=400)
    transport = request.transport
    assert transport is not None
    return web.json_response({"got": await request.json(), "from": transport.get_extra_info("peername")[1]})


@pytest.fixture
async def server() -> AsyncIterator[TestServer]:
    app = web.Application()
    app.router.add_post("/actions", _answer)
    async with TestServer(app, host="127.0.0.1") as server:
        yield server


async def test_calls_share_one_connection_and_carry_the_token(server: TestServer) -> None:
    site = ActionSite.like(EndpointConfig(str(server.make_url("/actions")), token="secret"))
    first = await site.request(json={"a": 1}, method="post", timeout=15, compress=False)
    second = await site.request(json={"a": 2}, method="post", timeout=15, compress=False)
    await site.close()
    assert (first["got"], second["got"]) == ({"a": 1}, {"a": 2})
    assert first["from"] == second["from"]


async def test_a_refusal_is_rasas_own_error(server: TestServer) -> None:
    site = ActionSite.like(EndpointConfig(str(server.make_url("/actions")), token="wrong"))
    with pytest.raises(ClientResponseError) as refused:
        await site.request(json={}, method="post")
    await site.close()
    assert refused.value.status == 400 and refused.value.text == '{"error": "no"}'
