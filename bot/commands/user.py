"""`bot user`: who may work with the system, and the tokens they do it with. Works on the database itself."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.db.engine import make_engine, transaction
from bot.db.migrate import migrate
from bot.handoff import audit, staff
from bot.handoff.hours import DeskRules
from bot.handoff.staff import Role, StaffMember
from bot.languages import CODES
from bot.settings import ROOT, load_settings

_Work = Callable[[AsyncConnection, argparse.Namespace, datetime], Awaitable[list[str]]]


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser("user", help="staff: add, list, disable, enable, token, roles")
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION")
    adding = _action(actions, "add", _add, "make a user and print the token, this once")
    adding.add_argument("--role", action="append", required=True, choices=tuple(Role), dest="roles")
    adding.add_argument("--language", action="append", default=[], choices=CODES, metavar="CODE", dest="languages")
    adding.add_argument("--shown-name", help="what residents see; the name without it")
    listing = actions.add_parser("list", help="all users, and whether the holiday calendar is up to date")
    listing.set_defaults(run=_run, work=_list)
    _action(actions, "disable", _disable, "refuse the token from now on")
    _action(actions, "enable", _enable, "take the token again")
    _action(actions, "token", _token, "make a new token and print it, this once; the old one is refused from now on")
    changing = _action(actions, "roles", _roles, "give these roles, and no others")
    changing.add_argument("roles", nargs="+", choices=tuple(Role), metavar="ROLE")


def _action(
    actions: argparse._SubParsersAction[argparse.ArgumentParser], name: str, work: _Work, help_: str
) -> argparse.ArgumentParser:
    parser = actions.add_parser(name, help=help_)
    parser.add_argument("name", metavar="NAME")
    parser.set_defaults(run=_run, work=work)
    return parser


def _run(options: argparse.Namespace) -> int:
    for line in asyncio.run(_worked(options)):
        print(line)
    return 0


async def _worked(options: argparse.Namespace) -> list[str]:
    work: _Work = options.work
    settings = load_settings()
    # Before the first start too: whoever sets the server up makes the users first.
    settings.var_folder.mkdir(parents=True, exist_ok=True)
    database = make_engine(settings.database_url)
    try:
        await migrate(database)
        async with transaction(database) as connection:
            return await work(connection, options, datetime.now(UTC))
    finally:
        await database.dispose()


async def _add(connection: AsyncConnection, options: argparse.Namespace, now: datetime) -> list[str]:
    roles, languages = {Role(role) for role in options.roles}, options.languages
    token = await staff.add(connection, options.name, options.shown_name or options.name, roles, languages, now)
    await _record(connection, "added", options.name, now, roles=sorted(roles), languages=languages)
    return [token]


async def _list(connection: AsyncConnection, _options: argparse.Namespace, now: datetime) -> list[str]:
    lines = [_line(member, now) for member in await staff.everyone(connection)] or ["no users yet: bot user add"]
    rules = DeskRules.load(ROOT / "data" / "desk.yml", ROOT / "data" / "holidays")
    missing = [
        f"note: the public holidays of {year} are not in data/holidays; only weekends count as rest (tools/holidays.py)"
        for year in rules.lacking(now)
    ]
    return lines + missing


async def _disable(connection: AsyncConnection, options: argparse.Namespace, now: datetime) -> list[str]:
    await staff.set_disabled(connection, options.name, now)
    await _record(connection, "disabled", options.name, now)
    return [f"{options.name} is disabled"]


async def _enable(connection: AsyncConnection, options: argparse.Namespace, now: datetime) -> list[str]:
    await staff.set_disabled(connection, options.name, None)
    await _record(connection, "enabled", options.name, now)
    return [f"{options.name} is enabled"]


async def _token(connection: AsyncConnection, options: argparse.Namespace, now: datetime) -> list[str]:
    token = await staff.renew_token(connection, options.name)
    await _record(connection, "token_renewed", options.name, now)
    return [token]


async def _roles(connection: AsyncConnection, options: argparse.Namespace, now: datetime) -> list[str]:
    roles = {Role(role) for role in options.roles}
    await staff.set_roles(connection, options.name, roles)
    await _record(connection, "roles_set", options.name, now, roles=sorted(roles))
    return [f"{options.name}: {', '.join(sorted(roles))}"]


async def _record(connection: AsyncConnection, action: str, name: str, now: datetime, **detail: list[str]) -> None:
    await audit.record(connection, audit.COMMAND, f"user_{action}", f"staff:{name}", now, **detail)


def _line(member: StaffMember, now: datetime) -> str:
    where = "disabled" if member.disabled else "at the desk" if member.present(now) else "away"
    roles, languages = ",".join(sorted(member.roles)), ",".join(member.languages) or "-"
    return f"{member.name:<20} {roles:<24} {languages:<16} {where:<12} {member.shown_name}"
