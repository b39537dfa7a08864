"""What a poster's code says, the places it may name, and the words by which reminders stop."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from bot.channels.wechat.scenes import Communities, Scene, read, written
from bot.channels.wechat.wishes import Wish, Wishes
from bot.errors import ContentError
from bot.languages import ANSWERED, CODES
from bot.settings import ROOT

DATA = ROOT / "data" / "wechat"


@pytest.fixture(scope="module")
def communities() -> Communities:
    return Communities.load(DATA)


@pytest.fixture(scope="module")
def wishes() -> Wishes:
    return Wishes.load(DATA)


def test_what_is_written_is_read_again_and_the_platform_takes_it(communities: Communities) -> None:
    scenes = [Scene(key, code) for key in (None, *communities.names) for code in (None, *CODES)]
    for scene in scenes[1:]:
        text = written(scene)
        assert 1 <= len(text) <= 64
        assert communities.read(text) == read(text) == scene
    assert written(Scene("linhu", "vi")) == "c=linhu&l=vi"


@pytest.mark.parametrize(
    "scene", [Scene(), Scene("", None), Scene("Linhu"), Scene("a" * 41), Scene("a&l=en"), Scene("linhu", "xx")]
)
def test_a_scene_that_could_not_be_read_again_is_not_written(scene: Scene) -> None:
    with pytest.raises(ValueError, match="a scene names"):
        written(scene)


@pytest.mark.parametrize(
    ("text", "scene"),
    [
        ("", Scene()),
        ("123", Scene()),
        ("front-desk", Scene()),
        ("=&=&&&=", Scene()),
        ("c=&l=", Scene()),
        ("c=Linhu&l=EN", Scene()),
        ("c=linhu/../x&l=vi", Scene(None, "vi")),
        ("c=linhu&l=tlh", Scene("linhu")),
        ("l=ja&c=yaohai", Scene("yaohai", "ja")),
        ("c=linhu&l=vi&t=later", Scene("linhu", "vi")),
        ("c=linhu\n&l=vi", Scene(None, "vi")),
        ("c=林溪&l=zh", Scene(None, "zh")),
        ("c=linhu&l=vi" + "&x=" + "y" * 60, Scene()),
        ("\x00\ud800", Scene()),
    ],
)
def test_what_cannot_be_understood_counts_as_not_there(text: str, scene: Scene) -> None:
    assert read(text) == scene


def test_an_unknown_community_is_dropped_and_the_language_stays(communities: Communities) -> None:
    assert read("c=atlantis&l=ar") == Scene("atlantis", "ar")
    assert communities.read("c=atlantis&l=ar") == Scene(None, "ar")
    assert communities.read("c=linxi&l=ar") == Scene("linxi", "ar")


def test_a_community_is_named_in_the_language_of_the_answer(communities: Communities) -> None:
    assert communities.name("linxi", "zh") == "林溪社区"
    assert communities.name("linxi", "ko") == communities.name("linxi", "en") == "Linxi community"
    assert communities.name("shushan", "vi") == "quận Thục Sơn"


@pytest.mark.parametrize(
    "text", ["", "- a", "Linxi: {}", "linxi: {zh: 林溪}", f"{'a' * 41}: {{}}", "1: {}", "linxi: 林溪"]
)
def test_a_wrong_file_of_communities_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "communities.yml").write_text(text, encoding="utf-8")
    with pytest.raises(ContentError, match=r"communities\.yml"):
        Communities.load(tmp_path)


@pytest.mark.parametrize(
    ("message", "wish"),
    [
        ("TD", Wish.STOP),
        ("td", Wish.STOP),
        (" ＴＤ。", Wish.STOP),
        ("退订", Wish.STOP),
        ("退订提醒！", Wish.STOP),
        ("Stop Reminders", Wish.STOP),
        ("“stop reminders”.", Wish.STOP),
        ("ARRÊTER LES RAPPELS", Wish.STOP),
        ("arreter les rappels", Wish.STOP),
        ("tat nhac nho", Wish.STOP),
        ("Tắt nhắc nhở!", Wish.STOP),
        ("إيقاف التذكيرات", Wish.STOP),
        ("ايقاف  التذكيرات", Wish.STOP),
        ("إيقـــاف التذكيرات", Wish.STOP),
        ("开启提醒", Wish.START),
        ("start reminders", Wish.START),
        ("شغل التذكير", Wish.START),
        ("bật nhắc nhở", Wish.START),
        ("", None),
        ("！！！", None),
        ("stop", None),
        ("Stop! Stop!", None),
        ("how do I stop reminders", None),
        ("please do not stop reminders", None),
        ("怎么退订短信", None),
        ("TD Bank", None),
        ("TD" + " " * 5000, None),
        ("ﷺ" * 5000, None),
    ],
)
def test_only_a_message_that_is_nothing_else_is_a_wish(wishes: Wishes, message: str, wish: Wish | None) -> None:
    assert wishes.reads_as(message) is wish


@pytest.mark.parametrize("language", ANSWERED)
def test_the_words_that_residents_are_told_are_understood(wishes: Wishes, language: str) -> None:
    """Whoever is told to write a word must be understood when writing it."""
    said = yaml.safe_load((ROOT / "bot" / "locales" / f"{language}.yml").read_text(encoding="utf-8"))
    assert wishes.reads_as(quoted(said["wechat_reminders_on"])) is Wish.STOP
    assert wishes.reads_as(quoted(said["wechat_reminders_off"])) is Wish.START


def quoted(text: str) -> str:
    opening = next(mark for mark in "“«" if mark in text)
    return text.split(opening)[1].split({"“": "”", "«": "»"}[opening])[0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"start": None}, "start"),
        ({"stop": {"zh": ["退订"]}}, "must be there in exactly"),
        ({"stop": {code: [] for code in ANSWERED}}, "a list of words"),
        ({"stop": {code: ["!!"] for code in ANSWERED}}, "letters"),
        ({"stop": {code: ["a" * 61] for code in ANSWERED}}, "60 characters"),
        ({"stop": {code: ["Start reminders!"] for code in ANSWERED}}, "both wishes"),
        ({"more": {}}, "nothing else"),
    ],
)
def test_a_wrong_file_of_words_is_refused(change: dict[str, object], said: str, tmp_path: Path) -> None:
    words = yaml.safe_load((DATA / "words.yml").read_text(encoding="utf-8"))
    (tmp_path / "words.yml").write_text(yaml.safe_dump({**words, **change}, allow_unicode=True), encoding="utf-8")
    with pytest.raises(ContentError, match=said):
        Wishes.load(tmp_path)
