"""What a server's database says of pushes, held against what a WeChat brought to it and showed to its users.

Every bubble on a screen must be one of the database's sends, and the other way round: nothing is counted by its number
alone.
"""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.channels.wechat import form, outbox
from bot.channels.wechat.form import Bubble
from bot.channels.wechat.outbox import SendState
from bot.channels.wechat.packing import fitted
from bot.conversations.store import Status
from bot.db.engine import reading
from bot.db.models import Identity, Message, WechatBubble, WechatPush, WechatSend
from bot.locales import Locales
from tests.fakes.wechat import By, Shown

_MAY_HAVE_ARRIVED = frozenset({SendState.UNKNOWN, SendState.OFFERED, SendState.SENDING})


class End(StrEnum):
    """What became of a push. The first four are as they should be.

    MISSED: no try of it reached the server. CUT: the platform lost the answer on its way and then gave the push up.
    """

    SHOWN = "shown"
    WAITING = "waiting"
    UNKNOWN = "unknown"
    MISSED = "missed"
    CUT = "cut"
    LOST_PUSH = "lost push"
    LOST_REPLY = "lost reply"
    UNANSWERED = "unanswered"
    TWICE = "processed twice"


WRONG = (End.LOST_PUSH, End.LOST_REPLY, End.UNANSWERED, End.TWICE)


@dataclass(frozen=True)
class Brought:
    """A push as the platform saw it: `key` as the server names it, `mark` a word that at most one message may hold.

    `answered`: it took an answer for one. `cut`: it lost an answer, or did not wait for one, and gave up in the end.
    """

    key: str
    openid: str
    mark: str | None
    answered: bool
    cut: bool


@dataclass
class Send:
    """One send with its bubbles; `texts`: how it may look on a screen. `seen`: it is on one."""

    id: uuid.UUID
    state: SendState
    by: By
    at: datetime
    push_key: str | None = None
    texts: frozenset[str] = frozenset()
    first: int = 0
    seen: Shown | None = None


@dataclass
class Ledger:
    """What the database holds of each push: its messages, their replies' bubbles, the sends that these went in."""

    people: dict[str, uuid.UUID]
    messages: defaultdict[str, list[uuid.UUID]] = field(default_factory=lambda: defaultdict(list))
    statuses: dict[uuid.UUID, Status] = field(default_factory=dict)
    marks: Counter[str] = field(default_factory=Counter)
    replies: defaultdict[uuid.UUID, list[int]] = field(default_factory=lambda: defaultdict(list))
    conversations: dict[uuid.UUID, uuid.UUID] = field(default_factory=dict)
    bubbles: defaultdict[tuple[uuid.UUID, int], list[uuid.UUID | None]] = field(
        default_factory=lambda: defaultdict(list)
    )
    sends: dict[uuid.UUID, Send] = field(default_factory=dict)
    owners: defaultdict[uuid.UUID, list[uuid.UUID]] = field(default_factory=lambda: defaultdict(list))

    def took_in(self, row: Any) -> None:
        """One incoming message."""
        self.messages[row.key or ""].append(row.id)
        self.statuses[row.id], self.conversations[row.id] = Status(row.status), row.conversation_id
        self.marks[row.text.rpartition(" ")[2]] += 1

    def grouped(self, bubbles: Sequence[Any]) -> defaultdict[uuid.UUID, list[tuple[int, Bubble]]]:
        """The bubbles of each send, with their messages' numbers."""
        said: defaultdict[uuid.UUID, list[tuple[int, Bubble]]] = defaultdict(list)
        for row in bubbles:
            self.bubbles[row.conversation_id, row.seq].append(row.send_id)
            if row.send_id is not None:
                said[row.send_id].append((row.seq, outbox._bubble(row.body)))
        return said

    def sends_for(self, key: str) -> list[Send | None]:
        """Those of the reply to a push, in order; None where something waits."""
        messages = self.messages.get(key, [])
        places = [(self.conversations[one], seq) for one in messages for seq in self.replies.get(one, ())]
        sends = [send for place in places for send in self.bubbles.get(place, ())]
        return [None if send is None else self.sends[send] for send in sends]

    def of(self, openid: str) -> list[Send]:
        return [self.sends[send] for send in self.owners.get(self.people.get(openid, uuid.UUID(int=0)), ())]


@dataclass(frozen=True)
class Verdict:
    """`surplus`: bubbles on screens that no send explains. `contradicted`: shown, though the database says not sent."""

    ends: Counter[End]
    surplus: int
    contradicted: int
    disordered: int
    unknown_passive: int
    unknown_custom: int
    unknown_seen: int
    examples: tuple[str, ...]

    @property
    def wrong(self) -> int:
        return sum(self.ends[end] for end in WRONG) + self.surplus + self.contradicted

    @property
    def unknown(self) -> int:
        return self.unknown_passive + self.unknown_custom


async def unsettled(database: AsyncEngine, now: datetime) -> int:
    """How much is still under way: messages to answer or to plan, sends to end, bubbles that may be sent now."""
    received = select(func.count()).select_from(Message).where(Message.status == Status.RECEIVED)
    going = or_(WechatSend.state == SendState.SENDING, WechatSend.state == SendState.OFFERED)
    async with reading(database) as connection:
        ended = (await connection.execute(received)).scalar_one()
        sending = (await connection.execute(select(func.count()).select_from(WechatSend).where(going))).scalar_one()
    return int(ended + sending) + len(await outbox.unfinished(database, None, now))


async def waited_for(database: AsyncEngine) -> list[str]:
    """The OpenIDs of those for whom something waits until they write again."""
    bubbles = select(WechatBubble.identity_id).where(WechatBubble.send_id.is_(None))
    async with reading(database) as connection:
        statement = select(Identity.external_id).where(Identity.id.in_(bubbles))
        return list((await connection.execute(statement)).scalars())


