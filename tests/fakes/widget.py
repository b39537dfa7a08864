"""A widget without a page, by HTTP alone: every answer is held against the OpenAPI document."""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass
from typing import Any

from tests.fakes.schema import problems
from tests.fakes.site import Response, Site

API = "/api/widget/"
ELSEWHERE = "https://www.hefei.example"
HOSTILE = "https://evil.example"
SITES = """
default: {origins: [], pages: {visa: visa}}
demo: {origins: [], pages: {visa: visa, hospital: hospital}}
city: {origins: ["https://www.hefei.example", "https://*.city.example"], pages: {}}
"""


@dataclass
class Widget:
    """One browser: `origin` is the page's, null for a server; `token` is the conversation's, once there is one."""

    site: Site
    origin: str | None
    token: str | None = None

    async def post(self, path: str, data: Any = None, **headers: str) -> Response:
        return await self.call("POST", path, json={} if data is None else data, headers=headers)

    async def get(self, path: str, headers: dict[str, str] | None = None, **query: str) -> Response:
        return await self.call("GET", path, params=query, headers=headers)

    async def call(self, method: str, path: str, headers: dict[str, str] | None = None, **options: Any) -> Response:
        sent = {} if self.origin is None else {"Origin": self.origin}
        if self.token is not None:
            sent["Authorization"] = f"Bearer {self.token}"
        url = f"{self.site.public}{API}{path}"
        async with self.site.session.request(method, url, headers={**sent, **(headers or {})}, **options) as response:
            lowered = {name.lower(): value for name, value in response.headers.items()}
            found = Response(response.status, lowered, await response.read())
        check(self.site, method, path, found)
        return found

    async def begin(self, **fields: Any) -> dict[str, Any]:
        """A session that must be given; the token is kept."""
        response = await self.post("session", fields)
        assert response.status == 200, response.body
        self.token = response.json["token"]
        return response.json

    async def say(self, text: str, key: str) -> int:
        """Send a message and wait until it is answered; its number."""
        response = await self.post("messages", {"key": key, "text": text})
        assert response.status == 202, response.body
        seq = int(response.json["seq"])
        while not any(message["reply_to"] == seq for message in await self.messages()):
            await self.get("messages", after=str(seq), wait="1")
        return seq

    async def messages(self) -> list[dict[str, Any]]:
        response = await self.get("messages", after="0")
        assert response.status == 200, response.body
        found: list[dict[str, Any]] = response.json["messages"]
        return found


def widget(site: Site, origin: str | None = "own") -> Widget:
    return Widget(site, site.public if origin == "own" else origin)


def check(site: Site, method: str, path: str, response: Response) -> None:
    """What docs/api.md promises of every answer of this interface."""
    assert "access-control-allow-credentials" not in response.headers
    assert "set-cookie" not in response.headers
    assert "Origin" in response.headers["vary"]
    if response.status >= 400:
        assert problems(site.document, {"$ref": "#/components/schemas/Error"}, response.json) == []
        assert ("retry-after" in response.headers) == (response.status in (429, 503))
        return
    responses = site.document["paths"][f"{API}{path}"][method.lower()]["responses"]
    expected = responses[str(response.status)]
    if "application/json" in expected.get("content", {}):
        assert problems(site.document, expected["content"]["application/json"]["schema"], response.json) == []
    elif "content" not in expected:
        assert response.body == b""


def solve(challenge: str, bits: int) -> str:
    """What a browser's worker would find."""
    for nonce in itertools.count():
        digest = hashlib.sha256(f"{challenge}.{nonce}".encode()).digest()
        if int.from_bytes(digest, "big") >> (256 - bits) == 0:
            return f"{challenge}.{nonce}"
    raise AssertionError
