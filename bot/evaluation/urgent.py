"""The urgent lane on emergencies and on messages that only look like one; no server is needed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.conversations.urgent import UrgentLane
from bot.evaluation.metrics import Share
from bot.evaluation.sets import Question
from bot.languages import CODES


@dataclass(frozen=True)
class Message:
    """`urgent` is the kind of emergency, null for a message that is none."""

    id: str
    language: str
    text: str
    urgent: str | None


def load_messages(path: Path) -> Iterator[Message]:
    for line in path.read_text(encoding="utf-8").splitlines():
        raw = json.loads(line)
        yield Message(raw["id"], raw["lang"], raw["text"], raw["urgent"])


def measure_urgent(path: Path, tables: Path, questions: Sequence[Question]) -> dict[str, Any]:
    """How many emergencies are caught, by language; false alarms on near misses and on all other questions."""
    lane = UrgentLane.load(tables)
    lane.warm()
    messages = list(load_messages(path))
    started = time.perf_counter()
    seen = {message.id: lane.check(message.text) for message in messages}
    milliseconds = 1000 * (time.perf_counter() - started) / max(1, len(messages))
    caught = {
        code: _share([seen[m.id] is not None for m in messages if m.urgent and m.language == code]) for code in CODES
    }
    everyone = [m for m in messages if m.urgent]
    figures = {
        "caught": _share([seen[m.id] is not None for m in everyone]),
        "of the right kind": _share([_kind(seen[m.id]) == m.urgent for m in everyone]),
        "false alarms on near misses": _share([seen[m.id] is not None for m in messages if m.urgent is None]),
        "false alarms on all other questions": _share([lane.check(q.text) is not None for q in questions]),
    }
    low = {code: share for code, share in caught.items() if share.of and share.value < 0.95}
    return {
        "figures": {name: share.to_json() for name, share in figures.items()},
        "caught by language": {code: share.to_json() for code, share in caught.items()},
        "milliseconds": milliseconds,
        "misses": [m.id for m in messages if (seen[m.id] is not None) != (m.urgent is not None)],
        "table": _table(figures, low, milliseconds),
    }


def _kind(urgent: Any) -> str | None:
    return urgent.kind.value if urgent is not None else None


def _share(flags: Sequence[bool]) -> Share:
    return Share(sum(flags), len(flags))


def _table(figures: dict[str, Share], low: dict[str, Share], milliseconds: float) -> str:
    lines = [f"urgent lane, {name:<36} {share}" for name, share in figures.items()]
    lines += [f"  caught below 95 %: {code} {share}" for code, share in low.items()]
    return "\n".join([*lines, f"urgent lane, mean time                              {milliseconds:.2f} ms"])
