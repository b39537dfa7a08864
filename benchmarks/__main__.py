"""`python -m benchmarks`: run the benchmarks, print the tables, write var/reports/bench.json."""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import Any

from benchmarks import compare, live, machine, report, search, urgent, wechat, widget_load
from benchmarks.places import APP_PYTHON, FOLDER, REPORT, ROOT
from benchmarks.processes import BenchError

_QUICK_STEP = 10
_COLD_LOADS, _QUICK_COLD_LOADS = 5, 2


class Part(StrEnum):
    STARTER = "starter"
    SYSTEM = "system"
    SEARCH = "search"
    LANGUAGES = "languages"
    URGENT = "urgent"
    LIVE = "live"
    WIDGET = "widget"
    WECHAT = "wechat"


def main(arguments: Sequence[str] | None = None) -> int:
    """0: every target measured is kept (--quick: every request was answered, no message was lost). 1: not so. 2: it
    could not run.
    """
    options = _parser().parse_args(arguments)
    # A stop from outside unwinds like Ctrl-C, so that every server is ended.
    signal.signal(signal.SIGTERM, _interrupted)
    try:
        return _run(frozenset(options.only or Part), quick=options.quick, path=options.json)
    except BenchError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks", description="Measure the system beside Rasa's own starter bot.")
    parser.add_argument("--quick", action="store_true", help="about a tenth of it, and no 1M search: for CI")
    parser.add_argument("--only", type=Part, choices=list(Part), nargs="+", metavar="PART", help=" | ".join(Part))
    parser.add_argument("--json", type=Path, default=REPORT, metavar="PATH", help="where the report goes")
    return parser


def _run(parts: frozenset[Part], *, quick: bool, path: Path) -> int:
    FOLDER.mkdir(parents=True, exist_ok=True)
    result: dict[str, Any] = {"quick": quick, "parts": sorted(parts), "conditions": machine.conditions()}
    found = _compared(parts, quick=quick)
    if found is not None:
        result["comparison"] = found.to_json()
    result |= _alone(parts, quick=quick)
    result["conditions"]["load_after"] = machine.load()
    judged = report.targets(found, result)
    result["targets"] = [target.to_json() for target in judged]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    print("\n".join(report.lines(result, found, judged)), flush=True)
    print(f"\nwritten to {path}")
    return _exit_code(found, result, judged, quick=quick)


def _compared(parts: frozenset[Part], *, quick: bool) -> compare.Comparison | None:
    wanted = parts & {Part.STARTER, Part.SYSTEM}
    if not wanted:
        return None
    scale = compare.QUICK if quick else compare.FULL
    return compare.compare(scale, _say, starter=Part.STARTER in wanted, system=Part.SYSTEM in wanted)


def _alone(parts: frozenset[Part], *, quick: bool) -> dict[str, Any]:
    """The parts that the starter bot has no like of."""
    step = _QUICK_STEP if quick else 1
    found: dict[str, Any] = {}
    if Part.SEARCH in parts:
        found["search"] = search.measure([size for size in search.SIZES if not quick or size < 1_000_000], step, _say)
    if Part.URGENT in parts:
        _say("urgent lane")
        found["urgent"] = urgent.measure(step)
    if Part.LANGUAGES in parts:
        _say("language identification")
        found["languages"] = _languages()
    return found | _served(parts, quick=quick)


def _served(parts: frozenset[Part], *, quick: bool) -> dict[str, Any]:
    """The parts that need the app; but for WeChat's rush, no engine."""
    found: dict[str, Any] = {}
    if Part.LIVE in parts:
        found["live"] = live.measure(live.QUICK if quick else live.FULL, _say)
    if Part.WIDGET in parts:
        found["widget"] = widget_load.measure(_QUICK_COLD_LOADS if quick else _COLD_LOADS, _say)
    if Part.WECHAT in parts:
        found["wechat"] = wechat.measure(wechat.QUICK if quick else wechat.FULL, _say)
    return found


def _languages() -> Any:
    """benchmarks.language_id, in a process of its own: it measures its memory."""
    path = FOLDER / "languages.json"
    command = [str(APP_PYTHON), "-m", "benchmarks.language_id", "--json", str(path)]
    if subprocess.run(command, cwd=ROOT, check=False).returncode != 0:
        raise BenchError("benchmarks.language_id failed")
    return json.loads(path.read_text(encoding="utf-8"))


def _exit_code(
    found: compare.Comparison | None, result: dict[str, Any], judged: Sequence[report.Target], *, quick: bool
) -> int:
    failed = (found is not None and bool(found.problems())) or report.messages_lost(result) > 0
    failed = failed or wechat.failed(result.get("wechat"))
    missed = any(target.verdict is report.Verdict.MISS for target in judged)
    return 1 if failed or (missed and not quick) else 0


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _interrupted(_sign: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
