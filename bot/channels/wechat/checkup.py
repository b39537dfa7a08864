"""What `bot wechat check` says: is the account set up as it must be? One line a step, that a clerk can act on.

Everything here judges what was seen; inspection.py goes and sees. No network, and no secret in a line.
"""

from __future__ import annotations

import ipaddress
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from yarl import URL

from bot.channels.wechat.account import SECRETS, Account, AccountKind, Mode, load_account
from bot.channels.wechat.api_errors import ApiRefused
from bot.channels.wechat.codes import BUSY
from bot.channels.wechat.menus import Menus, tag_name
from bot.errors import SettingsError
from bot.languages import ANSWERED
from bot.settings import Settings

GUIDE = "docs/wechat.md"
# Below it a token can be guessed by trying; the platform takes up to 32.
_SHORT_TOKEN = 16
_SLOW_SECONDS = 60
_NOT_LET_IN = frozenset({40164, 61004})


class Verdict(StrEnum):
    OK = "ok"
    NOT_OK = "not ok"
    UNKNOWN = "cannot tell"


class Step(StrEnum):
    SETTINGS = "settings"
    FILES = "secret files"
    KEYS = "mode and token"
    ADDRESS = "callback address"
    CALLBACK = "callback answers"
    FORGERY = "forgery refused"
    CLOCK = "clock"
    TOKEN = "access token"  # noqa: S105 - a step's name
    KIND = "kind of account"
    MENU = "menu"
    LANGUAGES = "menus by language"
    SOURCES = "WeChat's addresses"
    SPEECH = "speech recogniser"


@dataclass(frozen=True)
class Finding:
    """One step: what was seen, and what to do about it. Only those that are needed decide the exit code."""

    step: Step
    verdict: Verdict
    told: str
    todo: str = ""
    needed: bool = True

    def lines(self) -> tuple[str, ...]:
        first = f"{self.verdict.value:<13}{self.step.value:<20}{self.told}"
        return (first, f"{'':<33}→ {self.todo}") if self.todo else (first,)


def passed(findings: Sequence[Finding]) -> bool:
    return all(one.verdict is Verdict.OK for one in findings if one.needed)


def _ok(step: Step, told: str, todo: str = "") -> Finding:
    return Finding(step, Verdict.OK, told, todo)


def _bad(step: Step, told: str, todo: str) -> Finding:
    return Finding(step, Verdict.NOT_OK, told, todo)


def _unknown(step: Step, told: str, todo: str) -> Finding:
    return Finding(step, Verdict.UNKNOWN, told, todo)


# What stands in the settings and on the disk.


def settings_finding(settings: Settings, environment: Mapping[str, str]) -> tuple[Finding, Account | None]:
    """All that is missing at once; what is there but wrong, one after the other."""
    if missing := _missing(settings, environment):
        return _bad(Step.SETTINGS, f"missing: {', '.join(missing)}", f"{GUIDE} says where each of them is found"), None
    try:
        account = load_account(settings, environment)
    except SettingsError as error:
        return _bad(Step.SETTINGS, str(error), "correct it; the console shows the right one"), None
    assert account is not None, "an AppID is there"
    return _ok(Step.SETTINGS, f"complete and well formed: a {account.kind.value} account"), account


def _missing(settings: Settings, environment: Mapping[str, str]) -> list[str]:
    there = {
        secret: bool(environment.get(variable(secret))) or secret_file(settings.var_folder, secret).exists()
        for secret in SECRETS
    }
    wanted = {
        "LINLI_WECHAT_APPID": bool(settings.wechat_appid),
        "LINLI_WECHAT_ORIGINAL_ID": bool(settings.wechat_original_id),
        variable("wechat_token"): there["wechat_token"],
        variable("wechat_aes_key"): there["wechat_aes_key"] or settings.wechat_mode == Mode.PLAIN,
        variable("wechat_secret"): there["wechat_secret"] or settings.wechat_kind == AccountKind.BASIC,
    }
    return [setting for setting, is_there in wanted.items() if not is_there]


def variable(secret: str) -> str:
    return f"LINLI_{secret.upper()}"


def secret_file(folder: Path, secret: str) -> Path:
    return folder / f"{secret}.secret"


