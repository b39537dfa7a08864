"""`bot`: the one command. Each part of it is a file of `bot/commands`."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Iterable
from importlib import import_module

# Before numpy is imported by anything: see bot/encoder.py.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# lingua's thread pool: one thread takes its 99th percentile from 4.5 ms to 0.5.
os.environ.setdefault("RAYON_NUM_THREADS", "1")

from bot.errors import LinliError
from bot.settings import load_settings

_COMMANDS = (
    "serve",
    "ask",
    "chat",
    "user",
    "switch",
    "notice",
    "mask",
    "backup",
    "restore",
    "purge",
    "train",
    "evaluate",
    "calibrate",
    "settings",
    "wechat",
)


def parser(commands: Iterable[str] = _COMMANDS) -> argparse.ArgumentParser:
    """The words that `bot` takes. Only the files of `commands` are imported: most of them take seconds."""
    main_parser = argparse.ArgumentParser(prog="bot", description="Linli: the assistant for foreign residents.")
    subparsers = main_parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in commands:
        import_module(f"bot.commands.{command}").add(subparsers)
    return main_parser


def main(arguments: list[str] | None = None) -> int:
    """Run one command; its exit code. A named error is one line on stderr and code 1."""
    words = sys.argv[1:] if arguments is None else arguments
    options = parser(set(_COMMANDS).intersection(words[:1]) or _COMMANDS).parse_args(words)
    try:
        _log_at(load_settings().log_level)
        code: int = options.run(options)
        return code
    except LinliError as error:
        print(f"bot: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _log_at(level: str) -> None:
    logging.basicConfig(level=level.upper(), format="%(levelname)s %(name)s %(message)s")
    # A library's own lines may repeat what was said; ours are a closed catalogue of event names.
    for name in ("aiohttp", "rasa_sdk", "alembic", "sqlalchemy", "lingua", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


if __name__ == "__main__":
    sys.exit(main())
