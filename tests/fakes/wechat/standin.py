"""An account's server for tests of the platform itself: it opens what comes with an independent library."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from wechatpy import parse_message
from wechatpy.crypto import WeChatCrypto

from tests.fakes.wechat.account import TEST_ACCOUNT

PEER = WeChatCrypto(TEST_ACCOUNT.token, TEST_ACCOUNT.aes_key, TEST_ACCOUNT.appid)
Answerer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class StandIn:
    """An account's server that does what a test says: `answer` makes a reply of the pushed document."""

    def __init__(self) -> None:
        self.pushed: list[Any] = []
        self.queries: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        self.answer: Callable[[Any], bytes] = lambda _message: b"success"
        self.act: Answerer | None = None
        self.url = ""

    async def start(self) -> web.AppRunner:
        app = web.Application()
        app.router.add_route("*", "/wechat", self._answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/wechat"
        return runner

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if request.method == "GET":
            return web.Response(text=request.query["echostr"])
        body, query = await request.read(), dict(request.query)
        self.bodies.append(body)
        self.queries.append(query)
        opened = PEER.decrypt_message(body, query["msg_signature"], query["timestamp"], query["nonce"])
        self.pushed.append(parse_message(opened))
        if self.act is not None:
            return await self.act(request)
        return web.Response(body=self.answer(self.pushed[-1]))


def reply_xml(message: Any, content: str) -> str:
    return (
        f"<xml><ToUserName><![CDATA[{message.source}]]></ToUserName><FromUserName><![CDATA[{message.target}]]>"
        "</FromUserName><CreateTime>1760000001</CreateTime><MsgType><![CDATA[text]]></MsgType>"
        f"<Content><![CDATA[{content}]]></Content></xml>"
    )


def reply(message: Any, content: str) -> bytes:
    """Encrypted by the independent library."""
    return str(PEER.encrypt_message(reply_xml(message, content), "424242", "1760000001")).encode()
