"""The account that the platform runs: what its owner sees in the console, and what its kind is allowed (sheet 1, 2)."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from enum import StrEnum


class Mode(StrEnum):
    PLAIN = "plain"
    COMPATIBLE = "compatible"
    SAFE = "safe"


class Kind(StrEnum):
    """Verified service account, verified subscription account, unverified subscription account."""

    SERVICE = "service"
    SUBSCRIPTION = "subscription"
    BASIC = "basic"


class Right(StrEnum):
    """A group of calls that an account has or has not."""

    BASE = "base"
    SEND = "send"
    MENU = "menu"
    TAGS = "tags"
    MEDIA = "media"
    USERS = "users"
    NOTICES = "notices"
    CODES = "codes"


_VERIFIED = frozenset({Right.BASE, Right.SEND, Right.MENU, Right.TAGS, Right.MEDIA, Right.USERS})
RIGHTS: dict[Kind, frozenset[Right]] = {
    Kind.SERVICE: frozenset(Right),
    Kind.SUBSCRIPTION: _VERIFIED,
    Kind.BASIC: frozenset({Right.BASE}),
}


@dataclass(frozen=True)
class AccountData:
    """ValueError for what the console would not take."""

    token: str
    aes_key: str
    appid: str
    secret: str
    original_id: str
    mode: Mode = Mode.SAFE
    kind: Kind = Kind.SERVICE

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9]{3,32}", self.token):
            raise ValueError("a token is 3 to 32 letters and digits")
        if not re.fullmatch(r"[A-Za-z0-9]{43}", self.aes_key):
            raise ValueError("an EncodingAESKey is 43 letters and digits")

    @property
    def key(self) -> bytes:
        """The 32 bytes of the AES key."""
        return base64.b64decode(self.aes_key + "=")

    def may(self, right: Right) -> bool:
        return right in RIGHTS[self.kind]


# The account of the sheet's vectors (26.2).
TEST_ACCOUNT = AccountData(
    token="b0tTestToken2026",
    aes_key="qGc6CIgYNIBRdvERgkVhzPoRU8YlYWzCuHpWMjpPIYE",
    appid="wx5c1f0a9b7d3e2468",
    secret="0f1e2d3c4b5a69788796a5b4c3d2e1f0",
    original_id="gh_0123456789ab",
)
