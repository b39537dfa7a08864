"""Real pushes broken in every way that comes to mind: each is taken or refused, and nothing else ever happens.

`mutations` is a stream without end, so that the bench takes 100,000 of it where the test takes a tenth.
"""

from __future__ import annotations

import base64
import random
import re
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from multidict import MultiDict

from bot.channels.wechat.account import Account, Keys, Mode
from bot.channels.wechat.crypto import encrypt, sign
from bot.channels.wechat.documents import encrypted_reply, parse, text_reply
from bot.channels.wechat.errors import PushRejected, Reason
from bot.channels.wechat.gate import MOST_BODY_BYTES, Opened, open_push, verify_url
from bot.channels.wechat.pushes import read
from tests.channels.wechat.test_documents import HOSTILE, NO_UTF_8
from tests.channels.wechat.test_pushes import EVENTS, MESSAGES
from tests.channels.wechat.vectors import NEGATIVE, ORIGINAL_ID, TEST, WORKED, account, at

NOW = "1760000000"
WINDOW = 300
PREVIOUS = (Keys("thePreviousToken", b"P" * 32),)
ACCOUNTS = {mode: account(mode, previous=PREVIOUS) for mode in Mode}
TAKEN = "taken"

SENT = [text.encode() for text, _ in (*MESSAGES, *EVENTS)]
# With the worked examples: two of them, a reply and a fragment, are whole and yet no push.
WHOLE = SENT + [vector.plaintext.encode() for vector in WORKED.values() if vector.plaintext]
HARD = [body.encode() if isinstance(body, str) else body for body in HOSTILE.values()] + [*NO_UTF_8.values()]
# What parsers, numbers and texts stumble over.
PIECES = [
    *b"< > & \" ' / = % ]]> <![CDATA[ <!-- --> <? ?> &#0; &a;".split(),
    *b"<xml> </xml> <a> </a> <a/> <item> <List> </List>".split(),
    b"<!DOCTYPE a [<!ENTITY b 'c'>]>",
    b'<?xml version="1.0" encoding="utf-16"?>',
    b"<Encrypt>",
    b"</Encrypt>",
    b"<MsgType>event</MsgType>",
    b"<Event>CLICK</Event>",
    b"<a>" * 1000,
    b"<a>" * 3 + b"</a>" * 3,
    b"9" * 5000,
    b"-1",
    b"1e999",
    b"nan",
    b"\0",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\xed\xa0\x80",
    b"\xc0\x80",
    b" " * 70_000,
    *(
        text.encode()
        for text in ("😀", "\u202e", "\u0301" * 50, "\ufeff", "\u2028", "１２３", "١٢٣", "\ufffe", "İ", "ß")
    ),
]
NAMES = ["signature", "timestamp", "nonce", "openid", "encrypt_type", "msg_signature", "echostr", "", "x", "é", "\0"]
VALUES = [
    *("", "0", "-1", "1e9", "1760000000", "17600000000", "9" * 5000, "x" * 300, "aes", "raw", "AES", "\0", "\n"),
    *("é", "😀", "\ud800", "\udcff", "١٧٦٠٠٠٠٠٠٠", "１７６０００００００", "<xml>", "]]>", "%00", "a&b=c", "\u202e"),
    *(sign(TEST.token, NOW, "7"), "0" * 40, "g" * 40, "A" * 40),
]
_NUMBER = re.compile(rb"[0-9]+")


@dataclass(frozen=True)
class Case:
    """`body` None: the check of the URL."""

    account: Account
    query: MultiDict[str]
    body: bytes | None


def mutations(seed: int, count: int) -> Iterator[Case]:
    """The same cases for the same seed."""
    chance = random.Random(seed)
    return islice(iter(lambda: chance.choice(_MAKERS)(chance), None), count)


def outcome(case: Case) -> str:
    """`taken` or the reason of the refusal; anything else escapes."""
    try:
        if case.body is None:
            verify_url(case.account, case.query, at(NOW), WINDOW)
        else:
            check_sound(case, opened(case))
    except PushRejected as error:
        return error.reason.value
    return TAKEN


def opened(case: Case) -> Opened:
    return open_push(case.account, case.query, case.body or b"", at(NOW), WINDOW)


def check_sound(case: Case, result: Opened) -> None:
    """What is promised of everything that passes, and that a reply to it can be written."""
    push = result.push
    assert push.to == ORIGINAL_ID
    assert re.fullmatch("[A-Za-z0-9_-]{1,64}", push.sender)
    assert re.fullmatch("[0-9a-f]{64}", push.key)
    assert re.fullmatch("[0-9a-f]{64}", result.mark)
    assert result.encrypted is (case.account.mode is not Mode.PLAIN)
    reply = text_reply(push.sender, push.to, 1, str(vars(push)))
    parse(encrypted_reply(Keys(result.keys.token, TEST.key), TEST.appid, reply, NOW, result.nonce))
    assert parse(reply)["ToUserName"] == push.sender


