"""The widget's files and the pages, read and compressed once, at the start: nothing else can be asked for."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from bot.channels.web.errors import expectation

_FOLDER = Path(__file__).parent
_LOADER = "/widget.js"
_START_PAGE = "demo.html"
# Five minutes without asking again: a change is everywhere soon, and a visit of several pages asks once.
_CACHE = "public, max-age=300"
_TEXTS = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".webmanifest": "application/manifest+json",
}
_BINARIES = {
    ".ico": "image/x-icon",
    ".png": "image/png",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
# Below this a compressed file is hardly smaller.
_LEAST_BYTES = 300


@dataclass(frozen=True)
class Asset:
    """One file; `packed` is its gzip form, null where that saves nothing."""

    body: bytes
    packed: bytes | None
    type: str
    tag: str

    @property
    def transferred(self) -> int:
        """Bytes that go over the line to a browser."""
        return len(self.body if self.packed is None else self.packed)


Assets = Mapping[str, Asset]
ASSETS: web.AppKey[Assets] = web.AppKey("assets", Mapping)


def load(folder: Path = _FOLDER) -> dict[str, Asset]:
    """Every file by the path that it is asked for with."""
    found = {f"/widget/{name}": asset for name, asset in _files(folder / "widget")}
    found |= {f"/pages/{name}": asset for name, asset in _files(folder / "pages")}
    for alias, name in ((_LOADER, "/widget/widget.js"), ("/", f"/pages/{_START_PAGE}")):
        if name in found:
            found[alias] = found[name]
    return found


def _files(folder: Path) -> Iterator[tuple[str, Asset]]:
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.suffix in {**_TEXTS, **_BINARIES} and path.is_file() and not any(p.startswith(".") for p in name.parts):
            yield name.as_posix(), _asset(path)


def _asset(path: Path) -> Asset:
    body = path.read_bytes()
    tag = f'"{hashlib.sha256(body).hexdigest()[:24]}"'
    if path.suffix in _BINARIES:
        return Asset(body, None, _BINARIES[path.suffix], tag)
    packed = gzip.compress(body, 9, mtime=0)
    useful = len(body) >= _LEAST_BYTES and len(packed) < len(body)
    return Asset(body, packed if useful else None, f"{_TEXTS[path.suffix]}; charset=utf-8", tag)


async def serve(request: web.Request) -> web.Response:
    """GET / /widget.js /widget/… /pages/…"""
    asset = request.app[ASSETS].get(request.path)
    if asset is None:
        raise web.HTTPNotFound
    headers = {
        "Cache-Control": _CACHE if request.path == _LOADER else f"{_CACHE}, must-revalidate",
        "ETag": f"W/{asset.tag}",
        "Vary": "Accept-Encoding",
    }
    if matches(request.headers.get("If-None-Match"), asset.tag):
        return web.Response(status=304, headers=headers)
    headers["Content-Type"] = asset.type
    if asset.packed is not None and _takes_gzip(request.headers.get("Accept-Encoding", "")):
        return web.Response(body=asset.packed, headers={**headers, "Content-Encoding": "gzip"})
    return web.Response(body=asset.body, headers=headers)


def matches(header: str | None, tag: str) -> bool:
    """Whether an If-None-Match names the tag; weak and strong count the same (RFC 9110, 13.1.2)."""
    named = [part.strip().removeprefix("W/") for part in (header or "").split(",")]
    return tag in named or named == ["*"]


def _takes_gzip(header: str) -> bool:
    for part in header.lower().split(","):
        name, _, parameter = part.partition(";")
        if name.strip() in ("gzip", "*"):
            return parameter.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def add_routes(app: web.Application) -> None:
    app[ASSETS] = load()
    for path in ("/", _LOADER, "/widget/{name:.+}", "/pages/{name:.+}"):
        app.router.add_get(path, serve, expect_handler=expectation)
