"""Worked examples of the platform's signatures and encryption, made by others: Tencent's own, captured ones, and some
computed with an independent library and checked with OpenSSL (vectors.json)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.channels.wechat.account import Account, AccountKind, Keys, Mode
from bot.channels.wechat.crypto import read_key

_FILE: dict[str, Any] = json.loads((Path(__file__).parent / "vectors.json").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Secrets:
    token: str
    encoding_aes_key: str
    appid: str

    @property
    def key(self) -> bytes:
        return read_key(self.encoding_aes_key)


@dataclass(frozen=True)
class Signed:
    """A signature over token, timestamp and nonce."""

    name: str
    token: str
    timestamp: str
    nonce: str
    signature: str


@dataclass(frozen=True)
class Encrypted:
    """One encrypted text; `plaintext` None: it must be refused, or is not published. `signature` "": not published."""

    name: str
    secrets: Secrets
    timestamp: str
    nonce: str
    msg_signature: str
    encrypt: str
    plaintext: str | None = None
    random16: str | None = None
    signature: str = ""


TEST = Secrets(_FILE["account"]["token"], _FILE["account"]["encoding_aes_key"], _FILE["account"]["appid"])
AES_KEY_HEX: str = _FILE["account"]["aes_key_hex"]
IV_HEX: str = _FILE["account"]["iv_hex"]
ORIGINAL_ID: str = _FILE["account"]["original_id"]
OPENID: str = _FILE["account"]["openid"]

TENCENT = Secrets("AAAAA", "A" * 43, "wxba5fad812f8e6fb9")
CAPTURED = Secrets("weixin", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG", "wxbad0b45542aa0b5e")
CAPTURED_KEY_HEX = "69b71d79f8218a39259a7a29aabb2dbafc31cb3d35db7e39ebbf3d0010831051"
SAMPLE = Secrets("pamtest", CAPTURED.encoding_aes_key, "wxb11529c136998cb6")
WECOM = Secrets("123456", "kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR", "wx49f0ab532d5d035a")

ECHOSTR = "4375120948345356249"
URL_CHECK = Signed("GET", "AAAAA", "1714036504", "1514711492", "f464b24fc39322e44b38aa78f5edd27bd1441696")
SIGNED = (
    URL_CHECK,
    Signed("plain POST", "AAAAA", "1714037059", "486452656", "899cf89e464efb63f54ddac96b0a0a235f53aa78"),
    Signed("safe POST", "AAAAA", "1714112445", "415670741", "6c5c811b55cc85e0e1b54100749188c20beb3f5d"),
    Signed("order", "tokenA", "10", "Zz", "bc4b79efff128a222992ab1c0298c28143a622e3"),
)

TENCENT_PUSH = Encrypted(
    name="Tencent's push",
    secrets=TENCENT,
    timestamp="1714112445",
    nonce="415670741",
    signature="6c5c811b55cc85e0e1b54100749188c20beb3f5d",
    msg_signature="046e02f8204d34f8ba5fa3b1db94908f3df2e9b3",
    random16="a8eedb185eb2fecf",
    encrypt=(
        "+qdx1OKCy+5JPCBFWw70tm0fJGb2Jmeia4FCB7kao+/Q5c/ohsOzQHi8khUOb05JCpj0JB4RvQMkUyus8TPxLKJGQqcvZqzDpVzazhZv6JsX"
        "UnnR8XGT740XgXZUXQ7vJVnAG+tE8NUd4yFyjPy7GgiaviNrlCTj+l5kdfMuFUPpRSrfMZuMcp3Fn2Pede2IuQrKEYwKSqFIZoNqJ4M8EajA"
        "sjLY2km32IIjdf8YL/P50F7mStwntrA2cPDrM1kb6mOcfBgRtWygb3VIYnSeOBrebufAlr7F9mFUPAJGj04="
    ),
    plaintext=(
        '{"ToUserName":"gh_97417a04a28d","FromUserName":"o9AgO5Kd5ggOC-bXrbNODIiE3bGY","CreateTime":1714112445,'
        '"MsgType":"event","Event":"debug_demo","debug_str":"hello world"}'
    ),
)
TENCENT_REPLY = Encrypted(
    name="Tencent's reply",
    secrets=TENCENT,
    timestamp="1713424427",
    nonce="415670741",
    msg_signature="1b9339964ed2e271e7c7b6ff2b0ef902fc94dea1",
    random16="707722b803182950",
    encrypt="ELGduP2YcVatjqIS+eZbp80MNLoAUWvzzyJxgGzxZO/5sAvd070Bs6qrLARC9nVHm48Y4hyRbtzve1L32tmxSQ==",
    plaintext='{"demo_resp":"good luck"}',
)
CAPTURED_PUSH = Encrypted(
    name="captured in 2014",
    secrets=CAPTURED,
    timestamp="1414243737",
    nonce="1792106704",
    signature="35703636de2f9df2a77a662b68e521ce17c34db4",
    msg_signature="6147984331daf7a1a9eed6e0ec3ba69055256154",
    random16="fd219fb17e4d1657",
    encrypt=(
        "MNn4+jJ/VsFh2gUyKAaOJArwEVYCvVmyN0iXzNarP3O6vXzK62ft1/KG2/XPZ4y5bPWU/jfIfQxODRQ7sLkUsrDRqsWimuhIT8Eq+w4E/28m"
        "+XDAQKEOjWTQIOp1p6kNsIV1DdC3B+AtcKcKSNAeJDr7x7GHLx5DZYK09qQsYDOjP6R5NqebFjKt/NpEl/GU3gWFwG8LCtRNuIYdK5axbFSf"
        "mXbh5CZ6Bk5wSwj5fu5aS90cMAgUhGsxrxZTY562QR6c+3ydXxb+GHI5w+qA+eqJjrQqR7u5hS+1x5sEsA7vS+bZ5LYAR3+PZ243avQkGllQ"
        "+rg7a6TeSGDxxhvLw+mxxinyk88BNHkJnyK//hM1k9PuvuLAASdaud4vzRQlAmnYOslZl8CN7gjCjV41skUTZv3wwGPxvEqtm/nf5fQ="
    ),
    plaintext=(
        "<xml><ToUserName><![CDATA[gh_680bdefc8c5d]]></ToUserName>\n"
        "<FromUserName><![CDATA[oIDrpjpQ8j8mBuQ8nM26HWzNEZgg]]></FromUserName>\n"
        "<CreateTime>1414243737</CreateTime>\n"
        "<MsgType><![CDATA[text]]></MsgType>\n"
        "<Content><![CDATA[?]]></Content>\n"
        "<MsgId>6074130599188426998</MsgId>\n"
        "</xml>"
    ),
)
SAMPLE_TEXT = Encrypted(
    name="Tencent's sample code",
    secrets=SAMPLE,
    timestamp="1409304348",
    nonce="xxxxxx",
    msg_signature="82c962d39941aa48552f90ef55aa323dc620cc10",
    random16="aaaabbbbccccdddd",
    encrypt="jn1L23DB+6ELqJ+6bruv21Y6MD7KeIfP82D6gU39rmkgczbWwt5+3bnyg5K55bgVtVzd832WzZGMhkP72vVOfg==",
    plaintext="我是中文abcd123",
)
HELLO_PUSH = Encrypted(
    name="a PHP library's test",
    secrets=SAMPLE,
    timestamp="1458300676",
    nonce="260774613",
    msg_signature="4f3ad57b6989f09f4eb392acce4f9e93942ed890",
    encrypt=(
        "rTNFcsut4LfGuAFKEUVVpwcaCOTJzOd9twZdIW910jb3k+iicx2uvhttIZ3Qg9Qgty3BEF2xbOrz6boTfb30dMomcgrkTqdFPwnhqbk+kIQ7"
        "rZiwny9D7NUrTgA5kpX3KsZvrXzUZyP2x9YOlxbgm572lmxKvM7HAQQhIQ/p6HBmoY30bGXFK0BtIu1pW9TjhOYrLQoU18nWYjWqDA1ynkmO"
        "ytpv7QRI1P1+0NoxL0q2zO1DgeSvnE8CZGo/o5Ap/WHK5W2RAsinpzN4/LjPnmB6U01I5XCoJoC0GK/yMZycd2Oh8Nq6+wBkC1U85oy0ktOY"
        "4nLvsQMLrourmMGdZHuTbqpeJ8Ao/5PRYJ+WBvRUwPfGKBL2+2IKZF49vAJqkcGWSHGE76ZN2erXeuNazf/o9o3lIE3q739o4c8t9QGPe31G"
        "T2Go/rOz1BsrASwvauNulCh+++yz+CQzBIuikA=="
    ),
)
# What follows the Base64 of the URL check on the sister platform: the same cipher, another protocol around it.
WECOM_ECHO = Encrypted(
    name="the sister platform's URL check",
    secrets=WECOM,
    timestamp="1411443780",
    nonce="437374425",
    msg_signature="dd6b9c95b495b3f7e2901bfbc76c664930ffdb96",
    encrypt="4ByGGj+sVCYcvGeQYhaKIk1o0pQRNbRjxybjTGblXrBaXlTXeOo1+bXFXDQQb1o6co6Yh9Bv41n7hOchLF6p+Q==",
    plaintext="5927782489442352469",
)


def _from_file(entry: dict[str, Any]) -> Encrypted:
    known = ("timestamp", "nonce", "msg_signature", "encrypt", "plaintext", "random16", "signature")
    return Encrypted(name=entry["id"], secrets=TEST, **{name: entry[name] for name in known if name in entry})


WORKED: dict[str, Encrypted] = {entry["id"]: _from_file(entry) for entry in _FILE["positive"]}
LENGTHS: dict[str, tuple[int, int, int]] = {
    entry["id"]: (entry["msg_len"], entry["pad"], entry["ciphertext_len"]) for entry in _FILE["positive"]
}
DIGESTS: dict[str, str] = {entry["id"]: entry["plaintext_sha256"] for entry in _FILE["positive"]}
NEGATIVE: dict[str, Encrypted] = {entry["id"]: _from_file(entry) for entry in _FILE["negative"]}
ENCRYPTED = (*WORKED.values(), TENCENT_PUSH, TENCENT_REPLY, CAPTURED_PUSH, SAMPLE_TEXT, HELLO_PUSH, WECOM_ECHO)


def account(
    mode: Mode = Mode.SAFE,
    secrets: Secrets = TEST,
    original_id: str = ORIGINAL_ID,
    previous: tuple[Keys, ...] = (),
) -> Account:
    return Account(
        appid=secrets.appid,
        original_id=original_id,
        mode=mode,
        kind=AccountKind.SERVICE,
        keys=(Keys(secrets.token, secrets.key), *previous),
        secret="s" * 32,
    )


def at(timestamp: str | int) -> datetime:
    return datetime.fromtimestamp(int(timestamp), UTC)
