"""The files of the widget and of the pages: what is served, how, and that nothing else is."""

from __future__ import annotations

import gzip
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from bot.channels.web import assets
from bot.channels.web.errors import errors_as_json
from tests.fakes.site import Site

SCRIPT = "// a script\n" + "export const x = 1;\n" * 50


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in {
        "widget/widget.js": SCRIPT,
        "widget/app.js": "1",
        "widget/strings/ar.json": '{"a": "مرحبا"}',
        "widget/style.css": "a{}",
        "widget/README.md": "not served",
        "widget/.hidden.js": "not served",
        "pages/demo.html": "<!doctype html><title>x</title>",
        "pages/demo.js": "2",
        "secret.js": "not served",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (tmp_path / "pages" / "map.png").write_bytes(b"\x89PNG")
    return tmp_path


async def fetched(folder: Path, *requests: tuple[str, str, dict[str, str]]) -> list[tuple[int, dict[str, str], bytes]]:
    app = web.Application(middlewares=[errors_as_json])
    assets.add_routes(app)
    app[assets.ASSETS] = assets.load(folder)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found = []
    try:
        async with aiohttp.ClientSession(auto_decompress=False, headers={"Accept-Encoding": "identity"}) as session:
            for method, path, headers in requests:
                url = f"http://127.0.0.1:{runner.addresses[0][1]}{path}"
                async with session.request(method, url, headers=headers) as response:
                    lowered = {name.lower(): value for name, value in response.headers.items()}
                    found.append((response.status, lowered, await response.read()))
    finally:
        await runner.cleanup()
    return found


async def test_types_and_bodies(folder: Path) -> None:
    for path, kind in (
        ("/", "text/html; charset=utf-8"),
        ("/widget.js", "text/javascript; charset=utf-8"),
        ("/widget/app.js", "text/javascript; charset=utf-8"),
        ("/widget/strings/ar.json", "application/json; charset=utf-8"),
        ("/widget/style.css", "text/css; charset=utf-8"),
        ("/pages/demo.js", "text/javascript; charset=utf-8"),
        ("/pages/map.png", "image/png"),
    ):
        ((status, headers, body), (head, head_headers, nothing)) = await fetched(
            folder, ("GET", path, {}), ("HEAD", path, {})
        )
        assert (status, headers["content-type"]) == (200, kind)
        assert (head, nothing) == (200, b"")
        assert head_headers["content-length"] == str(len(body))
        assert "max-age=300" in headers["cache-control"]


@pytest.mark.parametrize(
    "path",
    [
        "/widget/nothing.js",
        "/widget/README.md",
        "/widget/.hidden.js",
        "/widget/",
        "/widget/strings",
        "/widget/../secret.js",
        "/widget/%2e%2e/secret.js",
        "/widget/..%2fsecret.js",
        "/pages/..%5csecret.js",
        "/widget//app.js",
        "/widget/app.js%00",
        "/secret.js",
        "/pages/demo.html/",
    ],
)
async def test_nothing_else_is_served(folder: Path, path: str) -> None:
    ((status, headers, body),) = await fetched(folder, ("GET", path, {}))
    assert status == 404
    assert headers["content-type"].startswith("application/json")
    assert b"not served" not in body


async def test_gzip_only_for_those_who_take_it(folder: Path) -> None:
    wishes = ("gzip, br", "br, GZIP;q=0.5", "*", "identity", "gzip;q=0", "gzip; q=0.000", "br")
    answers = await fetched(folder, *(("GET", "/widget.js", {"Accept-Encoding": wish}) for wish in wishes))
    assert [headers.get("content-encoding") for _, headers, _ in answers] == ["gzip"] * 3 + [None] * 4
    for _, headers, body in answers:
        plain = gzip.decompress(body) if "content-encoding" in headers else body
        assert plain.decode() == SCRIPT
        assert headers["vary"] == "Accept-Encoding"
    ((_, small, _),) = await fetched(folder, ("GET", "/widget/app.js", {"Accept-Encoding": "gzip"}))
    assert "content-encoding" not in small


async def test_what_the_browser_has_is_not_sent_again(folder: Path) -> None:
    ((_, headers, _),) = await fetched(folder, ("GET", "/widget.js", {}))
    tag = headers["etag"]
    strong = tag.removeprefix("W/")
    for given, status in ((tag, 304), (strong, 304), (f'"x", {tag}', 304), ("*", 304), ('"x"', 200), ("", 200)):
        ((found, again, body),) = await fetched(folder, ("GET", "/widget.js", {"If-None-Match": given}))
        assert found == status
        assert again["etag"] == tag
        assert (body == b"") == (status == 304)
    (folder / "widget" / "widget.js").write_text(SCRIPT + "//", encoding="utf-8")
    ((found, changed, _),) = await fetched(folder, ("GET", "/widget.js", {"If-None-Match": tag}))
    assert found == 200
    assert changed["etag"] != tag


async def test_a_folder_that_is_not_there_serves_nothing(tmp_path: Path) -> None:
    assert assets.load(tmp_path) == {}
    ((status, _, _),) = await fetched(tmp_path, ("GET", "/", {}))
    assert status == 404


async def test_the_real_loader_is_small_and_may_be_embedded_anywhere(site: Site) -> None:
    loader = assets.load()["/widget.js"]
    assert loader.transferred <= 15_000
    for path in ("/widget.js", "/widget/app.js"):
        async with site.session.get(site.public + path, headers={"Origin": "https://anywhere.example"}) as response:
            assert response.status == 200
            assert response.headers["Access-Control-Allow-Origin"] == "*"
            assert response.headers["Cross-Origin-Resource-Policy"] == "cross-origin"


def test_nothing_from_another_host_is_loaded() -> None:
    """The strict policy would stop it; here it does not even stand in the files."""
    for path, asset in assets.load().items():
        if asset.type.startswith(("text/html", "text/javascript", "text/css")):
            text = asset.body.decode()
            for forbidden in ('src="http', 'from "http', 'import("http', "url(http", "@import"):
                assert forbidden not in text, path
