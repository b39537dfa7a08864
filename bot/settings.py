"""The settings: one table of name, default, help. Each is read from the environment as LINLI_<NAME>."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.errors import SettingsError

Value = str | int | float | bool
ROOT = Path(__file__).resolve().parent.parent
BOOKING = ("off", "demo", "live")
# Secrets of hospitals' systems: read by the booking alone, so that no table shows them.
_SECRETS_PREFIX = "LINLI_HOSPITAL_"
LOG_LEVELS = ("debug", "info", "warning", "error")
_DRIVERS = ("sqlite+aiosqlite", "postgresql+asyncpg")
# A wait of no time at all would give up before anything can happen; nobody waits longer than an hour.
_SECONDS = (0.001, 3600.0)


@dataclass(frozen=True)
class Setting:
    name: str
    default: Value
    help: str
    least: float = -math.inf
    most: float = math.inf


TABLE: tuple[Setting, ...] = (
    Setting("host", "127.0.0.1", "address the public port listens on"),
    Setting("port", 8000, "the public port; 0 takes any free one", 0, 65535),
    Setting("database_url", "", "SQLAlchemy URL; empty: SQLite in var_folder (DATABASE_URL works too)"),
    Setting("var_folder", "var", "state: database, indexes, secrets, logs, reports"),
    Setting("models_folder", "models", "trained Rasa archives"),
    Setting("knowledge_folder", "data/knowledge", "the starting articles, loaded when they changed"),
    Setting("engine_workers", 1, "Rasa processes; 0 runs without (search only)", 0),
    Setting(
        "engine_timeout_seconds",
        1.5,
        "how long one message may take in the engine before the search answers alone",
        *_SECONDS,
    ),
    Setting("engine_failures_to_open", 3, "failures in a row after which the engine is left alone for a while", 1),
    Setting("engine_open_seconds", 10.0, "how long it is left alone", *_SECONDS),
    Setting("answer_threshold", -1.0, "answer at or above this probability of being right; -1: as calibrated"),
    Setting("clarify_threshold", -1.0, "ask back at or above this one, else say it is not known; -1: as calibrated"),
    Setting("body_limit_bytes", 65536, "largest request body; larger: 413", 1),
    Setting("text_limit_characters", 4000, "longest message", 1),
    Setting("rate_per_minute", 60, "messages a minute and client; above: 429 with Retry-After; 0: no limit", 0),
    Setting("rate_burst", 20, "messages a client may send at once before the rate counts", 1),
    Setting("queue_per_conversation", 80, "messages of one conversation that may wait at once; above: 429", 1),
    Setting("redis_url", "", "Redis, for signals between several processes (REDIS_URL works too); empty: one process"),
    Setting("most_connections", 20000, "open sockets of widgets in one process", 1),
    Setting("most_connections_per_address", 100, "open sockets from one address", 1),
    Setting("most_connections_per_conversation", 10, "open sockets of one conversation: tabs and devices", 1),
    Setting("retention_anonymous_days", 30, "days an anonymous conversation is kept after its last activity", 1, 36500),
    Setting("retention_identified_days", 180, "days for one that holds a contact or a personal number", 1, 36500),
    Setting("retention_medical_days", 90, "days for one that holds somebody's medical booking", 1, 36500),
    Setting("sites_file", "data/sites.yml", "which websites may embed the widget"),
    Setting("sessions_per_minute", 10, "conversations a client may begin a minute without a proof of work; 0: any", 0),
    Setting("proof_bits", 16, "difficulty of the proof of work that a flood must show; 0: none is asked for", 0, 32),
    Setting("public_url", "", "address at which residents reach this server, https://…; for links to appointments"),
    Setting("booking", "demo", "doctors' appointments: off, demo (made-up free times, marked so) or live (real ones)"),
    Setting("wechat_appid", "", "AppID of the WeChat Official Account; empty: no WeChat channel"),
    Setting("wechat_original_id", "", "its original id, gh_…; pushes for another account are refused"),
    Setting("wechat_mode", "safe", "how pushes are protected, as in the account's console: plain, compatible or safe"),
    Setting("wechat_kind", "service", "what the account may do: service, subscription (both verified) or basic"),
    Setting("wechat_api", "https://api.weixin.qq.com", "the platform's server"),
    Setting("wechat_public_url", "", "address of the callback as the platform sees it, for `bot wechat check`"),
    Setting("wechat_replay_seconds", 300, "how far a push's own time may be from this machine's clock", 5, 86400),
    Setting(
        "wechat_passive_seconds", 3.0, "how long a push may wait for the answer before it is sent afterwards", 0.1, 4
    ),
    Setting("wechat_language", "", "language of the welcome; empty: Chinese and English"),
    Setting("wechat_speech_url", "", "a speech recogniser for voice messages (docs/wechat.md); empty: none"),
    Setting("trusted_proxies", 0, "reverse proxies in front whose X-Forwarded-For entries are believed", 0),
    Setting("log_level", "info", "debug, info, warning or error"),
)
_BY_NAME = {setting.name: setting for setting in TABLE}


@dataclass(frozen=True)
class Settings:
    host: str
    port: int
    database_url: str
    var_folder: Path
    models_folder: Path
    knowledge_folder: Path
    engine_workers: int
    engine_timeout_seconds: float
    engine_failures_to_open: int
    engine_open_seconds: float
    answer_threshold: float
    clarify_threshold: float
    body_limit_bytes: int
    text_limit_characters: int
    rate_per_minute: int
    rate_burst: int
    queue_per_conversation: int
    redis_url: str
    most_connections: int
    most_connections_per_address: int
    most_connections_per_conversation: int
    retention_anonymous_days: int
    retention_identified_days: int
    retention_medical_days: int
    sites_file: Path
    sessions_per_minute: int
    proof_bits: int
    public_url: str
    booking: str
    wechat_appid: str
    wechat_original_id: str
    wechat_mode: str
    wechat_kind: str
    wechat_api: str
    wechat_public_url: str
    wechat_replay_seconds: int
    wechat_passive_seconds: float
    wechat_language: str
    wechat_speech_url: str
    trusted_proxies: int
    log_level: str

    def varied(self, name: str) -> Path:
        """A path below var_folder; its folder is made."""
        path = self.var_folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    @property
    def tracker_file(self) -> Path:
        return self.var_folder / "tracker.db"


def load_settings(environment: Mapping[str, str] | None = None, **given: Value | Path) -> Settings:
    """Settings from the environment, `given` first. Raises SettingsError on an unknown name or a bad value."""
    environment = os.environ if environment is None else environment
    values: dict[str, object] = {setting.name: setting.default for setting in TABLE}
    if environment.get("DATABASE_URL"):
        values["database_url"] = environment["DATABASE_URL"]
    if environment.get("REDIS_URL"):
        values["redis_url"] = environment["REDIS_URL"]
    for key, text in environment.items():
        if key.startswith("LINLI_") and key not in _NOT_SETTINGS and not key.startswith(_SECRETS_PREFIX):
            name = key.removeprefix("LINLI_").lower()
            values[name] = _parsed(name, text)
    for name, value in given.items():
        _known(name)
        values[name] = value
    return _build(values)


# Handed from the app to its own children, not set by people; and the WeChat account's secrets, which its channel reads
# by itself so that no table shows them.
_NOT_SETTINGS = frozenset(
    {
        "LINLI_SECRET",
        "LINLI_ACTION_URL",
        "LINLI_TRACKER",
        "LINLI_WECHAT_TOKEN",
        "LINLI_WECHAT_AES_KEY",
        "LINLI_WECHAT_SECRET",
        "LINLI_WECHAT_PREVIOUS_TOKEN",
        "LINLI_WECHAT_PREVIOUS_AES_KEY",
    }
)


def _known(name: str) -> Setting:
    setting = _BY_NAME.get(name)
    if setting is None:
        raise SettingsError(f"unknown setting LINLI_{name.upper()}; docs and `bot settings` list them all")
    return setting


def _parsed(name: str, text: str) -> Value:
    kind = type(_known(name).default)
    try:
        return kind(text)
    except ValueError:
        raise SettingsError(f"LINLI_{name.upper()} must be {kind.__name__}, not {text!r}") from None


def _build(values: dict[str, object]) -> Settings:
    for name in ("var_folder", "models_folder", "knowledge_folder", "sites_file"):
        values[name] = (ROOT / str(values[name])).resolve()
    if values["database_url"]:
        values["database_url"] = _async_driver(str(values["database_url"]))
        _check_database_url(str(values["database_url"]))
    else:
        values["database_url"] = f"sqlite+aiosqlite:///{values['var_folder']}/linli.db"
    if values["redis_url"] and not str(values["redis_url"]).startswith(("redis://", "rediss://", "unix://")):
        raise SettingsError("LINLI_REDIS_URL (or REDIS_URL) must be redis://…, rediss://… or unix://…")
    values["log_level"] = str(values["log_level"]).lower()
    settings = Settings(**values)  # type: ignore[arg-type]  # the table is checked against the class by a test
    _check_ranges(settings)
    return settings


def _check_ranges(settings: Settings) -> None:
    for setting in TABLE:
        value = getattr(settings, setting.name)
        if isinstance(value, int | float) and not _in_range(setting, value):
            raise SettingsError(f"LINLI_{setting.name.upper()} must be {_range(setting)}, not {value}")
    if settings.log_level not in LOG_LEVELS:
        raise SettingsError(f"LINLI_LOG_LEVEL must be one of {', '.join(LOG_LEVELS)}, not {settings.log_level!r}")
    if settings.booking not in BOOKING:
        raise SettingsError(f"LINLI_BOOKING must be one of {', '.join(BOOKING)}, not {settings.booking!r}")
    if settings.public_url and not settings.public_url.startswith(("https://", "http://")):
        raise SettingsError("LINLI_PUBLIC_URL must begin with https:// (or http:// on this machine alone)")
    for name in ("answer_threshold", "clarify_threshold"):
        value = getattr(settings, name)
        if value != -1 and not 0 <= value <= 1:
            raise SettingsError(f"LINLI_{name.upper()} must be between 0 and 1, or -1 for the calibrated one")


def _in_range(setting: Setting, value: float) -> bool:
    return math.isfinite(value) and setting.least <= value <= setting.most


def _range(setting: Setting) -> str:
    if math.isinf(setting.least):
        return "a number"
    return f"at least {setting.least:g}" if math.isinf(setting.most) else f"{setting.least:g} to {setting.most:g}"


def _check_database_url(url: str) -> None:
    """SettingsError when SQLAlchemy could not read it or we have no driver for it; the URL may hold a password."""
    # Only here: it takes half a second to import, and most commands and machines never give a URL.
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        driver = make_url(url).drivername
    except (ArgumentError, ValueError):
        driver = ""
    if driver not in _DRIVERS:
        raise SettingsError("LINLI_DATABASE_URL (or DATABASE_URL) must be postgresql://… or sqlite:///…")


def _async_driver(url: str) -> str:
    for plain, driver in (
        ("postgresql://", "postgresql+asyncpg://"),
        ("postgres://", "postgresql+asyncpg://"),
        ("sqlite:///", "sqlite+aiosqlite:///"),
    ):
        if url.startswith(plain):
            return driver + url.removeprefix(plain)
    return url
