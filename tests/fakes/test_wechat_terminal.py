"""The terminal of the WeChat of our own, and `bot wechat simulate` beside a server that runs already."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from aiohttp import web

from bot.cli import parser
from bot.commands import wechat_simulate
from bot.errors import SettingsError, StartError
from tests.fakes.wechat import TEST_ACCOUNT, WechatPlatform
from tests.fakes.wechat.caller import post
from tests.fakes.wechat.standin import StandIn, reply
from tests.fakes.wechat.terminal import Terminal


async def talk(
    wechat: WechatPlatform, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *lines: str
) -> list[str]:
    """What the terminal shows to these lines."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
    monkeypatch.setattr("tests.fakes.wechat.terminal.QUIET_SECONDS", 0.1)
    await Terminal(wechat, wechat.user("a"), wait_seconds=0.3).run()
    return capsys.readouterr().out.splitlines()


@pytest.fixture
def answering(account_server: StandIn) -> StandIn:
    account_server.answer = lambda message: reply(message, f"heard {message._data.get('Content') or message.type}")
    return account_server


async def test_what_is_typed_is_said(
    wechat: WechatPlatform,
    answering: StandIn,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shown = await talk(wechat, monkeypatch, capsys, "hello", "", "/quota", "/quit", "never said")
    assert shown == ["── passive reply, 5 left", "  heard hello", "(5 left, for 48 h 0 min 0 s)"]
    assert [message.content for message in answering.pushed] == ["hello"]


async def test_what_is_done(
    wechat: WechatPlatform,
    answering: StandIn,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = (
        "/scan c=1",
        "/click HELP",
        "/location 31.8 117.2 合肥市 蜀山区",
        "/image",
        "/sticker",
        "/video",
        "/unfollow",
        "hello",
        "/follow",
        "/user b",
        "hello",
    )
    shown = await talk(wechat, monkeypatch, capsys, *lines)
    kinds = [message._data.get("Event", message._data["MsgType"]) for message in answering.pushed]
    assert kinds == ["SCAN", "CLICK", "location", "image", "text", "video", "unsubscribe", "subscribe", "text"]
    assert answering.pushed[2].label == "合肥市 蜀山区"
    assert answering.pushed[-1].source == wechat.user("b").openid
    assert "(you do not follow the account: /follow)" in shown
    assert "(delivered)" in shown


async def test_options_refusals_and_the_clock(
    wechat: WechatPlatform,
    answering: StandIn,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    user = wechat.user("a")

    async def act(_request: web.Request) -> web.StreamResponse:
        menu = {"head_content": "Choose", "list": [{"id": "7", "content": "Yes"}]}
        body = {"touser": user.openid, "msgtype": "msgmenu", "msgmenu": menu, "aimsgcontext": {"is_ai_msg": 1}}
        await post(wechat, "message/custom/send", body)
        return web.Response(body=b"success")

    answering.act = act
    lines = ("hello", "/tap 1", "/tap 2", "/fail message/custom/send 45015", "x", "/clock +48h", "/quota")
    shown = await talk(wechat, monkeypatch, capsys, *lines)
    assert shown == [
        *("── custom send, 4 left", "  Choose", "  [1] Yes", "  内容由第三方AI生成"),
        *("── custom send, 6 left", "  Choose", "  [1] Yes", "  内容由第三方AI生成"),
        "(no option 2 to tap on the screen; a numbered line is answered by its number)",
        "(the next 1 of message/custom/send: 45015)",
        *("(nothing came)", "(WeChat refused /cgi-bin/message/custom/send: 45015)"),
        "(WeChat's clock: 2026-11-26 04:00 UTC)",
        "(0 left, for 0 h 0 min 0 s)",
    ]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("/nothing", "(there is no /nothing; /help says what there is)"),
        ("/", "(there is no /; /help says what there is)"),
        ("/click", "(/click needs more; /help says what)"),
        ("/voice /no/such/file", "(/no/such/file: No such file or directory)"),
        ("/clock tomorrow", "(say how far: +30s, +10m, +48h, +3d)"),
        ("/location a b c", "(could not convert string to float: 'a')"),
        ("/lose", "(the next answer will be lost)"),
        ("/menu", "  (no menu)"),
        ('/tap "', "(No closing quotation)"),
    ],
)
async def test_what_cannot_be_done_is_said(
    wechat: WechatPlatform,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    line: str,
    told: str,
) -> None:
    assert await talk(wechat, monkeypatch, capsys, line) == [told]


async def test_a_server_that_answers_nothing(
    wechat: WechatPlatform, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wechat.callback = "http://127.0.0.1:9/wechat"
    shown = await talk(wechat, monkeypatch, capsys, "hello")
    assert shown.count("(delivery failed: ClientConnectorError)") == 3
    assert "(delivered 3 times: unreachable, unreachable, unreachable)" in shown
    assert "  该公众号提供的服务出现故障，请稍后再试" in shown


@pytest.fixture
def account_here(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"APPID": TEST_ACCOUNT.appid, "ORIGINAL_ID": TEST_ACCOUNT.original_id, "TOKEN": TEST_ACCOUNT.token}
    for name, value in {**given, "AES_KEY": TEST_ACCOUNT.aes_key, "SECRET": TEST_ACCOUNT.secret}.items():
        monkeypatch.setenv(f"LINLI_WECHAT_{name}", value)


async def simulated(monkeypatch: pytest.MonkeyPatch, *words: str, says: str = "") -> int:
    monkeypatch.setattr(sys, "stdin", io.StringIO(says))
    monkeypatch.setattr("tests.fakes.wechat.terminal.QUIET_SECONDS", 0.1)
    return await wechat_simulate.simulate(parser(["wechat"]).parse_args(["wechat", "simulate", *words]))


@pytest.mark.usefixtures("account_here")
async def test_simulate_beside_a_server_that_runs(
    answering: StandIn, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await simulated(monkeypatch, "--url", answering.url, "--scene", "c=1&l=vi", says="hello\n") == 0
    shown = capsys.readouterr().out
    assert "LINLI_WECHAT_API=http://127.0.0.1:" in shown
    assert "  heard event" in shown
    assert "  heard hello" in shown


@pytest.mark.usefixtures("account_here")
async def test_simulate_says_what_is_wrong_with_the_address(
    account_server: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StartError, match="nothing answers at"):
        await simulated(monkeypatch, "--url", "http://127.0.0.1:9/wechat")
    with pytest.raises(StartError, match="is its account"):
        await simulated(monkeypatch, "--url", f"{account_server.url}/other")


async def test_simulate_beside_a_server_needs_its_account(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="LINLI_WECHAT_APPID"):
        await simulated(monkeypatch, "--url", "http://127.0.0.1:9/wechat")


async def test_simulate_needs_a_checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(wechat_simulate, "ROOT", tmp_path)
    with pytest.raises(StartError, match="simulate needs a checkout"):
        await simulated(monkeypatch)
