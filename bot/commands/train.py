"""`bot train`: a new model of the sealed room from data/nlu, data/rules.yml, domain.yml and config.yml."""

from __future__ import annotations

import argparse
import asyncio
import time

from bot import training
from bot.settings import load_settings


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
    settings.var_folder.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    made = asyncio.run(training.train(settings))
    print(f"{made} in {time.monotonic() - started:.0f} s")
    return 0
