"""Splitting loses nothing, keeps what belongs together and makes as few pieces as can be."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.channels.wechat.split import LIMIT, PART_LIMIT, cut, graphemes, pieces, size

FAMILY = "👩\u200d👩\u200d👧\u200d👦"
WHOLE = (
    "https://english.beijing.gov.cn/latest/news/202412/t20241220_3970064.html",
    "http://www.hefei.gov.cn/?a=1&b=%E5%90%88#x",
    "www.hefei.gov.cn/ssxw",
    '<a href="weixin://bizmsgmenu?msgmenucontent=%E6%BB%A1&msgmenuid=101">满意 的话</a>',
    '<a href="https://example.org/a b">read on</a>',
)
CHARACTERS = (
    FAMILY,
    "🇨🇳",
    "🇫🇷",
    "1\ufe0f\u20e3",
    "👍🏽",
    "e\u0301",
    "ệ",
    "กำ",
    "กี่",
    "क्षि",
    "한",
    "\u1112\u1161\u11ab",
    "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "مَّ",
)
WORDS = (
    "visa",
    "24小时",
    "派出所。",
    "（住宿登记）",
    "الإقامة",
    "Hefei:",
    "3.",
    "•",
    "•",
    "ngày",
    "？",
    "0551-12367",
    "สวัสดี",
)
SPACES = (" ", " ", "\n", "\n\n", "\r\n", "  \n \n", "\u00a0", "\u3000", "")


@st.composite
def written(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A text and what in it must stay whole: links stand apart, characters next to anything."""
    text, whole = "", []
    for _ in range(draw(st.integers(0, 40))):
        kind = draw(st.integers(0, 5))
        if kind == 0:
            link = draw(st.sampled_from(WHOLE))
            text += f" {link}" + draw(st.sampled_from((" ", "\n", "\n\n")))
            whole.append(link)
        elif kind == 1:
            text += draw(st.sampled_from(CHARACTERS))
        elif kind == 2:
            text += draw(st.text(max_size=12))
        else:
            text += draw(st.sampled_from(WORDS))
        text += draw(st.sampled_from(SPACES))
    return text, whole


def places(text: str, parts: list[str]) -> list[tuple[int, int]]:
    """Where each piece stands; fails when anything but white space was left out."""
    found, at = [], 0
    for part in parts:
        start = text.index(part, at)
        assert not text[at:start].strip(), "only white space may be lost"
        at = start + len(part)
        found.append((start, at))
    assert not text[at:].strip()
    return found


@settings(max_examples=400, deadline=None)
@given(written(), st.integers(100, 400))
@example(("", []), 100)
@example((" \n ", []), 100)
def test_nothing_is_lost_and_nothing_torn(text_and_whole: tuple[str, list[str]], limit: int) -> None:
    text, whole = text_and_whole
    parts = pieces(text, limit)
    assert all(part.strip() and size(part) <= limit for part in parts)
    found = places(text, parts)
    borders, at = set(), 0
    for grapheme in graphemes(text):
        borders.add(at)
        at += len(grapheme)
    assert {start for start, _ in found} <= borders
    for link in whole:
        assert sum(part.count(link) for part in parts) >= 1, "a link was torn"
    assert sum(part.count(link) for part in parts for link in set(whole)) == sum(
        text.count(link) for link in set(whole)
    )


@settings(max_examples=200, deadline=None)
@given(written(), st.integers(100, 400))
def test_no_two_neighbours_could_have_been_one(text_and_whole: tuple[str, list[str]], limit: int) -> None:
    text = text_and_whole[0]
    found = places(text, pieces(text, limit))
    for (start, _), (_, end) in pairwise(found):
        assert size(text[start:end]) > limit


@settings(max_examples=200, deadline=None)
@given(written(), st.integers(100, 400), st.integers(0, 90))
def test_the_last_piece_leaves_room(text_and_whole: tuple[str, list[str]], limit: int, reserved: int) -> None:
    text = text_and_whole[0]
    parts = pieces(text, limit, reserved)
    places(text, parts)
    assert all(size(part) <= limit for part in parts)
    assert not parts or size(parts[-1]) <= limit - reserved


