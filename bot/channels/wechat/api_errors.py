"""What can become of a call to the platform. No text of the platform's is kept: it may repeat what was sent."""

from __future__ import annotations

import re
from enum import StrEnum

from bot.channels.wechat.codes import INVALID_SECRET_OR_TOKEN, Reaction, name, reaction
from bot.errors import LinliError

_RID = re.compile(r"rid:\s*([0-9A-Za-z-]{1,64})")
_ADDRESS = re.compile(r"invalid ip ([0-9A-Fa-f.:]{3,45})")
_FIELD = re.compile(r"data\.([a-z_]{1,24}[0-9]{1,3})\b")


class Doubt(StrEnum):
    """Why nobody knows what became of a call."""

    CUT = "cut"  # the connection ended before the answer did
    TIMEOUT = "timeout"
    STATUS = "status"  # an HTTP error page
    NOT_JSON = "not_json"
    SHAPE = "shape"  # JSON without what the call promises
    SIZE = "size"


class ApiRefused(LinliError):  # noqa: N818 - says what became of the call
    """The platform answered with an error code; nothing was done.

    `about`: the address that is not on the list (40164) or the template's field that it did not like (47003).
    """

    def __init__(self, path: str, code: int, rid: str | None = None, about: str | None = None) -> None:
        self.path, self.code, self.rid, self.about = path, code, rid, about
        self.name, self.reaction = name(code), reaction(code)
        shown = "".join([f" ({about})" if about else "", f" rid {rid}" if rid else ""])
        super().__init__(f"WeChat refused {path}: {code} {self.name}{shown}")

    @classmethod
    def told(cls, path: str, code: int, message: object) -> ApiRefused:
        """From an answer's errcode and errmsg."""
        text = message if isinstance(message, str) else ""
        return cls(path, code, _found(_RID, text), _found(_ADDRESS, text) or _found(_FIELD, text))


class TokenRefused(ApiRefused):
    """The platform gives this account no access token; `retry_after_seconds` until it is asked again."""

    def __init__(
        self, path: str, code: int, rid: str | None = None, about: str | None = None, retry_after_seconds: float = 0.0
    ) -> None:
        super().__init__(path, code, rid, about)
        self.retry_after_seconds = retry_after_seconds
        if code == INVALID_SECRET_OR_TOKEN:  # the same number means the AppSecret here, and another token helps nobody
            self.reaction = Reaction.ALARM


class ApiUnreachable(LinliError):  # noqa: N818 - says what became of the call
    """Nothing was sent: the call may be made again."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"WeChat cannot be reached for {path}: {reason}")
        self.path, self.reason = path, reason


class ApiUnknown(LinliError):  # noqa: N818 - says what became of the call
    """It was sent, or may have been, and nobody knows what became of it."""

    def __init__(self, path: str, doubt: Doubt, detail: str = "") -> None:
        super().__init__(f"WeChat's answer to {path} is not known: {doubt.value}{f' ({detail})' if detail else ''}")
        self.path, self.doubt = path, doubt


class MediaTooLarge(LinliError):  # noqa: N818 - says what became of the call
    """A file of the platform's is larger than it may be; it was not read to its end."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"a file from WeChat has more than {limit_bytes} bytes")


def _found(pattern: re.Pattern[str], text: str) -> str | None:
    found = pattern.search(text)
    return found.group(1) if found else None