async def ledger_of(database: AsyncEngine, locales: Locales) -> Ledger:
    async with reading(database) as connection:

        async def rows(statement: Any) -> list[Any]:
            return list((await connection.execute(statement)).all())

        incoming = await rows(select(Message).where(Message.direction == "in"))
        outgoing = await rows(select(Message.in_reply_to, Message.seq).where(Message.in_reply_to.is_not(None)))
        pushes = await rows(select(WechatPush.key, WechatPush.message_id).where(WechatPush.message_id.is_not(None)))
        bubbles = await rows(select(WechatBubble).order_by(WechatBubble.seq, WechatBubble.number))
        sends = await rows(select(WechatSend).order_by(WechatSend.at, WechatSend.id))
        people = await rows(select(Identity.external_id, Identity.id))
    found = Ledger(people={row.external_id: row.id for row in people})
    for row in incoming:
        found.took_in(row)
    for row in pushes:
        if row.message_id not in found.messages[row.key]:
            found.messages[row.key].append(row.message_id)
    for row in outgoing:
        found.replies[row.in_reply_to].append(row.seq)
    said = found.grouped(bubbles)
    for row in sends:
        found.sends[row.id] = _send(row, said[row.id], locales)
        found.owners[row.identity_id].append(row.id)
    return found


def _send(row: Any, said: Sequence[tuple[int, Bubble]], locales: Locales) -> Send:
    """In the response to a push it looks as it is stored, and otherwise as its bubbles make it."""
    by = By.PASSIVE if row.push_key is not None else By.CUSTOM
    texts = {row.body}
    if by is By.CUSTOM and said:
        message = fitted([bubble for _, bubble in said], 1)[0][0]
        texts = {message.text, *(form.as_text(message, locales, more=more) for more in (False, True))}
    first = said[0][0] if said else 0
    return Send(row.id, SendState(row.state), by, row.at, row.push_key, frozenset(texts), first)


def judge(brought: Sequence[Brought], screens: Mapping[str, Sequence[Shown]], ledger: Ledger) -> Verdict:
    """Matches what was shown with what was sent, then follows each push to its end."""
    contradictions = (SendState.RETURNED, SendState.FAILED)
    seen = {openid: [one for one in shown if one.by in (By.PASSIVE, By.CUSTOM)] for openid, shown in screens.items()}
    unanswered = frozenset(push.key for push in brought if not push.answered)
    matched = [send for openid, shown in seen.items() for send in _matched(shown, ledger.of(openid), unanswered)]
    cut = frozenset(push.key for push in brought if push.cut)
    ended = [(_end(push, ledger, cut), push) for push in brought]
    unknown = [send for send in ledger.sends.values() if send.state in _MAY_HAVE_ARRIVED]
    return Verdict(
        ends=Counter(end for end, _ in ended),
        surplus=matched.count(None),
        contradicted=sum(send is not None and send.state in contradictions for send in matched),
        disordered=sum(_disordered([send for send in ledger.of(openid) if send.seen is not None]) for openid in seen),
        unknown_passive=sum(send.by is By.PASSIVE for send in unknown),
        unknown_custom=sum(send.by is By.CUSTOM for send in unknown),
        unknown_seen=sum(send.seen is not None for send in unknown),
        examples=tuple(f"{end} {push.key[:12]} {push.mark}" for end, push in ended if end in WRONG)[:20],
    )


def _matched(shown: Sequence[Shown], sends: Sequence[Send], unanswered: Collection[str]) -> Iterator[Send | None]:
    """For each bubble the send that it is: of those that look like it, the last one begun before it was seen.

    The same words come again, a response that was cut off among them: nothing is shown before it is sent, and nothing
    in the response to a push of which the platform got none. `shown` in order; the clocks are one machine's.
    """
    for one in shown:
        fitting = [send for send in sends if _fits(one, send) and send.push_key not in unanswered]
        best = max(fitting, key=lambda send: send.at, default=None)
        if best is not None:
            best.seen = one
        yield best


def _fits(one: Shown, send: Send) -> bool:
    return send.seen is None and send.by is one.by and one.text in send.texts and send.at <= one.at


def _disordered(sends: Sequence[Send]) -> int:
    """How often something was shown before what had been said earlier."""
    firsts = [send.first for send in sorted(sends, key=lambda send: send.seen.at if send.seen else send.at)]
    return sum(after < before for before, after in pairwise(firsts))


def _end(push: Brought, ledger: Ledger, cut: Collection[str]) -> End:
    messages = ledger.messages.get(push.key, [])
    if len(messages) > 1 or (push.mark is not None and ledger.marks[push.mark] > 1):
        return End.TWICE
    if not messages:
        return End.LOST_PUSH if push.answered else End.MISSED
    message = messages[0]
    numbers = ledger.replies.get(message, [])
    if ledger.statuses.get(message) is not Status.ANSWERED or not numbers:
        return End.UNANSWERED
    return _sent(ledger.sends_for(push.key), cut)


def _sent(sends: Sequence[Send | None], cut: Collection[str]) -> End:
    if not sends:
        return End.LOST_REPLY
    if any(send is None for send in sends):
        return End.WAITING
    known = [send for send in sends if send is not None]
    gone = [send for send in known if send.seen is None]
    if not gone:
        return End.UNKNOWN if any(send.state in _MAY_HAVE_ARRIVED for send in known) else End.SHOWN
    if all(send.state in _MAY_HAVE_ARRIVED for send in gone):
        return End.UNKNOWN
    # It may have been in the response to another push.
    return End.CUT if all(send.push_key in cut for send in gone) else End.LOST_REPLY
