"""The tables. Instants are UTC; ids are UUIDv7; slugs of articles are permanent."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import TypeDecorator

from bot.ids import new_id


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC instant; SQLite forgets the zone, so it is put back on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("an instant must carry its time zone")
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    type_annotation_map = {datetime: UtcDateTime, dict[str, Any]: JSON, list[Any]: JSON, uuid.UUID: Uuid}


class Article(Base):
    """One topic a resident can ask about; everything that can change lives in its versions."""

    __tablename__ = "articles"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    slug: Mapped[str] = mapped_column(String(80), unique=True)
    area: Mapped[str] = mapped_column(String(20))
    created_at: Mapped[datetime]
    versions: Mapped[list[ArticleVersion]] = relationship(back_populates="article", cascade="all, delete-orphan")
    variants: Mapped[list[Variant]] = relationship(back_populates="article", cascade="all, delete-orphan")


class ArticleVersion(Base):
    """What was published under a slug at one time; never changed afterwards, so that an answer can name it."""

    __tablename__ = "article_versions"
    __table_args__ = (UniqueConstraint("article_id", "number"),)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    article_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("articles.id"))
    number: Mapped[int]
    status: Mapped[str] = mapped_column(String(12))
    content_hash: Mapped[str] = mapped_column(String(64))
    confidence: Mapped[str] = mapped_column(String(12))
    confirm_with: Mapped[str] = mapped_column(ForeignKey("offices.key"))
    office: Mapped[str | None] = mapped_column(ForeignKey("offices.key"))
    say_zh: Mapped[str] = mapped_column(Text)
    facts: Mapped[list[Any]]
    review_by: Mapped[date]
    checked_on: Mapped[date]
    published_at: Mapped[datetime]
    article: Mapped[Article] = relationship(back_populates="versions")
    translations: Mapped[list[Translation]] = relationship(cascade="all, delete-orphan")
    sources: Mapped[list[Source]] = relationship(cascade="all, delete-orphan", order_by="Source.position")


class Translation(Base):
    """The article's text in one language."""

    __tablename__ = "translations"
    __table_args__ = (UniqueConstraint("version_id", "language"),)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    version_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("article_versions.id"))
    language: Mapped[str] = mapped_column(String(8))
    question: Mapped[str] = mapped_column(Text)
    answer: Mapped[str] = mapped_column(Text)
    steps: Mapped[list[Any]]
    documents: Mapped[list[Any]]
    note: Mapped[str | None] = mapped_column(Text)


class Source(Base):
    """Where a version's facts come from: name, official link or none, the page's own date as printed, our check."""

    __tablename__ = "sources"
    __table_args__ = (UniqueConstraint("version_id", "position"),)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    version_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("article_versions.id"))
    position: Mapped[int]
    title: Mapped[str] = mapped_column(Text)
    url: Mapped[str | None] = mapped_column(Text)
    page_date: Mapped[str | None] = mapped_column(String(10))
    checked_on: Mapped[date]


class Variant(Base):
    """One way people ask for an article."""

    __tablename__ = "variants"
    __table_args__ = (UniqueConstraint("article_id", "language", "text_hash"),)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    article_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("articles.id"))
    language: Mapped[str] = mapped_column(String(8))
    text: Mapped[str] = mapped_column(Text)
    text_hash: Mapped[str] = mapped_column(String(64))
    article: Mapped[Article] = relationship(back_populates="variants")


class Office(Base):
    """A place or hotline to ask or to go to; names by language."""

    __tablename__ = "offices"
    key: Mapped[str] = mapped_column(String(60), primary_key=True)
    names: Mapped[dict[str, Any]]
    address_zh: Mapped[str | None] = mapped_column(Text)
    phone: Mapped[str | None] = mapped_column(String(60))


class Embedding(Base):
    """Sentence vectors by content, so that a start does not encode again what has not changed."""

    __tablename__ = "embeddings"
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    vector: Mapped[bytes] = mapped_column(LargeBinary)


