"""The pushes of the WeChat of our own, against the sheet's vectors and an independent library."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web

from tests.fakes.wechat import (
    TEST_ACCOUNT,
    AccountData,
    By,
    Mode,
    NotFollowingError,
    Outcome,
    WechatPlatform,
    many,
)
from tests.fakes.wechat.crypt import BadReplyError, decrypt, encrypt, signature
from tests.fakes.wechat.replies import Asked, read_reply
from tests.fakes.wechat.standin import PEER, StandIn, reply, reply_xml

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)


def test_the_sheets_account() -> None:
    assert TEST_ACCOUNT.key.hex() == "a8673a08881834805176f111824561ccfa1153c625616cc2b87a56323a4f2181"
    with pytest.raises(ValueError, match="43"):
        AccountData(**{**TEST_ACCOUNT.__dict__, "aes_key": "short"})


# --- crypto: sheet 26.1, 26.2 ---


def test_the_official_signatures() -> None:
    assert signature("AAAAA", "1714036504", "1514711492") == "f464b24fc39322e44b38aa78f5edd27bd1441696"
    assert signature("tokenA", "10", "Zz") == "bc4b79efff128a222992ab1c0298c28143a622e3"


def test_vector_c_with_a_whole_block_of_padding() -> None:
    encrypted = encrypt(TEST_ACCOUNT.key, b"<xml><a>pad32-ok</a></xml>", TEST_ACCOUNT.appid, b"A" * 16)
    assert encrypted == (
        "DW4f2B6BEhUU5ER53lNMA9md6SE0/JNIfEHMhMYBw7cGGBWEBL7ZdYG62xGYRGNn0N/iv3LW7NV1QQFoqEqB7n2E/Hr5LS41SyiLnsji83G1T"
        "/jjY98yuRK5xEHQKJt5"
    )
    assert decrypt(TEST_ACCOUNT.key, encrypted, TEST_ACCOUNT.appid) == b"<xml><a>pad32-ok</a></xml>"
    assert signature(TEST_ACCOUNT.token, "1760000002", "7", encrypted) == "264ba1a528db9b0d8b3b7e8ef42d47a8b5369c36"


@pytest.mark.parametrize(
    ("encrypted", "why"),
    [
        (
            "bG5DrjADPctgsMND9YQahQWwYwmVhwxgTX8WbwOECxZzkXwEIbG3q/BSb9c1ewYiUQES+CtnhkHfeeCTMK9Tuq4/MWsybftVJ5U2Mnke+7t"
            "D6oh72MMTj4MoOuvqTobs",
            "AppID",
        ),
        (
            "bG5DrjADPctgsMND9YQahQWwYwmVhwxgTX8WbwOECxZzkXwEIbG3q/BSb9c1ewYiUQES+CtnhkHfeeCTMK9TuhB+yt2aYSZ2YXHUl3Hi0wR"
            "HT9FcniHRgG/atr8XxMeP",
            "padding",
        ),
        (
            "bG5DrjADPctgsMND9YQahchd8nzZv9pkTLNybQ0DUYWhf6IU2pvfBLQAgxi3Aaf7AqB3dintWZd0y36KBMpjtBqkb99hW/pK3ssahvYcvXa"
            "ThIy9AXAr8z3hGcZ8umk3",
            "msg_len",
        ),
    ],
)
def test_broken_encryption_is_refused(encrypted: str, why: str) -> None:
    with pytest.raises(BadReplyError, match=why):
        decrypt(TEST_ACCOUNT.key, encrypted, TEST_ACCOUNT.appid)


def test_vector_b_is_read_as_a_reply() -> None:
    body = (
        "<xml>\n<Encrypt><![CDATA[aFKBddqmlkAtiE65OhfEL9mNkYdJVWOCWrbfZO8jomBoYNIEcq4tCVyP1Uu9ZSSo+IFCOebnpoZHKa2KSxAqG"
        "50mWtjsgKk7BN5myJAuj4yPSV2PutQf36vP1o2jQ1qgjFr6JfP8DorhxAIWIPfyWYGEkpn3vQP+u348Pevur3F3dqaV/eAtI+In3y26I6Ciujpz"
        "RKdcC+e+9B1gM/Nq1taeDhtMKyKBW/0B/j39fjkw1AJA6a/k8D+bq5REQV5kXXN8bWUfJTaGLtInKJgTRCWODzxYbZM3H2qJgOzQ4SxivVo74b5"
        "YC7XAzHVWZByeDiOhp5++ohknjKxRrdBs9o849XjTXN9F7oOginfNNF8JDbe5RnbpmB4QhSkeQSXM3JqFRtWftyYk5O8zURcsFZovKzMq7FZihw"
        "Gg9EPyRH0=]]></Encrypt>\n<MsgSignature><![CDATA[ff64c74e9fd3669a01abad95c93fc4e438ba08e2]]></MsgSignature>\n"
        "<TimeStamp>1760000001</TimeStamp>\n<Nonce><![CDATA[1320562132]]></Nonce>\n</xml>"
    )
    read = read_reply(body.encode(), Asked("oTest_0penID-abcdefghijklmno", False, TEST_ACCOUNT))
    assert read is not None
    assert read.text == "您好！已收到。"


# --- pushes ---


async def test_a_push_is_what_the_independent_library_reads(wechat: WechatPlatform, account_server: StandIn) -> None:
    user = wechat.user("a")
    delivery = await user.says("你好，我想预约 😀 ]]></Content>")
    assert (delivery.outcome, len(delivery.attempts)) == (Outcome.SUCCESS, 1)
    (message,) = account_server.pushed
    assert message.content == "你好，我想预约 😀 ]]></Content>"
    assert (message.source, message.target, message.create_time.timestamp()) == (
        user.openid,
        TEST_ACCOUNT.original_id,
        NOW.timestamp(),
    )
    (query,) = account_server.queries
    assert query["signature"] == signature(TEST_ACCOUNT.token, query["timestamp"], query["nonce"])
    assert (query["openid"], query["encrypt_type"], len(user.openid)) == (user.openid, "aes", 28)
    assert "你好" not in account_server.bodies[0].decode()


async def test_every_kind_of_push(wechat: WechatPlatform, account_server: StandIn) -> None:
    user = wechat.user("a", following=False)
    await user.scans("front-desk")
    await user.scans("other")
    await user.clicks("HELP")
    await user.sends_image()
    await user.sends_voice()
    await user.sends_video()
    await user.sends_location(31.82, 117.22, "合肥市蜀山区")
    await user.sends_link("t", "https://example.org/")
    await user.views("https://example.org/")
    await user.scans_by_menu("SCAN1", "https://example.org/?a=1&b=2")
    await user.is_at(31.8, 117.2)
    await user.decides("TPL", accepts=True)
    await user.withdraws("TPL", "TPL2")
    await user.unfollows()
    assert [message._data.get("Event", message._data["MsgType"]) for message in account_server.pushed] == (
        "subscribe_scan SCAN CLICK image voice video location link VIEW scancode_waitmsg LOCATION"
        " subscribe_msg_popup_event subscribe_msg_change_event unsubscribe"
    ).split()
    assert account_server.pushed[0].scene_id == "front-desk"
    assert account_server.pushed[9].scan_result == "https://example.org/?a=1&b=2"
    ids = [message.id for message in account_server.pushed if message.id]
    assert len(set(ids)) == len(ids) == 5


async def test_who_does_not_follow_cannot_write(wechat: WechatPlatform) -> None:
    user = wechat.user("a")
    await user.unfollows()
    with pytest.raises(NotFollowingError):
        await user.says("hello")


async def test_a_passive_reply_is_shown(wechat: WechatPlatform, account_server: StandIn) -> None:
    account_server.answer = lambda message: reply(message, "您好 <a href='x'>")
    user = wechat.user("a")
    delivery = await user.says("hello")
    assert delivery.outcome is Outcome.REPLY
    shown = await user.next()
    assert (shown.text, shown.by, shown.ai) == ("您好 <a href='x'>", By.PASSIVE, False)
    await user.views("https://example.org")
    assert len(user.shown) == 1, "an answer to VIEW is not shown"


@pytest.mark.parametrize(
    "body",
    [
        b'{"errcode":0}',
        b"<html></html>",
        b"success\n",
        "plain",
        "twice",
        "not_swapped",
        "too_long",
        "empty",
        "signature",
        "split",
        "milliseconds",
        "encrypted success",
        "doctype",
    ],
)
async def test_what_is_no_reply_is_tried_again_and_shown_as_a_fault(
    wechat: WechatPlatform, account_server: StandIn, body: bytes | str
) -> None:
    def answer(message: Any) -> bytes:
        right = reply_xml(message, "hello")
        bent = {
            "plain": right,
            "twice": right.replace("</xml>", "<Content>x</Content></xml>"),
            "not_swapped": right.replace(message.source, message.target),
            "too_long": reply_xml(message, "好" * 683),
            "empty": reply_xml(message, ""),
            "split": reply_xml(message, "a]]]]><![CDATA[>b"),
            "milliseconds": right.replace("1760000001", "1760000001000"),
            "encrypted success": "success",
            "doctype": "<!DOCTYPE xml>" + right,
        }
        if isinstance(body, bytes):
            return body
        if body == "plain":
            return right.encode()
        if body == "signature":
            return reply(message, "hello").replace(b"424242", b"424243")
        return str(PEER.encrypt_message(bent[body], "424242", "1760000001")).encode()

    account_server.answer = answer
    user = wechat.user("a")
    delivery = await user.says("hello")
    assert [attempt.outcome for attempt in delivery.attempts] == [Outcome.BAD] * 3
    assert delivery.why
    assert user.shown[-1].by is By.NOTICE


async def test_five_seconds_three_times_the_same_body(wechat: WechatPlatform, account_server: StandIn) -> None:
    async def act(_request: web.Request) -> web.StreamResponse:
        if len(account_server.pushed) < 3:
            await asyncio.sleep(1)
        return web.Response(body=reply(account_server.pushed[-1], "at last"))

    account_server.act = act
    user = wechat.user("a")
    delivery = await user.says("hello")
    assert [attempt.outcome for attempt in delivery.attempts] == [Outcome.TIMEOUT, Outcome.TIMEOUT, Outcome.REPLY]
    assert len(set(account_server.bodies)) == 1
    assert len({query["nonce"] for query in account_server.queries}) == 3
    assert [shown.text for shown in user.shown] == ["at last"]
    assert all(0.08 < attempt.seconds < 0.5 for attempt in delivery.attempts[:2])


async def test_a_lost_answer_brings_the_push_again(wechat: WechatPlatform, account_server: StandIn) -> None:
    account_server.answer = lambda message: reply(message, "hi")
    user = wechat.user("a")
    delivery = await user.says("hello", lose=1)
    assert [attempt.outcome for attempt in delivery.attempts] == [Outcome.LOST, Outcome.REPLY]
    assert len(user.shown) == 1
    assert len({message.id for message in account_server.pushed}) == 1


async def test_nobody_there(wechat: WechatPlatform) -> None:
    wechat.callback = "http://127.0.0.1:9/wechat"
    assert (await wechat.user("a").says("hello")).outcome is Outcome.UNREACHABLE


async def test_the_other_modes(account_server: StandIn) -> None:
    account = AccountData(**{**TEST_ACCOUNT.__dict__, "mode": Mode.COMPATIBLE})
    async with WechatPlatform(account_server.url, account=account, second=0.02) as wechat:
        account_server.answer = lambda message: reply_xml(message, "plain is well here").encode()
        assert (await wechat.user("a").says("你好")).outcome is Outcome.REPLY
        assert "你好" in account_server.bodies[0].decode()
        plain = wechat.sign(wechat.composer.message("o" + "x" * 27, "text", NOW, Content="x"), mode=Mode.PLAIN)
        assert set(plain.query) == {"signature", "timestamp", "nonce", "openid"}


async def test_the_console_checks_the_address(wechat: WechatPlatform, account_server: StandIn) -> None:
    assert await wechat.verify_url()
    assert await wechat.verify_url("a&b 你")
    wechat.callback = account_server.url.replace("/wechat", "/other")
    assert not await wechat.verify_url()


async def test_a_crowd_is_counted(wechat: WechatPlatform, account_server: StandIn) -> None:
    def answer(message: Any) -> bytes:
        if message.source == wechat.user("many-1-0").openid:
            return b"success"
        return reply(message, "hello")

    account_server.answer = answer
    report = await many(wechat, users=4, rate=40, seconds=0.5, patience=0.3)
    assert (report.pushes, report.in_time, report.unanswered, report.bubbles) == (20, 20, 0, 15)
    assert (report.missing, report.surplus, report.passive) == (5, 0, 15)
    account_server.answer = lambda message: reply(message, "hello")
    report = await many(wechat, users=4, rate=40, seconds=0.5, patience=0.3, bubbles_per_push=0)
    assert (report.missing, report.surplus) == (0, 20)
