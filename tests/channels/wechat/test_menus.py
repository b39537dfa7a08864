"""The menu: its file, the bodies that the platform gets, and installing it, tags included."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.channels.wechat.account import AccountKind
from bot.channels.wechat.api import WechatApi
from bot.channels.wechat.api_errors import ApiRefused, ApiUnknown
from bot.channels.wechat.codes import Reaction
from bot.channels.wechat.menus import (
    BOTH,
    Installed,
    MenuKey,
    Menus,
    act_of,
    install,
    language_tags,
    load,
    set_language_tag,
    tag_name,
)
from bot.conversations.plans import STARTERS, Act
from bot.errors import ContentError
from bot.knowledge.articles import Area
from bot.languages import ANSWERED
from bot.settings import ROOT
from tests.channels.wechat.calls import connected
from tests.fakes.wechat import WechatPlatform, drop, error

DATA = ROOT / "data" / "wechat"


@pytest.fixture(scope="module")
def menus() -> Menus:
    return load(DATA)


def keys(body: dict[str, Any]) -> list[str]:
    return [item["key"] for button in body["button"] for item in button.get("sub_button", [button])]


def names(body: dict[str, Any]) -> list[str]:
    inner = [item["name"] for button in body["button"] for item in button.get("sub_button", [])]
    return [button["name"] for button in body["button"]] + inner


def test_the_menu_of_the_project_has_every_key_once_and_opens_all_areas(menus: Menus) -> None:
    assert sorted(keys(menus.default())) == sorted(MenuKey)
    opened = {act_of(key) for key in keys(menus.default())}
    assert {(Act.AREA, area.value) for area in STARTERS} <= opened
    assert {Act.PERSON, Act.EMERGENCY, Act.LANGUAGES, Act.HELP} <= {act for act, _ in filter(None, opened)}


@pytest.mark.parametrize("key", ["", "AREA_", "area_medical", "AREA_NONE", "PERSON ", "MENU_OF_ANOTHER_TIME"])
def test_a_key_that_is_not_ours_does_nothing(key: str) -> None:
    assert act_of(key) is None


def test_every_key_is_understood() -> None:
    assert all(act_of(key.value) is not None for key in MenuKey)
    assert {act_of(f"AREA_{area.name}") for area in Area} == {(Act.AREA, area.value) for area in Area}


def test_the_default_menu_speaks_chinese_and_english(menus: Menus) -> None:
    assert all(re.search(r"[\u4e00-\u9fff]", name) and re.search("[A-Za-z]", name) for name in names(menus.default()))


def test_each_language_has_names_of_its_own_that_the_platform_takes(menus: Menus) -> None:
    bodies = {code: menus.conditional(code, 134) for code in ANSWERED}
    assert len({tuple(names(body)) for body in (*bodies.values(), menus.default())}) == len(ANSWERED) + 1
    for body in (*bodies.values(), menus.default()):
        assert 1 <= len(body["button"]) <= 3
        for button in body["button"]:
            assert len(button["name"].encode()) <= 16
            assert 1 <= len(button["sub_button"]) <= 5
            assert set(button) == {"name", "sub_button"}
            assert all(item["type"] == "click" and len(item["name"].encode()) <= 60 for item in button["sub_button"])


def test_a_language_is_matched_by_its_tag_and_nothing_else(menus: Menus) -> None:
    assert menus.conditional("vi", 134)["matchrule"] == {"tag_id": "134"}
    assert "matchrule" not in menus.default()


def test_the_default_menu_is_known_again_in_both_of_the_platforms_shapes(menus: Menus) -> None:
    shown = menus.default()
    packed = [{"name": one["name"], "sub_button": {"list": one["sub_button"]}} for one in shown["button"]]
    assert menus.is_default({"is_menu_open": 1, "selfmenu_info": {"button": packed}})
    assert menus.is_default({"menu": shown, "conditionalmenu": []})
    assert not menus.is_default({"selfmenu_info": {"button": packed[:2]}})
    assert not menus.is_default({"menu": menus.conditional("en", 1)})
    assert not menus.is_default({"is_menu_open": 0})


@pytest.fixture
async def wechat() -> AsyncIterator[WechatPlatform]:
    async with WechatPlatform() as platform:
        yield platform


@pytest.fixture
async def api(wechat: WechatPlatform) -> AsyncIterator[WechatApi]:
    async with connected(wechat) as connection:
        yield connection


def shown(wechat: WechatPlatform) -> dict[str, Any]:
    """Everything that the platform shows, by the tag's name; a tag with two menus shows the newer one."""
    by_tag = {wechat.tags.names[menu.tag]: menu.buttons for menu in wechat.menus.conditional}
    return {BOTH: wechat.menus.default, **by_tag}


def wanted(menus: Menus) -> dict[str, Any]:
    by_tag = {tag_name(code): menus.conditional(code, 1)["button"] for code in ANSWERED}
    return {BOTH: menus.default()["button"], **by_tag}


