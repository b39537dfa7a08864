"""Fifth component: entities by pattern, in every language at once (a message in English names 包河区 too).

The names are Rasa training data in data/nlu/entities/*.yml: `lookup: district/baohe` lists what people call it,
`regex: visa_type/Z` gives a pattern where a bare name would be too short; the part before the slash is the entity,
the part behind it the value. They are stored in the model, so a model needs no file beside it.
"""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, Tuple

from rasa.engine.graph import ExecutionContext
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.constants import ENTITIES, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.nlu.component import Component
from bot.nlu.errors import BadModelError

_FILE = "entities.json"
_MAX_CHARACTERS = 2000

Phrase = Tuple[str, str]  # what people write, and `entity/value`

# How many letters may follow a name within the same word: plurals and cases (permits, паспорта, passaporti).
_SUFFIX = {"LATIN": 2, "CYRILLIC": 3, "ARABIC": 3}
# A short name takes no endings: `L` + `et` is not a visa.
_INFLECTED_FROM = 5
# Scripts whose words stand apart; in the others a name may begin and end anywhere.
_SPACED = frozenset({"LATIN", "CYRILLIC", "ARABIC", "DIGIT", "DEVANAGARI", "BENGALI"})
# Arabic writes "and", "the", "to", "by" and "as" onto the word that follows.
_ARABIC_PREFIX = re.compile("[وف]?[بكل]?(?:ال|لل)?")
_MARKS = ((0x0300, 0x036F), (0x064B, 0x065F))


@dataclass(frozen=True)
class Match:
    """One place in a text that names something."""

    start: int
    end: int
    name: str

    def as_entity(self) -> Dict[str, Any]:
        """Rasa's form."""
        entity, _, value = self.name.partition("/")
        return {"entity": entity, "value": value, "start": self.start, "end": self.end, "extractor": "EntityPatterns"}


@dataclass(frozen=True)
class Folded:
    """A text as names are compared, and for each of its characters the place in the original."""

    text: str
    places: Tuple[int, ...]


def fold(text: str) -> Folded:
    """Case, width, Latin accents and Arabic vowel signs do not matter: people leave them out."""
    return _mapped(text, _folded)


def narrow(text: str) -> Folded:
    """Width alone does not matter (Ｚ is Z): patterns look at capitals."""
    return _mapped(text, lambda char: unicodedata.normalize("NFKC", char))


def _mapped(text: str, change: Callable[[str], str]) -> Folded:
    pairs = [(changed, place) for place, char in enumerate(text) for changed in change(char)]
    return Folded("".join(char for char, _ in pairs), (*(place for _, place in pairs), len(text)))


def _folded(char: str) -> str:
    # Only Latin is taken apart: a Hangul syllable taken apart would begin with other syllables.
    form = "NFKD" if char < "ɐ" or "Ḁ" <= char <= "ỿ" else "NFKC"
    kept = (c for c in unicodedata.normalize(form, char).casefold() if not _is_mark(ord(c)))
    return "".join(kept).replace("’", "'")


def _is_mark(code: int) -> bool:
    return any(low <= code <= high for low, high in _MARKS)


def _script(char: str) -> str:
    if not char.isalnum():
        return ""
    return "DIGIT" if char.isdigit() else unicodedata.name(char, "").split(" ")[0]


class PhraseIndex:
    """Finds which of a few thousand names stand in a text, by their first two characters."""

    def __init__(self, phrases: Iterable[Phrase]) -> None:
        self._by_start: Dict[str, List[Phrase]] = {}
        for written, name in phrases:
            folded = " ".join(fold(written).text.split())
            if folded:
                self._by_start.setdefault(folded[:2], []).append((folded, name))

    def matches(self, text: str) -> Iterator[Match]:
        """Every name at every place, overlapping ones too."""
        folded = fold(text)
        for begin in range(len(folded.text)):
            for length in (1, 2):
                for phrase, name in self._by_start.get(folded.text[begin : begin + length], ()):
                    end = _end(folded.text, begin, phrase) if len(phrase) >= length else None
                    if end is not None:
                        yield Match(folded.places[begin], folded.places[end - 1] + 1, name)


