"""The error codes that the platform answers with, in its own words (sheet 16)."""

from __future__ import annotations

import secrets

OK = 0
_TEXTS: dict[int, str] = {
    -1: "system error",
    0: "ok",
    40001: "invalid credential, access_token is invalid or not latest",
    40002: "invalid grant_type",
    40003: "invalid openid",
    40004: "invalid media type",
    40007: "invalid media_id",
    40008: "invalid message type",
    40009: "invalid image size",
    40010: "invalid voice size",
    40013: "invalid appid",
    40014: "invalid access_token",
    40016: "invalid button size",
    40017: "invalid button type",
    40018: "invalid button name size",
    40019: "invalid button key size",
    40020: "invalid button url size",
    40023: "invalid sub button size",
    40024: "invalid sub button type",
    40025: "invalid sub button name size",
    40026: "invalid sub button key size",
    40027: "invalid sub button url size",
    40032: "invalid openid list size",
    40033: "invalid charset. please check your request, if include \\uxxxx will create fail!",
    40037: "invalid template_id",
    40125: "invalid appsecret",
    40164: "invalid ip {detail} ipv6 ::ffff:{detail}, not in whitelist",
    40200: "invalid account type",
    41001: "access_token missing",
    41002: "appid missing",
    41004: "appsecret missing",
    41005: "media data missing",
    41006: "media_id missing",
    42001: "access_token expired",
    43002: "require POST method",
    43004: "require subscribe",
    43019: "require remove blacklist",
    43101: "user refuse to accept the msg",
    44002: "empty post data",
    44004: "empty content",
    45002: "content size out of limit",
    45008: "article size out of limit",
    45009: "reach max api daily quota limit",
    45011: "api minute-quota reach limit, must slower, retry next minute",
    45015: "response out of time limit or subscription is canceled",
    45047: "out of response count limit",
    45056: "too many tag now, no need to add new",
    45057: "can't delete the tag that has too many fans",
    45059: "can't add this tag for the user, too many tags",
    45072: "invalid command",
    45080: "need sending message to user, or recving message from user in the last 30 seconds before typing",
    45081: "you are already typing",
    45087: "customer service message from this account have been blocked",
    45098: "msgmenu list size out of limit",
    45099: "msgmenu item content size out of limit",
    45157: "invalid tag name",
    45158: "tag name too long",
    45159: "invalid tag id",
    46003: "menu no exist",
    47001: "data format error",
    47003: "argument invalid! {detail}",
    48001: "api unauthorized",
    48002: "user block messages",
    48004: "api forbidden for irregularities",
    50002: "user limited",
    50005: "user is unsubscribed",
    61004: "access clientip is not registered",
    76021: "cgi_path not found, please check",
    45001: "media size out of limit",
    40005: "invalid file type",
    65305: "too many conditional menus",
    65301: "menuid not exist",
    65303: "there is no selfmenu, please create selfmenu first",
    65304: "match rule empty",
    65307: "conditional menu empty",
    65316: "too many jump domain",
    65317: "contain invalid url",
    65320: "match rule not supported",
    70000: "not delivered",
    89503: "this ip needs the administrator's confirmation",
}


class RefusedError(Exception):
    """The platform's answer to a call is an error code."""

    def __init__(self, code: int, detail: str = "") -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail


def error_body(code: int, detail: str = "") -> dict[str, object]:
    """As the platform writes it: the text varies, only the code counts."""
    if code == OK:
        return {"errcode": 0, "errmsg": "ok"}
    text = _TEXTS.get(code, "unknown error").replace("{detail}", detail)
    rid = "-".join(secrets.token_hex(4) for _ in range(3))
    return {"errcode": code, "errmsg": f"{text} rid: {rid}"}
