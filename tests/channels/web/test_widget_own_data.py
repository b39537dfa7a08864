"""Thumbs, stars, the notice, transcripts, call-backs, going on elsewhere, export and erasure: by HTTP."""

from __future__ import annotations

import asyncio
import json
import logging
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from bot.bus import DESK, conversation_topic
from bot.channels.web import tries
from bot.channels.web.tries import Tries
from bot.channels.web.visitor import Tokens
from bot.conversations import store, transfers
from bot.db.engine import transaction
from bot.db.models import Base, CallBack, Consent, Conversation, Erasure, Feedback, Message, Rating, TransferCode
from bot.errors import Code, RequestError
from bot.keeping.words import INTERFACE
from bot.messages import Kind
from tests.fakes.site import NOW, VISITOR_KEYS, Site
from tests.fakes.widget import Widget, widget

RENT = "How do I rent a flat?"
SECRET_WORDS = "my passport is E12345678"


async def rows(site: Site, table: type[Base]) -> list[dict[str, object]]:
    async with transaction(site.service.database) as connection:
        return [dict(row) for row in (await connection.execute(select(table.__table__))).mappings()]


@pytest.fixture
async def answered(site: Site) -> Widget:
    """A conversation with one question (1) and its answer (2)."""
    one = widget(site)
    await one.begin()
    await one.say(RENT, "k1")
    return one


async def test_a_thumb_is_given_changed_and_taken_back(answered: Widget) -> None:
    for given, shown in (
        ({"value": "up"}, {"value": "up", "reason": None}),
        ({"value": "down", "reason": "outdated"}, {"value": "down", "reason": "outdated"}),
        ({"value": "down"}, {"value": "down", "reason": None}),
        ({"value": None}, None),
    ):
        assert (await answered.post("feedback", {"seq": 2, **given})).status == 204
        assert (await answered.messages())[1]["feedback"] == shown
    assert await rows(answered.site, Feedback) == []


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"seq": 1, "value": "up"}, 404, "not_found"),
        ({"seq": 99, "value": "up"}, 404, "not_found"),
        ({"seq": 99, "value": None}, 404, "not_found"),
        ({"seq": 2}, 400, "bad_field"),
        ({"value": "up"}, 400, "bad_field"),
        ({"seq": 2, "value": "sideways"}, 400, "bad_field"),
        ({"seq": 2, "value": 1}, 400, "bad_field"),
        ({"seq": 2, "value": "up", "reason": "wrong"}, 400, "bad_field"),
        ({"seq": 2, "value": "down", "reason": "because"}, 400, "bad_field"),
        ({"seq": "2", "value": "up"}, 400, "bad_field"),
    ],
)
async def test_bad_thumbs(answered: Widget, fields: dict[str, object], status: int, code: str) -> None:
    refused = await answered.post("feedback", fields)
    assert (refused.status, refused.code) == (status, code)


async def test_no_thumb_on_anothers_answer(answered: Widget) -> None:
    other = widget(answered.site)
    await other.begin()
    refused = await other.post("feedback", {"seq": 2, "value": "up"})
    assert (refused.status, refused.code) == (404, "not_found")
    assert await rows(answered.site, Feedback) == []


async def test_stars_for_assistant_and_staff_apart(answered: Widget) -> None:
    for fields in (
        {"who": "bot", "stars": 2, "comment": "  "},
        {"who": "bot", "stars": 5, "comment": "good\x00!"},
        {"who": "person", "stars": 1},
    ):
        assert (await answered.post("rating", fields)).status == 204
    found = {row["who"]: (row["stars"], row["comment"]) for row in await rows(answered.site, Rating)}
    assert found == {"bot": (5, "good\ufffd!"), "person": (1, None)}


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"who": "me", "stars": 3},
        {"who": "bot"},
        {"who": "bot", "stars": 0},
        {"who": "bot", "stars": 6},
        {"who": "bot", "stars": 2.5},
        {"who": "bot", "stars": True},
        {"who": "bot", "stars": 3, "comment": "x" * 501},
        {"who": "bot", "stars": 3, "comment": ["x"]},
    ],
)
async def test_bad_stars(answered: Widget, fields: dict[str, object]) -> None:
    assert (await answered.post("rating", fields)).code == "bad_field"


