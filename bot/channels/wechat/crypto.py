"""The platform's signatures and its encryption: SHA-1 over sorted parts, AES-256-CBC with a 32-byte padding block."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from bot.channels.wechat.errors import PushRejected, Reason

_AES_KEY = re.compile(r"[A-Za-z0-9]{43}")
_BLOCK = 16
# PKCS#7 over 32 bytes, not AES's 16: a pad byte of 17 to 32 is normal.
_PADDING_BLOCK = 32
_RANDOM = 16
_LENGTH = struct.Struct(">I")
_HEAD = _RANDOM + _LENGTH.size


def sign(*parts: str) -> str:
    """40 lower-case hexadecimal digits; the parts are sorted by code points, never by a locale."""
    return hashlib.sha1("".join(sorted(parts)).encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()


def check(given: str, *parts: str) -> None:
    """In constant time; bytes, because compare_digest raises TypeError on text beyond ASCII."""
    if not hmac.compare_digest(sign(*parts).encode("ascii"), given.encode("utf-8", "replace")):
        raise PushRejected(Reason.SIGNATURE)


def read_key(encoding_aes_key: str) -> bytes:
    """The 32 bytes of an EncodingAESKey. Compare keys by these: several texts stand for the same bytes."""
    if _AES_KEY.fullmatch(encoding_aes_key) is None:
        raise ValueError("an EncodingAESKey is 43 characters of A-Z, a-z and 0-9")
    return base64.b64decode(encoding_aes_key + "=")


def decrypt(key: bytes, encrypted: str, appid: str) -> bytes:
    """The message. Only after `check`: with an unverified text the steps that can fail would be a padding oracle."""
    full = _unpadded(_decrypted(key, _decoded(encrypted)))
    if len(full) < _HEAD:
        raise PushRejected(Reason.SHORT)
    (length,) = _LENGTH.unpack(full[_RANDOM:_HEAD])
    if length > len(full) - _HEAD:
        raise PushRejected(Reason.MSG_LEN)
    message, tail = full[_HEAD : _HEAD + length], full[_HEAD + length :]
    if not hmac.compare_digest(tail, appid.encode()):
        raise PushRejected(Reason.APPID)
    return message


def encrypt(key: bytes, message: bytes, appid: str, random16: bytes | None = None) -> str:
    """Base64. `random16` is given in tests only."""
    # The platform's own are printable: 12 random bytes are 16 characters of Base64.
    random = base64.b64encode(secrets.token_bytes(12)) if random16 is None else random16
    full = random + _LENGTH.pack(len(message)) + message + appid.encode()
    count = _PADDING_BLOCK - len(full) % _PADDING_BLOCK
    encryptor = _cipher(key).encryptor()
    return base64.b64encode(encryptor.update(full + bytes([count]) * count) + encryptor.finalize()).decode("ascii")


def _decoded(encrypted: str) -> bytes:
    try:
        data = base64.b64decode(encrypted, validate=True)
    except (binascii.Error, ValueError):
        raise PushRejected(Reason.BASE64) from None
    if not data or len(data) % _BLOCK:
        raise PushRejected(Reason.LENGTH)
    return data


def _decrypted(key: bytes, data: bytes) -> bytes:
    decryptor = _cipher(key).decryptor()
    return decryptor.update(data) + decryptor.finalize()


def _unpadded(padded: bytes) -> bytes:
    count = padded[-1]
    if not 1 <= count <= min(_PADDING_BLOCK, len(padded)) or padded[-count:] != bytes([count]) * count:
        raise PushRejected(Reason.PADDING)
    return padded[:-count]


def _cipher(key: bytes) -> Cipher[modes.CBC]:
    return Cipher(algorithms.AES(key), modes.CBC(key[:_BLOCK]))
