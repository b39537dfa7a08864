"""Ask every question of a set through the loopback door and judge what comes back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from bot.commands.client import Client
from bot.evaluation.metrics import Judged
from bot.evaluation.sets import Question
from bot.knowledge.publishing import Progress

_AT_ONCE = 4


async def judge_all(client: Client, questions: Sequence[Question], progress: Progress) -> list[Judged]:
    """In the order of `questions`; each in a conversation of its own, with no hint of its language."""
    gate, done = asyncio.Semaphore(_AT_ONCE), 0

    async def judge(question: Question) -> Judged:
        nonlocal done
        async with gate:
            started = time.perf_counter()
            reply = await client.say({"text": question.text})
            judged = judge_reply(question, reply, time.perf_counter() - started)
        done += 1
        progress("asking", done, len(questions))
        return judged

    return list(await asyncio.gather(*(judge(question) for question in questions)))


def judge_reply(question: Question, reply: dict[str, Any], seconds: float) -> Judged:
    articles = [message["article"] for message in reply["messages"] if message["article"] is not None]
    candidates = [candidate["article"] for candidate in reply["trace"].get("candidates", ())]
    offered = sum(len(message["buttons"]) for message in reply["messages"] if message["kind"] == "question")
    # The last two buttons of a question are "none of these" and "a person".
    buttons = tuple(candidates[: max(0, offered - 2)]) if reply["outcome"] == "clarify" else ()
    return Judged(
        question=question,
        outcome=reply["outcome"],
        language=reply["language"],
        intent=reply["intent"],
        answered=articles[0] if articles else None,
        buttons=buttons,
        seconds=seconds,
    )