def _flip(chance: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 8))):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _cut(chance: random.Random, data: bytes) -> bytes:
    start, end = _span(chance, data)
    return data[:start] + data[end:]


def _end(chance: random.Random, data: bytes) -> bytes:
    return data[: chance.randrange(len(data))]


def _repeat(chance: random.Random, data: bytes) -> bytes:
    start, end = _span(chance, data)
    return data[:end] + data[start:end] * chance.choice((1, 2, 50)) + data[end:]


def _insert(chance: random.Random, data: bytes) -> bytes:
    place = chance.randrange(len(data) + 1)
    return data[:place] + chance.choice(PIECES) + data[place:]


def _replace(chance: random.Random, data: bytes) -> bytes:
    start, end = _span(chance, data)
    return data[:start] + chance.choice(PIECES) + data[end:]


def _splice(chance: random.Random, data: bytes) -> bytes:
    other = chance.choice(chance.choice((WHOLE, HARD)))
    return data[: chance.randrange(len(data))] + other[chance.randrange(len(other) + 1) :]


def _renumber(chance: random.Random, data: bytes) -> bytes:
    numbers = (b"9" * 400, b"-7", b"0", b"1.5", b"", b"18446744073709551616", str(chance.getrandbits(64)).encode())
    return _NUMBER.sub(lambda found: chance.choice((found[0], chance.choice(numbers))), data)


def _deepen(chance: random.Random, data: bytes) -> bytes:
    start, end = _span(chance, data)
    depth = chance.choice((1, 3, 4, 200))
    return data[:start] + b"<n>" * depth + data[start:end] + b"</n>" * depth + data[end:]


def _reorder(chance: random.Random, data: bytes) -> bytes:
    parts = data.split(b">")
    chance.shuffle(parts)
    return b">".join(parts)


def _noise(chance: random.Random, data: bytes) -> bytes:
    return chance.randbytes(len(data))


_MUTATORS: tuple[Callable[[random.Random, bytes], bytes], ...] = (
    *(_flip, _cut, _end, _repeat, _insert, _replace, _splice, _renumber, _deepen, _reorder, _noise),
)


def _span(chance: random.Random, data: bytes) -> tuple[int, int]:
    start = chance.randrange(len(data))
    return start, min(len(data), start + chance.choice((1, 2, 8, 64)))


def _mutated(chance: random.Random, data: bytes) -> bytes:
    """Changed once to four times, mostly once: what is nearly right goes furthest."""
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        data = chance.choice(_MUTATORS)(chance, data) or b"<"
    return data


def _document(chance: random.Random) -> bytes:
    return chance.choice(HARD) if chance.random() < 0.05 else _mutated(chance, chance.choice(WHOLE))


def _query(chance: random.Random, encrypted: str = "", mode: Mode = Mode.SAFE) -> MultiDict[str]:
    """As it should be, but for some late ones."""
    nonce, token = str(chance.getrandbits(31)), chance.choice((TEST.token, TEST.token, PREVIOUS[0].token))
    said = NOW if chance.random() < 0.98 else str(int(NOW) + chance.choice((-1000, -301, -300, 300, 301, 10**9)))
    query = MultiDict(signature=sign(token, said, nonce), timestamp=said, nonce=nonce)
    if mode is not Mode.PLAIN:
        query.update(encrypt_type="aes", msg_signature=sign(token, said, nonce, encrypted))
    return query


def _shell(encrypted: str) -> bytes:
    return f"<xml><ToUserName>{ORIGINAL_ID}</ToUserName><Encrypt><![CDATA[{encrypted}]]></Encrypt></xml>".encode()


def _encrypted(chance: random.Random, message: bytes) -> str:
    return encrypt(chance.choice((TEST.key, b"P" * 32)), message, TEST.appid, chance.randbytes(16))


def _encrypted_mode(chance: random.Random) -> Account:
    return ACCOUNTS[chance.choice((Mode.SAFE, Mode.COMPATIBLE))]


def _inner(chance: random.Random) -> Case:
    """A broken document inside a whole envelope."""
    encrypted = _encrypted(chance, _document(chance))
    return Case(_encrypted_mode(chance), _query(chance, encrypted), _shell(encrypted))


