"""Who a widget is: a signed token of short life that names a conversation, renewed by showing it. Pure.

A token is `generation.issued.conversation.device.mac`. It is good for an hour and may be renewed for thirty days. Each
renewal counts the device's generation up, and only the present and the last one are believed, so that a token that was
copied from a machine long ago is worth nothing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.errors import Code, RequestError

LIFE = timedelta(hours=1)
RENEWABLE = timedelta(days=30)
_LONGEST = 200
# A clock that runs a little ahead on another machine of the installation.
_SKEW = timedelta(minutes=2)


@dataclass(frozen=True)
class Visitor:
    """What a token says; whether its conversation still knows the generation is asked of the table."""

    conversation: uuid.UUID
    device: uuid.UUID
    generation: int
    issued: datetime

    def fresh(self, now: datetime) -> bool:
        return -_SKEW <= now - self.issued < LIFE

    def renewable(self, now: datetime) -> bool:
        return -_SKEW <= now - self.issued < RENEWABLE


@dataclass(frozen=True)
class Tokens:
    """Signs with the first key, believes all."""

    keys: tuple[str, ...]

    def sign(self, conversation: uuid.UUID, device: uuid.UUID, generation: int, now: datetime) -> str:
        said = f"{generation}.{int(now.timestamp())}.{conversation.hex}.{device.hex}"
        return f"{said}.{_mac(self.keys[0], said)}"

    def read(self, token: str) -> Visitor:
        """RequestError 401 for what none of the keys signed."""
        said, _, mac = token.rpartition(".")
        genuine = [hmac.compare_digest(_mac(key, said).encode(), mac.encode("utf-8", "replace")) for key in self.keys]
        if len(token) > _LONGEST or not any(genuine):
            raise bad_token()
        generation, issued, conversation, device = said.split(".")
        at = datetime.fromtimestamp(int(issued), UTC)
        return Visitor(uuid.UUID(hex=conversation), uuid.UUID(hex=device), int(generation), at)

    def valid(self, token: str, now: datetime) -> Visitor:
        """RequestError 401 for one that is not good now."""
        visitor = self.read(token)
        if not visitor.fresh(now):
            raise bad_token()
        return visitor


def bad_token() -> RequestError:
    return RequestError(Code.BAD_TOKEN, "this token is not good, or no longer", 401)


def bearer(header: str | None) -> str:
    """The token of an Authorization header. RequestError 401 without one."""
    kind, _, token = (header or "").partition(" ")
    if kind.lower() != "bearer" or not token:
        raise bad_token()
    return token.strip()


def _mac(key: str, said: str) -> str:
    digest = hmac.digest(key.encode(), f"visitor:{said}".encode("utf-8", "replace"), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).decode("ascii").rstrip("=")
