"""Answers as WeChat shows them: everything is there, nothing is torn, no mark-up, and the bytes fit."""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.channels.wechat import form
from bot.channels.wechat.form import (
    Bubble,
    Option,
    ai_label,
    as_menu,
    as_text,
    bubbles,
    directed,
    option_id,
    payload_of,
)
from bot.channels.wechat.packing import fitted
from bot.channels.wechat.split import LIMIT, graphemes, size
from bot.conversations import plans
from bot.conversations.render import Renderer
from bot.knowledge.articles import Knowledge
from bot.knowledge.files import load_folder
from bot.languages import ANSWERED, CODES, LANGUAGES
from bot.locales import Locales
from bot.messages import Answer, Button, Kind, OfficeCard, SourceLine

WORDS = Locales.load()
ROOT = Path(__file__).parents[3]
MARKS = re.compile("[\u200e\u200f]")
OFFICE = OfficeCard("The centre", "保健中心", "合肥市芜湖路367号", "0551-62856539")
ARTICLE = Answer(
    Kind.ARTICLE,
    "en",
    "Go within 24 hours.\n\nTo say or show: 您好。",
    steps=("Find the station.", "Go there."),
    documents=("Passport", "Contract"),
    office=OFFICE,
    source=SourceLine("The law (2015)", "https://example.gov.cn/a_b_c"),
    checked_on="2026-11-23",
)


def asks(*titles: str, text: str = "Which?", lang: str = "en") -> Answer:
    buttons = tuple(Button(title, f"b2.0.{place}") for place, title in enumerate(titles))
    return Answer(Kind.QUESTION, lang, text, buttons=buttons)


def said(answer: Answer, **flags: Any) -> str:
    return "\n-----\n".join(as_text(one, WORDS) for one in bubbles(answer, locales=WORDS, **flags))


@pytest.fixture(scope="module")
def content() -> Renderer:
    found = load_folder(ROOT / "data/knowledge")
    return Renderer(WORDS, Knowledge("test", found.articles, found.offices), date(2026, 11, 23))


def test_an_article() -> None:
    assert said(ARTICLE) == (
        "Go within 24 hours.\n\nTo say or show: 您好。\n\n"
        "What to do:\n1. Find the station.\n2. Go there.\n\n"
        "What to bring:\n• Passport\n• Contract\n\n"
        "Where to go, whom to ask:\nThe centre\n保健中心\nAddress: 合肥市芜湖路367号\nPhone: 0551-62856539\n\n"
        "Source: The law (2015)\nhttps://example.gov.cn/a_b_c\nChecked on 2026-11-23"
    )


def test_what_an_answer_lacks_has_no_heading() -> None:
    assert said(Answer(Kind.TEXT, "en", "Good.")) == "Good."
    hotline = OfficeCard("Hotline 12345", "Hotline 12345", None, "12345")
    assert said(Answer(Kind.TEXT, "zh", "好。", office=hotline)) == "好。\n\n去哪里、问哪里：\nHotline 12345"
    assert said(Answer(Kind.TEXT, "zh", "好。", source=SourceLine("法", None))) == "好。\n\n来源：法"


def test_an_emergency_ends_with_the_chinese_sentences() -> None:
    card = Answer(
        Kind.URGENT, "en", "Call 120 now.\nSay this:", steps=("请叫救护车。 (Qǐng jiào jiùhùchē.)", "我的地址是……")
    )
    assert said(card) == "Call 120 now.\nSay this:\n\n请叫救护车。 (Qǐng jiào jiùhùchē.)\n我的地址是……"


@pytest.mark.parametrize("language", ANSWERED)
def test_every_article_in_every_language(content: Renderer, language: str) -> None:
    for slug in content.knowledge.articles:
        [answer] = content.render(plans.article(slug), language, 2, say_only_english=False)
        made = bubbles(answer, locales=WORDS)
        assert len(made) <= 2, f"{slug}: a resident's turn allows five messages"
        assert all(size(one.text) <= LIMIT and one.text.strip() for one in made), slug
        assert all(one.language == language and one.machine and one.answer for one in made), slug
        assert not any(re.search(r"\*\*|<|\n\n\n|]\(", one.text) for one in made), slug
        whole = " ".join(MARKS.sub("", " ".join(one.text for one in made)).split())
        assert answer.source is not None and answer.office is not None
        told = [*answer.text.split("\n\n"), *answer.steps, *answer.documents, answer.office.name, answer.office.name_zh]
        told += [
            answer.office.address_zh or "",
            answer.office.phone or "",
            answer.source.title,
            answer.source.url or "",
        ]
        told.append(answer.checked_on or "")
        assert [one for one in told if " ".join(MARKS.sub("", one).split()) not in whole] == [], slug


