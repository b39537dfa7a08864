"""The callback address from outside: what is refused, that every refusal looks the same, and nothing breaks it."""

from __future__ import annotations

import asyncio
import hashlib
import time
from dataclasses import replace

import aiohttp
import pytest

from bot.db.models import Identity, Message, WechatPush
from tests.channels.wechat.conftest import Town, TownMaker
from tests.fakes.wechat import TEST_ACCOUNT, Mode, Outcome, Signed

XML = (
    "<xml><ToUserName><![CDATA[gh_0123456789ab]]></ToUserName><FromUserName><![CDATA[oTest_0penID-abcdefghijklmno]]>"
    "</FromUserName><CreateTime>{created}</CreateTime><MsgType><![CDATA[text]]></MsgType>"
    "<Content><![CDATA[{content}]]></Content><MsgId>{number}</MsgId></xml>"
)


def _xml(town: Town, content: str = "I lost my passport", number: int = 24086087575195331) -> str:
    return XML.format(created=int(town.site.clock().timestamp()), content=content, number=number)


async def _refused(town: Town, request: Signed) -> None:
    """403, nothing in it, nothing stored."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(town.wechat.callback, params=request.query, data=request.body) as response,
    ):
        assert (response.status, await response.read()) == (403, b"")
    assert await town.count(Message, Identity) == 0


async def test_a_push_is_taken_once_whatever_it_comes_with(town: Town) -> None:
    first = town.wechat.sign(_xml(town))
    status, body = await town.wechat.send(first)
    assert (status, b"Encrypt" in body) == (200, True)
    # The same request again, and the same message under a new signature.
    assert (await town.wechat.send(first))[0] == 200
    assert (await town.wechat.send(town.wechat.sign(_xml(town), nonce="another")))[0] == 200
    assert await town.count(Message) == 2
    assert await town.count(WechatPush) == 1


async def test_a_signature_is_good_for_one_push(make_town: TownMaker) -> None:
    async with make_town(replace(TEST_ACCOUNT, mode=Mode.PLAIN)) as town:
        first = town.wechat.sign(_xml(town))
        assert (await town.wechat.send(first))[0] == 200
        other = replace(first, body=_xml(town, "hello", 99).encode())
        assert await town.wechat.send(other) == (403, b"")
        assert await town.count(WechatPush) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"nonce": "1320562133"},
        {"msg_signature": None},
        {"msg_signature": "same_as_signature"},
        {"encrypt_type": "raw"},
        {"encrypt_type": None},
        {"timestamp": "x"},
        {"timestamp": None},
        {"signature": ""},
    ],
)
async def test_what_is_not_signed_for_this_account_is_refused(town: Town, change: dict[str, str | None]) -> None:
    good = town.wechat.sign(_xml(town))
    query = {**good.query, **{name: value for name, value in change.items() if value is not None}}
    for name, value in change.items():
        if value is None:
            query.pop(name, None)
        elif value == "same_as_signature":
            query[name] = good.query["signature"]
    if change == {"signature": ""}:
        query["msg_signature"] = ""
    await _refused(town, replace(good, query=query))


async def test_a_plain_body_is_refused_where_it_must_be_encrypted(town: Town) -> None:
    await _refused(town, town.wechat.sign(_xml(town), mode=Mode.PLAIN))


async def test_a_body_that_was_changed_is_refused(town: Town) -> None:
    good = town.wechat.sign(_xml(town))
    await _refused(town, replace(good, body=good.body.replace(b"]]></Encrypt>", b"A]]></Encrypt>")))


@pytest.mark.parametrize("seconds", [-301, 301])
async def test_the_clock(town: Town, seconds: int) -> None:
    at = int(town.site.clock().timestamp()) + seconds
    await _refused(town, town.wechat.sign(_xml(town), timestamp=at))


async def test_for_another_account(town: Town) -> None:
    await _refused(town, town.wechat.sign(_xml(town).replace("gh_0123456789ab", "gh_another12345")))


async def test_a_doctype_inside_what_was_encrypted(town: Town) -> None:
    bad = '<!DOCTYPE x [<!ENTITY a "b">]>' + _xml(town, "&a;")
    await _refused(town, town.wechat.sign(bad))


@pytest.mark.parametrize("body", [b"", b"<xml/>", b"\x00", b"x" * 100_000, b"<xml>" * 5000, b"\xff\xfe<\x00x\x00"])
async def test_bodies_that_are_none(town: Town, body: bytes) -> None:
    await _refused(town, replace(town.wechat.sign(_xml(town)), body=body))


async def test_parameters_that_come_twice(town: Town) -> None:
    good = town.wechat.sign(_xml(town))
    query = "&".join(f"{name}={value}" for name, value in good.query.items()) + "&nonce=1"
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{town.wechat.callback}?{query}", data=good.body) as response,
    ):
        assert (response.status, await response.read()) == (403, b"")


async def test_a_get_that_is_none(town: Town) -> None:
    signature = hashlib.sha1("".join(sorted(["b0tTestToken2026", "1", "2"])).encode()).hexdigest()
    async with aiohttp.ClientSession() as session:
        for query in ("", "?echostr=5", f"?signature={signature}&timestamp=1&nonce=2&echostr=5"):
            async with session.get(town.wechat.callback + query) as response:
                assert (response.status, await response.read()) == (403, b"")


async def test_the_echo_is_given_back_as_it_is(town: Town) -> None:
    assert await town.wechat.verify_url("a&b<c>ü%20 0")


async def test_a_body_that_drips_is_given_up(town: Town) -> None:
    good = town.wechat.sign(_xml(town))
    host, port = town.site.public.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    query = "&".join(f"{name}={value}" for name, value in good.query.items())
    head = f"POST /wechat?{query.replace('+', '%2B')} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(good.body)}\r\n\r\n"
    began = time.monotonic()
    writer.write(head.encode() + good.body[:10])
    await writer.drain()
    answer = await asyncio.wait_for(reader.read(100), 6)
    assert b" 403 " in answer
    assert time.monotonic() - began < 5
    writer.close()


async def test_the_old_keys_are_believed_while_they_are_changed(make_town: TownMaker) -> None:
    new = replace(TEST_ACCOUNT, token="anotherToken2026", aes_key="Z" * 42 + "A")
    async with make_town(new, TEST_ACCOUNT) as town:
        user = town.user()
        assert (await user.says("hello")).outcome is Outcome.REPLY
        town.wechat.rotate(token=TEST_ACCOUNT.token, aes_key=TEST_ACCOUNT.aes_key)
        # The reply is encrypted with the keys that opened the push, else the platform could not read it.
        delivery = await user.says("I lost my passport")
        assert delivery.outcome is Outcome.REPLY, delivery.why


@pytest.mark.parametrize("mode", [Mode.PLAIN, Mode.COMPATIBLE, Mode.SAFE])
async def test_every_mode(make_town: TownMaker, mode: Mode) -> None:
    async with make_town(replace(TEST_ACCOUNT, mode=mode)) as town:
        delivery = await town.user().says("hello")
        assert delivery.outcome is Outcome.REPLY, delivery.why


async def test_a_flood_from_one_person_is_asked_to_slow_down(town: Town) -> None:
    user = town.user()
    deliveries = await asyncio.gather(*(user.says(f"hello {number}") for number in range(30)))
    assert all(delivery.answered for delivery in deliveries)
    assert any("a little fast" in shown.text for shown in user.shown)
    assert (await town.user("b").says("hello")).outcome is Outcome.REPLY


async def test_without_an_account_there_is_no_such_address(make_town: TownMaker, site: object) -> None:
    from tests.fakes.site import Site

    assert isinstance(site, Site)
    response = await site.request("GET", "/wechat")
    assert response.status == 404
