"""Goes and sees for `bot wechat check`: the callback as the platform calls it, and the platform's own server.

Nothing is changed in the account, and nobody is written to.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, cast

import aiohttp
from yarl import URL

from bot.channels.wechat import checkup
from bot.channels.wechat.account import Account, AccountKind
from bot.channels.wechat.api import WechatApi
from bot.channels.wechat.api_errors import ApiRefused, ApiUnknown, ApiUnreachable
from bot.channels.wechat.checkup import Ability, Answer, Finding, Response, Step, Trouble, Verdict
from bot.channels.wechat.crypto import sign
from bot.channels.wechat.menus import Menus
from bot.channels.wechat.tokens import TokenKeeper
from bot.channels.wechat.voice import RecogniserError, recogniser
from bot.settings import Settings

Clock = Callable[[], datetime]
# The platform hangs up after 5 seconds; our own server needs far less.
_CALLBACK = aiohttp.ClientTimeout(total=5)
_API = aiohttp.ClientTimeout(total=10, sock_connect=5)
_MOST_BYTES = 4096
_TOKEN_PATH = "/cgi-bin/stable_token"  # noqa: S105 - an address
# Nobody's OpenID, and no template of anybody's: the refusal tells whether the interface is granted.
_NOBODY = "linli-check-nobody"
_QR_SECONDS = 60
_LACKED = frozenset({48001, 40200})
# The platform looked at who was to get it, or at what: so the account may call it.
_GRANTED = frozenset({40003, 40037, 43004, 45015, 45047, 47003, 50005})
# One second in which nobody speaks.
_SILENCE = b"#!AMR\n" + b"\x7c" * 50


async def inspected(
    settings: Settings, environment: Mapping[str, str], session: aiohttp.ClientSession, menus: Menus, clock: Clock
) -> AsyncIterator[Finding]:
    """Each step as soon as it is known. Without sound settings only what can be said without them."""
    finding, account = checkup.settings_finding(settings, environment)
    yield finding
    yield checkup.files_finding(settings.var_folder)
    if account is None:
        return
    yield checkup.keys_finding(account)
    async for finding in _callback(settings.wechat_public_url, account, session, clock):
        yield finding
    answer = await ask_for_token(account, session)
    yield checkup.clock_finding(answer, clock(), settings.wechat_replay_seconds)
    yield checkup.token_finding(answer)
    if answer.token:
        async for finding in _granted(account, with_token(account, answer.token, session), menus):
            yield finding
    yield await _speech(settings, session)


async def _callback(
    address: str, account: Account, session: aiohttp.ClientSession, clock: Clock
) -> AsyncIterator[Finding]:
    finding = checkup.address_finding(address)
    yield finding
    if not address.startswith(("http://", "https://")):
        return
    echo = str(secrets.randbelow(10**19))
    query = signed(account.keys[0].token, clock(), echo)
    yield checkup.callback_finding(await _called(session, address, query), echo)
    forged = signed(secrets.token_hex(16), clock(), echo)
    yield checkup.forgery_finding(await _called(session, address, forged))


def signed(token: str, now: datetime, echo: str) -> dict[str, str]:
    """The query of a verification GET, as the platform makes it."""
    timestamp, nonce = str(int(now.timestamp())), str(secrets.randbelow(10**10))
    return {"signature": sign(token, timestamp, nonce), "timestamp": timestamp, "nonce": nonce, "echostr": echo}


async def _called(session: aiohttp.ClientSession, address: str, query: Mapping[str, str]) -> Response:
    """The library's own text of an error is not passed on: it may hold the address with the signature."""
    try:
        url = URL(address).update_query(query)
        async with session.get(url, timeout=_CALLBACK, allow_redirects=False) as response:
            return Response(response.status, await response.content.read(_MOST_BYTES))
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        return Response(0, trouble=_trouble(error))


def _trouble(error: Exception) -> Trouble:
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return Trouble.CERTIFICATE
        case aiohttp.ClientConnectorSSLError():
            return Trouble.TLS
        case aiohttp.ClientConnectorDNSError():
            return Trouble.DNS
        case TimeoutError():
            return Trouble.TIMEOUT
        case aiohttp.ClientConnectorError():
            return Trouble.CLOSED
        case _:
            return Trouble.CUT


