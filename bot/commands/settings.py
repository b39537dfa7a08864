"""`bot settings`: the table of all settings with what they are now."""

from __future__ import annotations

import argparse

from bot.settings import TABLE, load_settings


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser("settings", help="list every setting, its default and what it is for")
    parser.set_defaults(run=run)


def run(_options: argparse.Namespace) -> int:
    load_settings()  # an unknown or bad one is said here
    for setting in TABLE:
        print(f"LINLI_{setting.name.upper():<28} {setting.default!s:<16} {setting.help}")
    return 0
