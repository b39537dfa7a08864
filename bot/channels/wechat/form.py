"""An answer as WeChat shows it: plain text, with numbered options where nothing can be pressed. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from bot.channels.wechat.split import LIMIT, PART_LIMIT, URL, cut, pieces, size
from bot.languages import LANGUAGES
from bot.locales import Locales
from bot.messages import Answer, Kind, OfficeCard, SourceLine

# The limits of a menu message are not published; these are its sibling's (WeCom), which are.
MENU_HEAD: Final = 1024
MENU_ITEMS: Final = 10
MENU_ITEM: Final = 128
# WeChat takes 2048 bytes; one report measures 2047.
PASSIVE_LIMIT: Final = 2047
# Bytes for "12. ", a mark of direction and the line's end; for the words that say how to choose.
_OPTION_ROOM: Final = 8
_CHOOSE_ROOM: Final = 64

_PAYLOAD = re.compile(r"b(0|[1-9][0-9]*)\.(0|[1-9][0-9]?)\.(0|[1-9][0-9]?)")
# Of a message that answers none: a reminder, an offer. No reply has so many messages.
_UNASKED = re.compile(r"m(0|[1-9][0-9]*)\.(0|[1-9][0-9]?)")
_UNASKED_PLACE: Final = 98

_LINK = re.compile(r"!?\[([^\[\]\n]+)\]\(([^()\s]+(?:\([^()\s]*\)[^()\s]*)*)\)")
_BLOCKS: Final = (
    (re.compile(r"^[ \t]*(?:```|~~~)[^\n]*\n?", re.MULTILINE), ""),
    (re.compile(r"^[ \t]*#{1,6}[ \t]+", re.MULTILINE), ""),
    (re.compile(r"^[ \t]*>[ \t]?", re.MULTILINE), ""),
    (re.compile(r"^([ \t]*)[-*+][ \t]+(?=\S)", re.MULTILINE), r"\1• "),
)
_EMPHASIS: Final = (
    (re.compile(r"\*\*(?=[^\s*])([^*\n]+)(?<=\S)\*\*"), r"\1"),
    (re.compile(r"(?<!\w)__(?=[^\s_])([^_\n]+)(?<=\S)__(?!\w)"), r"\1"),
    (re.compile(r"(?<![\w*])\*(?=[^\s*])([^*\n]+)(?<=\S)\*(?![\w*])"), r"\1"),
    (re.compile(r"`([^`\n]+)`"), r"\1"),
)

_LEFT_TO_RIGHT_MARK: Final = "\u200e"
_RIGHT_TO_LEFT_MARK: Final = "\u200f"
_RIGHT_TO_LEFT: Final = frozenset({"R", "AL"})
_STRONG: Final = _RIGHT_TO_LEFT | {"L"}
# After an Arabic letter "2026-11-23" is shown as 23-11-2026.
_HYPHENATED_NUMBER = re.compile(r"(?<![\w\u200e.-])\+?[0-9]+(?:-[0-9]+)+")
_LISTED = re.compile(r"(?:[0-9]{1,3}\.|•) ")


@dataclass(frozen=True)
class Option:
    """Something to choose; `id` goes through WeChat's menu message and comes back with a tap."""

    id: int
    title: str
    payload: str


@dataclass(frozen=True)
class Bubble:
    """A part of a reply that fits into one message with its options; `answer` is false for chatter."""

    text: str
    language: str
    options: tuple[Option, ...] = ()
    machine: bool = True
    answer: bool = True


class Sayable(Protocol):
    """A bubble, or the message that some became."""

    @property
    def text(self) -> str: ...
    @property
    def language(self) -> str: ...
    @property
    def options(self) -> tuple[Option, ...]: ...


def option_id(payload: str) -> int:
    """The decimal id of a button: "b12.1.3" is 120103. ValueError for a payload that is no button's."""
    if (unasked := _UNASKED.fullmatch(payload)) is not None:
        return int(unasked[1]) * 10000 + _UNASKED_PLACE * 100 + int(unasked[2])
    found = _PAYLOAD.fullmatch(payload)
    if found is None:
        raise ValueError("not the payload of a button")
    seq, place, number = map(int, found.groups())
    return seq * 10000 + place * 100 + number


def payload_of(id: int) -> str:
    """The payload whose `option_id` this is."""
    seq, place, number = id // 10000, id // 100 % 100, id % 100
    return f"m{seq}.{number}" if place == _UNASKED_PLACE else f"b{seq}.{place}.{number}"


def bubbles(said: Answer, *, locales: Locales, machine: bool = True, answer: bool = True) -> tuple[Bubble, ...]:
    """One bubble, or several when the text is long; the options stand below the last."""
    text = "\n\n".join(_sections(said, locales)) if machine else harmless(said.text)
    options = tuple(Option(option_id(one.payload), _label(one.title), one.payload) for one in said.buttons)
    parts = _parted(directed(text, said.lang), said.lang, needed("", options))
    last = len(parts) - 1
    return tuple(
        Bubble(part, said.lang, options if place == last else (), machine, answer) for place, part in enumerate(parts)
    )


def as_text(said: Sayable, locales: Locales, *, more: bool = False) -> str:
    """The text with numbered options and how to choose one, at most LIMIT bytes; and, below, how to read `more`."""
    parts = [said.text]
    if said.options:
        lines = [f"{number}. {option.title}" for number, option in enumerate(said.options, 1)]
        parts.append(directed("\n".join(lines), said.language))
        parts.append(locales.text(said.language, "wechat_choose_number"))
    if more:
        parts.append(locales.text(said.language, "wechat_more"))
    return "\n\n".join(part for part in parts if part)


