"""What operators are told of a resident on WeChat: how many messages are left, what waits, what became of each."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, func, select, true
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.channels.wechat import form, ledger, outbox
from bot.channels.wechat.codes import name
from bot.channels.wechat.form import Bubble
from bot.channels.wechat.ledger import Grant, Trigger
from bot.channels.wechat.outbox import PASSIVE_ROOM, SendState
from bot.channels.wechat.packing import fitted
from bot.channels.wechat.people import CHANNEL
from bot.channels.wechat.pushes import TemplateStatus
from bot.channels.wechat.shaping import Shaper
from bot.channels.wechat.split import LIMIT, size
from bot.channels.wechat.templates import Purpose
from bot.conversations.history import answer_of
from bot.conversations.reach import Arrival, Fate, Fit, Piece, Standing, Why, worst
from bot.conversations.store import Author, Owner
from bot.db.engine import reading
from bot.db.models import Conversation, Identity, Message, WechatBubble, WechatGrant, WechatSend, WechatTemplate
from bot.languages import DEFAULT
from bot.locales import Locales
from bot.messages import Answer, Kind

_NEAR: Final = (Owner.PERSON, Owner.WAITING)
_OUT: Final = "out"
_ASKED: Final = ("sent", TemplateStatus.DELIVERED)
# Why a send failed, by the name that it was stored with; any other is the platform's dislike of the message.
_FAILED: Final[Mapping[str, Why]] = {
    **dict.fromkeys(map(name, (43004, 50005, 43019, 48002, 50002)), Why.BLOCKED),
    **dict.fromkeys(
        map(name, (40013, 40125, 40164, 40243, 45087, 48001, 48004, 61004, 89503)),
        Why.ACCOUNT,
    ),
}


@dataclass(frozen=True)
class Resident:
    """What the tables say.

    `waiting`: pieces, and messages that are no pieces yet; `asked_at`: when a notice last went out.
    """

    identity_id: uuid.UUID
    conversation_id: uuid.UUID
    owner: str
    language: str | None
    planned_seq: int
    reachable: bool
    grants: tuple[Grant, ...] = ()
    waiting: int = 0
    asked_at: datetime | None = None


@dataclass(frozen=True)
class Sent:
    """A piece of a message: `state` null while it waits."""

    seq: int
    state: SendState | None
    reason: str | None


def obstacle(resident: Resident, sends: bool, now: datetime) -> Why | None:
    """Why nothing can be sent now; `sends`: whether the account may write first."""
    if not sends:
        return Why.RESPONSES_ONLY
    if not resident.reachable:
        return Why.BLOCKED
    if ledger.left(resident.grants, now):
        return None
    return Why.COUNT_USED_UP if any(now < grant.expires_at for grant in resident.grants) else Why.WINDOW_OVER


def standing(resident: Resident, sends: bool, now: datetime) -> Standing:
    """By the window that lasts longest: what a minute's window adds is gone before an operator has written."""
    why = obstacle(resident, sends, now)
    lasting = max(ledger.valid(resident.grants, now), key=lambda grant: grant.expires_at, default=None)
    if why is not None or lasting is None:
        most = ledger.granted(Trigger.MESSAGE, now).remaining if sends else 0
        return Standing(CHANNEL, 0, most, None, why, resident.waiting, _asked(resident, now))
    most = ledger.granted(lasting.trigger, now).remaining
    return Standing(CHANNEL, lasting.remaining, most, lasting.expires_at, None, resident.waiting, False)


def fates(pieces: Sequence[Sent], held: Why | None) -> dict[int, Fate]:
    """By message. `held`: why what waits does not go now."""
    found: dict[int, list[Fate]] = {}
    for piece in pieces:
        found.setdefault(piece.seq, []).append(_fate(piece, held))
    return {seq: worst(each) for seq, each in found.items()}


def fit(before: Sequence[Bubble], draft: Sequence[Bubble], left: int, limit: int, locales: Locales) -> Fit:
    """The messages that these become together, each with its size as it is sent."""
    bubbles = [*before, *draft]
    messages, _ = fitted(bubbles, len(bubbles), limit)
    pieces, taken = [], 0
    for message in messages:
        taken += message.taken
        pieces.append(Piece(size(form.as_text(message, locales)), taken > len(before)))
    return Fit(tuple(pieces), left)


