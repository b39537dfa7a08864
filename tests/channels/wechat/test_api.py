"""Calls to the platform: what goes over the wire, and what each end of a call is taken for."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp
import pytest

from bot.channels.wechat.api import WechatApi
from bot.channels.wechat.api_errors import ApiRefused, ApiUnknown, ApiUnreachable, Doubt, MediaTooLarge
from bot.channels.wechat.codes import Reaction, name, reaction
from bot.channels.wechat.tokens import TokenKeeper
from bot.channels.wechat.wire import Limits, open_session
from bot.db import leases
from bot.db.engine import make_engine
from bot.db.migrate import migrate
from bot.errors import LinliError
from bot.settings import load_settings
from bot.workers import free_port
from tests.channels.wechat.api_server import (
    SECRET,
    SEND_PATH,
    TOKEN_PATH,
    ApiServer,
    Break,
    BreakingServer,
    Reply,
    account,
    refusal,
)
from tests.fakes.site import NOW
from tests.fakes.wechat import WechatPlatform, failures

OPENID = "oABCdef-the-openid-of-nobody"
WORDS = "My visa ends on Friday. 我的签证 تأشيرتي 🙂"
TOKEN = "T1-secret-access-token"
FAST = Limits(
    connect_seconds=1.0, total_seconds=2.0, media_seconds=2.0, typing_seconds=0.5, pauses_seconds=(0.02, 0.04)
)
BRIEF = Limits(
    connect_seconds=0.3, total_seconds=0.3, media_seconds=0.3, typing_seconds=0.2, pauses_seconds=(0.02, 0.02)
)


@dataclass
class Fixed:
    """A token at hand, for the tests that are about something else."""

    asked: int = 0
    refused: int = 0

    async def get(self) -> str:
        self.asked += 1
        return TOKEN

    async def dropped(self, token: str) -> None:
        assert token == TOKEN
        self.refused += 1


@asynccontextmanager
async def calling(url: str, limits: Limits = FAST) -> AsyncIterator[WechatApi]:
    async with open_session() as session:
        yield WechatApi(account(url), Fixed(), session, limits)


@pytest.fixture
async def server() -> AsyncIterator[ApiServer]:
    async with ApiServer() as running:
        yield running


@pytest.fixture
async def api(server: ApiServer) -> AsyncIterator[WechatApi]:
    async with calling(server.url) as made:
        yield made


@pytest.fixture
async def kept(server: ApiServer, tmp_path: Path) -> AsyncIterator[WechatApi]:
    """With a real keeper of the token."""
    database = make_engine(load_settings({}, database_url=f"sqlite:///{tmp_path}/test.db").database_url)
    await migrate(database)
    async with open_session() as session:
        own = account(server.url)
        yield WechatApi(own, TokenKeeper(own, database, session, leases.new_holder(), lambda: NOW), session, FAST)
    await database.dispose()


def sent(server: ApiServer) -> list[dict[str, object]]:
    return [received.json for received in server.of(SEND_PATH)]


# What goes over the wire


async def test_text_is_raw_utf8(server: ApiServer, api: WechatApi) -> None:
    await api.send_text(OPENID, WORDS, machine=False)
    [received] = server.of(SEND_PATH)
    assert WORDS.encode() in received.body
    assert b"\\u" not in received.body
    assert received.json == {"touser": OPENID, "msgtype": "text", "text": {"content": WORDS}}
    assert received.query == {"access_token": TOKEN}
    assert (received.method, received.content_type) == ("POST", "application/json")


async def test_what_the_machine_wrote_says_so(server: ApiServer, api: WechatApi) -> None:
    await api.send_text(OPENID, "a", machine=True)
    await api.send_image(OPENID, "MEDIA")
    assert sent(server) == [
        {"touser": OPENID, "msgtype": "text", "text": {"content": "a"}, "aimsgcontext": {"is_ai_msg": 1}},
        {"touser": OPENID, "msgtype": "image", "image": {"media_id": "MEDIA"}},
    ]


async def test_characters_that_json_would_escape_are_left_out(server: ApiServer, api: WechatApi) -> None:
    """The platform refuses every \\uXXXX (40033), and json.dumps writes control characters so."""
    await api.send_text(OPENID, 'a\x00b\x0bc\x1bd\te\nf\r"\\ \x7f\ud83d', machine=False)
    [received] = server.of(SEND_PATH)
    assert b"\\u" not in received.body
    assert received.json["text"] == {"content": 'abcd\te\nf\r"\\ \x7f?'}


async def test_a_menu_message(server: ApiServer, api: WechatApi) -> None:
    await api.send_menu(OPENID, "哪一个？", [("10101", "是"), ("10102", "否")], "", machine=True)
    assert sent(server) == [
        {
            "touser": OPENID,
            "msgtype": "msgmenu",
            "msgmenu": {
                "head_content": "哪一个？",
                "list": [{"id": "10101", "content": "是"}, {"id": "10102", "content": "否"}],
            },
            "aimsgcontext": {"is_ai_msg": 1},
        }
    ]


async def test_typing(server: ApiServer, api: WechatApi) -> None:
    await api.typing(OPENID, True)
    await api.typing(OPENID, False)
    found = [received.json for received in server.of("/cgi-bin/message/custom/typing")]
    assert found == [{"touser": OPENID, "command": "Typing"}, {"touser": OPENID, "command": "CancelTyping"}]


# The access token


async def test_the_token_is_fetched_once_and_used(server: ApiServer, kept: WechatApi) -> None:
    for _ in range(3):
        await kept.send_text(OPENID, "a", machine=False)
    assert server.counts == {TOKEN_PATH: 1, SEND_PATH: 3}


async def test_a_hundred_senders_fetch_one_token(server: ApiServer, kept: WechatApi) -> None:
    await asyncio.gather(*(kept.send_text(OPENID, f"{n}", machine=False) for n in range(100)))
    assert server.counts == {TOKEN_PATH: 1, SEND_PATH: 100}


@pytest.mark.parametrize("code", [40001, 40014, 42001])
async def test_one_renewal_and_one_repeat(server: ApiServer, kept: WechatApi, code: int) -> None:
    server.says(SEND_PATH, refusal(code))
    await kept.send_text(OPENID, WORDS, machine=False)
    first, second = server.of(SEND_PATH)
    assert first.body == second.body
    assert [first.query["access_token"][:2], second.query["access_token"][:2]] == ["T1", "T2"]
    assert server.counts[TOKEN_PATH] == 2


async def test_a_token_that_is_never_taken_ends_after_one_repeat(server: ApiServer, kept: WechatApi) -> None:
    server.always_says(SEND_PATH, refusal(42001))
    with pytest.raises(ApiRefused) as caught:
        await kept.send_text(OPENID, "a", machine=False)
    assert (caught.value.code, caught.value.reaction) == (42001, Reaction.RENEW)
    assert server.counts == {TOKEN_PATH: 2, SEND_PATH: 2}


async def test_a_hundred_senders_with_a_dead_token_renew_it_once(server: ApiServer, kept: WechatApi) -> None:
    await kept.send_text(OPENID, "a", machine=False)
    server.valid = {"T2-secret-access-token"}
    await asyncio.gather(*(kept.send_text(OPENID, f"{n}", machine=False) for n in range(100)))
    assert server.counts[TOKEN_PATH] == 2


async def test_a_hundred_senders_whose_token_comes_back_dead_do_not_storm(server: ApiServer, kept: WechatApi) -> None:
    """stable_token gives the same one while it believes it valid."""
    server.same, server.valid = True, set()
    results = await asyncio.gather(
        *(kept.send_text(OPENID, f"{n}", machine=False) for n in range(100)), return_exceptions=True
    )
    assert all(isinstance(result, ApiRefused) for result in results)
    assert server.counts[TOKEN_PATH] <= 3


# Refusals


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        (45047, Reaction.COUNT_EXCEEDED),
        (45015, Reaction.WINDOW_CLOSED),
        (40200, Reaction.FALLBACK_TEXT),
        (45002, Reaction.SPLIT),
        (43004, Reaction.UNFOLLOWED),
        (48001, Reaction.FEATURE_OFF),
        (-1, Reaction.RETRY),
        (43019, Reaction.BLOCKED),
        (45009, Reaction.QUOTA_DAY),
        (45011, Reaction.TOO_FAST),
        (40033, Reaction.BUG),
        (987654, Reaction.UNKNOWN_CODE),
    ],
)
async def test_a_refused_message_goes_up_and_is_sent_once(
    server: ApiServer, api: WechatApi, code: int, wanted: Reaction
) -> None:
    server.always_says(SEND_PATH, refusal(code))
    with pytest.raises(ApiRefused) as caught:
        await api.send_text(OPENID, "a", machine=False)
    assert (caught.value.code, caught.value.reaction, caught.value.name) == (code, wanted, name(code))
    assert caught.value.rid == "5f3ded7d-22929d02-4ba1f5f6"
    assert server.counts[SEND_PATH] == 1


def test_unknown_codes_have_their_reaction() -> None:
    assert (reaction(123), name(123)) == (Reaction.UNKNOWN_CODE, "unknown_code")


async def test_what_is_safe_is_repeated_while_the_platform_is_busy(server: ApiServer, api: WechatApi) -> None:
    path = "/cgi-bin/menu/create"
    server.says(path, refusal(-1), refusal(-1))
    await api.create_menu({"button": []})
    assert server.counts[path] == 3
    server.always_says(path, refusal(-1))
    with pytest.raises(ApiRefused):
        await api.create_menu({"button": []})
    assert server.counts[path] == 6


async def test_a_template_field_that_is_refused_is_named(server: ApiServer, api: WechatApi) -> None:
    path = "/cgi-bin/message/template/send"
    server.says(path, refusal(47003, "argument invalid! data.thing12.value invalid"))
    with pytest.raises(ApiRefused) as caught:
        await api.send_template(OPENID, "TEMPLATE", {"thing12": {"value": WORDS}}, "", "ID")
    assert caught.value.about == "thing12"


@pytest.mark.parametrize("body", [{"errcode": "45015"}, {"errcode": 45015, "errmsg": None}, {"errcode": 45015}])
async def test_odd_forms_of_a_refusal(server: ApiServer, api: WechatApi, body: object) -> None:
    server.says(SEND_PATH, Reply(body))
    with pytest.raises(ApiRefused) as caught:
        await api.send_text(OPENID, "a", machine=False)
    assert (caught.value.code, caught.value.rid) == (45015, None)


# Nothing was sent


async def refused_url() -> str:
    return f"http://127.0.0.1:{free_port()}"


async def no_such_name() -> str:
    return "http://nowhere.invalid"


@pytest.mark.parametrize("where", [refused_url, no_such_name])
async def test_no_connection_means_that_nothing_was_sent(where: Callable[[], Awaitable[str]]) -> None:
    async with calling(await where()) as api:
        with pytest.raises(ApiUnreachable):
            await api.send_text(OPENID, "a", machine=False)


async def test_a_failed_handshake_means_that_nothing_was_sent(server: ApiServer) -> None:
    async with calling(server.url.replace("http:", "https:")) as api:
        with pytest.raises(ApiUnreachable):
            await api.send_text(OPENID, "a", machine=False)
    assert server.received == []


async def test_a_connection_that_cannot_be_had_in_time_means_that_nothing_was_sent() -> None:
    """Its handshake is never answered."""
    async with BreakingServer(Break.NEVER_ANSWERS) as silent:
        async with calling(silent.url.replace("http:", "https:"), BRIEF) as api:
            with pytest.raises(ApiUnreachable):
                await api.send_text(OPENID, "a", machine=False)
        assert silent.bodies == []


async def test_a_platform_that_comes_back_gets_the_message_once() -> None:
    port = free_port()
    slow = Limits(pauses_seconds=(0.4, 0.4))
    async with calling(f"http://127.0.0.1:{port}", slow) as api:
        sending = asyncio.create_task(api.send_text(OPENID, "a", machine=False))
        await asyncio.sleep(0.1)
        late = BreakingServer(Break.AT_ONCE, times=0)
        listening = await asyncio.start_server(late._serve, "127.0.0.1", port)
        await sending
        listening.close()
        assert len(late.bodies) == 1


async def test_a_connection_that_closed_before_the_body_went_out_is_not_a_doubt(server: ApiServer) -> None:
    """With connections that are kept: one ends just after it was chosen. Nothing is written, and another is used."""
    chosen: list[asyncio.BaseTransport] = []

    async def closed_meanwhile(*_: object) -> None:
        chosen.pop().close()

    trace = aiohttp.TraceConfig()
    trace.on_connection_reuseconn.append(closed_meanwhile)
    connector = aiohttp.TCPConnector()
    async with aiohttp.ClientSession(connector=connector, trace_configs=[trace]) as session:
        api = WechatApi(account(server.url), Fixed(), session, FAST)
        await api.send_text(OPENID, "first", machine=False)
        [(protocol, _)] = next(iter(connector._conns.values()))
        chosen.append(protocol.transport)
        await api.send_text(OPENID, "second", machine=False)
    assert chosen == []
    assert [body["text"] for body in sent(server)] == [{"content": "first"}, {"content": "second"}]


async def test_every_call_has_a_connection_of_its_own(server: ApiServer, api: WechatApi) -> None:
    """So that no idle one can end under a message."""
    for _ in range(3):
        await api.send_text(OPENID, "a", machine=False)
    assert len({received.port for received in server.received}) == 3


# Nobody knows


@pytest.mark.parametrize("where", [where for where in Break if where is not Break.NEVER_ANSWERS])
async def test_a_message_that_was_cut_off_is_in_doubt_and_not_sent_again(where: Break) -> None:
    async with BreakingServer(where) as broken, calling(broken.url) as api:
        with pytest.raises(ApiUnknown) as caught:
            await api.send_text(OPENID, "a", machine=False)
        assert caught.value.doubt is Doubt.CUT
        assert broken.connections == 1


async def test_a_slow_answer_is_a_doubt() -> None:
    async with BreakingServer(Break.NEVER_ANSWERS) as silent, calling(silent.url, BRIEF) as api:
        with pytest.raises(ApiUnknown) as caught:
            await api.send_text(OPENID, "a", machine=False)
        assert caught.value.doubt is Doubt.TIMEOUT
        assert (silent.connections, len(silent.bodies)) == (1, 1)


async def test_what_is_safe_is_called_again_after_a_cut_but_not_after_a_long_wait() -> None:
    async with BreakingServer(Break.AFTER_BODY, times=2) as broken, calling(broken.url) as api:
        await api.create_menu({"button": []})
        assert len(broken.bodies) == 3
    async with BreakingServer(Break.NEVER_ANSWERS) as silent, calling(silent.url, BRIEF) as api:
        with pytest.raises(ApiUnknown):
            await api.create_menu({"button": []})
        assert len(silent.bodies) == 1


PAGE = b"<html><head><title>502 Bad Gateway</title></head></html>"


@pytest.mark.parametrize(
    ("reply", "doubt"),
    [
        (Reply(PAGE, content_type="text/html"), Doubt.NOT_JSON),
        (Reply(PAGE, 502, "text/html"), Doubt.STATUS),
        (Reply(b"", 503), Doubt.STATUS),
        (Reply(b"", 200), Doubt.NOT_JSON),
        (Reply([]), Doubt.NOT_JSON),
        (Reply(b"[" * 100_000), Doubt.NOT_JSON),
        (Reply(b'{"errcode":0,"errmsg":"\xff"}'), Doubt.NOT_JSON),
        (Reply({"errcode": 0}, 500), Doubt.STATUS),
        (Reply({"errcode": None}), Doubt.SHAPE),
        (Reply(b"{" + b" " * 3_000_000 + b"}"), Doubt.SIZE),
    ],
)
async def test_an_answer_that_is_none_is_a_doubt(server: ApiServer, api: WechatApi, reply: Reply, doubt: Doubt) -> None:
    server.always_says(SEND_PATH, reply)
    with pytest.raises(ApiUnknown) as caught:
        await api.send_text(OPENID, "a", machine=False)
    assert caught.value.doubt is doubt
    assert server.counts[SEND_PATH] == 1


async def test_a_redirect_is_not_followed(server: ApiServer, api: WechatApi) -> None:
    async with ApiServer() as elsewhere:
        for status in (302, 307):
            server.says(SEND_PATH, Reply(b"", status, headers={"Location": f"{elsewhere.url}{SEND_PATH}"}))
            with pytest.raises(ApiUnknown):
                await api.send_text(OPENID, "a", machine=False)
        assert elsewhere.received == []


async def test_typing_never_raises(server: ApiServer, api: WechatApi) -> None:
    path = "/cgi-bin/message/custom/typing"
    server.says(path, refusal(45080), Reply(PAGE, 502, "text/html"), refusal(-1), Reply(seconds=1.0))
    for _ in range(4):
        await api.typing(OPENID, True)
    assert server.counts[path] == 4
    async with calling(await refused_url()) as unreachable:
        await unreachable.typing(OPENID, True)
    await api.session.close()
    await api.typing(OPENID, True)


# Nothing of it is told


async def failing_calls(url: str) -> AsyncIterator[BaseException]:
    async with calling(url, BRIEF) as api:
        for call in (
            api.send_text(OPENID, WORDS, machine=False),
            api.user_info(OPENID),
            api.upload_image(b"\xff\xd8\xff"),
        ):
            try:
                await call
            except LinliError as error:
                yield error


@pytest.mark.parametrize("where", [*Break, "closed", "tls", "name", "refusal", "page", "size"])
async def test_no_error_and_no_log_line_tells_the_token_or_a_persons_data(
    where: str, server: ApiServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    asyncio.get_running_loop().set_debug(True)
    server.always_says(SEND_PATH, refusal(40003, f"invalid openid [{OPENID}] {WORDS}"))
    urls = {
        "closed": await refused_url(),
        "tls": server.url.replace("http:", "https:"),
        "name": await no_such_name(),
        "refusal": server.url,
        "page": server.url,
        "size": server.url,
    }
    if where in ("page", "size"):
        body = PAGE + f"{TOKEN}{OPENID}{WORDS}".encode() * (1 if where == "page" else 40_000)
        for path in (SEND_PATH, "/cgi-bin/user/info", "/cgi-bin/media/upload"):
            server.always_says(path, Reply(body, content_type="text/html"))
    seen = 0
    async with BreakingServer(Break(where) if where in list(Break) else Break.AT_ONCE) as broken:
        async for error in failing_calls(urls.get(where, broken.url)):
            seen += 1
            told = "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error)) + chain(error)
            for secret in (TOKEN, OPENID, WORDS, "visa", SECRET):
                assert secret not in told
    assert seen == (2 if where == "refusal" else 3)
    for secret in (TOKEN, OPENID, "visa", SECRET):
        assert secret not in caplog.text


def chain(error: BaseException) -> str:
    """Every exception behind this one, also those that a traceback leaves out."""
    before = [found for found in (error.__cause__, error.__context__) if found is not None]
    return "".join(f"{found!r} {found.args!r} {chain(found)}" for found in before)


def test_what_is_held_does_not_show_secrets() -> None:
    assert SECRET not in repr(account("http://127.0.0.1:1"))


# Media


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        (b"\xff\xd8\xff" + bytes(5000), "image/jpeg"),
        (b"#!AMR\n" + bytes(50), "audio/amr"),
        (b"#!AMR\n" + bytes(50), "application/octet-stream"),
        (b'{"a": 1}', "image/jpeg"),
        (bytes(10_000), "application/octet-stream"),
    ],
)
async def test_a_file_comes_down(server: ApiServer, api: WechatApi, data: bytes, content_type: str) -> None:
    server.says("/cgi-bin/media/get", Reply(data, content_type=content_type))
    media = await api.download("MEDIA-1", 10_000)
    assert (media.data, media.content_type) == (data, content_type)
    [received] = server.received
    assert received.query == {"access_token": TOKEN, "media_id": "MEDIA-1"}


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/octet-stream"])
async def test_a_file_that_is_gone(server: ApiServer, api: WechatApi, content_type: str) -> None:
    server.says(
        "/cgi-bin/media/get", Reply({"errcode": 40007, "errmsg": "invalid media_id"}, content_type=content_type)
    )
    with pytest.raises(ApiRefused) as caught:
        await api.download("MEDIA-1", 10_000)
    assert caught.value.reaction is Reaction.MEDIA_GONE


async def test_a_video_and_a_page_are_no_files(server: ApiServer, api: WechatApi) -> None:
    server.says("/cgi-bin/media/get", Reply({"video_url": "http://v/"}, content_type="text/plain"))
    with pytest.raises(ApiUnknown):
        await api.download("MEDIA-1", 10_000)
    server.always_says("/cgi-bin/media/get", Reply(PAGE, content_type="text/html"))
    with pytest.raises(ApiUnknown):
        await api.download("MEDIA-1", 10_000)


@pytest.mark.parametrize("size", [101, 5_000, 5_000_000])
async def test_a_file_that_is_too_large(server: ApiServer, api: WechatApi, size: int) -> None:
    server.says("/cgi-bin/media/get", Reply(bytes(size), content_type="image/jpeg"))
    with pytest.raises(MediaTooLarge):
        await api.download("MEDIA-1", 100)
    assert len(server.received) == 1


async def test_a_dead_token_is_renewed_for_a_file_too(server: ApiServer, kept: WechatApi) -> None:
    server.says("/cgi-bin/media/get", refusal(42001), Reply(b"\xff\xd8\xff", content_type="image/jpeg"))
    assert (await kept.download("MEDIA-1", 100)).data == b"\xff\xd8\xff"
    assert server.counts[TOKEN_PATH] == 2


async def test_a_picture_goes_up_and_again_after_an_error_page(server: ApiServer, api: WechatApi) -> None:
    path, data = "/cgi-bin/media/upload", b"\x89PNG\r\n\x1a\n" + bytes(200_000)
    server.says(path, Reply(PAGE, 502, "text/html"), Reply({"type": "image", "media_id": "M1", "created_at": 1}))
    assert await api.upload_image(data, "map.png") == "M1"
    first, second = server.of(path)
    assert second.query == {"access_token": TOKEN, "type": "image"}
    assert second.content_type == "multipart/form-data"
    for received in (first, second):
        head, _, rest = received.body.partition(b"\r\n\r\n")
        assert b'name="media"' in head
        assert b'filename="map.png"' in head
        assert b"image/png" in head
        assert rest.startswith(data)


# The rest of the calls


async def test_tags(server: ApiServer, api: WechatApi) -> None:
    server.says(
        "/cgi-bin/tags/get", Reply({"tags": [{"id": 2, "name": "星标组", "count": 0}, {"id": 134, "name": "a"}]})
    )
    server.says("/cgi-bin/tags/create", Reply({"tag": {"id": 135, "name": "linli-vi"}}))
    assert await api.tags() == {"星标组": 2, "a": 134}
    assert await api.create_tag("linli-vi") == 135
    everyone = [f"openid-{n}" for n in range(120)]
    await api.tag(everyone, 135)
    batches = [received.json for received in server.of("/cgi-bin/tags/members/batchtagging")]
    assert [len(batch["openid_list"]) for batch in batches] == [50, 50, 20]
    assert [openid for batch in batches for openid in batch["openid_list"]] == everyone
    await api.untag(everyone[:1], 135)
    [received] = server.of("/cgi-bin/tags/members/batchuntagging")
    assert received.json == {"openid_list": ["openid-0"], "tagid": 135}


async def test_menus(server: ApiServer, api: WechatApi) -> None:
    server.says("/cgi-bin/menu/get", refusal(46003, "menu no exist"))
    server.says("/cgi-bin/get_current_selfmenu_info", Reply({"is_menu_open": 0}))
    server.says("/cgi-bin/menu/addconditional", Reply({"menuid": "208379533"}), Reply({"menuid": 208379534}))
    assert await api.menus() == {}
    assert await api.current_menu() is None
    assert await api.add_conditional({"button": [], "matchrule": {"tag_id": "1"}}) == "208379533"
    assert await api.add_conditional({"button": []}) == "208379534"
    await api.delete_menus()
    await api.delete_conditional("208379533")
    await api.try_match(OPENID)
    assert [(received.method, received.path.rpartition("/")[2]) for received in server.received[4:]] == [
        ("GET", "delete"),
        ("POST", "delconditional"),
        ("POST", "trymatch"),
    ]


async def test_a_qr_code(server: ApiServer, api: WechatApi) -> None:
    path = "/cgi-bin/qrcode/create"
    server.always_says(path, Reply({"ticket": "gQH+/=", "expire_seconds": 60, "url": "http://weixin.qq.com/q/a"}))
    server.says("/cgi-bin/showqrcode", Reply(b"\xff\xd8\xff", content_type="image/jpg"), Reply(PAGE, 404, "text/html"))
    ticket = await api.create_qr("c=shushan-1&l=vi", 604800)
    await api.create_qr("c=shushan-1", None)
    assert [received.json for received in server.of(path)] == [
        {
            "action_name": "QR_STR_SCENE",
            "expire_seconds": 604800,
            "action_info": {"scene": {"scene_str": "c=shushan-1&l=vi"}},
        },
        {"action_name": "QR_LIMIT_STR_SCENE", "action_info": {"scene": {"scene_str": "c=shushan-1"}}},
    ]
    assert await api.qr_image(ticket.ticket) == b"\xff\xd8\xff"
    assert server.received[-1].query == {"ticket": "gQH+/="}, "no token, and the ticket whole"


async def test_the_picture_of_a_qr_code_comes_from_its_own_host() -> None:
    async with open_session() as session:
        real = WechatApi(account("https://api.weixin.qq.com"), Fixed(), session)
        assert real._qr_base == "https://mp.weixin.qq.com"
        assert WechatApi(account("https://sh.api.weixin.qq.com"), Fixed(), session)._qr_base == real._qr_base
        foreign = "https://weixin.qq.com.example.org"
        assert WechatApi(account(foreign), Fixed(), session)._qr_base == foreign


async def test_notices(server: ApiServer, api: WechatApi) -> None:
    template, notice = "/cgi-bin/message/template/send", "/cgi-bin/message/subscribe/bizsend"
    data = {"thing1": {"value": "预约"}}
    server.says(template, Reply(PAGE, 502, "text/html"), Reply({"errcode": 0, "msgid": 200228332}))
    assert await api.send_template(OPENID, "TEMPLATE", data, "https://example.org/", "APPT-1") == 200228332
    assert [received.json["client_msg_id"] for received in server.of(template)] == ["APPT-1", "APPT-1"]
    assert server.of(template)[0].json["data"] == data
    server.says(notice, Reply(PAGE, 502, "text/html"))
    with pytest.raises(ApiUnknown):
        await api.send_subscription(OPENID, "TEMPLATE", data, None)
    assert [received.json for received in server.of(notice)] == [
        {"touser": OPENID, "template_id": "TEMPLATE", "data": data}
    ]


async def test_looking_things_up(server: ApiServer, api: WechatApi) -> None:
    server.says("/cgi-bin/getcallbackip", Reply({"ip_list": ["127.0.0.1", "101.226.103.0/25"]}))
    server.says(
        "/cgi-bin/openapi/quota/get", Reply({"errcode": 0, "quota": {"daily_limit": 10, "used": 1, "remain": 9}})
    )
    server.says("/cgi-bin/user/info", Reply({"subscribe": 1, "openid": OPENID}))
    assert await api.callback_addresses() == ["127.0.0.1", "101.226.103.0/25"]
    assert (await api.quota(SEND_PATH))["remain"] == 9
    assert (await api.user_info(OPENID))["subscribe"] == 1
    assert server.of("/cgi-bin/user/info")[0].query == {"access_token": TOKEN, "openid": OPENID}


async def test_an_answer_that_lacks_what_it_promises_is_a_doubt(server: ApiServer, api: WechatApi) -> None:
    for call in (api.tags(), api.create_tag("a"), api.create_qr("a", 60), api.callback_addresses(), api.quota("/")):
        with pytest.raises(ApiUnknown) as caught:
            await call
        assert caught.value.doubt is Doubt.SHAPE
    server.says("/cgi-bin/tags/get", Reply({"tags": [{"id": True, "name": "a"}]}))
    with pytest.raises(ApiUnknown):
        await api.tags()


# With the whole platform


async def test_against_the_fake_platform(tmp_path: Path) -> None:
    database = make_engine(load_settings({}, database_url=f"sqlite:///{tmp_path}/test.db").database_url)
    await migrate(database)
    async with WechatPlatform() as platform, open_session() as session:
        own = replace(account(platform.url, platform.account.secret), appid=platform.account.appid)
        keeper = TokenKeeper(own, database, session, leases.new_holder(), platform.clock)
        api = WechatApi(own, keeper, session, FAST)
        tag = await api.create_tag("linli-vi")
        assert (await api.tags())["linli-vi"] == tag
        assert (await api.qr_image((await api.create_qr("c=a&l=vi", 60)).ticket)).startswith(b"\xff\xd8\xff")
        platform.tokens.expire()
        assert (await api.tags())["linli-vi"] == tag
        platform.fail(SEND_PATH, failures.drop(processed=True))
        with pytest.raises(ApiUnknown):
            await api.send_text(OPENID, WORDS, machine=True)
        assert platform.ledger.calls[SEND_PATH] == 1
        assert platform.ledger.calls[TOKEN_PATH] == 2
    await database.dispose()
