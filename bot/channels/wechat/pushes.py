"""What a push says: a document becomes one typed push. Pure; nothing of it is shown by repr, for logs and errors."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from bot.channels.wechat.documents import Document
from bot.channels.wechat.errors import PushRejected, Reason

_SENDER = re.compile(r"[A-Za-z0-9_-]{1,64}")
# Eleven digits of seconds end in the year 5138; int() must never meet thousands of them.
_SECONDS = re.compile(r"[0-9]{1,11}")
_COORDINATE = re.compile(r"-?[0-9]{1,3}(\.[0-9]{1,30})?")
_ERROR = re.compile(r"-?[0-9]{1,9}")
_KIND = re.compile(r"[a-z0-9_]{1,64}")
_OTHER = "other"
_SCENE_PREFIX = "qrscene_"
# What arrives as the text of a message when the resident sent a sticker or another kind that is not passed on.
_STICKER_TEXT = "【收到不支持的消息类型，暂无法显示】"
STICKER = "sticker"


class TemplateStatus(StrEnum):
    """What became of a template message."""

    DELIVERED = "delivered"
    BLOCKED = "blocked"
    FAILED = "failed"


@dataclass(frozen=True, repr=False)
class Push:
    """`to`: our account's original id; `sender`: the OpenID; `created`: seconds; `key`: the same for every delivery."""

    to: str
    sender: str
    created: int
    key: str

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


@dataclass(frozen=True, repr=False)
class Text(Push):
    """`menu_id`: the item of a menu message that was tapped; some clients report "0" whatever it was."""

    content: str
    menu_id: str | None = None


@dataclass(frozen=True, repr=False)
class Image(Push):
    media_id: str
    picture_url: str


@dataclass(frozen=True, repr=False)
class Voice(Push):
    """8 kHz under `media_id`, 16 kHz under the other."""

    media_id: str
    media_id_16k: str | None
    format: str


@dataclass(frozen=True, repr=False)
class Video(Push):
    media_id: str


@dataclass(frozen=True, repr=False)
class Location(Push):
    """Degrees, in the platform's own shifted coordinates."""

    latitude: float
    longitude: float
    label: str


@dataclass(frozen=True, repr=False)
class Link(Push):
    """A shared page; its address is a stranger's and is not kept."""

    title: str


@dataclass(frozen=True, repr=False)
class Unsupported(Push):
    """A message of a kind that is not read; `kind` is [a-z0-9_]."""

    kind: str


@dataclass(frozen=True, repr=False)
class Followed(Push):
    scene: str | None


@dataclass(frozen=True, repr=False)
class Unfollowed(Push):
    """All that is known of the sender must go."""


@dataclass(frozen=True, repr=False)
class Scanned(Push):
    """A follower scanned a poster."""

    scene: str


@dataclass(frozen=True, repr=False)
class Clicked(Push):
    """`item`: the key of the menu's entry."""

    item: str


@dataclass(frozen=True, repr=False)
class ScanResult(Push):
    """A code scanned through the menu; `waits`: the client shows that it waits for a reply."""

    item: str
    result: str
    waits: bool


@dataclass(frozen=True, repr=False)
class TemplateDone(Push):
    message_id: str
    status: TemplateStatus


@dataclass(frozen=True, repr=False)
class OptIn(Push):
    """Consent to a subscription notice given or taken back; `others`: further ones of the same push."""

    accepted: bool
    template_id: str
    others: tuple[tuple[bool, str], ...] = ()


@dataclass(frozen=True, repr=False)
class SubscriptionSent(Push):
    """`error` 0: delivered. `others`: further ones of the same push, in the same order of fields."""

    template_id: str
    message_id: str
    error: int
    others: tuple[tuple[str, str, int], ...] = ()


@dataclass(frozen=True, repr=False)
class Ignored(Push):
    """An event that asks nothing of us; `event` is [a-z0-9_]."""

    event: str


_Head: TypeAlias = tuple[str, str, int, str]
_Reading: TypeAlias = Callable[[Document, _Head], Push]


def read(document: Document, original_id: str) -> Push:
    """PushRejected: ACCOUNT when it is for another account, XML when a required element lacks or is no number."""
    if _text(document, "ToUserName") != original_id:
        raise PushRejected(Reason.ACCOUNT)
    kind = _text(document, "MsgType").lower()
    if kind == "event":
        return _event(document, _text(document, "Event").lower())
    head = _head(document, _message_key(document, kind))
    reading = _MESSAGES.get(kind)
    return reading(document, head) if reading else Unsupported(*head, _word(kind))


def _event(document: Document, event: str) -> Push:
    head = _head(document, _event_key(document, event))
    reading = _EVENTS.get(event)
    return reading(document, head) if reading else Ignored(*head, _word(event))


def _head(document: Document, key: str) -> _Head:
    sender, created = _text(document, "FromUserName"), _text(document, "CreateTime")
    if _SENDER.fullmatch(sender) is None or _SECONDS.fullmatch(created) is None:
        raise PushRejected(Reason.XML)
    return _text(document, "ToUserName"), sender, int(created), key


def _message_key(document: Document, kind: str) -> str:
    number = _optional(document, "MsgId")
    if not number.strip("0"):
        return _event_key(document, kind)
    return _hashed("m", _text(document, "ToUserName"), number)


