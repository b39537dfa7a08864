"""What the account may answer to a push (sheet 8), read without mercy: a client would show anything else as a fault."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from tests.fakes.wechat.account import AccountData, Mode
from tests.fakes.wechat.crypt import BadReplyError, decrypt, signature

CONTENT_BYTES = 2048
_COMMON = {"ToUserName", "FromUserName", "CreateTime", "MsgType"}
# MsgType -> the one element beside the common ones, and what that must hold.
_SHAPES: dict[str, tuple[str, set[str]]] = {
    "text": ("Content", set()),
    "image": ("Image", {"MediaId"}),
    "voice": ("Voice", {"MediaId"}),
    "video": ("Video", {"MediaId"}),
    "music": ("Music", {"ThumbMediaId"}),
}
_ENVELOPE = {"Encrypt", "MsgSignature", "TimeStamp", "Nonce"}
_MOST_ARTICLES = {True: 8, False: 1}


@dataclass(frozen=True)
class Asked:
    """What an answer is an answer to."""

    openid: str
    is_event: bool
    account: AccountData


@dataclass(frozen=True)
class Passive:
    """A passive reply; None of it is shown when `kind` is transfer_customer_service."""

    kind: str
    text: str = ""
    media_id: str | None = None
    links: tuple[str, ...] = field(default=())


def read_reply(body: bytes, asked: Asked) -> Passive | None:
    """What the answer shows; None for `success` and for an empty body. BadReplyError for everything else."""
    if body in (b"", b"success"):
        return None
    root = _document(body)
    if asked.account.mode is Mode.PLAIN:
        return _passive(root, body, asked)
    if root.find("Encrypt") is None:
        if asked.account.mode is Mode.COMPATIBLE:
            return _passive(root, body, asked)
        raise BadReplyError("a plain reply in safe mode")
    message = _opened(root, asked.account)
    return _passive(_document(message), message, asked)


def _document(body: bytes) -> Element:
    try:
        text = body.decode("utf-8")
        root: Element = fromstring(text, forbid_dtd=True)
    except (UnicodeDecodeError, ParseError, DefusedXmlException, ValueError) as error:
        raise BadReplyError(f"not well-formed XML ({type(error).__name__})") from None
    if root.tag != "xml" or root.attrib:
        raise BadReplyError(f"the root is <{root.tag}>")
    for element in root.iter():
        _check_element(element)
    return root


def _check_element(element: Element) -> None:
    """No attributes, no text between elements; `item` is the only name that may repeat."""
    names = [child.tag for child in element if child.tag != "item"]
    if len(names) != len(set(names)):
        raise BadReplyError(f"an element stands twice in <{element.tag}>")
    loose = [child.tail for child in element] + ([element.text] if len(element) else [])
    if element.attrib or any(text and text.strip() for text in loose):
        raise BadReplyError(f"attributes or loose text in <{element.tag}>")


def _opened(root: Element, account: AccountData) -> bytes:
    if {child.tag for child in root} != _ENVELOPE:
        raise BadReplyError("an encrypted reply has Encrypt, MsgSignature, TimeStamp and Nonce, and nothing else")
    encrypted, given, timestamp, nonce = (
        _text(root, name) for name in ("Encrypt", "MsgSignature", "TimeStamp", "Nonce")
    )
    if not re.fullmatch(r"[0-9]{10}", timestamp) or not nonce:
        raise BadReplyError("TimeStamp is not in seconds, or there is no Nonce")
    if signature(account.token, timestamp, nonce, encrypted) != given:
        raise BadReplyError("MsgSignature is wrong")
    return decrypt(account.key, encrypted, account.appid)


def _text(element: Element, name: str) -> str:
    found = element.find(name)
    if found is None or len(found):
        raise BadReplyError(f"<{name}> is missing")
    return found.text or ""


def _passive(root: Element, raw: bytes, asked: Asked) -> Passive:
    if _text(root, "ToUserName") != asked.openid or _text(root, "FromUserName") != asked.account.original_id:
        raise BadReplyError("ToUserName and FromUserName are not the request's, swapped")
    if not re.fullmatch(r"[0-9]{10}", _text(root, "CreateTime")):
        raise BadReplyError("CreateTime is not in seconds")
    # Correct XML, but nobody knows whether WeChat takes it (sheet 28, 8).
    if b"]]]]><![CDATA[>" in raw:
        raise BadReplyError("a CDATA section is split")
    kind = _text(root, "MsgType")
    if kind in _SHAPES:
        return _simple(root, kind)
    if kind == "news":
        return _news(root, asked)
    if kind == "transfer_customer_service" and not asked.is_event:
        return Passive(kind)
    raise BadReplyError(f"the MsgType {kind!r} does not exist here")


def _simple(root: Element, kind: str) -> Passive:
    name, inner = _SHAPES[kind]
    _only(root, {name})
    if kind == "text":
        return Passive(kind, checked_content(_text(root, name)))
    found = root.find(name)
    assert found is not None
    fields = {child.tag: child.text or "" for child in found}
    if any(not fields.get(needed) for needed in inner):
        raise BadReplyError(f"<{name}> lacks {', '.join(sorted(inner))}")
    return Passive(kind, fields.get("Title", ""), fields.get("MediaId") or fields.get("ThumbMediaId"))


def _only(root: Element, names: set[str]) -> None:
    if {child.tag for child in root} != _COMMON | names:
        raise BadReplyError(f"beside the common elements there must be {', '.join(sorted(names))} alone")


def checked_content(text: str) -> str:
    if not text.strip():
        raise BadReplyError("Content is empty")
    if len(text.encode()) > CONTENT_BYTES:
        raise BadReplyError(f"Content has {len(text.encode())} bytes, more than {CONTENT_BYTES}")
    return text


def _news(root: Element, asked: Asked) -> Passive:
    _only(root, {"ArticleCount", "Articles"})
    articles = root.find("Articles")
    items = [] if articles is None else articles.findall("item")
    if _text(root, "ArticleCount") != str(len(items)) or not 1 <= len(items) <= _MOST_ARTICLES[asked.is_event]:
        raise BadReplyError("ArticleCount does not fit the articles, or there are too many")
    if any(not _text(item, "Title") or not _text(item, "Url") for item in items):
        raise BadReplyError("an article without title or address")
    return Passive(
        "news", "\n".join(_text(item, "Title") for item in items), links=tuple(_text(i, "Url") for i in items)
    )
