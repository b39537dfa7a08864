"""`bot user` on the database itself: the token is shown once, and every change is on record."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import select

from bot import cli
from bot.db.engine import make_engine, transaction
from bot.db.models import Audit, Staff
from bot.errors import StaffError
from bot.handoff import staff
from bot.handoff.staff import Role, StaffMember
from bot.settings import load_settings


@pytest.fixture(autouse=True)
def var(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty installation."""
    folder = tmp_path / "var"
    monkeypatch.setenv("LINLI_VAR_FOLDER", str(folder))
    return folder


def user(*words: str) -> None:
    options = cli.parser(("user",)).parse_args(["user", *words])
    assert options.run(options) == 0


def token(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that was printed."""
    (line,) = capsys.readouterr().out.splitlines()
    return line


def member(found: str) -> StaffMember | None:
    async def look() -> StaffMember | None:
        database = make_engine(load_settings().database_url)
        async with transaction(database) as connection:
            whose = await staff.by_token(connection, found)
        await database.dispose()
        return whose

    return asyncio.run(look())


def recorded() -> list[tuple[str, str, str]]:
    async def look() -> list[tuple[str, str, str]]:
        database = make_engine(load_settings().database_url)
        async with transaction(database) as connection:
            rows = (await connection.execute(select(Audit.actor, Audit.action, Audit.subject))).all()
            stored = (await connection.execute(select(Staff.token_hash))).scalars().all()
        await database.dispose()
        assert all(len(one) == 64 for one in stored)
        return [(row.actor, row.action, row.subject) for row in rows]

    return asyncio.run(look())


def test_a_users_whole_life(capsys: pytest.CaptureFixture[str]) -> None:
    user("add", "desk-1", "--role", "operator", "--language", "en", "--language", "zh", "--shown-name", "Operator A")
    first = token(capsys)
    one = member(first)
    assert one is not None
    assert (one.shown_name, one.roles, one.languages) == ("Operator A", {Role.OPERATOR}, ("en", "zh"))

    user("token", "desk-1")
    second = token(capsys)
    assert (member(first), member(second)) == (None, one)
    user("disable", "desk-1")
    assert member(second) is None
    user("enable", "desk-1")
    user("roles", "desk-1", "supervisor", "admin")
    changed = member(second)
    assert changed is not None
    assert changed.roles == {Role.SUPERVISOR, Role.ADMIN}

    capsys.readouterr()
    user("list")
    listed = capsys.readouterr().out
    assert "desk-1" in listed
    assert first not in listed
    assert second not in listed
    assert [action for _, action, _ in recorded()] == [
        "user_added",
        "user_token_renewed",
        "user_disabled",
        "user_enabled",
        "user_roles_set",
    ]
    assert {(actor, subject) for actor, _, subject in recorded()} == {("command", "staff:desk-1")}


def test_the_name_is_shown_when_no_other_is_given(capsys: pytest.CaptureFixture[str]) -> None:
    user("add", "writer", "--role", "editor")
    found = member(token(capsys))
    assert found is not None
    assert (found.shown_name, found.languages) == ("writer", ())


@pytest.mark.parametrize(
    "words",
    [
        ("token", "nobody"),
        ("disable", "nobody"),
        ("roles", "nobody", "editor"),
        ("add", "desk-1", "--role", "operator"),
        ("add", "Desk 1", "--role", "editor"),
    ],
)
def test_what_cannot_be_done_is_said(words: tuple[str, ...]) -> None:
    with pytest.raises(StaffError):
        user(*words)


@pytest.mark.parametrize("words", [("add", "desk-1"), ("add", "desk-1", "--role", "wizard"), ("roles", "desk-1"), ()])
def test_words_that_make_no_command(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        user(*words)
    assert "usage" in capsys.readouterr().err


def test_an_empty_list_says_how_to_begin(capsys: pytest.CaptureFixture[str]) -> None:
    user("list")
    assert "bot user add" in capsys.readouterr().out