async def ask_for_token(account: Account, session: aiohttp.ClientSession) -> Answer:
    """The very token that a running server has: stable_token gives the same one until it ends.

    Without an AppSecret only the time is asked for.
    """
    body = {
        "grant_type": "client_credential",
        "appid": account.appid,
        "secret": account.secret,
        "force_refresh": False,
    }
    try:
        async with session.post(
            account.api + _TOKEN_PATH, data=json.dumps(body).encode(), timeout=_API, allow_redirects=False
        ) as response:
            date = _date(response.headers.get("Date"))
            told = await response.json(content_type=None)
    except (aiohttp.ClientError, TimeoutError) as error:
        return Answer(why=f"WeChat's server cannot be asked: {_trouble(error).value}")
    except ValueError:
        return Answer(why="what answers is not WeChat's server")
    return _answer(date, told, asked=bool(account.secret))


def _answer(date: datetime | None, told: Any, *, asked: bool) -> Answer:
    if not asked:
        return Answer(date)
    if not isinstance(told, dict):
        return Answer(date, why="what answers is not WeChat's server")
    token = told.get("access_token")
    if isinstance(token, str) and token:
        return Answer(date, token)
    code = told.get("errcode")
    if not isinstance(code, int):
        return Answer(date, why="what answers is not WeChat's server")
    return Answer(date, refused=ApiRefused.told(_TOKEN_PATH, code, told.get("errmsg")))


def _date(header: str | None) -> datetime | None:
    try:
        return None if header is None else parsedate_to_datetime(header)
    except ValueError:
        return None


class GivenToken:
    """For a command's few calls: one token, and no other after it."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def get(self) -> str:
        return self._token

    async def dropped(self, token: str) -> None:
        """stable_token would only give the same one again."""


def with_token(account: Account, token: str, session: aiohttp.ClientSession) -> WechatApi:
    # Of a keeper, the interface uses the two methods that a given token has.
    return WechatApi(account, cast("TokenKeeper", GivenToken(token)), session)


async def _granted(account: Account, api: WechatApi, menus: Menus) -> AsyncIterator[Finding]:
    yield checkup.kind_finding(account.kind, await _abilities(api))
    if account.kind is AccountKind.BASIC:
        return
    yield await _seen(Step.MENU, _menu(api, menus))
    yield await _seen(Step.LANGUAGES, _languages(api))
    yield await _seen(Step.SOURCES, _sources(api))


async def _abilities(api: WechatApi) -> dict[Ability, bool | None]:
    return {
        Ability.SENDING: await _may(api.send_text(_NOBODY, "-", machine=True)),
        Ability.TAGS: await _may(api.tags()),
        Ability.SCENES: await _may(api.create_qr("linli-check", _QR_SECONDS)),
        Ability.TEMPLATES: await _may(api.send_template(_NOBODY, "linli-check", {"thing1": "-"}, "", "linli-check")),
        Ability.MENU_MESSAGES: await _may(api.send_menu(_NOBODY, "-", [("1", "-")], "", machine=True)),
    }


async def _may(call: Awaitable[object]) -> bool | None:
    """Whether the account may make this call; None when the platform did not get so far."""
    try:
        await call
    except ApiRefused as refused:
        return False if refused.code in _LACKED else True if refused.code in _GRANTED else None
    except (ApiUnreachable, ApiUnknown):
        return None
    return True


async def _seen(step: Step, looking: Awaitable[Finding]) -> Finding:
    try:
        return await looking
    except (ApiRefused, ApiUnreachable, ApiUnknown) as error:
        return Finding(step, Verdict.UNKNOWN, str(error), checkup.GUIDE, needed=step is not Step.SOURCES)


async def _menu(api: WechatApi, menus: Menus) -> Finding:
    return checkup.menu_finding(menus, await api.current_menu())


async def _languages(api: WechatApi) -> Finding:
    return checkup.languages_finding(await api.tags(), await api.menus())


async def _sources(api: WechatApi) -> Finding:
    return checkup.sources_finding(await api.callback_addresses())


async def _speech(settings: Settings, session: aiohttp.ClientSession) -> Finding:
    service = recogniser(settings, session)
    if service is None:
        return checkup.speech_finding(None)
    try:
        await service.recognise(_SILENCE, "en")
    except RecogniserError as error:
        return checkup.speech_finding(str(error))
    return checkup.speech_finding("")
