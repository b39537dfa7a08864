"""The documents that the platform pushes (sheet 6, 7), and how they travel (sheet 4)."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tests.fakes.wechat.account import AccountData, Mode
from tests.fakes.wechat.crypt import encrypt, signature

Value = str | int | float | Mapping[str, "Value"] | Sequence["Value"]
# A client shows an answer to these events and to messages; what it does with others is not known, so: nothing.
_SHOWN_EVENTS = {"subscribe", "SCAN", "CLICK", "scancode_waitmsg"}
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")


@dataclass(frozen=True)
class Push:
    """One document, before it is signed. `openid` is its sender."""

    xml: str
    openid: str
    is_event: bool = False
    shows: bool = True


@dataclass(frozen=True)
class Signed:
    """A push as it goes over the wire."""

    query: dict[str, str]
    body: bytes


class Composer:
    """Writes pushes of one account. Every message has a MsgId of its own."""

    def __init__(self, account: AccountData, first_id: int) -> None:
        self._account = account
        self._next_id = first_id

    def message(self, openid: str, kind: str, at: datetime, **fields: Value) -> Push:
        """`fields` as the sheet names them, a None is left out."""
        self._next_id += 1
        head = self._head(openid, kind, at)
        menu_id = {"bizmsgmenuid": fields.pop("bizmsgmenuid")} if "bizmsgmenuid" in fields else {}
        return Push(document({**head, **fields, "MsgId": self._next_id, **menu_id}), openid)

    def event(self, openid: str, event: str, at: datetime, **fields: Value) -> Push:
        head = self._head(openid, "event", at)
        return Push(document({**head, "Event": event, **fields}), openid, True, event in _SHOWN_EVENTS)

    def _head(self, openid: str, kind: str, at: datetime) -> dict[str, Value]:
        return {
            "ToUserName": self._account.original_id,
            "FromUserName": openid,
            "CreateTime": int(at.timestamp()),
            "MsgType": kind,
        }


def document(fields: Mapping[str, Value]) -> str:
    inner = "\n".join(_element(name, value) for name, value in fields.items())
    return f"<xml>{inner}\n</xml>"


def _element(name: str, value: Value) -> str:
    if isinstance(value, str):
        clean = _FORBIDDEN.sub("", value).replace("]]>", "]]]]><![CDATA[>")
        return f"<{name}><![CDATA[{clean}]]></{name}>"
    if isinstance(value, Mapping):
        return f"<{name}>{''.join(_element(inner, given) for inner, given in value.items())}</{name}>"
    if isinstance(value, Sequence):
        return "".join(_element(name, one) for one in value)
    return f"<{name}>{value}</{name}>"


def new_nonce() -> str:
    return str(secrets.randbelow(2**31))


@dataclass(frozen=True)
class Sealed:
    """A push in its envelope: the same for every delivery of it. `encrypted` is None in plain mode."""

    push: Push
    account: AccountData
    body: bytes
    encrypted: str | None

    def signed(self, timestamp: int, nonce: str = "") -> Signed:
        stamp, nonce, token = str(timestamp), nonce or new_nonce(), self.account.token
        query = {"signature": signature(token, stamp, nonce), "timestamp": stamp, "nonce": nonce}
        query["openid"] = self.push.openid
        if self.encrypted is not None:
            query["encrypt_type"] = "aes"
            query["msg_signature"] = signature(token, stamp, nonce, self.encrypted)
        return Signed(query, self.body)


def sealed(push: Push, account: AccountData) -> Sealed:
    """In the account's mode."""
    if account.mode is Mode.PLAIN:
        return Sealed(push, account, push.xml.encode(), None)
    encrypted = encrypt(account.key, push.xml.encode(), account.appid)
    if account.mode is Mode.COMPATIBLE:
        start, _, end = push.xml.rpartition("</xml>")
        body = f"{start}<Encrypt><![CDATA[{encrypted}]]></Encrypt>\n</xml>{end}"
    else:
        to = f"<ToUserName><![CDATA[{account.original_id}]]></ToUserName>"
        body = f"<xml>\n    {to}\n    <Encrypt><![CDATA[{encrypted}]]></Encrypt>\n</xml>\n"
    return Sealed(push, account, body.encode(), encrypted)