def _end(text: str, begin: int, phrase: str) -> int | None:
    """Where the word with the phrase at `begin` ends; None when it is another word."""
    end = begin + len(phrase)
    if not text.startswith(phrase, begin) or not _starts_word(text, begin):
        return None
    script = _script(phrase[-1])
    if script not in _SPACED:
        return end
    rest = re.match(r"[^\W\d_]*", text[end:])
    suffix = rest.group() if rest else ""
    if suffix and _script(suffix[0]) not in _SPACED:  # `Z签证`: another script begins another word
        return end
    allowed = _SUFFIX.get(script, 0) if len(phrase) >= _INFLECTED_FROM else 0
    return end + len(suffix) if len(suffix) <= allowed else None


def _starts_word(text: str, begin: int) -> bool:
    script = _script(text[begin])
    if begin == 0 or script not in _SPACED or _script(text[begin - 1]) not in _SPACED:
        return True
    if script != "ARABIC":
        return False
    before = re.search(r"\w*\Z", text[:begin])
    return before is not None and _ARABIC_PREFIX.fullmatch(before.group()) is not None


class Patterns:
    """The table of names, ready to search."""

    def __init__(self, phrases: List[Phrase], expressions: List[Phrase]) -> None:
        self.phrases = phrases
        self.expressions = expressions
        self._index = PhraseIndex(phrases)
        self._compiled = [(re.compile(pattern, re.IGNORECASE), name) for pattern, name in expressions]

    def find(self, text: str) -> List[Match]:
        """Names in the text, none overlapping another: the longest wins, then the first."""
        text = text[:_MAX_CHARACTERS]
        found = [*self._index.matches(text), *self._by_expression(text)]
        taken: List[Match] = []
        for match in sorted(found, key=lambda m: (m.start - m.end, m.start, m.name)):
            if all(match.end <= other.start or other.end <= match.start for other in taken):
                taken.append(match)
        return sorted(taken, key=lambda m: m.start)

    def _by_expression(self, text: str) -> Iterator[Match]:
        narrowed = narrow(text)
        for pattern, name in self._compiled:
            for match in pattern.finditer(narrowed.text):
                yield Match(narrowed.places[match.start()], narrowed.places[match.end() - 1] + 1, name)

    def save(self, folder: Path) -> None:
        """As JSON, into the model."""
        table = {"phrases": self.phrases, "expressions": self.expressions}
        (folder / _FILE).write_text(json.dumps(table, ensure_ascii=False), "utf-8")

    @classmethod
    def read(cls, folder: Path) -> Patterns:
        """Raises `BadModelError`."""
        try:
            table = json.loads((folder / _FILE).read_text("utf-8"))
            return cls(*([(a, b) for a, b in table[key]] for key in ("phrases", "expressions")))
        except (OSError, ValueError, KeyError, re.error) as error:
            raise BadModelError("the entity table cannot be read; train again") from error


def from_training_data(training_data: TrainingData) -> Patterns:
    """The names that the files under data/nlu/entities list."""
    phrases = [
        (str(element), table["name"])
        for table in training_data.lookup_tables
        if isinstance(table["elements"], list)
        for element in table["elements"]
    ]
    return Patterns(phrases, [(regex["pattern"], regex["name"]) for regex in training_data.regex_features])


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=True)
class EntityPatterns(Component):
    """Adds `entities` to each message; the value is the normalised key."""

    def __init__(
        self, config: Dict[str, Any], storage: ModelStorage, resource: Resource, patterns: Patterns | None = None
    ) -> None:
        super().__init__(config)
        self._storage = storage
        self._resource = resource
        self._patterns = patterns

    @classmethod
    def create(
        cls,
        config: Dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> EntityPatterns:
        """Made by Rasa before training."""
        return cls(config, model_storage, resource)

    @classmethod
    def load(
        cls,
        config: Dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> EntityPatterns:
        """Made by Rasa from a trained model."""
        with model_storage.read_from(resource) as folder:
            return cls(config, model_storage, resource, Patterns.read(Path(folder)))

    def train(self, training_data: TrainingData) -> Resource:
        """Nothing to learn: keep the names."""
        self._patterns = from_training_data(training_data)
        with self._storage.write_to(self._resource) as folder:
            self._patterns.save(Path(folder))
        return self._resource

    def process(self, messages: List[Message]) -> List[Message]:
        """Find the names in each message."""
        if self._patterns is None:
            raise BadModelError("the entity table has not been made")
        for message in messages:
            found = [match.as_entity() for match in self._patterns.find(message.get(TEXT) or "")]
            message.set(ENTITIES, [*(message.get(ENTITIES) or []), *found], add_to_output=True)
        return messages
