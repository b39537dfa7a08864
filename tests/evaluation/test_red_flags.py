"""Red flags measured: what counts as caught and as a false alarm."""

from pathlib import Path

import pytest

from bot.errors import ContentError
from bot.evaluation.red_flags import RedFlag, Verdict, load_red_flags, measure_red_flags, summary
from bot.settings import ROOT


def verdict(language: str, must: bool, card: bool) -> Verdict:
    return Verdict(RedFlag("a text", language, "stroke", must), card, by_rules=False)


def test_caught_and_false_alarms_are_counted_by_language() -> None:
    verdicts = [
        verdict("en", True, True),
        verdict("en", True, False),
        verdict("en", False, True),
        verdict("fr", True, True),
    ]
    groups = summary(verdicts)["groups"]
    assert (groups["en"]["caught"]["hits"], groups["en"]["caught"]["of"]) == (1, 2)
    assert (groups["en"]["false alarms"]["hits"], groups["fr"]["false alarms"]["of"]) == (1, 0)
    assert groups["all"]["by rules"]["hits"] == 0
    assert groups["all"]["caught"]["hits"] == groups["flag stroke"]["caught"]["hits"] == 2


def test_the_tables_are_asked(tmp_path: Path) -> None:
    line = '{"text": "my wife\'s water broke", "lang": "en", "flag": "labour", "must": true}\n'
    (tmp_path / "red_flags.jsonl").write_text(line, encoding="utf-8")
    found = measure_red_flags(tmp_path / "red_flags.jsonl", ROOT / "data" / "urgent")
    assert found["groups"]["en"]["caught"]["hits"] == 1


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    assert "red_flags.jsonl" in measure_red_flags(tmp_path / "red_flags.jsonl", tmp_path)["table"]


def test_a_bad_line_is_named(tmp_path: Path) -> None:
    (tmp_path / "red_flags.jsonl").write_text('{"text": "a"}\n', encoding="utf-8")
    with pytest.raises(ContentError, match=r"red_flags\.jsonl:1"):
        load_red_flags(tmp_path / "red_flags.jsonl")