async def test_installing_makes_the_tags_the_default_menu_and_one_for_each_language(
    wechat: WechatPlatform, api: WechatApi, menus: Menus
) -> None:
    await api.create_tag("vip")
    done = await install(api, menus, AccountKind.SERVICE)
    assert done == Installed(tuple(map(tag_name, ANSWERED)), (), ANSWERED)
    assert shown(wechat) == wanted(menus)
    assert set(wechat.tags.names.values()) == {"vip", *done.created_tags}
    assert set(await language_tags(api)) == set(ANSWERED)


async def test_installing_again_leaves_the_same(wechat: WechatPlatform, api: WechatApi, menus: Menus) -> None:
    await api.create_tag("linli-vi")
    first = await install(api, menus, AccountKind.SUBSCRIPTION)
    assert first.kept_tags == ("linli-vi",)
    tags = dict(wechat.tags.names)
    second = await install(api, menus, AccountKind.SUBSCRIPTION)
    assert shown(wechat) == wanted(menus)
    assert len(wechat.menus.conditional) == len(ANSWERED)
    assert wechat.tags.names == tags
    assert "tags made: none" in second.lines()
    assert second.lines()[-1] == f"menus by language: {', '.join(ANSWERED)}"


async def test_an_older_menu_gives_way(wechat: WechatPlatform, api: WechatApi, menus: Menus) -> None:
    tag = await api.create_tag("linli-vi")
    other = {"type": "click", "name": "Old", "key": "OLD"}
    await api.create_menu({"button": [other]})
    await api.add_conditional({"button": [other], "matchrule": {"tag_id": str(tag)}})
    assert not menus.is_default(await api.current_menu() or {})
    await install(api, menus, AccountKind.SERVICE)
    assert shown(wechat) == wanted(menus)
    assert menus.is_default(await api.current_menu() or {})


async def test_an_account_without_tags_gets_the_default_menu_alone(
    wechat: WechatPlatform, api: WechatApi, menus: Menus
) -> None:
    wechat.fail("tags/get", error(48001))
    done = await install(api, menus, AccountKind.BASIC)
    assert done.languages == ()
    assert "this kind of account has no tags" in done.lines()[-1]
    assert shown(wechat) == {BOTH: menus.default()["button"]}


STEPS = ["tags/get", "tags/create", "menu/get", "menu/create", "menu/addconditional", "menu/delconditional"]


@pytest.mark.parametrize("path", STEPS)
async def test_an_installation_that_breaks_off_leaves_a_menu_and_the_next_one_mends_it(
    wechat: WechatPlatform, api: WechatApi, menus: Menus, path: str
) -> None:
    other = {"type": "click", "name": "Old", "key": "OLD"}
    await api.create_menu({"button": [other]})
    tag = await api.create_tag("linli-en")
    await api.add_conditional({"button": [other], "matchrule": {"tag_id": str(tag)}})
    wechat.fail(path, error(45009))
    with pytest.raises(ApiRefused):
        await install(api, menus, AccountKind.SERVICE)
    assert shown(wechat)[BOTH] in ([other], menus.default()["button"])
    assert shown(wechat)["linli-en"] in ([other], wanted(menus)["linli-en"])
    await install(api, menus, AccountKind.SERVICE)
    assert shown(wechat) == wanted(menus)
    assert len(wechat.menus.conditional) == len(ANSWERED)


async def test_a_menu_that_arrived_although_nobody_knows_is_not_left_behind(
    wechat: WechatPlatform, api: WechatApi, menus: Menus
) -> None:
    wechat.fail("menu/addconditional", drop(processed=True))
    with pytest.raises(ApiUnknown):
        await install(api, menus, AccountKind.SERVICE)
    await install(api, menus, AccountKind.SERVICE)
    assert shown(wechat) == wanted(menus)
    assert len(wechat.menus.conditional) == len(ANSWERED)


async def seen(api: WechatApi, openid: str) -> list[dict[str, Any]]:
    buttons: list[dict[str, Any]] = (await api.try_match(openid))["button"]
    return buttons


async def test_a_user_is_shown_the_menu_of_the_language_and_of_the_next_one(
    wechat: WechatPlatform, api: WechatApi, menus: Menus
) -> None:
    await install(api, menus, AccountKind.SERVICE)
    tags, user = await language_tags(api), wechat.user("a")
    assert await seen(api, user.openid) == menus.default()["button"]
    await set_language_tag(api, tags, user.openid, "vi", None)
    assert await seen(api, user.openid) == wanted(menus)["linli-vi"]
    await set_language_tag(api, tags, user.openid, "ar", "vi")
    assert await seen(api, user.openid) == wanted(menus)["linli-ar"]
    assert user.state.tags == [tags["ar"]]
    assert await seen(api, wechat.user("b").openid) == menus.default()["button"]


