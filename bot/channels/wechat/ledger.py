"""How many messages may still be sent to one resident, and until when. Pure.

WeChat counts by what the resident did last of each kind; the numbers are those of its guide page on messages. That a
new act refreshes the count of its kind and that a message is taken from the window which ends first is written for
mini programs only, so the platform's own refusal (45047, 45015) stays the last word: `exhausted`, or no grants.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final


class Trigger(StrEnum):
    """What a resident did that opens a window."""

    MESSAGE = "message"
    # A menu item that clicks or scans, and a tap on a menu message.
    MENU = "menu"
    FOLLOW = "follow"
    SCAN = "scan"


@dataclass(frozen=True)
class _Rule:
    """`margin` is kept off the end: the clocks differ, and a message needs time to arrive."""

    messages: int
    window: timedelta
    margin: timedelta


_MINUTE: Final = _Rule(3, timedelta(minutes=1), timedelta(seconds=3))
_RULES: Final[Mapping[Trigger, _Rule]] = {
    Trigger.MESSAGE: _Rule(5, timedelta(hours=48), timedelta(minutes=5)),
    Trigger.MENU: _MINUTE,
    Trigger.FOLLOW: _MINUTE,
    Trigger.SCAN: _MINUTE,
}
# Beside a person who may want to answer, the machine leaves this many.
_KEPT_FOR_A_PERSON: Final = 2
_KEPT_FOR_AN_ANSWER: Final = 1


@dataclass(frozen=True)
class Grant:
    """`expires_at` is our end of the window, earlier than WeChat's by the margin."""

    trigger: Trigger
    remaining: int
    expires_at: datetime

    def to_json(self) -> dict[str, Any]:
        return {"trigger": self.trigger.value, "remaining": self.remaining, "expires_at": self.expires_at.isoformat()}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Grant:
        """The grant of `to_json`; KeyError, TypeError or ValueError when it is not one."""
        return Grant(Trigger(data["trigger"]), int(data["remaining"]), datetime.fromisoformat(data["expires_at"]))

    @property
    def _ends(self) -> datetime:
        """When WeChat's window ends, by which it chooses where to count a message."""
        return self.expires_at + _RULES[self.trigger].margin


def granted(trigger: Trigger, at: datetime) -> Grant:
    """What the act done `at` (the push's CreateTime, not its arrival) allows."""
    rule = _RULES[trigger]
    return Grant(trigger, rule.messages, at + rule.window - rule.margin)


def renewed(grants: Sequence[Grant], new: Grant) -> tuple[Grant, ...]:
    """With `new` in the place of its kind; an older act that arrives late or again does not fill the count up."""
    old = next((grant for grant in grants if grant.trigger is new.trigger), None)
    if old is not None and new.expires_at <= old.expires_at:
        return tuple(grants)
    return (*(grant for grant in grants if grant.trigger is not new.trigger), new)


def valid(grants: Sequence[Grant], now: datetime) -> tuple[Grant, ...]:
    return tuple(grant for grant in grants if grant.remaining > 0 and now < grant.expires_at)


def source(grants: Sequence[Grant], now: datetime) -> Grant | None:
    """The grant in which the next message is counted, that which ends first; None when none may be sent."""
    return min(valid(grants, now), key=lambda grant: grant._ends, default=None)


def spent(grants: Sequence[Grant], now: datetime) -> tuple[Grant, ...]:
    """After one message; ValueError when none may be sent."""
    first = source(grants, now)
    if first is None:
        raise ValueError("no message may be sent now")
    # An empty grant stays until it ends: it tells a repeated push from a new one.
    lasting = (grant for grant in grants if now < grant.expires_at)
    return tuple(replace(grant, remaining=grant.remaining - (grant is first)) for grant in lasting)


def refunded(grants: Sequence[Grant], taken: Grant) -> tuple[Grant, ...]:
    """After a message counted in `taken` did not leave. A grant renewed since has forgotten it, an empty one too."""
    return tuple(
        replace(grant, remaining=grant.remaining + 1)
        if (grant.trigger, grant.expires_at) == (taken.trigger, taken.expires_at)
        and grant.remaining < _RULES[grant.trigger].messages
        else grant
        for grant in grants
    )


def exhausted(grants: Sequence[Grant]) -> tuple[Grant, ...]:
    """After WeChat said that the count is used up."""
    return tuple(replace(grant, remaining=0) for grant in grants)


def left(grants: Sequence[Grant], now: datetime) -> int:
    return sum(grant.remaining for grant in valid(grants, now))


def until(grants: Sequence[Grant], now: datetime) -> datetime | None:
    """When the last window with a message in it ends; None when none may be sent."""
    return max((grant.expires_at for grant in valid(grants, now)), default=None)


def allowance(left: int, *, answer: bool, person_near: bool) -> int:
    """How many of the messages that are `left` may be sent now.

    `answer`: an answer or a person's words, not chatter (events, places in the queue, "are you still there").
    `person_near`: the conversation waits for a person or has one, and what is to be sent is the machine's.
    """
    kept = _KEPT_FOR_A_PERSON if person_near else 0 if answer else _KEPT_FOR_AN_ANSWER
    return max(0, left - kept)
