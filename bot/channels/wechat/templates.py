"""Notices outside the windows in which we may write: that a reply waits, and reminders. Off until an id is filled in.

A notice stands on a phone's lock screen: nothing of a conversation can get into it, only a moment and a reference.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta, timezone
from enum import StrEnum
from pathlib import Path
from string import Formatter
from typing import Any, Protocol

from bot.channels.web.texts import read_yaml
from bot.channels.wechat.contents import by_language, text
from bot.channels.wechat.template_fields import FieldKind, ValueRefusedError, fitted, kind_of
from bot.channels.wechat.wishes import Wish
from bot.errors import ContentError
from bot.handoff.hours import CITY_TIME
from bot.languages import ANSWERED, answer_language

TEMPLATES_FILE = "templates.yml"
_MORNING, _NIGHT = time(8), time(21)
_ID = re.compile(r"[A-Za-z0-9_-]{0,64}", re.ASCII)
_LINK = re.compile(r"https://[^\s<>\"\\]{1,1000}")
_REFERENCE = re.compile(r"[A-Za-z0-9-]{0,32}", re.ASCII)


class Purpose(StrEnum):
    """Why a resident is written to unasked."""

    REPLY_WAITING = "reply_waiting"
    REMINDER = "reminder"


class Kind(StrEnum):
    """Which of the platform's two interfaces a template belongs to."""

    TEMPLATE = "template"
    SUBSCRIPTION = "subscription"


class Value(StrEnum):
    """What a text of the file may take in: all that is known to be neither health nor anybody's words."""

    TIME = "time"
    DATE = "date"
    REFERENCE = "reference"


@dataclass(frozen=True)
class Details:
    """`at`: the moment the notice is about, aware; `reference`: 32 letters, digits, hyphens (ValueError)."""

    at: datetime
    reference: str = ""

    def __post_init__(self) -> None:
        if self.at.tzinfo is None or not _REFERENCE.fullmatch(self.reference):
            raise ValueError("the moment must be aware, the reference of letters, digits and hyphens")

    def values(self) -> dict[str, str]:
        local = self.at.astimezone(CITY_TIME)
        day = f"{local.year}年{local.month}月{local.day}日"
        return {Value.TIME: f"{day} {local:%H:%M}", Value.DATE: day, Value.REFERENCE: self.reference}


@dataclass(frozen=True)
class Template:
    """`id` is empty while the purpose is off; `fields`: a field's name to its text by answered language."""

    id: str
    kind: Kind
    link: str
    fields: Mapping[str, Mapping[str, str]]

    def data(self, language: str, details: Details) -> dict[str, dict[str, str]]:
        """The message's `data`. ValueRefusedError when a value does not fit its field."""
        values = details.values()
        return {
            name: {"value": fitted(kind_of(name), texts[answer_language(language)].format(**values))}
            for name, texts in self.fields.items()
        }


@dataclass(frozen=True)
class Templates:
    by_purpose: Mapping[Purpose, Template]

    @staticmethod
    def load(folder: Path) -> Templates:
        """ContentError naming what is wrong in templates.yml."""
        data = read_yaml(folder / TEMPLATES_FILE)
        if not isinstance(data, dict) or set(data) != set(Purpose):
            raise ContentError(f"{TEMPLATES_FILE}: has {' and '.join(Purpose)}, nothing else")
        return Templates({purpose: _template(f"{TEMPLATES_FILE}: {purpose}", data[purpose]) for purpose in Purpose})

    @staticmethod
    def off() -> Templates:
        """For an account that has no such interface."""
        return Templates({})

    def of(self, purpose: Purpose) -> Template | None:
        """None while the purpose is off."""
        template = self.by_purpose.get(purpose)
        return template if template is not None and template.id else None


def _template(place: str, raw: Any) -> Template:
    if not isinstance(raw, dict) or set(raw) != {"id", "kind", "link", "fields"}:
        raise ContentError(f"{place}: has id, kind, link and fields")
    if not isinstance(raw["fields"], dict) or not raw["fields"]:
        raise ContentError(f"{place}: fields is a mapping of the template's fields to texts")
    return Template(
        id=_matching(f"{place}: id", _ID, raw["id"], "what the console shows, in quotation marks, or empty"),
        kind=_kind(f"{place}: kind", raw["kind"]),
        link=_link(f"{place}: link", raw["link"]),
        fields={str(name): _field(f"{place}: {name}", name, given) for name, given in raw["fields"].items()},
    )


def _kind(place: str, raw: Any) -> Kind:
    try:
        return Kind(raw)
    except ValueError:
        raise ContentError(f"{place}: must be {' or '.join(Kind)}") from None


