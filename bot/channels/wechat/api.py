"""The platform's calls that the channel needs. Each raises ApiRefused, ApiUnreachable or ApiUnknown.

A message to a person is never sent twice: it is repeated only when nothing was sent, or when the platform refused the
access token. Whoever cancels a call must take its end for unknown.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

import aiohttp

from bot.channels.wechat.account import Account
from bot.channels.wechat.api_errors import ApiRefused, ApiUnknown, Doubt, MediaTooLarge
from bot.channels.wechat.codes import NO_MENU, Reaction
from bot.channels.wechat.wire import Answer, Body, Call, Json, Limits, decoded, exchange, json_body, parsed, repeated
from bot.errors import LinliError

log = logging.getLogger("linli.wechat")
_Result = TypeVar("_Result")

_SEND = "/cgi-bin/message/custom/send"
_TYPING = "/cgi-bin/message/custom/typing"
_MEDIA = "/cgi-bin/media/get"
_QR_IMAGE = "/cgi-bin/showqrcode"
# Pictures of QR codes come from another host than everything else.
_QR_BASE = "https://mp.weixin.qq.com"
_PLATFORM = "weixin.qq.com"
_MOST_QR_BYTES = 1_000_000
# Followers that one tagging call may name.
_BATCH = 50
# An error instead of a file is short.
_MOST_ERROR_BYTES = 4096
_IMAGE_KINDS = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}
_TEXTS = frozenset({"application/json", "text/plain", "text/html", "text/json"})


@dataclass(frozen=True)
class Media:
    data: bytes = field(repr=False)
    content_type: str


@dataclass(frozen=True)
class QrTicket:
    """`url` is what the code says; `ticket` fetches its picture."""

    ticket: str
    url: str


class Tokens(Protocol):
    """bot/channels/wechat/tokens.py, or what a command has at hand."""

    async def get(self) -> str: ...

    async def dropped(self, token: str) -> None: ...


@dataclass
class WechatApi:
    account: Account
    tokens: Tokens
    session: aiohttp.ClientSession
    limits: Limits = field(default_factory=Limits)

    async def send_text(self, openid: str, text: str, *, machine: bool) -> None:
        await self._send(openid, "text", {"content": text}, machine=machine)

    async def send_menu(
        self, openid: str, head: str, items: Sequence[tuple[str, str]], tail: str, *, machine: bool
    ) -> None:
        """`items`: (id, content)."""
        menu: Json = {"list": [{"id": key, "content": content} for key, content in items]}
        menu |= {name: text for name, text in (("head_content", head), ("tail_content", tail)) if text}
        await self._send(openid, "msgmenu", menu, machine=machine)

    async def send_image(self, openid: str, media_id: str, *, machine: bool = False) -> None:
        await self._send(openid, "image", {"media_id": media_id}, machine=machine)

    async def typing(self, openid: str, on: bool) -> None:
        """Show or hide that an answer is being written. A nicety: whatever goes wrong is not the caller's matter."""
        body = {"touser": openid, "command": "Typing" if on else "CancelTyping"}
        try:
            await self._ask("POST", _TYPING, body, safe=False, seconds=self.limits.typing_seconds)
        except LinliError as error:
            log.debug("wechat_typing_failed type=%s", type(error).__name__)

    async def upload_image(self, data: bytes, name: str = "image") -> str:
        """The media id, good for three days."""
        path = "/cgi-bin/media/upload"

        def content() -> aiohttp.FormData:
            form = aiohttp.FormData()
            form.add_field("media", data, filename=name, content_type=_image_kind(data))
            return form

        answer = await self._exchange(
            "POST", path, {"type": "image"}, content, safe=True, seconds=self.limits.media_seconds
        )
        return str(_member(path, answer, "media_id", str))

    async def download(self, media_id: str, limit_bytes: int) -> Media:
        """A file that a person sent. Raises MediaTooLarge too; a video is none (ApiUnknown): it comes as an address."""
        return await self._renewing(lambda token: self._downloaded(token, media_id, limit_bytes))

    async def create_menu(self, body: Mapping[str, Any]) -> None:
        """Replace the default menu."""
        await self._ask("POST", "/cgi-bin/menu/create", body, safe=True)

    async def delete_menus(self) -> None:
        """All of them, conditional ones too."""
        await self._ask("GET", "/cgi-bin/menu/delete", safe=True)

    async def menus(self) -> Json:
        """The menus made by calls: `menu`, and `conditionalmenu` with their ids; {} when there are none."""
        try:
            return await self._ask("GET", "/cgi-bin/menu/get", safe=True)
        except ApiRefused as error:
            if error.code == NO_MENU:
                return {}
            raise

    async def current_menu(self) -> Json | None:
        """What users see now, made by calls or in the console; None when there is no menu."""
        found = await self._ask("GET", "/cgi-bin/get_current_selfmenu_info", safe=True)
        return found if found.get("is_menu_open") else None

    async def add_conditional(self, body: Mapping[str, Any]) -> str:
        """The menu's id."""
        path = "/cgi-bin/menu/addconditional"
        return str(_member(path, await self._ask("POST", path, body, safe=False), "menuid", str, int))

    async def delete_conditional(self, menu_id: str) -> None:
        await self._ask("POST", "/cgi-bin/menu/delconditional", {"menuid": menu_id}, safe=True)

    async def try_match(self, openid: str) -> Json:
        """The menu that this person sees."""
        return await self._ask("POST", "/cgi-bin/menu/trymatch", {"user_id": openid}, safe=True)

    async def create_tag(self, name: str) -> int:
        path = "/cgi-bin/tags/create"
        tag = _member(path, await self._ask("POST", path, {"tag": {"name": name}}, safe=False), "tag", dict)
        return int(_member(path, tag, "id", int))

    async def tags(self) -> dict[str, int]:
        """Their ids by name."""
        path = "/cgi-bin/tags/get"
        found = _member(path, await self._ask("GET", path, safe=True), "tags", list)
        return {str(_member(path, tag, "name", str)): int(_member(path, tag, "id", int)) for tag in found}

    async def tag(self, openids: Sequence[str], tagid: int) -> None:
        await self._tagging("/cgi-bin/tags/members/batchtagging", openids, tagid)

    async def untag(self, openids: Sequence[str], tagid: int) -> None:
        await self._tagging("/cgi-bin/tags/members/batchuntagging", openids, tagid)

    async def create_qr(self, scene: str, seconds: int | None) -> QrTicket:
        """`seconds`: at most 30 days; None: for good (an account has 100 000 of those)."""
        path = "/cgi-bin/qrcode/create"
        body: Json = {"action_name": "QR_LIMIT_STR_SCENE", "action_info": {"scene": {"scene_str": scene}}}
        if seconds is not None:
            body |= {"action_name": "QR_STR_SCENE", "expire_seconds": seconds}
        found = await self._ask("POST", path, body, safe=True)
        return QrTicket(str(_member(path, found, "ticket", str)), str(_member(path, found, "url", str)))

    async def qr_image(self, ticket: str) -> bytes:
        """JPEG."""
        call = Call("GET", self._qr_base, _QR_IMAGE, {"ticket": ticket}, most_bytes=_MOST_QR_BYTES)

        async def once() -> bytes:
            answer = await exchange(self.session, call, self.limits, self.limits.media_seconds)
            if answer.status != 200 or not answer.content_type.startswith("image/"):
                decoded(_QR_IMAGE, answer)
                raise ApiUnknown(_QR_IMAGE, Doubt.SHAPE, "no picture")
            return answer.data

        return await repeated(once, safe=True, limits=self.limits)

    async def send_template(
        self, openid: str, template_id: str, data: Mapping[str, Any], url: str | None, client_msg_id: str
    ) -> int:
        """The message's id. `data`: {"value": …} by field.

        The platform sends a `client_msg_id` once, so a doubtful end is repeated.
        """
        path = "/cgi-bin/message/template/send"
        body: Json = {"touser": openid, "template_id": template_id, "client_msg_id": client_msg_id, "data": data}
        if url:
            body["url"] = url
        return int(_member(path, await self._ask("POST", path, body, safe=bool(client_msg_id)), "msgid", int))

    async def send_subscription(self, openid: str, template_id: str, data: Mapping[str, Any], page: str | None) -> None:
        body: Json = {"touser": openid, "template_id": template_id, "data": data}
        if page:
            body["page"] = page
        await self._ask("POST", "/cgi-bin/message/subscribe/bizsend", body, safe=False)

    async def user_info(self, openid: str) -> Json:
        return await self._ask("GET", "/cgi-bin/user/info", query={"openid": openid}, safe=True)

    async def callback_addresses(self) -> list[str]:
        """Where pushes come from: addresses, some with a prefix length."""
        path = "/cgi-bin/getcallbackip"
        return [str(item) for item in _member(path, await self._ask("GET", path, safe=True), "ip_list", list)]

    async def quota(self, path: str) -> Json:
        """daily_limit, used, remain of the call with this path."""
        own = "/cgi-bin/openapi/quota/get"
        found: Json = _member(own, await self._ask("POST", own, {"cgi_path": path}, safe=True), "quota", dict)
        return found

    @property
    def _qr_base(self) -> str:
        host = urlsplit(self.account.api).hostname or ""
        return _QR_BASE if host == _PLATFORM or host.endswith(f".{_PLATFORM}") else self.account.api

    async def _send(self, openid: str, kind: str, content: Json, *, machine: bool) -> None:
        body: Json = {"touser": openid, "msgtype": kind, kind: content}
        if machine:
            body["aimsgcontext"] = {"is_ai_msg": 1}
        await self._ask("POST", _SEND, body, safe=False)

    async def _tagging(self, path: str, openids: Sequence[str], tagid: int) -> None:
        for start in range(0, len(openids), _BATCH):
            body = {"openid_list": list(openids[start : start + _BATCH]), "tagid": tagid}
            await self._ask("POST", path, body, safe=True)

    async def _ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        safe: bool,
        query: Mapping[str, str] | None = None,
        seconds: float | None = None,
    ) -> Json:
        """`safe`: doing it twice does no harm."""

        def content() -> Body | None:
            return json_body(body) if body is not None else None

        return await self._exchange(
            method, path, query or {}, content, safe=safe, seconds=seconds or self.limits.total_seconds
        )

    async def _exchange(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        content: Callable[[], Body | aiohttp.FormData | None],
        *,
        safe: bool,
        seconds: float,
    ) -> Json:
        async def with_token(token: str) -> Json:
            call = Call(method, self.account.api, path, {**query, "access_token": token}, content)

            async def once() -> Json:
                return decoded(path, await exchange(self.session, call, self.limits, seconds))

            return await repeated(once, safe=safe, limits=self.limits)

        return await self._renewing(with_token)

    async def _renewing(self, with_token: Callable[[str], Awaitable[_Result]]) -> _Result:
        """With another access token once more when the platform does not take this one; never a third time."""
        token = await self.tokens.get()
        try:
            return await with_token(token)
        except ApiRefused as error:
            if error.reaction is not Reaction.RENEW:
                raise
            log.info("wechat_token_not_taken code=%d rid=%s", error.code, error.rid)
        await self.tokens.dropped(token)
        return await with_token(await self.tokens.get())

    async def _downloaded(self, token: str, media_id: str, limit_bytes: int) -> Media:
        query = {"access_token": token, "media_id": media_id}
        most = max(limit_bytes, _MOST_ERROR_BYTES)
        call = Call("GET", self.account.api, _MEDIA, query, most_bytes=most)

        async def once() -> Media:
            return _media(await exchange(self.session, call, self.limits, self.limits.media_seconds), limit_bytes)

        try:
            return await repeated(once, safe=True, limits=self.limits)
        except ApiUnknown as error:
            if error.doubt is Doubt.SIZE:
                raise MediaTooLarge(limit_bytes) from None
            raise


def _media(answer: Answer, limit_bytes: int) -> Media:
    """Errors come with status 200 too, and a video as JSON: by the content type, else by a short body that parses."""
    text = answer.content_type in _TEXTS
    short = len(answer.data) <= _MOST_ERROR_BYTES and answer.content_type.partition("/")[0] not in ("image", "audio")
    if answer.status != 200 or text or (short and parsed(answer.data) is not None):
        decoded(_MEDIA, answer)
        raise ApiUnknown(_MEDIA, Doubt.SHAPE, "no file")
    if len(answer.data) > limit_bytes:
        raise MediaTooLarge(limit_bytes)
    return Media(answer.data, answer.content_type)


def _member(path: str, found: Any, name: str, *kinds: type) -> Any:
    """Raises ApiUnknown when the platform's answer lacks it."""
    value = found.get(name) if isinstance(found, dict) else None
    if not isinstance(value, kinds) or isinstance(value, bool):
        raise ApiUnknown(path, Doubt.SHAPE, name)
    return value


def _image_kind(data: bytes) -> str:
    found = (kind for magic, kind in _IMAGE_KINDS.items() if data.startswith(magic))
    return next(found, "application/octet-stream")
