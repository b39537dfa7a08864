"""What the assistant says, channel-free: a plan (keys and parameters), then an answer (rendered text).

A `Plan` is what an action decides. It holds no resident's word and no sentence: only keys of `bot/locales`, slugs and
numbers, so it can pass through the sealed room. `Answer` is the plan in one language, and each channel renders it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """What happened to a message (docs/api.md)."""

    ANSWERED = "answered"
    CLARIFY = "clarify"
    UNKNOWN = "unknown"
    HANDOFF = "handoff"
    URGENT = "urgent"
    BOOKING = "booking"
    CHAT = "chat"
    ERROR = "error"


class Kind(StrEnum):
    """Kinds of one message of a reply."""

    TEXT = "text"
    ARTICLE = "article"
    QUESTION = "question"
    URGENT = "urgent"
    NOTICE = "notice"
    # Below an event's text nothing can be pressed ("Operator A joined"); below a call-back's stands its form.
    EVENT = "event"
    CALLBACK = "callback"


@dataclass(frozen=True)
class Choice:
    """A button before rendering: `act` (article, say, person, none) and its argument."""

    act: str
    value: str


@dataclass(frozen=True)
class Part:
    """One message before rendering: either an article or a key of the locales with parameters.

    `language` is set where it is not that of the conversation.
    """

    kind: Kind
    key: str | None = None
    article: str | None = None
    params: dict[str, str] = field(default_factory=dict)
    choices: tuple[Choice, ...] = ()
    language: str | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(data: dict[str, Any]) -> Part:
        """The part of `to_json`; KeyError, TypeError or ValueError when it is not one."""
        return Part(
            kind=Kind(data["kind"]),
            key=data["key"],
            article=data["article"],
            params=dict(data["params"]),
            choices=tuple(Choice(choice["act"], choice["value"]) for choice in data["choices"]),
            # Messages that were stored before there was one have none.
            language=data.get("language"),
        )


@dataclass(frozen=True)
class Plan:
    """What to say. `language` is set when the resident chose another one."""

    outcome: Outcome
    parts: tuple[Part, ...]
    language: str | None = None
    trace: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(data: dict[str, Any]) -> Plan:
        """The plan of `to_json`; KeyError, TypeError or ValueError when it is not one."""
        parts = tuple(Part.from_json(part) for part in data["parts"])
        return Plan(Outcome(data["outcome"]), parts, data["language"], dict(data["trace"]))


@dataclass(frozen=True)
class Button:
    title: str
    payload: str


@dataclass(frozen=True)
class OfficeCard:
    name: str
    name_zh: str
    address_zh: str | None
    phone: str | None


@dataclass(frozen=True)
class SourceLine:
    title: str
    url: str | None


@dataclass(frozen=True)
class Answer:
    """One message of a reply, written in `lang`, as docs/api.md lists it; every field is always present."""

    kind: Kind
    lang: str
    text: str
    steps: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    buttons: tuple[Button, ...] = ()
    office: OfficeCard | None = None
    source: SourceLine | None = None
    checked_on: str | None = None
    article: str | None = None
    version: int | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def filled(self) -> dict[str, Any]:
        """The fields that say something, but for the text: what a stored message keeps beside it."""
        return {name: value for name, value in asdict(self).items() if value not in (None, (), "") and name != "text"}


@dataclass(frozen=True)
class Understanding:
    """What the pipeline made of a message; `intent` is null when the engine did not answer."""

    language: str
    intent: str | None = None
    confidence: float = 0.0
    ranking: tuple[tuple[str, float], ...] = ()
    entities: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class Reply:
    """The whole reply to one message: api.md's fields but the conversation's id."""

    understanding: Understanding
    outcome: Outcome
    messages: tuple[Answer, ...]
    trace: dict[str, Any]

    def to_json(self, conversation: str) -> dict[str, Any]:
        return {
            "conversation": conversation,
            "language": self.understanding.language,
            "intent": self.understanding.intent,
            "confidence": round(self.understanding.confidence, 4),
            "outcome": self.outcome.value,
            "messages": [message.to_json() for message in self.messages],
            "trace": self.trace,
        }
