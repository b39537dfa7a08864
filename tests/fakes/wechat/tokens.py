"""access_token: two isolated kinds, who may fetch them, and how long they live (sheet 11)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tests.fakes.wechat.codes import RefusedError
from tests.fakes.wechat.server import Answer, Call, Route

if TYPE_CHECKING:
    from tests.fakes.wechat.platform import WechatPlatform

_LIFE = timedelta(seconds=7200)
_OVERLAP = timedelta(minutes=5)
_FORCED_A_DAY = 20
_FORCED_APART = timedelta(seconds=30)
_MOST_KNOWN = 1000


@dataclass
class Token:
    text: str
    expires_at: datetime


class Tokens:
    """`whitelist` None: any address may fetch. `whitelist_code` may be 61004 as well (28, 9)."""

    def __init__(self, platform: WechatPlatform) -> None:
        self._platform = platform
        self.whitelist: set[str] | None = None
        self.whitelist_code = 40164
        self.life = _LIFE
        self.fetched = 0
        self._known: dict[str, Token] = {}
        self._current: dict[str, Token] = {}
        self._forced: list[datetime] = []

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/cgi-bin/token", self.plain, token=False),
            Route("POST", "/cgi-bin/stable_token", self.stable, token=False),
        ]

    def check(self, given: str | None) -> None:
        """RefusedError unless a call may be made with this token."""
        if not given:
            raise RefusedError(41001)
        token = self._known.get(given)
        if token is None:
            raise RefusedError(40001)
        if token.expires_at <= self._platform.clock():
            raise RefusedError(42001)

    def expire(self) -> None:
        """All tokens end now, as though their time were over."""
        for token in self._known.values():
            token.expires_at = self._platform.clock()
        self._current.clear()

    def revoke(self) -> None:
        """All tokens are unknown from now on, as after a forced refresh by somebody else."""
        self._known.clear()
        self._current.clear()

    def plain(self, call: Call) -> Answer:
        if call.query.get("grant_type") != "client_credential":
            raise RefusedError(40002)
        self._admit(call, call.query.get("appid"), call.query.get("secret"))
        now = self._platform.clock()
        if (old := self._current.get("plain")) is not None:
            old.expires_at = min(old.expires_at, now + _OVERLAP)
        return self._given("plain", now)

    def stable(self, call: Call) -> Answer:
        if call.body.get("grant_type") != "client_credential":
            raise RefusedError(40002)
        self._admit(call, call.body.get("appid"), call.body.get("secret"))
        now, current = self._platform.clock(), self._current.get("stable")
        if call.body.get("force_refresh") is True:
            self._force(now, current)
        elif current is not None and current.expires_at - now > _OVERLAP:
            return _answer(current, now)
        return self._given("stable", now)

    def _admit(self, call: Call, appid: object, secret: object) -> None:
        if not appid or not secret:
            raise RefusedError(41002 if not appid else 41004)
        if appid != self._platform.account.appid:
            raise RefusedError(40013)
        if secret != self._platform.account.secret:
            raise RefusedError(40125)
        address = call.request.remote or ""
        if self.whitelist is not None and address not in self.whitelist:
            raise RefusedError(self.whitelist_code, address)

    def _force(self, now: datetime, current: Token | None) -> None:
        self._forced = [at for at in self._forced if now - at < timedelta(days=1)]
        if len(self._forced) >= _FORCED_A_DAY:
            raise RefusedError(45009)
        if self._forced and now - self._forced[-1] < _FORCED_APART:
            raise RefusedError(45011)
        self._forced.append(now)
        if current is not None:
            self._known.pop(current.text, None)

    def _given(self, kind: str, now: datetime) -> Answer:
        self.fetched += 1
        token = Token(f"{self.fetched}_{secrets.token_urlsafe(96)}", now + self.life)
        self._known[token.text] = self._current[kind] = token
        while len(self._known) > _MOST_KNOWN:
            del self._known[next(iter(self._known))]
        return _answer(token, now)


def _answer(token: Token, now: datetime) -> Answer:
    return {"access_token": token.text, "expires_in": int((token.expires_at - now).total_seconds())}
