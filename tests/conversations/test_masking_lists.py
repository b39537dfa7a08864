"""Numbers as people of many countries write them, and the two lists of data/masking.yml."""

from __future__ import annotations

import time
import unicodedata
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.conversations.masking import Personal, default_rules, find, is_personal, load_rules, locate, mask
from bot.errors import ContentError
from tests.keeping.world import bot

PHONES = [
    "0086 138 0013 8000",
    "8613800138000",
    "+8613800138000",
    "0551-62624550",
    "0551 6262 4550",
    "(0551)62624550",
    "010-87654321",
    "+86 551 6262 4550",
    "+852 9123 4567",
    "0081 90 1234 5678",
    "090-1234-5678",
    "010-1234-5678",
    "06 12 34 56 78",
    "+33 6 12 34 56 78",
    "06.12.34.56.78",
    "0151 23456789",
    "07911 123456",
    "+44 (0)7911 123456",
    "(415) 555-2671",
    "415-555-2671",
    "415.555.2671",
    "8 (912) 345-67-89",
    "89123456789",
    "98765 43210",
    "9876543210",
    "+91-98765-43210",
    "0912 345 678",
    "0812-3456-7890",
    "0300 1234567",
    "0171 1234567",
    "081 234 5678",
    "0532 123 45 67",
]
PERSONAL = [
    ("IBAN DE89 3704 0044 0532 0130 00 please", "IBAN ‹IBAN› please"),
    ("gb29nwbk60161331926819", "‹IBAN›"),
    ("FR14 2004 1010 0505 0001 3M02 606", "‹IBAN›"),
    ("jane＠example.com", "‹EMAIL›"),
    ("jane.doe(at)example.com", "‹EMAIL›"),
    ("jane [at] example.com", "‹EMAIL›"),
    ("ID 110101 19900307 7715", "ID ‹CHINESE_ID›"),
    ("身份证 110101-19900307-7715", "身份证 ‹CHINESE_ID›"),
    ("my residence permit no. 123456789", "my residence permit no. ‹PERMIT›"),
    ("我的居留许可号码：123456789", "我的居留许可号码:‹PERMIT›"),
    ("mon titre de séjour n° 9912345678", "mon titre de séjour n° ‹PERMIT›"),
    ("green card USA110082090011", "green card ‹PERMIT›"),
]
PUBLIC = [
    "0551-12367",
    "0551-12367 110",
    "+86 0551-12367",
    "call 0551-12367, 12345 or 110",
    "0551-62856539",
    "400-820-8820",
    "400 820 8820",
    "05.03.2026",
    "05.03.2026 06.03.2026",
    "2026-11-23 09:30",
    "from 1.12.2026 to 31.12.2026",
    "1,000,000 yuan",
    "1000000 yuan",
    "00123",
    "my residence permit is for 365 days",
    "article 2012.57",
    "someone@home",
    "@lisa",
    "DE89 3704 0044 0532 0130 01"[:9],
]


@pytest.mark.parametrize("phone", PHONES)
def test_phones_as_they_are_written_in_many_countries(phone: str) -> None:
    for text in (phone, f"call {phone} please", f"我的电话{phone}，谢谢", f"tel:{phone}."):
        masked = mask(text)
        assert "‹PHONE›" in masked, masked
        assert not any(character.isdigit() for character in masked), masked


@pytest.mark.parametrize(("text", "masked"), PERSONAL)
def test_what_else_is_personal(text: str, masked: str) -> None:
    assert mask(text) == masked
    assert is_personal(text)


@pytest.mark.parametrize("text", PUBLIC)
def test_what_everybody_may_know_stays(text: str) -> None:
    assert mask(text) == text
    assert not is_personal(text)


def test_an_allowed_number_inside_a_longer_one_protects_nothing() -> None:
    assert mask("6222 0212 3451 2345 678") == "‹CARD›"
    assert mask("+86 138 1234 5120") == "‹PHONE›"
    assert mask("0551-1236789") != "0551-1236789"


def luhn(digits: str) -> str:
    total = 0
    for place, digit in enumerate(map(int, reversed(digits))):
        total += sum(divmod(2 * digit, 10)) if place % 2 == 0 else digit
    return digits + str(-total % 10)


GAPS = st.sampled_from(["", " ", "-", ".", "  ", "\u00a0", "–"])
AROUND = st.text(st.characters(categories=["Lo", "Ll", "Zs", "Po"], exclude_characters="@"), max_size=12)
SCRIPTS = st.sampled_from(["0", "٠", "۰", "०", "０", "০", "๐"])


@given(st.from_regex(r"[1-9][0-9]{14}", fullmatch=True).map(luhn), GAPS, AROUND, AROUND)
def test_any_card_with_a_right_check_digit(card: str, gap: str, before: str, after: str) -> None:
    grouped = gap.join(card[start : start + 4] for start in range(0, 16, 4))
    masked = mask(f"{before} {grouped} {after}")
    assert card[-4:] not in masked
    assert "‹CARD›" in masked or "‹PHONE›" in masked


@given(st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True), SCRIPTS, GAPS, AROUND)
def test_a_mobile_in_the_digits_of_any_script(phone: str, zero: str, gap: str, before: str) -> None:
    written = gap.join("".join(chr(ord(zero) + int(d)) for d in part) for part in (phone[:3], phone[3:7], phone[7:]))
    assert "‹PHONE›" in mask(f"{before} {written}")


CHINESE_IDS = st.builds(
    lambda area, year, month, day, order: f"{area:06}{year}{month:02}{day:02}{order:03}",
    st.integers(110000, 659999),
    st.integers(1930, 2025),
    st.integers(1, 12),
    st.integers(1, 28),
    st.integers(0, 999),
)


