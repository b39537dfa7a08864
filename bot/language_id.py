"""Which of the 22 languages a resident wrote in: script first, then letters and words, then a vote of three libraries.

The script settles most texts of ten languages alone. Within a script that several languages share (Latin, Arabic,
Cyrillic) the letters of each alphabet are evidence, the closed-class words of each language are strong evidence, and
langdetect, py3langid and lingua vote; the weights were fitted on the tuning half of data/evaluation/languages
(`python -m benchmarks.language_id`). What the conversation spoke before is a prior: heavy on one or two words, light on
a sentence.

Memory, measured: lingua's full models of the eleven Latin languages take 270 MB, its trigram-only mode for all sixteen
27 MB; py3langid with numpy 72 MB; langdetect's profiles of those sixteen 9 MB. Nothing loads before `warm()` or the
first text that needs a vote.
"""

from __future__ import annotations

import math
import re
import threading
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from bot.language_words import (
    LANGUAGES_OF,
    OF_SCRIPT,
    is_bare_vietnamese,
    is_pinyin,
    says_nothing,
    word_votes,
)
from bot.languages import CODES, DEFAULT, LANGUAGES

if TYPE_CHECKING:
    from lingua import LanguageDetector

# A sentence or two decide; a pasted contract must not cost more than a question.
_RAW_LIMIT = 2000
_TEXT_LIMIT = 240


@dataclass(frozen=True)
class Hints:
    """Besides the text: the language this conversation spoke, and the browser's BCP 47 tag (any string)."""

    previous: str | None = None
    locale: str | None = None


@dataclass(frozen=True)
class Guess:
    """The most probable language. `votes` holds each voter's probabilities by language, for the trace."""

    code: str
    confidence: float
    votes: dict[str, dict[str, float]] = field(default_factory=dict)


# --- text ------------------------------------------------------------------------------------------------------------

_ADDRESS = re.compile(r"(?:https?://|www\.)\S+|[^\s@]+@[^\s@]+\.\w+|[@#]\w+")
_NOT_TEXT = re.compile(r"[^\w\s'’¿¡\u0300-\u036f\u064b-\u0655\u0900-\u0dff\u0e00-\u0e7f\u200c]|[\d_]")
_SPACES = re.compile(r"\s+")

_SCRIPTS: dict[str, re.Pattern[str]] = {
    "Latn": re.compile(r"[A-Za-z\u00c0-\u024f\u1e00-\u1eff]"),
    "Hani": re.compile(r"[\u3005\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"),
    "Kana": re.compile(r"[\u3041-\u3096\u309d-\u30ff\u31f0-\u31ff]"),
    "Hang": re.compile(r"[\u1100-\u11ff\u3130-\u318f\uac00-\ud7af]"),
    "Thai": re.compile(r"[\u0e01-\u0e5b]"),
    "Deva": re.compile(r"[\u0900-\u097f]"),
    "Beng": re.compile(r"[\u0980-\u09ff]"),
    "Arab": re.compile(r"[\u0620-\u064a\u066e-\u06d5\u06ee-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufefc]"),
    "Cyrl": re.compile(r"[\u0400-\u052f]"),
}
_OUTSIDE = {
    "Latn": re.compile(r"[^A-Za-z\u00c0-\u024f\u1e00-\u1eff\u0300-\u036f'’¿¡ ]"),
    "Arab": re.compile(r"[^\u0600-\u06ff\u0750-\u077f\u200c ]"),
    "Cyrl": re.compile(r"[^\u0400-\u052f'’ ]"),
}
_ONE_LANGUAGE = {"Hang": "ko", "Thai": "th", "Deva": "hi", "Beng": "bn"}


def clean(text: str) -> str:
    """Without addresses, digits, signs, controls and lone surrogates, at most `_TEXT_LIMIT` characters."""
    known = text[:_RAW_LIMIT].encode("utf-8", "ignore").decode("utf-8")
    known = unicodedata.normalize("NFKC", _ADDRESS.sub(" ", known)).replace("İ", "i")
    return _SPACES.sub(" ", _NOT_TEXT.sub(" ", known))[: _TEXT_LIMIT + 1].strip()


