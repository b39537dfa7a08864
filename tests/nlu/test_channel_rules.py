"""The channel's pure parts."""

from __future__ import annotations

import pytest
from rasa.shared.exceptions import RasaException

from bot.nlu.channel import Incoming, LinliChannel, RefusedError, is_command


@pytest.mark.parametrize(
    "text", ["/", "/restart", "  /x", "\t\n/x", "／x", "\u200b\u200d/x", "\u2067/x", "\ufeff/x", "\u0301/x"]
)
def test_commands_are_seen_through_what_hides_them(text: str) -> None:
    assert is_command(text)


@pytest.mark.parametrize("text", ["", "hello /restart", "1/2", "./x", "签证/居留", "⁄x", "\\restart"])
def test_ordinary_text_is_no_command(text: str) -> None:
    assert not is_command(text)


def test_a_complete_message_is_taken() -> None:
    body = {"sender": "s", "id": "1", "text": "hi", "language": "vi", "vector": None, "more": "ignored"}
    assert Incoming.parse(body) == Incoming("s", "1", "hi", "vi", None)


@pytest.mark.parametrize("field", ["sender", "id", "text"])
def test_each_field_is_needed(field: str) -> None:
    body = {"sender": "s", "id": "1", "text": "hi"}
    for wrong in (None, "", 5, "x" * 5000):
        with pytest.raises(RefusedError) as refused:
            Incoming.parse({**body, field: wrong})
        assert (refused.value.code, refused.value.status) == ("bad_request", 400)


def test_a_lone_surrogate_becomes_something_that_can_be_stored() -> None:
    assert Incoming.parse({"sender": "s", "id": "1", "text": "a\ud800b"}).text == "a?b"


@pytest.mark.parametrize("credentials", [None, {}, {"secret": ""}])
def test_without_a_secret_there_is_no_door(credentials: dict[str, str] | None) -> None:
    with pytest.raises(RasaException):
        LinliChannel.from_credentials(credentials)
