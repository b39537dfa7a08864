"""Which of the 22 languages a resident wrote in: script first, then letters and words, then a vote of three libraries.

The script settles ten languages alone. Within a script that several languages share (Latin, Arabic, Cyrillic) the letters
of each alphabet are strong evidence, a short list of common words is evidence, and langdetect, py3langid and lingua
vote. Weights were fitted on the tuning half of data/evaluation/languages (`python -m benchmarks.language_id`).

Memory: lingua's full models of eleven Latin languages take 270 MB, its trigram-only mode 25 MB; py3langid 50 MB and numpy;
langdetect 10 MB with the profiles of the shared scripts only. Nothing is loaded before `warm()` or the first vote.
"""

from __future__ import annotations

import math
import os
import re
import threading
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from bot.languages import CODES, DEFAULT, LANGUAGES

# A sentence or two decide; a pasted contract must not cost more than a question.
_RAW_LIMIT = 2000
_TEXT_LIMIT = 240


@dataclass(frozen=True)
class Hints:
    """What is known besides the text: the language this conversation spoke, and the browser's BCP 47 tag (any string)."""

    previous: str | None = None
    locale: str | None = None


@dataclass(frozen=True)
class Guess:
    """The most probable language. `votes` holds what each voter said, by language, for the trace."""

    code: str
    confidence: float
    votes: dict[str, dict[str, float]] = field(default_factory=dict)


# --- text ------------------------------------------------------------------------------------------------------------

_ADDRESS = re.compile(r"(?:https?://|www\.)\S+|\S+@\S+\.\S+|[@#]\w+")
_NOT_TEXT = re.compile(r"[^\w\s'’¿¡\u0300-\u036f\u064b-\u0655\u0900-\u0dff\u0e00-\u0e7f\u200c]|[\d_]")
_SPACES = re.compile(r"\s+")

_SCRIPTS: dict[str, re.Pattern[str]] = {
    "Latn": re.compile(r"[A-Za-z\u00aa\u00ba\u00c0-\u024f\u1e00-\u1eff]"),
    "Hani": re.compile(r"[\u3005\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"),
    "Kana": re.compile(r"[\u3041-\u30ff\u31f0-\u31ff]"),
    "Hang": re.compile(r"[\u1100-\u11ff\u3130-\u318f\uac00-\ud7af]"),
    "Thai": re.compile(r"[\u0e01-\u0e5b]"),
    "Deva": re.compile(r"[\u0900-\u097f]"),
    "Beng": re.compile(r"[\u0980-\u09ff]"),
    "Arab": re.compile(r"[\u0620-\u064a\u066e-\u06d5\u06ee-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufefc]"),
    "Cyrl": re.compile(r"[\u0400-\u052f]"),
}
_ONE_LANGUAGE = {"Hang": "ko", "Thai": "th", "Deva": "hi", "Beng": "bn"}
_OF_SCRIPT: dict[str, tuple[str, ...]] = {
    script: tuple(code for code in CODES if LANGUAGES[code].script == script) for script in ("Latn", "Arab", "Cyrl")
}
# Letters a word takes on average: a Han sign says as much as two or three Latin letters.
_LETTERS_PER_WORD = {"Hani": 1.6, "Kana": 2.5, "Hang": 2.5}


def clean(text: str) -> str:
    """NFC without addresses, digits, signs and invisible marks, at most `_TEXT_LIMIT` characters."""
    known = unicodedata.normalize("NFKC", text[:_RAW_LIMIT].encode("utf-8", "ignore").decode("utf-8"))
    return _SPACES.sub(" ", _NOT_TEXT.sub(" ", _ADDRESS.sub(" ", known))).strip()[:_TEXT_LIMIT]


def scripts(text: str) -> dict[str, int]:
    """Letters per script, none of the absent."""
    counted = {name: len(pattern.findall(text)) for name, pattern in _SCRIPTS.items()}
    return {name: count for name, count in counted.items() if count}


# --- letters and words -----------------------------------------------------------------------------------------------

