"""What the index is built from: every way of asking for every article, the acts, and what no article answers."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

import yaml

from bot.errors import ContentError
from bot.knowledge.articles import Knowledge
from bot.knowledge.files import load_counter_examples
from bot.knowledge.index import Passage
from bot.knowledge.labels import ACT_PREFIX, NONE
from bot.knowledge.search import OUT_OF_SCOPE
from bot.knowledge.words import without_marks
from bot.language_id import LanguageIdentifier


def article_passages(knowledge: Knowledge) -> Iterator[Passage]:
    """Each variant and each canonical question."""
    for slug, article in knowledge.articles.items():
        for language, text in article.texts.items():
            yield Passage(slug, language, text.question)
        for language, variants in article.variants.items():
            for variant in variants:
                yield from _as_typed(Passage(slug, language, variant))


def _as_typed(passage: Passage) -> Iterator[Passage]:
    """The passage, and for Vietnamese once more without its marks: to the encoder that is another language."""
    yield passage
    if passage.language == "vi" and (bare := without_marks(passage.text)) != passage.text:
        yield Passage(passage.label, passage.language, bare)


def other_passages(
    nlu_folder: Path, knowledge_folder: Path, identifier: LanguageIdentifier, acts: Collection[str]
) -> Iterator[Passage]:
    """The pipeline's examples of `acts` and of what is out of scope, and the counter-examples."""
    for intent, language, text in training_examples(nlu_folder):
        label = NONE if intent == OUT_OF_SCOPE else ACT_PREFIX + intent
        if label == NONE or intent in acts:
            yield Passage(label, language or identifier.identify(text).code, text)
    for language, text in load_counter_examples(knowledge_folder):
        yield Passage(NONE, language, text)


def training_examples(folder: Path) -> Iterator[tuple[str, str | None, str]]:
    """(intent, language if it is said, text) of the training data. ContentError for a file that is not Rasa's YAML."""
    for path in sorted(folder.glob("*.yml")):
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        if not isinstance(data, dict) or "nlu" not in data:
            raise ContentError(f"{path.name}: not Rasa training data")
        for block in data["nlu"]:
            if "intent" in block:
                language = (block.get("metadata") or {}).get("language")
                for line in block["examples"].splitlines():
                    if line.startswith("- "):
                        yield block["intent"], language, line[2:].strip()
