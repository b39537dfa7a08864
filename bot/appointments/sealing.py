"""Patients and their complaints are kept sealed: whoever has the database without the key learns nothing of them."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bot.errors import LinliError

KEY_BYTES = 32
_NONCE_BYTES = 12
# In front of each sealed blob, so that another way of sealing can be told apart one day.
_VERSION = b"\x01"


class VaultError(LinliError):
    """Sealed with a key that we do not have, about something else, or damaged."""


@dataclass(frozen=True)
class Vault:
    """AES-256-GCM. The first key seals, all of them open."""

    keys: tuple[bytes, ...] = field(repr=False)

    def __post_init__(self) -> None:
        if not self.keys or any(len(key) != KEY_BYTES for key in self.keys):
            raise VaultError(f"a vault needs keys of {KEY_BYTES} bytes")

    def seal(self, data: Any, about: str) -> bytes:
        """`data` is what JSON can hold; `about` names its row and field, so that one cannot stand in for another."""
        plain = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
        nonce = os.urandom(_NONCE_BYTES)
        return _VERSION + nonce + AESGCM(self.keys[0]).encrypt(nonce, plain, _bound(about))

    def open(self, blob: bytes, about: str) -> Any:
        """What was sealed. VaultError."""
        version, nonce, sealed = blob[:1], blob[1 : 1 + _NONCE_BYTES], blob[1 + _NONCE_BYTES :]
        if version != _VERSION or len(nonce) < _NONCE_BYTES:
            raise VaultError("not sealed by this vault")
        for key in self.keys:
            try:
                plain = AESGCM(key).decrypt(nonce, sealed, _bound(about))
            except InvalidTag:
                continue
            return json.loads(plain.decode("utf-8", "surrogatepass"))
        raise VaultError("no key of this vault opens it")


def _bound(about: str) -> bytes:
    return _VERSION + about.encode()