_ALPHABETS: dict[str, str] = {
    "en": "",
    "fr": "àâæçéèêëîïôœùûüÿ",
    "de": "äöüß",
    "es": "áéíñóúü¿¡",
    "pt": "áâãàçéêíóôõú",
    "it": "àèéìíîòóùú",
    "tr": "çğıöşüâîû",
    "pl": "ąćęłńóśźż",
    "nl": "éëïóöüè",
    "id": "é",
    "vi": "àáảãạăằắẳẵặâầấẩẫậđèéẻẽẹêềếểễệìíỉĩịòóỏõọôồốổỗộơờớởỡợùúủũụưừứửữựỳýỷỹỵ",
    "ar": "",
    "fa": "پچژگکی",
    "ur": "پچژگکیٹڈڑںہےھۓئۃ",
    "ru": "ыэъё",
    "uk": "іїєґ",
}
_MARKED = {
    "Latn": re.compile(r"[^\x00-\x7f\s\u00aa\u00ba’]"),
    "Arab": re.compile(r"[پچژگکیٹڈڑںہےھۓۃكيىة]"),
    "Cyrl": re.compile(r"[ыэъёіїєґ]"),
}
_ARABIC_ONLY = frozenset("كيىة")
_FOREIGN_LETTER = -6.0  # a letter outside the alphabet: names and loans exist, so not impossible


def letter_votes(text: str, script: str) -> dict[str, float]:
    """Log-weight per language of `script`: a penalty for each different letter its alphabet lacks; {} without evidence."""
    marked = set(_MARKED[script].findall(text.lower()))
    if not marked:
        return {}
    return {code: _FOREIGN_LETTER * sum(not _owns(code, letter) for letter in marked) for code in _OF_SCRIPT[script]}


def _owns(code: str, letter: str) -> bool:
    return letter in _ALPHABETS[code] or (code == "ar" and letter in _ARABIC_ONLY)


# --- voters ----------------------------------------------------------------------------------------------------------


class Voter(Protocol):
    """One opinion: log-probabilities over the languages it knows among `codes`."""

    name: str

    def vote(self, text: str, codes: Sequence[str]) -> dict[str, float]: ...


def _log_softmax(scores: Mapping[str, float]) -> dict[str, float]:
    highest = max(scores.values())
    total = math.log(sum(math.exp(score - highest) for score in scores.values())) + highest
    return {code: score - total for code, score in scores.items()}


class LangdetectVoter:
    """langdetect with the profiles of the shared scripts only, in a factory of our own with a fixed seed."""

    name = "langdetect"

    def __init__(self) -> None:
        from langdetect.detector_factory import (  # type: ignore[import-untyped]  # ships no types
            PROFILES_DIRECTORY,
            DetectorFactory,
        )

        self._factory = DetectorFactory()
        profiles = []
        for code in (code for codes in _OF_SCRIPT.values() for code in codes):
            with open(os.path.join(PROFILES_DIRECTORY, code), encoding="utf-8") as file:
                profiles.append(file.read())
        self._factory.load_json_profile(profiles)
        self._codes: list[str] = list(self._factory.langlist)

    def vote(self, text: str, codes: Sequence[str]) -> dict[str, float]:
        table: dict[str, list[float]] = self._factory.word_lang_prob_map
        grams = _grams(text)
        scores = {code: 0.0 for code in codes}
        places = [(code, self._codes.index(code)) for code in codes]
        for gram in grams:
            row = table.get(gram)
            if row is not None:
                for code, place in places:
                    scores[code] += math.log(row[place] + 0.5e-4)
        return _log_softmax(scores)


def _grams(text: str) -> list[str]:
    padded = f" {text} "
    return [padded[i : i + n] for n in (1, 2, 3) for i in range(len(padded) - n + 1) if padded[i : i + n] != " "]


class LangidVoter:
    """py3langid restricted to our languages; dropping the other columns halves its memory."""

    name = "py3langid"

    def __init__(self) -> None:
        from py3langid.langid import (  # type: ignore[import-untyped]  # ships no types
            MODEL_FILE,
            LanguageIdentifier as Model,
        )

        self._model = Model.from_model_file(MODEL_FILE)
        self._model.set_languages(CODES)
        self._model._full_model = None

    def vote(self, text: str, codes: Sequence[str]) -> dict[str, float]:
        wanted = set(codes)
        return _log_softmax({code: float(score) for code, score in self._model.rank(text) if code in wanted})


