"""Those who work with the system: their tokens, roles, languages, and whether they are at the desk."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Select, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.db.models import Staff
from bot.errors import StaffError
from bot.ids import new_id
from bot.languages import CODES

# Recognisable in a leak, and by those who look for leaks.
_TOKEN_PREFIX = "linli_"  # noqa: S105 - the beginning of every token
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,59}")
_LONGEST_SHOWN = 60


class Role(StrEnum):
    OPERATOR = "operator"
    SUPERVISOR = "supervisor"
    EDITOR = "editor"
    BOOKING = "booking"
    ADMIN = "admin"


_ROLES = frozenset(Role)


@dataclass(frozen=True)
class StaffMember:
    """`name` is for the log, `shown_name` for residents."""

    id: uuid.UUID
    name: str
    shown_name: str
    roles: frozenset[Role]
    languages: tuple[str, ...]
    present_until: datetime | None
    disabled: bool

    def present(self, now: datetime) -> bool:
        return self.present_until is not None and self.present_until > now and not self.disabled

    @property
    def at_desk(self) -> bool:
        """Whether the roles are those of one who answers residents."""
        return not self.roles.isdisjoint((Role.OPERATOR, Role.SUPERVISOR))


def new_staff_token() -> str:
    """256 random bits."""
    return _TOKEN_PREFIX + secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """A plain hash is enough for what is random and long; the token itself is never stored."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


async def by_token(connection: AsyncConnection, token: str) -> StaffMember | None:
    """Whose token it is; None for one that is unknown or disabled. Takes the same time for each."""
    wanted = token_hash(token)
    row = (await connection.execute(_select().where(Staff.token_hash == wanted))).one_or_none()
    known = hmac.compare_digest(row.token_hash if row is not None else "0" * 64, wanted)
    return _member(row) if known and row.disabled_at is None else None


async def everyone(connection: AsyncConnection) -> list[StaffMember]:
    return [_member(row) for row in await connection.execute(_select().order_by(Staff.name))]


async def by_name(connection: AsyncConnection, name: str) -> StaffMember:
    """StaffError for an unknown name."""
    row = (await connection.execute(_select().where(Staff.name == name))).one_or_none()
    if row is None:
        raise StaffError(f"there is no user {name!r}")
    return _member(row)


async def add(
    connection: AsyncConnection,
    name: str,
    shown_name: str,
    roles: Collection[Role],
    languages: Sequence[str],
    now: datetime,
) -> str:
    """A new member's token, which is known to nobody afterwards. StaffError for a name that is taken or a bad value."""
    if not _NAME.fullmatch(name):
        raise StaffError("a name is up to 60 small letters, digits, dots, dashes and underscores")
    if not shown_name.strip() or len(shown_name) > _LONGEST_SHOWN:
        raise StaffError(f"a shown name has 1 to {_LONGEST_SHOWN} characters")
    if Role.OPERATOR in roles and not languages:
        raise StaffError("an operator speaks at least one language: give --language")
    token = new_staff_token()
    row = {
        "id": new_id(),
        "name": name,
        "shown_name": shown_name.strip(),
        "token_hash": token_hash(token),
        "roles": _roles(roles),
        "languages": _languages(languages),
        "created_at": now,
    }
    try:
        await connection.execute(insert(Staff).values(row))
    except IntegrityError:
        raise StaffError(f"there is a user {name!r} already") from None
    return token


async def renew_token(connection: AsyncConnection, name: str) -> str:
    """A new token; the old one is worth nothing from now on. StaffError for an unknown name."""
    token = new_staff_token()
    await _change(connection, name, token_hash=token_hash(token))
    return token


async def set_roles(connection: AsyncConnection, name: str, roles: Collection[Role]) -> None:
    await _change(connection, name, roles=_roles(roles))


async def set_disabled(connection: AsyncConnection, name: str, disabled_at: datetime | None) -> None:
    """A disabled member's token is refused at once, and he counts as gone from the desk."""
    await _change(connection, name, disabled_at=disabled_at, present_until=None)


async def set_present(connection: AsyncConnection, staff_id: uuid.UUID, until: datetime | None) -> None:
    await connection.execute(update(Staff).where(Staff.id == staff_id).values(present_until=until))


async def is_present(connection: AsyncConnection, staff_id: uuid.UUID, now: datetime) -> bool:
    statement = select(Staff.id).where(Staff.id == staff_id, Staff.present_until > now, Staff.disabled_at.is_(None))
    return (await connection.execute(statement)).one_or_none() is not None


async def present_languages(connection: AsyncConnection, now: datetime) -> frozenset[str]:
    """The languages that somebody at the desk speaks."""
    statement = _select().where(Staff.present_until > now, Staff.disabled_at.is_(None))
    members = [_member(row) for row in await connection.execute(statement)]
    return frozenset(code for member in members if member.at_desk for code in member.languages)


async def _change(connection: AsyncConnection, name: str, **values: Any) -> None:
    if not (await connection.execute(update(Staff).where(Staff.name == name).values(values))).rowcount:
        raise StaffError(f"there is no user {name!r}")


def _select() -> Select[Any]:
    return select(
        Staff.id,
        Staff.name,
        Staff.shown_name,
        Staff.token_hash,
        Staff.roles,
        Staff.languages,
        Staff.present_until,
        Staff.disabled_at,
    )


def _member(row: Any) -> StaffMember:
    return StaffMember(
        row.id,
        row.name,
        row.shown_name,
        # A role that this code does not know any more gives no right.
        frozenset(Role(role) for role in row.roles if role in _ROLES),
        tuple(row.languages),
        row.present_until,
        row.disabled_at is not None,
    )


def _roles(roles: Collection[Role]) -> list[str]:
    if not roles:
        raise StaffError(f"give at least one role of {', '.join(Role)}")
    return sorted(role.value for role in set(roles))


def _languages(languages: Sequence[str]) -> list[str]:
    if unknown := [code for code in languages if code not in CODES]:
        raise StaffError(f"unknown languages {', '.join(unknown)}; known are {', '.join(CODES)}")
    return list(dict.fromkeys(languages))
