"""Template messages and subscription notices: what may be sent without a window (sheet 19)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.fakes.wechat.account import Right
from tests.fakes.wechat.codes import RefusedError, error_body
from tests.fakes.wechat.server import Answer, Call, Route
from tests.fakes.wechat.users import By, bubble

if TYPE_CHECKING:
    from tests.fakes.wechat.platform import WechatPlatform
    from tests.fakes.wechat.user import User

_SAME = timedelta(minutes=10)
_CHINESE = re.compile("[\u3400-\u9fff]")
_CLOCK = r"(\d{4}年\d{1,2}月\d{1,2}日|\d{4}-\d{1,2}-\d{1,2})"
_TIME = rf"({_CLOCK} ?)?\d{{1,2}}:\d{{2}}(:\d{{2}})?"
# The kind of a field is its name without the number; what its value may be.
_RULES: dict[str, str] = {
    "thing": r"(?s).{1,20}",
    "character_string": r"[\x21-\x7e ]{1,32}",
    "time": rf"{_TIME}(~{_TIME})?|{_CLOCK}",
    "date": rf"({_CLOCK})( \d{{1,2}}:\d{{2}})?",
    "number": r"[0-9.]{1,32}",
    "letter": r"[A-Za-z]{1,32}",
    "phone_number": r"[0-9+\-() ]{1,17}",
    "amount": r"[¥￥$€]?[0-9]{1,10}(\.[0-9]{1,2})?元?",
    "car_number": r".{1,8}",
    "const": r".{1,20}",
    "phrase": "[\u3400-\u9fff]{1,5}",
    "name": "[\u3400-\u9fff·]{1,10}|[^\u3400-\u9fff]{1,20}",
}


@dataclass
class Template:
    """A template of the account: its fields, and for `const` fields the approved values."""

    fields: frozenset[str]
    constants: frozenset[str] = frozenset()
    subscription: bool = False


class Notices:
    """`templates`: what the account has in the console; fill it before sending."""

    def __init__(self, platform: WechatPlatform) -> None:
        self._platform = platform
        self.templates: dict[str, Template] = {}
        self._last_id = 200_228_331
        self._recent: dict[tuple[str, str], tuple[datetime, int]] = {}

    def has(self, template_id: str, *fields: str, constants: tuple[str, ...] = (), subscription: bool = False) -> None:
        """Put a template into the console: `has("TPL", "thing1", "time2")`."""
        self.templates[template_id] = Template(frozenset(fields), frozenset(constants), subscription)

    def routes(self) -> list[Route]:
        return [
            Route("POST", "/cgi-bin/message/template/send", self.send, Right.NOTICES),
            Route("POST", "/cgi-bin/message/subscribe/bizsend", self.send_subscribed, Right.NOTICES),
        ]

    def send(self, call: Call) -> Answer:
        user = self._platform.known(call.text("touser", 40003))
        values = self._values(call, subscription=False)
        if not user.state.following:
            raise RefusedError(43004)
        key, now = (user.openid, str(call.body.get("client_msg_id") or "")), self._platform.clock()
        if key[1] and key in self._recent and now - self._recent[key][0] < _SAME:
            return {**error_body(0), "msgid": self._recent[key][1]}
        self._last_id += 1
        self._recent[key] = (now, self._last_id)
        self._finish(user, self._last_id, values, str(call.body.get("url") or ""))
        return {**error_body(0), "msgid": self._last_id}

    def send_subscribed(self, call: Call) -> Answer:
        user = self._platform.known(call.text("touser", 40003))
        template_id, values = call.text("template_id", 40037), self._values(call, subscription=True)
        if user.state.consents[template_id] <= 0:
            raise RefusedError(43101)
        user.state.consents[template_id] -= 1
        self._last_id += 1
        user.screen.show(bubble(values, By.SUBSCRIPTION, self._platform.clock()))
        sent = {"TemplateId": template_id, "MsgID": self._last_id, "ErrorCode": 0, "ErrorStatus": "success"}
        self._report(user, "subscribe_msg_sent_event", SubscribeMsgSentEvent={"List": sent})
        return error_body(0)

    def _finish(self, user: User, message_id: int, values: str, url: str) -> None:
        blocked = user.state.blocks_templates
        if not blocked:
            links = (url,) if url else ()
            user.screen.show(bubble(values, By.TEMPLATE, self._platform.clock(), links=links))
        status = "failed:user block" if blocked else "success"
        self._report(user, "TEMPLATESENDJOBFINISH", MsgID=message_id, Status=status)

    def _report(self, user: User, event: str, **fields: Any) -> None:
        now = self._platform.clock()
        self._platform.push_soon(self._platform.composer.event(user.openid, event, now, **fields))

    def _values(self, call: Call, *, subscription: bool) -> str:
        """The values as lines; RefusedError for an unknown template and for every broken rule."""
        template = self.templates.get(str(call.body.get("template_id")))
        if template is None or template.subscription != subscription:
            raise RefusedError(40037)
        data = call.body.get("data")
        if not isinstance(data, dict) or set(data) != template.fields:
            raise RefusedError(47003, "data")
        return "\n".join(f"{name}: {_checked(name, value, template)}" for name, value in data.items())


def _checked(name: str, member: Any, template: Template) -> str:
    value = member.get("value") if isinstance(member, dict) else None
    kind = name.rstrip("0123456789")
    refused = RefusedError(47003, f"data.{name}.value invalid")
    if not isinstance(value, str) or kind not in _RULES or not re.fullmatch(_RULES[kind], value):
        raise refused
    if kind == "const" and value not in template.constants:
        raise refused
    if kind == "character_string" and _CHINESE.search(value):
        raise refused
    return value
