"""The starting content: YAML files of `data/knowledge`, checked field by field, to articles in memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import yaml

from bot.errors import ContentError
from bot.knowledge.articles import (
    Area,
    Article,
    Confidence,
    Fact,
    FactKind,
    Office,
    Point,
    SourceRef,
    Text,
    known_language,
)

OFFICES_FILE = "offices.yml"
NOT_ARTICLES = frozenset({OFFICES_FILE, "counter-examples.yml"})
# A resident is shown a link only to an office's or an operator's own site; any other source is shown by its name.
OFFICIAL_DOMAINS = (".gov.cn", ".edu.cn", ".12306.cn", "hefeimetro.com", "cishefei.com")
_ARTICLE_KEYS = frozenset("slug confidence confirm_with office review_by sources facts say_zh text variants".split())
_TEXT_KEYS = frozenset("question answer steps documents note".split())
_REQUIRED_LANGUAGES = ("en", "zh")
# Stricter than the standard, which browsers and libraries read in different ways: no user, no backslash, no blank.
_LINK = re.compile(
    r"https?://((?:[a-z0-9-]+\.)+[a-z]+)(:[0-9]{1,5})?([/?#][^\x00-\x20\x7f\\]*)?", re.ASCII | re.IGNORECASE
)
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_PAGE_DATE = re.compile(r"\d{4}(-\d\d(-\d\d)?)?")
_LONGEST_QUESTION = 90
# Anhui with a margin: what is outside was typed wrong, or the two were swapped.
_LATITUDES = (29.0, 35.0)
_LONGITUDES = (114.5, 120.0)
E = TypeVar("E", Area, Confidence, FactKind)


@dataclass
class Content:
    """All that the folder holds."""

    articles: dict[str, Article] = field(default_factory=dict)
    offices: dict[str, Office] = field(default_factory=dict)


class _Place:
    """Where in the content a check is made, so that its error can say so."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def at(self, name: object) -> _Place:
        return _Place(*self.names, str(name))

    def fail(self, why: str) -> ContentError:
        return ContentError(f"{' › '.join(self.names)}: {why}")


def load_folder(folder: Path) -> Content:
    """Every article and office under `folder`. Raises ContentError naming file, article and field."""
    content = Content(offices=load_offices(folder))
    for path in sorted(folder.glob("*.yml")):
        if path.name not in NOT_ARTICLES:
            for article in _articles(path, content.offices):
                if article.slug in content.articles:
                    raise _Place(path.name, article.slug).fail("the slug stands twice")
                content.articles[article.slug] = article
    _add_variants(folder / "variants", content)
    _check_variants_apart(content)
    return content


def _add_variants(folder: Path, content: Content) -> None:
    """Ways of asking in languages that are only understood: one file a language, slug to questions."""
    for path in sorted(folder.glob("*.yml")):
        place = _Place(f"{folder.name}/{path.name}")
        if not known_language(path.stem):
            raise place.fail(f"no language {path.stem!r}")
        for slug, given in _mapping(path).items():
            article = content.articles.get(slug)
            if article is None:
                raise place.fail(f"no article {slug!r}")
            texts = (*article.variants.get(path.stem, ()), *_strings(place.at(slug), given))
            content.articles[slug] = replace(article, variants={**article.variants, path.stem: texts})


def load_counter_examples(folder: Path) -> list[tuple[str, str]]:
    """(language, text) of questions that no article answers; they teach the index what not to answer."""
    path = folder / "counter-examples.yml"
    if not path.exists():
        return []
    return [(language, text) for language, texts in _mapping(path).items() for text in texts]


