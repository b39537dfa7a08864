"""Secrets in 0600 files, made at first run: never in the database, the log or --help."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from bot.errors import StartError


def local_secret(folder: Path) -> str:
    """The secret between the app, its engine workers and the commands on this machine."""
    return _read_or_make(folder / "local.secret")


def visitor_keys(folder: Path) -> tuple[str, ...]:
    """The keys that visitors' tokens are signed with: the present one first, then one that is still believed.

    To change the key, rename visitor.secret to visitor.secret.previous and start again.
    """
    present, previous = folder / "visitor.secret", folder / "visitor.secret.previous"
    return (_read_or_make(present), *([_read(previous)] if previous.exists() else []))


def _read_or_make(path: Path) -> str:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read(path)
    except OSError as error:
        raise StartError(f"cannot write {path}: {error.strerror}") from error
    value = secrets.token_urlsafe(32)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(value)
    return value


def _read(path: Path) -> str:
    try:
        value = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise StartError(f"cannot read {path}; remove it and a new one is made") from error
    if len(value) < 32:
        raise StartError(f"{path} is damaged; remove it and a new one is made")
    return value