@pytest.mark.parametrize("language", ANSWERED)
def test_every_answer_fits_into_a_response(content: Renderer, language: str) -> None:
    for slug in content.knowledge.articles:
        answers = content.render(plans.article(slug), language, 2, say_only_english=False)
        made = [one for answer in answers for one in bubbles(answer, locales=WORDS)]
        while made:
            [message], rest = fitted(made, 1)
            response = ai_label(as_text(message, WORDS, more=message.more), language, WORDS)
            assert size(response) <= 2047
            assert message.more is (rest > 0), slug
            assert WORDS.text(language, "wechat_ai_label") in response
            assert (WORDS.text(language, "wechat_more") in response) is message.more
            made = made[message.taken :]


def test_arabic_runs_from_the_right(content: Renderer) -> None:
    for slug in content.knowledge.articles:
        for answer in content.render(plans.article(slug), "ar", 2, say_only_english=False):
            for line in "\n".join(one.text for one in bubbles(answer, locales=WORDS)).split("\n"):
                kinds = [kind for kind in map(unicodedata.bidirectional, line) if kind in ("L", "R", "AL")]
                assert "AL" not in kinds or kinds[0] in ("R", "AL"), f"{slug}: {line}"
                assert not re.search(r"(?<![\u200e\w.-])[0-9]+-[0-9]", re.sub(r"\S*://\S*", "", line)), (
                    f"{slug}: {line}"
                )


@pytest.mark.parametrize(
    ("line", "language", "shown"),
    [
        ("WeChat ثم الدفع", "ar", "\u200fWeChat ثم الدفع"),
        ("1. جواز السفر", "ar", "1. جواز السفر"),
        ("• WeChat", "ar", "\u200f• WeChat"),
        ("2. ICBC", "fa", "\u200f2. ICBC"),
        ("https://example.org/2026-11-23", "ar", "https://example.org/2026-11-23"),
        ("合肥市", "ur", "合肥市"),
        ("في 2026-11-23", "ar", "في \u200e2026-11-23"),
        ("WeChat ثم الدفع", "en", "WeChat ثم الدفع"),
    ],
)
def test_directions(line: str, language: str, shown: str) -> None:
    assert directed(line, language) == shown
    assert directed(shown, language) == shown
    assert directed(f"{line}\n{line}", language) == f"{shown}\n{shown}"


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("**Bold** and *it* and __u__ and `code`", "Bold and it and u and code"),
        ("# Title\n## Sub\ntext", "Title\nSub\ntext"),
        ("[the law](https://a.cn/x_y_z)", "the law: https://a.cn/x_y_z"),
        ("![map](https://a.cn/m.png) [https://a.cn](https://a.cn)", "map: https://a.cn/m.png https://a.cn"),
        ("[a](https://a.cn/(b)) c", "a: https://a.cn/(b) c"),
        ("- a\n* b\n  + c", "• a\n• b\n  • c"),
        ("> said\n```py\nx = 1\n```", "said\nx = 1\n"),
        ("https://a.cn/_a_*b*_c_ **x**", "https://a.cn/_a_*b*_c_ x"),
        ("5 * 3 * 2, snake_case_name, *#06#, #1, 2*3*4", "5 * 3 * 2, snake_case_name, *#06#, #1, 2*3*4"),
        ("Call 12345 (city) [1]", "Call 12345 (city) [1]"),
    ],
)
def test_no_markdown(written: str, shown: str) -> None:
    assert form.plain(written) == shown


@given(st.text("*_#[]()`>- \nab<"))
def test_any_marks_are_survived(text: str) -> None:
    shown = form.plain(text)
    assert set(shown) <= set(text) | set("•: ")
    assert [one for one in shown if one in "ab<"] == [one for one in text if one in "ab<"] or "```" in text


def test_a_persons_words_stay_as_they_are() -> None:
    [one] = bubbles(Answer(Kind.TEXT, "en", "Dial *#06# or **5**\n- <a href='x'>y</a>"), locales=WORDS, machine=False)
    assert one == Bubble("Dial *#06# or **5**\n- ＜a href='x'>y＜/a>", "en", machine=False)


def test_no_link_can_be_smuggled_in() -> None:
    evil = '<a href="weixin://bizmsgmenu?msgmenucontent=x&msgmenuid=1">x</a>'
    answer = Answer(
        Kind.ARTICLE, "en", evil, (evil,), (evil,), (Button(evil, "b1.0.0"),), OFFICE, SourceLine(evil, evil)
    )
    [one] = bubbles(answer, locales=WORDS)
    assert "<" not in as_text(one, WORDS) and "<" not in str(as_menu(one))


