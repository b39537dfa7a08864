"""The XML of the channel: read without DTD and entities, written so that no text can leave its element."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from bot.channels.wechat.account import Keys
from bot.channels.wechat.crypto import encrypt, sign
from bot.channels.wechat.errors import PushRejected, Reason

Node: TypeAlias = "str | Mapping[str, Node] | list[Node]"
Document: TypeAlias = Mapping[str, Node]

# Tells the platform that the push has arrived; unencrypted in every mode.
SUCCESS = b"success"
# Below <xml>; the deepest that is sent is SendPicsInfo, PicList, item, PicMd5Sum.
_MOST_DEPTH = 4
# The only names that the platform repeats, and it does so inside another element only.
_REPEATED = ("item", "List")
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True)
class Article:
    """One picture card of a `news` reply."""

    title: str
    description: str
    picture_url: str
    url: str


def parse(body: bytes) -> Document:
    """The elements below <xml> by name, texts stripped. `item` and `List` below another element are lists, always.

    PushRejected: ENCODING when it is no UTF-8, XML for everything else that the platform does not send: a DTD,
    entities, a root of another name, a repeated element, text beside elements, more than four levels.
    """
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        raise PushRejected(Reason.ENCODING) from None
    # Expat takes bytes that look like UTF-16 for it, whatever it is told; no markup is UTF-16 without a NUL.
    if b"\0" in body:
        raise PushRejected(Reason.XML)
    reader = _Reader()
    # The encoding is said here so that an XML declaration cannot choose another one.
    parser = DefusedXMLParser(target=reader, encoding="utf-8", forbid_dtd=True)
    try:
        parser.feed(body)
        parser.close()
    except (ParseError, DefusedXmlException):
        raise PushRejected(Reason.XML) from None
    return reader.document


@dataclass
class _Element:
    texts: list[str] = field(default_factory=list)
    children: dict[str, Node] = field(default_factory=dict)

    def add(self, name: str, node: Node, *, nested: bool) -> None:
        there = self.children.get(name)
        if isinstance(there, list):
            there.append(node)
        elif there is None:
            self.children[name] = [node] if nested and name in _REPEATED else node
        else:
            raise PushRejected(Reason.XML)

    def node(self) -> Node:
        text = "".join(self.texts).strip()
        if text and self.children:
            raise PushRejected(Reason.XML)
        return self.children or text


class _Reader:
    """The parser's target: refuses while it reads, so that nothing deep or repeated is ever built."""

    def __init__(self) -> None:
        self._open: list[_Element] = []
        self.document: Document = {}

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if len(self._open) > _MOST_DEPTH or (not self._open and tag != "xml"):
            raise PushRejected(Reason.XML)
        self._open.append(_Element())

    def data(self, text: str) -> None:
        self._open[-1].texts.append(text)

    def end(self, tag: str) -> None:
        node = self._open.pop().node()
        if self._open:
            self._open[-1].add(tag, node, nested=len(self._open) > 1)
        elif isinstance(node, Mapping):
            self.document = node
        else:
            raise PushRejected(Reason.XML)

    def close(self) -> None:
        """Nothing is left to do: a document that is not whole is the parser's error."""


def clean(text: str) -> str:
    """Without the characters that XML forbids, and with nothing that ends a CDATA section."""
    return _FORBIDDEN.sub("", text).replace("]]>", "]] >")


def text_reply(to: str, from_: str, created: int, content: str) -> bytes:
    """`to` is the resident, `from_` the account: swapped, compared with the push."""
    return _reply(to, from_, created, "text", _cdata("Content", content))


def image_reply(to: str, from_: str, created: int, media_id: str) -> bytes:
    return _reply(to, from_, created, "image", f"<Image>{_cdata('MediaId', media_id)}</Image>")


def news_reply(to: str, from_: str, created: int, articles: Sequence[Article]) -> bytes:
    """One article in answer to a message, up to eight in answer to an event."""
    items = "".join(_item(article) for article in articles)
    count = f"<ArticleCount>{len(articles)}</ArticleCount>"
    return _reply(to, from_, created, "news", f"{count}<Articles>{items}</Articles>")


def encrypted_reply(keys: Keys, appid: str, message: bytes, timestamp: str, nonce: str) -> bytes:
    """`timestamp` by our own clock, `nonce` that of the push. ValueError when the keys have no AES key."""
    if keys.aes_key is None:
        raise ValueError("a reply is encrypted with an AES key")
    encrypted, nonce = encrypt(keys.aes_key, message, appid), clean(nonce)
    signature = sign(keys.token, timestamp, nonce, encrypted)
    lines = (
        "<xml>",
        _cdata("Encrypt", encrypted),
        _cdata("MsgSignature", signature),
        f"<TimeStamp>{timestamp}</TimeStamp>",
        _cdata("Nonce", nonce),
        "</xml>",
    )
    return "\n".join(lines).encode()


def _reply(to: str, from_: str, created: int, kind: str, rest: str) -> bytes:
    head = _cdata("ToUserName", to) + _cdata("FromUserName", from_) + f"<CreateTime>{created}</CreateTime>"
    return f"<xml>{head}{_cdata('MsgType', kind)}{rest}</xml>".encode()


def _item(article: Article) -> str:
    named = (
        ("Title", article.title),
        ("Description", article.description),
        ("PicUrl", article.picture_url),
        ("Url", article.url),
    )
    return f"<item>{''.join(_cdata(name, value) for name, value in named)}</item>"


def _cdata(name: str, value: str) -> str:
    return f"<{name}><![CDATA[{clean(value)}]]></{name}>"
