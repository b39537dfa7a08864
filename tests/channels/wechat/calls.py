"""The real interface to a platform of our own, with a token fetched as it comes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from bot.channels.wechat.account import Account, AccountKind, Mode
from bot.channels.wechat.api import WechatApi
from bot.channels.wechat.wire import Limits
from tests.fakes.wechat import WechatPlatform


class Fetched:
    """An access token from the platform, a new one each time."""

    def __init__(self, platform: WechatPlatform, session: aiohttp.ClientSession) -> None:
        self._platform, self._session = platform, session

    async def get(self) -> str:
        data = self._platform.account
        body = {"grant_type": "client_credential", "appid": data.appid, "secret": data.secret}
        async with self._session.post(f"{self._platform.url}/cgi-bin/stable_token", json=body) as answer:
            return str((await answer.json(content_type=None))["access_token"])

    async def dropped(self, token: str) -> None:
        """The next one is fetched anyway."""


@asynccontextmanager
async def connected(platform: WechatPlatform) -> AsyncIterator[WechatApi]:
    data = platform.account
    account = Account(
        appid=data.appid,
        original_id=data.original_id,
        mode=Mode(data.mode.value),
        kind=AccountKind(data.kind.value),
        keys=(),
        secret=data.secret,
        api=platform.url,
    )
    async with aiohttp.ClientSession() as session:
        yield WechatApi(account, Fetched(platform, session), session, Limits(pauses_seconds=()))