class Conversation(Base):
    """One resident's thread. `token` alone authorises going on with it; a widget holds a signed one instead.

    `seen_seq` is what the resident has seen.
    """

    __tablename__ = "conversations"
    __table_args__ = (
        Index("ix_conversations_owner", "owner", "updated_at"),
        Index("ix_conversations_updated_at", "updated_at"),
    )
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    token: Mapped[str] = mapped_column(String(40), unique=True)
    channel: Mapped[str] = mapped_column(String(12))
    site: Mapped[str | None] = mapped_column(String(40))
    owner: Mapped[str] = mapped_column(String(8))
    # No foreign key: SQLite adds a column with one only by copying the whole table.
    operator_id: Mapped[uuid.UUID | None]
    language: Mapped[str | None] = mapped_column(String(8))
    language_chosen: Mapped[bool]
    topic: Mapped[str | None] = mapped_column(String(80))
    retention: Mapped[str] = mapped_column(String(12))
    notice_version: Mapped[str | None] = mapped_column(String(20))
    last_seq: Mapped[int]
    seen_seq: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Message(Base):
    """One line of a conversation, as written.

    `status` of an incoming one: received, then answered or failed; `claimed_by` is the process at work on it. `key` is
    the sender's own mark, so that a message sent twice is stored once.
    """

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("conversation_id", "seq"),
        Index("ix_messages_key", "conversation_id", "key", unique=True),
        Index("ix_messages_in_reply_to", "in_reply_to"),
        # The sweeper's question; only what is under way is in this index, so it stays small.
        Index(
            "ix_messages_received",
            "created_at",
            sqlite_where=text("status = 'received'"),
            postgresql_where=text("status = 'received'"),
        ),
    )
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    conversation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("conversations.id"))
    seq: Mapped[int]
    direction: Mapped[str] = mapped_column(String(3))
    author: Mapped[str] = mapped_column(String(8))
    status: Mapped[str] = mapped_column(String(10))
    key: Mapped[str | None] = mapped_column(String(64))
    text: Mapped[str] = mapped_column(Text)
    content: Mapped[dict[str, Any]]
    in_reply_to: Mapped[uuid.UUID | None]
    staff_id: Mapped[uuid.UUID | None]
    claimed_by: Mapped[str | None] = mapped_column(String(80))
    attempts: Mapped[int]
    created_at: Mapped[datetime]


class Device(Base):
    """A browser that may show a conversation; `generation` counts how often its token was renewed."""

    __tablename__ = "devices"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    conversation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("conversations.id"), index=True)
    generation: Mapped[int]
    created_at: Mapped[datetime]


class Staff(Base):
    """Someone who works with the system. Only a hash of the token is kept; `shown_name` is what residents see."""

    __tablename__ = "staff"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(60), unique=True)
    shown_name: Mapped[str] = mapped_column(String(60))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    roles: Mapped[list[Any]]
    languages: Mapped[list[Any]]
    present_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]


class Handoff(Base):
    """One wish to talk to a person, from consent to its end. At most one is open in a conversation."""

    __tablename__ = "handoffs"
    __table_args__ = (
        Index("ix_handoffs_state", "state", "requested_at"),
        Index(
            "ix_handoffs_open",
            "conversation_id",
            unique=True,
            sqlite_where=text("state IN ('waiting', 'claimed')"),
            postgresql_where=text("state IN ('waiting', 'claimed')"),
        ),
    )
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    conversation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("conversations.id"))
    state: Mapped[str] = mapped_column(String(10))
    language: Mapped[str] = mapped_column(String(8))
    topic: Mapped[str | None] = mapped_column(String(80))
    operator_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id"))
    requested_at: Mapped[datetime]
    claimed_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class CallBack(Base):
    """A request to be called back or written to, with the reference that the resident was given."""

    __tablename__ = "call_backs"
    __table_args__ = (Index("ix_call_backs_state", "state", "created_at"),)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    reference: Mapped[str] = mapped_column(String(16), unique=True)
    conversation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("conversations.id"))
    contact: Mapped[str] = mapped_column(String(8))
    value: Mapped[str] = mapped_column(String(120))
    words: Mapped[str] = mapped_column(Text)
    language: Mapped[str] = mapped_column(String(8))
    reason: Mapped[str] = mapped_column(String(10))
    state: Mapped[str] = mapped_column(String(10))
    staff_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id"))
    created_at: Mapped[datetime]
    promised_at: Mapped[datetime]
    done_at: Mapped[datetime | None]


