"""The WeChat of our own, and an account's server that a test tells what to answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from tests.fakes.wechat import MovableClock, WechatPlatform
from tests.fakes.wechat.standin import StandIn

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)


@pytest.fixture
async def account_server() -> AsyncIterator[StandIn]:
    stand_in = StandIn()
    runner = await stand_in.start()
    yield stand_in
    await runner.cleanup()


@pytest.fixture
async def wechat(account_server: StandIn) -> AsyncIterator[WechatPlatform]:
    async with WechatPlatform(account_server.url, clock=MovableClock(NOW), second=0.02) as platform:
        yield platform
