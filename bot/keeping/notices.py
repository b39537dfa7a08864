"""Banners with a period: an office that moves, a storm, a scam that is going round."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.db.models import Notice
from bot.errors import Code, RequestError
from bot.handoff import audit
from bot.ids import new_id
from bot.keeping.words import checked_words, missing
from bot.languages import DEFAULT

REQUIRED = ("en", "zh")
_FIELDS = frozenset({"severity", "site", "words", "starts_at", "ends_at"})
_SITE = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


class Severity(StrEnum):
    INFO = "info"
    EMERGENCY = "emergency"


@dataclass(frozen=True)
class Draft:
    """What an administrator writes; `site` null means all of them."""

    severity: Severity
    site: str | None
    words: Mapping[str, str]
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class Stored(Draft):
    """A notice with its id and who made it."""

    id: uuid.UUID
    created_by: str
    created_at: datetime

    def text(self, language: str) -> str:
        return self.words.get(language) or self.words[DEFAULT]

    def to_json(self) -> dict[str, Any]:
        return {
            "id": str(self.id),
            "severity": self.severity.value,
            "site": self.site,
            "words": dict(self.words),
            "missing": missing(self.words),
            "starts_at": self.starts_at.isoformat(),
            "ends_at": self.ends_at.isoformat(),
            "created_by": self.created_by,
            "created_at": self.created_at.isoformat(),
        }


def parsed(data: Mapping[str, Any]) -> Draft:
    """The notice of a request. RequestError naming the field that is wrong."""
    if unknown := sorted(set(data) - _FIELDS):
        raise RequestError(
            Code.BAD_FIELD, f"there is no field {unknown[0][:40]!r}; known are {', '.join(sorted(_FIELDS))}"
        )
    severity, site = data.get("severity"), data.get("site")
    if severity not in list(Severity):
        raise RequestError(Code.BAD_FIELD, f"severity must be one of {', '.join(Severity)}")
    if site is not None and not (isinstance(site, str) and _SITE.fullmatch(site)):
        raise RequestError(Code.BAD_FIELD, "site must be a site's key, or null for all")
    starts_at, ends_at = _instant(data, "starts_at"), _instant(data, "ends_at")
    if ends_at <= starts_at:
        raise RequestError(Code.BAD_FIELD, "ends_at must be after starts_at")
    return Draft(Severity(severity), site, checked_words(data.get("words"), REQUIRED), starts_at, ends_at)


def _instant(data: Mapping[str, Any], name: str) -> datetime:
    try:
        found = datetime.fromisoformat(data[name])
        return found.astimezone(UTC) if found.tzinfo is not None else _without_zone(name)
    except (KeyError, TypeError, ValueError, OverflowError):
        return _without_zone(name)


def _without_zone(name: str) -> datetime:
    raise RequestError(Code.BAD_FIELD, f"{name} must be an instant with its offset, such as 2026-12-01T08:00:00+08:00")


async def create(connection: AsyncConnection, draft: Draft, actor: str, now: datetime) -> Stored:
    """In the caller's transaction, with its line in the audit; the same with the functions below."""
    stored = Stored(**vars(draft), id=new_id(), created_by=actor, created_at=now)
    await connection.execute(insert(Notice).values(id=stored.id, created_by=actor, created_at=now, **_values(draft)))
    await audit.record(connection, actor, "notice_created", f"notice:{stored.id.hex}", now, **_told(draft))
    return stored


async def change(connection: AsyncConnection, notice_id: uuid.UUID, draft: Draft, actor: str, now: datetime) -> Stored:
    """RequestError 404 for an unknown one."""
    changed = update(Notice).where(Notice.id == notice_id).values(_values(draft)).returning(Notice.id)
    if (await connection.execute(changed)).one_or_none() is None:
        raise _unknown()
    await audit.record(connection, actor, "notice_changed", f"notice:{notice_id.hex}", now, **_told(draft))
    return next(one for one in await listed(connection) if one.id == notice_id)


async def remove(connection: AsyncConnection, notice_id: uuid.UUID, actor: str, now: datetime) -> None:
    """RequestError 404 for an unknown one."""
    if not (await connection.execute(delete(Notice).where(Notice.id == notice_id))).rowcount:
        raise _unknown()
    await audit.record(connection, actor, "notice_removed", f"notice:{notice_id.hex}", now)


def _unknown() -> RequestError:
    return RequestError(Code.NOT_FOUND, "there is no such notice", 404)


def _values(draft: Draft) -> dict[str, Any]:
    return {
        "severity": draft.severity.value,
        "site": draft.site,
        "words": dict(draft.words),
        "starts_at": draft.starts_at,
        "ends_at": draft.ends_at,
    }


def _told(draft: Draft) -> dict[str, Any]:
    return {"severity": draft.severity.value, "languages": sorted(draft.words), "ends_at": draft.ends_at.isoformat()}


async def listed(connection: AsyncConnection) -> list[Stored]:
    """All, the newest first."""
    return [_stored(row) for row in await connection.execute(_select().order_by(Notice.created_at.desc(), Notice.id))]


async def current(connection: AsyncConnection, site: str | None, now: datetime) -> list[Stored]:
    """What a site's widget shows now, emergencies first. `site` null: what every site shows."""
    here = Notice.site.is_(None) if site is None else or_(Notice.site.is_(None), Notice.site == site)
    rows = await connection.execute(
        _select().where(here, Notice.starts_at <= now, Notice.ends_at > now).order_by(Notice.starts_at, Notice.id)
    )
    return sorted((_stored(row) for row in rows), key=lambda one: one.severity is not Severity.EMERGENCY)


async def fingerprint(connection: AsyncConnection, now: datetime) -> list[Any]:
    """Differs when what is shown has changed, be it by a change or because a period began or ended."""
    return [one.to_json() for one in await listed(connection) if one.starts_at <= now < one.ends_at]


def _select() -> Any:
    return select(
        Notice.id,
        Notice.severity,
        Notice.site,
        Notice.words,
        Notice.starts_at,
        Notice.ends_at,
        Notice.created_by,
        Notice.created_at,
    )


def _stored(row: Any) -> Stored:
    return Stored(
        Severity(row.severity), row.site, row.words, row.starts_at, row.ends_at, row.id, row.created_by, row.created_at
    )
