"""An operator without a page: has a token, and does everything through the interface."""

from __future__ import annotations

import asyncio
import itertools
import json
from dataclasses import dataclass
from typing import Any

import aiohttp

from bot.conversations import history, store
from bot.db.engine import transaction
from bot.handoff import staff
from bot.handoff.staff import Role
from tests.fakes.site import Response, Site
from tests.handoff.test_hours import at

# A Tuesday on which the desk is open.
OPEN = at("2026-11-24 10:00")
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Operator:
    site: Site
    name: str
    token: str

    async def call(self, method: str, path: str, data: Any = None, **options: Any) -> Response:
        """A request below /api/staff."""
        if data is not None:
            options["json"] = data
        headers = {"Authorization": f"Bearer {self.token}"}
        return await self.site.request(method, f"/api/staff{path}", headers=headers, **options)

    async def get(self, path: str, **query: Any) -> dict[str, Any]:
        response = await self.call("GET", path, params=query)
        assert response.status == 200, response.body
        return response.json

    async def be_there(self, on: bool = True) -> None:
        response = await self.call("PUT", "/presence", {"on": on})
        assert response.status == 200, response.body

    async def do(self, conversation: str, what: str, data: Any = None) -> Response:
        return await self.call("POST", f"/conversations/{conversation}/{what}", data)

    async def write(self, conversation: str, text: str, key: str | None = None) -> Response:
        return await self.do(conversation, "messages", {"key": key or f"k{next(_numbers)}", "text": text})

    async def listed(self, state: str = "waiting") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.get("/conversations", state=state))["conversations"]
        return found

    async def socket(self) -> Page:
        raw = await self.site.session.ws_connect(f"{self.site.public}/api/staff/events")
        page = Page(raw)
        await page.say({"type": "hello", "token": self.token})
        await page.next("welcome")
        return page


@dataclass(frozen=True)
class Page:
    """An operator's open socket."""

    raw: aiohttp.ClientWebSocketResponse

    async def say(self, frame: Any) -> None:
        await self.raw.send_str(json.dumps(frame))

    async def next(self, kind: str, seconds: float = 10) -> dict[str, Any]:
        """The next frame of this type."""
        async with asyncio.timeout(seconds):
            while True:
                message = await self.raw.receive()
                assert message.type is aiohttp.WSMsgType.TEXT, (message, self.raw.close_code)
                frame: dict[str, Any] = json.loads(message.data)
                if frame["type"] == kind:
                    return frame

    async def closed(self, seconds: float = 10) -> int:
        async with asyncio.timeout(seconds):
            while (await self.raw.receive()).type is aiohttp.WSMsgType.TEXT:
                pass
        return self.raw.close_code or 0


async def operator(
    site: Site, name: str = "desk-1", *languages: str, role: Role = Role.OPERATOR, there: bool = True
) -> Operator:
    """A new member, at the desk."""
    shown = {"desk-1": "Operator A", "desk-2": "Operator B"}.get(name, name)
    async with transaction(site.service.database) as connection:
        token = await staff.add(connection, name, shown, {role}, languages or ("en",), site.clock.now)
    found = Operator(site, name, token)
    if there:
        await found.be_there()
    return found


async def wish(site: Site, text: str = "I want to talk to a person", **fields: str) -> dict[str, Any]:
    """The reply to a resident who wants a person."""
    reply = await site.say(text, **fields)
    assert reply["outcome"] == "handoff", reply
    return reply


async def connect(site: Site, language: str = "en") -> dict[str, Any]:
    """A resident who has asked for a person and agreed: the reply that tells the place."""
    return await site.press(await wish(site, language=language), 0)


async def id_of(site: Site, reply: dict[str, Any]) -> str:
    """The conversation's id, as the desk has it."""
    thread = await store.thread(site.service.database, reply["conversation"])
    return thread.id.hex


async def said(site: Site, reply: dict[str, Any]) -> list[dict[str, Any]]:
    """Everything said in a resident's conversation."""
    thread = await store.thread(site.service.database, reply["conversation"])
    return await history.after(site.service.database, thread.id, 0)


async def tell(site: Site, reply: dict[str, Any], text: str) -> dict[str, Any]:
    """A resident writes to a person; the reply of the interface, which has no messages then."""
    data = {"text": text, "conversation": reply["conversation"]}
    async with site.session.post(f"{site.public}/api/chat", json=data) as response:
        assert response.status == 200, await response.read()
        found: dict[str, Any] = await response.json()
    return found
