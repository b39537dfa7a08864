"""The gate of the callback address: what passes is a push of the platform for our account, and nothing else does."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from multidict import MultiMapping

from bot.channels.wechat.account import Account, Keys, Mode
from bot.channels.wechat.crypto import check, decrypt
from bot.channels.wechat.documents import Document, parse
from bot.channels.wechat.errors import PushRejected, Reason
from bot.channels.wechat.pushes import Push, read

_Item = TypeVar("_Item")
# A push has a few kB, one of the compatible mode about three times as many.
MOST_BODY_BYTES = 64 * 1024
_MOST_QUERY_BYTES = 2048
_MOST_PARAMETER_BYTES = 256
_REPLAY_SECONDS = 300
# Ten digits until the year 2286. The signature joins the sorted parts without a separator: with a free length
# somebody could move digits between an old timestamp and its nonce and give it another date.
_TIMESTAMP = re.compile(r"[1-9][0-9]{9}")
_NONCE = re.compile(r"[!-~]+")


@dataclass(frozen=True)
class Opened:
    """`keys`: those that opened it, for the reply; `mark`: the same for every copy of the request, for the memory."""

    push: Push
    keys: Keys = field(repr=False)
    encrypted: bool
    nonce: str = field(repr=False)
    mark: str


def verify_url(account: Account, query: MultiMapping[str], now: datetime, replay_seconds: int = _REPLAY_SECONDS) -> str:
    """The echostr, to be sent back as it is; not encrypted in any mode. PushRejected."""
    given = _parameters(query)
    echo = _needed(given, "echostr")
    _token(account, given, _needed(given, "signature"))
    _check_clock(given, now, replay_seconds)
    return echo


def open_push(account: Account, query: MultiMapping[str], body: bytes, now: datetime, replay_seconds: int) -> Opened:
    """The account's mode decides how, never the request. PushRejected.

    The clock is looked at after the signature: CLOCK then means a copy, or that our own clock is wrong.
    """
    if len(body) > MOST_BODY_BYTES:
        raise PushRejected(Reason.SIZE)
    given = _parameters(query)
    if account.mode is Mode.PLAIN:
        return _open_plain(account, given, body, now, replay_seconds)
    return _open_encrypted(account, given, body, now, replay_seconds)


def _open_plain(account: Account, given: Mapping[str, str], body: bytes, now: datetime, replay_seconds: int) -> Opened:
    if given.get("encrypt_type", "raw") != "raw" or "msg_signature" in given:
        raise PushRejected(Reason.MODE)
    signature = _needed(given, "signature")
    token = _token(account, given, signature)
    _check_clock(given, now, replay_seconds)
    push = read(parse(body), account.original_id)
    keys = next(keys for keys in account.keys if keys.token == token)
    return Opened(push, keys, False, given["nonce"], _mark(signature))


def _open_encrypted(
    account: Account, given: Mapping[str, str], body: bytes, now: datetime, replay_seconds: int
) -> Opened:
    """Safe and compatible: only what was encrypted counts, the plain elements beside it are anybody's."""
    if given.get("encrypt_type") != "aes" or "msg_signature" not in given:
        raise PushRejected(Reason.MODE)
    signature, encrypted = given["msg_signature"], _encrypted(parse(body))
    token = _token(account, given, signature, encrypted)
    _check_clock(given, now, replay_seconds)
    key, message = _decrypted(account, encrypted)
    return Opened(read(parse(message), account.original_id), Keys(token, key), True, given["nonce"], _mark(signature))


def _encrypted(document: Document) -> str:
    encrypted = document.get("Encrypt")
    if not isinstance(encrypted, str) or not encrypted:
        raise PushRejected(Reason.MODE)
    return encrypted


def _parameters(query: MultiMapping[str]) -> dict[str, str]:
    """Each at most once: who reads the first and who reads the last must read the same."""
    given = dict(query.items())
    sizes = [_size(part) for pair in query.items() for part in pair]
    if (
        len(given) != len(query)
        or sum(sizes) + len(sizes) > _MOST_QUERY_BYTES
        or max(sizes, default=0) > _MOST_PARAMETER_BYTES
    ):
        raise PushRejected(Reason.PARAMETER)
    if not _TIMESTAMP.fullmatch(_needed(given, "timestamp")) or not _NONCE.fullmatch(_needed(given, "nonce")):
        raise PushRejected(Reason.PARAMETER)
    return given


def _size(text: str) -> int:
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        raise PushRejected(Reason.PARAMETER) from None


def _needed(given: Mapping[str, str], name: str) -> str:
    value = given.get(name)
    if not value:
        raise PushRejected(Reason.PARAMETER)
    return value


def _token(account: Account, given: Mapping[str, str], signature: str, *more: str) -> str:
    """The token that the request is signed with, of the current and the previous one."""
    parts = (given["timestamp"], given["nonce"], *more)
    found = [token for token in _unique(keys.token for keys in account.keys) if _is_signed(signature, token, *parts)]
    if not found:
        raise PushRejected(Reason.SIGNATURE)
    return found[0]


def _is_signed(signature: str, *parts: str) -> bool:
    try:
        check(signature, *parts)
    except PushRejected:
        return False
    return True


def _check_clock(given: Mapping[str, str], now: datetime, replay_seconds: int) -> None:
    if abs(now.timestamp() - int(given["timestamp"])) > replay_seconds:
        raise PushRejected(Reason.CLOCK)


def _decrypted(account: Account, encrypted: str) -> tuple[bytes, bytes]:
    """The AES key that opens it and the message. Token and key may have been changed one at a time."""
    refused = PushRejected(Reason.MODE)
    for number, key in enumerate(_unique(keys.aes_key for keys in account.keys if keys.aes_key)):
        try:
            return key, decrypt(key, encrypted, account.appid)
        except PushRejected as error:
            refused = refused if number else error
    raise refused


def _unique(items: Iterable[_Item]) -> list[_Item]:
    return list(dict.fromkeys(items))


def _mark(signature: str) -> str:
    """The verified signature stands for the timestamp and the nonce under it, however they are cut apart."""
    return hashlib.sha256(signature.encode()).hexdigest()
