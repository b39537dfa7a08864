"""From the bytes of a request to a `Said`, or a named error. Pure."""

from __future__ import annotations

import json
from typing import Any

from bot.conversations.service import Said
from bot.errors import Code, RequestError
from bot.languages import LANGUAGES

_FIELDS = {"text": str, "button": str, "conversation": str, "language": str, "locale": str}
_LONGEST_FIELD = 100


def parse_body(body: bytes) -> dict[str, Any]:
    """The JSON object of a body. RequestError for anything else."""
    try:
        data = json.loads(body.decode("utf-8"))
    except UnicodeDecodeError:
        raise RequestError(Code.BAD_JSON, "the body is not UTF-8") from None
    except (ValueError, RecursionError):
        raise RequestError(Code.BAD_JSON, "the body is not JSON") from None
    if not isinstance(data, dict):
        raise RequestError(Code.BAD_JSON, "the body must be a JSON object")
    return data


def parse_said(data: dict[str, Any], channel: str, longest_text: int) -> Said:
    """The message of a request's object. RequestError naming the field that is wrong."""
    values = {name: _field(data, name) for name in _FIELDS}
    text, button = values["text"], values["button"]
    if (text is None) == (button is None):
        raise RequestError(Code.BAD_FIELD, "give either text or button")
    if text is not None:
        _check_text(text, longest_text)
    if values["language"] is not None and values["language"] not in LANGUAGES:
        raise RequestError(Code.BAD_FIELD, f"language must be one of {', '.join(LANGUAGES)}")
    return Said(channel, text, button, values["conversation"], values["language"], values["locale"])


def _field(data: dict[str, Any], name: str) -> str | None:
    value = data.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise RequestError(Code.BAD_FIELD, f"{name} must be a string")
    if name != "text" and len(value) > _LONGEST_FIELD:
        raise RequestError(Code.BAD_FIELD, f"{name} is longer than {_LONGEST_FIELD} characters")
    return value


def _check_text(text: str, longest: int) -> None:
    if not text.strip():
        raise RequestError(Code.EMPTY_TEXT, "text is empty")
    if len(text) > longest:
        raise RequestError(Code.TEXT_TOO_LONG, f"text is longer than {longest} characters")