def files_finding(folder: Path) -> Finding:
    """Whether the secrets' files are readable by their owner alone."""
    found = [path for path in (secret_file(folder, secret) for secret in SECRETS) if path.exists()]
    if open_ := [path for path in found if stat.S_IMODE(path.stat().st_mode) & 0o077]:
        names = " ".join(str(path) for path in open_)
        return _bad(Step.FILES, f"others on this machine can read {names}", f"chmod 600 {names}")
    if not found:
        return _ok(Step.FILES, "none; the secrets come from the environment")
    return _ok(Step.FILES, f"{len(found)} in {folder}, readable by their owner only")


def keys_finding(account: Account) -> Finding:
    change = f"a new one in the console and here, 32 random letters and digits ({GUIDE}, Changing the keys)"
    if account.mode is Mode.PLAIN:
        told = "plain mode: messages travel unprotected, and whoever has seen one call can send more"
        return _bad(Step.KEYS, told, "choose 安全模式 (safe mode) in the console, then LINLI_WECHAT_MODE=safe")
    if len(account.keys[0].token) < _SHORT_TOKEN:
        told = f"the token has {len(account.keys[0].token)} characters, and it alone protects the callback"
        return _bad(Step.KEYS, told, change)
    previous = "" if len(account.keys) == 1 else "; the previous keys are still taken: remove them after a day"
    if account.mode is Mode.COMPATIBLE:
        todo = "safe mode is recommended: compatible mode sends every message unprotected too"
        return _ok(Step.KEYS, f"compatible mode{previous}", todo)
    return _ok(Step.KEYS, f"safe mode{previous}")


def address_finding(address: str) -> Finding:
    """Whether the platform would take this address; no network."""
    if not address:
        told = "LINLI_WECHAT_PUBLIC_URL is not set, so the callback cannot be tried from here"
        return _unknown(Step.ADDRESS, told, "set it to the URL (服务器地址) that stands in the console")
    try:
        url = URL(address)
        why = _not_taken(url)
    except ValueError:
        why = "it is no address"
    if why:
        return _bad(Step.ADDRESS, f"LINLI_WECHAT_PUBLIC_URL: {why}", "it looks like https://linli.example.org/wechat")
    return _ok(Step.ADDRESS, f"{url.scheme}, port {url.port}, {url.host}{url.path}")


def _not_taken(url: URL) -> str:
    if url.scheme not in ("http", "https") or not url.host:
        return "it must begin with https:// and a name"
    if url.scheme == "http":
        return "http can be read and changed on the way; use https"
    if url.port != 443:
        return f"WeChat calls no other port than 443, and this is {url.port}"
    if url.user or url.password or url.fragment:
        return "it may hold no user, password or #"
    return "" if _public(url.host) else f"{url.host} cannot be reached from outside"


