"""Who may embed the widget: origins, preflights, headers; and the files of sites and topics."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from bot.channels.web.sites import Site as Embedder
from bot.channels.web.sites import Sites, allowed
from bot.channels.web.texts import Days, Texts, interface_language
from bot.channels.web.topics import Topics
from bot.errors import ContentError, StartError
from bot.keeping.words import INTERFACE
from bot.knowledge.files import load_folder
from bot.settings import ROOT
from tests.conftest import SiteMaker
from tests.fakes.site import Site
from tests.fakes.widget import ELSEWHERE, HOSTILE, SITES, Widget, widget

DATA = ROOT / "data"
OWN = "http://linli.example:8000"
CITY = Embedder(("https://www.hefei.example", "https://*.city.example", "https://shop.example:8443"))


@pytest.fixture
async def city(make_site: SiteMaker, tmp_path: Path) -> AsyncIterator[Site]:
    """A server that two other websites may embed, as the site `city`."""
    file = tmp_path / "sites.yml"
    file.write_text(SITES, encoding="utf-8")
    async with make_site(sites_file=file, with_engine=False) as running:
        yield running


@pytest.mark.parametrize(
    ("origin", "fits"),
    [
        (OWN, True),
        ("https://www.hefei.example", True),
        ("https://a.city.example", True),
        ("https://a.b.city.example", True),
        ("https://shop.example:8443", True),
        ("https://city.example", False),
        ("https://.city.example", False),
        ("https://evilcity.example", False),
        ("https://a.city.example.evil.example", False),
        ("https://evil.example/.city.example", False),
        ("https://evil.example#.city.example", False),
        ("https://a@x.city.example", False),
        ("http://www.hefei.example", False),
        ("https://www.hefei.example:8443", False),
        ("https://www.hefei.example/", False),
        ("https://WWW.hefei.example", False),
        ("https://shop.example", False),
        ("http://linli.example", False),
        ("https://linli.example:8000", False),
        ("null", False),
        ("", False),
        (None, False),
        ("file://", False),
        ("chrome-extension://abc", False),
    ],
)
def test_which_origins_fit(origin: str | None, fits: bool) -> None:
    assert allowed(origin, CITY, OWN) == fits


def test_null_is_refused_even_where_our_own_origin_cannot_be_told() -> None:
    assert not allowed("null", CITY, "null")


@pytest.mark.parametrize(
    "origin",
    [
        "www.hefei.example",
        "http://www.hefei.example",
        "https://www.hefei.example/",
        "https://www.hefei.example:443",
        "https://WWW.hefei.example",
        "https://*",
        "https://*.example",
        "https://w*.hefei.example",
        "https://a.*.example",
        "*",
        "null",
        7,
        None,
    ],
)
def test_a_bad_origin_does_not_start(origin: object, tmp_path: Path) -> None:
    file = tmp_path / "sites.yml"
    file.write_text(f"default: {{origins: [{'~' if origin is None else repr(origin)}], pages: {{}}}}", encoding="utf-8")
    with pytest.raises(ContentError, match="default: origins"):
        Sites.load(file)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        "demo: {origins: [], pages: {}}",
        "default: {origins: []}",
        "default: {origins: [], pages: {}, more: 1}",
        "default: {origins: x, pages: {}}",
        "default: {origins: [], pages: []}",
        "default: {origins: [], pages: {visa: 7}}",
        "default: {origins: [], pages: {Visa: visa}}",
        "default: {origins: [], pages: {}}\n'a b': {origins: [], pages: {}}",
    ],
)
def test_a_bad_file_does_not_start(text: str, tmp_path: Path) -> None:
    file = tmp_path / "sites.yml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ContentError, match=r"sites\.yml"):
        Sites.load(file)


async def test_a_file_that_names_topics_that_are_not_there_does_not_start(make_site: SiteMaker, tmp_path: Path) -> None:
    file = tmp_path / "sites.yml"
    file.write_text("default: {origins: [], pages: {visa: nothing}}", encoding="utf-8")
    with pytest.raises(StartError, match="nothing"):
        async with make_site(sites_file=file, with_engine=False):
            pass


CALLS = (
    ("POST", "session"),
    ("POST", "code/redeem"),
    ("GET", "config"),
    ("GET", "notices"),
    ("GET", "proof"),
    ("GET", "messages"),
    ("GET", "transcript"),
    ("GET", "export"),
    *(
        ("POST", path)
        for path in "messages language ack feedback rating notice callback leave-queue code erase".split()
    ),
)


@pytest.mark.parametrize(("method", "path"), CALLS)
@pytest.mark.parametrize("origin", [HOSTILE, "null", "https://hefei.example", f"{ELSEWHERE}.evil.example"])
async def test_a_hostile_page_gets_nothing_with_or_without_a_token(
    city: Site, method: str, path: str, origin: str
) -> None:
    own = widget(city)
    await own.begin()
    for token in (None, own.token):
        hostile = Widget(city, origin, token)
        refused = await hostile.call(method, path, json={"code": "x"} if method == "POST" else None)
        assert (refused.status, refused.code) == (403, "forbidden_origin")
        assert "access-control-allow-origin" not in refused.headers


async def test_a_hostile_page_gets_no_socket(city: Site) -> None:
    for origin in (HOSTILE, "null"):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await city.session.ws_connect(f"{city.public}/api/widget/live", headers={"Origin": origin})
        assert refused.value.status == 403


async def test_an_allowed_page_talks(city: Site) -> None:
    for origin in (ELSEWHERE, "https://visa.city.example"):
        page = Widget(city, origin)
        assert (await page.post("session", {"site": "city"})).headers["access-control-allow-origin"] == origin
        await page.begin(site="city")
        answer = await page.get("messages")
        assert answer.headers["access-control-allow-origin"] == origin
        assert "Retry-After" in answer.headers["access-control-expose-headers"]


async def test_a_page_may_use_its_own_site_only(city: Site) -> None:
    page = Widget(city, ELSEWHERE)
    for site in ({}, {"site": "demo"}, {"site": "default"}):
        assert (await page.post("session", site)).code == "forbidden_origin"
        assert (await page.get("config", **site)).code == "forbidden_origin"
    # Our own pages may show any of them.
    assert (await widget(city).get("config", site="city")).status == 200


async def test_errors_can_be_read_by_the_page_too(city: Site) -> None:
    refused = await Widget(city, ELSEWHERE).get("messages")
    assert refused.status == 401
    assert refused.headers["access-control-allow-origin"] == ELSEWHERE


async def test_without_an_origin_a_token_or_public_data_is_needed(city: Site) -> None:
    nobody = widget(city, None)
    for path in ("session", "code/redeem"):
        assert (await nobody.post(path, {"code": "x"})).code == "forbidden_origin"
    for path in ("config", "notices", "proof"):
        assert (await nobody.get(path)).status == 200
    own = widget(city)
    token = (await own.begin())["token"]
    assert (await nobody.post("session", {"token": token})).status == 200
    nobody.token = token
    assert (await nobody.get("messages")).status == 200


async def test_preflights(city: Site) -> None:
    async def asked(origin: str, path: str, method: str = "POST") -> tuple[int, dict[str, str]]:
        headers = {
            "Origin": origin,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "authorization, content-type",
        }
        async with city.session.options(f"{city.public}/api/widget/{path}", headers=headers) as response:
            return response.status, dict(response.headers)

    status, headers = await asked(ELSEWHERE, "messages")
    assert status == 204
    assert headers["Access-Control-Allow-Origin"] == ELSEWHERE
    assert {"GET", "POST"} <= set(headers["Access-Control-Allow-Methods"].split(", "))
    assert headers["Access-Control-Allow-Headers"] == "Authorization, Content-Type"
    assert "Origin" in headers["Vary"]
    assert "Access-Control-Allow-Credentials" not in headers
    for origin in (HOSTILE, "null"):
        status, headers = await asked(origin, "messages")
        assert status == 403
        assert "Access-Control-Allow-Origin" not in headers
    assert (await asked(ELSEWHERE, "nothing"))[0] == 404


async def test_a_proxy_is_believed_only_when_it_is_trusted(make_site: SiteMaker) -> None:
    told = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "ask.city.example"}
    for proxies, status in ((0, 403), (1, 200)):
        async with make_site(trusted_proxies=proxies, with_engine=False) as site:
            outside = Widget(site, "https://ask.city.example")
            assert (await outside.post("session", {}, **told)).status == status
            if proxies:
                # What stands left of the proxy's own entry was written by the client.
                forged = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "ask.city.example, real.example"}
                assert (await outside.post("session", {}, **forged)).status == 403
                # Usual ports are not written in an origin.
                usual = {**told, "X-Forwarded-Host": "ask.city.example:443"}
                assert (await outside.post("session", {}, **usual)).status == 200


async def test_every_answer_carries_the_security_headers(site: Site) -> None:
    host = site.public.partition("://")[2]
    for method, path in (
        ("GET", "/"),
        ("GET", "/widget.js"),
        ("GET", "/nothing"),
        ("PUT", "/api/chat"),
        ("GET", "/healthz"),
        ("GET", "/api/widget/config"),
        ("GET", "/api/widget/messages"),
    ):
        async with site.session.request(method, site.public + path) as response:
            headers = response.headers
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Referrer-Policy"] == "no-referrer"
            assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
            assert "geolocation=()" in headers["Permissions-Policy"]
            policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
            assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
            assert policy["script-src"] == policy["style-src"] == "'self'"
            assert policy["connect-src"] == f"'self' ws://{host}"


async def test_a_strange_host_does_not_get_into_the_policy(site: Site) -> None:
    async with site.session.get(site.public + "/healthz", headers={"Host": "x; script-src *"}) as response:
        assert "*" not in response.headers.get("Content-Security-Policy", "")


def test_the_topics_that_we_ship_are_answered_by_articles() -> None:
    topics = Topics.load(DATA / "topics.yml", Sites.load(DATA / "sites.yml"))
    slugs = set(load_folder(DATA / "knowledge").articles)
    assert set(topics.by_page) >= {"default", "visa", "hospital"}
    for starters in topics.by_page.values():
        assert {starter.article for starter in starters} <= slugs
        for language in INTERFACE:
            titles = [starter.title[language] for starter in starters]
            assert len(set(titles)) == len(titles)


def _topics(text: str, tmp_path: Path) -> Topics:
    file = tmp_path / "topics.yml"
    file.write_text(text, encoding="utf-8")
    return Topics.load(file, Sites({"default": Embedder()}))


def _starters(languages: tuple[str, ...] = INTERFACE, count: int = 6, title: str = "T") -> str:
    words = ", ".join(f"{language}: {title}" for language in languages)
    lines = [f"  s{number}: {{title: {{{words}}}, text: {{{words}}}}}" for number in range(count)]
    slugs = ", ".join(f"s{number}" for number in range(count))
    return "\n".join([f"pages: {{default: [{slugs}]}}", "starters:", *lines])


def test_topics_as_they_should_be(tmp_path: Path) -> None:
    assert len(_topics(_starters(), tmp_path).of("default", "ar")) == 6


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "pages: {}",
        _starters(INTERFACE[:9]),
        _starters((*INTERFACE, "pt")),
        _starters(count=5),
        _starters(count=9),
        _starters(title='"' + "x" * 33 + '"'),
        _starters(title='" "'),
        _starters().replace("default:", "visa:"),
        _starters().replace("[s0,", "[s1,"),
        _starters().replace("[s0,", "[s9,"),
        _starters() + "\n  s6: {title: {}, text: {}}",
        _starters() + "\n  s6: 7",
    ],
)
def test_topics_are_checked(text: str, tmp_path: Path) -> None:
    with pytest.raises(ContentError, match=r"topics\.yml"):
        _topics(text, tmp_path)


def test_the_words_that_we_ship_are_whole() -> None:
    texts = Texts.load(DATA / "widget", Days(30, 180))
    assert len(texts.version) <= 20
    assert set(texts.notices) == set(texts.words) == set(INTERFACE)
    for notice in texts.notices.values():
        assert "30" in notice.privacy
        assert "180" in notice.privacy
        assert "Linli" in notice.ai or "邻里" in notice.ai


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("notice/de.yml", "2026-11", "2026-12"),
        ("notice/ja.yml", "{identified}", "180"),
        ("notice/ja.yml", "url: null", "url: 'http://x.example'"),
        ("notice/fr.yml", "ai:", "ia:"),
        ("words/ko.yml", "{date}", "{day}"),
        ("words/ko.yml", "title:", "titel:"),
        ("words/vi.yml", "you:", "you: [] #"),
    ],
)
def test_words_are_checked(file: str, old: str, new: str, tmp_path: Path) -> None:
    for path in (DATA / "widget").rglob("*.yml"):
        copy = tmp_path / path.relative_to(DATA / "widget")
        copy.parent.mkdir(exist_ok=True)
        copy.write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    spoiled = (tmp_path / file).read_text(encoding="utf-8")
    assert old in spoiled
    (tmp_path / file).write_text(spoiled.replace(old, new), encoding="utf-8")
    with pytest.raises(ContentError):
        Texts.load(tmp_path, Days(30, 180))


def test_a_language_that_lacks_is_said(tmp_path: Path) -> None:
    (tmp_path / "notice").mkdir()
    with pytest.raises(ContentError, match="notice"):
        Texts.load(tmp_path, Days(30, 180))


@pytest.mark.parametrize(("tag", "code"), [("zh-TW", "zh"), ("AR", "ar"), ("uk", "en"), (None, "en"), ("-", "en")])
def test_interface_languages(tag: str | None, code: str) -> None:
    assert interface_language(tag) == code
