"""Files that live three days (sheet 20)."""

from __future__ import annotations

import base64
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

from aiohttp import BodyPartReader, web

from tests.fakes.wechat.account import Right
from tests.fakes.wechat.codes import RefusedError
from tests.fakes.wechat.server import Answer, Call, Route

if TYPE_CHECKING:
    from tests.fakes.wechat.platform import WechatPlatform

_LIFE = timedelta(days=3)
_MOST_BYTES_KEPT = 64 * 1024 * 1024
_MB = 1024 * 1024
# type -> most bytes, first bytes that such a file may have, error for a file that is too large.
_KINDS: dict[str, tuple[int, tuple[bytes, ...], int]] = {
    "image": (10 * _MB, (b"\x89PNG", b"\xff\xd8\xff", b"GIF8"), 40009),
    "voice": (2 * _MB, (b"#!AMR", b"ID3", b"\xff\xfb"), 40010),
    "video": (10 * _MB, (), 45001),
    "thumb": (64 * 1024, (b"\xff\xd8\xff",), 40009),
}
_TYPES = {"image": "image/jpeg", "voice": "audio/amr", "thumb": "image/jpeg"}
# A white square of one pixel.
JPEG = base64.b64decode(
    "/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAP//////////////////////////////////////////////////////////////////////////////"
    "////////wAALCAABAAEBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAAA//EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8AN//Z"
)


@dataclass(frozen=True)
class Medium:
    kind: str
    data: bytes
    expires_at: datetime


class Media:
    example: ClassVar[bytes] = JPEG

    def __init__(self, platform: WechatPlatform) -> None:
        self._platform = platform
        self._kept: dict[str, Medium] = {}
        self._bytes = 0

    def routes(self) -> list[Route]:
        return [
            Route("POST", "/cgi-bin/media/upload", self.upload, Right.MEDIA, is_json=False, content_type="text/plain"),
            Route("GET", "/cgi-bin/media/get", self.get, Right.MEDIA),
        ]

    def keep(self, kind: str, data: bytes) -> str:
        """Its media id. What is oldest goes when there is no more room."""
        media_id = secrets.token_urlsafe(48)
        self._kept[media_id] = Medium(kind, data, self._platform.clock() + _LIFE)
        self._bytes += len(data)
        while self._bytes > _MOST_BYTES_KEPT:
            self._bytes -= len(self._kept.pop(next(iter(self._kept))).data)
        return media_id

    def of(self, media_id: str) -> Medium | None:
        found = self._kept.get(media_id)
        return found if found is not None and self._platform.clock() < found.expires_at else None

    def get(self, call: Call) -> Answer:
        media_id = call.query.get("media_id")
        if not media_id:
            raise RefusedError(41006)
        found = self.of(media_id)
        if found is None:
            raise RefusedError(40007)
        if found.kind == "video":
            return {"video_url": f"{self._platform.url}/video/{media_id}"}
        name = f'attachment; filename="{media_id}.{"amr" if found.kind == "voice" else "jpg"}"'
        return web.Response(body=found.data, content_type=_TYPES[found.kind], headers={"Content-disposition": name})

    async def upload(self, call: Call) -> Answer:
        kind = call.query.get("type", "")
        if kind not in _KINDS:
            raise RefusedError(40004)
        most, starts, too_large = _KINDS[kind]
        data = await _file(call.request, most, RefusedError(too_large))
        if starts and not data.startswith(starts):
            raise RefusedError(40005)
        now = int(self._platform.clock().timestamp())
        return {"type": kind, "media_id": self.keep(kind, data), "created_at": now}


async def _file(request: web.Request, most: int, too_large: RefusedError) -> bytes:
    """The bytes of the field `media`."""
    if not re.match("multipart/form-data", request.content_type):
        raise RefusedError(41005)
    async for part in await request.multipart():
        if isinstance(part, BodyPartReader) and part.name == "media" and part.filename:
            data = bytes(await part.read())
            if len(data) > most:
                raise too_large
            if data:
                return data
    raise RefusedError(41005)
