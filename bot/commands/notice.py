"""`bot notice`: banners with a period, for the widget; a running server follows within five seconds."""

from __future__ import annotations

import argparse
import asyncio
import sys
import uuid
from datetime import UTC, datetime

from bot.commands.switch import by_language
from bot.db.engine import transaction
from bot.errors import RequestError
from bot.handoff import audit
from bot.keeping import notices
from bot.keeping.opened import opened_database
from bot.keeping.words import missing
from bot.settings import load_settings


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser("notice", help="list, add and remove the widget's banners")
    parts = parser.add_subparsers(required=True, metavar="list|add|remove")
    parts.add_parser("list", help="all notices").set_defaults(run=_run, act=_list)
    removing = parts.add_parser("remove", help="take one away")
    removing.add_argument("id", type=uuid.UUID)
    removing.set_defaults(run=_run, act=_remove)
    adding = parts.add_parser("add", help="a new one; en and zh are needed")
    adding.add_argument("--severity", choices=[one.value for one in notices.Severity], default="info")
    adding.add_argument("--site", help="a site's key; without it, all sites")
    adding.add_argument("--from", dest="starts_at", help="2026-12-01T08:00:00+08:00; without it, now")
    adding.add_argument("--until", dest="ends_at", required=True, help="2026-12-02T20:00:00+08:00")
    adding.add_argument("--words", action="append", default=[], metavar='LANGUAGE="…"')
    adding.set_defaults(run=_run, act=_add)


def _run(options: argparse.Namespace) -> int:
    try:
        code: int = asyncio.run(options.act(options))
    except RequestError as error:
        print(f"bot notice: {error.message}", file=sys.stderr)
        return 2
    return code


async def _list(_options: argparse.Namespace) -> int:
    async with opened_database(load_settings().database_url) as database, transaction(database) as connection:
        found = await notices.listed(connection)
    for one in found:
        period = f"{one.starts_at:%Y-%m-%d %H:%M} to {one.ends_at:%Y-%m-%d %H:%M} UTC"
        print(f"{one.id}  {one.severity.value}, {one.site or 'all sites'}, {period}\n  {one.text('en')}")
    if not found:
        print("there are no notices")
    return 0


async def _add(options: argparse.Namespace) -> int:
    now = datetime.now(UTC)
    draft = notices.parsed(
        {
            "severity": options.severity,
            "site": options.site,
            "words": by_language(options.words),
            "starts_at": options.starts_at or now.isoformat(),
            "ends_at": options.ends_at,
        }
    )
    async with opened_database(load_settings().database_url) as database, transaction(database) as connection:
        stored = await notices.create(connection, draft, audit.COMMAND, now)
    print(f"{stored.id} is added")
    if absent := missing(draft.words):
        print(f"no words in {', '.join(absent)}: there the English ones are shown")
    return 0


async def _remove(options: argparse.Namespace) -> int:
    async with opened_database(load_settings().database_url) as database, transaction(database) as connection:
        await notices.remove(connection, options.id, audit.COMMAND, datetime.now(UTC))
    print(f"{options.id} is removed")
    return 0