def scripts(text: str) -> dict[str, int]:
    """Letters per script, none of the absent."""
    counted = {name: len(pattern.findall(text)) for name, pattern in _SCRIPTS.items()}
    return {name: count for name, count in counted.items() if count}


# --- letters ---------------------------------------------------------------------------------------------------------

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
    "ar": "كيىة",
    "fa": "پچژگکی",
    "ur": "پچژگکیٹڈڑںہےھۓۃ",
    "ru": "ыэъё",
    "uk": "іїєґ",
}
_MARKED = {
    "Latn": re.compile(r"[¡¿\u00c0-\u024f\u1e00-\u1eff]"),
    "Arab": re.compile(r"[پچژگکیٹڈڑںہےھۓۃكيىة]"),
    "Cyrl": re.compile(r"[ыэъёіїєґ]"),
}


def letter_votes(text: str, script: str) -> dict[str, float]:
    """Log-weight per language of `script`: minus one for each different letter that its alphabet lacks."""
    marked = set(_MARKED[script].findall(text))
    if not marked:
        return {}
    return {code: -float(sum(letter not in _ALPHABETS[code] for letter in marked)) for code in OF_SCRIPT[script]}


# --- the libraries ---------------------------------------------------------------------------------------------------


class Voter(Protocol):
    """One opinion: log-probabilities over the languages of a script; {} without one."""

    @property
    def name(self) -> str: ...

    def vote(self, text: str, script: str) -> dict[str, float]: ...


def _log_softmax(scores: Mapping[str, float]) -> dict[str, float]:
    highest = max(scores.values())
    total = math.log(sum(math.exp(score - highest) for score in scores.values())) + highest
    return {code: score - total for code, score in scores.items()}


class LangdetectVoter:
    """langdetect's profiles and its estimate, taken over all n-grams of the text.

    Its own detector draws n-grams at random until it converges: 2 to 20 ms a text, and another answer with another
    seed. The sum over all of them is the same estimate without the noise, in 0.05 ms.
    """

    name = "langdetect"
    _ALPHA = 0.5 / 10_000  # langdetect's own smoothing: ALPHA_DEFAULT / BASE_FREQ

    def __init__(self) -> None:
        from langdetect.detector_factory import PROFILES_DIRECTORY, DetectorFactory

        factory = DetectorFactory()
        factory.load_json_profile([(Path(PROFILES_DIRECTORY) / code).read_text("utf-8") for code in self._codes()])
        columns: list[str] = factory.langlist
        self._rows: dict[str, int] = {gram: row for row, gram in enumerate(factory.word_lang_prob_map)}
        self._logs = np.log(np.array(list(factory.word_lang_prob_map.values()), dtype=np.float32) + self._ALPHA)
        self._places = {script: [columns.index(code) for code in codes] for script, codes in OF_SCRIPT.items()}

    @staticmethod
    def _codes() -> list[str]:
        return [code for codes in OF_SCRIPT.values() for code in codes]

    def vote(self, text: str, script: str) -> dict[str, float]:
        rows = [row for gram in _grams(text) if (row := self._rows.get(gram)) is not None]
        if not rows:
            return {}
        sums = self._logs[rows].sum(axis=0)[self._places[script]]
        return _log_softmax(dict(zip(OF_SCRIPT[script], sums.tolist(), strict=True)))


def _grams(text: str) -> list[str]:
    padded = f" {text} "
    return [padded[start : start + size] for size in (1, 2, 3) for start in range(len(padded) - size + 1)]


