"""A resident's own data: all of it as one object, and its erasure with a receipt."""

from __future__ import annotations

import base64
import hashlib
import hmac
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Executable, exists, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.appointments.sealing import Vault
from bot.appointments.store import about_draft, about_intake, about_patient
from bot.db.engine import transaction
from bot.db.models import (
    Appointment,
    Base,
    BookingDraft,
    CallBack,
    Consent,
    Conversation,
    Device,
    Feedback,
    Handoff,
    Identity,
    Interpreter,
    InterpreterWish,
    Message,
    Rating,
    Seat,
    Slot,
    Staff,
    TransferCode,
    WaitingEntry,
    WechatBubble,
    WechatGrant,
    WechatSend,
    WechatTemplate,
)
from bot.errors import Code, RequestError
from bot.keeping.erasing import Cause, remove, scrub_log, settle
from bot.keeping.trackers import Trackers

CONFIRM_SECONDS = 600
FORMAT = "linli-export"
_PURPOSE = b"erase"
_CLOSED = "closed"
_RECEIVED = "received"
_PERSON = "person"
# Who of the staff wrote is theirs to keep; the name that the resident saw stands beside the message.
_OTHERS = frozenset({"staff_id", "operator_id", "staff", "operator"})


@dataclass(frozen=True)
class Receipt:
    """What a resident gets for an erasure. `engine_done`: the engine has forgotten too; else it will, soon."""

    receipt: str
    erased_at: datetime
    counts: Mapping[str, int]
    engine_done: bool


def confirm_token(key: str, conversation_id: uuid.UUID, now: datetime) -> str:
    """What must come back within ten minutes for an erasure to be meant: an instant and a signature."""
    until = int((now + timedelta(seconds=CONFIRM_SECONDS)).timestamp())
    return f"{until}.{_signature(key, conversation_id, until)}"


def check(key: str, conversation_id: uuid.UUID, token: str, now: datetime) -> bool:
    """Whether the token was made for this conversation and is still good."""
    until, _, signature = token.partition(".")
    if not (until.isascii() and until.isdecimal() and len(until) <= 12):
        return False
    good = hmac.compare_digest(
        signature.encode("utf-8", "replace"), _signature(key, conversation_id, int(until)).encode()
    )
    return good and now <= datetime.fromtimestamp(int(until), UTC)


def _signature(key: str, conversation_id: uuid.UUID, until: int) -> str:
    signed = b"\0".join((_PURPOSE, conversation_id.bytes, str(until).encode("ascii")))
    digest = hmac.new(key.encode(), signed, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:18]).decode("ascii")


async def erase(
    database: AsyncEngine, trackers: Trackers, conversation_id: uuid.UUID, cause: Cause, now: datetime
) -> Receipt:
    """Delete everything that belongs to a conversation, then have the engine forget it.

    RequestError 404 when there is no such conversation. When the engine cannot be asked, the sweep does it later.
    """
    async with transaction(database) as connection:
        # The update comes first: it takes the lock that a message coming in at this moment waits for.
        locked = update(Conversation).where(Conversation.id == conversation_id).values(owner=_CLOSED)
        if not (await connection.execute(locked)).rowcount:
            raise RequestError(Code.UNKNOWN_CONVERSATION, "there is no such conversation", 404)
        under_way = await _under_way(connection, conversation_id)
        receipt, counts = await remove(connection, [conversation_id], cause, now)
    await scrub_log(database)
    done = await settle(database, trackers, receipt, keep=under_way)
    return Receipt(receipt, now, counts, done and not under_way)


async def _under_way(connection: AsyncConnection, conversation_id: uuid.UUID) -> bool:
    """Whether a message is with the engine, which would remember it after it has forgotten the rest."""
    unanswered = select(Message.id).where(Message.conversation_id == conversation_id, Message.status == _RECEIVED)
    return bool((await connection.execute(select(exists(unanswered)))).scalar_one())