def _event_key(document: Document, event: str) -> str:
    """CreateTime counts whole seconds: the message that an event reports on tells two results of one second apart."""
    named = [_text(document, name) for name in ("ToUserName", "FromUserName", "CreateTime")]
    return _hashed("e", *named, event, _optional(document, "EventKey"), *_reported(document))


def _reported(document: Document) -> list[str]:
    entries = _entries(document, "SubscribeMsgSentEvent") if "SubscribeMsgSentEvent" in document else []
    return [_optional(entry, "MsgID") for entry in (document, *entries)]


def _hashed(*parts: str) -> str:
    """XML forbids NUL, so that no two tuples give the same text."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _message(document: Document, head: _Head) -> Push:
    content = _text(document, "Content")
    if content == _STICKER_TEXT:
        return Unsupported(*head, STICKER)
    return Text(*head, content, _optional(document, "bizmsgmenuid") or None)


def _image(document: Document, head: _Head) -> Push:
    return Image(*head, _text(document, "MediaId"), _optional(document, "PicUrl"))


def _voice(document: Document, head: _Head) -> Push:
    better = _optional(document, "MediaId16K") or None
    return Voice(*head, _text(document, "MediaId"), better, _optional(document, "Format").lower())


def _video(document: Document, head: _Head) -> Push:
    return Video(*head, _text(document, "MediaId"))


def _location(document: Document, head: _Head) -> Push:
    latitude, longitude = _degrees(document, "Location_X", 90), _degrees(document, "Location_Y", 180)
    return Location(*head, latitude, longitude, _optional(document, "Label"))


def _link(document: Document, head: _Head) -> Push:
    return Link(*head, _optional(document, "Title"))


def _followed(document: Document, head: _Head) -> Push:
    """Other keys than scenes exist here (a payment's, for one)."""
    key = _optional(document, "EventKey")
    return Followed(*head, key.removeprefix(_SCENE_PREFIX) if key.startswith(_SCENE_PREFIX) else None)


def _scan_result(document: Document, head: _Head) -> Push:
    result = _text(_inner(document, "ScanCodeInfo"), "ScanResult")
    waits = _text(document, "Event").lower() == "scancode_waitmsg"
    return ScanResult(*head, _text(document, "EventKey"), result, waits)


def _template_done(document: Document, head: _Head) -> Push:
    said = _text(document, "Status").lower()
    status = TemplateStatus.BLOCKED if "block" in said else TemplateStatus.FAILED
    return TemplateDone(*head, _text(document, "MsgID"), TemplateStatus.DELIVERED if said == "success" else status)


def _opt_in(document: Document, head: _Head) -> Push:
    """Older samples of the change event name its container like that of the pop-up."""
    name = "SubscribeMsgChangeEvent"
    entries = _entries(document, name if name in document else "SubscribeMsgPopupEvent")
    first, *others = [(_text(e, "SubscribeStatusString").lower() == "accept", _text(e, "TemplateId")) for e in entries]
    return OptIn(*head, *first, tuple(others))


def _subscription_sent(document: Document, head: _Head) -> Push:
    entries = _entries(document, "SubscribeMsgSentEvent")
    first, *others = [(_text(e, "TemplateId"), _text(e, "MsgID"), _error(e)) for e in entries]
    return SubscriptionSent(*head, *first, tuple(others))


def _error(entry: Document) -> int:
    text = _text(entry, "ErrorCode")
    if _ERROR.fullmatch(text) is None:
        raise PushRejected(Reason.XML)
    return int(text)


def _degrees(document: Document, name: str, most: int) -> float:
    text = _text(document, name)
    if _COORDINATE.fullmatch(text) is None or abs(float(text)) > most:
        raise PushRejected(Reason.XML)
    return float(text)


def _entries(document: Document, name: str) -> list[Document]:
    """The `List` elements of a container: one at least."""
    entries = _inner(document, name).get("List")
    if not isinstance(entries, list):
        raise PushRejected(Reason.XML)
    return [_mapping(entry) for entry in entries]


def _inner(document: Document, name: str) -> Document:
    return _mapping(document.get(name))


def _mapping(node: object) -> Document:
    if not isinstance(node, Mapping):
        raise PushRejected(Reason.XML)
    return node


def _text(document: Document, name: str) -> str:
    node = document.get(name)
    if not isinstance(node, str):
        raise PushRejected(Reason.XML)
    return node


def _optional(document: Document, name: str) -> str:
    return _text(document, name) if name in document else ""


def _word(name: str) -> str:
    """A name from outside that may stand in a log."""
    return name if _KIND.fullmatch(name) else _OTHER


_MESSAGES: Mapping[str, _Reading] = {
    "text": _message,
    "image": _image,
    "voice": _voice,
    "video": _video,
    "shortvideo": _video,
    "location": _location,
    "link": _link,
}
_EVENTS: Mapping[str, _Reading] = {
    "subscribe": _followed,
    "unsubscribe": lambda document, head: Unfollowed(*head),
    "scan": lambda document, head: Scanned(*head, _text(document, "EventKey")),
    "click": lambda document, head: Clicked(*head, _text(document, "EventKey")),
    "scancode_push": _scan_result,
    "scancode_waitmsg": _scan_result,
    "templatesendjobfinish": _template_done,
    "subscribe_msg_popup_event": _opt_in,
    "subscribe_msg_change_event": _opt_in,
    "subscribe_msg_sent_event": _subscription_sent,
}
