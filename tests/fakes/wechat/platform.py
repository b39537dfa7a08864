"""WeChat's side of the wire, whole: see the package's own words for how to use it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from types import TracebackType

import aiohttp
from aiohttp import web

from tests.fakes.wechat.account import TEST_ACCOUNT, AccountData, Mode
from tests.fakes.wechat.clock import MovableClock
from tests.fakes.wechat.codes import RefusedError
from tests.fakes.wechat.delivery import Courier, Delivery
from tests.fakes.wechat.failures import Failure
from tests.fakes.wechat.media import Media
from tests.fakes.wechat.menus import Menus
from tests.fakes.wechat.notices import Notices
from tests.fakes.wechat.pushes import Composer, Push, Sealed, Signed, sealed
from tests.fakes.wechat.qrcodes import Codes
from tests.fakes.wechat.sending import Sending
from tests.fakes.wechat.server import Ledger, Server, full_path
from tests.fakes.wechat.service import QUOTAS, Service
from tests.fakes.wechat.tags import Tags
from tests.fakes.wechat.tokens import Tokens
from tests.fakes.wechat.user import User
from tests.fakes.wechat.users import By, bubble, openid_of

OUT_OF_SERVICE = "该公众号提供的服务出现故障，请稍后再试"


class WechatPlatform:
    def __init__(
        self,
        callback: str = "",
        *,
        account: AccountData = TEST_ACCOUNT,
        clock: Callable[[], datetime] | None = None,
        second: float = 1.0,
        port: int = 0,
    ) -> None:
        """`second`: how long one of the platform's seconds really is, for its time-outs; `clock` is not stretched."""
        self.callback = callback
        self.account = account
        self.clock: Callable[[], datetime] = clock or MovableClock()
        # The time that requests are signed with. A server that runs on the real time refuses what is signed hours off,
        # so who moves `clock` beside such a server keeps this one real.
        self.wire_clock = self.clock
        # Menu taps come with the id 0, as was seen in the field (sheet 12.4).
        self.forgets_menu_ids = False
        self.users: dict[str, User] = {}
        self.composer = Composer(account, int(self.clock().timestamp()) * 10_000_000)
        self.tokens, self.media, self.menus = Tokens(self), Media(self), Menus(self)
        self.tags, self.codes, self.notices = Tags(self), Codes(self), Notices(self)
        parts = (self.tokens, Sending(self), self.media, self.menus, self.tags, self.codes, self.notices, Service(self))
        self.server = Server(self, [route for part in parts for route in part.routes()])
        self.ledger.daily.update(QUOTAS)
        self.courier: Courier
        self.url = ""
        self._second, self._port = second, port
        self._stack = AsyncExitStack()
        self._tasks: set[asyncio.Task[Delivery]] = set()

    async def __aenter__(self) -> WechatPlatform:
        session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        self.courier = Courier(await self._stack.enter_async_context(session), self._second)
        runner = web.AppRunner(self.server.app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", self._port).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._stack.aclose()

    @property
    def ledger(self) -> Ledger:
        """What was called."""
        return self.server.ledger

    def user(self, name: str = "someone", *, following: bool = True) -> User:
        """The user of this name or full OpenID. A new one follows already, without an event, unless told not to."""
        openid = openid_of(name, self.account.appid)
        if openid not in self.users:
            self.users[openid] = User(self, openid)
            self.users[openid].state.following = following
        return self.users[openid]

    def known(self, openid: str) -> User:
        """RefusedError(40003) for an OpenID that is nobody's."""
        if openid not in self.users:
            raise RefusedError(40003)
        return self.users[openid]

    def fail(self, path: str, failure: Failure) -> None:
        """The next calls of `path` (`*`: of any; `message/custom/send`: /cgi-bin/ is understood) go wrong."""
        self.server.failures.add(path if path == "*" else full_path(path), failure)

    def move(self, **by: float) -> None:
        """Set the platform's own clock forward: `move(hours=48)`."""
        assert isinstance(self.clock, MovableClock), "the clock was given from outside: move that one"
        self.clock.move(timedelta(**by))

    def rotate(self, *, token: str | None = None, aes_key: str | None = None) -> AccountData:
        """Change what the console holds; the account as it was."""
        old = self.account
        self.account = replace(old, token=token or old.token, aes_key=aes_key or old.aes_key)
        return old

    async def push(self, push: Push, *, lose: int = 0, account: AccountData | None = None) -> Delivery:
        """Deliver a push, show what it brings. `account`: with another token, key or mode than the present one."""
        return await self.push_sealed(sealed(push, account or self.account), lose)

    async def push_sealed(self, envelope: Sealed, lose: int = 0) -> Delivery:
        now = int(self.wire_clock().timestamp())
        delivery = await self.courier.deliver(self.callback, envelope, now, lose)
        self._show(envelope.push, delivery)
        return delivery

    def push_soon(self, push: Push) -> None:
        """Deliver in the background: what happened because of a call."""
        task = asyncio.create_task(self.push(push))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _show(self, push: Push, delivery: Delivery) -> None:
        user, now = self.user(push.openid), self.clock()
        if not push.shows:
            return
        if not delivery.answered:
            user.screen.show(bubble(OUT_OF_SERVICE, By.NOTICE, now))
        elif delivery.reply is not None and delivery.reply.kind != "transfer_customer_service":
            reply = delivery.reply
            more = {"links": reply.links} if reply.links else {}
            user.screen.show(bubble(reply.text, By.PASSIVE, now, kind=reply.kind, media_id=reply.media_id, **more))
            user.state.last_exchange, user.state.typing_until = now, None

    def sign(
        self, push: Push | str, *, timestamp: int | None = None, nonce: str = "", mode: Mode | None = None
    ) -> Signed:
        """A push as it would go over the wire, for tests that bend it before they send it themselves."""
        if isinstance(push, str):
            push = Push(push, "o" + "x" * 27)
        account = self.account if mode is None else replace(self.account, mode=mode)
        now = int(self.wire_clock().timestamp()) if timestamp is None else timestamp
        return sealed(push, account).signed(now, nonce)

    async def send(self, request: Signed) -> tuple[int, bytes]:
        """Post a request as it is, once: status and body of the answer."""
        async with self.courier.session.post(self.callback, params=request.query, data=request.body) as response:
            return response.status, await response.read()

    async def verify_url(self, echostr: str = "4375120948345356249") -> bool:
        """What the console does when the callback's address is saved (sheet 3)."""
        now = int(self.wire_clock().timestamp())
        query = sealed(Push("", ""), replace(self.account, mode=Mode.PLAIN)).signed(now).query
        query = {**query, "echostr": echostr}
        del query["openid"]
        async with self.courier.session.get(self.callback, params=query, allow_redirects=False) as response:
            return response.status == 200 and await response.read() == echostr.encode()
