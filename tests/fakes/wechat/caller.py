"""Calls of the platform's API as plain HTTP, for tests of the platform itself."""

from __future__ import annotations

import json
from typing import Any

import aiohttp

from tests.fakes.wechat.account import TEST_ACCOUNT
from tests.fakes.wechat.platform import WechatPlatform


async def post(wechat: WechatPlatform, path: str, body: Any, token: str | None = None) -> dict[str, Any]:
    """A call with a good token (or this one): the JSON answer."""
    token = await fetch_token(wechat) if token is None else token
    raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    async with aiohttp.ClientSession() as session:
        url = f"{wechat.url}/cgi-bin/{path}"
        async with session.post(url, params={"access_token": token}, data=raw) as response:
            assert response.status == 200
            found: dict[str, Any] = await response.json(content_type=None)
    return found


async def get(wechat: WechatPlatform, path: str, **query: str) -> Any:
    query["access_token"] = await fetch_token(wechat)
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{wechat.url}/cgi-bin/{path}", params=query) as response,
    ):
        if response.content_type == "application/json":
            return await response.json()
        return response.content_type, await response.read()


async def fetch_token(wechat: WechatPlatform, **more: Any) -> str:
    answer = await stable_token(wechat, **more)
    return str(answer["access_token"])


async def stable_token(wechat: WechatPlatform, **more: Any) -> dict[str, Any]:
    asked = {"grant_type": "client_credential", "appid": TEST_ACCOUNT.appid, "secret": TEST_ACCOUNT.secret, **more}
    return await post(wechat, "stable_token", asked, token="none")


async def send_text(wechat: WechatPlatform, openid: str, text: str = "您好", **more: Any) -> int:
    body = {"touser": openid, "msgtype": "text", "text": {"content": text}, **more}
    return int((await post(wechat, "message/custom/send", body))["errcode"])