@settings(max_examples=200, deadline=None)
@given(st.text(), st.integers(4, 50))
def test_any_text_at_any_limit(text: str, limit: int) -> None:
    parts = pieces(text, limit)
    assert all(size(part) <= limit for part in parts)
    places(text, parts)


def test_the_best_break_is_taken() -> None:
    heading = "\n\nWhat to bring:\n• Passport"
    assert pieces("a b.\n\nc d. e\nf" + heading, 30) == ["a b.\n\nc d. e\nf", heading.strip()]
    assert pieces("One two.\n\nThree four\nfive six.", 24) == ["One two.", "Three four\nfive six."]
    assert pieces("One two.\nThree four five.", 20) == ["One two.", "Three four five."]
    assert pieces("One two. Three four.", 15) == ["One two.", "Three four."]
    assert pieces("请报警。我有危险。", 20) == ["请报警。", "我有危险。"]
    assert pieces("هل أنت بخير؟ نعم أنا هنا.", 32) == ["هل أنت بخير؟", "نعم أنا هنا."]
    assert pieces("one two three", 8) == ["one two", "three"]


@pytest.mark.parametrize(
    ("text", "limit", "parts"),
    [
        ("Take this:\n1. Passport\n2. Photo", 24, ["Take this:\n1. Passport", "2. Photo"]),
        ("Bring your\n1. passport copy", 20, ["Bring your", "1. passport copy"]),
        ("À apporter\u00a0: passeport", 18, ["À apporter\u00a0:", "passeport"]),
        ("Que faire ? Rien", 12, ["Que faire ?", "Rien"]),
        ("护照签证（住宿）", 15, ["护照签证", "（住宿）"]),
        ("internationalisation", 8, ["internat", "ionalisa", "tion"]),
    ],
)
def test_what_belongs_together(text: str, limit: int, parts: list[str]) -> None:
    assert pieces(text, limit) == parts


def test_what_is_too_long_alone_is_cut_at_the_limit() -> None:
    url = "https://example.org/" + "a" * 3000
    assert [size(part) for part in pieces(url)] == [2000, 1020]
    assert pieces("a" + "\u0301" * 2000)[0] == "a" + "\u0301" * 999
    assert "".join(pieces(FAMILY * 200)) == FAMILY * 200
    assert all(size(part) % size(FAMILY) == 0 for part in pieces(FAMILY * 200))


def test_a_limit_below_one_character() -> None:
    with pytest.raises(ValueError, match="limit"):
        pieces("a", 3)
    with pytest.raises(ValueError, match="limit"):
        pieces("a", 100, 97)


def test_hostile_texts_take_no_time() -> None:
    for text in (
        "a.b-c+" * 20_000,
        "<a " * 30_000,
        "<a x>" * 20_000,
        "http://" * 15_000,
        "👩\u200d" * 20_000,
        "\n" * 100_000,
    ):
        assert all(size(part) <= LIMIT for part in pieces(text))


@pytest.mark.parametrize("character", CHARACTERS)
def test_one_character_is_one(character: str) -> None:
    assert list(graphemes(f"a{character}b")) == ["a", character, "b"]
    assert list(graphemes(character * 3)) == [character] * 3


@given(st.text())
def test_characters_together_are_the_text(text: str) -> None:
    assert "".join(graphemes(text)) == text
    assert all(graphemes(text))


@given(st.text() | st.sampled_from(CHARACTERS).map(lambda one: one * 9), st.integers(3, 60))
def test_a_cut_text_says_so(text: str, limit: int) -> None:
    short = cut(text, limit)
    assert size(short) <= limit
    assert short == text or (short.endswith("…") and text.startswith(short[:-1]))
    assert (short == text) == (size(text) <= limit)


def test_the_limits_leave_room() -> None:
    assert PART_LIMIT < LIMIT < 2047
