"""What is read as a push, what is not, and replies out of which no text can break."""

from __future__ import annotations

import time

import pytest
import xmltodict
from hypothesis import given
from hypothesis import strategies as st
from wechatpy.crypto import WeChatCrypto

from bot.channels.wechat.account import Keys
from bot.channels.wechat.crypto import decrypt, sign
from bot.channels.wechat.documents import (
    SUCCESS,
    Article,
    clean,
    encrypted_reply,
    image_reply,
    news_reply,
    parse,
    text_reply,
)
from bot.channels.wechat.errors import PushRejected, Reason
from tests.channels.wechat.vectors import NEGATIVE, OPENID, ORIGINAL_ID, TEST, WORKED

BILLION_LAUGHS = (
    '<!DOCTYPE lolz [<!ENTITY lol "lol">'
    + "".join(f'<!ENTITY lol{n} "{f"&lol{n - 1};" * 10}">' for n in range(2, 10)).replace("&lol1;", "&lol;")
    + "]><xml><Content>&lol9;</Content></xml>"
)
HOSTILE: dict[str, str | bytes] = {
    "empty": "",
    "blank": " \n",
    "no XML": "success",
    "JSON": '{"ToUserName":"gh_0123456789ab"}',
    "another root": "<html><a>b</a></html>",
    "root in another case": "<XML><a>b</a></XML>",
    "root in a namespace": '<xml xmlns="urn:x"><a>b</a></xml>',
    "nothing below the root": "<xml></xml>",
    "text below the root": "<xml>a</xml>",
    "cut": "<xml><a>b</a>",
    "crossed": "<xml><a><b></a></b></xml>",
    "two roots": "<xml><a>b</a></xml><xml><a>b</a></xml>",
    "text after the root": "<xml><a>b</a></xml>b",
    "repeated field": "<xml><a>b</a><a>b</a></xml>",
    "repeated empty field": "<xml><a/><a/></xml>",
    "repeated field, text and elements": "<xml><a>b</a><a><c>d</c></a></xml>",
    "repeated field inside": "<xml><a><b>c</b><b>c</b></a></xml>",
    "repeated item below the root": "<xml><item>a</item><item>b</item></xml>",
    "text beside elements": "<xml><a>b</a>c</xml>",
    "text beside elements inside": "<xml><a>b<c>d</c></a></xml>",
    "text in CDATA beside elements": "<xml><a>b</a><![CDATA[c]]></xml>",
    "five deep": "<xml><a><b><c><d><e>f</e></d></c></b></a></xml>",
    "very deep": "<xml>" + "<a>" * 20_000,
    "very deep and closed": "<xml>" + "<a>" * 8_000 + "</a>" * 8_000 + "</xml>",
    "DTD": "<!DOCTYPE xml><xml><a>b</a></xml>",
    "DTD elsewhere": '<!DOCTYPE xml SYSTEM "http://127.0.0.1:1/x.dtd"><xml><a>b</a></xml>',
    "internal entity": '<!DOCTYPE xml [<!ENTITY a "b">]><xml><a>&a;</a></xml>',
    "parameter entity": '<!DOCTYPE xml [<!ENTITY % a "b"> %a;]><xml><a>b</a></xml>',
    "external entity": '<!DOCTYPE xml [<!ENTITY a SYSTEM "file:///etc/passwd">]><xml><a>&a;</a></xml>',
    "billion laughs": BILLION_LAUGHS,
    "quadratic blow-up": f'<!DOCTYPE xml [<!ENTITY a "{"a" * 9000}">]><xml><a>{"&a;" * 9000}</a></xml>',
    "unknown entity": "<xml><a>&nbsp;</a></xml>",
    "forbidden reference": "<xml><a>&#0;</a></xml>",
    "surrogate reference": "<xml><a>&#xD800;</a></xml>",
    "NUL": b"<xml><a>\0</a></xml>",
    "control": b"<xml><a>\x07</a></xml>",
    "unbound prefix": "<xml><a:b>c</a:b></xml>",
    "repeated attribute": '<xml><a b="c" b="d">e</a></xml>',
    "UTF-16 without a mark": "<xml><a>b</a></xml>".encode("utf-16-le"),
}
NO_UTF_8: dict[str, bytes] = {
    "Latin-1": b"<xml><a>\xe9</a></xml>",
    "GBK": "<xml><a>你好</a></xml>".encode("gbk"),
    "GBK, declared": '<?xml version="1.0" encoding="gbk"?><xml><a>你好</a></xml>'.encode("gbk"),
    "UTF-16": "<xml><a>b</a></xml>".encode("utf-16"),
    "overlong": b"<xml><a>\xc0\xbc</a></xml>",
    "surrogate": b"<xml><a>\xed\xa0\x80</a></xml>",
    "cut character": b"<xml><a>\xe4\xbd</a></xml>",
    "beyond Unicode": b"<xml><a>\xf5\x80\x80\x80</a></xml>",
}


