"""The questions that a page's visitors are shown before they write: data/topics.yml, in the widget's ten languages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from bot.channels.web.sites import DEFAULT_SITE, Sites
from bot.channels.web.texts import read_yaml
from bot.errors import ContentError
from bot.keeping.words import INTERFACE

_FEWEST, _MOST = 6, 8
_LONGEST_TITLE = 32
_LONGEST_TEXT = 120


@dataclass(frozen=True)
class Starter:
    """`title` stands on the button, `text` is what is sent; both by language. `article` is the slug that answers."""

    article: str
    title: Mapping[str, str]
    text: Mapping[str, str]

    def to_json(self, language: str) -> dict[str, str]:
        return {"title": self.title[language], "text": self.text[language]}


@dataclass(frozen=True)
class Topics:
    by_page: Mapping[str, tuple[Starter, ...]]

    @staticmethod
    def load(path: Path, sites: Sites) -> Topics:
        """ContentError naming what is wrong, also a page of a site for which there are no topics."""
        topics = Topics(_parsed(path.name, read_yaml(path)))
        for key, site in sites.by_key.items():
            if missing := set((site.pages or {}).values()) - set(topics.by_page):
                raise ContentError(f"{path.name}: the site {key} shows {sorted(missing)}, which are not there")
        return topics

    def of(self, key: str, language: str) -> list[dict[str, str]]:
        return [starter.to_json(language) for starter in self.by_page[key]]


TOPICS: web.AppKey[Topics] = web.AppKey("topics", Topics)


def _parsed(name: str, data: Any) -> dict[str, tuple[Starter, ...]]:
    if not isinstance(data, dict) or set(data) != {"pages", "starters"}:
        raise ContentError(f"{name}: has pages and starters")
    pages, starters = data["pages"], data["starters"]
    if not isinstance(pages, dict) or DEFAULT_SITE not in pages or not isinstance(starters, dict):
        raise ContentError(f"{name}: pages and starters are mappings, and one page is called {DEFAULT_SITE}")
    known = {slug: _starter(f"{name}: {slug}", slug, raw) for slug, raw in starters.items()}
    if unused := set(known) - {slug for slugs in pages.values() for slug in slugs or ()}:
        raise ContentError(f"{name}: no page shows {sorted(unused)}")
    return {page: _page(f"{name}: {page}", slugs, known) for page, slugs in pages.items()}


def _page(place: str, slugs: Any, known: Mapping[str, Starter]) -> tuple[Starter, ...]:
    if not isinstance(slugs, list) or not _FEWEST <= len(set(slugs)) == len(slugs) <= _MOST:
        raise ContentError(f"{place}: shows {_FEWEST} to {_MOST} different starters")
    if missing := set(slugs) - set(known):
        raise ContentError(f"{place}: there are no starters {sorted(missing)}")
    return tuple(known[slug] for slug in slugs)


def _starter(place: str, slug: str, raw: Any) -> Starter:
    if not isinstance(raw, dict) or set(raw) != {"title", "text"}:
        raise ContentError(f"{place}: has title and text")
    title = _languages(f"{place}: title", raw["title"], _LONGEST_TITLE)
    return Starter(slug, title, _languages(f"{place}: text", raw["text"], _LONGEST_TEXT))


def _languages(place: str, raw: Any, longest: int) -> Mapping[str, str]:
    if not isinstance(raw, dict) or set(raw) != set(INTERFACE):
        raise ContentError(f"{place}: must be there in exactly {', '.join(INTERFACE)}")
    for language, text in raw.items():
        if not isinstance(text, str) or not text.strip() or len(text) > longest:
            raise ContentError(f"{place}: {language}: must be a text of at most {longest} characters")
    return raw
