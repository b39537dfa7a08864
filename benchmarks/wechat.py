"""The WeChat channel: answers in time under load, nothing lost and nothing twice when things break, no way in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks import wechat_doors, wechat_kills, wechat_rush

Say = Callable[[str], None]


@dataclass(frozen=True)
class Scale:
    rush: wechat_rush.Scale
    kills: wechat_kills.Scale
    doors: wechat_doors.Scale


FULL = Scale(wechat_rush.FULL, wechat_kills.FULL, wechat_doors.FULL)
QUICK = Scale(wechat_rush.QUICK, wechat_kills.QUICK, wechat_doors.QUICK)


def measure(scale: Scale, say: Say) -> dict[str, Any]:
    """All of it, as JSON. BenchError when it cannot be measured."""
    return {
        "rush": wechat_rush.measure(scale.rush, say),
        "storm": wechat_kills.measure(scale.kills, say),
        "doors": wechat_doors.measure(scale.doors, say),
    }


def failed(found: dict[str, Any] | None) -> bool:
    """Whether something was lost, done twice, let in or let out that never may be, however small the run."""
    if found is None:
        return False
    rush, storm, doors = found["rush"], found["storm"], found["doors"]
    wrong = rush["wrong"] + storm["wrong"] + sum(part["unhandled"] for part in doors.values()) + doors["door"]["wrong"]
    return bool(wrong)