async def test_the_notice_that_was_accepted_is_kept(answered: Widget) -> None:
    version = (await answered.get("config")).json["notice"]["version"]
    for _ in range(2):
        assert (await answered.post("notice", {"version": version})).status == 204
    consents = await rows(answered.site, Consent)
    assert [(row["kind"], row["version"], row["withdrawn_at"]) for row in consents] == [("notice", version, None)]
    assert (await answered.begin(token=answered.token))["notice_version"] == version
    for wrong in ({}, {"version": "2020"}, {"version": 1}):
        assert (await answered.post("notice", wrong)).code == "bad_field"


async def test_a_transcript_says_who_said_what_and_where_it_comes_from(answered: Widget) -> None:
    site = answered.site
    token = Tokens(VISITOR_KEYS).read(str(answered.token))
    async with transaction(site.service.database) as connection:
        for kind, text in ((Kind.EVENT, "Operator A has joined."), (Kind.TEXT, "Good afternoon.")):
            await store.add(
                connection,
                token.conversation,
                author=store.Author.SYSTEM if kind is Kind.EVENT else store.Author.PERSON,
                kind=kind,
                lang="en",
                text=text,
                now=NOW,
            )
    response = await answered.get("transcript", language="en")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.headers["content-disposition"] == 'attachment; filename="linli-2026-11-23.txt"'
    assert response.headers["cache-control"] == "no-store"
    lines = response.body.decode().splitlines()
    assert lines[:2] == ["Conversation with Linli", "Saved on 2026-11-23 12:00, Hefei time"]
    assert lines[lines.index("[2026-11-23 12:00] You:") + 1] == RENT
    assert "[2026-11-23 12:00] Linli (automatic answer):" in lines
    assert "  1. See it." in lines
    assert "Source: A tenants' guide" in lines
    assert any(line.startswith("Compared with the source on 20") for line in lines)
    assert "[2026-11-23 12:00] — Operator A has joined. —" in lines
    assert lines[lines.index("[2026-11-23 12:00] Staff:") + 1] == "Good afternoon."


@pytest.mark.parametrize("language", INTERFACE)
async def test_a_transcript_in_each_language(answered: Widget, language: str) -> None:
    text = (await answered.get("transcript", language=language)).body.decode()
    words = {"zh": "看房", "fr": "Visitez"}.get(language, "See the flat first")
    assert words in text
    assert "{" not in text


async def test_a_transcript_names_the_button_that_was_pressed(site: Site) -> None:
    one = widget(site)
    await one.begin()
    await one.say("hello there, good morning", "k1")
    button = next(message["buttons"][0] for message in await one.messages() if message["buttons"])
    assert (await one.post("messages", {"key": "k2", "button": button["payload"]})).status == 202
    await one.say("thank you", "k3")
    lines = (await one.get("transcript")).body.decode().splitlines()
    assert button["title"] in lines
    assert (await one.get("transcript", language="xx")).code == "bad_field"


async def test_a_long_conversation_is_written_whole(answered: Widget) -> None:
    conversation = Tokens(VISITOR_KEYS).read(str(answered.token)).conversation
    async with transaction(answered.site.service.database) as connection:
        for number in range(450):
            await store.add(
                connection,
                conversation,
                author=store.Author.PERSON,
                kind=Kind.TEXT,
                lang="en",
                text=f"line {number}.",
                now=NOW,
            )
    text = (await answered.get("transcript")).body.decode()
    assert all(f"\nline {number}.\n" in text for number in range(450))


async def test_a_call_back_is_noted_with_a_reference(answered: Widget) -> None:
    asked = {"contact": "phone", "value": "0551-6299 9999", "words": "My permit", "language": "fr"}
    noted = (await answered.post("callback", asked)).json
    assert noted["reference"].startswith("LL-")
    assert datetime.fromisoformat(noted["promised"]) > NOW
    assert noted["reference"] in noted["text"]
    (row,) = await rows(answered.site, CallBack)
    assert (row["value"], row["words"], row["language"]) == ("0551-6299 9999", "My permit", "fr")
    assert (await answered.post("callback", asked)).json["reference"] == noted["reference"]
    for wrong in (
        {},
        {"contact": "pigeon", "value": "x"},
        {"contact": "phone", "value": "x"},
        {"contact": "email", "value": "a@b"},
        {"contact": "phone", "value": "12345", "words": "x" * 1001},
        {"contact": "phone", "value": ["1"]},
    ):
        assert (await answered.post("callback", wrong)).code == "bad_field"


