"""`bot wechat check`: what it says of each thing that can be wrong, and that it is content when nothing is."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.test_utils import TestServer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bot.channels.wechat import checkup, gate, menus
from bot.channels.wechat.account import Account, AccountKind, Keys, Mode, load_account
from bot.channels.wechat.api_errors import ApiRefused
from bot.channels.wechat.checkup import Ability, Answer, Finding, Response, Step, Trouble, Verdict
from bot.channels.wechat.errors import PushRejected
from bot.channels.wechat.inspection import ask_for_token, inspected, with_token
from bot.settings import ROOT, Settings, load_settings
from tests.fakes.wechat import TEST_ACCOUNT, Kind, WechatPlatform, error, html, unavailable

NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
HOST = "linli.example.org"
MENUS = menus.load(ROOT / "data" / "wechat")
PLAIN_SETTINGS = {"wechat_appid": TEST_ACCOUNT.appid, "wechat_original_id": TEST_ACCOUNT.original_id}
SECRETS = {
    "LINLI_WECHAT_TOKEN": "k3T9pQ7vX2mZ8bN4cR6wY1sD5fG0hJqL",
    "LINLI_WECHAT_AES_KEY": TEST_ACCOUNT.aes_key,
    "LINLI_WECHAT_SECRET": TEST_ACCOUNT.secret,
}


def settings(var: Path, **given: Any) -> Settings:
    return load_settings({}, var_folder=var, **{**PLAIN_SETTINGS, **given})


def account(var: Path, **given: Any) -> Account:
    found = load_account(settings(var, **given), SECRETS)
    assert found is not None
    return found


# What stands in the settings and on the disk.


def test_everything_that_is_missing_is_named_at_once(tmp_path: Path) -> None:
    finding, found = checkup.settings_finding(load_settings({}, var_folder=tmp_path), {})
    assert found is None
    assert finding.told == (
        "missing: LINLI_WECHAT_APPID, LINLI_WECHAT_ORIGINAL_ID, LINLI_WECHAT_TOKEN, LINLI_WECHAT_AES_KEY, "
        "LINLI_WECHAT_SECRET"
    )


def test_an_account_that_only_answers_needs_no_secret_and_plain_mode_no_key(tmp_path: Path) -> None:
    given = settings(tmp_path, wechat_kind="basic", wechat_mode="plain")
    finding, found = checkup.settings_finding(given, {"LINLI_WECHAT_TOKEN": SECRETS["LINLI_WECHAT_TOKEN"]})
    assert (finding.verdict, found is not None) == (Verdict.OK, True)


@pytest.mark.parametrize(
    ("given", "secrets", "word"),
    [
        ({"wechat_appid": "5c1f0a9b7d3e2468"}, {}, "LINLI_WECHAT_APPID"),
        ({"wechat_original_id": "my-account"}, {}, "LINLI_WECHAT_ORIGINAL_ID"),
        ({"wechat_mode": "secure"}, {}, "LINLI_WECHAT_MODE"),
        ({"wechat_kind": "verified"}, {}, "LINLI_WECHAT_KIND"),
        ({}, {"LINLI_WECHAT_TOKEN": "no-hyphens"}, "LINLI_WECHAT_TOKEN"),
        ({}, {"LINLI_WECHAT_AES_KEY": "a" * 42}, "LINLI_WECHAT_AES_KEY"),
    ],
)
def test_what_is_malformed_is_named_and_no_secret_shown(
    tmp_path: Path, given: dict[str, str], secrets: dict[str, str], word: str
) -> None:
    finding, found = checkup.settings_finding(settings(tmp_path, **given), {**SECRETS, **secrets})
    assert (finding.verdict, found) == (Verdict.NOT_OK, None)
    assert word in finding.told
    assert not [secret for secret in secrets.values() if secret in "".join(finding.lines())]


def test_a_secret_that_others_can_read_is_named_with_the_command_that_mends_it(tmp_path: Path) -> None:
    assert checkup.files_finding(tmp_path).told == "none; the secrets come from the environment"
    token = tmp_path / "wechat_token.secret"
    token.write_text("secret")
    token.chmod(0o640)
    finding = checkup.files_finding(tmp_path)
    assert (finding.verdict, finding.todo) == (Verdict.NOT_OK, f"chmod 600 {token}")
    token.chmod(0o600)
    assert checkup.files_finding(tmp_path).verdict is Verdict.OK


@pytest.mark.parametrize(
    ("mode", "token", "verdict", "words"),
    [
        (Mode.SAFE, "a" * 32, Verdict.OK, "safe mode"),
        (Mode.COMPATIBLE, "a" * 32, Verdict.OK, "compatible mode"),
        (Mode.PLAIN, "a" * 32, Verdict.NOT_OK, "plain mode"),
        (Mode.SAFE, "a" * 15, Verdict.NOT_OK, "the token has 15 characters"),
        (Mode.SAFE, "weixin", Verdict.NOT_OK, "the token has 6 characters"),
    ],
)
def test_the_mode_and_the_length_of_the_token(mode: Mode, token: str, verdict: Verdict, words: str) -> None:
    finding = checkup.keys_finding(made(mode, Keys(token, bytes(32))))
    assert finding.verdict is verdict
    assert finding.told.startswith(words)


def test_keys_that_were_kept_after_a_change_are_remembered() -> None:
    finding = checkup.keys_finding(made(Mode.SAFE, Keys("a" * 32, bytes(32)), Keys("b" * 32, bytes(32))))
    assert "the previous keys are still taken" in finding.told


def made(mode: Mode, *keys: Keys) -> Account:
    return Account(TEST_ACCOUNT.appid, TEST_ACCOUNT.original_id, mode, AccountKind.SERVICE, keys, "secret")


@pytest.mark.parametrize(
    ("address", "verdict", "words"),
    [
        ("https://linli.example.org/wechat", Verdict.OK, "https, port 443, linli.example.org/wechat"),
        ("https://linli.example.org:443/wechat?a=1", Verdict.OK, "https, port 443"),
        ("", Verdict.UNKNOWN, "not set"),
        ("http://linli.example.org/wechat", Verdict.NOT_OK, "use https"),
        ("https://linli.example.org:8443/wechat", Verdict.NOT_OK, "this is 8443"),
        ("https://localhost/wechat", Verdict.NOT_OK, "cannot be reached"),
        ("https://192.168.1.7/wechat", Verdict.NOT_OK, "cannot be reached"),
        ("https://[::1]/wechat", Verdict.NOT_OK, "cannot be reached"),
        ("https://user:pass@linli.example.org/", Verdict.NOT_OK, "no user, password"),
        ("linli.example.org/wechat", Verdict.NOT_OK, "must begin with https://"),
        ("https://linli.example.org:port/", Verdict.NOT_OK, "no address"),
        ("ftp://linli.example.org/", Verdict.NOT_OK, "must begin with https://"),
    ],
)
def test_the_callback_address_is_looked_at_before_it_is_called(address: str, verdict: Verdict, words: str) -> None:
    finding = checkup.address_finding(address)
    assert finding.verdict is verdict
    assert words in finding.told


# The callback.


@pytest.mark.parametrize(
    ("response", "words"),
    [
        (Response(200, b"4711\n"), "not with the text"),
        (Response(200, b"<html>"), "not with the text"),
        (Response(403), "correctly signed call was refused"),
        (Response(404), "nothing is there"),
        (Response(301), "forwarded"),
        (Response(502), "proxy"),
        (Response(401), "HTTP 401"),
        (Response(0, trouble=Trouble.DNS), "DNS"),
    ],
)
def test_a_callback_that_does_not_answer_as_it_must(response: Response, words: str) -> None:
    finding = checkup.callback_finding(response, "4711")
    assert finding.verdict is Verdict.NOT_OK
    assert words in finding.told
    assert finding.todo


def test_a_callback_that_takes_a_forgery_is_no_callback() -> None:
    assert checkup.forgery_finding(Response(403)).verdict is Verdict.OK
    assert checkup.forgery_finding(Response(200, b"4711")).verdict is Verdict.NOT_OK
    assert checkup.forgery_finding(Response(0, trouble=Trouble.TIMEOUT)).verdict is Verdict.UNKNOWN


# The platform's server.


@pytest.mark.parametrize(
    ("seconds", "replay", "verdict"),
    [(0, 300, Verdict.OK), (-59, 300, Verdict.OK), (61, 300, Verdict.NOT_OK), (-400, 300, Verdict.NOT_OK)],
)
def test_the_clock_is_compared_with_the_platforms(seconds: int, replay: int, verdict: Verdict) -> None:
    finding = checkup.clock_finding(Answer(NOW + timedelta(seconds=seconds)), NOW, replay)
    assert finding.verdict is verdict


def test_a_clock_that_cannot_be_compared_is_not_called_right() -> None:
    assert checkup.clock_finding(Answer(why="no answer"), NOW, 300).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("code", "message", "words", "todo"),
    [
        (40164, "invalid ip 203.0.113.9 ipv6 ::ffff:203.0.113.9, not in whitelist rid: 1-2", "203.0.113.9", "IP白名单"),
        (61004, "access clientip is not registered", "does not say which", "IP白名单"),
        (40125, "invalid appsecret", "the AppSecret is wrong", "重置"),
        (40001, "invalid credential", "the AppSecret is wrong", "重置"),
        (40013, "invalid appid", "no account with this AppID", "AppID"),
        (40243, "AppSecret frozen", "frozen", "解冻"),
        (89503, "ip needs confirmation", "confirmation", "WeChat"),
        (45009, "reach max api daily quota limit", "used up", "midnight"),
        (-1, "system error", "busy", "again"),
        (99999, "whatever", "99999", "docs/wechat.md"),
    ],
)
def test_why_there_is_no_access_token(code: int, message: str, words: str, todo: str) -> None:
    finding = checkup.token_finding(Answer(NOW, refused=ApiRefused.told("/cgi-bin/stable_token", code, message)))
    assert finding.verdict is (Verdict.UNKNOWN if code == -1 else Verdict.NOT_OK)
    assert words in finding.told
    assert todo in finding.todo


def has(**lacking: bool | None) -> dict[Ability, bool | None]:
    return {ability: lacking.get(ability.name, True) for ability in Ability}


@pytest.mark.parametrize(
    ("kind", "abilities", "verdict", "words", "todo"),
    [
        (AccountKind.SERVICE, has(), Verdict.OK, "service", ""),
        (AccountKind.SERVICE, has(MENU_MESSAGES=False), Verdict.OK, "numbered text", ""),
        (AccountKind.SERVICE, has(SCENES=False, TEMPLATES=False), Verdict.NOT_OK, "QR codes", "KIND=subscription"),
        (AccountKind.SERVICE, has(TEMPLATES=None), Verdict.UNKNOWN, "did not say", "again"),
        (AccountKind.SUBSCRIPTION, has(SCENES=False, TEMPLATES=False), Verdict.OK, "subscription", ""),
        (AccountKind.SUBSCRIPTION, has(), Verdict.OK, "subscription", "KIND=service"),
        (AccountKind.SUBSCRIPTION, has(SENDING=False), Verdict.NOT_OK, "客服消息", "KIND=basic"),
        (AccountKind.BASIC, dict.fromkeys(Ability, False), Verdict.OK, "basic", ""),
    ],
)
def test_the_kind_in_the_settings_is_what_the_account_can_do(
    kind: AccountKind, abilities: dict[Ability, bool | None], verdict: Verdict, words: str, todo: str
) -> None:
    finding = checkup.kind_finding(kind, abilities)
    assert finding.verdict is verdict
    assert words in finding.told
    assert todo in finding.todo


def test_only_what_is_needed_decides() -> None:
    fine = Finding(Step.TOKEN, Verdict.OK, "")
    assert checkup.passed([fine, Finding(Step.SOURCES, Verdict.UNKNOWN, "", needed=False)])
    assert not checkup.passed([fine, Finding(Step.MENU, Verdict.UNKNOWN, "")])
    assert not checkup.passed([fine, Finding(Step.MENU, Verdict.NOT_OK, "")])


def test_what_to_do_stands_below_what_was_seen() -> None:
    first, second = Finding(Step.MENU, Verdict.NOT_OK, "none", "install it").lines()
    assert first == "not ok       menu                none"
    assert second.strip() == "→ install it"
    assert second.index("→") == first.index("none")


# All of it, against servers.


class Nearby(AbstractResolver):
    """Every name is this machine's, at the port of the test's server."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host="127.0.0.1", port=self._port, family=socket.AF_INET, proto=0, flags=0)
        ]

    async def close(self) -> None:
        """Nothing is open."""


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for HOST that vouches for itself, and its key."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = (
        builder.serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    )
    builder = builder.add_extension(
        x509.SubjectAlternativeName([x509.DNSName(HOST), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
    ).add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
    files = folder / "host.pem", folder / "host.key"
    files[0].write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


@dataclass
class World:
    """The platform, our callback behind https, and a session that finds it under its name."""

    platform: WechatPlatform
    session: aiohttp.ClientSession
    port: int
    var: Path
    callback: Callable[[web.Request], web.StreamResponse] | None = None
    given: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=lambda: dict(SECRETS))
    speech: list[bytes] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        public = f"https://{HOST}/wechat"
        return settings(self.var, **{"wechat_api": self.platform.url, "wechat_public_url": public, **self.given})

    async def findings(self, now: datetime | None = None) -> dict[Step, Finding]:
        def clock() -> datetime:
            return now or datetime.now(UTC)

        found = [one async for one in inspected(self.settings, self.secrets, self.session, MENUS, clock)]
        assert len({one.step for one in found}) == len(found)
        shown = "\n".join(line for one in found for line in one.lines())
        assert not [secret for secret in self.secrets.values() if secret in shown]
        return {one.step: one for one in found}

    async def install(self) -> None:
        found = load_account(self.settings, self.secrets)
        assert found is not None
        answer = await ask_for_token(found, self.session)
        await menus.install(with_token(found, answer.token, self.session), MENUS, found.kind)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    found = account(tmp_path)

    async def verify(request: web.Request) -> web.StreamResponse:
        if world.callback is not None:
            return world.callback(request)
        try:
            return web.Response(text=gate.verify_url(found, request.query, datetime.now(UTC)))
        except PushRejected:
            return web.Response(status=403)

    app = web.Application()
    app.router.add_get("/wechat", verify)
    pem, key = certificate(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem, key)
    server = TestServer(app, scheme="https")
    await server.start_server(ssl=context)
    assert server.port is not None
    connector = aiohttp.TCPConnector(
        resolver=Nearby(server.port), ssl=ssl.create_default_context(cafile=str(pem)), force_close=True
    )
    async with server, WechatPlatform() as platform, aiohttp.ClientSession(connector=connector) as session:
        world = World(platform, session, server.port, tmp_path)
        yield world


async def test_an_account_that_is_set_up_passes(world: World) -> None:
    await world.install()
    found = await world.findings()
    assert [one.step for one in found.values() if one.verdict is not Verdict.OK] == []
    assert list(found) == list(Step)
    assert checkup.passed(list(found.values()))


async def test_nobody_is_written_to_and_nothing_changed(world: World) -> None:
    await world.install()
    before = world.platform.ledger.calls.copy()
    await world.findings()
    changed = world.platform.ledger.calls - before
    assert not [path for path in changed if "menu/create" in path or "menu/delete" in path or "tags/create" in path]
    assert world.platform.users == {}


async def test_a_new_account_is_told_to_install_its_menu(world: World) -> None:
    found = await world.findings()
    assert [one.step for one in found.values() if one.verdict is not Verdict.OK] == [Step.MENU, Step.LANGUAGES]
    assert found[Step.MENU].todo == "bot wechat menu --install"


async def test_a_menu_of_somebody_else_is_not_ours(world: World) -> None:
    await world.install()
    world.platform.menus.default = [{"type": "click", "name": "别的", "key": "OTHER"}]
    found = await world.findings()
    assert "another menu" in found[Step.MENU].told


async def test_this_machine_is_not_on_the_list(world: World) -> None:
    world.platform.tokens.whitelist = {"203.0.113.1"}
    found = await world.findings()
    assert "127.0.0.1" in found[Step.TOKEN].told
    assert Step.MENU not in found
    assert found[Step.CLOCK].verdict is Verdict.OK


async def test_a_wrong_secret(world: World) -> None:
    world.secrets["LINLI_WECHAT_SECRET"] = "f" * 32
    assert (await world.findings())[Step.TOKEN].told == "the AppSecret is wrong"


async def test_another_token_in_the_console_than_here(world: World) -> None:
    world.secrets["LINLI_WECHAT_TOKEN"] = "z" * 32
    found = await world.findings()
    assert found[Step.CALLBACK].told == "a correctly signed call was refused"
    assert found[Step.FORGERY].verdict is Verdict.OK


async def test_something_that_answers_everything(world: World) -> None:
    world.callback = lambda request: web.Response(text=request.query["echostr"])
    found = await world.findings()
    assert found[Step.CALLBACK].verdict is Verdict.OK
    assert found[Step.FORGERY].verdict is Verdict.NOT_OK


async def test_a_forwarded_callback_is_not_followed(world: World) -> None:
    world.callback = lambda request: web.Response(status=301, headers={"Location": str(request.url)})
    assert "forwarded" in (await world.findings())[Step.CALLBACK].told


async def test_a_certificate_that_nobody_vouches_for(world: World) -> None:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=Nearby(world.port))) as session:
        world.session = session
        assert "certificate" in (await world.findings())[Step.CALLBACK].told