async def export(database: AsyncEngine, conversation_id: uuid.UUID, vault: Vault | None = None) -> dict[str, Any]:
    """Everything that is kept of a conversation, as JSON can hold it; no token and nothing of others.

    What is sealed is opened with `vault`; without one it is left out. RequestError 404 when there is no such
    conversation, VaultError when what is sealed cannot be opened.
    """
    async with transaction(database) as connection:
        conversation = await _conversation(connection, conversation_id)
        messages = await _rows(connection, _messages(conversation_id))
        return {
            "format": FORMAT,
            "conversation": conversation,
            "messages": _numbered(messages),
            **{name: await _rows(connection, query) for name, query in _others(conversation_id).items()},
            "appointments": await _appointments(connection, conversation_id, vault),
            "booking_drafts": await _drafts(connection, conversation_id, vault),
        }


async def _conversation(connection: AsyncConnection, conversation_id: uuid.UUID) -> dict[str, Any]:
    statement = select(
        Conversation.channel,
        Conversation.site,
        Conversation.owner,
        Conversation.language,
        Conversation.language_chosen,
        Conversation.topic,
        Conversation.retention,
        Conversation.notice_version,
        Conversation.seen_seq,
        Conversation.created_at,
        Conversation.updated_at,
    ).where(Conversation.id == conversation_id)
    found = await _rows(connection, statement)
    if not found:
        raise RequestError(Code.UNKNOWN_CONVERSATION, "there is no such conversation", 404)
    return found[0]


def _messages(conversation_id: uuid.UUID) -> Executable:
    return (
        select(
            Message.id,
            Message.seq,
            Message.direction,
            Message.author,
            Staff.shown_name.label("name"),
            Message.status,
            Message.text,
            Message.content,
            Message.in_reply_to,
            Message.created_at,
        )
        .outerjoin(Staff, Staff.id == Message.staff_id)
        .where(Message.conversation_id == conversation_id)
        .order_by(Message.seq)
    )


