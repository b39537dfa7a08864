"""The gate: who gets in, by which keys, in which mode, at what time; and that every other way in is closed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
import xmltodict
from multidict import MultiDict
from wechatpy.crypto import WeChatCrypto
from yarl import URL

from bot.channels.wechat.account import Account, Keys, Mode
from bot.channels.wechat.crypto import encrypt, read_key, sign
from bot.channels.wechat.documents import encrypted_reply, text_reply
from bot.channels.wechat.errors import PushRejected, Reason
from bot.channels.wechat.gate import MOST_BODY_BYTES, Opened, open_push, verify_url
from bot.channels.wechat.pushes import Followed, Text
from tests.channels.wechat import vectors
from tests.channels.wechat.test_documents import BILLION_LAUGHS
from tests.channels.wechat.vectors import NEGATIVE, OPENID, ORIGINAL_ID, TEST, WORKED, Encrypted, account, at

NOW = "1760000000"
WINDOW = 300
SAFE, COMPATIBLE, PLAIN = account(Mode.SAFE), account(Mode.COMPATIBLE), account(Mode.PLAIN)
PREVIOUS = vectors.Secrets("thePreviousToken", "P" * 43, TEST.appid)
BOTH_CHANGED = account(previous=(Keys(PREVIOUS.token, PREVIOUS.key),))

Query = MultiDict[str]


def shell(encrypted: str, beside: str = "") -> bytes:
    """A safe body; `beside`: the plain elements of a compatible one."""
    return (
        f"<xml>\n    <ToUserName><![CDATA[{ORIGINAL_ID}]]></ToUserName>\n{beside}"
        f"    <Encrypt><![CDATA[{encrypted}]]></Encrypt>\n</xml>"
    ).encode()


def query_of(vector: Encrypted) -> Query:
    return MultiDict(
        signature=vector.signature or sign(vector.secrets.token, vector.timestamp, vector.nonce),
        timestamp=vector.timestamp,
        nonce=vector.nonce,
        openid=OPENID,
        encrypt_type="aes",
        msg_signature=vector.msg_signature,
    )


def pushed(message: str, secrets: vectors.Secrets = TEST, beside: str = "", nonce: str = "7") -> tuple[Query, bytes]:
    """A push as the platform would send it now."""
    encrypted = encrypt(secrets.key, message.encode("utf-8", "surrogatepass"), secrets.appid)
    signature = sign(secrets.token, NOW, nonce, encrypted)
    vector = Encrypted("", secrets, NOW, nonce, signature, encrypted)
    return query_of(vector), shell(encrypted, beside)


def plain_query(token: str = TEST.token, **more: str) -> Query:
    return MultiDict(signature=sign(token, NOW, "7"), timestamp=NOW, nonce="7", **more)


def text(content: str, to: str = ORIGINAL_ID) -> str:
    return (
        f"<xml><ToUserName>{to}</ToUserName><FromUserName>{OPENID}</FromUserName><CreateTime>{NOW}</CreateTime>"
        f"<MsgType>text</MsgType><Content>{content}</Content><MsgId>24086087575195331</MsgId></xml>"
    )


def opened(query: Query, body: bytes, who: Account = SAFE, seconds: float = 0) -> Opened:
    return open_push(who, query, body, at(NOW) + timedelta(seconds=seconds), WINDOW)


def refusal(query: Query, body: bytes, who: Account = SAFE, seconds: float = 0) -> Reason:
    with pytest.raises(PushRejected) as caught:
        opened(query, body, who, seconds)
    return caught.value.reason


def content(result: Opened) -> str:
    assert isinstance(result.push, Text)
    return result.push.content


# URL verification


def url_query(**changed: str) -> Query:
    check = vectors.URL_CHECK
    given = {"signature": check.signature, "timestamp": check.timestamp, "nonce": check.nonce}
    return MultiDict({**given, "echostr": vectors.ECHOSTR} | changed)


def verified(query: Query, mode: Mode = Mode.SAFE, seconds: float = 0, previous: tuple[Keys, ...] = ()) -> str:
    who = account(mode, vectors.TENCENT, previous=previous)
    return verify_url(who, query, at(vectors.URL_CHECK.timestamp) + timedelta(seconds=seconds))


def url_refusal(query: Query, seconds: float = 0) -> Reason:
    with pytest.raises(PushRejected) as caught:
        verified(query, seconds=seconds)
    return caught.value.reason


@pytest.mark.parametrize("mode", Mode)
def test_url_check(mode: Mode) -> None:
    assert verified(url_query(), mode) == "4375120948345356249"


@pytest.mark.parametrize("echo", ["a&b", "007", "é", '"quoted"', " spaced "])
def test_echostr_comes_back_as_it_is(echo: str) -> None:
    assert verified(MultiDict(URL("/").with_query(url_query(echostr=echo)).query)) == echo


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        (url_query(signature=vectors.URL_CHECK.signature[:-1] + "7"), Reason.SIGNATURE),
        (url_query(signature=vectors.URL_CHECK.signature.upper()), Reason.SIGNATURE),
        (url_query(nonce="1514711493"), Reason.SIGNATURE),
        (url_query(timestamp="1714036505"), Reason.SIGNATURE),
        (url_query(signature=""), Reason.PARAMETER),
        (url_query(echostr=""), Reason.PARAMETER),
        (url_query(timestamp=""), Reason.PARAMETER),
        (url_query(nonce=""), Reason.PARAMETER),
        (url_query(timestamp="١٧١٤٠٣٦٥٠٤"), Reason.PARAMETER),
        (url_query(timestamp="9" * 250), Reason.PARAMETER),
        (url_query(echostr="1" * 257), Reason.PARAMETER),
        (url_query(echostr="\ud800"), Reason.PARAMETER),
        (MultiDict(), Reason.PARAMETER),
    ],
)
def test_url_refused(query: Query, reason: Reason) -> None:
    assert url_refusal(query) is reason


@pytest.mark.parametrize("name", ["signature", "timestamp", "nonce", "echostr"])
def test_url_parameters_once_each(name: str) -> None:
    less, more = url_query(), url_query()
    del less[name]
    more.add(name, more[name])
    assert url_refusal(less) is Reason.PARAMETER
    assert url_refusal(more) is Reason.PARAMETER


def test_url_check_of_another_time() -> None:
    assert verified(url_query(), seconds=300)
    assert url_refusal(url_query(), seconds=301) is Reason.CLOCK


def test_url_check_with_the_previous_token() -> None:
    who = account(secrets=PREVIOUS, previous=(Keys("AAAAA", None),))
    assert verify_url(who, url_query(), at(vectors.URL_CHECK.timestamp)) == vectors.ECHOSTR


# Safe mode


@pytest.mark.parametrize(("name", "kind"), [("A", Text), ("D", Followed), ("E", Text)])
def test_worked_pushes(name: str, kind: type) -> None:
    vector = WORKED[name]
    result = open_push(SAFE, query_of(vector), shell(vector.encrypt), at(vector.timestamp), WINDOW)
    assert isinstance(result.push, kind)
    assert (result.encrypted, result.nonce, result.keys) == (True, vector.nonce, Keys(TEST.token, TEST.key))
    assert len(result.mark) == 64


def test_captured_push() -> None:
    vector = vectors.CAPTURED_PUSH
    who = account(secrets=vectors.CAPTURED, original_id="gh_680bdefc8c5d")
    assert content(open_push(who, query_of(vector), shell(vector.encrypt), at(vector.timestamp), WINDOW)) == "?"


@pytest.mark.parametrize(
    ("vector", "who", "reason"),
    [
        # The page shows the cipher on a JSON body; an Official Account never gets one.
        (vectors.TENCENT_PUSH, account(secrets=vectors.TENCENT), Reason.XML),
        (vectors.TENCENT_REPLY, account(secrets=vectors.TENCENT), Reason.XML),
        (vectors.SAMPLE_TEXT, account(secrets=vectors.SAMPLE), Reason.XML),
        (vectors.HELLO_PUSH, account(secrets=vectors.SAMPLE), Reason.ACCOUNT),
        (WORKED["B"], SAFE, Reason.ACCOUNT),
        (WORKED["C"], SAFE, Reason.XML),
        *((NEGATIVE[name], SAFE, Reason.PADDING) for name in ("N2", "N3", "N4")),
        (NEGATIVE["N1"], SAFE, Reason.APPID),
        (NEGATIVE["N5"], SAFE, Reason.MSG_LEN),
        (NEGATIVE["N6"], SAFE, Reason.APPID),
        (NEGATIVE["N7"], SAFE, Reason.XML),
        (NEGATIVE["N8"], SAFE, Reason.ENCODING),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_refused_vectors(vector: Encrypted, who: Account, reason: Reason) -> None:
    with pytest.raises(PushRejected) as caught:
        open_push(who, query_of(vector), shell(vector.encrypt), at(vector.timestamp), WINDOW)
    assert caught.value.reason is reason


def changed(name: str, value: str | None) -> Query:
    query = query_of(WORKED["A"])
    del query[name]
    if value is not None:
        query[name] = value
    return query


BODY_A = shell(WORKED["A"].encrypt)
FLIPPED = shell(WORKED["A"].encrypt[:-2] + "B=")


@pytest.mark.parametrize(
    ("query", "body", "reason"),
    [
        (changed("nonce", "1320562133"), BODY_A, Reason.SIGNATURE),
        (changed("timestamp", "1760000001"), BODY_A, Reason.SIGNATURE),
        (changed("msg_signature", WORKED["A"].signature), BODY_A, Reason.SIGNATURE),
        (changed("msg_signature", "é"), BODY_A, Reason.SIGNATURE),
        (changed("msg_signature", ""), BODY_A, Reason.SIGNATURE),
        (query_of(WORKED["A"]), FLIPPED, Reason.SIGNATURE),
        (query_of(WORKED["A"]), shell(WORKED["A"].encrypt + "A"), Reason.SIGNATURE),
        (changed("nonce", None), BODY_A, Reason.PARAMETER),
        (changed("nonce", "a b"), BODY_A, Reason.PARAMETER),
        (changed("nonce", "é"), BODY_A, Reason.PARAMETER),
        (changed("timestamp", None), BODY_A, Reason.PARAMETER),
        (changed("timestamp", "0760000000"), BODY_A, Reason.PARAMETER),
        (query_of(WORKED["A"]), b"{}", Reason.XML),
        (query_of(WORKED["A"]), b"", Reason.XML),
        (query_of(WORKED["A"]), BODY_A + b" " * MOST_BODY_BYTES, Reason.SIZE),
        (query_of(WORKED["A"]), BODY_A.replace(b"<xml>", b"<!DOCTYPE xml><xml>"), Reason.XML),
        (query_of(WORKED["A"]), BILLION_LAUGHS.encode(), Reason.XML),
    ],
)
def test_safe_refused(query: Query, body: bytes, reason: Reason) -> None:
    assert refusal(query, body) is reason


def test_the_signature_of_the_url_is_not_looked_at() -> None:
    """Safe pushes are known by msg_signature: what is unsigned there may as well be missing."""
    assert opened(changed("signature", None), BODY_A).mark == opened(changed("signature", "x"), BODY_A).mark


def test_pretty_printed() -> None:
    body = shell("\n\t").replace(b"\n\t", b"\n  " + WORKED["A"].encrypt.encode() + b"\n")
    assert content(opened(query_of(WORKED["A"]), body)) == "你好，我想预约 😀"
    spaced = f"<xml>\n<Encrypt>\n<![CDATA[{WORKED['A'].encrypt}]]>\n</Encrypt>\n</xml>\n".encode()
    assert content(opened(query_of(WORKED["A"]), spaced)) == "你好，我想预约 😀"


DOWNGRADES = [
    (plain_query(), text("x").encode()),
    (plain_query(encrypt_type="raw"), text("x").encode()),
    (plain_query(encrypt_type="aes"), text("x").encode()),
    (changed("encrypt_type", None), BODY_A),
    (changed("encrypt_type", "raw"), BODY_A),
    (changed("encrypt_type", "AES"), BODY_A),
    (changed("msg_signature", None), BODY_A),
    (query_of(WORKED["A"]), text("x").encode()),
    (query_of(WORKED["A"]), shell("")),
    (query_of(WORKED["A"]), b"<xml><Encrypt><a>b</a></Encrypt></xml>"),
    (changed("msg_signature", sign(TEST.token, NOW, "1320562132")), text("x").encode()),
]


@pytest.mark.parametrize("who", [SAFE, COMPATIBLE], ids=["safe", "compatible"])
@pytest.mark.parametrize(("query", "body"), DOWNGRADES)
def test_no_downgrade(query: Query, body: bytes, who: Account) -> None:
    assert refusal(query, body, who) is Reason.MODE


def test_a_signature_over_no_text_opens_nothing() -> None:
    """`signature` is a valid msg_signature of the empty text: it must never stand for one."""
    query = changed("msg_signature", WORKED["A"].signature)
    for body in (shell(""), shell(" \n"), b"<xml><Encrypt/></xml>", b"<xml><Encrypt></Encrypt><a>b</a></xml>"):
        assert refusal(query, body) is Reason.MODE


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (BILLION_LAUGHS, Reason.XML),
        ('<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + text("&a;"), Reason.XML),
        ("<!DOCTYPE xml>" + text("x"), Reason.XML),
        (text("<a><b><c><d>x</d></c></b></a>"), Reason.XML),
        (text("x</Content><Content>y"), Reason.XML),
        (text("x").replace("text", "event"), Reason.XML),
        (text("x", to="gh_another00000"), Reason.ACCOUNT),
        (text("\ud800"), Reason.ENCODING),
        ("", Reason.XML),
    ],
)
def test_refused_after_decryption(message: str, reason: Reason) -> None:
    assert refusal(*pushed(message)) is reason


# Compatible and plain mode


def test_compatible_takes_the_encrypted_content() -> None:
    outside = text("forged").removeprefix("<xml>").removesuffix("</xml>")
    query, body = pushed(text("true"), beside=outside.replace(f"<ToUserName>{ORIGINAL_ID}</ToUserName>", ""))
    assert b"forged" in body
    for who in (COMPATIBLE, SAFE):
        assert content(opened(query, body, who)) == "true"


def test_compatible_ignores_who_the_plain_part_is_for() -> None:
    query, body = pushed(text("true"))
    assert content(opened(query, body.replace(ORIGINAL_ID.encode(), b"gh_another00000"), COMPATIBLE)) == "true"
    query["openid"] = "oForged"
    assert opened(query, body, COMPATIBLE).push.sender == OPENID


@pytest.mark.parametrize("more", [{}, {"encrypt_type": "raw"}, {"openid": OPENID}])
def test_plain(more: dict[str, str]) -> None:
    result = opened(plain_query(**more), text("hello").encode(), PLAIN)
    assert (content(result), result.encrypted, result.keys) == ("hello", False, PLAIN.keys[0])


@pytest.mark.parametrize(
    ("query", "body", "reason"),
    [
        (plain_query("another"), text("x").encode(), Reason.SIGNATURE),
        (plain_query(encrypt_type="aes"), text("x").encode(), Reason.MODE),
        (plain_query(msg_signature="x"), text("x").encode(), Reason.MODE),
        (query_of(WORKED["A"]), BODY_A, Reason.MODE),
        (MultiDict(timestamp=NOW, nonce="7"), text("x").encode(), Reason.PARAMETER),
        (plain_query(), text("x", to="gh_another00000").encode(), Reason.ACCOUNT),
        (plain_query(), BILLION_LAUGHS.encode(), Reason.XML),
        (plain_query(), text("你好").encode("gbk"), Reason.ENCODING),
        (plain_query(), BODY_A, Reason.XML),
    ],
)
def test_plain_refused(query: Query, body: bytes, reason: Reason) -> None:
    assert refusal(query, body, PLAIN) is reason


def test_plain_with_the_previous_token() -> None:
    who = replace(PLAIN, keys=(Keys("theNewToken"), Keys(TEST.token)))
    assert opened(plain_query(), text("x").encode(), who).keys == Keys(TEST.token)


# Keys


@pytest.mark.parametrize(
    ("token", "key"),
    [
        (TEST.token, TEST.encoding_aes_key),
        (PREVIOUS.token, PREVIOUS.encoding_aes_key),
        (TEST.token, PREVIOUS.encoding_aes_key),
        (PREVIOUS.token, TEST.encoding_aes_key),
    ],
    ids=["current", "previous", "key left", "token left"],
)
def test_rotation(token: str, key: str) -> None:
    """The reply is made with the keys of the push: the peer that sent it reads it."""
    secrets = vectors.Secrets(token, key, TEST.appid)
    result = opened(*pushed(text("hello"), secrets), BOTH_CHANGED)
    assert result.keys == Keys(token, read_key(key))
    reply = encrypted_reply(result.keys, TEST.appid, text_reply(OPENID, ORIGINAL_ID, 1, "ok"), NOW, result.nonce)
    assert peer_reads(reply, secrets) == "ok"


def test_a_key_of_long_ago() -> None:
    old = vectors.Secrets(TEST.token, "Q" * 43, TEST.appid)
    assert refusal(*pushed(text("x"), old), BOTH_CHANGED) is Reason.PADDING
    assert refusal(*pushed(text("x"), replace(TEST, token="longAgo")), BOTH_CHANGED) is Reason.SIGNATURE


def test_without_any_key() -> None:
    assert refusal(*pushed(text("x")), replace(SAFE, keys=(Keys(TEST.token),))) is Reason.MODE


# Time, size, repetition


@pytest.mark.parametrize(("seconds", "taken"), [(300, True), (-300, True), (301, False), (-301, False), (3e9, False)])
def test_clock_window(seconds: float, taken: bool) -> None:
    for query, body, who in ((*pushed(text("x")), SAFE), (plain_query(), text("x").encode(), PLAIN)):
        if taken:
            assert content(opened(query, body, who, seconds)) == "x"
        else:
            assert refusal(query, body, who, seconds) is Reason.CLOCK


def test_a_stranger_sets_off_no_alarm_about_the_clock() -> None:
    assert refusal(changed("msg_signature", "0" * 40), BODY_A, seconds=1000) is Reason.SIGNATURE


@pytest.mark.parametrize("name", ["signature", "timestamp", "nonce", "openid", "encrypt_type", "msg_signature", "x"])
@pytest.mark.parametrize("first", [True, False])
def test_repeated_parameters(name: str, first: bool) -> None:
    query = query_of(WORKED["A"])
    pairs = [*query.items(), ("x", "1")]
    more = (name, dict(pairs)[name])
    assert refusal(MultiDict([more, *pairs] if first else [*pairs, more]), BODY_A) is Reason.PARAMETER


@pytest.mark.parametrize(
    "pairs",
    [
        [("x", "y" * 257)],
        [("x" * 257, "y")],
        [("x", "é" * 129)],
        [(f"x{number}", "y" * 250) for number in range(8)],
        [(f"x{number}", "") for number in range(800)],
        [("x", "\udc80")],
        [("\udc80", "x")],
    ],
)
def test_long_queries(pairs: Sequence[tuple[str, str]]) -> None:
    query = query_of(WORKED["A"])
    query.extend(pairs)
    assert refusal(query, BODY_A) is Reason.PARAMETER


def test_the_largest_body() -> None:
    query, body = pushed(text("x" * 40_000))
    assert len(body) < MOST_BODY_BYTES
    body += b" " * (MOST_BODY_BYTES - len(body))
    assert content(opened(query, body)) == "x" * 40_000
    assert refusal(query, body + b" ") is Reason.SIZE


def test_marks() -> None:
    """A copy has the mark of its original, whatever is changed that no signature covers; another push has another."""
    query, body = pushed(text("x"))
    copy = MultiDict(query, x="y")
    copy["openid"] = copy["signature"] = "changed"
    marks = [opened(*request).mark for request in ((query, body), (copy, body), pushed(text("x")))]
    assert marks[0] == marks[1] != marks[2]


def test_digits_cannot_move_between_timestamp_and_nonce() -> None:
    """The signature covers the joined parts only: "1760000000" and "77" signed are also "17600000007" and "7"."""
    query = MultiDict(signature=sign(TEST.token, NOW, "77"), timestamp="17600000007", nonce="7")
    assert sign(TEST.token, query["timestamp"], query["nonce"]) == query["signature"]
    assert refusal(query, text("x").encode(), PLAIN) is Reason.PARAMETER


def test_nothing_secret_is_shown() -> None:
    result = opened(*pushed(text("a resident's words")))
    shown = repr(result)
    for secret in (TEST.token, repr(TEST.key), OPENID, "resident"):
        assert secret not in shown


# The independent peer


def peer_pushes(message: str, secrets: vectors.Secrets, nonce: str = "1320562132") -> tuple[Query, bytes]:
    sent = xmltodict.parse(
        WeChatCrypto(secrets.token, secrets.encoding_aes_key, secrets.appid).encrypt_message(message, nonce, NOW)
    )["xml"]
    vector = Encrypted("", secrets, NOW, nonce, sent["MsgSignature"], sent["Encrypt"])
    return query_of(vector), shell(sent["Encrypt"])


def peer_reads(reply: bytes, secrets: vectors.Secrets) -> str:
    """Raises when the signature is not as the peer computes it."""
    sent = xmltodict.parse(reply)["xml"]
    peer = WeChatCrypto(secrets.token, secrets.encoding_aes_key, secrets.appid)
    message = peer.decrypt_message(reply.decode(), sent["MsgSignature"], sent["TimeStamp"], sent["Nonce"])
    return str(xmltodict.parse(message)["xml"]["Content"])


@pytest.mark.parametrize("words", ["hello", "مرحبا", "xin chào 😀", "1 &lt; 2", "长" * 600])
def test_peer_both_ways(words: str) -> None:
    result = opened(*peer_pushes(text(words), TEST))
    spoken = content(result)
    reply = text_reply(result.push.sender, result.push.to, 1760000001, spoken)
    body = encrypted_reply(result.keys, TEST.appid, reply, "1760000001", result.nonce)
    assert peer_reads(body, TEST) == spoken


def test_peer_of_another_account() -> None:
    assert refusal(*peer_pushes(text("x"), replace(TEST, appid="wx0000000000000000"))) is Reason.APPID
    assert refusal(*peer_pushes(text("x"), replace(TEST, token="another"))) is Reason.SIGNATURE
    assert refusal(*peer_pushes(text("x"), replace(TEST, encoding_aes_key="Z" * 43))) is Reason.PADDING
