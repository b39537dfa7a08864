"""docs/api.md and the code say the same: every address, error code, kind and settings name is there."""

from __future__ import annotations

import re

from aiohttp import web

from bot.channels.web.openapi import openapi
from bot.errors import Code
from bot.messages import Kind, Outcome
from bot.settings import ROOT, TABLE, load_settings
from tests.fakes.site import Site

DOCS = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
API = "/api/widget/"


def test_every_word_of_the_vocabularies_is_explained() -> None:
    for word in (*Code, *Kind, *Outcome):
        assert f"`{word.value}`" in DOCS, word


def test_every_setting_that_is_named_exists() -> None:
    known = {setting.name.upper() for setting in TABLE}
    assert set(re.findall(r"LINLI_([A-Z_]+)", DOCS)) <= known


def routes(app: web.Application) -> set[tuple[str, str]]:
    """(method, path) of the widget's interface, as the server has them."""
    found = {(route.method, route.resource.canonical) for route in app.router.routes() if route.resource is not None}
    return {(method, path) for method, path in found if path.startswith(API) and method != "HEAD"}


def test_every_call_of_the_widget_is_in_both_documents(site: Site) -> None:
    assert site.runner is not None
    served = routes(site.runner.app)
    paths = openapi(load_settings({}))["paths"]
    described = {(method.upper(), path) for path, calls in paths.items() if path.startswith(API) for method in calls}
    assert served == described
    for method, path in served:
        assert f"`{method} {path.removeprefix(API)}`" in DOCS, (method, path)