class LangidVoter:
    """py3langid restricted to our languages."""

    name = "py3langid"

    def __init__(self) -> None:
        from py3langid.langid import MODEL_FILE
        from py3langid.langid import LanguageIdentifier as Model

        self._model = Model.from_model_file(MODEL_FILE)
        self._model.set_languages(CODES)
        self._model._full_model = None  # the columns of the other languages: 23 MB

    def vote(self, text: str, script: str) -> dict[str, float]:
        return _log_softmax({code: score for code, score in self._model.rank(text) if code in OF_SCRIPT[script]})


class LinguaVoter:
    """lingua over the languages of each shared script, in its trigram-only mode."""

    name = "lingua"

    def __init__(self) -> None:
        self._detectors = {script: _lingua(codes) for script, codes in OF_SCRIPT.items()}

    def vote(self, text: str, script: str) -> dict[str, float]:
        # Rounded: it sums in the order of a hash table, so the last digits differ from call to call.
        values = self._detectors[script].compute_language_confidence_values(text)
        return _log_softmax(
            {value.language.iso_code_639_1.name.lower(): math.log(max(round(value.value, 9), 1e-9)) for value in values}
        )


def _lingua(codes: Sequence[str]) -> LanguageDetector:
    from lingua import IsoCode639_1, LanguageDetectorBuilder

    isos = [getattr(IsoCode639_1, code.upper()) for code in codes]
    builder = LanguageDetectorBuilder.from_iso_codes_639_1(*isos)
    return builder.with_low_accuracy_mode().with_preloaded_language_models().build()


# --- the decision ----------------------------------------------------------------------------------------------------

# Weights of the opinions on one word, two words, more: fitted on the tuning half; common words and letters kept above
# their fitted weight on longer texts, where the fit had no mistake left to learn from.
_WEIGHTS: tuple[dict[str, float], ...] = (
    {"langdetect": 0.13, "py3langid": 0.31, "lingua": 0.48, "letters": 2.5, "words": 2.5},
    {"langdetect": 0.07, "py3langid": 0.34, "lingua": 0.53, "letters": 1.8, "words": 2.2},
    {"langdetect": 0.15, "py3langid": 0.50, "lingua": 0.30, "letters": 1.2, "words": 1.0},
)
# What it takes to leave the conversation's language, in nats: by words of the text.
_STAY = (6.0, 5.5, 2.5, 2.0, 1.0)
# On one or two words the libraries alone never change it, letters or common words must agree: a name (Schmidt) or a
# word copied from a form is not a change of language.
_SHORT = 2
_LIBRARIES_ON_SHORT = 4.0
_LIBRARIES = ("langdetect", "py3langid", "lingua")
_LOCALE = 0.5


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
            return _by_hints(hints)
        script = leading_script(cleaned, counts)
        if script in ("Hani", "Kana"):
            return _chinese_or_japanese(cleaned, counts, hints)
        if script in _ONE_LANGUAGE:
            return _settled(_ONE_LANGUAGE[script], "script")
        return self._shared(" ".join(_OUTSIDE[script].sub(" ", cleaned).split()), script, hints)

    def _shared(self, original: str, script: str, hints: Hints) -> Guess:
        text = original.lower()
        if script == "Latn":
            if says_nothing(original):
                return _by_hints(hints)
            if is_pinyin(text):
                return _settled("zh", "pinyin")
            if is_bare_vietnamese(text):
                return _settled("vi", "bare")
        return self._vote(text, script, hints)

    def _vote(self, text: str, script: str, hints: Hints) -> Guess:
        self.warm()
        opinions = {voter.name: voter.vote(text, script) for voter in self._voters}
        opinions |= {"letters": letter_votes(text, script), "words": word_votes(text, script)}
        scores = _weigh(opinions, text, script, hints)
        best = max(scores, key=lambda code: scores[code])
        votes = {name: _probabilities(opinion) for name, opinion in opinions.items() if opinion}
        return Guess(best, round(math.exp(scores[best]), 6), votes)


