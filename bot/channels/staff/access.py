"""The one gate of the staff interface: whose token it is, and whether that member may do this."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from enum import StrEnum

from aiohttp import web

from bot.channels.web.keys import address
from bot.conversations.handover import Handover
from bot.db.engine import transaction
from bot.errors import Code, RequestError
from bot.handoff import staff
from bot.handoff.staff import Role, StaffMember

StaffHandler = Callable[[web.Request, StaffMember], Awaitable[web.StreamResponse]]
_BEARER = "Bearer "
_WINDOW_SECONDS = 60.0
# A forgotten page with an old token tries for ever; it must not use up what its whole office has.
_MOST_OF_A_TOKEN = 5
_MOST_OF_AN_ADDRESS = 30
_MOST_NAMES = 20_000


class Permission(StrEnum):
    """What a route asks for."""

    SELF = "self"
    DESK = "desk"
    CALL_BACKS = "call_backs"
    WATCH = "watch"
    UNMASK = "unmask"
    CONTENT = "content"
    BOOKINGS = "bookings"
    ADMIN = "admin"


_OPERATOR = frozenset({Permission.SELF, Permission.DESK, Permission.CALL_BACKS})
PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.OPERATOR: _OPERATOR,
    Role.SUPERVISOR: _OPERATOR | {Permission.WATCH, Permission.UNMASK},
    Role.EDITOR: frozenset({Permission.SELF, Permission.CONTENT}),
    Role.BOOKING: frozenset({Permission.SELF, Permission.BOOKINGS}),
    Role.ADMIN: frozenset({Permission.SELF, Permission.ADMIN}),
}


class FailedTries:
    """How often a wrong token was shown, by token and by address, within a minute. Pure: the time is given."""

    def __init__(self) -> None:
        self._counts: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wait(self, limits: dict[str, int], now: float) -> int | None:
        """After how many whole seconds another try is taken; None when it is taken now."""
        waits = [until - now for name, most in limits.items() if (until := self._full(name, most, now)) is not None]
        return max(1, math.ceil(max(waits))) if waits else None

    def count(self, limits: dict[str, int], now: float) -> None:
        for name in limits:
            count, until = self._counts.pop(name, (0, now + _WINDOW_SECONDS))
            self._counts[name] = (count + 1, until) if until > now else (1, now + _WINDOW_SECONDS)
            if len(self._counts) > _MOST_NAMES:
                self._counts.popitem(last=False)

    def _full(self, name: str, most: int, now: float) -> float | None:
        count, until = self._counts.get(name, (0, now))
        return until if count >= most and until > now else None


HANDOVER: web.AppKey[Handover] = web.AppKey("handover", Handover)
FAILED: web.AppKey[FailedTries] = web.AppKey("failed", FailedTries)


def permissions(member: StaffMember) -> frozenset[Permission]:
    return frozenset(permission for role in member.roles for permission in PERMISSIONS[role])


def gate(permission: Permission, handler: StaffHandler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """A route's handler that is reached only with a token whose member has the permission: else 401 or 403."""

    async def guarded(request: web.Request) -> web.StreamResponse:
        header = request.headers.get("Authorization", "")
        if not header.startswith(_BEARER):
            raise bad_token()
        member = await member_of(request, header.removeprefix(_BEARER))
        if permission not in permissions(member):
            raise RequestError(Code.FORBIDDEN, f"this needs the permission {permission}", 403)
        return await handler(request, member)

    return guarded


async def member_of(request: web.Request, token: str) -> StaffMember:
    """Whose token it is. RequestError 401 for a wrong one, 429 after too many of them."""
    failed, now = request.app[FAILED], time.monotonic()
    limits = {f"t:{staff.token_hash(token)}": _MOST_OF_A_TOKEN, f"a:{address(request)}": _MOST_OF_AN_ADDRESS}
    wait = failed.wait(limits, now)
    if wait is not None:
        raise RequestError(Code.RATE_LIMITED, f"too many failed tries; again in {wait} s", 429, wait)
    async with transaction(request.app[HANDOVER].database) as connection:
        member = await staff.by_token(connection, token)
    if member is None:
        failed.count(limits, now)
        raise bad_token()
    return member


def bad_token() -> RequestError:
    return RequestError(Code.BAD_TOKEN, "this needs a staff member's token", 401)
