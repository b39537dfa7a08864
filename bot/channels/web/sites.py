"""Who may embed the widget: a list of origins a site, and the server's own origin always."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web

from bot.channels.web.keys import SETTINGS
from bot.errors import Code, ContentError, RequestError

DEFAULT_SITE = "default"
_LABEL = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
# As browsers write it: small letters, no path, no user, and no port that the scheme has anyway.
_ORIGIN = re.compile(rf"(https?)://((?:\*\.)?{_LABEL}(?:\.{_LABEL})*|\[[0-9a-f:.]+\])(?::([1-9][0-9]{{0,4}}))?")
_USUAL_PORTS = {"http": "80", "https": "443"}
# Without encryption whoever stands between could write the page: only a machine's own pages may do without.
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_KEY = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_WILDCARD = "*."


@dataclass(frozen=True)
class Site:
    """`origins` as written in the file; `pages` gives a page its topics' key."""

    origins: tuple[str, ...] = ()
    pages: Mapping[str, str] | None = None

    def topics(self, page: str | None) -> str:
        return (self.pages or {}).get(page or "", DEFAULT_SITE)


@dataclass(frozen=True)
class Sites:
    """All sites by key; there is one called `default`."""

    by_key: Mapping[str, Site]

    @staticmethod
    def load(path: Path) -> Sites:
        """ContentError naming what is wrong."""
        return Sites(_parsed(path.name, _read(path)))

    def site(self, key: str | None) -> Site:
        """RequestError for a key that no site has."""
        site = self.by_key.get(DEFAULT_SITE if key is None else key)
        if site is None:
            raise RequestError(Code.BAD_FIELD, "there is no such site")
        return site

    def somewhere(self, origin: str | None, own: str) -> bool:
        """Whether any site allows the origin: what a request that names no site can be asked."""
        return any(allowed(origin, site, own) for site in self.by_key.values())


SITES: web.AppKey[Sites] = web.AppKey("sites", Sites)


def allowed(origin: str | None, site: Site, own: str) -> bool:
    """Whether a page of this origin may use the site's widget; `own` is the server's own origin."""
    match = _ORIGIN.fullmatch(origin or "")
    if match is None or origin is None:
        return False
    return origin == own or any(_fits(origin, pattern) for pattern in site.origins)


def _fits(origin: str, pattern: str) -> bool:
    if _WILDCARD not in pattern:
        return origin == pattern
    scheme, _, ending = pattern.partition(_WILDCARD)
    return origin.startswith(scheme) and origin.endswith(f".{ending}") and len(origin) > len(scheme) + len(ending) + 1


def check_origin(request: web.Request, key: str | None = None, *, needed: bool = False) -> str | None:
    """The request's origin, null when it has none. RequestError 403 for one that may not use this site, or any.

    `needed`: nothing else speaks for the request, so that one without an origin is refused too.
    """
    origin = request.headers.get("Origin")
    if origin is None:
        if needed:
            raise forbidden_origin("send an Origin")
        return None
    sites, own = request.app[SITES], own_origin(request)
    if not (sites.somewhere(origin, own) if key is None else allowed(origin, sites.site(key), own)):
        raise forbidden_origin("this website may not use the widget")
    return origin


def forbidden_origin(message: str) -> RequestError:
    return RequestError(Code.FORBIDDEN_ORIGIN, message, 403)


def own_origin(request: web.Request) -> str:
    """Scheme, host and port under which the client reached us; a proxy is believed only when one is trusted."""
    scheme, host = request.scheme, request.host
    proxies = request.app[SETTINGS].trusted_proxies
    if proxies > 0:
        scheme = _told(request.headers.get("X-Forwarded-Proto"), proxies) or scheme
        host = _told(request.headers.get("X-Forwarded-Host"), proxies) or host
    return _without_usual_port(scheme.lower(), host.lower())


def _told(header: str | None, proxies: int) -> str | None:
    """What the outermost trusted proxy said; entries left of it are the client's own words."""
    hops = [hop.strip() for hop in (header or "").split(",")]
    return hops[-min(proxies, len(hops))] or None


def _without_usual_port(scheme: str, host: str) -> str:
    return f"{scheme}://{host.removesuffix(':' + _USUAL_PORTS.get(scheme, ''))}"


def _read(path: Path) -> Any:
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise ContentError(f"{path.name}: cannot be read ({type(error).__name__})") from error


def _parsed(name: str, data: Any) -> dict[str, Site]:
    if not isinstance(data, dict) or DEFAULT_SITE not in data:
        raise ContentError(f"{name}: must be a mapping of sites, one of them called {DEFAULT_SITE}")
    return {_key(f"{name}: {key}", key): _site(f"{name}: {key}", raw) for key, raw in data.items()}


def _key(place: str, key: Any) -> str:
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise ContentError(f"{place}: a key is small letters, digits and hyphens, 40 at most")
    return key


def _site(place: str, raw: Any) -> Site:
    if not isinstance(raw, dict) or set(raw) != {"origins", "pages"}:
        raise ContentError(f"{place}: has origins and pages, nothing else")
    origins, pages = raw["origins"], raw["pages"]
    if not isinstance(origins, list) or not isinstance(pages, dict):
        raise ContentError(f"{place}: origins is a list, pages a mapping")
    return Site(
        tuple(_origin(f"{place}: origins", origin) for origin in origins),
        {_key(f"{place}: pages", page): _key(f"{place}: pages", topics) for page, topics in pages.items()},
    )


def _origin(place: str, raw: Any) -> str:
    match = _ORIGIN.fullmatch(raw) if isinstance(raw, str) else None
    if match is None or match[3] == _USUAL_PORTS[match[1]]:
        raise ContentError(
            f"{place}: {raw!r} is no origin: scheme and host in small letters, a port if unusual, no path"
        )
    if match[1] == "http" and match[2] not in _LOOPBACK:
        raise ContentError(f"{place}: {raw!r} must be https")
    if match[2].startswith(_WILDCARD) and "." not in match[2].removeprefix(_WILDCARD):
        raise ContentError(f"{place}: {raw!r} is far too many websites")
    return str(raw)
