"""Menus, the default one and those for a tag (sheet 17)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.fakes.wechat.account import Right
from tests.fakes.wechat.codes import RefusedError, error_body
from tests.fakes.wechat.server import Answer, Call, Route

if TYPE_CHECKING:
    from tests.fakes.wechat.platform import WechatPlatform
    from tests.fakes.wechat.user import User

_KEYED = {
    "click",
    "scancode_push",
    "scancode_waitmsg",
    "pic_sysphoto",
    "pic_photo_or_album",
    "pic_weixin",
    "location_select",
}
_TYPES = _KEYED | {"view", "miniprogram", "media_id", "article_id", "article_view_limited"}
_GONE_RULES = {"language", "sex", "country", "province", "city", "client_platform_type"}
_KEY_BYTES = 128
_URL_BYTES = 1024
_MOST_DOMAINS = 3
_MOST_CONDITIONAL = 50


@dataclass(frozen=True)
class Level:
    """What holds for the buttons of one level: their number, the bytes of a name, and the codes of each fault."""

    most: int
    name_bytes: int
    count_code: int
    type_code: int
    name_code: int
    key_code: int
    url_code: int


_FIRST = Level(3, 16, 40016, 40017, 40018, 40019, 40020)
_SECOND = Level(5, 60, 40023, 40024, 40025, 40026, 40027)


@dataclass(frozen=True)
class Conditional:
    menu_id: int
    tag: int
    buttons: list[dict[str, Any]]


class Menus:
    def __init__(self, platform: WechatPlatform) -> None:
        self._platform = platform
        self.default: list[dict[str, Any]] | None = None
        self.default_id = 0
        self.conditional: list[Conditional] = []
        self._last_id = 208_379_532

    def routes(self) -> list[Route]:
        def post(name: str, handler: Any) -> Route:
            return Route("POST", f"/cgi-bin/menu/{name}", handler, Right.MENU)

        return [
            post("create", self.create),
            post("addconditional", self.add_conditional),
            post("delconditional", self.delete_conditional),
            post("trymatch", self.try_match),
            Route("GET", "/cgi-bin/menu/get", self.get, Right.MENU),
            Route("GET", "/cgi-bin/menu/delete", self.delete, Right.MENU),
            Route("GET", "/cgi-bin/get_current_selfmenu_info", self.current, Right.MENU),
        ]

    def seen_by(self, user: User) -> list[dict[str, Any]]:
        """The menu of this user: the newest one for the tag set last, else the default one."""
        tag = user.state.tags[-1] if user.state.tags else None
        fitting = [menu.buttons for menu in self.conditional if menu.tag == tag]
        return fitting[-1] if fitting else self.default or []

    def create(self, call: Call) -> Answer:
        if set(call.body) != {"button"}:
            raise RefusedError(47001)
        buttons = _checked(call.body["button"], _FIRST)
        self._check_domains([buttons, *(menu.buttons for menu in self.conditional)])
        self.default, self.default_id = buttons, self._new_id()
        return error_body(0)

    def add_conditional(self, call: Call) -> Answer:
        if self.default is None:
            raise RefusedError(65303)
        buttons = _checked(call.body.get("button"), _FIRST)
        tag = self._tag(call.body.get("matchrule"))
        if len(self.conditional) >= _MOST_CONDITIONAL:
            raise RefusedError(65305)
        self._check_domains([buttons, self.default, *(menu.buttons for menu in self.conditional)])
        self.conditional.append(Conditional(self._new_id(), tag, buttons))
        return {"menuid": str(self.conditional[-1].menu_id)}

    def delete_conditional(self, call: Call) -> Answer:
        wanted = str(call.body.get("menuid"))
        kept = [menu for menu in self.conditional if str(menu.menu_id) != wanted]
        if len(kept) == len(self.conditional):
            raise RefusedError(65301)
        self.conditional = kept
        return error_body(0)

    def try_match(self, call: Call) -> Answer:
        user = self._platform.known(call.text("user_id", 40003))
        return {"button": self.seen_by(user)}

    def get(self, _call: Call) -> Answer:
        if self.default is None:
            raise RefusedError(46003)
        found: dict[str, Any] = {"menu": {"button": self.default, "menuid": self.default_id}}
        if self.conditional:
            # Newest first, as they are matched.
            found["conditionalmenu"] = [
                {"button": menu.buttons, "matchrule": {"group_id": str(menu.tag)}, "menuid": menu.menu_id}
                for menu in reversed(self.conditional)
            ]
        return found

    def delete(self, _call: Call) -> Answer:
        self.default, self.conditional = None, []
        return error_body(0)

    def current(self, _call: Call) -> Answer:
        if self.default is None:
            return {"is_menu_open": 0}
        buttons = [_listed(button) for button in self.default]
        return {"is_menu_open": 1, "selfmenu_info": {"button": buttons}}

    def _tag(self, rule: Any) -> int:
        if not isinstance(rule, dict) or not rule:
            raise RefusedError(65304)
        if set(rule) & _GONE_RULES or set(rule) != {"tag_id"}:
            raise RefusedError(65320)
        tag = str(rule["tag_id"])
        if not tag.isdecimal() or int(tag) not in self._platform.tags.names:
            raise RefusedError(45159)
        return int(tag)

    def _new_id(self) -> int:
        self._last_id += 1
        return self._last_id

    @staticmethod
    def _check_domains(menus: list[list[dict[str, Any]]]) -> None:
        leaves = [leaf for menu in menus for button in menu for leaf in button.get("sub_button") or [button]]
        hosts = {urlsplit(leaf["url"]).hostname for leaf in leaves if leaf.get("type") == "view"}
        if len(hosts) > _MOST_DOMAINS:
            raise RefusedError(65316)


def _listed(button: dict[str, Any]) -> dict[str, Any]:
    """As get_current_selfmenu_info writes a button: the inner ones in a list of their own."""
    if "sub_button" in button:
        return {"name": button["name"], "sub_button": {"list": button["sub_button"]}}
    return button


def _checked(buttons: Any, level: Level) -> list[dict[str, Any]]:
    if not isinstance(buttons, list) or not 1 <= len(buttons) <= level.most:
        raise RefusedError(level.count_code)
    return [_checked_button(button, level) for button in buttons]


def _checked_button(button: Any, level: Level) -> dict[str, Any]:
    if not isinstance(button, dict):
        raise RefusedError(47001)
    name = button.get("name")
    if not isinstance(name, str) or not name or len(name.encode()) > level.name_bytes:
        raise RefusedError(level.name_code)
    inner = button.get("sub_button")
    if inner:
        if "type" in button or level is _SECOND:
            raise RefusedError(level.type_code)
        return {"name": name, "sub_button": _checked(inner, _SECOND)}
    _check_leaf(button, level)
    return {**button, "sub_button": []} if inner == [] else dict(button)


def _check_leaf(button: dict[str, Any], level: Level) -> None:
    kind = button.get("type")
    if kind not in _TYPES:
        raise RefusedError(level.type_code)
    if kind in _KEYED:
        _check_size(button.get("key"), _KEY_BYTES, level.key_code)
    if kind in ("view", "miniprogram"):
        _check_size(button.get("url"), _URL_BYTES, level.url_code)
        if not re.match(r"https?://[^/\s]+", button["url"]):
            raise RefusedError(65317)


def _check_size(text: Any, most: int, code: int) -> None:
    if not isinstance(text, str) or not 1 <= len(text.encode()) <= most:
        raise RefusedError(code)
