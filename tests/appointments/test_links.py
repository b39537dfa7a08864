"""The signed link to an appointment: what is read of it, and that nothing else is."""

from __future__ import annotations

import string
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.appointments import links
from bot.appointments.links import LINK_LIFE, Key, Link, Purpose

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
KEYS: tuple[Key, ...] = ("the present key of the tests " * 2, b"the key of last year, as bytes")
ONE = uuid.UUID("01936000-0000-7000-8000-00000000abcd")
ALPHABET = string.ascii_letters + string.digits + "-_"
EVERY = tuple(Purpose)
ENDS = NOW + timedelta(minutes=15)
TOKEN = links.make(KEYS, ONE, 3, ENDS)


@given(
    st.uuids(),
    st.integers(0, 2**32 - 1),
    st.integers(1, 10**8),
    st.sampled_from(EVERY),
)
def test_what_was_signed_is_read(appointment: uuid.UUID, number: int, seconds: int, purpose: Purpose) -> None:
    ends = NOW + timedelta(seconds=seconds)
    token = links.make(KEYS, appointment, number, ends, purpose)
    assert links.read(KEYS, token, [purpose], NOW) == Link(appointment, number, purpose, ends)
    assert set(token) <= set(ALPHABET)


@given(st.integers(0, len(TOKEN) - 1), st.sampled_from(ALPHABET))
def test_no_character_can_be_another(place: int, character: str) -> None:
    changed = TOKEN[:place] + character + TOKEN[place + 1 :]
    assert (links.read(KEYS, changed, EVERY, NOW) is None) == (changed != TOKEN)


@given(st.text() | st.text(alphabet=ALPHABET, min_size=56, max_size=56))
def test_what_nobody_signed_is_nothing(token: str) -> None:
    assert links.read(KEYS, token, EVERY, NOW) is None


@pytest.mark.parametrize(
    "changed",
    [
        TOKEN[:-1],
        TOKEN + "A",
        TOKEN + "=",
        TOKEN + "\n",
        " " + TOKEN,
        f"{TOKEN[:20]} {TOKEN[20:]}",
        f"{TOKEN[:20]}={TOKEN[20:]}",
        TOKEN + TOKEN,
        "",
    ],
)
def test_a_token_has_one_spelling(changed: str) -> None:
    assert links.read(KEYS, changed, EVERY, NOW) is None


def test_it_ends() -> None:
    assert links.read(KEYS, TOKEN, EVERY, ENDS - timedelta(seconds=1)) is not None
    assert links.read(KEYS, TOKEN, EVERY, ENDS) is None


@pytest.mark.parametrize("purpose", EVERY)
def test_it_is_good_for_its_purpose_alone(purpose: Purpose) -> None:
    token = links.make(KEYS, ONE, 3, ENDS, purpose)
    others = [other for other in EVERY if other is not purpose]
    assert links.read(KEYS, token, others, NOW) is None
    assert links.read(KEYS, token, [purpose], NOW) is not None


def test_the_key_before_is_still_believed_and_a_foreign_one_never() -> None:
    old = links.make(KEYS[1:], ONE, 3, ENDS)
    assert links.read(KEYS, old, EVERY, NOW) is not None
    assert links.read(KEYS[:1], old, EVERY, NOW) is None
    assert links.read(("a foreign key",), TOKEN, EVERY, NOW) is None


def test_the_link_is_the_same_until_the_appointment_moves() -> None:
    starts = NOW + timedelta(days=3)
    token = links.link(KEYS, ONE, 1, starts)
    assert links.link(KEYS, ONE, 1, starts) == token
    assert links.link(KEYS, ONE, 1, starts + timedelta(days=1)) != token
    read = links.read(KEYS, token, [Purpose.LINK], NOW)
    assert read is not None
    assert read.expires_at == starts + LINK_LIFE


def test_the_token_stands_in_the_fragment_alone() -> None:
    for public_url in ("https://linli.example", "https://linli.example/"):
        assert links.address(public_url, TOKEN) == f"https://linli.example/appointment#{TOKEN}"
    assert links.address("", TOKEN) is None
