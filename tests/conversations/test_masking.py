"""Personal numbers never enter the sealed room, and no text of a person is a command there."""

from __future__ import annotations

import re
import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.conversations.masking import for_engine, mask, storable
from tests.fakes.engine import MAX_TEXT, is_command
from tests.fakes.site import Site

PERSONAL = [
    ("write to jane.doe+visa@mail.example.com now", "write to ‹EMAIL› now"),
    ("邮箱 李.雷@例子.中国 谢谢", "邮箱 ‹EMAIL› 谢谢"),
    ("身份证340104199001011234有问题", "身份证‹CHINESE_ID›有问题"),
    ("ID 34010419900101123X.", "ID ‹CHINESE_ID›."),
    ("ID 34010419900101123x", "ID ‹CHINESE_ID›"),
    ("call 13800138000", "call ‹PHONE›"),
    ("call 138 0013 8000", "call ‹PHONE›"),
    ("call 138-0013-8000!", "call ‹PHONE›!"),
    ("call +86 138 0013 8000", "call ‹PHONE›"),
    ("call +86-13800138000", "call ‹PHONE›"),
    ("電話は+81 90-1234-5678です", "電話は‹PHONE›です"),
    ("我的手机１３８００１３８０００", "我的手机‹PHONE›"),
    ("card 6222 0212 3456 7890 123", "card ‹CARD›"),
    ("card 4111-1111-1111-1111", "card ‹CARD›"),
    ("card 4111111111111111", "card ‹CARD›"),
    ("passport E12345678", "passport ‹PASSPORT›"),
    ("护照EA1234567丢了", "护照‹PASSPORT›丢了"),
    ("passport ab1234567,", "passport ‹PASSPORT›,"),
    ("passeport 12AB34567", "passeport ‹PASSPORT›"),
    ("two: 13800138000 and 13900139000", "two: ‹PHONE› and ‹PHONE›"),
]
NOT_PERSONAL = [
    "call 12367, 12345, 110, 120 or 122",
    "0551-12367",
    "fine of 2000 yuan on 2026-11-23",
    "an X1 or Z visa, article 39",
    "flat 1203, building 4, 2nd ring road",
    "HSK4 in 2025",
]


@pytest.mark.parametrize(("text", "masked"), PERSONAL)
def test_personal_numbers_are_replaced(text: str, masked: str) -> None:
    assert mask(text) == masked


@pytest.mark.parametrize("text", NOT_PERSONAL)
def test_public_numbers_stay(text: str) -> None:
    assert mask(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "رقمي ١٣٨٠٠١٣٨٠٠٠",
        "شماره من ۱۳۸۰۰۱۳۸۰۰۰ است",
        "मेरा नंबर १३८००१३८०००",
        "my number is 138\u200b0013\u200b8000",
        "138\u00ad0013\u00ad8000",
        "138\u00a00013\u00a08000",
        "\u202d13800138000\u202c",
        "138.0013.8000",
        "+1 (415) 555-2671",
        "138–0013–8000",
        "E1234\u200b5678",
    ],
)
def test_numbers_in_other_digits_or_with_something_between_are_replaced_too(text: str) -> None:
    assert "‹" in for_engine(text)


@given(
    st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True),
    st.text("签证 abc,.", max_size=10),
    st.text("号 xyz,.", max_size=10),
)
def test_any_mainland_phone_is_replaced(phone: str, before: str, after: str) -> None:
    assert phone not in mask(before + phone + after)


@given(st.emails(domains=st.sampled_from(["mail.example.com", "qq.com", "例子.中国"])))
def test_any_everyday_address_loses_its_name(address: str) -> None:
    name, domain = address.split("@", 1)
    if re.fullmatch(r"[\w.+-]+", name):
        assert domain not in mask(f"write to {address} please")


@given(st.text())
def test_masking_twice_changes_nothing_more(text: str) -> None:
    assert mask(mask(text)) == mask(text)


SLASHES = st.sampled_from(
    ["/", "\uff0f", "\u200b", "\u202e", "\ufeff", "\u00ad", "\u034f", "\u0301", "\ufe0f", "\x01", " "]
)


@given(st.text(st.characters(exclude_categories=())))
@example("/restart")
@example("\uff0frestart")
@example("\u200b/restart")
@example("\u00ad/restart")
@example("\u0301/restart")
@example("\x7f/restart")
@example("///")
@example("")
def test_no_text_becomes_a_command(text: str) -> None:
    sent = for_engine(storable(text))
    assert sent.strip()
    assert not is_command(sent)


@given(st.lists(SLASHES, max_size=8).map("".join), st.text(string.ascii_letters, max_size=8))
def test_no_mixture_of_slashes_and_invisible_marks_becomes_a_command(before: str, text: str) -> None:
    assert not is_command(for_engine(before + text))


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=300).map(lambda text: (text * 20)[:4000]))
@example("\ufdfa" * 4000)
@example("A1234567 " * 444)
@example("a@b.c " * 666)
def test_what_we_accept_is_never_too_long_for_the_engine(text: str) -> None:
    assert len(for_engine(text)) <= MAX_TEXT


@given(st.text(st.characters(exclude_categories=())))
def test_what_is_stored_can_be_stored(text: str) -> None:
    stored = storable(text)
    stored.encode("utf-8")
    assert "\x00" not in stored
    if "\x00" not in text and not any("\ud800" <= c <= "\udfff" for c in text):
        assert stored == text


async def test_the_engine_never_sees_a_personal_number(site: Site) -> None:
    token = (await site.say("hello there, good morning"))["conversation"]
    for text in ("My passport E12345678 is lost", "mail a.b@example.com, phone 13800138000, card 4111 1111 1111 1111"):
        await site.say(text, conversation=token)
    sent = "\n".join(body["text"] for body in site.engine.received)
    assert "‹PASSPORT›" in sent
    assert "‹EMAIL›" in sent
    for secret in ("E12345678", "example.com", "13800138000", "4111"):
        assert secret not in sent


async def test_the_engine_gets_id_language_vector_and_nothing_else(site: Site) -> None:
    await site.say("怎样租房?")
    (body,) = site.engine.received
    assert set(body) == {"sender", "id", "text", "language", "vector"}
    assert body["language"] == "zh"
