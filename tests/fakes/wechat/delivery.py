"""Bringing a push to the account: five seconds, three times, the same body (sheet 9)."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from enum import StrEnum

import aiohttp

from tests.fakes.wechat.crypt import BadReplyError
from tests.fakes.wechat.pushes import Push, Sealed, Signed, new_nonce
from tests.fakes.wechat.replies import Asked, Passive, read_reply

TIMEOUT_SECONDS = 5.0
_MOST_BYTES = 256 * 1024


class Outcome(StrEnum):
    """What one delivery, or all of a push, came to."""

    SUCCESS = "success"  # acknowledged, nothing to show
    REPLY = "reply"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    BAD = "bad"
    LOST = "lost"  # answered, but the answer was lost on the way


ANSWERED = {Outcome.SUCCESS, Outcome.REPLY}


@dataclass(frozen=True)
class Attempt:
    """One delivery. `seconds` is real time; `why` says what is bad about the answer."""

    outcome: Outcome
    seconds: float
    status: int | None = None
    body: bytes = b""
    why: str = ""
    reply: Passive | None = None


@dataclass
class Delivery:
    """A push and what became of it."""

    push: Push
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def outcome(self) -> Outcome:
        return self.attempts[-1].outcome

    @property
    def answered(self) -> bool:
        return self.outcome in ANSWERED

    @property
    def reply(self) -> Passive | None:
        return self.attempts[-1].reply

    @property
    def why(self) -> str:
        return self.attempts[-1].why


@dataclass
class Courier:
    """`second` is the real length of one of the platform's seconds; a fourth delivery is possible too (28, 1)."""

    session: aiohttp.ClientSession
    second: float = 1.0
    deliveries: int = 3
    same_nonce: bool = False

    async def deliver(self, url: str, sealed: Sealed, now: int, lose: int = 0) -> Delivery:
        """Until an answer arrives. The first `lose` answers do not."""
        push, delivery, nonce = sealed.push, Delivery(sealed.push), new_nonce()
        asked = Asked(push.openid, push.is_event, sealed.account)
        for number in range(self.deliveries):
            if not self.same_nonce:
                nonce = new_nonce()
            began = time.monotonic()
            attempt = await self.knock(url, sealed.signed(now, nonce), asked)
            if number < lose and attempt.outcome in ANSWERED:
                attempt = Attempt(Outcome.LOST, attempt.seconds, attempt.status, attempt.body)
            delivery.attempts.append(attempt)
            if attempt.outcome in ANSWERED:
                break
            if number + 1 < self.deliveries:
                await asyncio.sleep(max(0.0, TIMEOUT_SECONDS * self.second - (time.monotonic() - began)))
        return delivery

    async def knock(self, url: str, request: Signed, asked: Asked) -> Attempt:
        """One delivery, judged."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS * self.second):
                status, body = await self._post(url, request)
        except TimeoutError:
            return Attempt(Outcome.TIMEOUT, time.monotonic() - began)
        except aiohttp.ClientError as error:
            return Attempt(Outcome.UNREACHABLE, time.monotonic() - began, why=type(error).__name__)
        return _judged(status, body, asked, time.monotonic() - began)

    async def _post(self, url: str, request: Signed) -> tuple[int, bytes]:
        headers = {"Content-Type": "text/xml", "User-Agent": "Mozilla/4.0", "Pragma": "no-cache"}
        async with self.session.post(
            url, params=request.query, data=request.body, headers=headers, allow_redirects=False
        ) as response:
            return response.status, await response.content.read(_MOST_BYTES)


def _judged(status: int, body: bytes, asked: Asked, seconds: float) -> Attempt:
    if status != 200:
        return Attempt(Outcome.BAD, seconds, status, body, f"status {status}")
    try:
        reply = read_reply(body, asked)
    except BadReplyError as error:
        return Attempt(Outcome.BAD, seconds, status, body, str(error))
    outcome = Outcome.SUCCESS if reply is None else Outcome.REPLY
    return Attempt(outcome, seconds, status, body, reply=reply)
