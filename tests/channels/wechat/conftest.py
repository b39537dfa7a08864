"""A running app and a WeChat of our own, with one clock."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from bot.channels.wechat.account import Account, AccountKind, Keys, Mode
from bot.db.engine import transaction
from bot.db.models import Base
from tests.fakes.site import NOW, Brain, Site, running_site
from tests.fakes.wechat import TEST_ACCOUNT, AccountData, User, WechatPlatform
from tests.fakes.wechat.users import Shown


def account_of(data: AccountData, api: str, *previous: AccountData) -> Account:
    """What the operator of the account `data` would have set."""
    return Account(
        appid=data.appid,
        original_id=data.original_id,
        mode=Mode(data.mode.value),
        kind=AccountKind(data.kind.value),
        keys=tuple(Keys(one.token, base64.b64decode(one.aes_key + "=")) for one in (data, *previous)),
        secret=data.secret,
        api=api,
    )


@dataclass
class Town:
    """The app and the platform that knows it."""

    site: Site
    wechat: WechatPlatform

    def user(self, name: str = "a") -> User:
        return self.wechat.user(name)

    def move(self, **by: float) -> None:
        """Both clocks."""
        self.site.clock.now += timedelta(**by)

    async def sweep(self) -> None:
        """The sweeper's turn."""
        assert self.site.wechat is not None
        await self.site.service.sweep(self.site.clock())
        await self.site.wechat.upkeep.deliver(self.site.clock())

    async def count(self, *models: type[Base]) -> int:
        async with transaction(self.site.service.database) as connection:
            found = [
                (await connection.execute(select(func.count()).select_from(model))).scalar_one() for model in models
            ]
        return sum(found)

    async def said_to(self, user: User, text: str) -> Shown:
        """What is shown next after a message."""
        seen = len(user.shown)
        await user.says(text)
        while len(user.shown) <= seen:
            await user.next()
        return user.shown[seen]


TownMaker = Callable[..., AbstractAsyncContextManager[Town]]


@pytest.fixture
def make_town(brain: Brain, tmp_path: Path) -> TownMaker:
    @asynccontextmanager
    async def made(data: AccountData = TEST_ACCOUNT, *previous: AccountData, **given: Any) -> AsyncIterator[Town]:
        now: list[Callable[[], datetime]] = [lambda: NOW]
        second = float(given.pop("second", 0.2))
        async with WechatPlatform(account=data, clock=lambda: now[-1](), second=second) as wechat:
            account = account_of(data, wechat.url, *previous)
            given.setdefault("wechat_passive_seconds", 0.8 * second * 4)
            async with running_site(brain, tmp_path / "var", account=account, **given) as site:
                now.append(site.clock)
                wechat.callback = f"{site.public}/wechat"
                yield Town(site, wechat)

    return made


@pytest.fixture
async def town(make_town: TownMaker) -> AsyncIterator[Town]:
    async with make_town() as made:
        yield made


def with_kind(kind: AccountKind) -> AccountData:
    from tests.fakes.wechat import Kind

    return replace(TEST_ACCOUNT, kind=Kind(kind.value))
