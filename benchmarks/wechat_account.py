"""The account that the tests' platform runs, and the settings of a server that answers for it."""

from __future__ import annotations

from bot.channels.wechat.documents import parse
from bot.channels.wechat.pushes import read
from tests.fakes.wechat import TEST_ACCOUNT, AccountData, Push


def settings_of(api: str, account: AccountData = TEST_ACCOUNT, **more: str) -> dict[str, str]:
    """For the environment of `bot serve`; `more` are further LINLI_WECHAT_ settings by the rest of their names."""
    given = {
        "appid": account.appid,
        "original_id": account.original_id,
        "mode": account.mode.value,
        "kind": account.kind.value,
        "api": api,
        "token": account.token,
        "aes_key": account.aes_key,
        "secret": account.secret,
        **more,
    }
    return {f"LINLI_WECHAT_{name.upper()}": value for name, value in given.items()}


def key_of(push: Push) -> str:
    """What the server knows a push by."""
    return read(parse(push.xml.encode()), TEST_ACCOUNT.original_id).key
