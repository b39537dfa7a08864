"""Articles in memory: what the files and the tables both become. Pure data."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from bot.languages import DEFAULT, LANGUAGES


class Area(StrEnum):
    """The service areas; also the areas of the pipeline's `ask_…` intents."""

    IMMIGRATION = "immigration"
    MEDICAL = "medical"
    FINANCE = "finance"
    COMMUNITY = "community"
    LIFE = "life"
    EDUCATION = "education"


class Confidence(StrEnum):
    """How far the weakest fact of an article can be trusted; below high, the answer says whom to confirm with."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    UNVERIFIED = "unverified"


class FactKind(StrEnum):
    """Kinds of values an answer states, kept as fields so that they can be checked against each other."""

    FEE = "fee"
    DEADLINE = "deadline"
    FINE = "fine"
    PHONE = "phone"
    LIMIT = "limit"
    VALIDITY = "validity"


@dataclass(frozen=True)
class Fact:
    kind: FactKind
    value: str
    unit: str | None = None
    of: str | None = None


@dataclass(frozen=True)
class SourceRef:
    """`page_date` is the page's own date as printed (year, month or day), null when it has none."""

    title: str
    url: str | None
    page_date: str | None


@dataclass(frozen=True)
class Text:
    """An article in one language."""

    question: str
    answer: str
    steps: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    note: str | None = None


@dataclass(frozen=True)
class Article:
    """One published article. `version` is 0 for one read from a file and not yet stored."""

    slug: str
    area: Area
    confidence: Confidence
    confirm_with: str
    office: str | None
    say_zh: str
    review_by: date
    checked_on: date
    sources: tuple[SourceRef, ...]
    facts: tuple[Fact, ...]
    texts: dict[str, Text]
    variants: dict[str, tuple[str, ...]]
    version: int = 0

    def text(self, language: str) -> tuple[str, Text]:
        """The text in this language, else in English, with the language it is written in."""
        if language in self.texts:
            return language, self.texts[language]
        return DEFAULT, self.texts[DEFAULT]

    def content_hash(self) -> str:
        """SHA-256 over all that a resident can see; variants and the version's number are not part of it."""
        content = asdict(self)
        del content["variants"], content["version"]
        return digest(json.dumps(content, sort_keys=True, ensure_ascii=False, default=str))


@dataclass(frozen=True)
class Point:
    """Degrees, as Chinese maps and phones give them (GCJ-02; a GPS receiver's are some 500 m beside)."""

    latitude: float
    longitude: float


@dataclass(frozen=True)
class Office:
    """A place or hotline. `names` holds at least en and zh.

    `place` is known from the file only: it is not stored, and an office from the tables has none.
    """

    key: str
    names: dict[str, str]
    address_zh: str | None
    phone: str | None
    place: Point | None = None

    def name(self, language: str) -> str:
        return self.names.get(language, self.names[DEFAULT])


@dataclass(frozen=True)
class Knowledge:
    """Everything published, at one version (a hash): a snapshot that answers are rendered from."""

    version: str
    articles: dict[str, Article]
    offices: dict[str, Office]


def knowledge_version(articles: dict[str, Article], offices: dict[str, Office]) -> str:
    """Twelve hex digits that change with any article, variant or office."""
    parts: list[Any] = [
        (slug, articles[slug].content_hash(), sorted(articles[slug].variants.items())) for slug in sorted(articles)
    ]
    parts.append(sorted((key, asdict(office)) for key, office in offices.items()))
    return digest(json.dumps(parts, ensure_ascii=False, default=str))[:12]


def digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def known_language(code: str) -> bool:
    return code in LANGUAGES
