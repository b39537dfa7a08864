"""Red flags of illness among wishes for an appointment: the urgent lane, rules and net, by language and flag."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.errors import ContentError
from bot.evaluation.metrics import Share
from bot.evaluation.urgent import Judges
from bot.languages import CODES

ENOUGH_CAUGHT, FEW_ALARMS = 0.95, 0.05


@dataclass(frozen=True)
class RedFlag:
    """`must`: the card has to come at once; else it only looks like a red flag and no card may come."""

    text: str
    language: str
    flag: str
    must: bool


@dataclass(frozen=True)
class Verdict:
    """A message with whether a card came, and whether the rules alone would have given it."""

    message: RedFlag
    card: bool
    by_rules: bool


def load_red_flags(path: Path) -> list[RedFlag]:
    """ContentError names the first bad line."""
    return list(_red_flags(path))


def _red_flags(path: Path) -> Iterator[RedFlag]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            raw = json.loads(line)
            yield RedFlag(raw["text"], raw["lang"], raw["flag"], raw["must"])
        except (ValueError, KeyError, TypeError) as error:
            raise ContentError(f"{path.name}:{number}: not a red flag ({error})") from error


def measure_red_flags(path: Path, tables: Path) -> dict[str, Any]:
    """Caught and falsely alarmed, each with its 95 % interval; no figures while there is no such file."""
    if not path.exists():
        return {"table": f"red flags: no {path.name}"}
    judges = Judges(tables)
    return summary([_judged(judges, message) for message in load_red_flags(path)])


def _judged(judges: Judges, message: RedFlag) -> Verdict:
    by_rules = judges.rules(message.text) is not None
    return Verdict(message, by_rules or judges.rules_and_net(message.text) is not None, by_rules)


def summary(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Groups `all`, every language and every flag; each with `caught` and `false alarms`."""
    flags = sorted({verdict.message.flag for verdict in verdicts})
    groups = {
        "all": _shares(verdicts, lambda message: True),
        **{code: _shares(verdicts, lambda message, code=code: message.language == code) for code in CODES},  # type: ignore[misc]
        **{f"flag {flag}": _shares(verdicts, lambda message, flag=flag: message.flag == flag) for flag in flags},  # type: ignore[misc]
    }
    found = {name: shares for name, shares in groups.items() if any(share.of for share in shares.values())}
    return {
        "groups": {name: {label: share.to_json() for label, share in shares.items()} for name, shares in found.items()},
        "table": "\n".join(_rows(found)),
    }


def _shares(verdicts: Sequence[Verdict], wanted: Callable[[RedFlag], bool]) -> dict[str, Share]:
    flagged = [one for one in verdicts if one.message.must and wanted(one.message)]
    others = [one for one in verdicts if not one.message.must and wanted(one.message)]
    return {
        "caught": Share(sum(one.card for one in flagged), len(flagged)),
        "by rules": Share(sum(one.by_rules for one in flagged), len(flagged)),
        "false alarms": Share(sum(one.card for one in others), len(others)),
    }


def _rows(groups: dict[str, dict[str, Share]]) -> Iterator[str]:
    yield f"{'red flags, %':<26}{'caught':>18}{'by rules':>18}{'false alarms':>18}"
    for name, shares in groups.items():
        caught, rules, alarms = shares["caught"], shares["by rules"], shares["false alarms"]
        missed_aim = caught.value < ENOUGH_CAUGHT or alarms.value > FEW_ALARMS
        yield f"{name:<26}{caught!s:>18}{rules!s:>18}{alarms!s:>18}{'  below the aim' if missed_aim else ''}"
