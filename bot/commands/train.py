"""`bot train`: a new model of the sealed room from data/nlu, data/rules.yml, domain.yml and config.yml."""

from __future__ import annotations

import argparse
import asyncio
import time
from pathlib import Path

from bot import training
from bot.commands.progress import Bar
from bot.db.engine import make_engine
from bot.db.migrate import migrate
from bot.encoder import Encoder
from bot.settings import Settings, load_settings


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser("train", help="train the language model from data/nlu")
    parser.add_argument("--force", action="store_true", help="even when the model of this data is there")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    settings = load_settings()
    path = training.model_path(settings)
    if path.exists() and not options.force:
        training.check_archive(path)
        print(f"{path} is there already")
        return 0
    started = time.monotonic()
    made = asyncio.run(_train(settings))
    print(f"{made} in {time.monotonic() - started:.0f} s")
    return 0


async def _train(settings: Settings) -> Path:
    settings.var_folder.mkdir(parents=True, exist_ok=True)
    database = make_engine(settings.database_url)
    try:
        await migrate(database)
        return await training.train(settings, database, Encoder(), Bar().progress)
    finally:
        await database.dispose()
