"""`bot restore FILE`: a backup into an empty database, all or nothing; `--keys FILE`: the keys."""

from __future__ import annotations

import argparse
import asyncio
import json
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

from bot.commands.progress import Bar
from bot.keeping import archive, trackers
from bot.keeping.errors import KeepingError
from bot.keeping.keys import restore_keys
from bot.keeping.restore import restore
from bot.settings import Settings, load_settings

_PROBE_SECONDS = 2.0


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser("restore", help="restore a backup into an empty database")
    parser.add_argument("file", type=Path, help="an archive that `bot backup` wrote")
    parser.add_argument("--check", action="store_true", help="only read the archive and compare its sums")
    parser.add_argument("--force-empty", action="store_true", help="empty the database first: what it holds is lost")
    parser.add_argument("--keys", action="store_true", help="the file holds keys (`bot backup --keys`)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    settings = load_settings()
    if options.check:
        print(_told(options.file, archive.verify(options.file), "is whole"))
        return 0
    _check_no_server(settings)
    if options.keys:
        print(f"keys restored: {', '.join(restore_keys(options.file, settings.var_folder))}")
        return 0
    settings.var_folder.mkdir(parents=True, exist_ok=True)
    manifest = asyncio.run(_restore(settings, options.file, options.force_empty))
    print(_told(options.file, manifest, "is restored"))
    return 0


async def _restore(settings: Settings, file: Path, empty_first: bool) -> archive.Manifest:
    where, now = trackers.place(settings), datetime.now(UTC)
    return await restore(settings.database_url, where, file, now, Bar().progress, empty_first=empty_first)


def _told(file: Path, manifest: archive.Manifest, what: str) -> str:
    counts = manifest.rows()
    made = f"made {manifest.made_at:%Y-%m-%d %H:%M} UTC by version {manifest.program}"
    return f"{file} ({made}) {what}: {sum(counts.values())} rows, {counts.get('conversations', 0)} conversations"


def _check_no_server(settings: Settings) -> None:
    """KeepingError when the server of this folder answers; others are found by their lease in the database."""
    try:
        address = json.loads((settings.var_folder / "run.json").read_text(encoding="ascii"))["local"]
        urllib.request.urlopen(f"{address}/readyz", timeout=_PROBE_SECONDS).close()  # noqa: S310 - our own loopback door
    except urllib.error.HTTPError:
        pass  # it answered, if only to say that it is not ready
    except (OSError, ValueError, KeyError, TypeError):
        return
    raise KeepingError("a server is running on this database; stop it first")
