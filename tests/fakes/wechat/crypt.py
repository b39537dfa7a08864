"""Signatures and encryption as the sheet defines them (5.1, 5.3), from the platform's side."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

_BLOCK = 32


class BadReplyError(Exception):
    """The account's answer is not one that the platform can use; the text says why."""


def signature(*parts: str) -> str:
    return hashlib.sha1("".join(sorted(parts)).encode()).hexdigest()


def encrypt(key: bytes, message: bytes, appid: str, random16: bytes | None = None) -> str:
    random16 = random16 or base64.b64encode(secrets.token_bytes(12))
    full = random16 + struct.pack(">I", len(message)) + message + appid.encode()
    pad = _BLOCK - len(full) % _BLOCK
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    return base64.b64encode(encryptor.update(full + bytes([pad]) * pad) + encryptor.finalize()).decode()


def decrypt(key: bytes, encrypted: str, appid: str) -> bytes:
    """The message; BadReplyError when anything about it is not exactly as it must be."""
    try:
        cipher_text = base64.b64decode(encrypted, validate=True)
    except (binascii.Error, ValueError):
        raise BadReplyError("Encrypt is not Base64") from None
    if not cipher_text or len(cipher_text) % _BLOCK:
        raise BadReplyError("Encrypt is not a multiple of 32 bytes")
    decryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).decryptor()
    return _message(_unpadded(decryptor.update(cipher_text) + decryptor.finalize()), appid)


def _unpadded(padded: bytes) -> bytes:
    pad = padded[-1]
    if not 1 <= pad <= _BLOCK or padded[-pad:] != bytes([pad]) * pad:
        raise BadReplyError("the padding is not PKCS#7 of 32 bytes (or another key)")
    return padded[:-pad]


def _message(full: bytes, appid: str) -> bytes:
    if len(full) < 20:
        raise BadReplyError("too short for the random bytes and the length")
    length = struct.unpack(">I", full[16:20])[0]
    if length > len(full) - 20:
        raise BadReplyError("msg_len overruns the message")
    if not hmac.compare_digest(full[20 + length :], appid.encode()):
        raise BadReplyError("another account's AppID at the tail")
    return full[20 : 20 + length]
