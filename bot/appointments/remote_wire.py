"""One call to a hospital's system over HTTP: signed, bounded, repeated where that is safe. docs/hospital-interface.md.

aiohttp's own exceptions hold the address and the headers: none of them leaves this module, not even as the context of
another one.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NoReturn

import aiohttp

from bot.appointments.provider import ProviderError
from bot.errors import LinliError

Json = dict[str, Any]
TIME_HEADER, SIGNATURE_HEADER = "Linli-Time", "Linli-Signature"
log = logging.getLogger("linli.booking")

_CONNECTIONS = 50
# A fortnight of a large department is 1400 openings of 250 bytes.
_MOST_BYTES = 1_000_000
# What may be over a moment later; everything else would only be said again.
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_REFUSING = frozenset({404, 409})
_SECONDS = re.compile(r"[0-9]{1,6}")


class Call(StrEnum):
    """What a hospital's system is asked for; the last part of the address."""

    OPENINGS = "openings"
    HOLD = "hold"
    RELEASE = "release"
    BOOK = "book"
    CANCEL = "cancel"


class Refusal(StrEnum):
    """The codes that mean something to us."""

    GONE = "gone"
    UNKNOWN_BOOKING = "unknown_booking"


class Refused(LinliError):  # noqa: N818 - says what became of the call
    """The hospital's system understood the call and did nothing."""

    def __init__(self, code: Refusal) -> None:
        super().__init__(f"the hospital's system refused: {code.value}")
        self.code = code


@dataclass(frozen=True)
class Limits:
    """Of one try, and of all tries of a call together. `pauses_seconds`: before each repetition, so their number too.

    Somebody waits for the answer in a chat: what takes longer than `deadline_seconds` is said to be out of reach.
    """

    connect_seconds: float = 2.0
    total_seconds: float = 4.0
    deadline_seconds: float = 8.0
    pauses_seconds: tuple[float, ...] = (0.2, 0.8)


@dataclass(frozen=True)
class Trouble:
    """Why a try gave no answer. `passing`: worth another one, after `wait_seconds` at least."""

    why: str
    passing: bool
    wait_seconds: float = 0.0


@dataclass(frozen=True)
class Wire:
    """The way to one hospital's system. `url` has no slash at its end."""

    session: aiohttp.ClientSession
    hospital: str
    url: str
    secret: bytes = field(repr=False)
    clock: Callable[[], datetime]
    limits: Limits = Limits()

    async def ask(self, call: Call, body: Mapping[str, Any]) -> Json:
        """The answer's JSON object. Raises Refused, ProviderError.

        Each try says the same under the same key, so a call whose end is not known does nothing new when repeated.
        """
        # A name may hold half a character; the error of encoding it would hold the name.
        text = json.dumps({"hospital": self.hospital, **body}, ensure_ascii=False, separators=(",", ":"))
        raw = text.encode("utf-8", "replace")
        until = time.monotonic() + self.limits.deadline_seconds
        for pause in self.limits.pauses_seconds:
            outcome = await self._try(call, raw, until)
            if not isinstance(outcome, Trouble):
                return outcome
            wait = max(outcome.wait_seconds, pause * random.uniform(0.75, 1.25))  # noqa: S311 - spreads calls
            if not outcome.passing or time.monotonic() + wait >= until:
                self._give_up(call, outcome)
            await asyncio.sleep(wait)
        outcome = await self._try(call, raw, until)
        if isinstance(outcome, Trouble):
            self._give_up(call, outcome)
        return outcome

    def fail(self, call: Call, why: str) -> ProviderError:
        """The error to raise; `why` is in our own words, and it is logged."""
        log.warning("hospital_call_failed hospital=%s call=%s why=%r", self.hospital, call.value, why)
        return ProviderError(f"{self.hospital}: {call.value}: {why}")

    def _give_up(self, call: Call, trouble: Trouble) -> NoReturn:
        raise self.fail(call, trouble.why)

    async def _try(self, call: Call, raw: bytes, until: float) -> Json | Trouble:
        """Raises Refused."""
        if self.session.closed:
            return Trouble("the session is closed", passing=False)
        total = max(0.001, min(self.limits.total_seconds, until - time.monotonic()))
        times = aiohttp.ClientTimeout(total=total, connect=min(self.limits.connect_seconds, total))
        try:
            async with self.session.post(
                f"{self.url}/{call.value}",
                data=raw,
                headers=self._headers(call, raw),
                timeout=times,
                # A redirect would carry a patient to who knows where.
                allow_redirects=False,
            ) as response:
                data = await _read(response)
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            return Trouble(type(error).__name__, passing=True)
        return data if isinstance(data, Trouble) else _judged(response, data)

    def _headers(self, call: Call, raw: bytes) -> dict[str, str]:
        seconds = int(self.clock().timestamp())
        return {
            "Content-Type": "application/json; charset=utf-8",
            "Accept": "application/json",
            # A few bytes that unfold to gigabytes are none of our wishes.
            "Accept-Encoding": "identity",
            TIME_HEADER: str(seconds),
            SIGNATURE_HEADER: signature(self.secret, seconds, call, raw),
        }


def open_session() -> aiohttp.ClientSession:
    """The session for the calls to all hospitals; close it. Made in the running loop."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=_CONNECTIONS), cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
    )


def signature(secret: bytes, seconds: int, call: Call, raw: bytes) -> str:
    """Hexadecimal HMAC-SHA256 of the time, the call and the body, a line feed between them."""
    return hmac.new(secret, f"{seconds}\n{call.value}\n".encode() + raw, hashlib.sha256).hexdigest()


async def _read(response: aiohttp.ClientResponse) -> bytes | Trouble:
    too_large = Trouble(f"HTTP {response.status} with more than {_MOST_BYTES} bytes", passing=False)
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        return Trouble(f"HTTP {response.status} with an encoding", passing=False)
    if (response.content_length or 0) > _MOST_BYTES:
        return too_large
    data = bytearray()
    async for part in response.content.iter_any():
        data += part
        if len(data) > _MOST_BYTES:
            return too_large
    return bytes(data)


def _judged(response: aiohttp.ClientResponse, data: bytes) -> Json | Trouble:
    """Raises Refused."""
    status, found = response.status, _parsed(data)
    if status == 200:
        return Trouble("HTTP 200 without a JSON object", passing=True) if found is None else found
    if status in _REFUSING and found is not None and (code := _refusal(found)):
        raise Refused(code)
    return Trouble(f"HTTP {status}", status in _PASSING, _wait(response.headers.get("Retry-After", "")))


def _parsed(data: bytes) -> Json | None:
    try:
        found = json.loads(data.decode("utf-8"), parse_constant=_no_number)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


def _refusal(found: Json) -> Refusal | None:
    error = found.get("error")
    code = error.get("code") if isinstance(error, dict) else None
    return Refusal(code) if isinstance(code, str) and code in set(Refusal) else None


def _wait(text: str) -> float:
    """Seconds; a date counts as nothing said."""
    return float(text) if _SECONDS.fullmatch(text) else 0.0
