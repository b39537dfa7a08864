"""A widget without a page: it has a token, talks over the socket or by HTTP, and remembers what it was told."""

from __future__ import annotations

import asyncio
import itertools
import json
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import aiohttp

from bot.channels.web.visitor import Tokens
from bot.conversations import store, visits
from tests.fakes.site import VISITOR_KEYS, Site

_numbers = itertools.count(1)


@dataclass
class Visitor:
    """One conversation of a web page."""

    site: Site
    conversation: uuid.UUID
    device: uuid.UUID
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    async def socket(self, after: int = 0, **hello: Any) -> Socket:
        """A socket that has been welcomed."""
        socket = await self.raw_socket()
        await socket.say({"type": "hello", "token": self.token, "after": after, **hello})
        socket.welcome = await socket.next("welcome")
        return socket

    async def raw_socket(self, **headers: str) -> Socket:
        url = f"{self.site.public}/api/widget/live"
        return Socket(await self.site.session.ws_connect(url, headers=headers))

    async def get(self, **query: Any) -> dict[str, Any]:
        response = await self.site.request("GET", "/api/widget/messages", params=query, headers=self.headers)
        assert response.status == 200, response.body
        return response.json


@dataclass
class Socket:
    raw: aiohttp.ClientWebSocketResponse
    welcome: dict[str, Any] = field(default_factory=dict)
    frames: list[dict[str, Any]] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)

    async def say(self, frame: dict[str, Any]) -> None:
        await self.raw.send_str(json.dumps(frame))

    async def send(self, text: str | None = None, key: str | None = None, **more: Any) -> str:
        """Send a message; its key."""
        key = key or f"key-{next(_numbers)}"
        await self.say({"type": "send", "key": key, **({"text": text} if text is not None else {}), **more})
        return key

    async def next(self, kind: str, seconds: float = 10) -> dict[str, Any]:
        """The next frame of this type; what comes before it is remembered."""
        async with asyncio.timeout(seconds):
            while True:
                frame = await self._frame()
                if frame["type"] == kind:
                    return frame

    async def until_seq(self, seq: int, seconds: float = 10) -> list[dict[str, Any]]:
        """All messages so far, once the one with this number is there."""
        async with asyncio.timeout(seconds):
            while not self.messages or self.messages[-1]["seq"] < seq:
                await self._frame()
        return self.messages

    async def reply_to(self, key: str) -> list[dict[str, Any]]:
        """The messages that answer what was sent under this key."""
        async with asyncio.timeout(10):
            while True:
                asked = next((m["seq"] for m in self.messages if m["key"] == key), None)
                found = [m for m in self.messages if asked is not None and m["reply_to"] == asked]
                if found:
                    return found
                await self._frame()

    async def closed(self, seconds: float = 10) -> int:
        """The code the server closes with."""
        async with asyncio.timeout(seconds):
            while True:
                message = await self.raw.receive()
                if message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSING):
                    return self.raw.close_code or 0

    async def quiet(self, seconds: float = 0.3) -> None:
        """Nothing but typing comes for a while."""
        try:
            async with asyncio.timeout(seconds):
                while True:
                    frame = await self._frame()
                    assert frame["type"] == "typing", frame
        except TimeoutError:
            return

    async def _frame(self) -> dict[str, Any]:
        message = await self.raw.receive()
        assert message.type is aiohttp.WSMsgType.TEXT, (message, self.raw.close_code)
        frame: dict[str, Any] = json.loads(message.data)
        self.frames.append(frame)
        if frame["type"] == "messages":
            self.messages += frame["messages"]
        return frame


async def visitor(site: Site, language: str | None = None, now: datetime | None = None) -> Visitor:
    """A new conversation and its token."""
    now = now or site.service.clock()
    thread = await store.open_conversation(site.service.database, "web", None, language, now)
    device = await visits.begin(site.service.database, thread.id, now)
    return Visitor(site, thread.id, device, Tokens(VISITOR_KEYS).sign(thread.id, device, 0, now))