def _weigh(opinions: Mapping[str, Mapping[str, float]], text: str, script: str, hints: Hints) -> dict[str, float]:
    words = len(text.split())
    weights = _WEIGHTS[min(words, len(_WEIGHTS)) - 1]
    libraries = _sum(opinions, weights, _LIBRARIES, script)
    if words <= _SHORT and hints.previous in libraries:
        least = max(libraries.values()) - _LIBRARIES_ON_SHORT
        libraries = {code: max(value, least) for code, value in libraries.items()}
    evidence = _sum(opinions, weights, ("letters", "words"), script)
    priors = _priors(words, script, hints)
    return _log_softmax({code: libraries[code] + evidence[code] + priors[code] for code in OF_SCRIPT[script]})


def _sum(
    opinions: Mapping[str, Mapping[str, float]], weights: Mapping[str, float], names: Sequence[str], script: str
) -> dict[str, float]:
    return {code: sum(weights[name] * opinions[name].get(code, 0.0) for name in names) for code in OF_SCRIPT[script]}


def _priors(words: int, script: str, hints: Hints) -> dict[str, float]:
    stay, locale = _STAY[min(words, len(_STAY)) - 1], locale_code(hints.locale)
    return {code: stay * (code == hints.previous) + _LOCALE * (code == locale) for code in OF_SCRIPT[script]}


def _probabilities(opinion: Mapping[str, float]) -> dict[str, float]:
    return {code: round(math.exp(value), 4) for code, value in _log_softmax(opinion).items()}


def _settled(code: str, reason: str) -> Guess:
    return Guess(code, 0.99, {reason: {code: 1.0}})


def _by_hints(hints: Hints) -> Guess:
    """Nothing in the text speaks: the conversation's language, then the browser's, then the default."""
    if hints.previous in LANGUAGES:
        return Guess(hints.previous, 0.5)
    return Guess(locale_code(hints.locale) or DEFAULT, 0.2)


def locale_code(locale: str | None) -> str | None:
    """The supported language a BCP 47 tag names, if any."""
    first = re.split(r"[-_]", locale[:35].strip().lower(), maxsplit=1)[0] if locale else ""
    code = "id" if first == "in" else first  # the tag of Indonesian until 1989, still sent by Java
    return code if code in LANGUAGES else None


# --- which script carries the sentence -------------------------------------------------------------------------------

# Letters of a word: a Han sign says as much as three Latin letters.
_SIGNS_PER_WORD = {"Hani": 1.6, "Kana": 2.5, "Hang": 2.5, "Thai": 4.0}
_HAN_GRAMMAR = re.compile(r"[我你您他她的了吗呢吧是怎什哪没这那给把被想]|请问")
_HIRAGANA = re.compile(r"[\u3041-\u3096]")


def leading_script(text: str, counts: Mapping[str, int]) -> str:
    """The script that carries the sentence: Chinese with English words in it ("我的 visa 到期了") stays Chinese."""
    others = {name: count for name, count in counts.items() if name != "Latn"}
    if not others:
        return "Latn"
    best = max(others, key=lambda name: others[name] / _SIGNS_PER_WORD.get(name, 5.0))
    return "Latn" if "Latn" in counts and _latin_carries(text, counts, best) else best


def _latin_carries(text: str, counts: Mapping[str, int], other: str) -> bool:
    latin = [word for word in text.lower().split() if _SCRIPTS["Latn"].match(word)]
    grammar = sum(len(word) > 1 and word in LANGUAGES_OF for word in latin)
    units = sum(counts.get(name, 0) for name in _together(other)) / _SIGNS_PER_WORD.get(other, 5.0)
    if grammar >= 3:
        return len(latin) >= units
    if _has_grammar(text, other):
        return False
    letters = sum(counts.get(name, 0) for name in (*_together(other), "Latn"))
    return grammar >= 2 or (letters - counts["Latn"] <= 0.3 * letters and len(latin) > units)


def _together(script: str) -> tuple[str, ...]:
    return ("Hani", "Kana") if script in ("Hani", "Kana") else (script,)


