"""Customer-service messages and the typing line (sheet 12, 14, 15)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fakes.wechat.account import Kind, Right
from tests.fakes.wechat.codes import RefusedError, error_body
from tests.fakes.wechat.replies import CONTENT_BYTES
from tests.fakes.wechat.server import Answer, Call, Route
from tests.fakes.wechat.users import By, Option, Shown, bubble
from tests.fakes.wechat.windows import Verdict

if TYPE_CHECKING:
    from tests.fakes.wechat.platform import WechatPlatform
    from tests.fakes.wechat.user import User

SEND = "/cgi-bin/message/custom/send"
TYPING = "/cgi-bin/message/custom/typing"
_MEDIA = {"image": "image", "voice": "voice", "video": "video", "music": "thumb"}
_OTHERS = {"mpnewsarticle": "article_id", "miniprogrampage": "pagepath"}
_KINDS = {"text", "news", "msgmenu", *_MEDIA, *_OTHERS}
# The limits of the WeCom counterpart, which the sheet tells to stay within (12.4).
_MENU_ITEMS = 10
_ITEM_BYTES = 128
_HEAD_BYTES = 1024


class Sending:
    def __init__(self, platform: WechatPlatform) -> None:
        self._platform = platform

    def routes(self) -> list[Route]:
        return [
            Route("POST", SEND, self.send, Right.SEND, content_type="text/plain"),
            Route("POST", TYPING, self.typing, Right.SEND),
        ]

    def send(self, call: Call) -> Answer:
        user = self._platform.known(call.text("touser", 40003))
        shown = self._shown(call.body)
        now = self._platform.clock()
        verdict = user.state.windows.spend(now) if user.state.following else Verdict.CLOSED
        if verdict is not Verdict.SENT:
            raise RefusedError(int(verdict))
        user.state.last_exchange, user.state.typing_until = now, None
        user.screen.show(shown)
        return error_body(0)

    def typing(self, call: Call) -> Answer:
        user, now = self._platform.known(call.text("touser", 40003)), self._platform.clock()
        command = call.body.get("command")
        if command not in ("Typing", "CancelTyping"):
            raise RefusedError(45072)
        if command == "CancelTyping":
            user.state.typing_until = None
            return error_body(0)
        self._may_type(user)
        user.state.begin_typing(now)
        return error_body(0)

    def _may_type(self, user: User) -> None:
        now = self._platform.clock()
        if not user.state.following or not user.state.windows.valid(now):
            raise RefusedError(45015)
        if not user.state.exchanged(now):
            raise RefusedError(45080)
        if user.state.types(now):
            raise RefusedError(45081)

    def _shown(self, body: dict[str, Any]) -> Shown:
        """The bubble that a body makes; RefusedError when it makes none."""
        kind = body.get("msgtype")
        if kind not in _KINDS:
            raise RefusedError(40008)
        content = body.get(kind)
        unknown = set(body) - {"touser", "msgtype", kind, "customservice", "aimsgcontext"}
        if not isinstance(content, dict) or unknown:
            raise RefusedError(47001)
        more: dict[str, Any] = {"ai": _is_ai(body), "agent": _agent(body), "kind": kind}
        now = self._platform.clock()
        if kind == "text":
            return bubble(_content(content.get("content")), By.CUSTOM, now, **more)
        if kind == "msgmenu":
            return self._menu(content, more)
        if kind == "news":
            return bubble(_articles(content), By.CUSTOM, now, **more)
        media_id = self._media(kind, content) if kind in _MEDIA else None
        return bubble(str(content.get("title") or ""), By.CUSTOM, now, media_id=media_id, **more)

    def _menu(self, content: dict[str, Any], more: dict[str, Any]) -> Shown:
        if self._platform.account.kind is not Kind.SERVICE:
            raise RefusedError(40200)
        items = content.get("list")
        if not isinstance(items, list) or not items:
            raise RefusedError(47001)
        if len(items) > _MENU_ITEMS:
            raise RefusedError(45098)
        options = tuple(_option(item) for item in items)
        ends = [content[name] for name in ("head_content", "tail_content") if content.get(name)]
        if any(not isinstance(end, str) for end in ends):
            raise RefusedError(47001)
        if any(len(end.encode()) > _HEAD_BYTES for end in ends):
            raise RefusedError(45002)
        return bubble("\n".join(ends), By.CUSTOM, self._platform.clock(), options=options, **more)

    def _media(self, kind: str, content: dict[str, Any]) -> str:
        media_id = content.get("thumb_media_id" if kind == "music" else "media_id")
        if not isinstance(media_id, str) or self._platform.media.of(media_id) is None:
            raise RefusedError(40007)
        return media_id


def _content(text: object) -> str:
    if not isinstance(text, str):
        raise RefusedError(47001)
    if not text.strip():
        raise RefusedError(44004)
    if len(text.encode("utf-8", "surrogatepass")) > CONTENT_BYTES:
        raise RefusedError(45002)
    return text


def _option(item: object) -> Option:
    if not isinstance(item, dict) or not isinstance(item.get("id"), str) or not isinstance(item.get("content"), str):
        raise RefusedError(47001)
    if not item["id"] or not item["content"].strip() or set(item) != {"id", "content"}:
        raise RefusedError(47001)
    if len(item["content"].encode()) > _ITEM_BYTES:
        raise RefusedError(45099)
    return Option(item["id"], item["content"])


def _articles(content: dict[str, Any]) -> str:
    articles = content.get("articles")
    if not isinstance(articles, list) or not articles:
        raise RefusedError(47001)
    if len(articles) > 1:
        raise RefusedError(45008)
    return str(articles[0].get("title") or "")


def _is_ai(body: dict[str, Any]) -> bool:
    context = body.get("aimsgcontext", {})
    if not isinstance(context, dict) or context.get("is_ai_msg", 0) not in (0, 1):
        raise RefusedError(47001)
    return bool(context.get("is_ai_msg", 0))


def _agent(body: dict[str, Any]) -> str | None:
    agent = body.get("customservice", {})
    if not isinstance(agent, dict):
        raise RefusedError(47001)
    return agent.get("kf_account")
