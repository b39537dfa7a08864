"""The urgent lane, rules and net, on emergencies and on messages that only look like one; no server is needed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.conversations.masking import for_engine
from bot.conversations.urgent import Kind, UrgentLane
from bot.conversations.urgent_net import UrgentNet
from bot.encoder import Encoder
from bot.evaluation.metrics import Share
from bot.evaluation.sets import Question
from bot.language_id import LanguageIdentifier
from bot.languages import CODES

Judge = Callable[[str], Kind | None]


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


class Judges:
    """The rules alone; and with the net, on the vector for the language as it is identified, like the service."""

    def __init__(self, tables: Path) -> None:
        self.lane, self.net = UrgentLane.load(tables), UrgentNet.load()
        self.encoder, self.identifier = Encoder(), LanguageIdentifier()
        self.lane.warm()

    def rules(self, text: str) -> Kind | None:
        urgent = self.lane.check(text)
        return urgent.kind if urgent is not None else None

    def rules_and_net(self, text: str) -> Kind | None:
        if (kind := self.rules(text)) is not None:
            return kind
        language = self.identifier.identify(text).code
        return self.net.check(self.encoder.encode(for_engine(text), language))

    def rules_and_quick_net(self, text: str) -> Kind | None:
        """What is seen when the search is sure enough to do without e5: the least that the service sees."""
        if (kind := self.rules(text)) is not None:
            return kind
        language, masked = self.identifier.identify(text).code, for_engine(text)
        quick = self.encoder.quick(masked, language)
        return self.net.check(self.encoder.encode(masked, language) if quick is None else quick)


def measure_urgent(path: Path, tables: Path, questions: Sequence[Question]) -> dict[str, Any]:
    """How many emergencies are caught, by language; false alarms on near misses and on all other questions.

    The first table is the rules', with the net beside it under `with the net` and `with the net, USE alone`.
    """
    judges = Judges(tables)
    messages = list(load_messages(path))
    started = time.perf_counter()
    for message in messages:
        judges.rules(message.text)
    milliseconds = 1000 * (time.perf_counter() - started) / max(1, len(messages))
    rules = _measured("urgent lane", judges.rules, messages, questions)
    net = _measured("rules + net", judges.rules_and_net, messages, questions)
    quick = _measured("rules + net (USE)", judges.rules_and_quick_net, messages, questions)
    time_line = f"urgent lane, mean time                                 {milliseconds:.2f} ms"
    return {
        **rules,
        "milliseconds": milliseconds,
        "with the net": net,
        "with the net, USE alone": quick,
        "table": "\n".join([rules["table"], time_line, net["table"], quick["table"]]),
    }


def _measured(name: str, judge: Judge, messages: Sequence[Message], questions: Sequence[Question]) -> dict[str, Any]:
    seen = {message.id: judge(message.text) for message in messages}
    urgent = [message for message in messages if message.urgent]
    caught = {code: _share([seen[m.id] is not None for m in urgent if m.language == code]) for code in CODES}
    figures = {
        "caught": _share([seen[m.id] is not None for m in urgent]),
        "of the right kind": _share([seen[m.id] == m.urgent for m in urgent]),
        "false alarms on near misses": _share([seen[m.id] is not None for m in messages if m.urgent is None]),
        "false alarms on all other questions": _share([judge(question.text) is not None for question in questions]),
    }
    low = {code: share for code, share in caught.items() if share.of and share.value < 0.95}
    return {
        "figures": {label: share.to_json() for label, share in figures.items()},
        "caught by language": {code: share.to_json() for code, share in caught.items()},
        "misses": [m.id for m in messages if (seen[m.id] is not None) != (m.urgent is not None)],
        "table": _table(name, figures, low),
    }


def _share(flags: Sequence[bool]) -> Share:
    return Share(sum(flags), len(flags))


def _table(name: str, figures: dict[str, Share], low: dict[str, Share]) -> str:
    lines = [f"{name + ', ' + label:<54} {share}" for label, share in figures.items()]
    return "\n".join([*lines, *(f"  caught below 95 %: {code} {share}" for code, share in low.items())])
