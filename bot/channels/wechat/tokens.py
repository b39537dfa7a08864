"""The access token: fetched by one process at a time, kept sealed in the database for all of them.

Every process asks its keeper, never the platform. The lease `wechat-token:<appid>` says who fetches; a lease
`wechat-token-refused:<appid>:<code>` says that the platform refused and until when nobody asks again.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import aiohttp
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.channels.wechat.account import Account
from bot.channels.wechat.api_errors import ApiRefused, ApiUnknown, ApiUnreachable, Doubt, TokenRefused
from bot.channels.wechat.codes import Reaction
from bot.channels.wechat.wire import Call, Json, Limits, decoded, exchange, json_body, repeated
from bot.db import leases
from bot.db.engine import reading, transaction
from bot.db.models import Lease, WechatToken

log = logging.getLogger("linli.wechat")

PATH = "/cgi-bin/stable_token"
_INFO = b"linli wechat access token"
_NONCE_BYTES = 12
_MOST_TOKEN = 4096
# The platform gives a new token from 300 s before the end of the old one, and both are valid then.
_MARGIN_SECONDS = 300
_JITTER_SECONDS = 60
# A token that was just fetched is not fetched again although it ends soon: it is the newest there is.
_SETTLED_SECONDS = 30
# With less than this left a token may end on its way.
_SPARE_SECONDS = 5
# Longer than two tries with all their time.
_LEASE_SECONDS = 20
_WAIT_SECONDS = 25
_POLL_SECONDS = 0.1
_LIMITS = Limits(total_seconds=8.0, pauses_seconds=(0.5,))
# After nothing or nonsense came back; the callers that wait share that failure instead of trying one after another.
_FAILED_SECONDS = 3
_USELESS_SECONDS = 60
_PAUSE_SECONDS = {Reaction.ALARM: 300, Reaction.QUOTA_DAY: 3600, Reaction.TOO_FAST: 60, Reaction.RETRY: 10}
_OTHER_PAUSE_SECONDS = 60


@dataclass(frozen=True)
class _Held:
    token: str = field(repr=False)
    expires_at: datetime
    fetched_at: datetime

    def lasts(self, now: datetime) -> bool:
        return self.expires_at - now > timedelta(seconds=_SPARE_SECONDS)

    def due(self, now: datetime, margin_seconds: float) -> bool:
        settled = now - self.fetched_at >= timedelta(seconds=_SETTLED_SECONDS)
        return not self.lasts(now) or (settled and self.expires_at - now < timedelta(seconds=margin_seconds))


def _margin() -> float:
    return _MARGIN_SECONDS + random.uniform(0, _JITTER_SECONDS)  # noqa: S311 - spreads calls, guards nothing


@dataclass
class TokenKeeper:
    """`holder`: this process's name (bot/db/leases.py). Not to be asked from inside a transaction."""

    account: Account
    database: AsyncEngine
    session: aiohttp.ClientSession
    holder: str
    clock: Callable[[], datetime]
    limits: Limits = _LIMITS
    _margin_seconds: float = field(default_factory=_margin, init=False)
    _held: _Held | None = field(default=None, init=False, repr=False)
    _flight: asyncio.Task[str] | None = field(default=None, init=False, repr=False)
    _failure: ApiUnreachable | ApiUnknown | None = field(default=None, init=False, repr=False)
    _failed_until: float = field(default=0.0, init=False)
    # What the platform did not take, so that a process that reads the database just then does not bring it back.
    _dropped: str = field(default="", init=False, repr=False)
    # What the platform gave again after it had not taken it: renewing it once more would help nobody.
    _useless: str = field(default="", init=False, repr=False)
    _useless_until: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self._seal = _Seal(self.account)

    async def get(self) -> str:
        """A token that is valid as far as we know.

        Raises TokenRefused (also for minutes after the platform refused), ApiUnreachable, ApiUnknown, StorageError.
        """
        now, held = self.clock(), self._held
        if held is None or not held.lasts(now):
            return await asyncio.shield(self._renewal())
        if held.due(now, self._margin_seconds) and time.monotonic() >= self._failed_until:
            self._renewal()  # in the background: the old one is still good
        return held.token

    async def dropped(self, token: str) -> None:
        """The platform did not take `token`: forget it, if it is still the one that is kept. Raises StorageError."""
        if token == self._useless and time.monotonic() < self._useless_until:
            return
        self._dropped = token
        if self._held is not None and self._held.token == token:
            self._held = None
        of_account = WechatToken.appid == self.account.appid
        async with transaction(self.database) as connection:
            kept = (await connection.execute(select(WechatToken.sealed).where(of_account))).scalar_one_or_none()
            if kept is not None and self._seal.opened(kept) == token:
                await connection.execute(delete(WechatToken).where(of_account))

    async def forgive(self) -> None:
        """Ask the platform again at once, although it refused: somebody has mended what it did not like."""
        self._failed_until = 0.0
        async with transaction(self.database) as connection:
            await connection.execute(delete(Lease).where(Lease.name.startswith(self._refusal, autoescape=True)))

    async def close(self) -> None:
        """End a renewal that nobody waits for."""
        if self._flight is not None:
            self._flight.cancel()
            await asyncio.gather(self._flight, return_exceptions=True)

    @property
    def _lease(self) -> str:
        return f"wechat-token:{self.account.appid}"

    @property
    def _refusal(self) -> str:
        return f"wechat-token-refused:{self.account.appid}:"

    def _renewal(self) -> asyncio.Task[str]:
        """The one renewal of this process: all wait for it, and a caller that leaves does not end it."""
        if self._flight is None:
            self._flight = asyncio.create_task(self._renewed())
            self._flight.add_done_callback(self._landed)
        return self._flight

    def _landed(self, flight: asyncio.Task[str]) -> None:
        self._flight = None
        if flight.cancelled():
            return
        error = flight.exception()
        if error is None or error is self._failure or isinstance(error, TokenRefused):
            return
        log.warning("wechat_token_not_fetched type=%s", type(error).__name__)
        if isinstance(error, ApiUnreachable | ApiUnknown):
            self._failure, self._failed_until = error, time.monotonic() + _FAILED_SECONDS

    async def _renewed(self) -> str:
        if self._failure is not None and time.monotonic() < self._failed_until:
            raise self._failure
        until = time.monotonic() + _WAIT_SECONDS
        while time.monotonic() < until:
            if (found := await self._once()) is not None:
                self._held = found
                return found.token
            await asyncio.sleep(_POLL_SECONDS)
        raise ApiUnreachable(PATH, "another process has not finished")

    async def _once(self) -> _Held | None:
        """A token from the database or, if nobody else is about it, from the platform; None: look again soon."""
        stored, refused = await self._look()
        if (settled := self._settled(stored, refused)) is not None:
            return settled
        if await leases.take(self.database, self._lease, self.holder, _LEASE_SECONDS, self.clock()):
            try:
                return await self._stored_or_fetched()
            finally:
                await leases.release(self.database, self._lease, self.holder)
        if stored is not None and stored.lasts(self.clock()):
            return stored
        await self._bury()
        return None

    async def _stored_or_fetched(self) -> _Held:
        # Somebody may have stored one between our look and our lease.
        if (settled := self._settled(*await self._look())) is not None:
            return settled
        try:
            fetched = await self._fetched()
        except ApiRefused as error:
            refused = await self._refused(error)
        else:
            await self._store(fetched)
            return fetched
        raise refused

    def _settled(self, stored: _Held | None, refused: TokenRefused | None) -> _Held | None:
        """What is used without asking the platform. TokenRefused: nothing, and it is not to be asked."""
        if stored is not None and not stored.due(self.clock(), self._margin_seconds):
            return stored
        if refused is None:
            return None
        if stored is not None and stored.lasts(self.clock()):
            return stored
        raise refused

    async def _look(self) -> tuple[_Held | None, TokenRefused | None]:
        """What the database keeps, and the refusal that still holds."""
        now = self.clock()
        wanted = select(WechatToken).where(WechatToken.appid == self.account.appid)
        refusals = select(Lease).where(Lease.name.startswith(self._refusal, autoescape=True), Lease.until > now)
        async with reading(self.database) as connection:
            row = (await connection.execute(wanted)).one_or_none()
            refusal = (await connection.execute(refusals)).first()
        refused = _known_refusal(refusal.name, (refusal.until - now).total_seconds()) if refusal is not None else None
        token = self._seal.opened(row.sealed) if row is not None else None
        if row is None or token is None or token == self._dropped:
            return None, refused
        return _Held(token, row.expires_at, row.fetched_at), refused

    async def _fetched(self) -> _Held:
        """Ask the platform. Raises ApiRefused, ApiUnreachable, ApiUnknown."""
        if not self.account.secret:
            raise ApiUnreachable(PATH, "no AppSecret is set")
        asked_at = self.clock()
        body = {
            "grant_type": "client_credential",
            "appid": self.account.appid,
            "secret": self.account.secret,
            "force_refresh": False,
        }
        call = Call("POST", self.account.api, PATH, content=lambda: json_body(body))

        async def once() -> Json:
            return decoded(PATH, await exchange(self.session, call, self.limits, self.limits.total_seconds))

        token, seconds = _read(await repeated(once, safe=True, limits=self.limits))
        if token == self._dropped:
            self._dropped, self._useless = "", token
            self._useless_until = time.monotonic() + _USELESS_SECONDS
        log.info("wechat_token_fetched expires_in_seconds=%d", seconds)
        return _Held(token, asked_at + timedelta(seconds=seconds), asked_at)

    async def _store(self, held: _Held) -> None:
        values = {
            "sealed": self._seal.closed(held.token),
            "expires_at": held.expires_at,
            "fetched_at": held.fetched_at,
        }
        async with transaction(self.database) as connection:
            insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
            statement = insert(WechatToken).values(appid=self.account.appid, **values)
            await connection.execute(statement.on_conflict_do_update(index_elements=["appid"], set_=values))
            await connection.execute(delete(Lease).where(Lease.name.startswith(self._refusal, autoescape=True)))

    async def _refused(self, error: ApiRefused) -> TokenRefused:
        """Say it once and keep every process from asking for a while."""
        told = TokenRefused(error.path, error.code, error.rid, error.about)
        told.retry_after_seconds = _PAUSE_SECONDS.get(told.reaction, _OTHER_PAUSE_SECONDS)
        log.warning(
            "wechat_token_refused code=%d name=%s about=%s rid=%s pause_seconds=%d",
            *(told.code, told.name, told.about, told.rid, told.retry_after_seconds),
        )
        name = f"{self._refusal}{told.code}"
        await leases.take(self.database, name, self.holder, told.retry_after_seconds, self.clock())
        return told

    async def _bury(self) -> None:
        """Take the lease from a process of this machine that died with it: nobody need wait until it runs out."""
        async with reading(self.database) as connection:
            found = await connection.execute(select(Lease.holder).where(Lease.name == self._lease))
            holder = found.scalar_one_or_none()
        if holder is not None and _here(holder, self.holder) and not leases.lives_here(holder, self.holder):
            await leases.release(self.database, self._lease, holder)


