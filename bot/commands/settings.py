"""`bot settings`: the table of all settings with what they are now."""

from __future__ import annotations

import argparse

from bot.settings import TABLE, load_settings


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser("settings", help="list every setting: what it is now, its default, what it is for")
    parser.set_defaults(run=run)


def run(_options: argparse.Namespace) -> int:
    settings = load_settings()
    for setting in TABLE:
        now = getattr(settings, setting.name)
        shown = _without_secrets(now) if setting.name == "database_url" else str(now)
        default = "empty" if setting.default == "" else setting.default
        print(f"LINLI_{setting.name.upper()} = {shown}  (default: {default})\n    {setting.help}")
    return 0


def _without_secrets(url: str) -> str:
    """A database's URL without user, password and options: each of them may hold a secret."""
    if url.startswith("sqlite"):
        return url
    # Only here: it takes half a second to import.
    from sqlalchemy.engine import URL, make_url

    given = make_url(url)
    return str(URL.create(given.drivername, host=given.host, port=given.port, database=given.database))
