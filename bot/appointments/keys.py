"""The vault's keys, in 0600 files of var/ made at first run."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bot.appointments.sealing import KEY_BYTES
from bot.errors import StartError

NAME = "booking.secret"
PREVIOUS = "booking.secret.previous"
_INFO = b"linli booking vault"
_FEWEST_CHARACTERS = 32


def vault_keys(var_folder: Path) -> tuple[bytes, ...]:
    """The present key first, then one that still opens. StartError when a file cannot be read or written.

    To change the key, rename booking.secret to booking.secret.previous and start again; what was sealed before can be
    read for as long as that file is there.
    """
    previous = var_folder / PREVIOUS
    written = [_read_or_make(var_folder / NAME), *([_read(previous)] if previous.exists() else [])]
    return tuple(_derived(secret) for secret in written)


def _derived(secret: str) -> bytes:
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=_INFO).derive(secret.encode("ascii"))


def _read_or_make(path: Path) -> str:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read(path)
    except OSError as error:
        raise StartError(f"cannot write {path}: {error.strerror}") from error
    secret = secrets.token_urlsafe(32)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(secret)
        file.flush()
        # A power cut after the first appointment must not leave it sealed by a key that is nowhere.
        os.fsync(file.fileno())
    return secret


def _read(path: Path) -> str:
    # Unlike a visitor's key this one cannot be made again: the appointments are sealed with it.
    advice = "put it back from the keys' backup, for nothing else opens the appointments"
    try:
        secret = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise StartError(f"cannot read {path}; {advice}") from error
    if len(secret) < _FEWEST_CHARACTERS:
        raise StartError(f"{path} is damaged; {advice}")
    return secret