def _numbered(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Messages by their numbers instead of the rows' ids."""
    numbers = {message.pop("id"): message["seq"] for message in messages}
    for message in messages:
        message["reply_to"] = numbers.get(message.pop("in_reply_to"))
        if message["author"] != _PERSON:
            message["name"] = None
    return messages


def _others(conversation_id: uuid.UUID) -> dict[str, Executable]:
    """The other tables' rows by name; a test holds that no table is left out."""
    return {
        "handoffs": select(
            Handoff.state, Handoff.language, Handoff.topic, Handoff.requested_at, Handoff.claimed_at, Handoff.ended_at
        )
        .where(Handoff.conversation_id == conversation_id)
        .order_by(Handoff.requested_at),
        "call_backs": select(
            CallBack.reference,
            CallBack.contact,
            CallBack.value,
            CallBack.words,
            CallBack.language,
            CallBack.reason,
            CallBack.state,
            CallBack.created_at,
            CallBack.promised_at,
            CallBack.done_at,
        )
        .where(CallBack.conversation_id == conversation_id)
        .order_by(CallBack.created_at),
        "consents": select(Consent.kind, Consent.version, Consent.given_at, Consent.withdrawn_at)
        .where(Consent.conversation_id == conversation_id)
        .order_by(Consent.given_at),
        "feedback": select(Message.seq, Feedback.value, Feedback.reason, Feedback.at)
        .join(Message, Message.id == Feedback.message_id)
        .where(Message.conversation_id == conversation_id)
        .order_by(Message.seq),
        "ratings": select(Rating.who, Rating.stars, Rating.comment, Rating.at)
        .where(Rating.conversation_id == conversation_id)
        .order_by(Rating.at),
        "transfer_codes": select(TransferCode.expires_at, TransferCode.used_at)
        .where(TransferCode.conversation_id == conversation_id)
        .order_by(TransferCode.expires_at),
        "devices": select(Device.created_at)
        .where(Device.conversation_id == conversation_id)
        .order_by(Device.created_at),
        # What names somebody on another platform is given to whoever holds the conversation only as its kind.
        "identities": select(Identity.channel, Identity.community, Identity.reminders, Identity.created_at)
        .where(Identity.conversation_id == conversation_id)
        .order_by(Identity.created_at),
        "wechat_bubbles": select(WechatBubble.seq, WechatBubble.number, WechatBubble.body)
        .where(WechatBubble.conversation_id == conversation_id)
        .order_by(WechatBubble.seq, WechatBubble.number),
        "seats": select(Slot.starts_at, Seat.until)
        .join(Slot, Slot.id == Seat.slot_id)
        .where(Seat.conversation_id == conversation_id)
        .order_by(Slot.starts_at),
        "interpreter_wishes": select(
            Appointment.reference, InterpreterWish.language, InterpreterWish.state, Interpreter.name
        )
        .join(Appointment, Appointment.id == InterpreterWish.appointment_id)
        .outerjoin(Interpreter, Interpreter.id == InterpreterWish.interpreter_id)
        .where(Appointment.conversation_id == conversation_id)
        .order_by(Appointment.created_at),
        "waiting_list": select(
            WaitingEntry.hospital,
            WaitingEntry.department,
            WaitingEntry.first_day,
            WaitingEntry.last_day,
            WaitingEntry.part,
            WaitingEntry.language,
            WaitingEntry.state,
            WaitingEntry.offer_until,
            WaitingEntry.created_at,
        )
        .where(WaitingEntry.conversation_id == conversation_id)
        .order_by(WaitingEntry.created_at),
        "wechat_grants": _of_identity(conversation_id, WechatGrant, "trigger", "remaining", "expires_at"),
        "wechat_sends": _of_identity(conversation_id, WechatSend, "state", "reason", "at"),
        "wechat_templates": _of_identity(conversation_id, WechatTemplate, "purpose", "state", "at"),
    }


def _of_identity(conversation_id: uuid.UUID, table: type[Base], *names: str) -> Executable:
    columns = [table.__table__.c[name] for name in names]
    return (
        select(*columns)
        .join(Identity, Identity.id == table.__table__.c.identity_id)
        .where(Identity.conversation_id == conversation_id)
        .order_by(columns[-1])
    )


async def _appointments(
    connection: AsyncConnection, conversation_id: uuid.UUID, vault: Vault | None
) -> list[dict[str, Any]]:
    mine = select(*(Appointment.__table__.c[name] for name in _OF_APPOINTMENT)).where(
        Appointment.conversation_id == conversation_id
    )
    found = []
    for row in (await connection.execute(mine.order_by(Appointment.created_at))).mappings():
        sealed = {"patient": about_patient(row["id"]), "intake": about_intake(row["id"])}
        told = {name: _plain(value) for name, value in row.items() if name not in sealed and name != "id"}
        if vault is not None:
            told |= {name: vault.open(row[name], about) if row[name] else None for name, about in sealed.items()}
        found.append(told)
    return found


_OF_APPOINTMENT = (
    "id reference provider external hospital campus department starts_at minutes fee_fen demo state language patient "
    "intake reminded_at created_at ended_at"
).split()


async def _drafts(connection: AsyncConnection, conversation_id: uuid.UUID, vault: Vault | None) -> list[dict[str, Any]]:
    mine = select(BookingDraft.sealed, BookingDraft.updated_at).where(BookingDraft.conversation_id == conversation_id)
    found = []
    for row in await connection.execute(mine):
        draft = {"draft": vault.open(row.sealed, about_draft(conversation_id))} if vault is not None else {}
        found.append({"updated_at": row.updated_at.isoformat(), **draft})
    return found


async def _rows(connection: AsyncConnection, statement: Executable) -> list[dict[str, Any]]:
    rows = (await connection.execute(statement)).mappings()
    return [{name: _plain(value) for name, value in row.items()} for row in rows]


def _plain(value: Any) -> Any:
    """As JSON can hold it, without what names other people's rows."""
    if isinstance(value, date):  # an instant too
        return value.isoformat()
    if isinstance(value, uuid.UUID):
        return value.hex
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items() if name not in _OTHERS}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value
