"""Voice messages: what a recogniser is, and the one that is a web service of the operator's own."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Protocol

import aiohttp

from bot.errors import LinliError
from bot.settings import Settings

# WeChat's own limit for a voice file; 60 seconds of AMR are a twentieth of it.
MOST_BYTES = 2_000_000
_TIMEOUT = aiohttp.ClientTimeout(total=20, sock_connect=3)
# A text of 60 seconds is far below it.
_MOST_ANSWER_BYTES = 64_000


class Reason(StrEnum):
    """Why a voice message has no text."""

    NOT_AUDIO = "not_audio"
    TOO_LARGE = "too_large"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    NO_TEXT_FIELD = "no_text_field"


class RecogniserError(LinliError):
    """The recording cannot be recognised, or the recogniser did not do it; never what was said."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"speech recogniser: {reason.value}{f' ({detail})' if detail else ''}")
        self.reason = reason


class Format(StrEnum):
    """What a recording is, named as file names end."""

    AMR = "amr"
    AMR_WB = "awb"
    SILK = "silk"


# `Format` of the push does not tell, the first bytes do. WeChat's Silk has a byte of its own before the mark.
_MARKS = (
    (b"#!AMR-WB\n", Format.AMR_WB),
    (b"#!AMR\n", Format.AMR),
    (b"#!SILK_V3", Format.SILK),
    (b"\x02#!SILK_V3", Format.SILK),
)
_TYPES = {Format.AMR: "audio/amr", Format.AMR_WB: "audio/amr-wb", Format.SILK: "audio/silk"}


def format_of(audio: bytes) -> Format | None:
    """By the file's first bytes; None for anything that WeChat does not record."""
    return next((format_ for mark, format_ in _MARKS if audio.startswith(mark)), None)


class Recogniser(Protocol):
    """Makes text of a voice message."""

    async def recognise(self, audio: bytes, language: str | None) -> str | None:
        """What was said; None when nothing was understood. `language` is a hint. Raises RecogniserError."""
        ...


class HttpRecogniser:
    """POST with the parts `file` and `language`, answered by JSON with `text` (docs/wechat.md)."""

    def __init__(self, url: str, session: aiohttp.ClientSession, timeout: aiohttp.ClientTimeout = _TIMEOUT) -> None:
        self._url = url
        self._session = session
        self._timeout = timeout

    async def recognise(self, audio: bytes, language: str | None) -> str | None:
        form = _form(audio, _checked(audio), language)
        try:
            # Not on to another address: what a resident said goes where the operator said, and nowhere else.
            async with self._session.post(
                self._url, data=form, timeout=self._timeout, allow_redirects=False
            ) as response:
                if response.status != 200:
                    raise RecogniserError(Reason.REFUSED, f"HTTP {response.status}")
                return _text(await _read(response))
        except (aiohttp.ClientError, TimeoutError) as error:
            # The library's text may hold the address, which may hold a key.
            raise RecogniserError(Reason.UNREACHABLE, type(error).__name__) from None


def recogniser(settings: Settings, session: aiohttp.ClientSession) -> Recogniser | None:
    """The one of the settings; None when there is none."""
    return HttpRecogniser(settings.wechat_speech_url, session) if settings.wechat_speech_url else None


def _checked(audio: bytes) -> Format:
    if len(audio) > MOST_BYTES:
        raise RecogniserError(Reason.TOO_LARGE)
    format_ = format_of(audio)
    if format_ is None:
        raise RecogniserError(Reason.NOT_AUDIO)
    return format_


def _form(audio: bytes, format_: Format, language: str | None) -> aiohttp.FormData:
    form = aiohttp.FormData()
    form.add_field("file", audio, filename=f"voice.{format_.value}", content_type=_TYPES[format_])
    if language is not None:
        form.add_field("language", language)
    return form


async def _read(response: aiohttp.ClientResponse) -> bytes:
    body = b""
    async for chunk in response.content.iter_chunked(8192):
        body += chunk
        if len(body) > _MOST_ANSWER_BYTES:
            raise RecogniserError(Reason.NO_TEXT_FIELD, "the answer is too long")
    return body


def _text(body: bytes) -> str | None:
    try:
        answer = json.loads(body.decode("utf-8"))
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise RecogniserError(Reason.NO_TEXT_FIELD, "the answer is no JSON") from None
    text = answer.get("text") if isinstance(answer, dict) else None
    if not isinstance(text, str):
        raise RecogniserError(Reason.NO_TEXT_FIELD)
    return text.strip() or None