class Feedback(Base):
    """A thumb on one answer; `reason` only with a thumb down."""

    __tablename__ = "feedback"
    message_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("messages.id"), primary_key=True)
    value: Mapped[str] = mapped_column(String(4))
    reason: Mapped[str | None] = mapped_column(String(12))
    at: Mapped[datetime]


class Rating(Base):
    """One to five stars for a conversation, bot and person apart."""

    __tablename__ = "ratings"
    __table_args__ = (UniqueConstraint("conversation_id", "who"),)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    conversation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("conversations.id"))
    who: Mapped[str] = mapped_column(String(8))
    stars: Mapped[int]
    comment: Mapped[str | None] = mapped_column(Text)
    at: Mapped[datetime]


class Consent(Base):
    """What a resident agreed to and when: the AI and privacy notice, being connected to a person."""

    __tablename__ = "consents"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    conversation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("conversations.id"), index=True)
    kind: Mapped[str] = mapped_column(String(12))
    version: Mapped[str] = mapped_column(String(20))
    given_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]


class TransferCode(Base):
    """A short code with which a resident goes on elsewhere; only its hash is kept."""

    __tablename__ = "transfer_codes"
    code_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    conversation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("conversations.id"), index=True)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class Erasure(Base):
    """The receipt of an erasure: that it happened and how much it was, nothing of whose."""

    __tablename__ = "erasures"
    receipt: Mapped[str] = mapped_column(String(20), primary_key=True)
    cause: Mapped[str] = mapped_column(String(10))
    counts: Mapped[dict[str, Any]]
    engine_pending: Mapped[list[Any]]
    at: Mapped[datetime]


class Audit(Base):
    """Who did what to what; rows are only ever added. No personal text."""

    __tablename__ = "audit"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    at: Mapped[datetime] = mapped_column(index=True)
    actor: Mapped[str] = mapped_column(String(80))
    action: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(80))
    detail: Mapped[dict[str, Any]]


class Switch(Base):
    """Something turned off: `widget`, `bot` or `topic:<area>`, with what residents are told, by language."""

    __tablename__ = "switches"
    scope: Mapped[str] = mapped_column(String(40), primary_key=True)
    words: Mapped[dict[str, Any]]
    set_by: Mapped[str] = mapped_column(String(80))
    set_at: Mapped[datetime]


class Notice(Base):
    """A banner with a period, its words by language."""

    __tablename__ = "notices"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    severity: Mapped[str] = mapped_column(String(10))
    site: Mapped[str | None] = mapped_column(String(40))
    words: Mapped[dict[str, Any]]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(80))
    created_at: Mapped[datetime]


class Lease(Base):
    """Something that one process holds for a while: a job, or being alive."""

    __tablename__ = "leases"
    name: Mapped[str] = mapped_column(String(120), primary_key=True)
    holder: Mapped[str] = mapped_column(String(80))
    until: Mapped[datetime]


class Identity(Base):
    """Who a resident is on a channel that names its users, and what was said to him there.

    `former`: conversations that he had here before he went on with another one. `planned_seq`: the messages up to this
    one were made into bubbles. `options`: what can be chosen by number now.
    `reminders`: null until the resident said yes or no. `reachable`: false after the platform said that he is not.
    """

    __tablename__ = "identities"
    __table_args__ = (UniqueConstraint("channel", "external_id"),)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    channel: Mapped[str] = mapped_column(String(12))
    external_id: Mapped[str] = mapped_column(String(128))
    conversation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("conversations.id"), index=True)
    former: Mapped[list[Any]]
    planned_seq: Mapped[int]
    options: Mapped[list[Any]]
    awaits_contact: Mapped[bool]
    language_tag: Mapped[str | None] = mapped_column(String(8))
    community: Mapped[str | None] = mapped_column(String(40))
    reminders: Mapped[bool | None]
    reachable: Mapped[bool]
    created_at: Mapped[datetime]


class WechatPush(Base):
    """A push that was taken in, by the hash of what names it; `message_id` is what it was stored as."""

    __tablename__ = "wechat_pushes"
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    message_id: Mapped[uuid.UUID | None]
    attempts: Mapped[int]
    at: Mapped[datetime] = mapped_column(index=True)