def _fate(piece: Sent, held: Why | None) -> Fate:
    match piece.state:
        case None | SendState.RETURNED:
            return Fate(Arrival.WAITING, held)
        case SendState.SENDING | SendState.OFFERED:
            return Fate(Arrival.WAITING, Why.UNDER_WAY)
        case SendState.SENT:
            return Fate(Arrival.SENT)
        case SendState.UNKNOWN:
            # The word of the table is the same.
            ended = piece.reason == Why.PROCESS_ENDED
            return Fate(Arrival.UNKNOWN, Why.PROCESS_ENDED if ended else Why.NO_RECEIPT)
        case SendState.FAILED:
            return Fate(Arrival.FAILED, _FAILED.get(piece.reason or "", Why.REFUSED))


def _held(resident: Resident, waiting: Sequence[Bubble], sends: bool, now: datetime) -> Why | None:
    """Why what waits does not go now; None when it goes as soon as its turn comes."""
    why = obstacle(resident, sends, now)
    if why is not None or not waiting:
        return why
    left, near = ledger.left(resident.grants, now), resident.owner in _NEAR
    allowed = (ledger.allowance(left, answer=one.answer, person_near=near and one.machine) for one in waiting)
    return None if any(allowed) else Why.RESERVED


def _asked(resident: Resident, now: datetime) -> bool:
    """Whether a notice went out after the resident's last act, the beginning of the newest window."""
    began = (grant.expires_at - (ledger.granted(grant.trigger, now).expires_at - now) for grant in resident.grants)
    last = max(began, default=None)
    return resident.asked_at is not None and (last is None or resident.asked_at >= last)


async def attended(database: AsyncEngine, identity_id: uuid.UUID) -> uuid.UUID | None:
    """The conversation of this resident when it waits for a person or has one."""
    statement = (
        select(Identity.conversation_id)
        .join(Conversation, Conversation.id == Identity.conversation_id)
        .where(Identity.id == identity_id, Conversation.owner.in_(_NEAR))
    )
    async with reading(database) as connection:
        return (await connection.execute(statement)).scalar_one_or_none()


@dataclass(frozen=True)
class WechatReach:
    """The port's end here. `sends`: whether the account may write first."""

    database: AsyncEngine
    sends: bool
    shaper: Shaper
    clock: Callable[[], datetime]

    async def standings(self, channels: Mapping[uuid.UUID, str]) -> Mapping[uuid.UUID, Standing]:
        now = self.clock()
        async with reading(self.database) as connection:
            residents = await _residents(connection, channels)
        moved = Standing(CHANNEL, 0, 0, None, Why.MOVED, 0, False)
        gone = {one: moved for one, channel in channels.items() if channel == CHANNEL and one not in residents}
        return gone | {one: standing(resident, self.sends, now) for one, resident in residents.items()}

    async def fates(self, conversation_id: uuid.UUID, seqs: range) -> Mapping[int, Fate]:
        async with reading(self.database) as connection:
            resident = (await _residents(connection, [conversation_id])).get(conversation_id)
            pieces = [Sent(*row) for row in await connection.execute(_pieces(conversation_id, resident, seqs))]
            if resident is None:
                return fates(pieces, Why.MOVED)
            waiting = await outbox.bubbles_waiting(connection, resident.identity_id)
            these = (Message.seq >= seqs.start, Message.seq < seqs.stop)
            later = await connection.execute(_unplanned(resident).where(*these))
            pieces += [Sent(row.seq, None, None) for row in later]
        return fates(pieces, _held(resident, waiting, self.sends, self.clock()))

    async def fit(self, conversation_id: uuid.UUID, text: str) -> Fit | None:
        async with reading(self.database) as connection:
            resident = (await _residents(connection, [conversation_id])).get(conversation_id)
            if resident is None:
                channel = select(Conversation.channel).where(Conversation.id == conversation_id)
                carried = (await connection.execute(channel)).scalar_one_or_none() == CHANNEL
                return fit((), self._draft(DEFAULT, text), 0, LIMIT, self.shaper.locales) if carried else None
            before = await self._before(connection, resident)
        return self._fit(resident, before, text)

    def _fit(self, resident: Resident, before: Sequence[Bubble], text: str) -> Fit:
        now = self.clock()
        left = 0 if obstacle(resident, self.sends, now) is not None else ledger.left(resident.grants, now)
        limit = LIMIT if self.sends else PASSIVE_ROOM
        return fit(before, self._draft(resident.language or DEFAULT, text), left, limit, self.shaper.locales)

    def _draft(self, language: str, text: str) -> Sequence[Bubble]:
        return self.shaper.bubbles(Answer(Kind.TEXT, language, text), False, True)

    async def _before(self, connection: AsyncConnection, resident: Resident) -> list[Bubble]:
        """What waits, in order, with the messages that are no pieces yet."""
        rows = await connection.execute(_unplanned(resident).order_by(Message.seq))
        said = [(answer_of(row.content, row.text), row.author != Author.PERSON) for row in rows]
        # Whether somebody waits for it changes nothing in how it is packed.
        made = [bubble for answer, machine in said for bubble in self.shaper.bubbles(answer, machine, True)]
        return [*await outbox.bubbles_waiting(connection, resident.identity_id), *made]


