"""Packing keeps the order, holds each bubble once and spends as few messages as can be."""

from __future__ import annotations

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.channels.wechat.form import Bubble, Option, ai_label, as_text, needed
from bot.channels.wechat.packing import Message, fitted, pack, typed_number
from bot.channels.wechat.split import LIMIT, PART_LIMIT, size
from bot.languages import ANSWERED
from bot.locales import Locales

WORDS = Locales.load()
OPTIONS = (Option(20001, "Dorm", "b2.0.1"), Option(20002, "A flat", "b2.0.2"))
LONGEST_TEXT = LIMIT - needed("", OPTIONS)

BUBBLES = st.lists(
    st.builds(
        Bubble,
        text=st.integers(0, 400).map("x".__mul__) | st.integers(400, LONGEST_TEXT).map("x".__mul__),
        language=st.sampled_from(ANSWERED),
        options=st.sampled_from([(), (), (), OPTIONS]),
        machine=st.sampled_from([True, True, False]),
        answer=st.booleans(),
    ),
    max_size=12,
)


def bubble(text: str, *options: Option, machine: bool = True) -> Bubble:
    return Bubble(text, "en", options, machine)


@settings(max_examples=300, deadline=None)
@given(BUBBLES)
def test_each_bubble_once_and_in_order(bubbles: list[Bubble]) -> None:
    groups = pack(bubbles)
    assert [one for group in groups for one in group] == bubbles
    for group in groups:
        assert len({one.machine for one in group}) == 1, "a machine's words and a person's stay apart"
        assert not any(one.options for one in group[:-1]), "options end a message"
        joined = "\n\n".join(one.text for one in group if one.text)
        assert needed(joined, group[-1].options) <= LIMIT


@settings(max_examples=300, deadline=None)
@given(BUBBLES)
def test_no_message_could_have_held_the_next_bubble(bubbles: list[Bubble]) -> None:
    for group, following in pairwise(pack(bubbles)):
        joined = "\n\n".join(one.text for one in (*group, following[0]) if one.text)
        apart = group[-1].machine is not following[0].machine or group[-1].options
        assert apart or needed(joined, following[0].options) > LIMIT


@settings(max_examples=300, deadline=None)
@given(BUBBLES, st.integers(-1, 8))
def test_no_more_than_allowed(bubbles: list[Bubble], allowed: int) -> None:
    messages, rest = fitted(bubbles, allowed)
    assert len(messages) <= max(0, allowed)
    taken = sum(message.taken for message in messages)
    assert taken + rest == len(bubbles)
    assert "".join(one.text for one in bubbles[:taken]) == "".join(message.text for message in messages).replace(
        "\n\n", ""
    )
    assert [option for one in bubbles[:taken] for option in one.options] == [
        option for message in messages for option in message.options
    ]
    assert not any(message.more for message in messages[:-1])
    if not rest:
        assert not any(message.more for message in messages)
    elif messages and not messages[-1].more:
        assert messages[-1].options or size(messages[-1].text) > PART_LIMIT
    for message in messages:
        text = ai_label(as_text(message, WORDS, more=message.more), message.language, WORDS)
        assert size(text) <= 2047
        assert text.endswith(WORDS.text(message.language, "wechat_ai_label"))
        assert not message.more or WORDS.text(message.language, "wechat_more") in text


def test_small_bubbles_come_as_one_message() -> None:
    assert fitted([bubble("Hello."), bubble(""), bubble("Which?", *OPTIONS)], 5) == (
        [Message("Hello.\n\nWhich?", "en", OPTIONS, True, 3)],
        0,
    )


def test_what_does_not_fit_is_announced() -> None:
    long = bubble("x" * 1900)
    assert fitted([long, long], 1) == ([Message("x" * 1900, "en", (), True, 1, more=True)], 1)
    assert fitted([long, long], 0) == ([], 2)
    [first], rest = fitted([long, bubble("y" * 60), long], 1)
    assert (first.text, first.more, rest) == ("x" * 1900, True, 2), "the second leaves no room for saying it"


def test_a_number_never_means_both_an_option_and_reading_on() -> None:
    asks = bubble("Which?", *OPTIONS)
    [message], rest = fitted([bubble("Hello."), asks, bubble("Later")], 1)
    assert (message.text, message.options, message.more, rest) == ("Hello.", (), True, 2)
    [message], rest = fitted([asks, bubble("Later")], 1)
    assert (message.options, message.more, rest) == (OPTIONS, False, 1)


def test_a_persons_words_stand_alone() -> None:
    person = bubble("I am looking it up.", machine=False)
    assert [len(group) for group in pack([bubble("a"), person, person, bubble("b")])] == [1, 2, 1]


NUMBERS = """
2 2. ２ ② ⑵ ⒉ ❷ (2) （2） 2） 2、 2。 2! ２． [2] #2 02 ² ٢ ۲ २ ২ ๒ \u200f٢ 2\ufe0f\u20e3 2\u20e3
二 第二 第二个 第2个 第2项 2号 选2 选择2 回复2 no.2 No2 N°2 số2 Số2 رقم٢ option2
"""


@pytest.mark.parametrize("text", [*NUMBERS.split(), " 2 ", "第 2 个", "no. 2", "số 2", "numéro 2", "option 2", "2 ."])
def test_a_typed_number(text: str) -> None:
    assert typed_number(text) == 2


NO_CHOICES = """
0 00 110 120 12345 2026 -2 2-3 2,5 2/3 ½ x2 2x 2号线 二十 24小时 1000 第二天 +2 2% . ( 第 个 a 🇨🇳
"""


@pytest.mark.parametrize(
    "text", [*NO_CHOICES.split(), "", " ", "2 3", "2 or 3", "I have 2 children", "1" * 999, "2\n3"]
)
def test_what_is_no_choice(text: str) -> None:
    assert typed_number(text) is None


DIGITS = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) == "Nd"]


@given(st.integers(1, 99), st.sampled_from([one for one in DIGITS if unicodedata.digit(one) == 0]))
def test_numbers_of_every_script(number: int, zero: str) -> None:
    written = "".join(chr(ord(zero) + int(digit)) for digit in str(number))
    assert typed_number(written) == number


@given(st.text())
def test_any_text_is_a_number_or_none(text: str) -> None:
    number = typed_number(text)
    assert number is None or 1 <= number <= 99
