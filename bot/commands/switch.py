"""`bot switch`: turn the widget, the bot or one topic off and on; a running server follows within five seconds."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from bot.conversations import switches
from bot.db.engine import transaction
from bot.errors import RequestError
from bot.handoff import audit
from bot.keeping.opened import opened_database
from bot.keeping.words import checked_words, missing
from bot.settings import load_settings

LIST = "list"


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser("switch", help="turn the widget, the bot or one topic off and on")
    parser.add_argument("scope", choices=(LIST, *switches.SCOPES), metavar="SCOPE", help=", ".join(switches.SCOPES))
    parser.add_argument("to", nargs="?", choices=("off", "on"), help="`bot switch list` needs none")
    parser.add_argument(
        "--words",
        action="append",
        default=[],
        metavar='LANGUAGE="…"',
        help="what residents are told; may be given once a language, and has good words of its own without",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    if (options.scope == LIST) != (options.to is None) or (options.words and options.to != "off"):
        print("bot switch: say SCOPE off [--words …], SCOPE on, or list", file=sys.stderr)
        return 2
    try:
        return asyncio.run(_switch(options.scope, options.to, options.words))
    except RequestError as error:
        print(f"bot switch: {error.message}", file=sys.stderr)
        return 2


async def _switch(scope: str, to: str | None, given: Sequence[str]) -> int:
    words = checked_words(by_language(given))
    async with opened_database(load_settings().database_url) as database:
        if to is None:
            return await _list(database)
        async with transaction(database) as connection:
            if to == "off":
                await switches.turn_off(connection, scope, words, audit.COMMAND, datetime.now(UTC))
                print(f"{scope} is off; a running server follows within five seconds")
            else:
                was_off = await switches.turn_on(connection, scope, audit.COMMAND, datetime.now(UTC))
                print(f"{scope} is on{'' if was_off else ' already'}")
    if words and (absent := missing(words)):
        print(f"no words of yours in {', '.join(absent)}: there the standard ones are shown")
    return 0


async def _list(database: AsyncEngine) -> int:
    async with transaction(database) as connection:
        found = await switches.listed(connection)
    for one in found:
        own = f", words in {', '.join(sorted(one.words))}" if one.words else ""
        print(f"{one.scope} is off since {one.set_at:%Y-%m-%d %H:%M} UTC, by {one.set_by}{own}")
    if not found:
        print("everything is on")
    return 0


def by_language(given: Sequence[str]) -> dict[str, str]:
    """LANGUAGE=TEXT as typed. Raises RequestError for what is not one, like `checked_words` for the rest."""
    pairs = [one.partition("=") for one in given]
    return {language.strip(): text if sign else "" for language, sign, text in pairs}
