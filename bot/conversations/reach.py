"""Whether what is said reaches a resident whose channel counts messages: the port that such a channel stands behind."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

# Channels that somebody else's platform carries: without it nothing that is written there arrives.
_CARRIED = frozenset({"wechat"})


class Why(StrEnum):
    """Why nothing can be sent now, or why a message has not arrived."""

    # Of a resident, and of a message that waits: until he writes again.
    COUNT_USED_UP = "count_used_up"
    WINDOW_OVER = "window_over"
    RESPONSES_ONLY = "responses_only"  # the account may not write first
    BLOCKED = "blocked"  # he blocked the account or left it
    MOVED = "moved"  # he goes on with another conversation
    OFF = "off"  # no account is set
    # Of a message that waits.
    UNDER_WAY = "under_way"
    RESERVED = "reserved"  # what is left is kept for an answer
    # Of one that may have arrived.
    NO_RECEIPT = "no_receipt"
    PROCESS_ENDED = "process_ended"
    # Of one that failed, beside BLOCKED.
    ACCOUNT = "account"  # the platform does not let the account send: a matter for who looks after it
    REFUSED = "refused"


class Arrival(StrEnum):
    SENT = "sent"
    WAITING = "waiting"
    # It may have arrived, and is not sent again.
    UNKNOWN = "unknown"
    FAILED = "failed"


@dataclass(frozen=True)
class Fate:
    """What became of a message. One that waits without a reason goes as soon as its turn comes."""

    arrival: Arrival
    reason: Why | None = None


@dataclass(frozen=True)
class Standing:
    """How many messages may be sent to a resident now: `left` of `of`, until then; what waits; `reason`: why none."""

    channel: str
    left: int
    of: int
    until: datetime | None
    reason: Why | None
    waiting: int
    asked_to_write: bool

    def to_json(self) -> dict[str, Any]:
        return {
            "channel": self.channel,
            "left": self.left,
            "of": self.of,
            "until": self.until.isoformat() if self.until is not None else None,
            "reachable": self.reason is None,
            "reason": self.reason,
            "waiting": self.waiting,
            "asked_to_write": self.asked_to_write,
        }


@dataclass(frozen=True)
class Piece:
    """One message as the platform takes it; `draft`: something of the draft is in it, not only what waits."""

    bytes: int
    draft: bool


@dataclass(frozen=True)
class Fit:
    """What a draft would become, with what waits before it. `left`: how many may be sent now, null: any number."""

    pieces: tuple[Piece, ...]
    left: int | None

    def to_json(self) -> dict[str, Any]:
        return {
            "messages": len(self.pieces),
            "left": self.left,
            "fits": self.left is None or len(self.pieces) <= self.left,
            "pieces": [{"bytes": one.bytes, "draft": one.draft} for one in self.pieces],
        }


class Reach(Protocol):
    """Each raises StorageError."""

    async def standings(self, channels: Mapping[uuid.UUID, str]) -> Mapping[uuid.UUID, Standing]:
        """By conversation, for those of these (with the channel that each began on) whose messages are counted."""
        ...

    async def fates(self, conversation_id: uuid.UUID, seqs: range) -> Mapping[int, Fate]:
        """By number, for those of these messages that go, or went, through a channel that counts."""
        ...

    async def fit(self, conversation_id: uuid.UUID, text: str) -> Fit | None:
        """None for a conversation whose messages nobody counts."""
        ...


class Uncounted:
    """Without a channel that counts."""

    async def standings(self, channels: Mapping[uuid.UUID, str]) -> Mapping[uuid.UUID, Standing]:
        return {
            conversation_id: Standing(channel, 0, 0, None, Why.OFF, 0, False)
            for conversation_id, channel in channels.items()
            if channel in _CARRIED
        }

    async def fates(self, conversation_id: uuid.UUID, seqs: range) -> Mapping[int, Fate]:
        return {}

    async def fit(self, conversation_id: uuid.UUID, text: str) -> Fit | None:
        return None


async def with_standings(reach: Reach, entries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Summaries of conversations, each with its `reach`."""
    found = await reach.standings({uuid.UUID(hex=one["id"]): one["channel"] for one in entries})
    return [{**one, "reach": _json(found.get(uuid.UUID(hex=one["id"])))} for one in entries]


async def with_fates(
    reach: Reach, conversation_id: uuid.UUID, messages: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Messages in order, each with what became of it."""
    if not messages:
        return []
    found = await reach.fates(conversation_id, range(messages[0]["seq"], messages[-1]["seq"] + 1))
    return [{**one, **fate_view(found.get(one["seq"]))} for one in messages]


def fate_view(fate: Fate | None) -> dict[str, Any]:
    return {
        "delivery": fate.arrival if fate is not None else None,
        "delivery_reason": fate.reason if fate is not None else None,
    }


def worst(fates: Collection[Fate]) -> Fate:
    """What is said of a message in several pieces; ValueError for none."""
    order = (Arrival.FAILED, Arrival.UNKNOWN, Arrival.WAITING, Arrival.SENT)
    return min(fates, key=lambda fate: order.index(fate.arrival))


def uncounted(text: str) -> Fit:
    """One message, however long."""
    return Fit((Piece(len(text.encode()), True),), None)


def _json(standing: Standing | None) -> dict[str, Any] | None:
    return standing.to_json() if standing is not None else None
