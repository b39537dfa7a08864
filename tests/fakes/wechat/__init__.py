"""A WeChat of our own, written from the protocol sheet alone: the peer the channel is tested against.

It imports nothing from `bot`, it is a real HTTP server and client on the loopback, and it forgives nothing.

    async with WechatPlatform(second=0.05) as wechat:     # one platform second is 0.05 s: its 5 s timeout is 0.25 s
        # a server with LINLI_WECHAT_API=wechat.url and the values of wechat.account (TEST_ACCOUNT: the sheet's vectors)
        wechat.callback = "http://127.0.0.1:8000/wechat"
        assert await wechat.verify_url()
        user = wechat.user("a")                           # follows already; `following=False` for one who does not
        delivery = await user.says("你好")                 # returns when answered, or given up after three deliveries
        assert delivery.outcome is Outcome.SUCCESS        # or REPLY, TIMEOUT, UNREACHABLE, BAD (delivery.why says why)
        shown = await user.next(timeout=3)                # Shown(text, options, by, ai, at, …), passive or custom
        await user.taps(1)                                # also: follows, unfollows, scans, clicks, sends_image, …
        assert user.left == 3                             # messages the account may still send by the platform's count

`user.says("x", lose=1)` loses the first answer on its way, so that the push comes a second time.
`wechat.fail("message/custom/send", error(42001))`, and `drop`, `html`, `unavailable`, `slow`: the next calls go wrong.
`wechat.ledger.calls["/cgi-bin/stable_token"]` counts, `wechat.ledger.of(path)` has the raw bodies and codes.
`wechat.tokens.expire()`, `.revoke()`, `.whitelist = set()`; `wechat.rotate(token=…, aes_key=…)`.
`wechat.move(hours=48)` moves the clock (or give `clock=`).
`await many(wechat, users=200, rate=50, seconds=30)` is a crowd, and a report of what became of its pushes.
`wechat.notices.has("TPL", "thing1", "time2")` puts a template into the console.
`wechat.sign(xml)` makes a request to be bent, `wechat.send(request)` posts it as it is.
"""

from tests.fakes.wechat.account import TEST_ACCOUNT, AccountData, Kind, Mode
from tests.fakes.wechat.clock import MovableClock
from tests.fakes.wechat.crowd import Report, many
from tests.fakes.wechat.delivery import Attempt, Delivery, Outcome
from tests.fakes.wechat.failures import Failure, drop, error, html, slow, unavailable
from tests.fakes.wechat.platform import WechatPlatform
from tests.fakes.wechat.pushes import Push, Signed
from tests.fakes.wechat.user import User
from tests.fakes.wechat.users import By, NotFollowingError, Option, Shown
from tests.fakes.wechat.windows import Trigger

__all__ = [
    "TEST_ACCOUNT",
    "AccountData",
    "Attempt",
    "By",
    "Delivery",
    "Failure",
    "Kind",
    "Mode",
    "MovableClock",
    "NotFollowingError",
    "Option",
    "Outcome",
    "Push",
    "Report",
    "Shown",
    "Signed",
    "Trigger",
    "User",
    "WechatPlatform",
    "drop",
    "error",
    "html",
    "many",
    "slow",
    "unavailable",
]
