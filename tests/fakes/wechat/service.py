"""The platform's own affairs: its addresses, and how much of a quota is used (sheet 2, 24)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.wechat.codes import RefusedError, error_body
from tests.fakes.wechat.server import Answer, Call, Route

if TYPE_CHECKING:
    from tests.fakes.wechat.platform import WechatPlatform

QUOTAS: dict[str, int] = {
    "/cgi-bin/token": 2000,
    "/cgi-bin/stable_token": 500_000,
    "/cgi-bin/message/custom/send": 500_000,
    "/cgi-bin/menu/create": 1000,
    "/cgi-bin/menu/get": 10_000,
    "/cgi-bin/menu/delete": 1000,
    "/cgi-bin/menu/addconditional": 2000,
    "/cgi-bin/menu/delconditional": 2000,
    "/cgi-bin/menu/trymatch": 20_000,
    "/cgi-bin/media/upload": 100_000,
    "/cgi-bin/media/get": 200_000,
    "/cgi-bin/qrcode/create": 100_000,
    "/cgi-bin/user/info": 5_000_000,
    "/cgi-bin/message/template/send": 100_000,
}


class Service:
    def __init__(self, platform: WechatPlatform) -> None:
        self._platform = platform

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/cgi-bin/getcallbackip", self.addresses),
            Route("POST", "/cgi-bin/openapi/quota/get", self.quota),
            Route("POST", "/cgi-bin/clear_quota", self.clear),
        ]

    def addresses(self, _call: Call) -> Answer:
        return {"ip_list": ["127.0.0.1"]}

    def quota(self, call: Call) -> Answer:
        path = call.text("cgi_path", 76021)
        limit = self._platform.ledger.daily.get(path)
        if limit is None:
            raise RefusedError(76021)
        used = min(self._platform.ledger.calls[path], limit)
        figures = {"daily_limit": limit, "used": used, "remain": limit - used}
        return {**error_body(0), "quota": figures, "rate_limit": {"call_count": 5000, "refresh_second": 60}}

    def clear(self, call: Call) -> Answer:
        if call.body.get("appid") != self._platform.account.appid:
            raise RefusedError(40013)
        self._platform.ledger.calls.clear()
        return error_body(0)