def refusal(body: str | bytes) -> Reason:
    with pytest.raises(PushRejected) as caught:
        parse(body.encode() if isinstance(body, str) else body)
    return caught.value.reason


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_refused(body: str | bytes) -> None:
    assert refusal(body) is Reason.XML


@pytest.mark.parametrize("body", NO_UTF_8.values(), ids=NO_UTF_8)
def test_not_utf_8(body: bytes) -> None:
    assert refusal(body) is Reason.ENCODING


@pytest.mark.parametrize(("name", "reason"), [("N7", Reason.XML), ("N8", Reason.ENCODING)])
def test_negative_vectors(name: str, reason: Reason) -> None:
    assert refusal(decrypt(TEST.key, NEGATIVE[name].encrypt, TEST.appid)) is reason


def test_worked_example() -> None:
    assert parse((WORKED["A"].plaintext or "").encode()) == {
        "ToUserName": ORIGINAL_ID,
        "FromUserName": OPENID,
        "CreateTime": "1760000000",
        "MsgType": "text",
        "Content": "你好，我想预约 😀",
        "MsgId": "24086087575195331",
    }


@pytest.mark.parametrize(
    ("body", "document"),
    [
        ("<xml><a/></xml>", {"a": ""}),
        ("<xml><a>  \n</a></xml>", {"a": ""}),
        ("<xml>\n  <a>\n<![CDATA[b]]>\n</a>\n\t</xml>\n", {"a": "b"}),
        ("<xml><a>b<![CDATA[<c>]]>d</a></xml>", {"a": "b<c>d"}),
        ("<xml><a>1 &lt; 2 &amp; 3&#33;</a></xml>", {"a": "1 < 2 & 3!"}),
        ("<xml><a>b\nc</a></xml>", {"a": "b\nc"}),
        ("<xml><!-- c --><a>b<?d e?></a></xml>", {"a": "b"}),
        ('<?xml version="1.0" encoding="utf-8"?>\n<xml><a>é</a></xml>', {"a": "é"}),
        ('<?xml version="1.0" encoding="iso-8859-1"?><xml><a>é</a></xml>', {"a": "é"}),
        ("\ufeff<xml><a>b</a></xml>", {"a": "b"}),
        ('<xml><a b="c">d</a></xml>', {"a": "d"}),
        ("<xml><a><item>b</item></a></xml>", {"a": {"item": ["b"]}}),
        ("<xml><item>b</item></xml>", {"item": "b"}),
        ("<xml><a><List><b>1</b></List><List><b>2</b></List></a></xml>", {"a": {"List": [{"b": "1"}, {"b": "2"}]}}),
        (
            "<xml><P><Count>1</Count><PicList><item><Sum>s</Sum></item></PicList></P></xml>",
            {"P": {"Count": "1", "PicList": {"item": [{"Sum": "s"}]}}},
        ),
    ],
)
def test_taken(body: str, document: object) -> None:
    assert parse(body.encode()) == document


@given(st.binary(max_size=300))
def test_any_bytes(body: bytes) -> None:
    assert refusal(body) in (Reason.XML, Reason.ENCODING)


@pytest.mark.parametrize(
    "body",
    [
        "<xml>" + "".join(f"<a{n}>b</a{n}>" for n in range(4000)) + "</xml>",
        "<xml><a>" + "<item/>" * 9000 + "</a></xml>",
        "<xml><a>" + "&amp;" * 12_000 + "</a></xml>",
        "<xml><a>" + "<![CDATA[a]]>" * 5000 + "</a></xml>",
        "<xml><a>" + "\n" * 64_000 + "</a></xml>",
        "<xml><a " + " ".join(f'b{n}=""' for n in range(6000)) + ">c</a></xml>",
        "<xml><a>" + "<!---->" * 9000 + "b</a></xml>",
    ],
    ids=["fields", "items", "references", "CDATA", "lines", "attributes", "comments"],
)
def test_a_full_body_is_read_at_once(body: str) -> None:
    """64 kB of the worst take some milliseconds; a tenth of a second would be quadratic."""
    body = body[: 64 * 1024]
    started = time.process_time()
    parse(body.encode())
    assert time.process_time() - started < 0.5


