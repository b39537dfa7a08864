"""The settings' table: what is unknown or wrong refuses to start, with one line."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from bot.errors import SettingsError, StartError
from bot.secrets import local_secret
from bot.settings import ROOT, TABLE, Settings, load_settings


def test_the_table_is_the_class() -> None:
    assert [setting.name for setting in TABLE] == [field.name for field in fields(Settings)]
    defaults = load_settings({})
    for setting in TABLE:
        assert setting.help
        assert not setting.name.startswith("_")
        value = getattr(defaults, setting.name)
        assert isinstance(value, Path if isinstance(value, Path) else type(setting.default))


def test_the_environment_counts_and_what_is_given_counts_more() -> None:
    settings = load_settings({"LINLI_PORT": "1234", "LINLI_HOST": "::1", "PATH": "/bin"}, port=99)
    assert (settings.port, settings.host) == (99, "::1")
    assert load_settings({"LINLI_ENGINE_TIMEOUT_SECONDS": "2"}).engine_timeout_seconds == 2.0


@pytest.mark.parametrize("name", ["LINLI_PROT", "LINLI_", "LINLI_ANSWER"])
def test_an_unknown_name_refuses(name: str) -> None:
    with pytest.raises(SettingsError, match="unknown setting") as caught:
        load_settings({name: "1"})
    assert "\n" not in str(caught.value)
    with pytest.raises(SettingsError):
        load_settings({}, **{name.lower(): 1})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LINLI_PORT", "eight"),
        ("LINLI_PORT", "80.5"),
        ("LINLI_PORT", ""),
        ("LINLI_PORT", "70000"),
        ("LINLI_PORT", "-1"),
        ("LINLI_ENGINE_WORKERS", "-1"),
        ("LINLI_ENGINE_TIMEOUT_SECONDS", "nan"),
        ("LINLI_ENGINE_TIMEOUT_SECONDS", "0"),
        ("LINLI_ANSWER_THRESHOLD", "1.5"),
        ("LINLI_ANSWER_THRESHOLD", "nan"),
        ("LINLI_CLARIFY_THRESHOLD", "-0.5"),
        ("LINLI_LOG_LEVEL", "loud"),
        ("LINLI_BODY_LIMIT_BYTES", "0"),
        ("LINLI_DATABASE_URL", "nonsense"),
        ("LINLI_DATABASE_URL", "mysql://localhost/x"),
    ],
)
def test_a_bad_value_refuses_with_its_name(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name) as caught:
        load_settings({name: value})
    assert "\n" not in str(caught.value)


def test_a_bad_secret_is_not_repeated() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({"LINLI_DATABASE_URL": "mysql://linli:hunter2@localhost/x"})
    assert "hunter2" not in str(caught.value)


def test_what_the_app_hands_to_its_children_is_no_setting() -> None:
    handed = {"LINLI_SECRET": "x", "LINLI_ACTION_URL": "y", "LINLI_TRACKER": "z"}
    assert load_settings(handed) == load_settings({})


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("postgresql://u:p@h/d", "postgresql+asyncpg://u:p@h/d"),
        ("postgres://h/d", "postgresql+asyncpg://h/d"),
        ("sqlite:////tmp/x.db", "sqlite+aiosqlite:////tmp/x.db"),
        ("postgresql+asyncpg://h/d", "postgresql+asyncpg://h/d"),
    ],
)
def test_a_plain_database_url_gets_our_driver(given: str, used: str) -> None:
    assert load_settings({"DATABASE_URL": given}).database_url == used
    assert load_settings({"DATABASE_URL": "sqlite:///y", "LINLI_DATABASE_URL": given}).database_url == used


def test_the_default_database_lies_in_the_var_folder(tmp_path: Path) -> None:
    settings = load_settings({}, var_folder=tmp_path)
    assert settings.database_url == f"sqlite+aiosqlite:///{tmp_path}/linli.db"
    assert load_settings({}).var_folder == ROOT / "var"


def test_the_secret_is_made_once_and_only_for_its_owner(tmp_path: Path) -> None:
    made = local_secret(tmp_path)
    assert local_secret(tmp_path) == made
    assert len(made) >= 32
    assert (tmp_path / "local.secret").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("damage", [b"", b"short", b"\xff" * 50])
def test_a_damaged_secret_is_said(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "local.secret").write_bytes(damage)
    with pytest.raises(StartError, match=r"local\.secret"):
        local_secret(tmp_path)


def test_a_secret_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"local\.secret"):
        local_secret(tmp_path / "no" / "such")
