"""A database with something in every table, and what the tests look at in it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.appointments.sealing import Vault
from bot.appointments.store import about_draft, about_intake, about_patient
from bot.db import models
from bot.db.engine import make_engine, transaction
from bot.db.migrate import migrate
from bot.ids import new_id, new_token
from bot.keeping import trackers
from bot.settings import ROOT, load_settings

NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
WORDS = "My passport is E12345678 — 我的护照丢了 🙂"
CONTACT = "+86 138 0013 8000"
VAULT = Vault((b"k" * 32,))
# Says nothing of anybody and is made again.
NOT_KEPT = {"leases", "embeddings", "wechat_pushes", "wechat_nonces", "wechat_tokens"}


def full_url(url: str) -> str:
    """With the driver that the settings put in."""
    return load_settings({}, database_url=url).database_url


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[AsyncEngine]:
    """The database of a URL, at this code's schema."""
    database = make_engine(full_url(url))
    try:
        await migrate(database)
        yield database
    finally:
        await database.dispose()


@dataclass(frozen=True)
class Person:
    """One resident's conversation."""

    id: uuid.UUID
    token: str


async def add_person(
    connection: AsyncConnection,
    staff_id: uuid.UUID,
    at: datetime = NOW,
    retention: str = "anonymous",
    status: str = "answered",
    words: str = WORDS,
) -> Person:
    """A conversation with a row in each table that can belong to one."""
    person = Person(new_id(), new_token())
    conversation: dict[str, Any] = {
        "id": person.id,
        "token": person.token,
        "channel": "web",
        "site": "demo",
        "owner": "bot",
        "operator_id": None,
        "language": "en",
        "language_chosen": True,
        "topic": None,
        "retention": retention,
        "notice_version": "1",
        "last_seq": 3,
        "seen_seq": 2,
        "created_at": at,
        "updated_at": at,
    }
    await connection.execute(insert(models.Conversation).values(conversation))
    asked, answered, written = new_id(), new_id(), new_id()
    common = {"conversation_id": person.id, "created_at": at, "claimed_by": None, "attempts": 1, "key": None}
    rows: list[dict[str, Any]] = [
        {"id": asked, "seq": 1, "direction": "in", "author": "resident", "status": status, "text": words,
         "content": {"language": "en"}, "in_reply_to": None, "staff_id": None},
        {"id": answered, "seq": 2, "direction": "out", "author": "bot", "status": "stored", "text": "Go to the desk.",
         "content": {"steps": ["一", "二"], "trace": {"score": 0.25, "none": None}}, "in_reply_to": asked,
         "staff_id": None},
        {"id": written, "seq": 3, "direction": "out", "author": "person", "status": "stored", "text": "I can help.",
         "content": {"staff_id": staff_id.hex}, "in_reply_to": None, "staff_id": staff_id},
    ]  # fmt: skip
    await connection.execute(insert(models.Message), [common | row for row in rows])
    await connection.execute(insert(models.Feedback).values(message_id=answered, value="down", reason="unclear", at=at))
    await connection.execute(
        insert(models.Handoff).values(
            id=new_id(), conversation_id=person.id, state="closed", language="en", topic=None, operator_id=staff_id,
            requested_at=at, claimed_at=at, ended_at=at,
        )
    )  # fmt: skip
    await connection.execute(
        insert(models.Device).values(id=new_id(), conversation_id=person.id, generation=2, created_at=at)
    )
    await connection.execute(
        insert(models.CallBack).values(
            id=new_id(), reference=f"LL-{person.id.hex[-8:]}", conversation_id=person.id, contact="phone",
            value=CONTACT, words="about my visa", language="en", reason="closed", state="open", staff_id=staff_id,
            created_at=at, promised_at=at + timedelta(days=1), done_at=None,
        )
    )  # fmt: skip
    await connection.execute(
        insert(models.Rating).values(
            id=new_id(), conversation_id=person.id, who="person", stars=5, comment="谢谢", at=at
        )
    )
    await connection.execute(
        insert(models.Consent).values(
            id=new_id(), conversation_id=person.id, kind="notice", version="1", given_at=at, withdrawn_at=None
        )
    )
    await connection.execute(
        insert(models.TransferCode).values(
            code_hash=person.id.hex * 2, conversation_id=person.id, expires_at=at + timedelta(minutes=15), used_at=None
        )
    )
    await _add_wechat(connection, person, at)
    await _add_booking(connection, person, at)
    return person