def with_check_digit(first: str) -> str:
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    total = sum(int(digit) * weight for digit, weight in zip(first, weights, strict=True))
    return first + "10X98765432"[total % 11]


@given(CHINESE_IDS.map(with_check_digit), st.booleans(), AROUND)
def test_any_chinese_id_with_and_without_gaps(number: str, spaced: bool, before: str) -> None:
    written = f"{number[:6]} {number[6:14]} {number[14:]}" if spaced else number
    assert "‹CHINESE_ID›" in mask(f"{before} {written}")


@given(CHINESE_IDS.map(with_check_digit), st.integers(1, 9))
def test_a_typing_error_in_an_id_does_not_uncover_it(number: str, step: int) -> None:
    wrong = number[:16] + str((int(number[16]) + step) % 10) + number[17]
    assert mask(wrong) == "‹CHINESE_ID›"


@given(
    st.sampled_from(["DE", "FR", "GB", "NL", "PL", "SA"]), st.from_regex(r"[0-9]{14,20}", fullmatch=True), st.booleans()
)
def test_any_iban_with_right_check_digits(country: str, account: str, spaced: bool) -> None:
    remainder = int("".join(str(int(c, 36)) for c in f"{account}{country}00")) % 97
    number = f"{country}{98 - remainder:02}{account}"
    written = " ".join(number[start : start + 4] for start in range(0, len(number), 4)) if spaced else number
    assert mask(f"to {written}, please") == "to ‹IBAN›, please"


@given(st.text(max_size=200))
@example("e\u0301 138\u200b0013\u200b8000 ｊａｎｅ＠example.com")
@example("\u1100\u1161\u11a8 13800138000")
@example("ﬁ ﷺ 13800138000 \u0323\u0307")
def test_places_are_those_of_the_text_as_it_was_written(text: str) -> None:
    """The written text with the places cut out says what the masked one says."""
    found = locate(text)
    assert [one.kind for one in found] == [one.kind for one in find(plain(text))]
    assert all(0 <= one.start < one.end <= len(text) for one in found)
    assert all(one.end <= other.start for one, other in pairwise(found))
    if text.isascii():
        pieces, end = [], 0
        for one in found:
            pieces += [text[end : one.start], f"‹{one.kind.value}›"]
            end = one.end
        assert plain("".join([*pieces, text[end:]])) == mask(text)


def plain(text: str) -> str:
    """Nothing masked: what `mask` makes of a text when it finds nothing in it."""
    normal = unicodedata.normalize("NFKC", text)
    return "".join(c for c in normal if c.isspace() or mask(f"a{c}a") != "aa")


@given(st.text("0123456789+-. ()@a\u200bXx٣", max_size=60))
def test_masking_numbers_twice_changes_nothing_more(text: str) -> None:
    assert mask(mask(text)) == mask(text)


@pytest.mark.parametrize(
    "text",
    [
        "a" * 4000 + "@",
        "1 " * 2000,
        "(" * 4000,
        "0" * 4000,
        "AB12 " * 800,
        "+1-" * 1300,
        "居留许可 " * 600,
        "1.1." * 1000,
    ],
)
def test_no_text_takes_long(text: str) -> None:
    """A resident's message must not hold the program up: 4,000 characters made to be hard."""
    default_rules()
    started = time.process_time()
    mask(text[:4000])
    assert time.process_time() - started < 0.25


def written(folder: Path, text: str) -> Path:
    path = folder / "masking.yml"
    path.write_text(text, encoding="utf-8")
    return path


def test_lists_of_ones_own(tmp_path: Path) -> None:
    rules = load_rules(
        written(
            tmp_path,
            "allow: {numbers: ['138 0013 8000'], patterns: ['E0{7}\\d']}\n"
            "deny: [{kind: NUMBER, pattern: 'case (?P<value>[a-z]\\d{3})'}]\n",
        )
    )
    assert mask("13800138000 and 13800138001", rules) == "13800138000 and ‹PHONE›"
    assert mask("E00000001 E00000019", rules) == "E00000001 ‹PASSPORT›"
    assert mask("Case Q123 and Q124", rules) == "Case ‹NUMBER› and Q124"
    assert mask("my passport E12345678", load_rules(written(tmp_path, ""))) == "my passport ‹PASSPORT›"


@pytest.mark.parametrize(
    "text",
    [
        "- a list",
        "allow: []",
        "deny: {}",
        "allow: {numbers: [12345]}",
        "allow: {numbers: ['call us']}",
        "allow: {patterns: ['(']}",
        "allow: {patterns: ['.*']}",
        "deny: [{kind: SECRET, pattern: 'x'}]",
        "deny: [{kind: PHONE}]",
        "deny: [{kind: PHONE, pattern: 7}]",
        "deny: ['x']",
        "deny: [{kind: PHONE, pattern: 'x', why: 'y'}]",
        "\tno yaml: [",
    ],
)
def test_a_list_that_is_wrong_is_said_in_one_line(text: str, tmp_path: Path) -> None:
    with pytest.raises(ContentError, match=r"masking\.yml") as caught:
        load_rules(written(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ContentError, match=r"none\.yml"):
        load_rules(tmp_path / "none.yml")


def test_every_kind_of_the_delivered_lists_is_known() -> None:
    assert {finder.kind for finder in default_rules().denied} == {Personal.PERMIT}


def test_the_command(tmp_path: Path) -> None:
    done = bot("mask", "call +81 90-1234-5678", var=tmp_path)
    assert (done.returncode, done.stdout) == (0, "call ‹PHONE›\n  PHONE: characters 6 to 21\n")
    done = bot("mask", var=tmp_path, input="nothing here\n")
    assert done.stdout == "nothing here\n"
    assert list(tmp_path.iterdir()) == []
