"""What residents ask on WeChat: the articles' own variants, in the languages of the city; none of the evaluation's."""

from __future__ import annotations

from benchmarks.places import ROOT
from bot.knowledge.files import load_folder

_LANGUAGES = ("en", "zh", "fr", "ar", "vi", "ja", "ko", "ru", "es", "de")


def questions() -> list[str]:
    articles = load_folder(ROOT / "data" / "knowledge").articles.values()
    return [text for article in articles for language in _LANGUAGES for text in article.variants.get(language, ())[:4]]


def plain_questions() -> list[str]:
    """The questions of the articles themselves, which the search finds without the engine."""
    articles = load_folder(ROOT / "data" / "knowledge").articles.values()
    return [text.question for article in articles for text in article.texts.values()]