async def _add_booking(connection: AsyncConnection, person: Person, at: datetime) -> None:
    """He has an appointment, waits for a better one and is about to book another."""
    appointment, seat, offered, interpreter, session, slot, doctor = (new_id() for _ in range(7))
    place = {"hospital": "hospital-ahmu-1", "department": "dermatology"}
    begins = at + timedelta(days=1)
    draft = VAULT.seal({"name": WORDS}, about_draft(person.id))
    rows: list[tuple[type[models.Base], dict[str, Any]]] = [
        (models.Interpreter, {
            "id": interpreter, "name": f"Interpreter {seat.hex}", "languages": ["en"], "active": True}),
        (models.Clinician, {"id": doctor, "name_zh": "门诊医生1（演示）", "languages": ["en"], "demo": True, **place}),
        (models.ClinicSession, {
            "id": session, "key": session.hex, "campus": "main", "clinician_id": doctor, "day": begins.date(),
            "part": "morning", "state": "open", "fee_fen": None, "international": False, "demo": True, **place}),
        (models.Slot, {"id": slot, "session_id": session, "starts_at": begins, "minutes": 30, "capacity": 2}),
        (models.Seat, {
            "id": seat, "slot_id": slot, "number": 1, "conversation_id": person.id, "key": seat.hex, "until": None}),
        (models.Seat, {
            "id": offered, "slot_id": slot, "number": 2, "conversation_id": person.id, "key": offered.hex,
            "until": begins}),
        (models.BookingDraft, {"conversation_id": person.id, "sealed": draft, "updated_at": at}),
        (models.Appointment, {
            "id": appointment, "reference": f"LB-{seat.hex[-12:]}", "key": appointment.hex,
            "conversation_id": person.id, "provider": "local", "external": None, "seat_id": seat, "campus": "main",
            "starts_at": begins,
            "minutes": 30, "fee_fen": None, "demo": True, "state": "booked", "language": "en", "link_number": 1,
            "patient": VAULT.seal({"name": WORDS}, about_patient(appointment)),
            "intake": VAULT.seal({"symptoms": ["fever"]}, about_intake(appointment)),
            "tries": 0, "tries_at": None, "reminded_at": None, "created_at": at, "ended_at": None, **place}),
        (models.InterpreterWish, {
            "appointment_id": appointment, "language": "en", "interpreter_id": interpreter, "state": "assigned"}),
        (models.WaitingEntry, {
            "id": new_id(), "conversation_id": person.id, "first_day": begins.date(), "last_day": begins.date(),
            "part": None, "language": "en", "state": "offered", "seat_id": offered, "offer_until": begins,
            "created_at": at, **place}),
    ]  # fmt: skip
    for model, row in rows:
        await connection.execute(insert(model).values(row))


async def _add_wechat(connection: AsyncConnection, person: Person, at: datetime) -> None:
    """He goes on with it on WeChat."""
    identity, send = new_id(), new_id()
    rows: list[tuple[type[models.Base], dict[str, Any]]] = [
        (models.Identity, {
            "id": identity, "channel": "wechat", "external_id": f"o{person.id.hex}", "conversation_id": person.id,
            "former": [], "planned_seq": 3, "options": [[10000, "A person", "b1.0.0"]], "awaits_contact": False,
            "language_tag": "en", "community": "linhu", "reminders": True, "reachable": True, "created_at": at}),
        (models.WechatGrant, {"identity_id": identity, "trigger": "message", "remaining": 4, "expires_at": at}),
        (models.WechatSend, {
            "id": send, "identity_id": identity, "state": "sent", "push_key": "0" * 64, "body": "Go to the desk.",
            "reason": None, "rid": None, "holder": "elsewhere:1:ab", "at": at}),
        (models.WechatBubble, {
            "id": new_id(), "identity_id": identity, "conversation_id": person.id, "seq": 2, "number": 0,
            "body": {"text": "Go to the desk."}, "send_id": send}),
        (models.WechatTemplate, {
            "id": person.id.hex, "identity_id": identity, "purpose": "reply_waiting", "platform_id": "7",
            "state": "sent", "at": at}),
    ]  # fmt: skip
    for model, row in rows:
        await connection.execute(insert(model).values(row))


async def add_staff(connection: AsyncConnection, name: str = "desk-1") -> uuid.UUID:
    staff_id = new_id()
    await connection.execute(
        insert(models.Staff).values(
            id=staff_id, name=name, shown_name="Operator A", token_hash=staff_id.hex * 2, roles=["operator"],
            languages=["en", "zh"], present_until=None, created_at=NOW, disabled_at=None,
        )
    )  # fmt: skip
    return staff_id


