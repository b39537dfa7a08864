"""What the browser is told on every response: which pages may read it, and what a page of ours may do."""

from __future__ import annotations

import re

from aiohttp import web
from multidict import CIMultiDict

from bot.channels.web import sites
from bot.channels.web.errors import Handler

API = "/api/widget/"
_STATIC = ("/widget.js", "/widget/")
_HOST = re.compile(r"[a-z0-9.\-\[\]:]+", re.IGNORECASE)
_ALLOWED = "Authorization, Content-Type"
# What the widget reads beside the body.
_EXPOSED = "Content-Disposition, ETag, Retry-After"
_PREFLIGHT_SECONDS = "600"
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src {connect}; "
    "font-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
_FIXED = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}


@web.middleware
async def only_from_allowed_sites(request: web.Request, handler: Handler) -> web.StreamResponse:
    """For /api/widget/*, inside errors_as_json: preflights are answered, an origin of none of our sites refused."""
    if not request.path.startswith(API) or sites.SITES not in request.app:
        return await handler(request)
    origin = sites.check_origin(request)
    if request.method == "OPTIONS" and origin is not None and "Access-Control-Request-Method" in request.headers:
        return _preflight(request)
    return await handler(request)


def _preflight(request: web.Request) -> web.Response:
    refused = request.match_info.http_exception
    if not isinstance(refused, web.HTTPMethodNotAllowed):
        raise web.HTTPNotFound
    return web.Response(
        status=204,
        headers={
            "Access-Control-Allow-Methods": ", ".join(sorted(refused.allowed_methods)),
            "Access-Control-Allow-Headers": _ALLOWED,
            "Access-Control-Max-Age": _PREFLIGHT_SECONDS,
        },
    )


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Errors carry them too, also those that no middleware sees; what a handler has set stays."""
    for name, value in _FIXED.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Content-Security-Policy", _policy(request))
    if request.path.startswith(_STATIC):
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        return
    if request.path.startswith(API):
        _share(request, response.headers)
    else:
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")


def _share(request: web.Request, headers: CIMultiDict[str]) -> None:
    """Exactly the origin that asked, when it is allowed, and never with cookies."""
    headers.add("Vary", "Origin")
    origin = request.headers.get("Origin")
    if origin is not None and request.app[sites.SITES].somewhere(origin, sites.own_origin(request)):
        headers["Access-Control-Allow-Origin"] = origin
        headers["Access-Control-Expose-Headers"] = _EXPOSED
        headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    else:
        headers["Cross-Origin-Resource-Policy"] = "same-origin"


def _policy(request: web.Request) -> str:
    """Older browsers do not count a WebSocket of the same host as 'self'."""
    scheme, _, host = sites.own_origin(request).partition("://")
    socket = f" {'wss' if scheme == 'https' else 'ws'}://{host}" if _HOST.fullmatch(host) else ""
    return _CSP.format(connect=f"'self'{socket}")


def add_headers(app: web.Application) -> None:
    app.on_response_prepare.append(_add_headers)
