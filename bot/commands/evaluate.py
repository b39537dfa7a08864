"""`bot evaluate`: the frozen questions through the whole system, with 95 % intervals."""

from __future__ import annotations

import argparse
import asyncio
from typing import Any

from bot.commands.client import connected
from bot.commands.progress import Bar
from bot.evaluation import report
from bot.evaluation.languages import measure_languages
from bot.evaluation.red_flags import measure_red_flags
from bot.evaluation.run import judge_all
from bot.evaluation.sets import load_questions
from bot.evaluation.urgent import measure_urgent
from bot.settings import ROOT, Settings, load_settings

_FOLDER = ROOT / "data" / "evaluation"


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser("evaluate", help="measure the answers on the frozen questions")
    parser.add_argument("--set", choices=("holdout", "tuning"), default="holdout")
    parser.add_argument("--misses", action="store_true", help="list every miss")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    settings = load_settings()
    result = asyncio.run(_measure(settings, options.set))
    print(report.table(result))
    print(result["language identification"]["table"])
    print(result["urgent lane"]["table"])
    print(result["red flags"]["table"])
    if options.misses:
        for miss in result["misses"]:
            print(f"{miss['id']} [{miss['outcome']}] {miss['text']}  →  {miss['shown']}  right: {miss['right']}")
    for path in report.write(result, settings.var_folder / "reports", f"evaluation-{options.set}"):
        print(path)
    return 0


async def _measure(settings: Settings, part: str) -> dict[str, Any]:
    questions = load_questions(_FOLDER, part)
    async with connected(settings) as client:
        items = await judge_all(client, questions, Bar().progress)
    return {
        **report.summary(items),
        "language identification": measure_languages(_FOLDER / "languages", part),
        "urgent lane": measure_urgent(_FOLDER / "urgent.jsonl", ROOT / "data" / "urgent", questions),
        "red flags": measure_red_flags(_FOLDER / "red_flags.jsonl", ROOT / "data" / "urgent"),
    }