ECHOED = [
    "plain",
    "您好，请等一下 😀",
    "]]></Content><Content>x",
    "]]]]>>",
    "]]\x00>",
    "ends with ]]",
    "a\x00b\x0b\ud800\ufffe\uffffc",
    '<a href="weixin://bizmsgmenu">x</a> & "quotes"',
    "two\nlines",
    "",
]


@pytest.mark.parametrize("content", ECHOED)
def test_text_reply(content: str) -> None:
    document = parse(text_reply("oUser", ORIGINAL_ID, 1760000000, content))
    assert document == {
        "ToUserName": "oUser",
        "FromUserName": ORIGINAL_ID,
        "CreateTime": "1760000000",
        "MsgType": "text",
        "Content": clean(content),
    }


def test_worked_reply() -> None:
    assert text_reply(OPENID, ORIGINAL_ID, 1760000001, "您好！已收到。").decode() == WORKED["B"].plaintext


@given(st.text(max_size=100), st.text(st.sampled_from("]>[!CDATA<\0&"), max_size=20))
def test_no_text_leaves_its_element(content: str, brackets: str) -> None:
    for text in (content, brackets, content + brackets):
        read = parse(text_reply("oUser", ORIGINAL_ID, 1, text))["Content"]
        assert read == clean(text).replace("\r\n", "\n").replace("\r", "\n").strip()


def test_clean_keeps_what_is_allowed() -> None:
    allowed = "a\tb\nc\rd é 你好 😀 \u202e \U0001fffe >]] ]>"
    assert clean(allowed) == allowed


def test_image_reply() -> None:
    document = xmltodict.parse(image_reply("oUser", ORIGINAL_ID, 1, "m]]>1"))["xml"]
    assert (document["MsgType"], document["Image"]) == ("image", {"MediaId": "m]] >1"})


def test_news_reply() -> None:
    articles = [Article("题目", "d & e", "https://a/p.png", "https://a/?b=1&c=2"), Article("u", "", "", "")]
    document = parse(news_reply("oUser", ORIGINAL_ID, 1, articles))
    assert document["ArticleCount"] == "2"
    assert document["Articles"] == {
        "item": [
            {"Title": "题目", "Description": "d & e", "PicUrl": "https://a/p.png", "Url": "https://a/?b=1&c=2"},
            {"Title": "u", "Description": "", "PicUrl": "", "Url": ""},
        ]
    }


@pytest.mark.parametrize("content", ECHOED)
def test_peer_reads_an_encrypted_reply(content: str) -> None:
    reply = text_reply(OPENID, ORIGINAL_ID, 1760000001, content)
    body = encrypted_reply(Keys(TEST.token, TEST.key), TEST.appid, reply, "1760000001", "1320562132")
    shell = xmltodict.parse(body)["xml"]
    assert list(shell) == ["Encrypt", "MsgSignature", "TimeStamp", "Nonce"]
    assert (shell["TimeStamp"], shell["Nonce"]) == ("1760000001", "1320562132")
    peer = WeChatCrypto(TEST.token, TEST.encoding_aes_key, TEST.appid)
    read = peer.decrypt_message(body.decode(), shell["MsgSignature"], shell["TimeStamp"], shell["Nonce"])
    assert xmltodict.parse(read)["xml"]["Content"] == (clean(content) or None)


def test_a_hostile_nonce_stays_inside() -> None:
    body = encrypted_reply(Keys(TEST.token, TEST.key), TEST.appid, b"x", "1", "7]]></Nonce><Encrypt>\0")
    document = parse(body)
    signed = (str(document[name]) for name in ("TimeStamp", "Nonce", "Encrypt"))
    assert set(document) == {"Encrypt", "MsgSignature", "TimeStamp", "Nonce"}
    assert document["MsgSignature"] == sign(TEST.token, *signed)


def test_no_key_no_encrypted_reply() -> None:
    with pytest.raises(ValueError, match="AES key"):
        encrypted_reply(Keys(TEST.token, None), TEST.appid, b"x", "1", "7")


def test_success_is_seven_bytes() -> None:
    assert SUCCESS == b"success"