def _has_grammar(text: str, script: str) -> bool:
    """Whether the part in `script` builds a sentence rather than naming a thing."""
    if script in ("Hani", "Kana"):
        return bool(_HAN_GRAMMAR.search(text)) or len(_HIRAGANA.findall(text)) >= 2
    if script in OF_SCRIPT:
        codes = frozenset(OF_SCRIPT[script])
        return any(LANGUAGES_OF.get(word, frozenset()) & codes for word in text.lower().split())
    return False


_SIMPLIFIED = frozenset(
    "业东丝严为么义乐习乡书买产亲仅从们价众优传伤债储儿关兴养军农冲决冻击刚创剧劝办务动励劳势华协单卖卫厂厅历压厌厕"
    "县发变叙吗听启员响团园围图场坏块坚墙处备够头夺奋奖妇妈婴审宾对寻导层岛币师带帮广庆库应庙废开异弃张弹强归录彻态"
    "总恼惊惯愿战执扩扬护报拥择挂挥损换摄摆敌无时显术杀杂极构标树样桥梦检欢毕气汇汉沟没洁测济浓渐满灾牵狭猎环现电疗"
    "确积称稳穷窝笔签约级纪纸线练组细终经结给络绝统继续维绿编缘网罗职联肃脑脸节药获虑补见观规视觉计订认讨让训议记讲"
    "许论设访证评识词试诗话该详语误说请读课谁调谅谈谢贝负财责败货质贵贸费资赏赔赛赶趋跃车轨转轮软轻载较辆输边达迁过"
    "运还这进远违连迟适选递邮郑释针钟钱铁银错长门闭问闲间闻阅阳阴阶际陆陈险随难雾项顺须顾顿预领频题颜额风飞饭饮饱饿"
    "馆驾验骗鱼鸟鸡"
)
_JAPANESE = frozenset(
    "気駅図円転込働辺浜桜県対広売読絵鉄関戦発変総経済験実帰楽薬様権検単値歩毎黒仏払拡沢渋焼児処剤剣囲圧奨姉専巣帯弾"
    "従徳応悪悩懐抜掲揺摂斉晩暁暦枠桟歓歯歳殻浄涙渓満滝瀬犠猟獣畑砕稲穂窓粛継繊聴脳臓舎荘蔵蛍覚訳豊賛軽遅醸鉱銭闘陥"
    "険隠雑霊頼顔駆騒髄髪鶏黙齢匂峠辻畠団観両伝価仮労勧厳塩壊壌嬢巻択挙撃栄畳穏醤"
)
# Words no Japanese text without kana holds.
_CHINESE_GRAMMAR = re.compile(r"[你您她吗呢吧怎什哪请没这那给把]|我的|我要|我想|了$|了 ")
_JAPANESE_WORD = 6  # Han signs a Japanese text holds at most before kana appear


def _chinese_or_japanese(text: str, counts: Mapping[str, int], hints: Hints) -> Guess:
    """Kana and the forms only Japan writes are Japanese; a の in simplified Chinese is decoration."""
    simplified = any(sign in _SIMPLIFIED for sign in text) or _CHINESE_GRAMMAR.search(text) is not None
    kana = counts.get("Kana", 0)
    if kana > 1 or (kana and not simplified):
        return _settled("ja", "script")
    if not simplified and any(sign in _JAPANESE for sign in text):
        return Guess("ja", 0.9, {"letters": {"ja": 0.9, "zh": 0.1}})
    spoken = hints.previous if hints.previous in LANGUAGES else locale_code(hints.locale)
    if spoken == "ja" and not simplified and counts.get("Hani", 0) <= _JAPANESE_WORD:
        return Guess("ja", 0.6, {"script": {"ja": 0.5, "zh": 0.5}})
    return Guess("zh", 0.99 if simplified else 0.8, {"script": {"zh": 1.0}})
