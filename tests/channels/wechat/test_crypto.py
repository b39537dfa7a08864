"""Signatures and encryption against examples made by others, and against an independent library in both directions."""

from __future__ import annotations

import base64
import hashlib
import struct

import pytest
import xmltodict
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st
from wechatpy.crypto import WeChatCrypto
from wechatpy.exceptions import InvalidSignatureException

from bot.channels.wechat.crypto import check, decrypt, encrypt, read_key, sign
from bot.channels.wechat.errors import PushRejected, Reason
from tests.channels.wechat import vectors
from tests.channels.wechat.vectors import ENCRYPTED, NEGATIVE, SIGNED, TEST, WORKED, Encrypted, Signed

# N7 and N8 decrypt as they should: what is inside is refused later (test_documents.py).
REFUSALS = {
    "N1": Reason.APPID,
    "N2": Reason.PADDING,
    "N3": Reason.PADDING,
    "N4": Reason.PADDING,
    "N5": Reason.MSG_LEN,
    "N6": Reason.APPID,
}


def raw(full: bytes, key: bytes = TEST.key) -> str:
    """Encrypted as it is: the padding is the caller's."""
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    return base64.b64encode(encryptor.update(full) + encryptor.finalize()).decode()


def padded(full: bytes) -> bytes:
    count = 32 - len(full) % 32
    return full + bytes([count]) * count


def refusal(encrypted: str, appid: str = TEST.appid) -> Reason:
    with pytest.raises(PushRejected) as caught:
        decrypt(TEST.key, encrypted, appid)
    return caught.value.reason


@pytest.mark.parametrize("vector", SIGNED, ids=lambda vector: vector.name)
def test_signature(vector: Signed) -> None:
    assert sign(vector.token, vector.timestamp, vector.nonce) == vector.signature
    check(vector.signature, vector.nonce, vector.token, vector.timestamp)


@pytest.mark.parametrize("vector", (*ENCRYPTED, *NEGATIVE.values()), ids=lambda vector: vector.name)
def test_message_signature(vector: Encrypted) -> None:
    assert sign(vector.secrets.token, vector.timestamp, vector.nonce, vector.encrypt) == vector.msg_signature
    if vector.signature:
        assert sign(vector.secrets.token, vector.timestamp, vector.nonce) == vector.signature


@pytest.mark.parametrize("given", ["", "f464", "F464B24FC39322E44B38AA78F5EDD27BD1441696", "é" * 40, "\ud800" * 40])
def test_wrong_signature(given: str) -> None:
    with pytest.raises(PushRejected) as caught:
        check(given, "AAAAA", "1714036504", "1514711492")
    assert caught.value.reason is Reason.SIGNATURE


@pytest.mark.parametrize("vector", ENCRYPTED, ids=lambda vector: vector.name)
def test_decrypt(vector: Encrypted) -> None:
    text = decrypt(vector.secrets.key, vector.encrypt, vector.secrets.appid).decode()
    assert text == vector.plaintext or (vector.plaintext is None and "hello" in text)


@pytest.mark.parametrize("vector", [v for v in ENCRYPTED if v.random16], ids=lambda vector: vector.name)
def test_encrypt(vector: Encrypted) -> None:
    assert vector.plaintext is not None
    assert vector.random16 is not None
    message, random = vector.plaintext.encode(), vector.random16.encode()
    assert encrypt(vector.secrets.key, message, vector.secrets.appid, random) == vector.encrypt


@pytest.mark.parametrize("name", WORKED)
def test_published_lengths(name: str) -> None:
    vector, (message, padding, ciphertext) = WORKED[name], vectors.LENGTHS[name]
    decrypted = decrypt(TEST.key, vector.encrypt, TEST.appid)
    assert (len(decrypted), len(base64.b64decode(vector.encrypt))) == (message, ciphertext)
    assert 16 + 4 + message + len(TEST.appid) + padding == ciphertext
    assert hashlib.sha256(decrypted).hexdigest() == vectors.DIGESTS[name]


