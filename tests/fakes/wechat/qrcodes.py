"""QR codes with a scene (sheet 21)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.fakes.wechat.account import Right
from tests.fakes.wechat.codes import RefusedError
from tests.fakes.wechat.media import JPEG
from tests.fakes.wechat.server import Answer, Call, Route

if TYPE_CHECKING:
    from tests.fakes.wechat.platform import WechatPlatform

_DEFAULT_SECONDS = 60
_MOST_SECONDS = 2_592_000
_MOST_PERMANENT = 100_000


@dataclass(frozen=True)
class Printed:
    """A code; `expires_at` None: for ever."""

    scene: str
    expires_at: datetime | None


class Codes:
    """`showqrcode` stands on the same host as the API here; at WeChat it is mp.weixin.qq.com."""

    def __init__(self, platform: WechatPlatform) -> None:
        self._platform = platform
        self.printed: dict[str, Printed] = {}

    def routes(self) -> list[Route]:
        return [
            Route("POST", "/cgi-bin/qrcode/create", self.create, Right.CODES, content_type="text/plain"),
            Route("GET", "/cgi-bin/showqrcode", self.show, token=False),
        ]

    def create(self, call: Call) -> Answer:
        action, scene = call.body.get("action_name"), _scene(call.body)
        permanent = action in ("QR_LIMIT_SCENE", "QR_LIMIT_STR_SCENE")
        if action in ("QR_STR_SCENE", "QR_LIMIT_STR_SCENE"):
            text = _text(scene.get("scene_str"))
        elif action in ("QR_SCENE", "QR_LIMIT_SCENE"):
            text = _number(scene.get("scene_id"), _MOST_PERMANENT if permanent else 2**32 - 1)
        else:
            raise RefusedError(47001)
        seconds = None if permanent else _seconds(call.body.get("expire_seconds", _DEFAULT_SECONDS))
        ticket = f"gQ{secrets.token_urlsafe(60)}+/=="
        ends = None if seconds is None else self._platform.clock() + timedelta(seconds=seconds)
        self.printed[ticket] = Printed(text, ends)
        more = {} if seconds is None else {"expire_seconds": seconds}
        return {"ticket": ticket, **more, "url": f"http://weixin.qq.com/q/{secrets.token_hex(10)}"}

    def show(self, call: Call) -> Answer:
        found = self.printed.get(call.query.get("ticket", ""))
        if found is None or (found.expires_at is not None and found.expires_at <= self._platform.clock()):
            return web.Response(status=404)
        return web.Response(body=JPEG, content_type="image/jpg")

    def scene_of(self, ticket: str) -> str:
        """KeyError for a code that was never printed; LookupError for one that is over."""
        found = self.printed[ticket]
        if found.expires_at is not None and found.expires_at <= self._platform.clock():
            raise LookupError("the code is over")
        return found.scene


def _scene(body: dict[str, Any]) -> dict[str, Any]:
    info = body.get("action_info")
    scene = info.get("scene") if isinstance(info, dict) else None
    if not isinstance(scene, dict):
        raise RefusedError(47001)
    return scene


def _text(scene: object) -> str:
    if not isinstance(scene, str) or not 1 <= len(scene) <= 64:
        raise RefusedError(47001)
    return scene


def _number(scene: object, most: int) -> str:
    if not isinstance(scene, int) or not 1 <= scene <= most:
        raise RefusedError(47001)
    return str(scene)


def _seconds(given: object) -> int:
    if not isinstance(given, int) or not 1 <= given <= _MOST_SECONDS:
        raise RefusedError(47001)
    return given
