"""The menu below the chat: bilingual for everybody, and one in each answered language for whoever has its tag.

The platform no longer matches a menu by the language of the user's phone (65320), so a tag stands for the language.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from bot.channels.web.texts import read_yaml
from bot.channels.wechat.account import AccountKind
from bot.channels.wechat.contents import by_language
from bot.conversations.plans import Act
from bot.errors import ContentError
from bot.knowledge.articles import Area
from bot.languages import ANSWERED, answer_language

# The name of the menu that is shown to whoever has no tag yet; it stands beside the languages in the file.
BOTH = "both"
MENU_FILE = "menu.yml"
_TAG_PREFIX = "linli-"
# The platform's limits, in bytes of UTF-8.
_LONGEST_FIRST, _LONGEST_SECOND = 16, 60
_MOST_FIRST, _MOST_SECOND = 3, 5


class MenuKey(StrEnum):
    """What the platform sends back when a button is tapped. A menu may be days old: never give a key a new meaning."""

    AREA_IMMIGRATION = "AREA_IMMIGRATION"
    AREA_MEDICAL = "AREA_MEDICAL"
    AREA_FINANCE = "AREA_FINANCE"
    AREA_COMMUNITY = "AREA_COMMUNITY"
    AREA_LIFE = "AREA_LIFE"
    AREA_EDUCATION = "AREA_EDUCATION"
    PERSON = "PERSON"
    EMERGENCY = "EMERGENCY"
    LANGUAGE = "LANGUAGE"
    HELP = "HELP"


# Help that a menu must never lack.
_NEEDED = frozenset({MenuKey.PERSON, MenuKey.EMERGENCY})


_ACTS: Mapping[str, tuple[Act, str]] = {
    **{MenuKey(f"AREA_{area.name}"): (Act.AREA, area.value) for area in Area},
    MenuKey.PERSON: (Act.PERSON, ""),
    MenuKey.EMERGENCY: (Act.EMERGENCY, ""),
    MenuKey.LANGUAGE: (Act.LANGUAGES, ""),
    MenuKey.HELP: (Act.HELP, ""),
}


def act_of(key: str) -> tuple[Act, str] | None:
    """What a tapped button does, and its argument; None for a key that is not ours."""
    return _ACTS.get(key)


@dataclass(frozen=True)
class Item:
    """A button that does something; `names` by language and BOTH."""

    names: Mapping[str, str]
    key: MenuKey

    def body(self, language: str) -> dict[str, Any]:
        return {"type": "click", "name": self.names[language], "key": self.key.value}


@dataclass(frozen=True)
class Group:
    """A button that opens others; tapping it tells the server nothing."""

    names: Mapping[str, str]
    items: tuple[Item, ...]

    def body(self, language: str) -> dict[str, Any]:
        return {"name": self.names[language], "sub_button": [item.body(language) for item in self.items]}


@dataclass(frozen=True)
class Menus:
    buttons: tuple[Item | Group, ...]

    def default(self) -> dict[str, Any]:
        return {"button": self._bodies(BOTH)}

    def conditional(self, language: str, tag_id: int) -> dict[str, Any]:
        return {"button": self._bodies(language), "matchrule": {"tag_id": str(tag_id)}}

    def is_default(self, current: Mapping[str, Any]) -> bool:
        """Whether this answer of get_current_selfmenu_info (or menu/get) shows the default menu as it is here."""
        menu = current.get("selfmenu_info") or current.get("menu") or {}
        return list(_flat(menu.get("button") or ())) == list(_flat(self._bodies(BOTH)))

    def _bodies(self, language: str) -> list[dict[str, Any]]:
        return [button.body(language) for button in self.buttons]


def _flat(buttons: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, ...]]:
    """Name and key of every button; get_current_selfmenu_info packs the inner ones into a `list`."""
    for button in buttons:
        yield str(button.get("name")), str(button.get("key", ""))
        inner = button.get("sub_button") or ()
        yield from _flat(inner.get("list") or () if isinstance(inner, Mapping) else inner)


def load(folder: Path) -> Menus:
    """ContentError naming what is wrong in menu.yml."""
    data = read_yaml(folder / MENU_FILE)
    place = MENU_FILE
    if not isinstance(data, dict) or set(data) != {"buttons"}:
        raise ContentError(f"{place}: has buttons, nothing else")
    rows = _rows(place, data["buttons"], _MOST_FIRST)
    menus = Menus(tuple(_button(f"{place}: {number}", raw) for number, raw in enumerate(rows, 1)))
    _check_keys(place, [item.key for button in menus.buttons for item in _items(button)])
    return menus


def _rows(place: str, raw: Any, most: int) -> list[Any]:
    if not isinstance(raw, list) or not 1 <= len(raw) <= most:
        raise ContentError(f"{place}: has 1 to {most} buttons")
    return raw


def _button(place: str, raw: Any) -> Item | Group:
    if isinstance(raw, dict) and set(raw) == {"names", "buttons"}:
        rows = _rows(place, raw["buttons"], _MOST_SECOND)
        items = (_item(f"{place}.{number}", row, _LONGEST_SECOND) for number, row in enumerate(rows, 1))
        return Group(_names(place, raw["names"], _LONGEST_FIRST), tuple(items))
    return _item(place, raw, _LONGEST_FIRST)


def _item(place: str, raw: Any, longest: int) -> Item:
    if not isinstance(raw, dict) or set(raw) != {"names", "key"}:
        raise ContentError(f"{place}: has names, and a key or (on the first level) buttons")
    try:
        key = MenuKey(raw["key"])
    except ValueError:
        raise ContentError(f"{place}: key must be one of {', '.join(MenuKey)}") from None
    return Item(_names(place, raw["names"], longest), key)


def _names(place: str, raw: Any, longest: int) -> Mapping[str, str]:
    names = by_language(f"{place}: names", raw, BOTH)
    for language, name in names.items():
        if (size := len(name.encode())) > longest:
            raise ContentError(f"{place}: names: {language}: {size} bytes, the platform allows {longest}")
    return names


def _items(button: Item | Group) -> tuple[Item, ...]:
    return button.items if isinstance(button, Group) else (button,)


def _check_keys(place: str, keys: Sequence[MenuKey]) -> None:
    if len(set(keys)) != len(keys):
        raise ContentError(f"{place}: a key stands twice")
    if missing := _NEEDED - set(keys):
        raise ContentError(f"{place}: the keys {', '.join(sorted(missing))} may not be left out")


class MenuApi(Protocol):
    """What of the platform's interface is needed to install menus; each raises the interface's named errors."""

    async def tags(self) -> Mapping[str, int]: ...

    async def create_tag(self, name: str) -> int: ...

    async def menus(self) -> Mapping[str, Any]: ...

    async def create_menu(self, body: Mapping[str, Any]) -> None: ...

    async def add_conditional(self, body: Mapping[str, Any]) -> str: ...

    async def delete_conditional(self, menu_id: str) -> None: ...


class TagApi(Protocol):
    async def tag(self, openids: Sequence[str], tagid: int) -> None: ...

    async def untag(self, openids: Sequence[str], tagid: int) -> None: ...


@dataclass(frozen=True)
class Installed:
    """What an installation did: tags made anew, tags that were there, and the languages that have their own menu."""

    created_tags: tuple[str, ...]
    kept_tags: tuple[str, ...]
    languages: tuple[str, ...]

    def lines(self) -> tuple[str, ...]:
        return (
            "default menu: installed (Chinese and English)",
            f"tags made: {', '.join(self.created_tags) or 'none'}",
            f"tags that were there: {', '.join(self.kept_tags) or 'none'}",
            f"menus by language: {', '.join(self.languages) or 'none (this kind of account has no tags)'}",
        )


async def install(api: MenuApi, menus: Menus, kind: AccountKind) -> Installed:
    """Replace the account's menus; running it again leaves the same, and mends a run that broke off.

    Nobody is without a menu meanwhile, and an account that refuses something keeps what it has: of two menus for a tag
    the platform shows the newer one, so the old ones go last. Raises the interface's errors.
    """
    if not kind.tags:
        await api.create_menu(menus.default())
        return Installed((), (), ())
    there = await language_tags(api)
    tags = {code: there[code] if code in there else await api.create_tag(tag_name(code)) for code in ANSWERED}
    old = [str(menu["menuid"]) for menu in (await api.menus()).get("conditionalmenu") or ()]
    await api.create_menu(menus.default())
    for code, tag_id in tags.items():
        await api.add_conditional(menus.conditional(code, tag_id))
    for menu_id in old:
        await api.delete_conditional(menu_id)
    created = tuple(tag_name(code) for code in ANSWERED if code not in there)
    return Installed(created, tuple(tag_name(code) for code in ANSWERED if code in there), ANSWERED)


def tag_name(language: str) -> str:
    return f"{_TAG_PREFIX}{language}"


async def language_tags(api: MenuApi) -> dict[str, int]:
    """The ids of the tags that stand for answered languages, by language; tags of the account's own are left out."""
    tags = await api.tags()
    return {code: tags[tag_name(code)] for code in ANSWERED if tag_name(code) in tags}


async def set_language_tag(
    api: TagApi, tags: Mapping[str, int], openid: str, language: str, before: str | None
) -> None:
    """Show this user the menu of `language`; without its tag (menus not installed) nothing changes.

    The new tag comes first: the platform goes by the tag set last, so that the menu is right even if the second call
    fails. Raises the interface's errors.
    """
    new = tags.get(answer_language(language))
    old = tags.get(answer_language(before)) if before is not None else None
    if new is None:
        return
    await api.tag([openid], new)
    if old is not None and old != new:
        await api.untag([openid], old)