def _public(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith((".local", ".internal", ".localhost"))


# The callback, called as the platform calls it.


class Trouble(StrEnum):
    """Why nothing came back at all."""

    CERTIFICATE = "the certificate is not valid for this name, or its chain is not complete"
    TLS = "no encrypted connection comes about (TLS)"
    DNS = "the name is not known (DNS)"
    TIMEOUT = "no answer in time"
    CLOSED = "nobody answers at this address and port"
    CUT = "the connection is cut before an answer comes"


_MENDED_BY: Mapping[Trouble, str] = {
    Trouble.CERTIFICATE: "renew it, and give the server the whole chain (fullchain.pem); WeChat is as strict",
    Trouble.TLS: "is it the proxy that speaks https which listens at port 443?",
    Trouble.DNS: "is the name spelt right, and has it an entry that the whole world can see?",
    Trouble.TIMEOUT: "WeChat waits 5 seconds: is a firewall in between, is the machine overloaded?",
    Trouble.CLOSED: "is the server running, is the proxy, is port 443 open in the firewall?",
    Trouble.CUT: "look at the log of the proxy in front",
}


@dataclass(frozen=True)
class Response:
    """What came back; `status` 0: nothing, because of `trouble`."""

    status: int
    body: bytes = b""
    trouble: Trouble = Trouble.CUT


def callback_finding(response: Response, echo: str) -> Finding:
    if response.status == 200 and response.body == echo.encode("ascii"):
        return _ok(Step.CALLBACK, "a correctly signed call gets what WeChat expects (tried from this machine)")
    told, todo = _callback_trouble(response)
    return _bad(Step.CALLBACK, told, todo)


def _callback_trouble(response: Response) -> tuple[str, str]:
    match response.status:
        case 0:
            return response.trouble.value, _MENDED_BY[response.trouble]
        case 200:
            return "something answers, but not with the text that was sent", "the address must lead to Linli itself"
        case 403:
            why = "a correctly signed call was refused"
            return why, "restart the server, so that it has the token of these settings; then look at the clock below"
        case 404 | 405:
            return f"nothing is there (HTTP {response.status})", "is the path right, and the server started with these?"
        case status if 300 <= status < 400:
            return (
                "it is forwarded to another address",
                "WeChat does not follow: give the final one, in the console too",
            )
        case status if status >= 500:
            return f"the proxy in front has no Linli behind it (HTTP {status})", "start the server, look at the proxy"
        case status:
            return f"HTTP {status} instead of the text that was sent", "does something in front ask for a password?"


def forgery_finding(response: Response) -> Finding:
    if response.status == 403 and not response.body:
        return _ok(Step.FORGERY, "a call with a wrong signature gets 403")
    if response.status == 403:
        return _ok(Step.FORGERY, "a call with a wrong signature gets 403", "the page with it is not Linli's")
    if response.status == 0:
        return _unknown(Step.FORGERY, response.trouble.value, "as above")
    told = f"a call with a wrong signature got HTTP {response.status}, not 403"
    return _bad(Step.FORGERY, told, "the address does not lead to Linli, or something in front answers for it")


# The platform's server.


@dataclass(frozen=True)
class Answer:
    """What the platform's server said to the request for an access token; `why`: that it did not answer.

    Without a token, a refusal and a reason, it was not asked for one.
    """

    date: datetime | None = None
    token: str = field(default="", repr=False)
    refused: ApiRefused | None = None
    why: str = ""


def clock_finding(answer: Answer, now: datetime, replay_seconds: int) -> Finding:
    if answer.date is None:
        return _unknown(Step.CLOCK, "WeChat's server did not say its time", "compare it with any clock")
    apart = abs((now - answer.date).total_seconds())
    todo = "set this machine's clock by the network (timedatectl set-ntp true)"
    if apart > min(_SLOW_SECONDS, replay_seconds):
        told = f"{apart:.0f} seconds apart from WeChat's; beyond {replay_seconds} every message is refused"
        return _bad(Step.CLOCK, told, todo)
    return _ok(Step.CLOCK, f"within {max(apart, 1):.0f} seconds of WeChat's")


_AGAIN = "try again in some minutes"
_TOKEN_TROUBLE: Mapping[int, tuple[str, str]] = {
    BUSY: ("WeChat's server is busy", _AGAIN),
    40001: ("the AppSecret is wrong", "copy it again; if nobody has it, 重置 (reset) it in the console"),
    40125: ("the AppSecret is wrong", "copy it again; if nobody has it, 重置 (reset) it in the console"),
    40013: ("there is no account with this AppID", "copy the AppID again: 基础信息 (basic information) in the console"),
    40243: ("the AppSecret is frozen", "解冻 (unfreeze) it in the console; it takes ten minutes"),
    45009: ("today's number of calls is used up", "it starts again at midnight in China; does another program call?"),
    45011: ("too many calls in this minute", _AGAIN),
    89501: ("this machine's address waits for the administrator's confirmation", "he has it in his WeChat"),
    89503: ("this machine's address needs the administrator's confirmation", "he confirms it in his WeChat"),
    89506: ("the administrator has refused this machine's address twice", "it is blocked for 24 hours; ask him"),
    89507: ("the administrator has refused this machine's address", "it is blocked for an hour; ask him"),
}


def token_finding(answer: Answer) -> Finding:
    if answer.token:
        return _ok(Step.TOKEN, "WeChat gives one for this AppID and AppSecret")
    if answer.refused is None and answer.why:
        return _unknown(Step.TOKEN, answer.why, "does this machine reach the internet? (a firewall, a proxy, DNS)")
    if answer.refused is None:
        return _ok(Step.TOKEN, "not needed: without an AppSecret Linli only answers, and calls nothing")
    if answer.refused.code in _NOT_LET_IN:
        address = answer.refused.about or "(WeChat does not say which)"
        told = f"WeChat does not let this machine in: its address {address} is not on the list"
        return _bad(
            Step.TOKEN, told, "add it in the console: 基础信息 › API IP白名单 (IP whitelist); wait some minutes"
        )
    told, todo = _TOKEN_TROUBLE.get(answer.refused.code, (str(answer.refused), GUIDE))
    return Finding(Step.TOKEN, Verdict.UNKNOWN if answer.refused.code == BUSY else Verdict.NOT_OK, told, todo)


class Ability(StrEnum):
    """Interfaces that an account has or has not."""

    SENDING = "customer-service messages (客服消息)"
    TAGS = "tags (用户标签)"
    SCENES = "QR codes (带参数二维码)"
    TEMPLATES = "template messages (模板消息)"
    MENU_MESSAGES = "menu messages (菜单消息)"


def kind_finding(kind: AccountKind, has: Mapping[Ability, bool | None]) -> Finding:
    """Whether the account can do what its kind in the settings says; None in `has`: could not be seen."""
    promised = _promised(kind)
    lacking = [ability for ability in promised if has.get(ability) is False]
    real = _real_kind(has)
    if lacking:
        advice = f"set LINLI_WECHAT_KIND={real.value}, or have the account verified (微信认证)"
        return _bad(Step.KIND, f"the account lacks {', '.join(lacking)}", advice)
    if any(has.get(ability) is None for ability in promised):
        return _unknown(Step.KIND, "WeChat did not say which interfaces the account has", _AGAIN)
    without = "" if has.get(Ability.MENU_MESSAGES) is not False else "; choices come as numbered text"
    told = f"{kind.value}, and the account has all that it takes{without}"
    more = real is not kind and len(_promised(real)) > len(promised)
    return _ok(Step.KIND, told, f"it can do more: LINLI_WECHAT_KIND={real.value}" if more else "")


def _promised(kind: AccountKind) -> tuple[Ability, ...]:
    """Without menu messages: numbered text takes their place."""
    granted = {
        Ability.SENDING: kind.sends,
        Ability.TAGS: kind.tags,
        Ability.SCENES: kind.scenes,
        Ability.TEMPLATES: kind.templates,
    }
    return tuple(ability for ability, is_granted in granted.items() if is_granted)


def _real_kind(has: Mapping[Ability, bool | None]) -> AccountKind:
    kinds = (AccountKind.SERVICE, AccountKind.SUBSCRIPTION)
    return next((kind for kind in kinds if all(has.get(one) for one in _promised(kind))), AccountKind.BASIC)


_INSTALL = "bot wechat menu --install"


def menu_finding(menus: Menus, current: Mapping[str, Any] | None) -> Finding:
    """`current` is the platform's answer to what users see now, None for no menu or a hidden one."""
    if current is None or not (current.get("selfmenu_info") or current.get("menu") or {}).get("button"):
        return _bad(Step.MENU, "no menu", _INSTALL)
    if not menus.is_default(current):
        return _bad(Step.MENU, "another menu than the one of data/wechat/menu.yml", f"{_INSTALL} replaces it")
    return _ok(Step.MENU, "the one of data/wechat/menu.yml")


def languages_finding(tags: Mapping[str, int], installed: Mapping[str, Any]) -> Finding:
    """`tags`: ids by name; `installed`: the platform's answer to which menus it has, conditional ones among them."""
    rules = [menu.get("matchrule") or {} for menu in installed.get("conditionalmenu") or ()]
    # Tags were once called groups, and the platform's answer may still say so.
    shown = {str(rule.get("tag_id") or rule.get("group_id")) for rule in rules}
    missing = [code for code in ANSWERED if str(tags.get(tag_name(code))) not in shown]
    if missing:
        told = f"none for {', '.join(missing)}: whoever writes in it keeps the bilingual menu"
        return _bad(Step.LANGUAGES, told, _INSTALL)
    return _ok(Step.LANGUAGES, f"there for {', '.join(ANSWERED)}")


def sources_finding(addresses: Sequence[str]) -> Finding:
    told = f"its list has {len(addresses)} entries; only a firewall needs them ({GUIDE}, Firewall)"
    return Finding(Step.SOURCES, Verdict.OK, told, needed=False)


def speech_finding(trouble: str | None) -> Finding:
    """None: there is none; "": it answers."""
    if trouble is None:
        told = "none is set: whoever sends a voice message is asked to write instead"
        return Finding(Step.SPEECH, Verdict.OK, told, needed=False)
    if trouble:
        return _bad(Step.SPEECH, trouble, f"is it running, and is it what {GUIDE} asks for (Voice messages)?")
    return _ok(Step.SPEECH, "it takes a recording and answers with a text")