def _mapping(path: Path) -> dict[str, Any]:
    place = _Place(path.name)
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    except FileNotFoundError:
        raise place.fail(f"no such file in {path.parent}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise place.fail(f"not YAML: {str(error).splitlines()[0]}") from error
    if not isinstance(data, dict):
        raise place.fail("must be a mapping")
    return data


def load_offices(folder: Path) -> dict[str, Office]:
    """The offices alone, with the places that the tables do not hold. Raises ContentError."""
    path = folder / OFFICES_FILE
    return {key: _office(_Place(path.name, key), key, raw) for key, raw in _mapping(path).items()}


def _office(place: _Place, key: str, raw: Any) -> Office:
    if not isinstance(raw, dict) or set(raw) - {"names", "address_zh", "phone", "place"}:
        raise place.fail("has names, address_zh, phone and place, nothing else")
    names = raw.get("names")
    if not isinstance(names, dict) or not {"en", "zh"} <= set(names):
        raise place.at("names").fail("must name it in en and zh at least")
    point = None if raw.get("place") is None else _point(place.at("place"), raw["place"])
    return Office(key, {str(k): str(v) for k, v in names.items()}, raw.get("address_zh"), raw.get("phone"), point)


def _point(place: _Place, raw: Any) -> Point:
    if not isinstance(raw, dict) or set(raw) != {"latitude", "longitude"}:
        raise place.fail("has latitude and longitude")
    latitude = _degrees(place.at("latitude"), raw["latitude"], *_LATITUDES)
    return Point(latitude, _degrees(place.at("longitude"), raw["longitude"], *_LONGITUDES))


def _degrees(place: _Place, raw: Any, least: float, most: float) -> float:
    if type(raw) not in (int, float) or not least <= raw <= most:
        raise place.fail(f"must be {least:g} to {most:g} degrees, not {raw!r}")
    return float(raw)


def _articles(path: Path, offices: dict[str, Office]) -> Iterator[Article]:
    data, place = _mapping(path), _Place(path.name)
    if set(data) != {"area", "checked_on", "articles"} or not isinstance(data["articles"], list):
        raise place.fail("must have area, checked_on and a list of articles")
    area = _one_of(place.at("area"), Area, data["area"])
    checked_on = _date(place.at("checked_on"), data["checked_on"])
    for raw in data["articles"]:
        if not isinstance(raw, dict) or not _SLUG.fullmatch(str(raw.get("slug"))):
            raise place.fail(f"an article's slug must be words-with-hyphens, not {raw!r:.60}")
        yield _article(place.at(raw["slug"]), area, checked_on, raw, offices)


def _article(place: _Place, area: Area, checked_on: date, raw: dict[str, Any], offices: dict[str, Office]) -> Article:
    if unknown := set(raw) - _ARTICLE_KEYS:
        raise place.fail(f"unknown fields {sorted(unknown)}")
    for key in ("confirm_with", "office"):
        if raw.get(key) not in offices and (key == "confirm_with" or raw.get(key) is not None):
            raise place.at(key).fail(f"no office {raw.get(key)!r}")
    texts = {language: _text(place.at(language), t) for language, t in _languages(place.at("text"), raw.get("text"))}
    if missing := [language for language in _REQUIRED_LANGUAGES if language not in texts]:
        raise place.at("text").fail(f"must exist in {missing}")
    return Article(
        slug=raw["slug"],
        area=area,
        confidence=_one_of(place.at("confidence"), Confidence, raw.get("confidence")),
        confirm_with=raw["confirm_with"],
        office=raw.get("office"),
        say_zh=_string(place.at("say_zh"), raw.get("say_zh")),
        review_by=_date(place.at("review_by"), raw.get("review_by")),
        checked_on=checked_on,
        sources=_sources(place.at("sources"), raw.get("sources")),
        facts=tuple(_fact(place.at("facts"), fact) for fact in raw.get("facts") or ()),
        texts=texts,
        variants={
            language: _strings(place.at("variants").at(language), given)
            for language, given in _languages(place.at("variants"), raw.get("variants"))
        },
    )


def _languages(place: _Place, raw: Any) -> list[tuple[str, Any]]:
    if not isinstance(raw, dict) or not raw:
        raise place.fail("must be a mapping of languages")
    if unknown := [code for code in raw if not known_language(code)]:
        raise place.fail(f"unknown languages {unknown}")
    return list(raw.items())


def _text(place: _Place, raw: Any) -> Text:
    if not isinstance(raw, dict) or set(raw) - _TEXT_KEYS:
        raise place.fail("has question, answer, steps, documents and note, nothing else")
    question = _string(place.at("question"), raw.get("question"))
    if len(question) > _LONGEST_QUESTION:
        raise place.at("question").fail(f"longer than {_LONGEST_QUESTION} characters")
    return Text(
        question=question,
        answer=_string(place.at("answer"), raw.get("answer")),
        steps=_strings(place.at("steps"), raw.get("steps") or []),
        documents=_strings(place.at("documents"), raw.get("documents") or []),
        note=_string(place.at("note"), raw["note"]) if raw.get("note") else None,
    )


def _sources(place: _Place, raw: Any) -> tuple[SourceRef, ...]:
    if not isinstance(raw, list) or not raw:
        raise place.fail("every article names at least one")
    return tuple(_source(place.at(position), source) for position, source in enumerate(raw, 1))


def _source(place: _Place, raw: Any) -> SourceRef:
    if not isinstance(raw, dict) or set(raw) != {"title", "url", "date"}:
        raise place.fail("has title, url and date")
    url, page_date = raw["url"], None if raw["date"] is None else str(raw["date"])
    if url is not None and not official(str(url)):
        raise place.at("url").fail("not an official domain: name the source without a link")
    if page_date is not None and not _PAGE_DATE.fullmatch(page_date):
        raise place.at("date").fail("must be a year, a month or a day")
    return SourceRef(_string(place.at("title"), raw["title"]), url, page_date)


def official(url: str) -> bool:
    """Whether a resident may be shown this link."""
    link = _LINK.fullmatch(url)
    if link is None:
        return False
    host = "." + link[1].lower()
    return any(host.endswith("." + domain.lstrip(".")) for domain in OFFICIAL_DOMAINS)


def _fact(place: _Place, raw: Any) -> Fact:
    if not isinstance(raw, dict) or set(raw) - {"kind", "value", "unit", "of"}:
        raise place.fail("a fact has kind, value, unit and of")
    kind = _one_of(place, FactKind, raw.get("kind"))
    return Fact(kind, str(raw.get("value")), raw.get("unit"), raw.get("of"))


def _one_of(place: _Place, kind: type[E], raw: Any) -> E:
    try:
        return kind(raw)
    except ValueError:
        raise place.fail(f"must be one of {[item.value for item in kind]}, not {raw!r}") from None


def _date(place: _Place, raw: Any) -> date:
    if type(raw) is not date:
        raise place.fail(f"must be a date like 2027-06-01, not {raw!r}")
    return raw


def _string(place: _Place, raw: Any) -> str:
    if not isinstance(raw, str) or not raw.strip():
        raise place.fail("must be a text (quote it when it holds a colon)")
    return raw.strip()


def _strings(place: _Place, raw: Any) -> tuple[str, ...]:
    if not isinstance(raw, list):
        raise place.fail("must be a list")
    return tuple(_string(place.at(position), item) for position, item in enumerate(raw, 1))


def _check_variants_apart(content: Content) -> None:
    seen: dict[tuple[str, str], str] = {}
    for article in content.articles.values():
        for language, texts in article.variants.items():
            for text in texts:
                other = seen.setdefault((language, text.casefold()), article.slug)
                if other != article.slug:
                    raise _Place(article.slug, "variants", language).fail(f"{text!r} also stands in {other}")