class WechatNonce(Base):
    """A signature that was used, and for which push: with another one it is a forgery."""

    __tablename__ = "wechat_nonces"
    mark: Mapped[str] = mapped_column(String(64), primary_key=True)
    push_key: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(index=True)


class WechatGrant(Base):
    """How many messages the platform still lets through to somebody, and until when, by what he did."""

    __tablename__ = "wechat_grants"
    identity_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("identities.id"), primary_key=True)
    trigger: Mapped[str] = mapped_column(String(8), primary_key=True)
    remaining: Mapped[int]
    expires_at: Mapped[datetime]


class WechatSend(Base):
    """One message on its way to somebody: in the response to a push (`push_key`), or by the platform's interface.

    `body` is what was given in a response, since a repeated push gets the same.
    """

    __tablename__ = "wechat_sends"
    __table_args__ = (
        # One at a time, so that they arrive in order; and the sweeper's question.
        Index(
            "ix_wechat_sends_under_way",
            "identity_id",
            unique=True,
            sqlite_where=text("state = 'sending'"),
            postgresql_where=text("state = 'sending'"),
        ),
        Index(
            "ix_wechat_sends_offered",
            "at",
            sqlite_where=text("state = 'offered'"),
            postgresql_where=text("state = 'offered'"),
        ),
        Index("ix_wechat_sends_push", "push_key"),
    )
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    identity_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("identities.id"), index=True)
    state: Mapped[str] = mapped_column(String(8))
    push_key: Mapped[str | None] = mapped_column(String(64))
    body: Mapped[str | None] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(String(40))
    rid: Mapped[str | None] = mapped_column(String(80))
    holder: Mapped[str] = mapped_column(String(80))
    at: Mapped[datetime]


class WechatBubble(Base):
    """A piece of a message as WeChat shows it; `send_id` is null while it waits."""

    __tablename__ = "wechat_bubbles"
    __table_args__ = (
        UniqueConstraint("identity_id", "conversation_id", "seq", "number"),
        Index(
            "ix_wechat_bubbles_waiting",
            "identity_id",
            sqlite_where=text("send_id IS NULL"),
            postgresql_where=text("send_id IS NULL"),
        ),
    )
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    identity_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("identities.id"))
    conversation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("conversations.id"), index=True)
    seq: Mapped[int]
    number: Mapped[int]
    body: Mapped[dict[str, Any]]
    send_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("wechat_sends.id"), index=True)


class WechatTemplate(Base):
    """A template message that was sent, by its own id, and what the platform told of it afterwards."""

    __tablename__ = "wechat_templates"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    identity_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("identities.id"), index=True)
    purpose: Mapped[str] = mapped_column(String(20))
    platform_id: Mapped[str | None] = mapped_column(String(32), index=True)
    state: Mapped[str] = mapped_column(String(12))
    at: Mapped[datetime]


class WechatToken(Base):
    """The platform's access token, sealed with a key that only the AppSecret's holder can make."""

    __tablename__ = "wechat_tokens"
    appid: Mapped[str] = mapped_column(String(40), primary_key=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    expires_at: Mapped[datetime]
    fetched_at: Mapped[datetime]


class Clinician(Base):
    """A doctor who sees patients at a hospital; `languages` are those that patients can speak with them."""

    __tablename__ = "clinicians"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    hospital: Mapped[str] = mapped_column(String(60))
    department: Mapped[str] = mapped_column(String(60))
    name_zh: Mapped[str] = mapped_column(String(60))
    languages: Mapped[list[Any]]
    demo: Mapped[bool]


class ClinicSession(Base):
    """A morning or an afternoon in which a department of a hospital sees patients. `key` keeps a fill from doubling it.

    `fee_fen` is null where the fee is not known. `demo`: made up, no hospital knows of it.
    """

    __tablename__ = "clinic_sessions"
    __table_args__ = (Index("ix_clinic_sessions_place", "department", "hospital", "day"),)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    key: Mapped[str] = mapped_column(String(160), unique=True)
    hospital: Mapped[str] = mapped_column(String(60))
    campus: Mapped[str] = mapped_column(String(60))
    department: Mapped[str] = mapped_column(String(60))
    clinician_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("clinicians.id"))
    day: Mapped[date]
    part: Mapped[str] = mapped_column(String(10))
    state: Mapped[str] = mapped_column(String(8))
    fee_fen: Mapped[int | None]
    international: Mapped[bool]
    demo: Mapped[bool]


