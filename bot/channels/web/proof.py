"""Proof of work instead of a picture puzzle: nothing for one resident's browser, dear for a flood. Pure but for memory.

A challenge is signed and not stored; the solved ones are remembered until they expire, so that each counts once in a
process. A proof is asked of an address only when more comes from it than one resident sends.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from bot.channels.web.limits import RateLimiter
from bot.errors import Code, RequestError

LIFE = timedelta(minutes=5)
# About 10 MB. A flood of proofs that fills it has cost its sender 100 CPU-seconds for each replay that it wins.
_MOST_SPENT = 50_000
_CHALLENGE = re.compile(r"(\d{1,2})-(\d{10})-[\w-]{22}-[0-9a-f]{64}", re.ASCII)
_NONCE = re.compile(r"\d{1,19}", re.ASCII)


class Effort(StrEnum):
    """What an address can do too often."""

    SESSION = "session"
    MESSAGE = "message"


@dataclass
class Proofs:
    """Challenges of `bits` zero bits; none is ever demanded when `bits` is 0."""

    key: bytes
    bits: int
    _spent: OrderedDict[str, int] = field(default_factory=OrderedDict)

    def challenge(self, now: datetime) -> str:
        said = f"{self.bits}-{int((now + LIFE).timestamp())}-{secrets.token_urlsafe(16)}"
        return f"{said}-{self._mac(said)}"

    def spend(self, proof: str | None, now: datetime) -> bool:
        """Whether this is the solution of a challenge of ours that holds and was not shown before."""
        challenge, _, nonce = (proof or "").rpartition(".")
        match = _CHALLENGE.fullmatch(challenge)
        if match is None or not _NONCE.fullmatch(nonce):
            return False
        said, _, mac = challenge.rpartition("-")
        genuine = hmac.compare_digest(self._mac(said), mac) and int(match[1]) >= self.bits
        if not genuine or int(match[2]) < now.timestamp() or leading_zeros(challenge, nonce) < self.bits:
            return False
        return self._first_time(challenge, int(match[2]), now)

    def _first_time(self, challenge: str, expires: int, now: datetime) -> bool:
        while self._spent and next(iter(self._spent.values())) < now.timestamp():
            self._spent.popitem(last=False)
        if challenge in self._spent:
            return False
        self._spent[challenge] = expires
        if len(self._spent) > _MOST_SPENT:
            self._spent.popitem(last=False)
        return True

    def _mac(self, said: str) -> str:
        return hmac.digest(self.key, f"proof:{said}".encode(), hashlib.sha256).hex()


def leading_zeros(challenge: str, nonce: str) -> int:
    """Zero bits that SHA-256 of "challenge.nonce" begins with."""
    digest = hashlib.sha256(f"{challenge}.{nonce}".encode()).digest()
    return len(digest) * 8 - int.from_bytes(digest, "big").bit_length()


@dataclass
class Doorkeeper:
    """Counts what comes from each address; above the soft limit only who has worked comes in."""

    proofs: Proofs
    limits: dict[Effort, RateLimiter]
    clock: Callable[[], datetime]

    @staticmethod
    def of(
        proofs: Proofs, clock: Callable[[], datetime], *, sessions_per_minute: int, rate_per_minute: int, burst: int
    ) -> Doorkeeper:
        """Messages need a proof from half of the rate on above which they are refused."""
        soft = -(-rate_per_minute // 2)
        limits = {
            Effort.SESSION: RateLimiter(sessions_per_minute, sessions_per_minute),
            Effort.MESSAGE: RateLimiter(soft, -(-burst // 2)),
        }
        return Doorkeeper(proofs, limits, clock)

    def admit(self, effort: Effort, client: str, proof: object, seconds: float) -> None:
        """RequestError 429 when there is a proof to show first; when none is asked of anybody, sessions have an end."""
        wait = self.limits[effort].take(client, seconds)
        if wait is None:
            return
        if self.proofs.bits == 0:
            self._refuse_sessions(effort, wait)
        elif not self.proofs.spend(proof if isinstance(proof, str) else None, self.clock()):
            raise proof_needed(wait)

    def _refuse_sessions(self, effort: Effort, wait: int) -> None:
        if effort is Effort.SESSION:
            message = f"too many conversations begun; try again in {wait} s"
            raise RequestError(Code.RATE_LIMITED, message, 429, retry_after_seconds=wait)


def proof_needed(wait: int) -> RequestError:
    return RequestError(
        Code.PROOF_NEEDED, "show a proof of work (GET /api/widget/proof)", 429, retry_after_seconds=wait
    )