class LinguaVoter:
    """lingua over the Latin languages in its trigram-only mode."""

    name = "lingua"

    def __init__(self) -> None:
        from lingua import IsoCode639_1, LanguageDetectorBuilder

        isos = [getattr(IsoCode639_1, code.upper()) for code in _OF_SCRIPT["Latn"]]
        builder = LanguageDetectorBuilder.from_iso_codes_639_1(*isos).with_low_accuracy_mode()
        self._detector = builder.with_preloaded_language_models().build()

    def vote(self, text: str, codes: Sequence[str]) -> dict[str, float]:
        if codes != _OF_SCRIPT["Latn"]:
            return {}
        values = self._detector.compute_language_confidence_values(text)
        found = {value.language.iso_code_639_1.name.lower(): math.log(max(value.value, 1e-9)) for value in values}
        return _log_softmax(found)


_WEIGHTS: dict[str, float] = {"langdetect": 0.4, "py3langid": 0.4, "lingua": 0.6}


# --- the decision ----------------------------------------------------------------------------------------------------


class LanguageIdentifier:
    """Thread-safe; the models load once, at `warm()` or at the first text that needs a vote."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._voters: tuple[Voter, ...] = ()

    def warm(self) -> None:
        """Load the voters (about a second)."""
        with self._lock:
            if not self._voters:
                self._voters = (LangdetectVoter(), LangidVoter(), LinguaVoter())

    def identify(self, text: str, hints: Hints = Hints()) -> Guess:
        """The language of `text`; never raises."""
        cleaned = clean(text)
        counts = scripts(cleaned)
        if not counts:
            return _without_letters(hints)
        script = leading_script(cleaned, counts)
        if script not in _OF_SCRIPT:
            return _by_script(script, counts)
        return self._by_vote(cleaned, script, hints)

    def _by_vote(self, text: str, script: str, hints: Hints) -> Guess:
        self.warm()
        codes = _OF_SCRIPT[script]
        opinions = {voter.name: voter.vote(text.lower(), codes) for voter in self._voters}
        opinions["letters"] = letter_votes(text, script)
        scores = {code: _prior(code, text, hints) for code in codes}
        for name, opinion in opinions.items():
            for code, value in opinion.items():
                scores[code] += _WEIGHTS.get(name, 1.0) * value
        final = _log_softmax(scores)
        best = max(codes, key=lambda code: final[code])
        return Guess(best, min(1.0, math.exp(final[best])), {name: op for name, op in opinions.items() if op})


def _prior(code: str, text: str, hints: Hints) -> float:
    words = len(text.split())
    value = 0.3 if code == locale_code(hints.locale) else 0.0
    if code == hints.previous:
        value += 4.0 if words <= 2 else 1.0
    return value


def _without_letters(hints: Hints) -> Guess:
    if hints.previous in LANGUAGES:
        return Guess(str(hints.previous), 0.5)
    return Guess(locale_code(hints.locale) or DEFAULT, 0.2)


def locale_code(locale: str | None) -> str | None:
    """The supported language a BCP 47 tag names, if any."""
    first = re.split(r"[-_]", locale.strip().lower()[:35], maxsplit=1)[0] if locale else ""
    return {"in": "id"}.get(first, first) if {"in": "id"}.get(first, first) in LANGUAGES else None


def leading_script(text: str, counts: Mapping[str, int]) -> str:
    """The script that carries the sentence: Han with embedded English words stays Han."""
    total = sum(counts.values())
    others = {name: count for name, count in counts.items() if name != "Latn"}
    if not others:
        return "Latn"
    east = {name: count for name, count in others.items() if name in ("Hani", "Kana")}
    if east and sum(east.values()) > 0.3 * total:
        return "Kana" if counts.get("Kana", 0) > 0 else "Hani"
    best = max(others, key=lambda name: others[name])
    return best if others[best] > 0.3 * total else max(counts, key=lambda name: counts[name])


def _by_script(script: str, counts: Mapping[str, int]) -> Guess:
    code = {"Hani": "zh", "Kana": "ja"}.get(script) or _ONE_LANGUAGE[script]
    return Guess(code, 0.99, {"script": {code: 1.0}})
