"""Measuring: Wilson's interval against known values, and what a reply counts as."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import ContentError
from bot.evaluation import report
from bot.evaluation.metrics import Judged, Share, figures, wholly_below_mean
from bot.evaluation.run import judge_all, judge_reply
from bot.evaluation.sets import Question, load_questions
from tests.fakes.site import ALWAYS_ASK_BACK, Site

QUESTION = Question("q1", "en", "How do I rent a flat?", ("rent-a-flat", "find-a-flat"), "life", "holdout")
NO_ANSWER = Question("n1", "en", "Who won?", (), None, "holdout")


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    # Wilson's score interval without continuity correction, Newcombe (1998), table I, and R's binom.confint.
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (10, 10, 0.7225, 1.0),
    ],
)
def test_wilsons_interval(hits: int, of: int, low: float, high: float) -> None:
    assert Share(hits, of).interval == pytest.approx((low, high), abs=1e-4)


@given(st.integers(1, 5000).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_an_interval_holds_its_value(pair: tuple[int, int]) -> None:
    share = Share(*pair)
    low, high = share.interval
    assert 0 <= low <= share.value + 1e-12
    assert share.value - 1e-12 <= high <= 1


def test_a_share_of_nothing() -> None:
    assert math.isnan(Share(0, 0).value)
    assert str(Share(0, 0)) == "–"
    assert str(Share(9, 10)) == " 90.0 [60–98]"


def message(article: str | None = None, kind: str = "article", buttons: int = 0) -> dict[str, Any]:
    return {"article": article, "kind": kind, "buttons": [{"title": "t", "payload": "p"}] * buttons}


def reply(outcome: str, *messages: dict[str, Any], candidates: tuple[str, ...] = ()) -> dict[str, Any]:
    trace = {"candidates": [{"article": slug} for slug in candidates]}
    return {"outcome": outcome, "language": "en", "intent": "ask_life", "messages": list(messages), "trace": trace}


def judged(question: Question, answer: dict[str, Any]) -> Judged:
    return judge_reply(question, answer, 0.1)


def test_a_right_answer() -> None:
    found = judged(QUESTION, reply("answered", message("find-a-flat")))
    assert (found.first, found.among, found.answered_right, found.answered_wrong) == (True, True, True, False)


def test_a_wrong_answer_counts_as_wrong_whatever_else_was_a_candidate() -> None:
    found = judged(QUESTION, reply("answered", message("sim-card"), candidates=("sim-card", "rent-a-flat")))
    assert (found.first, found.among, found.answered_wrong) == (False, False, True)


def test_a_question_with_the_right_button() -> None:
    asked = reply("clarify", message(None, "question", 5), candidates=("sim-card", "rent-a-flat", "x", "y"))
    found = judged(QUESTION, asked)
    assert found.buttons == ("sim-card", "rent-a-flat", "x")
    assert (found.first, found.among, found.answered_right) == (False, True, False)


def test_buttons_that_were_not_shown_do_not_count() -> None:
    found = judged(QUESTION, reply("clarify", message(None, "question", 3), candidates=("sim-card", "rent-a-flat")))
    assert (found.buttons, found.among) == (("sim-card",), False)


def test_candidates_of_an_unknown_do_not_count() -> None:
    found = judged(QUESTION, reply("unknown", message(None, "text", 1), candidates=("rent-a-flat",)))
    assert (found.shown, found.first, found.among) == ((), False, False)


def test_the_figures() -> None:
    items = [
        judged(QUESTION, reply("answered", message("rent-a-flat"))),
        judged(QUESTION, reply("answered", message("sim-card"))),
        judged(NO_ANSWER, reply("answered", message("sim-card"))),
        judged(NO_ANSWER, reply("clarify", message(None, "question", 4), candidates=("a", "b"))),
        judged(NO_ANSWER, reply("unknown", message(None, "text", 1))),
    ]
    found = figures(items)
    assert (found["first"], found["answered wrong"]) == (Share(1, 2), Share(1, 2))
    assert (found["false answers"], found["false buttons"]) == (Share(1, 3), Share(1, 3))
    assert found["intent"] == Share(2, 2)


def test_languages_left_behind_are_named() -> None:
    shares = {"en": Share(95, 100), "zh": Share(94, 100), "vi": Share(50, 100), "ar": Share(0, 0), "fr": Share(88, 100)}
    assert wholly_below_mean(shares) == ["vi"]


def test_the_report_is_written(tmp_path: Path) -> None:
    items = [
        judged(QUESTION, reply("answered", message("rent-a-flat"))),
        judged(NO_ANSWER, reply("answered", message("x"))),
    ]
    result = report.summary(items)
    data, picture = report.write(result, tmp_path / "reports", "evaluation-holdout")
    assert json.loads(data.read_text(encoding="utf-8"))["misses"][0]["id"] == "n1"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "answered languages" in report.table(result)


def test_questions_are_read_and_a_bad_line_is_named(tmp_path: Path) -> None:
    good = {"id": "1", "lang": "en", "text": "t", "articles": ["a"], "area": "life", "set": "tuning"}
    (tmp_path / "questions.jsonl").write_text(
        f"{json.dumps(good)}\n{json.dumps({**good, 'id': '2', 'set': 'holdout'})}\n"
    )
    (tmp_path / "no_answer.jsonl").write_text(
        json.dumps({"id": "3", "lang": "en", "text": "u", "set": "tuning"}) + "\n"
    )
    assert [(q.id, q.articles) for q in load_questions(tmp_path, "tuning")] == [("1", ("a",)), ("3", ())]
    (tmp_path / "no_answer.jsonl").write_text('{"id": "3"}\n')
    with pytest.raises(ContentError, match=r"no_answer\.jsonl:1"):
        load_questions(tmp_path, "tuning")


async def test_questions_through_the_loopback_door(site: Site) -> None:
    asked: list[int] = []
    judged_ = await judge_all(site.client, [QUESTION, NO_ANSWER], lambda _what, done, _of: asked.append(done))
    assert [item.question.id for item in judged_] == ["q1", "n1"]
    assert judged_[0].answered_right
    assert asked == [1, 2]
    site.service.desk.thresholds = ALWAYS_ASK_BACK
    (clarified,) = await judge_all(site.client, [QUESTION], lambda *_: None)
    assert clarified.buttons[0] == "rent-a-flat"
    assert 1 <= len(clarified.buttons) <= 3
