"""`bot switch` and `bot notice`: what an administrator types, and what is said back."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from bot.db import models
from bot.db.engine import transaction
from bot.keeping import notices
from tests.keeping.world import NOW, bot, opened, run


@pytest.fixture
def url(database_url: str) -> str:
    """A database at the present schema, nothing in it."""

    async def make() -> None:
        async with opened(database_url):
            pass

    run(make())
    return database_url


async def rows(url: str, model: type[models.Base]) -> list[object]:
    async with opened(url) as database, transaction(database) as connection:
        return list((await connection.execute(select(model))).all())


def test_off_listed_and_on_again(url: str, tmp_path: Path) -> None:
    assert bot("switch", "list", var=tmp_path, url=url).stdout == "everything is on\n"
    words = ["--words", "en=Back at noon.", "--words", "zh=中午恢复。a=b"]
    done = bot("switch", "widget", "off", *words, var=tmp_path, url=url)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "widget is off; a running server follows within five seconds",
        "no words of yours in ja, ko, fr, de, es, ru, ar, vi: there the standard ones are shown",
    ]
    (row,) = run(rows(url, models.Switch))
    assert (row.scope, row.set_by) == ("widget", "command")
    assert row.words == {"en": "Back at noon.", "zh": "中午恢复。a=b"}
    listed = bot("switch", "list", var=tmp_path, url=url).stdout
    assert listed.startswith("widget is off since ")
    assert listed.endswith(" UTC, by command, words in en, zh\n")
    assert bot("switch", "widget", "on", var=tmp_path, url=url).stdout == "widget is on\n"
    assert bot("switch", "widget", "on", var=tmp_path, url=url).stdout == "widget is on already\n"
    assert [row.action for row in run(rows(url, models.Audit))] == ["switch_off", "switch_on"]


@pytest.mark.parametrize(
    "words",
    [
        ("kitchen", "off"),
        ("bot",),
        ("list", "off"),
        ("bot", "on", "--words", "en=x"),
        ("bot", "off", "--words", "hello"),
        ("bot", "off", "--words", "xx=hello"),
        ("bot", "off", "--words", "en="),
    ],
)
def test_what_is_wrong_changes_nothing(words: tuple[str, ...], tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/test.db"
    ended = bot("switch", *words, var=tmp_path, url=url)
    assert ended.returncode == 2
    assert "bot switch: " in ended.stderr
    assert "Traceback" not in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_notice_comes_and_goes(url: str, tmp_path: Path) -> None:
    assert bot("notice", "list", var=tmp_path, url=url).stdout == "there are no notices\n"
    words = ["--words", "en=Storm tonight.", "--words", "zh=今晚有暴雨。"]
    period = ["--from", "2026-11-23T08:00:00+08:00", "--until", "2026-11-24T08:00:00+08:00"]
    done = bot("notice", "add", "--severity", "emergency", *period, *words, var=tmp_path, url=url)
    assert done.returncode == 0, done.stderr
    identifier = done.stdout.split()[0]
    assert "no words in ja, ko, fr, de, es, ru, ar, vi" in done.stdout
    listed = bot("notice", "list", var=tmp_path, url=url).stdout
    assert f"{identifier}  emergency, all sites, 2026-11-23 00:00 to 2026-11-24 00:00 UTC\n  Storm tonight." in listed

    async def shown() -> list[str]:
        async with opened(url) as database, transaction(database) as connection:
            return [one.text("zh") for one in await notices.current(connection, None, NOW)]

    assert run(shown()) == ["今晚有暴雨。"]
    assert bot("notice", "remove", identifier, var=tmp_path, url=url).returncode == 0
    again = bot("notice", "remove", identifier, var=tmp_path, url=url)
    assert (again.returncode, again.stderr) == (2, "bot notice: there is no such notice\n")
    assert [row.action for row in run(rows(url, models.Audit))] == ["notice_created", "notice_removed"]


def test_a_notice_without_chinese_is_refused(tmp_path: Path) -> None:
    words = ["--words", "en=Storm", "--until", "2027-01-01T00:00:00Z"]
    ended = bot("notice", "add", *words, var=tmp_path, url=f"sqlite:///{tmp_path}/test.db")
    assert (ended.returncode, ended.stderr) == (2, "bot notice: words are needed in zh\n")
    assert list(tmp_path.iterdir()) == []