async def _residents(connection: AsyncConnection, conversation_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Resident]:
    """By conversation; of several who have it, the latest."""
    statement = (
        select(
            Identity.id,
            Identity.conversation_id,
            Conversation.owner,
            Conversation.language,
            Identity.planned_seq,
            Identity.reachable,
        )
        .join(Conversation, Conversation.id == Identity.conversation_id)
        .where(Identity.channel == CHANNEL, Identity.conversation_id.in_(conversation_ids))
        .order_by(Identity.created_at)
    )
    rows = {row.conversation_id: row for row in await connection.execute(statement)}
    ids = [row.id for row in rows.values()]
    if not ids:
        return {}
    grants, waiting = await _grants(connection, ids), await _waiting(connection, ids)
    asked = await _notices(connection, ids)
    return {
        one: Resident(*row, grants.get(row.id, ()), waiting.get(row.id, 0), asked.get(row.id))
        for one, row in rows.items()
    }


async def _grants(connection: AsyncConnection, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, tuple[Grant, ...]]:
    statement = select(WechatGrant).where(WechatGrant.identity_id.in_(ids))
    found: dict[uuid.UUID, tuple[Grant, ...]] = {}
    for row in await connection.execute(statement):
        grant = Grant(Trigger(row.trigger), row.remaining, row.expires_at)
        found[row.identity_id] = (*found.get(row.identity_id, ()), grant)
    return found


async def _waiting(connection: AsyncConnection, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, int]:
    held = (
        select(WechatBubble.identity_id, func.count())
        .where(WechatBubble.identity_id.in_(ids), WechatBubble.send_id.is_(None))
        .group_by(WechatBubble.identity_id)
    )
    unplanned = (
        select(Identity.id, func.count())
        .join(Message, Message.conversation_id == Identity.conversation_id)
        .where(Identity.id.in_(ids), Message.direction == _OUT, Message.seq > Identity.planned_seq)
        .group_by(Identity.id)
    )
    found: dict[uuid.UUID, int] = {}
    for statement in (held, unplanned):
        for identity_id, count in await connection.execute(statement):
            found[identity_id] = found.get(identity_id, 0) + count
    return found


async def _notices(connection: AsyncConnection, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, datetime]:
    """When a resident was last asked to write, with success."""
    statement = (
        select(WechatTemplate.identity_id, func.max(WechatTemplate.at).label("at"))
        .where(
            WechatTemplate.identity_id.in_(ids),
            WechatTemplate.purpose == Purpose.REPLY_WAITING,
            WechatTemplate.state.in_(_ASKED),
        )
        .group_by(WechatTemplate.identity_id)
    )
    return {row.identity_id: row.at for row in await connection.execute(statement)}


def _pieces(conversation_id: uuid.UUID, resident: Resident | None, seqs: range) -> Select[*tuple[Any, ...]]:
    statement = (
        select(WechatBubble.seq, WechatSend.state, WechatSend.reason)
        .outerjoin(WechatSend, WechatSend.id == WechatBubble.send_id)
        .where(
            WechatBubble.conversation_id == conversation_id,
            WechatBubble.seq >= seqs.start,
            WechatBubble.seq < seqs.stop,
        )
    )
    mine = WechatBubble.identity_id == resident.identity_id if resident is not None else true()
    return statement.where(mine)


def _unplanned(resident: Resident) -> Select[Any]:
    """Messages to the resident that are no pieces yet."""
    return select(Message.seq, Message.author, Message.text, Message.content).where(
        Message.conversation_id == resident.conversation_id,
        Message.direction == _OUT,
        Message.seq > resident.planned_seq,
    )
