"""Errors everywhere: a status, one JSON shape (checked by `Site`), a code from the closed list."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest

from bot.channels.web.request import parse_body, parse_said
from bot.errors import Code, RequestError
from tests.conftest import SiteMaker
from tests.fakes.engine import ROOT
from tests.fakes.ledger import lines
from tests.fakes.site import Site

GOOD = {"text": "How do I register my address with the police?"}


def test_the_codes_are_a_closed_list_that_the_documentation_holds() -> None:
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    for code in Code:
        assert f"`{code.value}`" in text


@pytest.mark.parametrize("text", ["", " ", "\n\t  ", "\u3000\u2003", "\u00a0"])
async def test_empty_text(site: Site, text: str) -> None:
    response = await site.post({"text": text})
    assert (response.status, response.code) == (400, "empty_text")


async def test_the_longest_text_is_taken_and_one_more_is_not(site: Site) -> None:
    assert (await site.post({"text": "a" * 4000})).status == 200
    response = await site.post({"text": "a" * 4001})
    assert (response.status, response.code) == (400, "text_too_long")


@pytest.mark.parametrize("size", [65537, 100_000, 1_000_000])
async def test_a_large_body_is_413(site: Site, size: int) -> None:
    response = await site.post(None, raw=json.dumps({"text": "a" * size}).encode())
    assert (response.status, response.code) == (413, "body_too_large")


async def test_a_large_body_in_chunks_is_413(site: Site) -> None:
    async def chunks() -> Any:
        for _ in range(40):
            yield b"a" * 8192

    response = await site.request("POST", "/api/chat", data=chunks(), headers={"Content-Type": "application/json"})
    assert (response.status, response.code) == (413, "body_too_large")


async def test_a_bomb_of_zeros_is_413(site: Site) -> None:
    packed = gzip.compress(b"0" * 20_000_000)
    response = await site.post(None, raw=packed, Content_Encoding="gzip")
    assert (response.status, response.code) == (413, "body_too_large")


async def test_a_body_that_is_not_what_its_encoding_says(site: Site) -> None:
    response = await site.post(None, raw=b"this is not gzip", Content_Encoding="gzip")
    assert response.status == 400


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "text/json"]
)
async def test_another_type_is_415(site: Site, kind: str) -> None:
    response = await site.post(GOOD, Content_Type=kind)
    assert (response.status, response.code) == (415, "unsupported_type")


async def test_json_with_a_charset_is_taken(site: Site) -> None:
    assert (await site.post(GOOD, Content_Type="application/json; charset=utf-8")).status == 200


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"not json",
        b"\xff\xfe{\x00",
        b'{"text": "\xff\xfe"}',
        b"\x00" * 100,
        b"[" * 60000,
        b'{"text":' * 8000,
        b"[]",
        b"null",
        b"7",
        b'"hello"',
        b"[1, 2]",
        b"true",
        b'{"text": ' + b"9" * 5000 + b"}",
    ],
)
async def test_what_is_no_json_object_is_400(site: Site, raw: bytes) -> None:
    response = await site.post(None, raw=raw)
    assert response.status == 400
    assert response.code in ("bad_json", "bad_field")


@pytest.mark.parametrize("field", ["text", "button", "conversation", "language", "locale"])
@pytest.mark.parametrize("value", [7, 1.5, True, [], {}, ["hello"], {"text": "x"}])
async def test_a_field_of_the_wrong_type_is_400(site: Site, field: str, value: Any) -> None:
    given = {field: value} if field in ("text", "button") else {**GOOD, field: value}
    response = await site.post(given)
    assert (response.status, response.code) == (400, "bad_field")
    assert field in response.json["error"]["message"]
    assert await lines(site.service.database) == []


@pytest.mark.parametrize("given", [{}, {"text": None}, {**GOOD, "button": "b1.0"}, {"language": "en"}])
async def test_either_text_or_button(site: Site, given: dict[str, Any]) -> None:
    assert (await site.post(given)).code == "bad_field"


@pytest.mark.parametrize("language", ["", "xx", "EN", "zh-CN", "english", "tlh"])
async def test_an_unknown_language_is_400(site: Site, language: str) -> None:
    assert (await site.post({**GOOD, "language": language})).code == "bad_field"


@pytest.mark.parametrize("field", ["button", "conversation", "language", "locale"])
async def test_an_overlong_field_is_400(site: Site, field: str) -> None:
    given = {"button": "b" * 101} if field == "button" else {**GOOD, field: "x" * 101}
    assert (await site.post(given)).code == "bad_field"


async def test_null_counts_as_absent_and_unknown_fields_are_ignored(site: Site) -> None:
    response = await site.post({**GOOD, "conversation": None, "language": None, "later": 1})
    assert response.status == 200


@pytest.mark.parametrize(
    "path", ["/api", "/api/chat/", "/api/chat/x", "/local/chat", "/actions", "/%00", "/../etc/passwd"]
)
async def test_another_path_is_404(site: Site, path: str) -> None:
    response = await site.request("POST", path, json=GOOD)
    assert (response.status, response.code) == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/"), ("GET", "/api/chat"), ("PUT", "/api/chat"), ("POST", "/healthz"), ("DELETE", "/readyz")],
)
async def test_another_method_is_405_and_says_which_are_allowed(site: Site, method: str, path: str) -> None:
    response = await site.request(method, path)
    assert (response.status, response.code) == (405, "method_not_allowed")
    assert response.headers.get("Allow")


async def test_an_expectation_that_is_not_known_is_an_error_in_json(site: Site) -> None:
    async with site.session.post(f"{site.public}/api/chat", json=GOOD, headers={"Expect": "miracles"}) as response:
        assert response.status == 417
        assert response.content_type == "application/json"


async def test_too_many_messages_are_429_with_retry_after(make_site: SiteMaker) -> None:
    async with make_site(rate_per_minute=30, rate_burst=3) as site:
        statuses = [(await site.post({"text": "thank you"})).status for _ in range(3)]
        refused = await site.post({"text": "thank you"})
        assert statuses == [200, 200, 200]
        assert (refused.status, refused.code) == (429, "rate_limited")
        assert int(refused.headers["Retry-After"]) in (1, 2)
        assert (await site.request("GET", "/healthz")).status == 200


async def test_a_client_cannot_hide_behind_its_own_words(make_site: SiteMaker) -> None:
    async with make_site(rate_per_minute=1, rate_burst=1) as site:
        first = await site.post(GOOD, X_Forwarded_For="10.0.0.1")
        second = await site.post(GOOD, X_Forwarded_For="10.0.0.2")
        assert [first.status, second.status] == [200, 429]


async def test_behind_a_proxy_clients_are_told_apart(make_site: SiteMaker) -> None:
    async with make_site(rate_per_minute=1, rate_burst=1, trusted_proxies=1) as site:
        first = await site.post(GOOD, X_Forwarded_For="7.7.7.7, 10.0.0.1")
        second = await site.post(GOOD, X_Forwarded_For="7.7.7.7, 10.0.0.2")
        third = await site.post(GOOD, X_Forwarded_For="8.8.8.8, 10.0.0.2")
        assert [first.status, second.status, third.status] == [200, 200, 429]


async def test_the_loopback_door_needs_its_secret_and_has_no_rate_limit(make_site: SiteMaker) -> None:
    async with make_site(rate_per_minute=1, rate_burst=1) as site:
        for headers in ({}, {"X-Linli-Secret": "wrong"}, {"X-Linli-Secret": "ü"}):
            async with site.session.post(f"{site.local}/local/chat", json=GOOD, headers=headers) as response:
                assert response.status == 403
                assert (await response.json())["error"]["code"] == "forbidden"
        assert len([await site.client.say(GOOD) for _ in range(3)]) == 3


async def test_the_action_door_needs_its_token(site: Site) -> None:
    for token in ("", "?token=", "?token=wrong", "?token=%FF"):
        async with site.session.post(f"{site.local}/actions{token}", json={"next_action": "action_greet"}) as response:
            assert response.status == 403


async def test_a_fault_of_ours_says_nothing_of_itself(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret-inside-the-fault")

    monkeypatch.setattr(site.service.lane, "check", broken)
    response = await site.post(GOOD)
    assert (response.status, response.code) == (500, "internal")
    assert b"secret-inside-the-fault" not in response.body
    assert b"Traceback" not in response.body


@pytest.mark.parametrize("status", [200, 400, 404, 413, 415, 429, 500, 503])
def test_every_status_we_give_is_documented(brain: object, status: int, tmp_path: Path) -> None:
    from bot.channels.web.openapi import openapi
    from bot.settings import load_settings

    responses = openapi(load_settings({}))["paths"]["/api/chat"]["post"]["responses"]
    assert str(status) in responses


def test_an_error_never_repeats_the_text() -> None:
    secret = "E12345678"
    for raw in (f'{{"text": {secret}', f'{{"text": "{secret}", "language": "{secret}"}}', f'{{"text": ["{secret}"]}}'):
        with pytest.raises(RequestError) as caught:
            parse_said(parse_body(raw.encode()), "web", 4000)
        assert not re.search(secret, str(caught.value))
