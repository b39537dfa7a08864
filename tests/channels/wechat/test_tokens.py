"""The access token: one process fetches it for all, nobody asks more often than helps, and it is kept sealed."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.channels.wechat import tokens
from bot.channels.wechat.api_errors import ApiUnknown, ApiUnreachable, Doubt, TokenRefused
from bot.channels.wechat.codes import Reaction
from bot.channels.wechat.tokens import TokenKeeper
from bot.channels.wechat.wire import Limits, open_session
from bot.db import leases
from bot.db.engine import make_engine, reading, transaction
from bot.db.migrate import migrate
from bot.db.models import Lease, WechatToken
from bot.settings import load_settings
from bot.workers import free_port
from tests.channels.wechat.api_server import SECRET, TOKEN_PATH, ApiServer, Reply, account, refusal
from tests.fakes.site import NOW

FAST = Limits(connect_seconds=0.5, total_seconds=0.5, pauses_seconds=(0.02,))
T1, T2, T3 = (f"T{n}-secret-access-token" for n in (1, 2, 3))
ROOT = Path(__file__).parents[3]
NOT_LISTED = refusal(40164, "invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist")


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


class House:
    """One database, one platform, and as many keepers as a test wants: each stands for a process."""

    def __init__(self, stack: AsyncExitStack, url: str, database: AsyncEngine, server: ApiServer) -> None:
        self.url, self.database, self.server, self.clock = url, database, server, Clock()
        self._stack, self._made = stack, 0

    async def keeper(self, api: str | None = None, secret: str = SECRET, holder: str = "") -> TokenKeeper:
        """As though on a machine of its own."""
        self._made += 1
        session = await self._stack.enter_async_context(open_session())
        own = account(api or self.server.url, secret)
        made = TokenKeeper(own, self.database, session, holder or f"machine-{self._made}:1:a", self.clock, FAST)
        self._stack.push_async_callback(made.close)
        return made

    @property
    def calls(self) -> int:
        return self.server.counts[TOKEN_PATH]


@asynccontextmanager
async def house_at(url: str) -> AsyncIterator[House]:
    async with AsyncExitStack() as stack:
        database = make_engine(url)
        stack.push_async_callback(database.dispose)
        await migrate(database)
        yield House(stack, url, database, await stack.enter_async_context(ApiServer()))


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with house_at(load_settings({}, database_url=f"sqlite:///{tmp_path}/test.db").database_url) as made:
        yield made


@pytest.fixture
async def each_house(database_url: str) -> AsyncIterator[House]:
    """On SQLite and on PostgreSQL."""
    async with house_at(load_settings({}, database_url=database_url).database_url) as made:
        yield made


async def lease_names(database: AsyncEngine) -> list[str]:
    async with reading(database) as connection:
        return list((await connection.execute(select(Lease.name))).scalars())


async def settled(done: Callable[[], bool]) -> None:
    for _ in range(200):
        if done():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come about")


# One call


async def test_the_token_is_asked_for_as_the_platform_wants_it(house: House) -> None:
    assert await (await house.keeper()).get() == T1
    [received] = house.server.received
    assert received.json == {
        "grant_type": "client_credential",
        "appid": "wx0123456789abcdef",
        "secret": SECRET,
        "force_refresh": False,
    }
    assert (received.method, received.path, received.query) == ("POST", TOKEN_PATH, {})


async def test_a_hundred_at_once_are_one_call(each_house: House) -> None:
    keepers = [await each_house.keeper() for _ in range(4)]
    each_house.server.always_says(TOKEN_PATH, Reply({"access_token": T1, "expires_in": 7200}, seconds=0.2))
    found = await asyncio.gather(*(keeper.get() for keeper in keepers for _ in range(25)))
    assert set(found) == {T1}
    assert each_house.calls == 1
    assert await lease_names(each_house.database) == []


async def process(house: House, times: int = 25) -> asyncio.subprocess.Process:
    command = ("-m", "tests.channels.wechat.token_process", house.url, house.server.url, str(times))
    return await asyncio.create_subprocess_exec(sys.executable, *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)


async def test_four_processes_are_one_call(each_house: House) -> None:
    each_house.server.always_says(TOKEN_PATH, Reply({"access_token": T1, "expires_in": 7200}, seconds=1.0))
    started = [await process(each_house) for _ in range(4)]
    outputs = [(await child.communicate())[0].decode().split() for child in started]
    assert outputs == [[T1]] * 4
    assert each_house.calls == 1


async def test_a_process_that_is_killed_while_it_fetches_holds_nobody_up(each_house: House) -> None:
    each_house.server.says(TOKEN_PATH, Reply(seconds=30))
    child = await process(each_house, times=1)
    try:
        while not each_house.calls:
            await asyncio.sleep(0.02)
        assert await lease_names(each_house.database) == ["wechat-token:wx0123456789abcdef"]
        waiting = asyncio.create_task((await each_house.keeper(holder=leases.new_holder())).get())
        await asyncio.sleep(0.3)
        assert not waiting.done(), "while the other one lives it is waited for"
    finally:
        child.send_signal(signal.SIGKILL)
        await child.wait()
    began = time.monotonic()
    assert await waiting == T1
    assert time.monotonic() - began < 2
    assert each_house.calls == 2


async def test_a_process_that_died_on_another_machine_is_waited_for_until_its_lease_ends(house: House) -> None:
    assert await leases.take(house.database, "wechat-token:wx0123456789abcdef", "elsewhere:1:a", 20, house.clock())
    waiting = asyncio.create_task((await house.keeper()).get())
    await asyncio.sleep(0.3)
    assert house.calls == 0
    house.clock.move(seconds=21)
    assert await waiting == T1


async def test_another_process_that_does_not_finish_is_told_as_unreachable(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "_WAIT_SECONDS", 0.3)
    assert await leases.take(house.database, "wechat-token:wx0123456789abcdef", "elsewhere:1:a", 20, house.clock())
    with pytest.raises(ApiUnreachable):
        await (await house.keeper()).get()


async def test_a_caller_that_leaves_does_not_end_the_call_of_the_others(house: House) -> None:
    house.server.says(TOKEN_PATH, Reply({"access_token": T1, "expires_in": 7200}, seconds=0.2))
    keeper = await house.keeper()
    first = asyncio.create_task(keeper.get())
    second = asyncio.create_task(keeper.get())
    await asyncio.sleep(0.05)
    first.cancel()
    assert await second == T1
    assert house.calls == 1


# Renewal


async def test_a_stored_token_serves_the_next_process(house: House) -> None:
    await (await house.keeper()).get()
    assert await (await house.keeper()).get() == T1
    assert house.calls == 1


async def test_it_is_renewed_in_the_background_before_it_ends(house: House) -> None:
    keeper = await house.keeper()
    await keeper.get()
    house.clock.move(seconds=7200 - 361)
    assert await keeper.get() == T1
    await asyncio.sleep(0.1)
    assert house.calls == 1
    house.clock.move(seconds=62)
    assert await asyncio.gather(*(keeper.get() for _ in range(100))) == [T1] * 100, "the old one is still good"
    await settled(lambda: house.calls == 2)
    await asyncio.sleep(0.1)
    assert await keeper.get() == T2
    assert house.calls == 2


async def test_the_same_token_given_again_is_not_asked_for_at_once(house: House) -> None:
    """stable_token gives the old one until 300 s before its end."""
    keeper = await house.keeper()
    house.server.same, house.server.life_seconds = True, 250
    for _ in range(3):
        await keeper.get()
        await asyncio.sleep(0.05)
    assert house.calls == 1
    house.clock.move(seconds=31)
    for _ in range(3):
        await keeper.get()
        await asyncio.sleep(0.05)
    assert house.calls == 2


async def test_what_has_ended_is_not_used(house: House) -> None:
    keeper = await house.keeper()
    await keeper.get()
    house.clock.move(seconds=7196)
    assert await keeper.get() == T2


async def test_the_old_one_is_used_while_the_platform_is_away(house: House) -> None:
    keeper = await house.keeper()
    await keeper.get()
    house.server.always_says(TOKEN_PATH, Reply(b"", 503))
    house.clock.move(seconds=7000)
    for _ in range(20):
        assert await keeper.get() == T1
        await asyncio.sleep(0.02)
    assert house.calls == 3, "one renewal of two tries; then a pause"
    house.clock.move(seconds=200)
    with pytest.raises(ApiUnknown):
        await keeper.get()


async def test_the_old_one_is_used_while_the_platform_refuses(house: House) -> None:
    keeper = await house.keeper()
    await keeper.get()
    house.server.always_says(TOKEN_PATH, NOT_LISTED)
    house.clock.move(seconds=7000)
    for _ in range(10):
        assert await keeper.get() == T1
        await asyncio.sleep(0.02)
    assert house.calls == 2
    assert await (await house.keeper()).get() == T1
    assert house.calls == 2


async def test_only_the_token_that_failed_is_dropped(house: House) -> None:
    one, two = await house.keeper(), await house.keeper()
    assert await one.get() == await two.get() == T1
    await one.dropped(T1)
    assert await one.get() == T2
    await two.dropped(T1)
    assert await two.get() == T2, "the new one of the other process"
    await two.dropped("T0")
    assert await two.get() == T2
    assert house.calls == 2


async def test_a_dropped_token_does_not_come_back_from_the_database(house: House) -> None:
    """Asked for before its row is gone."""
    keeper = await house.keeper()
    await keeper.get()
    async with transaction(house.database):
        dropping = asyncio.create_task(keeper.dropped(T1))
        getting = asyncio.create_task(keeper.get())
        await asyncio.sleep(0.1)
        assert not dropping.done(), "another has the write lock"
    assert await getting == T2
    await dropping
    assert await keeper.get() == T2


async def test_one_that_comes_back_although_it_was_not_taken_is_kept_for_a_while(house: House) -> None:
    house.server.same = True
    keeper = await house.keeper()
    for _ in range(5):
        await keeper.dropped(await keeper.get())
    assert house.calls == 2


# Refusals


async def test_an_address_that_is_not_listed_is_said_once_and_not_asked_again(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    house.server.always_says(TOKEN_PATH, NOT_LISTED)
    keeper, other = await house.keeper(), await house.keeper()
    with pytest.raises(TokenRefused) as caught:
        await keeper.get()
    assert (caught.value.code, caught.value.reaction) == (40164, Reaction.ALARM)
    assert (caught.value.about, caught.value.rid) == ("203.0.113.7", "5f3ded7d-22929d02-4ba1f5f6")
    for _ in range(3):
        with pytest.raises(TokenRefused) as again:
            await other.get()
    assert again.value.code == 40164
    assert 290 < again.value.retry_after_seconds <= 300
    assert house.calls == 1
    [line] = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert "code=40164" in line
    assert "203.0.113.7" in line

    house.clock.move(minutes=5, seconds=1)
    house.server.lasting.clear()
    assert await other.get() == T1
    assert house.calls == 2
    assert await lease_names(house.database) == []


@pytest.mark.parametrize("code", [61004, 40125, 40013, 40243, 89503, 40001])
async def test_what_a_person_must_mend_waits_for_minutes(house: House, code: int) -> None:
    house.server.always_says(TOKEN_PATH, refusal(code))
    for _ in range(2):
        with pytest.raises(TokenRefused) as caught:
            await (await house.keeper()).get()
        assert (caught.value.code, caught.value.reaction) == (code, Reaction.ALARM)
        house.clock.move(minutes=4)
    assert house.calls == 1


@pytest.mark.parametrize(("code", "seconds", "calls"), [(45009, 3600, 1), (45011, 60, 1), (-1, 10, 2), (99999, 60, 1)])
async def test_quotas_and_a_busy_platform_wait_too(house: House, code: int, seconds: int, calls: int) -> None:
    house.server.always_says(TOKEN_PATH, refusal(code))
    keeper = await house.keeper()
    for _ in range(3):
        with pytest.raises(TokenRefused):
            await keeper.get()
    assert house.calls == calls
    house.server.lasting.clear()
    house.clock.move(seconds=seconds + 1)
    assert await keeper.get() == T1


async def test_a_mended_setting_is_tried_at_once_when_somebody_says_so(house: House) -> None:
    house.server.says(TOKEN_PATH, NOT_LISTED)
    with pytest.raises(TokenRefused):
        await (await house.keeper()).get()
    keeper = await house.keeper()
    await keeper.forgive()
    assert await keeper.get() == T1


async def test_waiting_callers_share_one_failure(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """Not one after another with all the time of each."""
    keeper = await house.keeper(f"http://127.0.0.1:{free_port()}")
    began = time.monotonic()
    results = await asyncio.gather(*(keeper.get() for _ in range(100)), return_exceptions=True)
    results.append(await asyncio.gather(keeper.get(), return_exceptions=True))
    assert all(isinstance(result, ApiUnreachable) for result in results[:-1])
    assert time.monotonic() - began < 1
    assert caplog.text.count("wechat_token_not_fetched") == 1


async def test_after_a_failure_the_lease_is_free(house: House) -> None:
    with pytest.raises(ApiUnreachable):
        await (await house.keeper(f"http://127.0.0.1:{free_port()}")).get()
    assert await (await house.keeper()).get() == T1


@pytest.mark.parametrize(
    ("reply", "doubt"),
    [
        (Reply(b"<html></html>", content_type="text/html"), Doubt.NOT_JSON),
        (Reply(b"", 502), Doubt.STATUS),
        (Reply(seconds=3), Doubt.TIMEOUT),
        (Reply({"expires_in": 7200}), Doubt.SHAPE),
        (Reply({"access_token": T1}), Doubt.SHAPE),
        (Reply({"access_token": "", "expires_in": 7200}), Doubt.SHAPE),
        (Reply({"access_token": T1, "expires_in": 0}), Doubt.SHAPE),
        (Reply({"access_token": T1, "expires_in": "soon"}), Doubt.SHAPE),
    ],
)
async def test_an_answer_that_is_no_token(house: House, reply: Reply, doubt: Doubt) -> None:
    house.server.always_says(TOKEN_PATH, reply)
    with pytest.raises(ApiUnknown) as caught:
        await (await house.keeper()).get()
    assert caught.value.doubt is doubt


async def test_without_an_app_secret_nobody_is_asked(house: House) -> None:
    with pytest.raises(ApiUnreachable):
        await (await house.keeper(secret="")).get()
    assert house.calls == 0


async def test_a_renewal_that_nobody_waits_for_ends_with_the_keeper(house: House) -> None:
    house.server.says(TOKEN_PATH, Reply(seconds=0.4))
    keeper = await house.keeper()
    waiting = asyncio.create_task(keeper.get())
    await settled(lambda: house.calls == 1)
    waiting.cancel()
    await keeper.close()
    assert await lease_names(house.database) == []


# Secrets


async def sealed(database: AsyncEngine) -> bytes:
    async with reading(database) as connection:
        return bytes((await connection.execute(select(WechatToken.sealed))).scalar_one())


async def test_the_database_never_holds_the_token_in_the_clear(house: House, tmp_path: Path) -> None:
    keeper = await house.keeper()
    await keeper.get()
    first = await sealed(house.database)
    await keeper.dropped(T1)
    await keeper.get()
    assert first != await sealed(house.database)
    files = [path.read_bytes() for path in tmp_path.glob("test.db*")]
    assert files
    for secret in (T1, T2, SECRET):
        assert all(secret.encode() not in data for data in files)


async def test_one_that_cannot_be_opened_is_fetched_anew(house: House) -> None:
    await (await house.keeper()).get()
    assert await (await house.keeper(secret="another-secret-after-a-reset-0123")).get() == T2, "another AppSecret"
    async with transaction(house.database) as connection:
        await connection.execute(update(WechatToken).values(sealed=b"short"))
    assert await (await house.keeper()).get() == T3


async def test_no_log_line_and_no_error_tells_the_token_or_the_secret(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    keeper = await house.keeper()
    await keeper.get()
    await keeper.dropped(T1)
    await keeper.get()
    house.clock.move(hours=3)
    replies = [Reply({"access_token": 5, "said": f"{T2}{SECRET}"}), refusal(40125, f"invalid appsecret {SECRET} {T2}")]
    for reply in replies:
        house.server.always_says(TOKEN_PATH, reply)
        keeper = await house.keeper()
        with pytest.raises((ApiUnknown, TokenRefused)) as caught:
            await keeper.get()
        told = f"{caught.value!r} {vars(caught.value)!r} {caught.value.__context__!r} {caught.value.__cause__!r}"
        assert SECRET not in told
        assert T2 not in told
    for secret in (T1, T2, SECRET):
        assert secret not in caplog.text
        assert secret not in repr(keeper)
