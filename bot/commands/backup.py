"""`bot backup FILE`: all but the keys in one archive, while the server goes on; `--keys FILE`: the keys alone."""

from __future__ import annotations

import argparse
import asyncio
from datetime import UTC, datetime
from pathlib import Path

from bot.commands.progress import Bar
from bot.keeping import trackers
from bot.keeping.backup import back_up
from bot.keeping.keys import back_up_keys
from bot.settings import Settings, load_settings


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser("backup", help="write a backup (FILE.tar.gz), also while the server runs")
    parser.add_argument("file", type=Path, help="the archive to write; must not be there yet")
    parser.add_argument("--keys", action="store_true", help="write the keys instead: store that file somewhere else")
    parser.add_argument("--embeddings", action="store_true", help="with the vectors, which can be made again")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    settings = load_settings()
    if options.keys:
        names = back_up_keys(settings.var_folder, options.file)
        print(f"{options.file}: {', '.join(names)}; whoever has this file can speak as any visitor")
        return 0
    return asyncio.run(_back_up(settings, options.file, options.embeddings))


async def _back_up(settings: Settings, file: Path, embeddings: bool) -> int:
    where, now = trackers.place(settings), datetime.now(UTC)
    manifest = await back_up(settings.database_url, where, file, now, Bar().progress, embeddings=embeddings)
    counts = manifest.rows()
    print(f"{file}: {sum(counts.values())} rows, {counts.get('conversations', 0)} conversations, {_size(file)}")
    return 0


def _size(file: Path) -> str:
    return f"{file.stat().st_size / 1_000_000:.1f} MB"
