"""The tree of named errors: codes for programs, text for people, one JSON shape (docs/api.md lists the codes)."""

from __future__ import annotations

from enum import StrEnum


class Code(StrEnum):
    BAD_REQUEST = "bad_request"
    BAD_JSON = "bad_json"
    BAD_FIELD = "bad_field"
    EMPTY_TEXT = "empty_text"
    TEXT_TOO_LONG = "text_too_long"
    BODY_TOO_LARGE = "body_too_large"
    UNSUPPORTED_TYPE = "unsupported_type"
    UNKNOWN_CONVERSATION = "unknown_conversation"
    UNKNOWN_BUTTON = "unknown_button"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    FORBIDDEN = "forbidden"
    FORBIDDEN_ORIGIN = "forbidden_origin"
    BAD_TOKEN = "bad_token"  # noqa: S105 - a code's name
    UNKNOWN_CODE = "unknown_code"
    PROOF_NEEDED = "proof_needed"
    ALREADY_CLAIMED = "already_claimed"
    NOT_WAITING = "not_waiting"
    NOT_YOURS = "not_yours"
    ALREADY_DONE = "already_done"
    WRONG_STATE = "wrong_state"
    RATE_LIMITED = "rate_limited"
    BUSY = "busy"
    UNAVAILABLE = "unavailable"
    INTERNAL = "internal"


class LinliError(Exception):
    """Any error of ours; the message is for people and carries no text of a resident."""


class RequestError(LinliError):
    """A request that cannot be served as it is; `status` is HTTP's."""

    def __init__(self, code: Code, message: str, status: int = 400, retry_after_seconds: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.retry_after_seconds = retry_after_seconds

    def to_json(self) -> dict[str, dict[str, str]]:
        return {"error": {"code": self.code.value, "message": self.message}}


class SettingsError(LinliError):
    """A setting is unknown or has a value of the wrong kind."""


class StartError(LinliError):
    """The program cannot start; the message is the one line a person needs to mend it."""


class StorageError(LinliError):
    """The database refused or could not be reached."""


class ContentError(LinliError):
    """A content file is not as it should be; the message names file, article and field."""


class EngineError(LinliError):
    """The sealed room did not answer: down, too slow, refused, or an empty reply."""


class StaffError(LinliError):
    """Something about the staff cannot be done as it is asked for; the message says what and why."""
