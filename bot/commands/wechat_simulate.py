"""`bot wechat simulate`: talk with Linli as a WeChat user, without an account: a WeChat of our own on the loopback.

The WeChat is the one of the tests (tests/fakes/wechat), so the command is for a checkout, not for an installed package.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import os
import secrets
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

import aiohttp

from bot.channels.wechat import menus
from bot.channels.wechat.account import SECRETS, Account, AccountKind, Mode, load_account
from bot.channels.wechat.inspection import ask_for_token, with_token
from bot.commands.progress import Bar
from bot.errors import SettingsError, StartError
from bot.settings import ROOT, Settings, load_settings

_FAKE = "tests.fakes.wechat"


def add(parts: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = parts.add_parser("simulate", help="talk as a WeChat user, without an account (/help)")
    parser.add_argument("--kind", choices=tuple(AccountKind), default="service", help="what the account may do")
    parser.add_argument("--mode", choices=tuple(Mode), default="safe", help="how pushes are protected")
    parser.add_argument("--user", default="resident", metavar="NAME", help="who you are; another name, another user")
    parser.add_argument("--scene", metavar="SCENE", help="follow through a poster's code first")
    parser.add_argument("--here", action="store_true", help="with the present var folder, not with var/simulated")
    parser.add_argument("--wait", type=float, default=10.0, metavar="SECONDS", help="for the first answer to a line")
    parser.add_argument(
        "--url", help="the callback of a server that runs already; its LINLI_WECHAT_API is this WeChat, see --port"
    )
    parser.add_argument("--port", type=int, default=0, help="of this WeChat on the loopback, with --url")
    parser.set_defaults(run=lambda options: asyncio.run(simulate(options)))


async def simulate(options: argparse.Namespace) -> int:
    wechat, terminal = _fake("platform"), _fake("terminal")
    platform = wechat.WechatPlatform(account=_account(options), port=options.port)
    # What /clock moves is WeChat's time; the server would refuse requests that are signed hours ahead of its own.
    platform.wire_clock = lambda: datetime.now(UTC)
    async with platform, _callback(options, platform) as callback:
        if options.url is not None:
            print(f"The server needs LINLI_WECHAT_API={platform.url}", flush=True)
        platform.callback = callback
        await _check(platform)
        user = platform.user(options.user, following=options.scene is None)
        conversation = terminal.Terminal(platform, user, options.wait)
        print("WeChat is here; what you type is said to Linli. /help lists what else can be done.", flush=True)
        if options.scene is not None:
            await conversation.do(f"/scan {options.scene}")
        await conversation.run()
    return 0


def _fake(module: str) -> Any:
    """A module of the tests' WeChat. StartError where there are no tests."""
    if not (ROOT / _FAKE.replace(".", "/")).is_dir():
        raise StartError(f"the WeChat of our own is not here ({ROOT}/tests/fakes/wechat); simulate needs a checkout")
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    return import_module(f"{_FAKE}.{module}")


def _account(options: argparse.Namespace) -> Any:
    """The account both sides know: of a server that runs already its own, else one made up."""
    accounts = _fake("account")
    if options.url is None:
        kind, mode = accounts.Kind(options.kind), accounts.Mode(options.mode)
        # Another one each time: the users are new ones, and no token of an earlier WeChat is taken for one of this.
        return replace(accounts.TEST_ACCOUNT, appid=f"wx{secrets.token_hex(8)}", kind=kind, mode=mode)
    account = load_account(load_settings())
    if account is None:
        raise SettingsError("with --url the server's account must be set here too: LINLI_WECHAT_APPID …")
    return _as_theirs(account, accounts)


def _as_theirs(account: Account, accounts: Any) -> Any:
    keys = account.keys[0]
    # 32 bytes are 43 characters and a "="; a key of our console has no others than letters and digits.
    aes_key = base64.b64encode(keys.aes_key or bytes(32)).decode().rstrip("=")
    return accounts.AccountData(
        token=keys.token,
        aes_key=aes_key,
        appid=account.appid,
        secret=account.secret,
        original_id=account.original_id,
        mode=accounts.Mode(account.mode.value),
        kind=accounts.Kind(account.kind.value),
    )


async def _check(platform: Any) -> None:
    """What the account's console does when an address is saved. StartError when it is not answered rightly."""
    try:
        verified = await platform.verify_url()
    except aiohttp.ClientError as error:
        raise StartError(f"nothing answers at {platform.callback} ({type(error).__name__})") from error
    if not verified:
        raise StartError(f"{platform.callback} refuses WeChat's request: is its account (token, AppID) the same?")


@contextmanager
def _secrets_of(account: Any) -> Iterator[None]:
    """The made-up account's secrets where the server looks for them; a real account's are put aside meanwhile."""
    found = {name: os.environ.pop(name, None) for name in (f"LINLI_{secret.upper()}" for secret in SECRETS)}
    os.environ["LINLI_WECHAT_TOKEN"] = account.token
    os.environ["LINLI_WECHAT_AES_KEY"] = account.aes_key
    os.environ["LINLI_WECHAT_SECRET"] = account.secret
    try:
        yield
    finally:
        for name, value in found.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


@asynccontextmanager
async def _callback(options: argparse.Namespace, platform: Any) -> AsyncIterator[str]:
    """The address of the server's callback; the server is started unless one runs."""
    if options.url is not None:
        yield options.url
        return
    # Here and not above: the other words of `bot wechat` need none of the server.
    from bot.app import running

    bar = Bar()
    bar.line("starting Linli; the first start takes minutes")
    settings = _settings(platform, here=options.here)
    with _secrets_of(platform.account):
        async with running(settings, bar.progress, public=True) as server:
            if not await server.wait_for_engine():
                bar.line("the engine is not ready; until it is, questions are answered from the search alone")
            await _install_menu(settings)
            yield f"{server.address}/wechat"
            bar.line("stopping")


async def _install_menu(settings: Settings) -> None:
    """As `bot wechat menu --install` does it, where the account may have a menu."""
    account = load_account(settings)
    if account is None or not account.kind.tags:
        return
    async with aiohttp.ClientSession() as session:
        api = with_token(account, (await ask_for_token(account, session)).token, session)
        await menus.install(api, menus.load(ROOT / "data" / "wechat"), account.kind)


def _settings(platform: Any, *, here: bool) -> Settings:
    """Of the server: the made-up account, a free port, and a state of its own unless it is to have the present one."""
    account = platform.account
    given: dict[str, Any] = {
        "wechat_appid": account.appid,
        "wechat_original_id": account.original_id,
        "wechat_mode": account.mode.value,
        "wechat_kind": account.kind.value,
        "wechat_api": platform.url,
        "host": "127.0.0.1",
        "port": 0,
    }
    if not here:
        # Kept for the next time: to work out what the articles mean takes minutes.
        given |= {"var_folder": load_settings().var_folder / "simulated", "database_url": "", "redis_url": ""}
    return load_settings(**given)
