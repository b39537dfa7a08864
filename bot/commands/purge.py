"""`bot purge`: delete the conversations whose time is over, as the server does by itself; `--preview` only counts."""

from __future__ import annotations

import argparse
import asyncio
from datetime import UTC, datetime

from bot.keeping import trackers
from bot.keeping.opened import opened_database
from bot.keeping.retention import Line, Retention, periods, preview
from bot.settings import Settings, load_settings


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser("purge", help="delete the conversations whose time is over")
    parser.add_argument("--preview", action="store_true", help="only say what would be deleted")
    parser.set_defaults(run=lambda options: asyncio.run(_purge(load_settings(), options.preview)))


async def _purge(settings: Settings, only_preview: bool) -> int:
    now, days = datetime.now(UTC), periods(settings)
    async with opened_database(settings.database_url) as database:
        if only_preview:
            for line in await preview(database, days, now):
                print(_told(line))
            return 0
        # Its table, not its door: a command has no engine of its own, and the rows are the same.
        store = trackers.TrackerTable(trackers.place(settings))
        try:
            counts = await Retention(database, store, days).purge(now)
        finally:
            await store.close()
    print(f"purged: {counts.get('conversations', 0)} conversations, {counts.get('messages', 0)} messages")
    return 0


def _told(line: Line) -> str:
    oldest = f", the oldest last used on {line.oldest:%Y-%m-%d}" if line.oldest is not None else ""
    return f"{line.name.value:<11} kept {line.days} days: {line.kept} conversations, {line.due} due{oldest}"