@pytest.mark.parametrize(("name", "reason"), REFUSALS.items())
def test_negative_vectors(name: str, reason: Reason) -> None:
    assert refusal(NEGATIVE[name].encrypt) is reason


@pytest.mark.parametrize("name", ["N7", "N8"])
def test_vectors_that_decrypt(name: str) -> None:
    assert decrypt(TEST.key, NEGATIVE[name].encrypt, TEST.appid).startswith(b"<")


@pytest.mark.parametrize(
    ("encrypted", "reason"),
    [
        ("", Reason.LENGTH),
        ("AAAA", Reason.LENGTH),
        ("A" * 25, Reason.BASE64),
        ("not base64!", Reason.BASE64),
        ("AA\nAA", Reason.BASE64),
        ("你好", Reason.BASE64),
        ("\ud800", Reason.BASE64),
        ("====", Reason.BASE64),
        (raw(b"\x10" * 16), Reason.SHORT),
        (raw(b"\x20" * 16), Reason.PADDING),
        (raw(padded(b"r" * 19)), Reason.SHORT),
        (raw(padded(b"r" * 16 + struct.pack(">I", 1))), Reason.MSG_LEN),
        (raw(padded(b"r" * 16 + struct.pack(">I", 0))), Reason.APPID),
        (raw(padded(b"r" * 16 + struct.pack(">I", 3) + b"abc" + TEST.appid.encode() + b"x")), Reason.APPID),
    ],
)
def test_refused_step_by_step(encrypted: str, reason: Reason) -> None:
    assert refusal(encrypted) is reason


def test_every_padding_length() -> None:
    for length in range(64):
        message = b"m" * length
        assert decrypt(TEST.key, encrypt(TEST.key, message, TEST.appid), TEST.appid) == message


def test_random_head_differs() -> None:
    assert len({encrypt(TEST.key, b"same", TEST.appid) for _ in range(100)}) == 100


def test_key() -> None:
    assert TEST.key.hex() == vectors.AES_KEY_HEX
    assert TEST.key[:16].hex() == vectors.IV_HEX
    assert vectors.CAPTURED.key.hex() == vectors.CAPTURED_KEY_HEX


def test_two_texts_of_one_key() -> None:
    """The last character carries two unused bits."""
    text = vectors.CAPTURED.encoding_aes_key
    assert text.endswith("G")
    assert read_key(text) == read_key(text[:-1] + "E")


@pytest.mark.parametrize("text", ["", "A" * 42, "A" * 44, "A" * 42 + "=", "A" * 42 + "+", "A" * 43 + "\n", "Ａ" * 43])
def test_bad_key(text: str) -> None:
    with pytest.raises(ValueError, match="43 characters"):
        read_key(text)


def peer() -> WeChatCrypto:
    return WeChatCrypto(TEST.token, TEST.encoding_aes_key, TEST.appid)


# The peer strips its input and wants XML around it to be text; what it refuses to encrypt is no finding about us.
MESSAGES = st.text(st.characters(codec="utf-8"), max_size=200)


@given(MESSAGES, st.from_regex(r"[0-9]{1,10}", fullmatch=True))
def test_peer_encrypts(content: str, nonce: str) -> None:
    message = f"<xml><a>{content}</a></xml>"
    sent = xmltodict.parse(peer().encrypt_message(message, nonce, "1760000000"))["xml"]
    check(sent["MsgSignature"], TEST.token, "1760000000", nonce, sent["Encrypt"])
    assert decrypt(TEST.key, sent["Encrypt"], TEST.appid).decode() == message


@given(MESSAGES)
def test_peer_decrypts(content: str) -> None:
    encrypted = encrypt(TEST.key, content.encode(), TEST.appid)
    signature = sign(TEST.token, "1760000000", "7", encrypted)
    assert peer().decrypt_message({"Encrypt": encrypted}, signature, "1760000000", "7") == content


def test_peer_refuses_our_text_under_another_signature() -> None:
    encrypted = encrypt(TEST.key, b"a", TEST.appid)
    with pytest.raises(InvalidSignatureException):
        peer().decrypt_message({"Encrypt": encrypted}, sign("other", "1", "7", encrypted), "1", "7")