class Slot(Base):
    """A time within a session at which up to `capacity` patients are seen."""

    __tablename__ = "slots"
    __table_args__ = (UniqueConstraint("session_id", "starts_at"),)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    session_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("clinic_sessions.id"), index=True)
    starts_at: Mapped[datetime]
    minutes: Mapped[int]
    capacity: Mapped[int]


class Seat(Base):
    """One patient's place in a slot: held `until` then, or booked for good. The constraint is what forbids two in one.

    `key` is the holder's own mark: the same hold asked for again is the same seat.
    """

    __tablename__ = "seats"
    __table_args__ = (UniqueConstraint("slot_id", "number"),)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    slot_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("slots.id"))
    number: Mapped[int]
    conversation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("conversations.id"), index=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    until: Mapped[datetime | None] = mapped_column(index=True)


class BookingDraft(Base):
    """A booking that is being made in a conversation, sealed: it survives whatever ends."""

    __tablename__ = "booking_drafts"
    conversation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("conversations.id"), primary_key=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    updated_at: Mapped[datetime] = mapped_column(index=True)


class Appointment(Base):
    """A patient's appointment. `patient` and `intake` are sealed; `key` makes confirming twice one appointment.

    `external` is the hospital's own reference where its system keeps the slots; `seat_id` where ours does.
    `link_number` counts the links given out; a link with a lower one is worth nothing.
    """

    __tablename__ = "appointments"
    __table_args__ = (
        Index("ix_appointments_day", "hospital", "starts_at"),
        Index("ix_appointments_starts_at", "state", "starts_at"),
    )
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    reference: Mapped[str] = mapped_column(String(16), unique=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    conversation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("conversations.id"), index=True)
    provider: Mapped[str] = mapped_column(String(20))
    external: Mapped[str | None] = mapped_column(String(80))
    seat_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("seats.id"), unique=True)
    hospital: Mapped[str] = mapped_column(String(60))
    campus: Mapped[str] = mapped_column(String(60))
    department: Mapped[str] = mapped_column(String(60))
    starts_at: Mapped[datetime]
    minutes: Mapped[int]
    fee_fen: Mapped[int | None]
    demo: Mapped[bool]
    state: Mapped[str] = mapped_column(String(10))
    language: Mapped[str] = mapped_column(String(8))
    patient: Mapped[bytes] = mapped_column(LargeBinary)
    intake: Mapped[bytes | None] = mapped_column(LargeBinary)
    link_number: Mapped[int]
    tries: Mapped[int]
    tries_at: Mapped[datetime | None]
    reminded_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class InterpreterWish(Base):
    """The wish for somebody who interprets at an appointment, and who it will be."""

    __tablename__ = "interpreter_wishes"
    appointment_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("appointments.id"), primary_key=True)
    language: Mapped[str] = mapped_column(String(8))
    interpreter_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("interpreters.id"))
    state: Mapped[str] = mapped_column(String(10))


class Interpreter(Base):
    """Somebody on the roster of those who interpret at hospitals."""

    __tablename__ = "interpreters"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(60), unique=True)
    languages: Mapped[list[Any]]
    active: Mapped[bool]


class WaitingEntry(Base):
    """Somebody who waits for a slot to come free. `seat_id` and `offer_until` while one is offered."""

    __tablename__ = "waiting_list"
    __table_args__ = (Index("ix_waiting_list_place", "state", "department", "hospital", "created_at"),)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    conversation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("conversations.id"), index=True)
    hospital: Mapped[str] = mapped_column(String(60))
    department: Mapped[str] = mapped_column(String(60))
    first_day: Mapped[date]
    last_day: Mapped[date]
    part: Mapped[str | None] = mapped_column(String(10))
    language: Mapped[str] = mapped_column(String(8))
    state: Mapped[str] = mapped_column(String(8))
    seat_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("seats.id"))
    offer_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
