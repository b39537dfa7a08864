"""The settings: one table of name, default, help. Each is read from the environment as LINLI_<NAME>."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.errors import SettingsError

Value = str | int | float | bool
ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Setting:
    name: str
    default: Value
    help: str


TABLE: tuple[Setting, ...] = (
    Setting("host", "127.0.0.1", "address the public port listens on"),
    Setting("port", 8000, "the public port; 0 takes any free one"),
    Setting("database_url", "", "SQLAlchemy URL; empty: SQLite in var_folder (DATABASE_URL works too)"),
    Setting("var_folder", "var", "state: database, indexes, secrets, logs, reports"),
    Setting("models_folder", "models", "trained Rasa archives"),
    Setting("knowledge_folder", "data/knowledge", "the starting articles, loaded when they changed"),
    Setting("engine_workers", 1, "Rasa processes; 0 runs without (search only)"),
    Setting(
        "engine_timeout_seconds", 1.5, "how long one message may take in the engine before the search answers alone"
    ),
    Setting("engine_failures_to_open", 3, "failures in a row after which the engine is left alone for a while"),
    Setting("engine_open_seconds", 10.0, "how long it is left alone"),
    Setting("answer_threshold", -1.0, "answer at or above this probability of being right; -1: as calibrated"),
    Setting("clarify_threshold", -1.0, "ask back at or above this one, else say it is not known; -1: as calibrated"),
    Setting("body_limit_bytes", 65536, "largest request body; larger: 413"),
    Setting("text_limit_characters", 4000, "longest message"),
    Setting("rate_per_minute", 60, "messages a minute and client; above: 429 with Retry-After"),
    Setting("rate_burst", 20, "messages a client may send at once before the rate counts"),
    Setting("queue_per_conversation", 80, "messages of one conversation that may wait at once; above: 429"),
    Setting("trusted_proxies", 0, "reverse proxies in front whose X-Forwarded-For entries are believed"),
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
    for key, text in environment.items():
        if key.startswith("LINLI_") and key not in _NOT_SETTINGS:
            name = key.removeprefix("LINLI_").lower()
            values[name] = _parsed(name, text)
    for name, value in given.items():
        _known(name)
        values[name] = value
    return _build(values)


# Handed from the app to its own children, not set by people.
_NOT_SETTINGS = frozenset({"LINLI_SECRET", "LINLI_ACTION_URL", "LINLI_TRACKER"})


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
    for name in ("var_folder", "models_folder", "knowledge_folder"):
        values[name] = (ROOT / str(values[name])).resolve()
    if not values["database_url"]:
        values["database_url"] = f"sqlite+aiosqlite:///{values['var_folder']}/linli.db"
    values["database_url"] = _async_driver(str(values["database_url"]))
    settings = Settings(**values)  # type: ignore[arg-type]  # the table is checked against the class by a test
    for name in ("answer_threshold", "clarify_threshold"):
        value = getattr(settings, name)
        if value != -1 and not 0 <= value <= 1:
            raise SettingsError(f"LINLI_{name.upper()} must be between 0 and 1, or -1 for the calibrated one")
    return settings


def _async_driver(url: str) -> str:
    for plain, driver in (
        ("postgresql://", "postgresql+asyncpg://"),
        ("postgres://", "postgresql+asyncpg://"),
        ("sqlite:///", "sqlite+aiosqlite:///"),
    ):
        if url.startswith(plain):
            return driver + url.removeprefix(plain)
    return url
