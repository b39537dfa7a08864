"""First component: which language a message is written in.

In service the app has identified it already (with the conversation's history and the widget's language) and says so
in the message's metadata. Alone (training, `rasa shell`) the script decides, and langdetect where several of our
languages share one.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any, List, Mapping

import langdetect
from langdetect.detector_factory import DetectorFactory
from langdetect.lang_detect_exception import LangDetectException
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.languages import CODES, DEFAULT
from bot.nlu.component import LANGUAGE, Component, metadata_of

# Scripts that only one of the 22 languages uses. Unicode's character names begin with the script's name.
_ONE_LANGUAGE = {"HANGUL": "ko", "THAI": "th", "DEVANAGARI": "hi", "BENGALI": "bn"}
_SHARED = {
    "LATIN": ("en", "fr", "de", "es", "vi", "pt", "id", "tr", "it", "pl", "nl"),
    "CYRILLIC": ("ru", "uk"),
    "ARABIC": ("ar", "ur", "fa"),
}
# Letters that decide at once, in this order (Urdu's before Persian's, which Urdu uses too).
_TELLING: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("ur", re.compile("[ٹڈڑںےھہ]")),
    ("fa", re.compile("[پچژگ]")),
    ("uk", re.compile("[іїєґІЇЄҐ]")),
    ("ru", re.compile("[ыэёъЫЭЁЪ]")),
    ("vi", re.compile("[ăđơưĂĐƠƯạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ]")),
    ("tr", re.compile("[ğışİĞŞ]")),
    ("pl", re.compile("[ąęłńśźżĄĘŁŃŚŹŻ]")),
    ("de", re.compile("ß")),
    ("es", re.compile("[ñ¿¡Ñ]")),
    ("pt", re.compile("[ãõÃÕ]")),
)
# Below this langdetect is guessing, and in a single short word (`hello` is Dutch to it): then the script's first.
_SURE = 0.70
_SHORT = 8  # letters


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER, is_trainable=False)
class LanguageIdentifier(Component):
    """Sets the message property `language` to one of the 22 codes."""

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        """Identify every example."""
        self.process(training_data.training_examples)
        return training_data

    def process(self, messages: List[Message]) -> List[Message]:
        """Identify each message."""
        for message in messages:
            told = _told(metadata_of(message))
            message.set(LANGUAGE, told or identify(message.get(TEXT) or ""), add_to_output=True)
        return messages


def _told(metadata: Mapping[str, Any]) -> str | None:
    """The language that the app, or a training file's `metadata`, names."""
    for place in (metadata, metadata.get("example"), metadata.get("intent")):
        if isinstance(place, dict) and place.get(LANGUAGE) in CODES:
            return str(place[LANGUAGE])
    return None


def identify(text: str) -> str:
    """The language of a text on its own; `en` when nothing speaks for another."""
    text = unicodedata.normalize("NFC", text)
    scripts = Counter(_script(char) for char in text if char.isalpha())
    if not scripts:
        return DEFAULT
    # Japanese mixes scripts and has one that nobody else uses; a Latin brand name must not hide a Chinese sentence.
    if scripts["HIRAGANA"] + scripts["KATAKANA"] > 0:
        return "ja"
    if scripts["CJK"] and 3 * scripts["CJK"] >= scripts["LATIN"]:
        return "zh"
    script = scripts.most_common(1)[0][0]
    return _ONE_LANGUAGE.get(script) or _within(text, _SHARED.get(script, ()))


def _script(char: str) -> str:
    return unicodedata.name(char, "").split(" ")[0]


def _within(text: str, languages: tuple[str, ...]) -> str:
    for code, letters in _TELLING:
        if code in languages and letters.search(text):
            return code
    if not languages:
        return DEFAULT
    return languages[0] if sum(map(str.isalpha, text)) < _SHORT else _detected(text, languages)


def _detected(text: str, languages: tuple[str, ...]) -> str:
    detector = _factory().create()
    detector.set_prior_map(dict.fromkeys(languages, 1.0))
    detector.append(text[:500])
    try:
        ranked = [guess for guess in detector.get_probabilities() if guess.lang in languages]
    except LangDetectException:
        return languages[0]
    unsure = not ranked or (ranked[0].prob < _SURE and any(guess.lang == languages[0] for guess in ranked))
    return languages[0] if unsure else ranked[0].lang


@functools.lru_cache(maxsize=1)
def _factory() -> DetectorFactory:
    """langdetect with our languages only (its own factory loads 55) and a fixed seed (its answers vary otherwise)."""
    DetectorFactory.seed = 0
    folder = Path(langdetect.__file__).with_name("profiles")
    codes = [code for group in _SHARED.values() for code in group]
    factory = DetectorFactory()
    factory.load_json_profile([(folder / code).read_text("utf-8") for code in codes])
    return factory