async def add_everything_else(connection: AsyncConnection) -> None:
    """A row in each table that belongs to nobody."""
    article, version = new_id(), new_id()
    rows: list[tuple[Any, dict[str, Any]]] = [
        (models.Office, {"key": "police", "names": {"en": "Police", "zh": "警察"}, "address_zh": None, "phone": "110"}),
        (models.Article, {"id": article, "slug": "lost-passport", "area": "immigration", "created_at": NOW}),
        (models.ArticleVersion, {
            "id": version, "article_id": article, "number": 1, "status": "published", "content_hash": "0" * 64,
            "confidence": "high", "confirm_with": "police", "office": None, "say_zh": "护照丢了",
            "facts": [{"fee": 1.5}],
            "review_by": date(2027, 1, 1), "checked_on": date(2026, 11, 1), "published_at": NOW}),
        (models.Translation, {
            "id": new_id(), "version_id": version, "language": "ar", "question": "سؤال", "answer": "جواب",
            "steps": ["أ"], "documents": [], "note": None}),
        (models.Source, {
            "id": new_id(), "version_id": version, "position": 0, "title": "t", "url": None, "page_date": None,
            "checked_on": date(2026, 11, 1)}),
        (models.Variant, {
            "id": new_id(), "article_id": article, "language": "en", "text": "lost it", "text_hash": "1" * 64}),
        (models.Embedding, {"key": "k" * 64, "vector": bytes(range(256))}),
        (models.Erasure, {
            "receipt": "LE-0000-0000-0000", "cause": "resident", "counts": {"messages": 2}, "engine_pending": [],
            "at": NOW}),
        (models.Audit, {
            "id": new_id(), "at": NOW, "actor": "desk-1", "action": "claim", "subject": "x",
            "detail": {"a": [1, None]}}),
        (models.Switch, {"scope": "bot", "words": {"en": "later"}, "set_by": "command", "set_at": NOW}),
        (models.Notice, {
            "id": new_id(), "severity": "info", "site": None, "words": {"en": "e", "zh": "中"}, "starts_at": NOW,
            "ends_at": NOW + timedelta(days=1), "created_by": "command", "created_at": NOW}),
        (models.Lease, {"name": "sweeper", "holder": "elsewhere:1:ab", "until": NOW}),
        (models.WechatPush, {"key": "2" * 64, "message_id": None, "attempts": 1, "at": NOW}),
        (models.WechatNonce, {"mark": "3" * 64, "push_key": "2" * 64, "at": NOW}),
        (models.WechatToken, {"appid": "wx0", "sealed": b"sealed", "expires_at": NOW, "fetched_at": NOW}),
    ]  # fmt: skip
    for model, row in rows:
        await connection.execute(insert(model).values(row))


async def fill(url: str) -> list[Person]:
    """Something in every table; two residents."""
    async with opened(url) as database, transaction(database) as connection:
        staff_id = await add_staff(connection)
        people = [await add_person(connection, staff_id) for _ in range(2)]
        await add_everything_else(connection)
        for table in models.Base.metadata.sorted_tables:
            assert (await connection.execute(select(table))).first() is not None, f"nothing in {table.name}"
    return people


async def contents(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, in a fixed order."""
    async with opened(url) as database, transaction(database) as connection:
        found = {}
        for table in models.Base.metadata.sorted_tables:
            rows = await connection.execute(select(table))
            found[table.name] = sorted((tuple(row) for row in rows), key=repr)
        return found


async def fill_trackers(where: str, people: list[Person]) -> None:
    """As the sealed room keeps them."""
    store = make_engine(trackers.url(where))
    async with transaction(store) as connection:
        await connection.exec_driver_sql(trackers.CREATE)
        for person in people:
            body = {"conversation": person.id.hex, "body": '{"events":["‹PASSPORT›"]}', "saved_at": 1700000000.25}
            await connection.execute(insert(trackers.SHAPE.table()).values(body))
    await store.dispose()


async def tracker_rows(where: str) -> list[tuple[Any, ...]]:
    if not trackers.exists(where):
        return []
    store = make_engine(trackers.url(where))
    try:
        async with transaction(store) as connection:
            if not await connection.run_sync(trackers.has_table):
                return []
            return sorted(tuple(row) for row in await connection.execute(select(trackers.SHAPE.table())))
    finally:
        await store.dispose()


def run(coroutine: Any) -> Any:
    """For tests that also start processes."""
    return asyncio.run(coroutine)


def environment(var: Path, url: str | None = None) -> dict[str, str]:
    own = {name: text for name, text in os.environ.items() if not name.startswith("LINLI_") and name != "DATABASE_URL"}
    paths = os.pathsep.join(path for path in (str(ROOT), os.environ.get("PYTHONPATH")) if path)
    given = {"LINLI_VAR_FOLDER": str(var), "LINLI_LOG_LEVEL": "error", "PYTHONPATH": paths}
    return own | given | ({"DATABASE_URL": url} if url is not None else {})


def command(*words: str | Path) -> list[str]:
    """`bot …` as a process."""
    start = "import sys; from bot.cli import main; sys.exit(main())"
    return [sys.executable, "-c", start, *(str(word) for word in words)]


def bot(*words: str | Path, var: Path, url: str | None = None, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run `bot …` to its end."""
    return subprocess.run(
        command(*words), env=environment(var, url), capture_output=True, text=True, timeout=120, cwd=ROOT, **options
    )