async def test_a_clock_that_is_wrong(world: World) -> None:
    found = await world.findings(datetime.now(UTC) - timedelta(minutes=7))
    assert found[Step.CLOCK].verdict is Verdict.NOT_OK
    assert found[Step.CALLBACK].verdict is Verdict.NOT_OK


@pytest.mark.parametrize("kind", [Kind.SUBSCRIPTION, Kind.BASIC])
async def test_an_account_that_can_do_less_than_the_settings_say(world: World, kind: Kind) -> None:
    world.platform.account = replace(world.platform.account, kind=kind)
    finding = (await world.findings())[Step.KIND]
    assert finding.verdict is Verdict.NOT_OK
    assert f"LINLI_WECHAT_KIND={kind.value}" in finding.todo


async def test_an_account_without_the_interfaces_is_asked_for_no_menu(world: World) -> None:
    world.platform.account = replace(world.platform.account, kind=Kind.BASIC)
    world.given["wechat_kind"] = "basic"
    del world.secrets["LINLI_WECHAT_SECRET"]
    found = await world.findings()
    assert {Step.KIND, Step.MENU, Step.LANGUAGES} & set(found) == set()
    assert found[Step.CLOCK].verdict is Verdict.OK
    assert checkup.passed(list(found.values()))


async def test_a_server_that_is_not_the_platforms(world: World) -> None:
    for failure in (html(), unavailable()):
        world.platform.fail("stable_token", failure)
        finding = (await world.findings())[Step.TOKEN]
        assert finding.verdict is Verdict.UNKNOWN
    world.given["wechat_api"] = "http://127.0.0.1:1"
    found = await world.findings()
    assert found[Step.TOKEN].told == "WeChat's server cannot be asked: nobody answers at this address and port"
    assert found[Step.CLOCK].verdict is Verdict.UNKNOWN