def _here(holder: str, own: str) -> bool:
    return holder.rsplit(":", 2)[0] == own.rsplit(":", 2)[0]


def _known_refusal(name: str, seconds: float) -> TokenRefused:
    return TokenRefused(PATH, int(name.rpartition(":")[2]), retry_after_seconds=seconds)


def _read(answer: Json) -> tuple[str, int]:
    token, seconds = answer.get("access_token"), answer.get("expires_in")
    if not isinstance(token, str) or not 0 < len(token) <= _MOST_TOKEN:
        raise ApiUnknown(PATH, Doubt.SHAPE, "access_token")
    if not isinstance(seconds, int) or seconds <= 0:
        raise ApiUnknown(PATH, Doubt.SHAPE, "expires_in")
    return token, seconds


class _Seal:
    """AES-256-GCM under a key made of the AppSecret, bound to the account. Layout: 12 bytes of nonce, then the rest."""

    def __init__(self, account: Account) -> None:
        key = HKDF(SHA256(), 32, salt=None, info=_INFO).derive(account.secret.encode())
        self._cipher, self._appid = AESGCM(key), account.appid.encode()

    def closed(self, token: str) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, token.encode(), self._appid)

    def opened(self, sealed: bytes) -> str | None:
        """None: sealed with another AppSecret, or damaged."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], self._appid).decode()
        except (InvalidTag, ValueError):
            return None