async def test_a_language_that_is_only_understood_gets_the_english_menu(
    wechat: WechatPlatform, api: WechatApi, menus: Menus
) -> None:
    await install(api, menus, AccountKind.SERVICE)
    tags, user = await language_tags(api), wechat.user("a")
    for language, before in (("ja", None), ("ko", "ja")):
        await set_language_tag(api, tags, user.openid, language, before)
        assert await seen(api, user.openid) == wanted(menus)["linli-en"]


async def test_the_new_tag_stands_even_if_the_old_one_cannot_be_taken(
    wechat: WechatPlatform, api: WechatApi, menus: Menus
) -> None:
    await install(api, menus, AccountKind.SERVICE)
    tags, user = await language_tags(api), wechat.user("a")
    await set_language_tag(api, tags, user.openid, "fr", None)
    wechat.fail("tags/members/batchuntagging", error(45009))
    with pytest.raises(ApiRefused):
        await set_language_tag(api, tags, user.openid, "ar", "fr")
    assert await seen(api, user.openid) == wanted(menus)["linli-ar"]


async def test_whoever_does_not_follow_is_refused_by_name(wechat: WechatPlatform, api: WechatApi, menus: Menus) -> None:
    await install(api, menus, AccountKind.SERVICE)
    gone = wechat.user("gone", following=False)
    with pytest.raises(ApiRefused) as refused:
        await set_language_tag(api, await language_tags(api), gone.openid, "vi", None)
    assert refused.value.reaction is Reaction.UNFOLLOWED
    assert gone.openid not in str(refused.value)


async def test_without_installed_menus_nobody_is_tagged(wechat: WechatPlatform, api: WechatApi) -> None:
    await api.create_tag("vip")
    user = wechat.user("a")
    await set_language_tag(api, await language_tags(api), user.openid, "vi", "en")
    assert user.state.tags == []


def changed(menu: Any, change: Callable[[list[dict[str, Any]]], object]) -> Any:
    change(menu["buttons"])
    return menu


WRONG: dict[str, tuple[Callable[[list[dict[str, Any]]], object], str]] = {
    "a long first name": (lambda rows: rows[0]["names"].update(en="Questions, please"), r"1: names: en: 17 bytes.* 16"),
    "a long name below": (
        lambda rows: rows[0]["buttons"][1]["names"].update(ar="ا" * 31),
        r"1\.2: names: ar: 62 bytes.* 60",
    ),
    "four buttons": (lambda rows: rows.append(rows[0]), "1 to 3 buttons"),
    "six below": (lambda rows: rows[0]["buttons"].extend(rows[2]["buttons"][:2]), "1: has 1 to 5"),
    "none below": (lambda rows: rows[1]["buttons"].clear(), "2: has 1 to 5"),
    "an unknown key": (lambda rows: rows[0]["buttons"][0].update(key="TAXI"), "1.1: key must be one of AREA_"),
    "no key": (lambda rows: rows[0]["buttons"][0].pop("key"), "1.1: has names"),
    "a key twice": (lambda rows: rows[0]["buttons"][0].update(key="HELP"), "twice"),
    "no emergency": (lambda rows: rows[2]["buttons"].pop(0), "EMERGENCY may not be left out"),
    "a language missing": (lambda rows: rows[0]["names"].pop("vi"), "1: names: must be there in exactly both, zh"),
    "an empty name": (lambda rows: rows[0]["names"].update(fr=""), "fr: must be a text"),
    "a name that is no text": (lambda rows: rows[0]["names"].update(fr=12), "fr: must be a text"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_menu_is_refused_with_its_place(case: str, tmp_path: Path) -> None:
    change, said = WRONG[case]
    menu = changed(yaml.safe_load((DATA / "menu.yml").read_text(encoding="utf-8")), change)
    (tmp_path / "menu.yml").write_text(yaml.safe_dump(menu, allow_unicode=True), encoding="utf-8")
    with pytest.raises(ContentError, match=said):
        load(tmp_path)


@pytest.mark.parametrize("text", ["", "buttons: 3", "- a", "buttons: []\nmore: 1", "buttons: [", "buttons: [[]]"])
def test_a_file_that_is_no_menu_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "menu.yml").write_text(text, encoding="utf-8")
    with pytest.raises(ContentError, match=r"menu\.yml"):
        load(tmp_path)


def test_a_first_button_may_do_something_itself(tmp_path: Path) -> None:
    own = dict.fromkeys((BOTH, *ANSWERED), "SOS")
    rows = [{"names": own, "key": "EMERGENCY"}, {"names": own, "key": "PERSON"}]
    (tmp_path / "menu.yml").write_text(yaml.safe_dump({"buttons": rows}), encoding="utf-8")
    assert load(tmp_path).default()["button"][0] == {"type": "click", "name": "SOS", "key": "EMERGENCY"}
