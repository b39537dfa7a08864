"""Someone with WeChat on the phone: what they do goes to the account, what they are shown is kept."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import parse_qs

from tests.fakes.wechat.windows import Windows

_MOST_SHOWN = 500
_LINK = re.compile(r'<a\s[^>]*?href="([^"]*)"[^>]*>.*?</a>', re.DOTALL)
_EXCHANGE = timedelta(seconds=30)
_TYPING = timedelta(seconds=15)


class By(StrEnum):
    """The way on which something came to the user."""

    PASSIVE = "passive"
    CUSTOM = "custom"
    TEMPLATE = "template"
    SUBSCRIPTION = "subscription"
    NOTICE = "notice"  # WeChat's own words: the account is out of service


class NotFollowingError(Exception):
    """Who does not follow the account cannot write to it."""


@dataclass(frozen=True)
class Option:
    """An item of a menu message, or a link that acts as one. It stays tappable for ever."""

    id: str
    content: str


@dataclass(frozen=True)
class Shown:
    """One bubble. `text` of a menu message is its head and tail; `ai` is the grey line of section 12.2."""

    text: str
    options: tuple[Option, ...]
    by: By
    ai: bool
    at: datetime
    kind: str = "text"
    media_id: str | None = None
    links: tuple[str, ...] = ()
    agent: str | None = None


def bubble(text: str, by: By, at: datetime, **more: object) -> Shown:
    """A text bubble as the client shows it: links found, `weixin://bizmsgmenu` ones as options."""
    options, links = [], []
    for address in _LINK.findall(text):
        if address.startswith("weixin://bizmsgmenu?"):
            given = parse_qs(address.partition("?")[2])
            if {"msgmenucontent", "msgmenuid"} <= set(given):
                options.append(Option(given["msgmenuid"][0], given["msgmenucontent"][0]))
        else:
            links.append(address)
    fields: dict[str, object] = {"options": tuple(options), "ai": False, "links": tuple(links), **more}
    return Shown(text=text, by=by, at=at, **fields)  # type: ignore[arg-type]


@dataclass
class State:
    """What the platform knows of a user."""

    following: bool = True
    followed_at: datetime | None = None
    scene: str = ""
    windows: Windows = field(default_factory=Windows)
    tags: list[int] = field(default_factory=list)
    consents: Counter[str] = field(default_factory=Counter)
    blocks_templates: bool = False
    last_exchange: datetime | None = None
    typing_until: datetime | None = None

    def exchanged(self, now: datetime) -> bool:
        """Whether anything was said, either way, in the last 30 s."""
        return self.last_exchange is not None and now - self.last_exchange <= _EXCHANGE

    def types(self, now: datetime) -> bool:
        return self.typing_until is not None and now < self.typing_until

    def begin_typing(self, now: datetime) -> None:
        self.typing_until = now + _TYPING


class Screen:
    """What a user was shown, oldest first; `next` gives each bubble once."""

    def __init__(self) -> None:
        self.shown: deque[Shown] = deque(maxlen=_MOST_SHOWN)
        self.total = 0
        self._taken = 0
        self._news = asyncio.Event()

    def show(self, shown: Shown) -> None:
        self.shown.append(shown)
        self.total += 1
        self._news.set()

    async def next(self, timeout: float = 10.0) -> Shown:
        """The next bubble that was not taken yet. TimeoutError when none comes."""
        async with asyncio.timeout(timeout):
            while self._taken >= self.total:
                self._news.clear()
                await self._news.wait()
        self._taken = max(self._taken, self.total - len(self.shown)) + 1
        return self.shown[self._taken - self.total - 1]

    def unread(self) -> list[Shown]:
        """All bubbles that were not taken yet; they are taken with it."""
        count = min(self.total - self._taken, len(self.shown))
        self._taken = self.total
        return list(self.shown)[len(self.shown) - count :]

    def option(self, wanted: Option | int | str) -> Option:
        """An option, its number (from 1) in the last bubble that has any, or its label. LookupError when not there."""
        if isinstance(wanted, Option):
            return wanted
        with_options = [shown.options for shown in reversed(self.shown) if shown.options]
        if isinstance(wanted, int):
            if not with_options or not 1 <= wanted <= len(with_options[0]):
                raise LookupError(f"no option {wanted} to tap on the screen; a numbered line is answered by its number")
            return with_options[0][wanted - 1]
        found = [option for options in with_options for option in options if option.content == wanted]
        if not found:
            raise LookupError("no option on the screen has this label")
        return found[0]


def openid_of(name: str, appid: str) -> str:
    """A full OpenID (28 characters) as it is; else one made of a short name, the same in every run."""
    if re.fullmatch(r"o[A-Za-z0-9_-]{27}", name):
        return name
    digest = hashlib.sha256(f"{appid} {name}".encode()).digest()
    return "o" + base64.urlsafe_b64encode(digest).decode()[:27]
