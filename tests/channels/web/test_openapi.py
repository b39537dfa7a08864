"""The OpenAPI document is valid in itself and says what the code does."""

from __future__ import annotations

import json
import re

import pytest

from bot.errors import Code
from bot.languages import CODES
from bot.messages import Kind, Outcome
from bot.settings import load_settings
from tests.fakes.schema import faults, problems, resolved, schemas_of
from tests.fakes.site import MESSAGE_FIELDS, REPLY_FIELDS, Site


async def test_the_document_is_served(site: Site) -> None:
    response = await site.request("GET", "/api/openapi.json")
    assert response.status == 200
    assert response.json == site.document


def test_the_document_is_valid_openapi(site: Site) -> None:
    document = site.document
    assert re.fullmatch(r"3\.1\.\d", document["openapi"])
    assert document["info"]["title"]
    assert document["info"]["version"]
    for path, operations in document["paths"].items():
        assert path.startswith("/")
        for method, operation in operations.items():
            assert method in ("get", "post", "put", "delete")
            assert operation["responses"]
            for status, response in operation["responses"].items():
                assert re.fullmatch(r"[1-5]\d\d", status)
                assert response["description"]


def test_every_schema_is_valid_and_every_reference_leads_somewhere(site: Site) -> None:
    for schema in schemas_of(site.document):
        assert list(faults(schema)) == []
    for reference in re.findall(r'"\$ref": "([^"]+)"', json.dumps(site.document)):
        assert resolved(site.document, reference)


def test_the_vocabularies_are_the_codes(site: Site) -> None:
    schemas = site.document["components"]["schemas"]
    reply, message = schemas["Reply"]["properties"], schemas["Message"]["properties"]
    assert set(reply) == REPLY_FIELDS
    assert set(message) == MESSAGE_FIELDS
    assert set(schemas["Reply"]["required"]) == REPLY_FIELDS
    assert set(schemas["Message"]["required"]) == MESSAGE_FIELDS
    assert reply["outcome"]["enum"] == [outcome.value for outcome in Outcome]
    assert reply["language"]["enum"] == list(CODES)
    assert message["kind"]["enum"] == [kind.value for kind in Kind]
    assert schemas["Error"]["properties"]["error"]["properties"]["code"]["enum"] == [code.value for code in Code]


def test_the_length_of_a_text_is_the_settings(site: Site) -> None:
    assert site.document["components"]["schemas"]["Request"]["properties"]["text"]["maxLength"] == 4000
    from bot.channels.web.openapi import openapi

    other = openapi(load_settings({}, text_limit_characters=77))
    assert other["components"]["schemas"]["Request"]["properties"]["text"]["maxLength"] == 77


@pytest.mark.parametrize(
    ("request_", "fits"),
    [
        ({"text": "hello"}, True),
        ({"button": "b2.0", "conversation": "x"}, True),
        ({"text": "hello", "language": "fr", "locale": "fr-CA"}, True),
        ({}, False),
        ({"text": "hello", "button": "b2.0"}, False),
        ({"text": ""}, False),
        ({"text": 7}, False),
        ({"text": "hello", "language": "xx"}, False),
    ],
)
def test_requests_are_as_documented(site: Site, request_: dict[str, object], fits: bool) -> None:
    found = problems(site.document, {"$ref": "#/components/schemas/Request"}, request_)
    assert (found == []) == fits


async def test_health(site: Site, make_site: object) -> None:
    assert (await site.request("GET", "/healthz")).status == 200
    ready = await site.request("GET", "/readyz")
    assert ready.status == 200
    assert ready.json["engine"] == "up"


async def test_without_an_engine_questions_can_still_be_answered(lone_site: Site) -> None:
    ready = await lone_site.request("GET", "/readyz")
    assert (ready.status, ready.json["engine"]) == (200, "down")
