"""Sessions: beginning, renewing, the gate, and what the settings of the panel say."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.bus import CONFIG
from bot.channels.web.visitor import LIFE, RENEWABLE, Tokens
from bot.conversations import switches
from bot.db.engine import transaction
from bot.keeping import notices
from bot.keeping.words import INTERFACE
from tests.conftest import SiteMaker
from tests.fakes.site import NOW, VISITOR_KEYS, Site
from tests.fakes.widget import Widget, widget

RENT = "How do I rent a flat?"


async def test_a_new_conversation(site: Site) -> None:
    begun = await widget(site).begin(site="demo", page="visa", locale="fr-FR")
    assert begun["expires_in"] == LIFE.total_seconds()
    assert (begun["owner"], begun["language"], begun["last_seq"], begun["seen_seq"]) == ("bot", None, 0, 0)
    assert (begun["queue"], begun["notice_version"]) == (None, None)


async def test_each_session_is_a_conversation_of_its_own(site: Site) -> None:
    mine, theirs = widget(site), widget(site)
    await mine.begin()
    await theirs.begin()
    await mine.say(RENT, "k1")
    assert await theirs.messages() == []


async def test_the_conversation_goes_on_with_a_rotated_token(site: Site) -> None:
    one = widget(site)
    old = (await one.begin())["token"]
    await one.say(RENT, "k1")
    site.clock.now = NOW + LIFE + timedelta(minutes=1)
    assert (await one.get("messages")).code == "bad_token"
    renewed = await one.begin(token=old)
    assert renewed["token"] != old
    assert renewed["last_seq"] == 2
    assert len(await one.messages()) == 2


async def test_a_token_is_renewed_once_more_but_not_for_ever(site: Site) -> None:
    one = widget(site)
    first = (await one.begin())["token"]
    second = (await one.begin(token=first))["token"]
    # The other tab was slower: it gets the same generation.
    assert (await one.post("session", {"token": first})).status == 200
    await one.begin(token=second)
    refused = await one.post("session", {"token": first})
    assert (refused.status, refused.code) == (401, "bad_token")


async def test_the_generation_before_still_opens_the_gate_and_an_older_one_does_not(site: Site) -> None:
    one = widget(site)
    tokens = [(await one.begin())["token"]]
    for _ in range(2):
        tokens.append((await one.begin(token=tokens[-1]))["token"])
    assert [(await Widget(site, None, token).get("messages")).status for token in tokens] == [401, 200, 200]


async def test_after_thirty_days_a_token_is_nothing(site: Site) -> None:
    one = widget(site)
    token = (await one.begin())["token"]
    site.clock.now = NOW + RENEWABLE
    assert (await one.post("session", {"token": token})).code == "bad_token"


@pytest.mark.parametrize("token", ["", "x", "0.1.2.3", "é" * 40, "." * 200, "x" * 301])
async def test_what_we_did_not_sign_is_no_token(site: Site, token: str) -> None:
    refused = await widget(site).post("session", {"token": token})
    assert refused.status in (400, 401)
    assert refused.code in ("bad_field", "bad_token")


async def test_a_key_of_last_year_is_believed_a_strangers_is_not(site: Site) -> None:
    one = widget(site)
    token = (await one.begin())["token"]
    read = Tokens(VISITOR_KEYS).read(token)
    for keys, status in ((VISITOR_KEYS[1:], 200), (("a-strangers-key-" * 3,), 401)):
        one.token = Tokens(keys).sign(read.conversation, read.device, 0, NOW)
        assert (await one.get("messages")).status == status


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "messages"),
        ("GET", "transcript"),
        ("GET", "export"),
        *(
            ("POST", path)
            for path in ("messages language ack feedback rating notice callback leave-queue code erase".split())
        ),
    ],
)
async def test_nothing_of_a_conversation_without_a_token(site: Site, method: str, path: str) -> None:
    for headers in ({}, {"Authorization": "Bearer x.y"}, {"Authorization": "Basic eDp5"}):
        refused = await widget(site).call(method, path, headers=headers, json={} if method == "POST" else None)
        assert (refused.status, refused.code) == (401, "bad_token")
    in_url = await widget(site).call(method, f"{path}", params={"token": "x"}, json={} if method == "POST" else None)
    assert in_url.status == 401


@pytest.mark.parametrize(
    "fields",
    [
        {"site": "nowhere"},
        {"site": 7},
        {"site": "x" * 41},
        {"language": "xx"},
        {"language": ["en"]},
        {"locale": {}},
        {"token": 5},
        {"page": "x" * 301},
    ],
)
async def test_bad_fields(site: Site, fields: dict[str, object]) -> None:
    refused = await widget(site).post("session", fields)
    assert (refused.status, refused.code) == (400, "bad_field")


async def test_bodies_are_checked_as_everywhere(site: Site) -> None:
    one = widget(site)
    for body, kind, status, code in (
        (b"{", "application/json", 400, "bad_json"),
        (b"[]", "application/json", 400, "bad_json"),
        (b"\xff", "application/json", 400, "bad_json"),
        (b"{}", "text/plain", 415, "unsupported_type"),
        (b'{"x":"' + b"x" * 70_000 + b'"}', "application/json", 413, "body_too_large"),
    ):
        refused = await one.call("POST", "session", data=body, headers={"Content-Type": kind})
        assert (refused.status, refused.code) == (status, code)


async def test_the_language_is_chosen_for_good(site: Site) -> None:
    one = widget(site)
    await one.begin()
    assert (await one.post("language", {"language": "fr"})).json == {"language": "fr"}
    await one.say("How do I rent a flat?", "k1")
    assert (await one.messages())[-1]["lang"] == "fr"
    for wrong in ({}, {"language": "xx"}, {"language": None}):
        assert (await one.post("language", wrong)).code == "bad_field"


async def test_what_was_seen_is_kept_and_only_grows(site: Site) -> None:
    one = widget(site)
    token = (await one.begin())["token"]
    await one.say(RENT, "k1")
    for seq in (2, 1, 999):
        assert (await one.post("ack", {"seq": seq})).status == 204
    assert (await one.begin(token=token))["seen_seq"] == 2
    for wrong in (-1, True, "2", None, 2**31, 1.5):
        assert (await one.post("ack", {"seq": wrong})).code == "bad_field"


@pytest.mark.parametrize("language", INTERFACE)
async def test_the_panel_in_each_language(site: Site, language: str) -> None:
    config = (await widget(site, None).get("config", site="demo", page="visa", language=language)).json
    assert config["language"] == language
    assert [one["code"] for one in config["languages"]] == list(INTERFACE)
    assert 6 <= len(config["topics"]) <= 8
    assert "30" in config["notice"]["privacy"]
    assert "180" in config["notice"]["privacy"]
    assert config["switches"] == {"widget": True, "bot": True, "text": None}
    assert config["desk"]["text"]
    assert config["limits"] == {"text": 4000}


async def test_the_panel_for_other_tags_and_pages(site: Site) -> None:
    one = widget(site, None)
    told = [(await one.get("config", language=tag)).json["language"] for tag in ("zh-Hans-CN", "FR_ca", "pt", "", "x")]
    assert told == ["zh", "fr", "en", "en", "en"]
    visa, hospital, other = [
        (await one.get("config", site="demo", page=page)).json["topics"] for page in ("visa", "hospital", "nonsense")
    ]
    assert visa != hospital != other
    assert (await one.get("config")).json["topics"] == other
    assert (await one.get("config", site="nowhere")).code == "bad_field"


async def test_the_days_of_the_notice_are_the_settings(make_site: SiteMaker) -> None:
    async with make_site(retention_anonymous_days=7, retention_identified_days=77) as site:
        notice = (await widget(site).get("config")).json["notice"]
        assert "7 days" in notice["privacy"]
        assert "77 days" in notice["privacy"]
        assert notice["version"].endswith(".7.77")


async def test_what_has_not_changed_is_not_sent_again(site: Site) -> None:
    one = widget(site)
    for path in ("config", "notices"):
        first = await one.get(path)
        assert first.headers["cache-control"] == "no-cache"
        again = await one.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert (again.status, again.body) == (304, b"")
        other = await one.get(path, headers={"If-None-Match": '"else"'})
        assert other.json == first.json


async def test_a_notice_is_shown_in_its_period_on_its_site(site: Site) -> None:
    hour = timedelta(hours=1)
    async with transaction(site.service.database) as connection:
        for place, severity, text in ((None, "info", "Everywhere"), ("demo", "emergency", "Storm")):
            words = {"en": text, "zh": "中文"}
            draft = notices.Draft(notices.Severity(severity), place, words, NOW, NOW + hour)
            await notices.create(connection, draft, "desk-1", NOW)
    one = widget(site)
    shown = (await one.get("notices", site="demo", language="en")).json
    assert [(notice["severity"], notice["text"]) for notice in shown["notices"]] == [
        ("emergency", "Storm"),
        ("info", "Everywhere"),
    ]
    assert shown["notices"] == (await one.get("config", site="demo")).json["notices"]
    assert [notice["text"] for notice in (await one.get("notices", language="zh-CN")).json["notices"]] == ["中文"]
    site.clock.now = NOW + hour
    assert (await one.get("notices", site="demo")).json == {"widget": True, "text": None, "notices": []}


async def test_a_widget_that_is_switched_off_begins_nothing_and_says_why(site: Site) -> None:
    one = widget(site)
    token = (await one.begin())["token"]
    async with transaction(site.service.database) as connection:
        await switches.turn_off(connection, switches.WIDGET, {"en": "Back at noon."}, "desk-1", NOW)
    await site.service.switches.reload()
    await site.service.bus.publish(CONFIG, switches.CHANGED)
    assert (await one.get("notices")).json["widget"] is False
    config = (await one.get("config")).json
    assert config["switches"] == {"widget": False, "bot": True, "text": "Back at noon."}
    refused = await widget(site).post("session", {})
    assert (refused.status, refused.code) == (503, "unavailable")
    # Who has a conversation can still look at it, take it along and erase it.
    assert (await one.begin(token=token))["owner"] == "bot"


async def test_the_bot_alone_can_be_switched_off(site: Site) -> None:
    async with transaction(site.service.database) as connection:
        await switches.turn_off(connection, switches.BOT, {}, "desk-1", NOW)
    await site.service.switches.reload()
    config = (await widget(site).get("config", language="zh")).json
    assert (config["switches"]["widget"], config["switches"]["bot"]) == (True, False)
    assert "12345" in config["switches"]["text"]


async def test_too_many_calls_of_one_conversation(make_site: SiteMaker) -> None:
    async with make_site(rate_per_minute=1, rate_burst=1) as site:
        one, other = widget(site), widget(site)
        await one.begin()
        await other.begin()
        statuses = [(await one.post("ack", {"seq": 0})).status for _ in range(6)]
        assert statuses == [204] * 5 + [429]
        assert (await other.post("ack", {"seq": 0})).status == 204
