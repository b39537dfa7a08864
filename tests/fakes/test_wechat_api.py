"""The API of the WeChat of our own: what it refuses, and with which code."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest

from tests.fakes.wechat import (
    TEST_ACCOUNT,
    AccountData,
    By,
    Kind,
    Option,
    WechatPlatform,
    drop,
    error,
    html,
    slow,
)
from tests.fakes.wechat.caller import fetch_token, get, post, send_text, stable_token
from tests.fakes.wechat.standin import StandIn

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)

# --- tokens ---


async def test_stable_tokens(wechat: WechatPlatform) -> None:
    first = await stable_token(wechat)
    assert first["expires_in"] == 7200
    wechat.move(seconds=6800)
    again = await stable_token(wechat)
    assert (again["access_token"], again["expires_in"]) == (first["access_token"], 400)
    wechat.move(seconds=150)
    new = await stable_token(wechat)
    assert (new["access_token"] != first["access_token"], new["expires_in"]) == (True, 7200)
    assert wechat.tokens.fetched == 2
    user = wechat.user("a")
    body = {"touser": user.openid, "msgtype": "text", "text": {"content": "x"}}
    assert (await post(wechat, "message/custom/send", body, first["access_token"]))["errcode"] == 45015
    wechat.move(seconds=300)
    assert (await post(wechat, "message/custom/send", body, first["access_token"]))["errcode"] == 42001
    assert (await post(wechat, "message/custom/send", body, "unknown"))["errcode"] == 40001
    assert (await post(wechat, "message/custom/send", body, ""))["errcode"] == 41001


async def test_who_may_fetch_a_token(wechat: WechatPlatform) -> None:
    assert (await stable_token(wechat, secret="wrong"))["errcode"] == 40125
    assert (await stable_token(wechat, appid="wx0"))["errcode"] == 40013
    wechat.tokens.whitelist = {"203.0.113.7"}
    refused = await stable_token(wechat)
    assert refused["errcode"] == 40164
    assert refused["errmsg"].startswith("invalid ip 127.0.0.1 ipv6 ::ffff:127.0.0.1, not in whitelist rid: ")


async def test_forcing_a_token_kills_the_old_one_and_is_rare(wechat: WechatPlatform) -> None:
    first = await fetch_token(wechat)
    assert await fetch_token(wechat, force_refresh=True) != first
    assert (await stable_token(wechat, force_refresh=True))["errcode"] == 45011
    assert (await post(wechat, "menu/create", {}, first))["errcode"] == 40001


# --- customer-service messages ---


async def test_a_message_opens_five_in_48_hours(wechat: WechatPlatform) -> None:
    user = wechat.user("a")
    assert await send_text(wechat, user.openid) == 45015
    await user.says("hello")
    assert [await send_text(wechat, user.openid) for _ in range(6)] == [0, 0, 0, 0, 0, 45047]
    await user.says("more")
    wechat.move(hours=47, minutes=59)
    assert (await send_text(wechat, user.openid), user.left) == (0, 4)
    wechat.move(minutes=1)
    assert await send_text(wechat, user.openid) == 45015
    assert len(user.shown) == 6


async def test_taps_clicks_scans_and_following_open_three_in_a_minute(wechat: WechatPlatform) -> None:
    for number, act in enumerate(("taps", "clicks", "scans", "follows")):
        user = wechat.user(f"u{number}")
        await getattr(user, act)(Option("101", "满意") if act == "taps" else "KEY")
        assert [await send_text(wechat, user.openid) for _ in range(4)] == [0, 0, 0, 45047]
        wechat.move(seconds=60)
        assert await send_text(wechat, user.openid) == 45015


async def test_the_window_that_ends_first_is_used_first(wechat: WechatPlatform) -> None:
    user = wechat.user("a")
    await user.says("hello")
    await user.clicks("KEY")
    assert (user.left, await send_text(wechat, user.openid)) == (8, 0)
    wechat.move(seconds=61)
    assert user.left == 5


async def test_unknown_and_unfollowed(wechat: WechatPlatform) -> None:
    assert await send_text(wechat, "o" + "0" * 27) == 40003
    user = wechat.user("a")
    await user.says("hello")
    await user.unfollows()
    assert await send_text(wechat, user.openid) == 45015


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"msgtype": "text", "text": {"content": ""}}, 44004),
        ({"msgtype": "text", "text": {"content": "好" * 683}}, 45002),
        ({"msgtype": "text", "text": {"content": "好" * 682 + "ab"}}, 0),
        ({"msgtype": "text", "text": {"content": 7}}, 47001),
        ({"msgtype": "text", "text": {"content": "x"}, "key": 1}, 47001),
        ({"msgtype": "other"}, 40008),
        ({"msgtype": "image", "image": {"media_id": "unknown"}}, 40007),
        ({"msgtype": "news", "news": {"articles": [{}, {}]}}, 45008),
        ({"msgtype": "msgmenu", "msgmenu": {"list": [{"id": "1", "content": "x"}] * 11}}, 45098),
        ({"msgtype": "msgmenu", "msgmenu": {"list": [{"id": "1", "content": "x" * 129}]}}, 45099),
        ({"msgtype": "msgmenu", "msgmenu": {"list": [{"id": 1, "content": "x"}]}}, 47001),
    ],
)
async def test_bodies_that_are_refused(wechat: WechatPlatform, body: dict[str, Any], code: int) -> None:
    user = wechat.user("a")
    await user.says("hello")
    answer = await post(wechat, "message/custom/send", {"touser": user.openid, **body})
    assert answer["errcode"] == code
    assert user.left == 5 - (code == 0), "what is refused costs nothing"


async def test_escapes_are_refused_and_backslashes_are_not(wechat: WechatPlatform) -> None:
    user = wechat.user("a")
    await user.says("hello")
    raw = b'{"touser":"%s","msgtype":"text","text":{"content":"%s"}}'
    for text, code in ((rb"\u60a8", 40033), (rb"C:\\users", 0), (rb"\\\u60a8", 40033)):
        answer = await post(wechat, "message/custom/send", raw % (user.openid.encode(), text))
        assert answer["errcode"] == code


async def test_a_menu_message_and_its_taps(wechat: WechatPlatform, account_server: StandIn) -> None:
    user = wechat.user("a")
    await user.says("hello")
    menu = {"head_content": "满意吗", "list": [{"id": "101", "content": "满意"}, {"id": "102", "content": "不"}]}
    body = {"touser": user.openid, "msgtype": "msgmenu", "msgmenu": menu, "aimsgcontext": {"is_ai_msg": 1}}
    assert (await post(wechat, "message/custom/send", body))["errcode"] == 0
    shown = await user.next()
    assert (shown.text, [option.content for option in shown.options], shown.ai) == ("满意吗", ["满意", "不"], True)
    await user.taps(2)
    assert account_server.pushed[-1].content == "不"
    assert account_server.pushed[-1]._data["bizmsgmenuid"] == "102"
    wechat.forgets_menu_ids = True
    await user.taps("满意")
    assert account_server.pushed[-1]._data["bizmsgmenuid"] == "0"
    assert user.left == 7
    with pytest.raises(LookupError):
        await user.taps(3)


@pytest.mark.parametrize(("kind", "menu", "text"), [(Kind.SUBSCRIPTION, 40200, 0), (Kind.BASIC, 48001, 48001)])
async def test_what_other_accounts_may_not(account_server: StandIn, kind: Kind, menu: int, text: int) -> None:
    account = AccountData(**{**TEST_ACCOUNT.__dict__, "kind": kind})
    async with WechatPlatform(account_server.url, account=account) as wechat:
        user = wechat.user("a")
        await user.says("hello")
        body = {"touser": user.openid, "msgtype": "msgmenu", "msgmenu": {"list": [{"id": "1", "content": "x"}]}}
        assert (await post(wechat, "message/custom/send", body))["errcode"] == menu
        assert await send_text(wechat, user.openid) == text
        assert (await post(wechat, "qrcode/create", {}))["errcode"] == 48001


async def test_typing(wechat: WechatPlatform) -> None:
    user = wechat.user("a")

    async def typing(command: str = "Typing") -> int:
        return int(
            (await post(wechat, "message/custom/typing", {"touser": user.openid, "command": command}))["errcode"]
        )

    assert await typing() == 45015
    await user.says("hello")
    assert [await typing(), await typing(), user.typing] == [0, 45081, True]
    assert [await typing("CancelTyping"), user.typing, await typing()] == [0, False, 0]
    assert (await send_text(wechat, user.openid), user.typing) == (0, False)
    wechat.move(seconds=31)
    assert [await typing(), await typing("Other")] == [45080, 45072]


# --- menus and tags ---

MENU = {
    "button": [
        {"type": "click", "name": "预约", "key": "BOOK"},
        {"name": "帮助", "sub_button": [{"type": "view", "name": "网站", "url": "https://example.org/"}]},
    ]
}


async def test_menus_by_tag(wechat: WechatPlatform) -> None:
    user = wechat.user("a")
    own = {"button": [{"type": "click", "name": "Ask", "key": "ASK"}]}
    assert (await get(wechat, "menu/get"))["errcode"] == 46003
    tag = (await post(wechat, "tags/create", {"tag": {"name": "linli-en"}}))["tag"]["id"]
    conditional = {**own, "matchrule": {"tag_id": str(tag)}}
    assert (await post(wechat, "menu/addconditional", conditional))["errcode"] == 65303
    assert (await post(wechat, "menu/create", MENU))["errcode"] == 0
    menu_id = (await post(wechat, "menu/addconditional", conditional))["menuid"]
    assert (await post(wechat, "menu/trymatch", {"user_id": user.openid}))["button"] == MENU["button"]
    tagging = {"openid_list": [user.openid], "tagid": tag}
    assert (await post(wechat, "tags/members/batchtagging", tagging))["errcode"] == 0
    assert (await post(wechat, "tags/getidlist", {"openid": user.openid}))["tagid_list"] == [tag]
    assert (await post(wechat, "menu/trymatch", {"user_id": user.openid}))["button"] == own["button"]
    found = await get(wechat, "menu/get")
    assert found["menu"]["button"] == MENU["button"]
    assert [menu["menuid"] for menu in found["conditionalmenu"]] == [int(menu_id)]
    info = await get(wechat, "get_current_selfmenu_info")
    assert info["selfmenu_info"]["button"][1]["sub_button"]["list"][0]["name"] == "网站"
    assert (await post(wechat, "menu/delconditional", {"menuid": menu_id}))["errcode"] == 0
    assert (await post(wechat, "menu/delconditional", {"menuid": menu_id}))["errcode"] == 65301
    assert (await get(wechat, "menu/delete"))["errcode"] == 0
    assert (await get(wechat, "menu/get"))["errcode"] == 46003


@pytest.mark.parametrize(
    ("buttons", "code"),
    [
        ([], 40016),
        ([MENU["button"][0]] * 4, 40016),
        ([{"type": "click", "name": "预约挂号服务", "key": "K"}], 40018),
        ([{"type": "click", "name": "x", "key": "K" * 129}], 40019),
        ([{"type": "view", "name": "x"}], 40020),
        ([{"type": "view", "name": "x", "url": "example.org"}], 65317),
        ([{"type": "other", "name": "x"}], 40017),
        ([{"name": "x"}], 40017),
        ([{"name": "x", "sub_button": [MENU["button"][0]] * 6}], 40023),
        ([{"name": "x", "sub_button": [{"type": "click", "name": "é" * 31, "key": "K"}]}], 40025),
        ([{"name": "x", "sub_button": [{"type": "view", "name": "y"}]}], 40027),
        ([{"name": "x", "sub_button": [{"name": "y", "sub_button": [MENU["button"][0]]}]}], 40024),
        (
            [
                {
                    "name": "x",
                    "sub_button": [{"type": "view", "name": "y", "url": f"https://{n}.cn/"} for n in range(4)],
                }
            ],
            65316,
        ),
    ],
)
async def test_menus_that_are_refused(wechat: WechatPlatform, buttons: Any, code: int) -> None:
    assert (await post(wechat, "menu/create", {"button": buttons}))["errcode"] == code


async def test_a_rule_by_language_is_refused(wechat: WechatPlatform) -> None:
    await post(wechat, "menu/create", MENU)
    for rule, code in (({"language": "en"}, 65320), ({}, 65304), ({"tag_id": "7"}, 45159)):
        assert (await post(wechat, "menu/addconditional", {**MENU, "matchrule": rule}))["errcode"] == code


async def test_tags_have_limits(wechat: WechatPlatform) -> None:
    assert (await post(wechat, "tags/create", {"tag": {"name": "x" * 31}}))["errcode"] == 45158
    tag = (await post(wechat, "tags/create", {"tag": {"name": "a"}}))["tag"]["id"]
    assert (await post(wechat, "tags/create", {"tag": {"name": "a"}}))["errcode"] == 45157
    openid = wechat.user("a").openid
    for openids, tagid, code in (([openid] * 51, tag, 40032), ([openid], 7, 45159), (["o"], tag, 40003)):
        asked = {"openid_list": openids, "tagid": tagid}
        assert (await post(wechat, "tags/members/batchtagging", asked))["errcode"] == code
    assert (await get(wechat, "tags/get"))["tags"] == [{"id": tag, "name": "a", "count": 0}]


# --- the rest ---


async def test_codes_with_a_scene(wechat: WechatPlatform) -> None:
    asked = {"expire_seconds": 600, "action_name": "QR_STR_SCENE", "action_info": {"scene": {"scene_str": "c=1&l=vi"}}}
    made = await post(wechat, "qrcode/create", asked)
    assert made["expire_seconds"] == 600
    assert wechat.codes.scene_of(made["ticket"]) == "c=1&l=vi"
    kind, picture = await get(wechat, "showqrcode", ticket=made["ticket"])
    assert (kind, picture[:3]) == ("image/jpg", b"\xff\xd8\xff")
    asked["action_info"] = {"scene": {"scene_str": "x" * 65}}
    assert (await post(wechat, "qrcode/create", asked))["errcode"] == 47001


async def test_media_live_three_days(wechat: WechatPlatform, account_server: StandIn) -> None:
    await wechat.user("a").sends_voice(b"#!AMR\n" + b"x" * 10)
    media_id = account_server.pushed[0]._data["MediaId16K"]
    assert await get(wechat, "media/get", media_id=media_id) == ("audio/amr", b"#!AMR\n" + b"x" * 10)
    wechat.move(days=3)
    assert (await get(wechat, "media/get", media_id=media_id))["errcode"] == 40007


@pytest.mark.parametrize(("data", "code"), [(b"\x89PNG....", None), (b"text", 40005), (b"\x89PNG" * 3_000_000, 40009)])
async def test_uploads(wechat: WechatPlatform, data: bytes, code: int | None) -> None:
    form = aiohttp.FormData()
    form.add_field("media", data, filename="a.png")
    query = {"access_token": await fetch_token(wechat), "type": "image"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{wechat.url}/cgi-bin/media/upload", params=query, data=form) as response,
    ):
        answer = await response.json(content_type=None)
    assert answer.get("errcode") == code
    if code is None:
        user = wechat.user("a")
        await user.says("x")
        body = {"touser": user.openid, "msgtype": "image", "image": {"media_id": answer["media_id"]}}
        assert (await post(wechat, "message/custom/send", body))["errcode"] == 0
        assert user.shown[-1].media_id == answer["media_id"]


async def test_template_messages(wechat: WechatPlatform, account_server: StandIn) -> None:
    wechat.notices.has("TPL", "thing1", "time2", "const3", constants=("待就诊",))
    user = wechat.user("a")
    values = {"thing1": "王医生门诊", "time2": "2026年11月24日 15:01", "const3": "待就诊"}

    async def send(client_msg_id: str = "", **changed: str) -> dict[str, Any]:
        data = {name: {"value": value} for name, value in {**values, **changed}.items()}
        asked = {"touser": user.openid, "template_id": "TPL", "data": data, "client_msg_id": client_msg_id}
        return await post(wechat, "message/template/send", asked)

    first = await send("one")
    assert first == await send("one")
    assert len(user.shown) == 1
    assert user.shown[0].by is By.TEMPLATE
    for changed in ({"thing1": "x" * 21}, {"time2": "tomorrow"}, {"const3": "other"}, {"name4": "x"}):
        assert (await send(**changed))["errcode"] == 47003
    for _ in range(100):
        if account_server.pushed:
            break
            await asyncio.sleep(0.01)
    assert account_server.pushed[0].event == "templatesendjobfinish"
    await user.unfollows()
    assert (await send())["errcode"] == 43004


async def test_subscription_notices_need_consent(wechat: WechatPlatform) -> None:
    wechat.notices.has("SUB", "thing1", subscription=True)
    user = wechat.user("a")
    asked = {"touser": user.openid, "template_id": "SUB", "data": {"thing1": {"value": "x"}}}
    assert (await post(wechat, "message/subscribe/bizsend", asked))["errcode"] == 43101
    await user.decides("SUB", accepts=True)
    assert [(await post(wechat, "message/subscribe/bizsend", asked))["errcode"] for _ in range(2)] == [0, 43101]


async def test_user_info_says_the_same_language_of_everyone(wechat: WechatPlatform) -> None:
    user = wechat.user("a", following=False)
    assert await get(wechat, "user/info", openid=user.openid) == {"subscribe": 0, "openid": user.openid}
    await user.follows("c=1&l=vi")
    info = await get(wechat, "user/info", openid=user.openid)
    assert (info["language"], info["qr_scene_str"]) == ("zh_CN", "c=1&l=vi")


async def test_quotas_and_addresses(wechat: WechatPlatform) -> None:
    wechat.ledger.daily["/cgi-bin/message/custom/send"] = 2
    user = wechat.user("a")
    await user.says("x")
    assert [await send_text(wechat, user.openid) for _ in range(3)] == [0, 0, 45009]
    quota = await post(wechat, "openapi/quota/get", {"cgi_path": "/cgi-bin/message/custom/send"})
    assert quota["quota"] == {"daily_limit": 2, "used": 2, "remain": 0}
    assert await get(wechat, "getcallbackip") == {"ip_list": ["127.0.0.1"]}


async def test_failures_to_order(wechat: WechatPlatform) -> None:
    user = wechat.user("a")
    await user.says("x")
    wechat.fail("message/custom/send", error(42001, times=2))
    assert [await send_text(wechat, user.openid) for _ in range(3)] == [42001, 42001, 0]
    wechat.fail("message/custom/send", drop(processed=True))
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await send_text(wechat, user.openid)
    wechat.fail("message/custom/send", html())
    with pytest.raises(ValueError, match="Expecting value"):
        await send_text(wechat, user.openid)
    wechat.fail("message/custom/send", slow(0.05))
    assert await send_text(wechat, user.openid) == 0
    assert len(user.shown) == 3, "the one with a broken connection arrived, the page stands for one that did not"
    codes = [called.code for called in wechat.ledger.of("message/custom/send")]
    assert codes == [42001, 42001, 0, 0, None, 0]
    assert all("您好".encode() in called.raw for called in wechat.ledger.of("message/custom/send"))