async def test_what_the_platform_does_not_tell_is_not_called_right(world: World) -> None:
    await world.install()
    world.platform.fail("get_current_selfmenu_info", error(45009))
    world.platform.fail("getcallbackip", error(45009))
    found = await world.findings()
    assert found[Step.MENU].verdict is Verdict.UNKNOWN
    assert not checkup.passed(list(found.values()))
    assert not found[Step.SOURCES].needed


async def test_a_recogniser_that_is_set_is_asked(world: World) -> None:
    async def recognise(request: web.Request) -> web.Response:
        part = (await request.post())["file"]
        assert isinstance(part, web.FileField)
        world.speech.append(part.file.read())
        return web.json_response({"text": ""})

    app = web.Application()
    app.router.add_post("/asr", recognise)
    async with TestServer(app) as server:
        world.given["wechat_speech_url"] = str(server.make_url("/asr"))
        assert (await world.findings())[Step.SPEECH].verdict is Verdict.OK
    assert [one[:6] for one in world.speech] == [b"#!AMR\n"]
    finding = (await world.findings())[Step.SPEECH]
    assert (finding.verdict, finding.needed) == (Verdict.NOT_OK, True)


async def test_without_settings_nothing_is_called(tmp_path: Path) -> None:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=Nearby(1))) as session:
        given = load_settings({}, var_folder=tmp_path)
        found = [one.step async for one in inspected(given, {}, session, MENUS, lambda: NOW)]
    assert found == [Step.SETTINGS, Step.FILES]