def _matching(place: str, pattern: re.Pattern[str], raw: Any, wanted: str) -> str:
    if not isinstance(raw, str) or not pattern.fullmatch(raw):
        raise ContentError(f"{place}: must be {wanted}")
    return raw


def _link(place: str, raw: Any) -> str:
    return "" if raw == "" else _matching(place, _LINK, raw, "an address with https://, or empty")


def _field(place: str, name: Any, raw: Any) -> Mapping[str, str]:
    """One text for all languages, or one for each; tried out once, so that a wrong one is not found at night."""
    kind = _known_kind(place, name)
    texts = by_language(place, raw) if isinstance(raw, dict) else dict.fromkeys(ANSWERED, text(place, raw))
    for language, written in texts.items():
        _try_out(f"{place}: {language}", kind, written)
    return texts


def _known_kind(place: str, name: Any) -> FieldKind:
    try:
        return kind_of(str(name))
    except ValueError:
        kinds = ", ".join(FieldKind)
        raise ContentError(f"{place}: a field is one of {kinds}, and the number that the console shows") from None


def _try_out(place: str, kind: FieldKind, written: str) -> None:
    try:
        parts = list(Formatter().parse(written))
        if unknown := {name for _, name, _, _ in parts if name is not None} - set(Value):
            raise ContentError(f"{place}: there is no {{{sorted(unknown)[0]}}}, only {', '.join(Value)}")
        if any(given or conversion for _, _, given, conversion in parts):
            raise ContentError(f"{place}: only {{name}}, without anything more in the braces")
        value = written.format(**_EXAMPLE.values())
        if len(value) > len(fitted(kind, value)):
            raise ContentError(f"{place}: {len(value)} characters are more than the field takes")
    except (ValueError, ValueRefusedError) as error:
        raise ContentError(f"{place}: {error}") from error


_EXAMPLE = Details(datetime(2026, 12, 31, 22, 30, tzinfo=timezone(timedelta(hours=8))), "A2B3C4D5")


def may_send_at(now: datetime) -> bool:
    """Whether it is an hour (of the city) at which a phone may ring."""
    return _MORNING <= now.astimezone(CITY_TIME).time() < _NIGHT


def next_allowed(now: datetime) -> datetime:
    """`now`, or the next morning when it is night."""
    if may_send_at(now):
        return now
    local = now.astimezone(CITY_TIME)
    day = local.date() if local.time() < _MORNING else local.date() + timedelta(days=1)
    return datetime.combine(day, _MORNING, CITY_TIME).astimezone(now.tzinfo)


def once_id(purpose: Purpose, *parts: str) -> str:
    """The same id for the same notice, so that the platform sends it once (ten minutes long); hides `parts`."""
    return hashlib.sha256("\0".join((purpose, *parts)).encode()).hexdigest()[:32]


class NoticeApi(Protocol):
    """What of the platform's interface is needed for notices; each raises the interface's named errors."""

    async def send_template(
        self, openid: str, template_id: str, data: Mapping[str, Any], url: str | None, client_msg_id: str
    ) -> int: ...

    async def send_subscription(
        self, openid: str, template_id: str, data: Mapping[str, Any], page: str | None
    ) -> None: ...


@dataclass(frozen=True)
class Recipient:
    """`wish`: the last one that the resident has written (bot/channels/wechat/wishes.py)."""

    openid: str = field(repr=False)
    language: str
    wish: Wish | None = None


class Result(StrEnum):
    SENT = "sent"
    OFF = "off"
    UNWANTED = "unwanted"
    NIGHT = "night"


@dataclass(frozen=True)
class Reminded:
    """`message_id` comes back in TEMPLATESENDJOBFINISH; a subscription notice has none."""

    result: Result
    message_id: int | None = None


async def remind(
    api: NoticeApi,
    templates: Templates,
    to: Recipient,
    purpose: Purpose,
    details: Details,
    *,
    client_msg_id: str,
    now: datetime,
) -> Reminded:
    """Send the notice unless it is off, unwanted or night (then `next_allowed` says when to try again).

    Raises ValueRefusedError, and the interface's errors.
    """
    template = templates.of(purpose)
    if template is None:
        return Reminded(Result.OFF)
    if to.wish is Wish.STOP:
        return Reminded(Result.UNWANTED)
    if not may_send_at(now):
        return Reminded(Result.NIGHT)
    return Reminded(Result.SENT, await _send(api, template, to, details, client_msg_id))


async def _send(api: NoticeApi, template: Template, to: Recipient, details: Details, client_msg_id: str) -> int | None:
    data, link = template.data(to.language, details), template.link or None
    if template.kind is Kind.SUBSCRIPTION:
        await api.send_subscription(to.openid, template.id, data, link)
        return None
    return await api.send_template(to.openid, template.id, data, link, client_msg_id)
