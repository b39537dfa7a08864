"""The content files: whatever is wrong is said with file, article and field; few links may be shown."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.errors import ContentError
from bot.knowledge.files import load_counter_examples, load_folder, official
from tests.fakes.site import KNOWLEDGE

Change = Callable[[dict[str, Any]], Any]
FILE = "immigration.yml"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(KNOWLEDGE, tmp_path / "knowledge"))


def change(folder: Path, edit: Change, file: str = FILE) -> None:
    data = yaml.load((folder / file).read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    edit(data)
    (folder / file).write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")


def test_the_folder_loads(folder: Path) -> None:
    content = load_folder(folder)
    article = content.articles["accommodation-registration"]
    assert len(content.articles) == 6
    assert article.checked_on.isoformat() == "2026-11-01"
    assert article.sources[0].page_date == "2024-05"
    assert article.texts["en"].steps[0] == "Go to the police station."
    assert article.facts[0].value == "24"
    assert article.version == 0
    assert content.offices["hospital"].name("fr") == "The hospital"


def _first(data: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = data["articles"][0]
    return found


def _set(*path: Any) -> Change:
    """Set the value at the end of a path in the first article."""
    *way, last, value = path

    def edit(data: dict[str, Any]) -> None:
        place: Any = _first(data)
        for name in way:
            place = place[name]
        place[last] = value

    return edit


SLUG = "accommodation-registration"
FAULTS: list[tuple[Change, list[str]]] = [
    (_set("slug", "Not A Slug"), [FILE, "slug"]),
    (_set("slug", None), [FILE, "slug"]),
    (_set("colour", "red"), [FILE, SLUG, "colour"]),
    (_set("confidence", "sure"), [FILE, SLUG, "confidence"]),
    (_set("confidence", None), [FILE, SLUG, "confidence"]),
    (_set("confirm_with", "nobody"), [FILE, SLUG, "confirm_with"]),
    (_set("confirm_with", None), [FILE, SLUG, "confirm_with"]),
    (_set("office", "nowhere"), [FILE, SLUG, "office"]),
    (_set("review_by", "soon"), [FILE, SLUG, "review_by"]),
    (_set("review_by", None), [FILE, SLUG, "review_by"]),
    (_set("say_zh", ""), [FILE, SLUG, "say_zh"]),
    (_set("say_zh", ["a"]), [FILE, SLUG, "say_zh"]),
    (_set("sources", []), [FILE, SLUG, "sources"]),
    (_set("sources", None), [FILE, SLUG, "sources"]),
    (_set("sources", [{"title": "x"}]), [FILE, SLUG, "sources"]),
    (_set("sources", [{"title": "", "url": None, "date": None}]), [FILE, SLUG, "sources", "title"]),
    (
        _set("sources", [{"title": "x", "url": "https://blog.example.com", "date": None}]),
        [FILE, SLUG, "sources", "url"],
    ),
    (_set("sources", [{"title": "x", "url": "javascript:alert(1)", "date": None}]), [FILE, SLUG, "url"]),
    (_set("sources", [{"title": "x", "url": None, "date": "May 2024"}]), [FILE, SLUG, "sources", "date"]),
    (_set("facts", [{"kind": "rumour", "value": "1"}]), [FILE, SLUG, "facts"]),
    (_set("facts", [{"kind": "fee", "price": 3}]), [FILE, SLUG, "facts"]),
    (_set("text", {}), [FILE, SLUG, "text"]),
    (_set("text", "hello"), [FILE, SLUG, "text"]),
    (_set("text", "xx", {"question": "?", "answer": "!"}), [FILE, SLUG, "text", "xx"]),
    (_set("text", "en", "hello"), [FILE, SLUG, "en"]),
    (_set("text", "en", "question", ""), [FILE, SLUG, "en", "question"]),
    (_set("text", "en", "question", "x" * 91), [FILE, SLUG, "en", "question", "90"]),
    (_set("text", "en", "answer", None), [FILE, SLUG, "en", "answer"]),
    (_set("text", "en", "steps", "one"), [FILE, SLUG, "en", "steps"]),
    (_set("text", "en", "steps", [{"Fee": "10"}]), [FILE, SLUG, "en", "steps", "1"]),
    (_set("text", "en", "documents", [""]), [FILE, SLUG, "en", "documents", "1"]),
    (_set("text", "fr", "extra", "x"), [FILE, SLUG, "fr"]),
    (_set("variants", {}), [FILE, SLUG, "variants"]),
    (_set("variants", "en", "just one"), [FILE, SLUG, "variants", "en"]),
    (_set("variants", "en", [None]), [FILE, SLUG, "variants", "en"]),
    (_set("variants", "tlh", ["x"]), [FILE, SLUG, "variants", "tlh"]),
    (lambda data: _first(data)["text"].pop("zh"), [FILE, SLUG, "text", "zh"]),
    (lambda data: data.update(area="zoo"), [FILE, "area"]),
    (lambda data: data.update(checked_on="yesterday"), [FILE, "checked_on"]),
    (lambda data: data.update(articles={}), [FILE]),
    (lambda data: data.update(more=1), [FILE]),
    (lambda data: data["articles"].append("x"), [FILE]),
    (lambda data: data["articles"].append(copy.deepcopy(_first(data))), [FILE, SLUG, "twice"]),
]


@pytest.mark.parametrize(("edit", "named"), FAULTS)
def test_a_fault_names_file_article_and_field(folder: Path, edit: Change, named: list[str]) -> None:
    change(folder, edit)
    with pytest.raises(ContentError) as caught:
        load_folder(folder)
    assert "\n" not in str(caught.value)
    for name in named:
        assert name in str(caught.value)


def test_the_same_variant_under_two_articles_is_refused(folder: Path) -> None:
    change(folder, lambda data: data["articles"][1]["variants"]["en"].append("WHERE DO I REGISTER my new address"))
    with pytest.raises(ContentError, match="variants") as caught:
        load_folder(folder)
    assert SLUG in str(caught.value)
    assert "lost-passport" in str(caught.value)


@pytest.mark.parametrize("raw", ["a: [", "- 1\n- 2\n", "", "a: *b", "\x00"])
def test_a_file_that_is_no_table_is_named(folder: Path, raw: str) -> None:
    (folder / "more.yml").write_text(raw)
    with pytest.raises(ContentError, match=r"more\.yml"):
        load_folder(folder)


def test_a_file_that_is_not_utf8_is_named(folder: Path) -> None:
    (folder / "more.yml").write_bytes(b"area: \xff\xfe")
    with pytest.raises(ContentError, match=r"more\.yml"):
        load_folder(folder)


def test_a_folder_without_offices_is_named(tmp_path: Path) -> None:
    with pytest.raises(ContentError, match=r"offices\.yml"):
        load_folder(tmp_path)


@pytest.mark.parametrize(
    "edit",
    [
        lambda data: data.update(x={"names": {"en": "X"}}),
        lambda data: data.update(x={"names": {"en": "X", "zh": "X"}, "fax": "1"}),
        lambda data: data.update(x="a place"),
        lambda data: data.update(x={}),
    ],
)
def test_an_office_is_checked(folder: Path, edit: Change) -> None:
    change(folder, edit, "offices.yml")
    with pytest.raises(ContentError, match=r"offices\.yml › x"):
        load_folder(folder)


def test_counter_examples(folder: Path) -> None:
    found = load_counter_examples(folder)
    assert ("fr", "qui a gagné le match") in found
    (folder / "counter-examples.yml").unlink()
    assert load_counter_examples(folder) == []


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://www.nia.gov.cn/a", True),
        ("http://hefei.gov.cn", True),
        ("https://GOV.CN/x", True),
        ("https://www.ustc.edu.cn:443/", True),
        ("https://kyfw.12306.cn/otn", True),
        ("https://www.hefeimetro.com/", True),
        ("https://notgov.cn/", False),
        ("https://gov.cn.evil.com/", False),
        ("https://evil.com/gov.cn", False),
        ("https://evil.com#.gov.cn", False),
        ("https://www.gov.cn@evil.com/", False),
        ("https://xhefeimetro.com/", False),
        ("javascript:alert('.gov.cn')", False),
        ("ftp://www.gov.cn/", False),
        ("//www.gov.cn/", False),
        ("www.gov.cn", False),
        ("", False),
        ("https:///x", False),
    ],
)
def test_official_links(url: str, shown: bool) -> None:
    assert official(url) == shown


@pytest.mark.parametrize("url", ["https://[::1", "https://www.gov.cn\\@evil.com/", "https://evil.com\\.gov.cn/"])
def test_a_mangled_link_is_not_official(url: str) -> None:
    assert not official(url)
