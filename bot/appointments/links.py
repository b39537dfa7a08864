"""A link to one appointment: a signed token that ends, good for one purpose. Pure.

A link's token stands in the fragment of its address alone, which browsers send to no server, so no log has it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import struct
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

# Whoever was at the hospital may look up where and when for a month: for the insurance, or for the next visit.
LINK_LIFE = timedelta(days=30)
SESSION_LIFE = timedelta(minutes=15)
PATH = "/appointment"
_FIELDS = struct.Struct(">BII16s")
# With the fields' 25 these are 42 bytes: 56 characters without a bit to spare, else one token had two spellings.
_MAC_BYTES = 17
_TOKEN = re.compile(r"[A-Za-z0-9_-]{56}")
Key = str | bytes


class Purpose(StrEnum):
    """What a token opens: the page, the card for a quarter of an hour, or the card and what changes it."""

    LINK = "link"
    VIEW = "view"
    CHANGE = "change"


# The byte that stands for it; a number is never given a new meaning.
_NUMBERS = {Purpose.LINK: 1, Purpose.VIEW: 2, Purpose.CHANGE: 3}
_PURPOSES = {number: purpose for purpose, number in _NUMBERS.items()}


@dataclass(frozen=True)
class Link:
    """What a genuine token says. Whether its number is still the appointment's is asked of the table."""

    appointment_id: uuid.UUID
    link_number: int
    purpose: Purpose
    expires_at: datetime


def make(
    keys: Sequence[Key],
    appointment_id: uuid.UUID,
    link_number: int,
    expires_at: datetime,
    purpose: Purpose = Purpose.LINK,
) -> str:
    """Signed with the first key."""
    said = _FIELDS.pack(_NUMBERS[purpose], link_number, int(expires_at.timestamp()), appointment_id.bytes)
    return base64.urlsafe_b64encode(said + _mac(keys[0], said)).decode("ascii")


def read(keys: Sequence[Key], token: str, purposes: Sequence[Purpose], now: datetime) -> Link | None:
    """None for what none of the keys signed, for another purpose than these, and for what has ended."""
    if not _TOKEN.fullmatch(token):
        return None
    raw = base64.urlsafe_b64decode(token)
    said, mac = raw[: _FIELDS.size], raw[_FIELDS.size :]
    if not any(hmac.compare_digest(_mac(key, said), mac) for key in keys):
        return None
    number, link_number, ends, appointment = _FIELDS.unpack(said)
    link = Link(uuid.UUID(bytes=appointment), link_number, _PURPOSES[number], datetime.fromtimestamp(ends, UTC))
    return link if link.purpose in purposes and now < link.expires_at else None


def link(keys: Sequence[Key], appointment_id: uuid.UUID, link_number: int, starts_at: datetime) -> str:
    """The token of the link to an appointment; the same appointment at the same time has the same one."""
    return make(keys, appointment_id, link_number, starts_at + LINK_LIFE)


def address(public_url: str, token: str) -> str | None:
    """None where no public address is set: a link that leads nowhere is worse than none."""
    return f"{public_url.rstrip('/')}{PATH}#{token}" if public_url else None


def _mac(key: Key, said: bytes) -> bytes:
    secret = key.encode() if isinstance(key, str) else key
    return hmac.digest(secret, b"appointment-link:" + said, hashlib.sha256)[:_MAC_BYTES]
