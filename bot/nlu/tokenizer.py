"""Second component: words, by spaCy's blank pipelines, made by `warm` or when a language first appears.

spaCy's own tokenisers for ja, th, ko and vi want SudachiPy, PyThaiNLP, MeCab and pyvi. Words here only mark where
an entity may begin and end, so none of those is worth its weights: Korean and Vietnamese are written with spaces,
Chinese is cut into characters by spaCy itself, Japanese where its script changes and Thai into its written clusters.
"""

from __future__ import annotations

import functools
import re
from typing import Any, Callable, Dict, Iterator, List, Tuple

import spacy
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.nlu.tokenizers.tokenizer import Token, Tokenizer
from rasa.shared.nlu.training_data.message import Message

from bot.languages import CODES, DEFAULT
from bot.nlu.component import LANGUAGE

Span = Tuple[str, int]  # a word and where it begins
# A longer message is cut for tokenising only: its words beyond this are never an entity's.
_MAX_CHARACTERS = 2000

_SPACED = {"nlp": {"tokenizer": {"@tokenizers": "spacy.Tokenizer.v1"}}}
_CONFIG: Dict[str, Dict[str, Any]] = {
    "ko": _SPACED,
    "vi": {"nlp": {"tokenizer": {"use_pyvi": False}}},
    "zh": {"nlp": {"tokenizer": {"segmenter": "char"}}},
}
# Making these takes seconds, for thousands of exceptions that mark no entity (French 3 s, Indonesian 2 s, Dutch 0.7 s):
# the first resident to write in one would be timed out. Italian's rules know the apostrophe of l'école.
_STAND_INS = {"fr": "it", "id": "xx", "nl": "xx"}
_JAPANESE = re.compile(r"[一-鿿々]+|[ぁ-ゖ]+|[ァ-ヺー]+|\w+|[^\w\s]")
# A Thai consonant with the vowel before it and the signs around it; one of them is the least that can be a word.
_THAI = re.compile(r"[เ-ไ]?[ก-ฮ][ะ-ฺๅ็-๎]*|[A-Za-z0-9]+|[^\w\s]|\w")
_SCRIPTS = {"ja": _JAPANESE, "th": _THAI}


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_TOKENIZER, is_trainable=False)
class SpacyTokenizer(Tokenizer):
    """Cuts a message by the rules of its own language."""

    @staticmethod
    def get_default_config() -> Dict[str, Any]:
        """Rasa's base class reads these; nothing here splits intents."""
        return {
            "intent_tokenization_flag": False,
            "intent_split_symbol": "_",
            "token_pattern": None,
            "prefix_separator_symbol": None,
        }

    def tokenize(self, message: Message, attribute: str) -> List[Token]:
        """Rasa's tokens; at least one, since Rasa's own parts expect a word in every text."""
        text = str(message.get(attribute) or "")
        found = list(words(text, message.get(LANGUAGE) or DEFAULT)) or [(text or "?", 0)]
        return [Token(word, start) for word, start in found]


def words(text: str, language: str) -> Iterator[Span]:
    """Each word of the text with its position, by the rules of `language`."""
    return _splitter(language)(text[:_MAX_CHARACTERS])


@functools.cache
def _splitter(language: str) -> Callable[[str], Iterator[Span]]:
    if language in _SCRIPTS:
        return functools.partial(_by_script, _SCRIPTS[language])
    pipeline = spacy.blank(_STAND_INS.get(language, language), config=_CONFIG.get(language, {}))
    return functools.partial(_by_spacy, pipeline)


def warm() -> None:
    """Make every language's pipeline now rather than while a resident waits: 1.7 s, none more than 0.3."""
    for language in CODES:
        _splitter(language)


def _by_script(pattern: re.Pattern[str], text: str) -> Iterator[Span]:
    return ((match.group(), match.start()) for match in pattern.finditer(text))


def _by_spacy(pipeline: spacy.language.Language, text: str) -> Iterator[Span]:
    return ((word.text, word.idx) for word in pipeline.make_doc(text) if not word.is_space)