async def test_leaving_a_queue_that_one_is_not_in_is_no_error(answered: Widget) -> None:
    assert (await answered.post("leave-queue")).json == {"owner": "bot"}


async def test_going_on_elsewhere(answered: Widget) -> None:
    site = answered.site
    issued = (await answered.post("code")).json
    assert len(issued["code"]) == len("XXXX-XXXX-XX")
    assert datetime.fromisoformat(issued["expires_at"]) == NOW + timedelta(minutes=15)
    assert issued["code"].replace("-", "") not in str(await rows(site, TransferCode))
    phone = widget(site)
    session = await phone.post("code/redeem", {"code": issued["code"].lower().replace("-", " ")})
    assert session.status == 200
    assert session.json["last_seq"] == 2
    phone.token = session.json["token"]
    assert await phone.messages() == await answered.messages()
    # Both go on, and the first device can renew its token.
    assert (await answered.begin(token=answered.token))["last_seq"] == 2
    used = await widget(site).post("code/redeem", {"code": issued["code"]})
    assert (used.status, used.code) == (404, "unknown_code")


async def test_a_code_ends_and_a_new_one_ends_the_one_before(answered: Widget) -> None:
    first, second = [(await answered.post("code")).json["code"] for _ in range(2)]
    other = widget(answered.site)
    assert (await other.post("code/redeem", {"code": first})).code == "unknown_code"
    answered.site.clock.now = NOW + transfers.LIFE
    assert (await other.post("code/redeem", {"code": second})).code == "unknown_code"


async def test_a_code_is_used_by_one_of_many_at_once(answered: Widget) -> None:
    code = (await answered.post("code")).json["code"]
    service = answered.site.service
    taken = await asyncio.gather(*(transfers.redeem(service.database, code, NOW) for _ in range(8)))
    assert sum(one is not None for one in taken) == 1


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("01ab-cdef-gh", "01ABCDEFGH"),
        ("  O1 AB CD EF GH ", "01ABCDEFGH"),
        ("oIlB–CDEF–GH", "011BCDEFGH"),
        ("０１ＡＢＣＤＥＦＧＨ", "01ABCDEFGH"),
        ("01AB-CDEF-G", None),
        ("01AB-CDEF-GHJ", None),
        ("01AB-CDEF-GU", None),
        ("01AB-CDEF-Gß", None),
        ("一二三四五六七八九十", None),
        ("", None),
    ],
)
def test_how_codes_are_written(written: str, read: str | None) -> None:
    assert transfers.read(written) == read


async def test_five_wrong_codes_are_enough(answered: Widget, caplog: pytest.LogCaptureFixture) -> None:
    code = (await answered.post("code")).json["code"]
    other = widget(answered.site)
    for _ in range(5):
        assert (await other.post("code/redeem", {"code": "0000-0000-00"})).code == "unknown_code"
    refused = await other.post("code/redeem", {"code": code})
    assert (refused.status, refused.code) == (429, "rate_limited")
    assert int(refused.headers["retry-after"]) > 800


def test_wrong_tries_are_forgotten_and_right_ones_do_not_count() -> None:
    counted = Tries()
    for second in range(5):
        with counted.one("a", float(second)):
            pass
    for second in range(5):
        with pytest.raises(RequestError, match="gone"), counted.one("a", float(second)):
            raise RequestError(Code.UNKNOWN_CODE, "gone", 404)
    with pytest.raises(RequestError) as refused, counted.one("a", 5.0):
        raise AssertionError
    assert refused.value.retry_after_seconds == 895
    with counted.one("b", 5.0), counted.one("a", 900.0):
        pass


def test_a_fault_of_ours_is_no_wrong_try() -> None:
    counted = Tries()
    for _ in range(9):
        with pytest.raises(ValueError, match="ours"), counted.one("a", 0.0):
            raise ValueError("ours")
        with pytest.raises(RequestError, match="down"), counted.one("a", 0.0):
            raise RequestError(Code.UNAVAILABLE, "down", 503)


