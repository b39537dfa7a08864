"""Why something from outside is not taken for a push. The peer learns nothing of it: one 403 for all."""

from __future__ import annotations

from enum import StrEnum

from bot.errors import LinliError


class Reason(StrEnum):
    """Closed words for the log: none carries anything of the request."""

    SIZE = "size"
    PARAMETER = "parameter"
    MODE = "mode"
    SIGNATURE = "signature"
    CLOCK = "clock"
    REPLAY = "replay"
    BASE64 = "base64"
    LENGTH = "length"
    PADDING = "padding"
    SHORT = "short"
    MSG_LEN = "msg_len"
    APPID = "appid"
    ENCODING = "encoding"
    XML = "xml"
    ACCOUNT = "account"


class PushRejected(LinliError):  # noqa: N818 - what happened to the push, not what failed
    """A request on the callback address that is no push for this account."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(f"not taken for a push: {reason.value}")
        self.reason = reason
