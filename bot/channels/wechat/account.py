"""The Official Account that this installation answers for: what it may do, and its secrets.

Secrets come from the environment or from 0600 files in var/, never from the settings' table: `bot settings` shows that.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from bot.errors import SettingsError
from bot.settings import Settings

_Closed = TypeVar("_Closed", bound=StrEnum)
_APPID = re.compile(r"wx[0-9a-f]{16}")
_ORIGINAL_ID = re.compile(r"gh_[0-9A-Za-z]{6,40}")
_TOKEN = re.compile(r"[A-Za-z0-9]{3,32}")
_AES_KEY = re.compile(r"[A-Za-z0-9]{43}")
_API = re.compile(r"https?://[^/\s?#]+")
# Read from the environment as LINLI_<NAME>, or from <name>.secret in var/.
SECRETS = (
    "wechat_token",
    "wechat_aes_key",
    "wechat_secret",
    "wechat_previous_token",
    "wechat_previous_aes_key",
)


class Mode(StrEnum):
    """How pushes are protected; set in the account's console, and obeyed here whatever a request says."""

    PLAIN = "plain"
    COMPATIBLE = "compatible"
    SAFE = "safe"


class AccountKind(StrEnum):
    """What the platform lets an account do."""

    SERVICE = "service"
    SUBSCRIPTION = "subscription"
    BASIC = "basic"

    @property
    def sends(self) -> bool:
        """Customer-service messages and the typing state."""
        return self is not AccountKind.BASIC

    @property
    def menu_messages(self) -> bool:
        return self is AccountKind.SERVICE

    @property
    def templates(self) -> bool:
        return self is AccountKind.SERVICE

    @property
    def scenes(self) -> bool:
        return self is AccountKind.SERVICE

    @property
    def tags(self) -> bool:
        return self is not AccountKind.BASIC


@dataclass(frozen=True)
class Keys:
    """One token and the 32 bytes of one EncodingAESKey (none in plain mode)."""

    token: str = field(repr=False)
    aes_key: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Account:
    """`keys`: the current ones first, then the previous ones while they are changed."""

    appid: str
    original_id: str
    mode: Mode
    kind: AccountKind
    keys: tuple[Keys, ...]
    secret: str = field(repr=False)
    api: str = "https://api.weixin.qq.com"


def load_account(settings: Settings, environment: Mapping[str, str] | None = None) -> Account | None:
    """None when no account is set. SettingsError, in plain words, when one is set but not as it must be."""
    if not settings.wechat_appid:
        return None
    found = _secrets(settings.var_folder, os.environ if environment is None else environment)
    mode, kind = _closed(Mode, settings.wechat_mode, "mode"), _closed(AccountKind, settings.wechat_kind, "kind")
    _must_match(_APPID, settings.wechat_appid, "LINLI_WECHAT_APPID", "wx and 16 letters or digits")
    _must_match(_ORIGINAL_ID, settings.wechat_original_id, "LINLI_WECHAT_ORIGINAL_ID", "gh_ and letters or digits")
    _must_match(_API, settings.wechat_api, "LINLI_WECHAT_API", "https://… without a path")
    if kind.sends and not found["wechat_secret"]:
        raise SettingsError(f"LINLI_WECHAT_SECRET (the AppSecret) is missing; a {kind.value} account needs it to send")
    return Account(
        appid=settings.wechat_appid,
        original_id=settings.wechat_original_id,
        mode=mode,
        kind=kind,
        keys=_keys(found, mode),
        secret=found["wechat_secret"],
        api=settings.wechat_api,
    )


def _secrets(folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    return {name: environment.get(f"LINLI_{name.upper()}", "") or _from_file(folder, name) for name in SECRETS}


def _from_file(folder: Path, name: str) -> str:
    path = folder / f"{name}.secret"
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read ({type(error).__name__})") from error


def _keys(found: Mapping[str, str], mode: Mode) -> tuple[Keys, ...]:
    """The token and the key may be changed together or one at a time."""
    present = Keys(_token(found["wechat_token"]), _aes_key(found["wechat_aes_key"], mode))
    previous_token, previous_key = found["wechat_previous_token"], found["wechat_previous_aes_key"]
    if not previous_token and not previous_key:
        return (present,)
    token = _token(previous_token, "LINLI_WECHAT_PREVIOUS_TOKEN") if previous_token else present.token
    key = _aes_key(previous_key, mode, "LINLI_WECHAT_PREVIOUS_AES_KEY") if previous_key else present.aes_key
    return present, Keys(token, key)


def _token(text: str, name: str = "LINLI_WECHAT_TOKEN") -> str:
    _must_match(_TOKEN, text, name, "3 to 32 letters and digits, the same as in the account's console", secret=True)
    return text


def _aes_key(text: str, mode: Mode, name: str = "LINLI_WECHAT_AES_KEY") -> bytes | None:
    if mode is Mode.PLAIN and not text:
        return None
    _must_match(_AES_KEY, text, name, "the 43 letters and digits of the console's EncodingAESKey", secret=True)
    return base64.b64decode(text + "=")


def _must_match(pattern: re.Pattern[str], text: str, name: str, wanted: str, *, secret: bool = False) -> None:
    if pattern.fullmatch(text) is None:
        shown = "" if secret or not text else f", not {text!r}"
        raise SettingsError(f"{name} is missing: {wanted}" if not text else f"{name} must be {wanted}{shown}")


def _closed(kind: type[_Closed], text: str, name: str) -> _Closed:
    try:
        return kind(text)
    except ValueError:
        wanted = ", ".join(kind)
        raise SettingsError(f"LINLI_WECHAT_{name.upper()} must be one of {wanted}, not {text!r}") from None
