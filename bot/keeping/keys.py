"""The secrets in var/, apart from everybody's words: whoever has both could speak as anybody."""

from __future__ import annotations

import json
import os
from pathlib import Path

from bot.keeping.archive import whole_file
from bot.keeping.errors import KeepingError

FORMAT = "linli-keys"
_PATTERN = "*.secret*"  # visitor.secret.previous too


def back_up_keys(folder: Path, path: Path) -> list[str]:
    """Write the secrets' files of `folder` to `path` (0600); their names. KeepingError when there are none."""
    found = {file.name: _read(file) for file in sorted(folder.glob(_PATTERN)) if file.is_file()}
    if not found:
        raise KeepingError(f"there are no keys in {folder} yet; they are made at the first start")
    with whole_file(path) as file:
        file.write(json.dumps({"format": FORMAT, "files": found}, indent=1).encode("ascii"))
    return list(found)


def restore_keys(path: Path, folder: Path) -> list[str]:
    """Put the secrets back where they are missing; their names. KeepingError when another one is there."""
    wanted = _parsed(path)
    for name, value in wanted.items():
        present = folder / name
        if present.exists() and _read(present) != value:
            raise KeepingError(f"{present} holds another key; remove it first if it is not needed any more")
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in wanted.items():
        if not (folder / name).exists():
            with whole_file(folder / name) as file:
                file.write(value.encode("ascii"))
    return list(wanted)


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise KeepingError(f"{file} cannot be read ({type(error).__name__})") from error


def _parsed(path: Path) -> dict[str, str]:
    try:
        data = json.loads(_read(path))
        files: dict[str, str] = data["files"] if data["format"] == FORMAT else {}
        sound = all(
            name == os.path.basename(name) and Path(name).match(_PATTERN) and isinstance(value, str)  # noqa: PTH119
            for name, value in files.items()
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        files, sound = {}, False
    if not files or not sound:
        raise KeepingError(f"{path} holds no keys of Linli")
    return files
