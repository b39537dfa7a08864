"""Words, whatever the script."""

from __future__ import annotations

import pytest

from bot.languages import CODES
from bot.nlu.tokenizer import words
from tests.nlu.test_language import SENTENCES


@pytest.mark.parametrize("code", CODES)
def test_every_language_is_cut_into_words_that_stand_where_they_say(code: str) -> None:
    text = SENTENCES[code]
    found = list(words(text, code))
    assert len(found) > 1
    assert all(text[start : start + len(word)] == word for word, start in found)
    assert [start for _, start in found] == sorted({start for _, start in found})


def test_no_letter_is_lost() -> None:
    for code, text in SENTENCES.items():
        assert "".join(word for word, _ in words(text, code)) == "".join(text.split())


def test_scripts_decide_where_spaces_do_not() -> None:
    assert [word for word, _ in words("ビザの延長", "ja")] == ["ビザ", "の", "延長"]
    assert [word for word, _ in words("签证 Z", "zh")] == ["签", "证", "Z"]
    assert [word for word, _ in words("비자 연장", "ko")] == ["비자", "연장"]