def test_many_wrong_codes_are_an_alarm(caplog: pytest.LogCaptureFixture) -> None:
    counted = Tries()
    with caplog.at_level(logging.WARNING):
        for client in range(tries._ALARM):
            assert caplog.messages == []
            with pytest.raises(RequestError), counted.one(str(client), 0.0):
                raise RequestError(Code.UNKNOWN_CODE, "gone", 404)
    assert caplog.messages == ["codes_guessed wrong=50 minutes=15"]


async def test_a_redeemed_code_needs_fields(site: Site) -> None:
    for wrong in ({}, {"code": 7}, {"code": " "}, {"code": "x" * 41}):
        assert (await widget(site).post("code/redeem", wrong)).code == "bad_field"


async def test_export_is_everything_and_nobody_elses(answered: Widget) -> None:
    other = widget(answered.site)
    await other.begin()
    await other.say(SECRET_WORDS, "k1")
    response = await answered.get("export")
    assert response.headers["content-disposition"] == 'attachment; filename="linli-2026-11-23.json"'
    data = json.loads(response.body)
    assert data["messages"][0]["text"] == RENT
    assert SECRET_WORDS not in response.body.decode()
    assert str(answered.token) not in response.body.decode()


async def test_erasure_is_asked_twice_and_then_all_is_gone(answered: Widget) -> None:
    site = answered.site
    other = widget(site)
    await other.begin()
    conversation = Tokens(VISITOR_KEYS).read(str(answered.token)).conversation
    await answered.post("feedback", {"seq": 2, "value": "up"})
    await answered.post("rating", {"who": "bot", "stars": 5})
    await answered.post("code")
    told: list[dict[str, object]] = []
    for topic in (conversation_topic(conversation), DESK):
        site.service.bus.subscribe(topic, told.append)
    asked = (await answered.post("erase")).json
    assert asked["expires_in"] == 600
    assert (await answered.get("messages")).status == 200
    theirs = (await other.post("erase")).json["confirm"]
    for wrong in ("", "x", theirs, "9" * 300, 7):
        assert (await answered.post("erase", {"confirm": wrong})).code == "bad_field"
    erased = (await answered.post("erase", {"confirm": asked["confirm"]})).json
    assert erased["receipt"].startswith("LE-")
    assert datetime.fromisoformat(erased["erased_at"]) == NOW
    assert {"event": "gone"} in told
    assert {"event": "queue"} in told
    for path in ("messages", "export", "transcript"):
        assert (await answered.get(path)).code == "bad_token"
    assert (await answered.post("session", {"token": answered.token})).code == "bad_token"
    async with transaction(site.service.database) as connection:
        counts = [
            (await connection.execute(select(func.count()).select_from(table))).scalar_one()
            for table in (Conversation, Message, Feedback, Rating, TransferCode, Erasure)
        ]
    assert counts == [1, 0, 0, 0, 0, 1]


async def test_a_confirmation_ends(answered: Widget) -> None:
    confirm = (await answered.post("erase")).json["confirm"]
    answered.site.clock.now = NOW + timedelta(seconds=601)
    assert (await answered.post("erase", {"confirm": confirm})).code == "bad_field"


async def test_nothing_personal_is_logged(
    answered: Widget, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("aiosqlite").setLevel(logging.INFO)
    code = (await answered.post("code")).json["code"]
    await answered.post("rating", {"who": "bot", "stars": 1, "comment": SECRET_WORDS})
    await answered.post("callback", {"contact": "email", "value": "someone@mail.example", "words": SECRET_WORDS})
    await answered.post("callback", {"contact": SECRET_WORDS, "value": SECRET_WORDS})
    await answered.post("notice", {"version": SECRET_WORDS})
    await widget(answered.site).post("code/redeem", {"code": SECRET_WORDS})
    await widget(answered.site).post("code/redeem", {"code": code})
    out, err = capfd.readouterr()
    for personal in (SECRET_WORDS, "E12345678", "someone@mail.example", code, str(answered.token)):
        assert personal not in caplog.text + out + err
