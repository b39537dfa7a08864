"""What is said about the operators' desk. Pure: what the desk decided in, a `Plan` or a part of one out."""

from __future__ import annotations

from datetime import datetime

from bot.conversations.plans import Act, person
from bot.handoff.rules import NoQueue, Queue, Reason
from bot.messages import Choice, Kind, Outcome, Part, Plan

_CONNECT, _STAY, _CALL_BACK = (Choice(act, "") for act in (Act.CONNECT, Act.STAY, Act.CALL_BACK))
_NO_QUEUE = {
    Reason.BUSY: "desk_busy",
    Reason.NOBODY: "desk_nobody",
    Reason.HOURS: "desk_closed_hours",
    Reason.HOLIDAY: "desk_closed_holiday",
}


def offer(found: Queue | NoQueue) -> Plan:
    """The hotlines, which always answer, then what the desk can do now."""
    parts = _queue_parts(found) if isinstance(found, Queue) else (no_queue(found),)
    return Plan(Outcome.HANDOFF, (*person().parts, *parts), trace=_trace(found))


def call_back_instead(found: NoQueue) -> Plan:
    """Nobody can be had after all: between the offer and the button the desk closed, say."""
    return Plan(Outcome.HANDOFF, (no_queue(found),), trace=_trace(found))


def no_queue(found: NoQueue) -> Part:
    choices = (_CALL_BACK, _STAY)
    if found.opens is not None:
        return Part(
            Kind.QUESTION, _NO_QUEUE[found.reason], params={"at_opens": found.opens.isoformat()}, choices=choices
        )
    closed = found.reason in (Reason.HOURS, Reason.HOLIDAY)
    return Part(Kind.QUESTION, "desk_closed" if closed else _NO_QUEUE[found.reason], choices=choices)


def queued(position: int, minutes: int | None) -> Plan:
    """In the queue, with the way out of it."""
    waiting = Part(Kind.TEXT, "desk_waiting", choices=(_STAY,))
    return Plan(Outcome.HANDOFF, (queue_part(position, minutes), waiting), trace={"desk": "queue"})


def queue_part(position: int, minutes: int | None) -> Part:
    if minutes is None:
        return Part(Kind.TEXT, "desk_queue", params={"position": str(position)})
    return Part(Kind.TEXT, "desk_queue_minutes", params={"position": str(position), "minutes": str(minutes)})


def stayed(*, waited: bool) -> Plan:
    return Plan(Outcome.CHAT, (Part(Kind.TEXT, "desk_left_queue" if waited else "desk_stay"),))


def call_back_form(promised: datetime) -> Plan:
    part = Part(Kind.CALLBACK, "desk_call_back", params={"at_promised": promised.isoformat()})
    return Plan(Outcome.HANDOFF, (part,), trace={"desk": "call_back"})


def waited_in_vain(reason: Reason, promised: datetime) -> Part:
    """What somebody is told whom nobody came to, with the form under it."""
    key = "desk_timeout_form" if reason is Reason.TIMEOUT else "desk_closed_form"
    return Part(Kind.CALLBACK, key, params={"at_promised": promised.isoformat()})


def noted(reference: str, promised: datetime) -> Part:
    return Part(Kind.TEXT, "desk_noted", params={"reference": reference, "at_promised": promised.isoformat()})


def event(key: str, **params: str) -> Part:
    return Part(Kind.EVENT, key, params=params)


def _queue_parts(found: Queue) -> tuple[Part, ...]:
    choices = (_CONNECT, _STAY)
    if found.minutes is None:
        question = Part(Kind.QUESTION, "desk_offer", choices=choices)
    else:
        question = Part(Kind.QUESTION, "desk_offer_minutes", params={"minutes": str(found.minutes)}, choices=choices)
    return (question,) if found.own_language else (_other_language(found.own_opens), question)


def _other_language(opens: datetime | None) -> Part:
    if opens is None:
        return Part(Kind.NOTICE, "desk_english")
    return Part(Kind.NOTICE, "desk_english_until", params={"at_opens": opens.isoformat()})


def _trace(found: Queue | NoQueue) -> dict[str, str]:
    return {"desk": found.reason.value if isinstance(found, NoQueue) else "queue"}
