"""`bot calibrate`: fit the search's weights and thresholds on the tuning questions and write why."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Sequence
from typing import Any

from bot.app import running
from bot.commands.progress import Bar
from bot.conversations.masking import for_engine
from bot.errors import EngineError
from bot.evaluation.sets import Question, load_questions
from bot.ids import new_id
from bot.knowledge.calibration import Calibration, Case, calibrate
from bot.knowledge.scoring import FILE
from bot.settings import ROOT, load_settings

_MOST_FALSE = 0.015
_CLARIFY_SHARE = 0.01


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser("calibrate", help="fit the search's weights and thresholds on the tuning questions")
    parser.add_argument("--dry-run", action="store_true", help="print, write nothing")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    fitted = asyncio.run(_fit())
    text = json.dumps(_to_json(fitted), indent=1)
    print(text)
    if not options.dry_run:
        FILE.write_text(text + "\n", encoding="utf-8")
        print(f"{FILE.name} is written; it counts from the next start")
    return 0


def _to_json(fitted: Calibration) -> dict[str, Any]:
    return {
        "rank": fitted.weights.rank,
        "trust": fitted.weights.trust,
        "thresholds": {"answer": fitted.thresholds.answer, "clarify": fitted.thresholds.clarify},
        "why": {
            "answer": f"the lowest at which at most {_MOST_FALSE:.1%} of the no-answer tuning questions are answered",
            "clarify": f"the highest at which at most {_CLARIFY_SHARE:.1%} of the tuning questions lose their buttons",
            "on the tuning questions": fitted.why,
        },
    }


async def _fit() -> Calibration:
    questions = load_questions(ROOT / "data" / "evaluation", "tuning")
    cases = await gather_cases(questions)
    return calibrate(cases, _MOST_FALSE, _CLARIFY_SHARE)


async def gather_cases(questions: Sequence[Question]) -> list[Case]:
    """Each question as it may meet the search: with the pipeline's ranking, without the engine, and by USE alone."""
    bar, cases = Bar(), list[Case]()
    async with running(load_settings(), bar.progress, public=False) as server:
        await server.wait_for_engine()
        for number, question in enumerate(questions, 1):
            cases += await _cases(server.service, question)
            bar.progress("asking", number, len(questions))
    return cases


async def _cases(service: Any, question: Question) -> list[Case]:
    desk, text = service.desk, for_engine(question.text)
    language = service.identifier.identify(question.text).code
    vector = await asyncio.to_thread(desk.encoder.encode, text, language)
    rankings: list[dict[str, float] | None] = [None]
    try:
        reply = await service.engine.ask(new_id().hex, str(new_id()), text, language, vector)
        rankings.append(dict(reply.understanding.ranking))
    except EngineError:
        print(f"the engine did not answer {question.id}")
    found = [desk.search.signals(text, vector, ranking) for ranking in rankings]
    quick = desk.encoder.quick(text, language)
    if quick is not None:
        found.append(desk.search.signals(text, quick, None))
    return [Case(question.articles, articles, context) for articles, context in found]
