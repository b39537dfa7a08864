"""`bot wechat`: check the account, install its menu, make QR codes for posters, try the channel without an account."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp

from bot.channels.wechat import checkup, menus
from bot.channels.wechat.account import Account, load_account
from bot.channels.wechat.api import QrTicket, WechatApi
from bot.channels.wechat.checkup import Finding, Step, Verdict
from bot.channels.wechat.inspection import ask_for_token, inspected, with_token
from bot.channels.wechat.scenes import Communities, Scene, written
from bot.channels.wechat.tokens import TokenKeeper
from bot.commands import wechat_simulate
from bot.db.leases import new_holder
from bot.errors import LinliError, SettingsError, StartError
from bot.keeping.opened import opened_database
from bot.languages import CODES
from bot.settings import ROOT, Settings, load_settings

DATA = ROOT / "data" / "wechat"
_MOST_DAYS = 30
_JPEG = b"\xff\xd8\xff"


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser("wechat", help="the WeChat account: check, menu, qr, simulate (docs/wechat.md)")
    parts = parser.add_subparsers(title="actions", required=True, metavar="check|menu|qr|simulate")
    checking = parts.add_parser("check", help="is the account set up as it must be? one line a step, and what to do")
    checking.set_defaults(run=_run, act=_check)
    _add_menu(parts)
    _add_qr(parts)
    wechat_simulate.add(parts)


def _add_menu(parts: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = parts.add_parser("menu", help="show, install or delete the menu below the chat (data/wechat/menu.yml)")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--show", action="store_const", dest="menu", const=_show, help="the file's, and the account's")
    what.add_argument("--install", action="store_const", dest="menu", const=_install, help="replace all it has")
    what.add_argument("--delete", action="store_const", dest="menu", const=_delete, help="delete all menus it has")
    parser.set_defaults(run=_run, act=_menu, menu=_show)


def _add_qr(parts: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = parts.add_parser("qr", help="a QR code for a poster: whoever scans it follows the account")
    parser.add_argument("--community", metavar="KEY", help="where it hangs: a key of data/wechat/communities.yml")
    parser.add_argument("--language", choices=CODES, metavar="CODE", help="what is spoken there")
    parser.add_argument("--days", type=int, help=f"how long it is good, 1 to {_MOST_DAYS}; without it, for ever")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.jpg", help="a file that is not there yet")
    parser.set_defaults(run=_run, act=_qr)


def _run(options: argparse.Namespace) -> int:
    code: int = asyncio.run(options.act(load_settings(), options))
    return code


async def _check(settings: Settings, _options: argparse.Namespace) -> int:
    findings: list[Finding] = []
    async with aiohttp.ClientSession() as session:
        async for finding in inspected(settings, os.environ, session, menus.load(DATA), _now):
            findings.append(finding)
            print("\n".join(finding.lines()), flush=True)
    if any(one.step is Step.TOKEN and one.verdict is Verdict.OK for one in findings):
        await _forgive(settings)
    print(_summary(findings))
    return 0 if checkup.passed(findings) else 1


def _summary(findings: Sequence[Finding]) -> str:
    open_ = [one.step.value for one in findings if one.needed and one.verdict is not Verdict.OK]
    if not open_:
        return "\nEverything that is needed is ok."
    return f"\nStill to be done: {', '.join(open_)}. Then run it again; {checkup.GUIDE} helps."


async def _forgive(settings: Settings) -> None:
    """A running server that was refused waits some minutes before it asks again; it need not any more."""
    account = load_account(settings)
    try:
        async with opened_database(settings.database_url) as database, aiohttp.ClientSession() as session:
            if account is not None and account.secret:
                await TokenKeeper(account, database, session, new_holder(), _now).forgive()
    except LinliError:
        # No server has been started here yet; or its database is away, which is not what was asked about.
        return


async def _menu(settings: Settings, options: argparse.Namespace) -> int:
    code: int = await options.menu(settings, menus.load(DATA))
    return code


async def _show(settings: Settings, ours: menus.Menus) -> int:
    print("\n".join(outline(ours.default()["button"])))
    account = load_account(settings)
    if account is None or not account.secret:
        print("\nNo account with an AppSecret is set, so what residents see now cannot be looked up.")
        return 0
    async with _connected(account) as api:
        print(f"\nWhat residents see now: {checkup.menu_finding(ours, await api.current_menu()).told}")
    return 0


def outline(buttons: Sequence[Mapping[str, Any]], indent: str = "") -> Iterator[str]:
    """A menu as lines: names, the second level indented, with the key of each button."""
    for button in buttons:
        yield f"{indent}{button['name']}" + (f"  ({button['key']})" if "key" in button else "")
        yield from outline(button.get("sub_button", ()), indent + "    ")


async def _install(settings: Settings, ours: menus.Menus) -> int:
    account = _account(settings)
    async with _connected(account) as api:
        print("\n".join((await menus.install(api, ours, account.kind)).lines()))
    print("A phone that has the chat open shows it within five minutes.")
    return 0


async def _delete(settings: Settings, _ours: menus.Menus) -> int:
    async with _connected(_account(settings)) as api:
        await api.delete_menus()
    print("all menus are deleted")
    return 0


async def _qr(settings: Settings, options: argparse.Namespace) -> int:
    if wrong := _wrong(options):
        print(f"bot wechat qr: {wrong}", file=sys.stderr)
        return 2
    account = _account(settings)
    if not account.kind.scenes:
        raise SettingsError("only a verified service account makes QR codes (LINLI_WECHAT_KIND=service)")
    scene = written(Scene(options.community, options.language))
    async with _connected(account) as api:
        ticket = await api.create_qr(scene, None if options.days is None else options.days * 86400)
        _store(options.out, await api.qr_image(ticket.ticket))
    print("\n".join(_made(options, scene, ticket)))
    return 0


def _wrong(options: argparse.Namespace) -> str:
    """What is wrong with the words; "" when nothing is."""
    known = Communities.load(DATA).names
    if options.community is None and options.language is None:
        return "give --community, --language or both"
    if options.community is not None and options.community not in known:
        return f"no community {options.community!r} in data/wechat/communities.yml; it has {', '.join(known)}"
    if options.days is not None and not 1 <= options.days <= _MOST_DAYS:
        return f"--days must be 1 to {_MOST_DAYS}; a code without --days is good for ever"
    return f"{options.out} is there already" if options.out.exists() else ""


def _store(path: Path, image: bytes) -> None:
    if not image.startswith(_JPEG):
        raise StartError("what WeChat sent is no picture; try again")
    try:
        with path.open("xb") as file:
            file.write(image)
    except OSError as error:
        raise StartError(f"cannot write {path}: {error.strerror}") from None


def _made(options: argparse.Namespace, scene: str, ticket: QrTicket) -> tuple[str, ...]:
    until = "for ever" if options.days is None else f"until {_now() + timedelta(days=options.days):%Y-%m-%d %H:%M} UTC"
    return (f"{options.out}: good {until}, says {scene}", f"the same as a link: {ticket.url}")


def _account(settings: Settings) -> Account:
    """SettingsError without an account that can call the platform."""
    account = load_account(settings)
    if account is None or not account.secret:
        raise SettingsError("no account is set up: LINLI_WECHAT_APPID and the AppSecret (bot wechat check)")
    return account


@asynccontextmanager
async def _connected(account: Account) -> AsyncIterator[WechatApi]:
    """Raises what `bot wechat check` explains."""
    async with aiohttp.ClientSession() as session:
        answer = await ask_for_token(account, session)
        if not answer.token:
            raise StartError(f"{checkup.token_finding(answer).told} (bot wechat check says more)")
        yield with_token(account, answer.token, session)


def _now() -> datetime:
    return datetime.now(UTC)
