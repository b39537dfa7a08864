"""`bot`: the one command. Each part of it is a file of `bot/commands`."""

from __future__ import annotations

import argparse
import logging
import os
import sys

# Before numpy is imported by anything: see bot/encoder.py.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# lingua's thread pool: one thread takes its 99th percentile from 4.5 ms to 0.5.
os.environ.setdefault("RAYON_NUM_THREADS", "1")

from bot.commands import ask, calibrate, chat, evaluate, serve, settings, train
from bot.errors import LinliError

_COMMANDS = (serve, ask, chat, train, evaluate, calibrate, settings)


def parser() -> argparse.ArgumentParser:
    main_parser = argparse.ArgumentParser(prog="bot", description="Linli: the assistant for foreign residents.")
    subparsers = main_parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in _COMMANDS:
        command.add(subparsers)
    return main_parser


def main(arguments: list[str] | None = None) -> int:
    """Run one command; its exit code. A named error is one line on stderr and code 1."""
    options = parser().parse_args(arguments)
    logging.basicConfig(
        level=os.environ.get("LINLI_LOG_LEVEL", "info").upper(), format="%(levelname)s %(name)s %(message)s"
    )
    # A library's own lines may repeat what was said; ours are a closed catalogue of event names.
    for name in ("aiohttp", "rasa_sdk", "alembic", "sqlalchemy", "lingua", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        code: int = options.run(options)
        return code
    except LinliError as error:
        print(f"bot: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