def _frame(chance: random.Random) -> Case:
    """A broken frame (head, length, account, padding) in whole cipher blocks, rightly signed."""
    message = chance.choice(WHOLE)
    length = chance.choice((len(message), len(message) + 1, 0, 2**31, 2**32 - 1))
    full = chance.randbytes(16) + struct.pack(">I", length) + message + chance.choice((TEST.appid.encode(), b"wx"))
    full = chance.choice((full, _mutated(chance, full)))[: MOST_BODY_BYTES // 2]
    count = 32 - len(full) % 32
    full += bytes([chance.choice((count, count, count, 0, 33, chance.randrange(256)))]) * count
    encryptor = Cipher(algorithms.AES(TEST.key), modes.CBC(TEST.key[:16])).encryptor()
    encrypted = base64.b64encode(encryptor.update(full) + encryptor.finalize()).decode()
    return Case(_encrypted_mode(chance), _query(chance, encrypted), _shell(encrypted))


def _cipher(chance: random.Random) -> Case:
    """Broken Base64 or cipher text, rightly signed."""
    whole = _encrypted(chance, chance.choice(WHOLE)) if chance.random() < 0.9 else NEGATIVE["N4"].encrypt
    encrypted = _mutated(chance, whole.encode()).decode("utf-8", "replace").strip()
    return Case(_encrypted_mode(chance), _query(chance, encrypted), _shell(encrypted))


def _outer(chance: random.Random) -> Case:
    """A broken envelope, mostly with the plain elements of the compatible mode beside what is encrypted."""
    message = chance.choice(WHOLE)
    encrypted = _encrypted(chance, message)
    beside = message.replace(b"</xml>", f"<Encrypt>{encrypted}</Encrypt></xml>".encode())
    body = chance.choice((beside, beside, _shell(encrypted)))
    return Case(_encrypted_mode(chance), _query(chance, encrypted), _mutated(chance, body))


def _plain(chance: random.Random) -> Case:
    return Case(ACCOUNTS[Mode.PLAIN], _query(chance, mode=Mode.PLAIN), _document(chance))


def _asked(chance: random.Random) -> Case:
    """A broken query, in any mode."""
    mode = chance.choice(tuple(Mode))
    message = chance.choice(WHOLE)
    encrypted = _encrypted(chance, message)
    query = _broken(chance, _query(chance, encrypted, mode))
    return Case(ACCOUNTS[mode], query, message if mode is Mode.PLAIN else _shell(encrypted))


def _url(chance: random.Random) -> Case:
    query = _query(chance, mode=Mode.PLAIN)
    query["echostr"] = chance.choice((str(chance.getrandbits(62)), *VALUES))
    return Case(ACCOUNTS[chance.choice(tuple(Mode))], _broken(chance, query), None)


_MAKERS: tuple[Callable[[random.Random], Case], ...] = (_inner, _inner, _frame, _cipher, _outer, _plain, _asked, _url)


def _broken(chance: random.Random, query: MultiDict[str]) -> MultiDict[str]:
    """Up to three parameters lost, changed, added, or all in another order."""
    pairs = list(query.items())
    for _ in range(chance.choice((0, 1, 1, 2, 3))):
        place = chance.randrange(len(pairs) + 1)
        name, value = pairs[place] if place < len(pairs) else (chance.choice(NAMES), "")
        pairs[place : place + 1] = chance.choice(([], [(name, _value(chance, value))], [(name, value), (name, value)]))
    chance.shuffle(pairs)
    return MultiDict(pairs * chance.choice((1,) * 20 + (200,)))


def _value(chance: random.Random, value: str) -> str:
    if not value or chance.random() < 0.5:
        return chance.choice(VALUES)
    return _mutated(chance, value.encode("utf-8", "replace")).decode(
        "utf-8", chance.choice(("replace", "surrogateescape"))
    )


def test_the_stream_is_repeatable() -> None:
    first, second = (list(mutations(7, 200)) for _ in range(2))
    assert first == second
    assert first != list(mutations(8, 200))


def test_nothing_but_a_refusal_escapes() -> None:
    """And every step is reached: a stream that fails at the first gate would show nothing about the later ones."""
    seen = {outcome(case) for case in mutations(20261123, 10_000)}
    # REPLAY is said by whoever keeps the memory of marks; the gate has none.
    assert seen == {reason.value for reason in Reason} - {Reason.REPLAY.value} | {TAKEN}


@pytest.mark.parametrize("make", _MAKERS[1:], ids=lambda make: make.__name__)
def test_every_kind_is_sometimes_taken(make: Callable[[random.Random], Case]) -> None:
    chance = random.Random(3)
    assert any(outcome(make(chance)) == TAKEN for _ in range(1000))


@pytest.mark.parametrize("make", [_outer, _asked], ids=["envelope", "query"])
def test_what_is_not_signed_changes_no_word(make: Callable[[random.Random], Case]) -> None:
    chance, taken = random.Random(11), 0
    worked = [(WORKED[name].plaintext or "").encode() for name in "ADE"]
    genuine = [read(parse(body), ORIGINAL_ID) for body in (*SENT, *worked)]
    for case in (make(chance) for _ in range(5000)):
        with suppress(PushRejected):
            assert opened(case).push in genuine
            taken += 1
    assert taken > 50


def test_no_case_takes_long() -> None:
    """The largest bodies, full of what is costly, take a time like their size: some milliseconds."""
    slowest = 0.0
    for case in mutations(5, 2000):
        started = time.process_time()
        outcome(case)
        slowest = max(slowest, time.process_time() - started)
    assert slowest < 0.2