def test_options_as_text_and_as_menu() -> None:
    [one] = bubbles(asks("In a dorm", "In a flat"), locales=WORDS, answer=False)
    assert not one.answer
    assert as_text(one, WORDS) == "Which?\n\n1. In a dorm\n2. In a flat\n\nTo choose, just send the number."
    assert as_menu(one) == {
        "head_content": "Which?",
        "list": [{"id": "20000", "content": "In a dorm"}, {"id": "20001", "content": "In a flat"}],
    }


def test_what_can_be_a_menu() -> None:
    assert form.fits_menu(Bubble("x" * 1024, "en", (Option(1, "a", "b0.0.1"),)))
    for other in (
        Bubble("x" * 1025, "en", (Option(1, "a", "b0.0.1"),)),
        Bubble("x", "en", ()),
        Bubble("x", "en", tuple(Option(number, "a", f"b0.0.{number}") for number in range(11))),
    ):
        assert not form.fits_menu(other)
        with pytest.raises(ValueError, match="menu"):
            as_menu(other)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(CODES),
    st.text(max_size=200) | st.sampled_from(["words ", "字", "نص ", "👩\u200d👩\u200d👧"]).map(lambda one: one * 500),
    st.lists(st.text(min_size=1, max_size=120), max_size=10),
    st.booleans(),
)
def test_every_bubble_fits_with_its_options(language: str, text: str, titles: list[str], machine: bool) -> None:
    *before, last = bubbles(asks(*titles, text=text, lang=language), locales=WORDS, machine=machine)
    assert not any(one.options for one in before)
    assert len(last.options) == len(titles)
    for one in (*before, last):
        assert size(as_text(one, WORDS)) <= LIMIT
        assert size(ai_label(as_text(one, WORDS), language, WORDS)) <= 2047
        assert all(size(option.title) <= 128 for option in one.options)
    for option, title in zip(last.options, titles, strict=True):
        assert option.title.rstrip("…") in " ".join(title.replace("<", "＜").split())


def test_a_long_title_is_cut_at_a_character() -> None:
    family = "👩\u200d👩\u200d👧"
    [one] = bubbles(asks(family * 20), locales=WORDS)
    title = one.options[0].title
    assert title.endswith("…") and set(graphemes(title[:-1])) == {family}


@given(st.integers(0, 10**6), st.integers(0, 97), st.integers(0, 99), st.booleans())
def test_ids_and_payloads(seq: int, place: int, number: int, asked: bool) -> None:
    payload = f"b{seq}.{place}.{number}" if asked else f"m{seq}.{number}"
    assert payload_of(option_id(payload)) == payload
    assert str(option_id(payload)).isdecimal()


@pytest.mark.parametrize(
    "payload",
    ["", "b1", "b1.2", "b1.2.100", "b01.2.3", "b1.02.3", "x1.2.3", "b1.2.3 ", "b-1.2.3", "b١.2.3", "m1", "m1.100"],
)
def test_what_is_no_payload(payload: str) -> None:
    with pytest.raises(ValueError, match="payload"):
        option_id(payload)


def test_an_over_long_text_is_still_labelled() -> None:
    labelled = ai_label("字" * 1000, "zh", WORDS)
    assert size(labelled) <= 2047
    assert labelled.endswith("…\n" + WORDS.text("zh", "wechat_ai_label"))


@pytest.mark.parametrize("language", ANSWERED)
def test_the_words_fit_the_room_kept_for_them(language: str) -> None:
    options = tuple(Option(number, "x" * 128, f"b0.0.{number}") for number in range(10))
    for count in range(1, 11):
        one = Bubble("text", language, options[:count])
        assert size(as_text(one, WORDS)) <= form.needed(one.text, one.options)
    more = as_text(Bubble("x" * form.PART_LIMIT, language), WORDS, more=True)
    assert more == "x" * form.PART_LIMIT + "\n\n" + WORDS.text(language, "wechat_more")
    assert size(more + "\n" + WORDS.text(language, "wechat_ai_label")) <= 2047


@pytest.mark.parametrize("language", ANSWERED)
def test_the_welcome_fits_beside_another(language: str) -> None:
    """An account that names no language greets in Chinese and English at once, with languages to choose."""
    welcome = f"{WORDS.text(language, 'wechat_welcome')}\n\n{WORDS.text('en', 'wechat_welcome')}"
    names = [LANGUAGES[code].endonym for code in ANSWERED]
    answer = asks(*names, text=f"{welcome}\n\n{WORDS.text(language, 'wechat_choose_language')}", lang=language)
    assert len(bubbles(answer, locales=WORDS)) == 1
