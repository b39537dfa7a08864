"""The page's words: all of them in ten languages, and what the loader refuses."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from bot.appointments import page_words
from bot.appointments.contents import LANGUAGES
from bot.errors import ContentError
from bot.settings import ROOT

DATA = ROOT / "data" / "booking"
PAGES = ROOT / "bot" / "channels" / "web" / "pages"


_SCRIPTS = {
    "zh": "[\u4e00-\u9fff]",
    "ja": "[\u3040-\u30ff\u4e00-\u9fff]",
    "ko": "[\uac00-\ud7af]",
    "ru": "[\u0400-\u04ff]",
    "ar": "[\u0600-\u06ff]",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(DATA / page_words.FOLDER, tmp_path / page_words.FOLDER)
    return tmp_path


def test_every_language_has_words_of_its_own() -> None:
    words = page_words.load(DATA)
    assert tuple(words) == LANGUAGES
    for language in LANGUAGES:
        same = [key for key, text in words[language].items() if language != "en" and text == words["en"][key]]
        assert set(same) <= {"patient", "interpreter", "day", "hospital", "yuan", "demo_short", "interpreter_wished"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_in_the_script_of_its_language(language: str) -> None:
    own = _SCRIPTS.get(language, "[A-Za-z]")
    foreign = "|".join(script for code, script in _SCRIPTS.items() if code != language and code not in ("zh", "ja"))
    for key, text in page_words.load(DATA)[language].items():
        plain = re.sub(r"\[[^]]+\]|\{\w+\}", "", text)
        assert re.search(own, plain) or key.startswith("interpreter_"), (key, text)
        assert not re.search(foreign, plain), (key, text)
        if language not in ("zh", "ja"):
            assert not re.search(_SCRIPTS["ja"], plain), (key, text)


def test_the_page_asks_for_no_word_that_is_not_there() -> None:
    known = page_words.load(DATA)["en"]
    scripts = "".join(path.read_text(encoding="utf-8") for path in (PAGES / "appointment").glob("*.js"))
    asked = set(re.findall(r"\b(?:t|rich)\(\"(\w+)\"", scripts))
    assert len(asked) > 50
    assert asked <= set(known)


@pytest.mark.parametrize(
    ("line", "instead", "said"),
    [
        ("title: ", "# title: ", "lacks title"),
        ("title: ", "heading: x\ntitle: ", "unknown fields heading"),
        ("{time}", "{hour}", "placeholders"),
        ("{time}", "time", "placeholders"),
        ("[挂号]", "[缴费]", "Chinese words"),
        ("[挂号]", "[register]", "square brackets"),
        ("[挂号]", "挂号", "Chinese words"),
    ],
)
def test_a_faulty_file_is_refused(folder: Path, line: str, instead: str, said: str) -> None:
    file = folder / page_words.FOLDER / "fr.yml"
    file.write_text(file.read_text(encoding="utf-8").replace(line, instead, 1), encoding="utf-8")
    with pytest.raises(ContentError, match=r"page/fr\.yml") as caught:
        page_words.load(folder)
    assert said in str(caught.value)


def test_a_missing_or_a_foreign_language_is_refused(folder: Path) -> None:
    (folder / page_words.FOLDER / "vi.yml").rename(folder / page_words.FOLDER / "xx.yml")
    with pytest.raises(ContentError, match="exactly the files"):
        page_words.load(folder)