def fits_menu(said: Sayable) -> bool:
    """Whether it can be sent as a menu message."""
    return 0 < len(said.options) <= MENU_ITEMS and size(said.text) <= MENU_HEAD


def as_menu(said: Sayable) -> dict[str, Any]:
    """The `msgmenu` of a menu message. ValueError when it cannot be one."""
    if not fits_menu(said):
        raise ValueError("not fit for a menu message")
    items = [{"id": str(option.id), "content": option.title} for option in said.options]
    return {"head_content": said.text, "list": items}


def ai_label(text: str, language: str, locales: Locales) -> str:
    """The text of a passive reply, which has no field to say that a machine wrote it; at most PASSIVE_LIMIT bytes."""
    label = "\n" + locales.text(language, "wechat_ai_label")
    return cut(text, PASSIVE_LIMIT - size(label)) + label


def needed(text: str, options: Sequence[Option]) -> int:
    """Bytes of a message with this text and these options, or a few more."""
    listed = sum(size(option.title) + _OPTION_ROOM for option in options)
    return size(text) + listed + (_CHOOSE_ROOM if options else 0)


def plain(text: str) -> str:
    """Without Markdown, which WeChat shows as it stands; addresses keep their every character."""
    for pattern, instead in _BLOCKS:
        text = pattern.sub(instead, text)
    return _outside_urls(_LINK.sub(_spelled_out, text), _unemphasised)


def harmless(text: str) -> str:
    """WeChat makes a link of whatever looks like one in HTML, a menu's tap too: only our own code may write that."""
    return text.replace("<", "＜")


def directed(text: str, language: str) -> str:
    """Right-to-left languages: lines that begin otherwise still run from the right; dates, phone numbers do not turn.

    A line without a letter of the language (a Chinese address, a URL) runs as it is.
    """
    if not LANGUAGES[language].rtl:
        return text
    lines = _outside_urls(text, _numbers_kept).split("\n")
    return "\n".join(_RIGHT_TO_LEFT_MARK + line if _runs_wrong(line) else line for line in lines)


def _sections(said: Answer, locales: Locales) -> Iterator[str]:
    lines = _Lines(locales, said.lang)
    if said.kind is Kind.URGENT:
        # The text ends with "say this, or show it": the Chinese sentences follow without a heading.
        yield from (harmless(section) for section in (plain(said.text), "\n".join(said.steps)) if section)
        return
    found = [
        [plain(said.text)],
        lines.steps(said.steps),
        lines.documents(said.documents),
        lines.office(said.office),
        lines.source(said.source, said.checked_on),
    ]
    yield from (harmless("\n".join(section)) for section in found if any(section))


@dataclass(frozen=True)
class _Lines:
    """The parts of an article's card."""

    locales: Locales
    language: str

    def steps(self, steps: Sequence[str]) -> list[str]:
        listed = [f"{number}. {plain(step)}" for number, step in enumerate(steps, 1)]
        return [self._word("steps"), *listed] if steps else []

    def documents(self, documents: Sequence[str]) -> list[str]:
        return [self._word("documents"), *(f"• {plain(document)}" for document in documents)] if documents else []

    def office(self, office: OfficeCard | None) -> list[str]:
        if office is None:
            return []
        lines = [self._word("where"), *dict.fromkeys((office.name, office.name_zh))]
        if office.address_zh:
            lines.append(self._named("address", office.address_zh))
        # A hotline's name is its number.
        if office.phone and office.phone not in office.name:
            lines.append(self._named("phone", office.phone))
        return lines

    def source(self, source: SourceLine | None, checked_on: str | None) -> list[str]:
        lines = []
        if source is not None:
            lines.append(self._named("source", source.title))
        if source is not None and source.url:
            lines.append(source.url)
        if checked_on:
            lines.append(self.locales.text(self.language, "wechat_checked_on", date=checked_on))
        return lines

    def _word(self, key: str) -> str:
        return self.locales.text(self.language, f"wechat_{key}")

    def _named(self, key: str, value: str) -> str:
        word = self._word(key)
        # The bracket or point that ends a Latin name stays at its end, not at the line's.
        end = _LEFT_TO_RIGHT_MARK if LANGUAGES[self.language].rtl else ""
        return f"{word}{value}" if word.endswith("：") else f"{word} {value}{end}"


def _parted(text: str, language: str, reserved: int) -> list[str]:
    if size(text) + reserved <= LIMIT:
        return [text.strip()]
    # A line that was cut may begin with a Latin word now.
    parts = pieces(text, PART_LIMIT - size(_RIGHT_TO_LEFT_MARK), reserved)
    return [directed(part, language) for part in parts]


def _label(title: str) -> str:
    return cut(harmless(" ".join(title.split())), MENU_ITEM)


def _spelled_out(link: re.Match[str]) -> str:
    title, address = link.group(1).strip(), link.group(2)
    return address if title == address else f"{title}: {address}"


def _outside_urls(text: str, change: Callable[[str], str]) -> str:
    return "".join(part if at % 2 else change(part) for at, part in enumerate(URL.split(text)))


def _numbers_kept(text: str) -> str:
    return _HYPHENATED_NUMBER.sub(f"{_LEFT_TO_RIGHT_MARK}\\g<0>", text)


def _unemphasised(text: str) -> str:
    for pattern, instead in _EMPHASIS:
        text = pattern.sub(instead, text)
    return text


def _runs_wrong(line: str) -> bool:
    """Whether a line of a right-to-left text would begin at the left."""
    directions = (unicodedata.bidirectional(character) for character in line)
    strong = [direction for direction in directions if direction in _STRONG]
    if not strong or strong[0] in _RIGHT_TO_LEFT:
        return False
    return not _RIGHT_TO_LEFT.isdisjoint(strong) or _LISTED.match(line) is not None
