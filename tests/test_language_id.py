"""Language identification: accuracy on the tuning half, conversation rules, and strings nobody means to send."""

from __future__ import annotations

import time
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from statistics import median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.language_id import KINDS, Text, texts
from bot.language_id import Guess, Hints, LanguageIdentifier, clean, is_bare_vietnamese, is_pinyin, locale_code
from bot.languages import CODES

TUNING = list(texts("tuning"))
LATIN = ("en", "fr", "de", "es", "vi", "pt", "id", "tr", "it", "pl", "nl")


@pytest.fixture(scope="module")
def identifier() -> LanguageIdentifier:
    made = LanguageIdentifier()
    made.warm()
    return made


def share(identifier: LanguageIdentifier, chosen: list[Text], hints: Hints | None = None) -> float:
    found = [identifier.identify(text.text, hints or Hints(previous=text.code)).code == text.code for text in chosen]
    return 100 * sum(found) / len(found)


# --- accuracy --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "least"), [("word", 88.0), ("pair", 97.0), ("sentence", 99.8)])
def test_is_right_without_hints(identifier: LanguageIdentifier, kind: str, least: float) -> None:
    assert share(identifier, [text for text in TUNING if text.kind == kind], Hints()) >= least


@pytest.mark.parametrize("code", CODES)
def test_no_language_is_left_behind(identifier: LanguageIdentifier, code: str) -> None:
    assert share(identifier, [text for text in TUNING if text.code == code and text.kind == "pair"], Hints()) >= 85


@pytest.mark.parametrize("part", ["tuning", "held_out"])
def test_the_set_is_what_its_readme_says(part: str) -> None:
    chosen = list(texts(part))
    for code in CODES:
        assert [sum(t.code == code and t.kind == kind for t in chosen) for kind in KINDS] == [50, 40, 30]


def test_the_halves_share_no_text() -> None:
    tuning = {(text.code, text.kind, text.text) for text in TUNING}
    assert not tuning & {(text.code, text.kind, text.text) for text in texts("held_out")}


# --- scripts and mixtures --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("请问签证怎么办理", "zh"),
        ("請問簽證怎麼辦理", "zh"),
        ("ビザの更新", "ja"),
        ("薬局", "ja"),
        ("鲜の每日订单", "zh"),
        ("日本の文化", "ja"),
        ("비자 연장", "ko"),
        ("วีซ่า", "th"),
        ("वीज़ा", "hi"),
        ("ভিসা", "bn"),
        ("أين المستشفى", "ar"),
        ("بیمارستان کجاست", "fa"),
        ("میرا ویزا کہاں ہے", "ur"),
        ("Де мій паспорт", "uk"),
        ("Это мой паспорт", "ru"),
        ("Gdzie jest żółty dworzec", "pl"),
        ("Straße", "de"),
        ("İSTANBUL'DA OTURUYORUM", "tr"),
    ],
)
def test_script_and_letters(identifier: LanguageIdentifier, text: str, code: str) -> None:
    assert identifier.identify(text).code == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("我的 residence permit 到期了", "zh"),
        ("请问 visa extension 怎么办", "zh"),
        ("visa 续签", "zh"),
        ("我需要 certificate of no criminal record", "zh"),
        ("Where can I buy 火车票 in Hefei?", "en"),
        ("What is 居留许可?", "en"),
        ("How do I say 医院 in Chinese?", "en"),
        ("residence permit の更新はどこですか", "ja"),
        ("Как продлить residence permit?", "ru"),
        ("كيف أجدد residence permit؟", "ar"),
        ("Comment remplir le formulaire 签证申请表 ?", "fr"),
    ],
)
def test_the_script_that_carries_the_sentence_decides(identifier: LanguageIdentifier, text: str, code: str) -> None:
    assert identifier.identify(text).code == code


def test_addresses_say_nothing(identifier: LanguageIdentifier) -> None:
    text = "https://www.example.com/the-residence-permit écrivez à the.office@example.com"
    assert identifier.identify(text).code == "fr"


# --- Chinese and Vietnamese in plain Latin letters -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("toi muon gia han visa", "vi"),
        ("benh vien o dau", "vi"),
        ("xin chao", "vi"),
        ("wo xiang yanqi qianzheng", "zh"),
        ("nǐ hǎo", "zh"),
        ("xiexie", "zh"),
        ("qing wen yiyuan zai nali", "zh"),
    ],
)
def test_plain_letters(identifier: LanguageIdentifier, text: str, code: str) -> None:
    assert identifier.identify(text).code == code


def test_vietnamese_sentences_survive_without_marks(identifier: LanguageIdentifier) -> None:
    sentences = [text.text for text in TUNING if text.code == "vi" and text.kind == "sentence"]
    assert sum(identifier.identify(without_marks(text)).code == "vi" for text in sentences) >= len(sentences) - 1


def without_marks(text: str) -> str:
    bare = "".join(sign for sign in unicodedata.normalize("NFD", text) if not unicodedata.combining(sign))
    return bare.replace("đ", "d").replace("Đ", "D")


def test_no_other_latin_text_passes_for_pinyin_or_bare_vietnamese() -> None:
    others = [clean(text.text).lower() for text in TUNING if text.code in LATIN and text.code != "vi"]
    assert [text for text in others if is_pinyin(text) or is_bare_vietnamese(text)] == []


# --- hints -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_conversation_is_not_flipped_by_its_own_language(identifier: LanguageIdentifier, kind: str) -> None:
    assert share(identifier, [text for text in TUNING if text.kind == kind]) >= 99.5


@pytest.mark.parametrize("text", ["Kowalski", "permit", "hotel", "Passport photo", "pasta", "Schmidt"])
@pytest.mark.parametrize("previous", ["en", "fr", "es"])
def test_a_short_text_without_strong_evidence_keeps_the_conversation(
    identifier: LanguageIdentifier, text: str, previous: str
) -> None:
    assert identifier.identify(text, Hints(previous=previous)).code == previous


@pytest.mark.parametrize(
    ("text", "previous", "code"),
    [
        ("签证", "en", "zh"),
        ("паспорт", "en", "ru"),
        ("Ich brauche einen neuen Ausweis", "en", "de"),
        ("Où est l'hôpital le plus proche ?", "en", "fr"),
        ("¿Dónde está el hospital?", "pt", "es"),
        ("I lost my passport", "zh", "en"),
        ("muchas gracias", "en", "es"),
    ],
)
def test_strong_evidence_changes_the_language(
    identifier: LanguageIdentifier, text: str, previous: str, code: str
) -> None:
    assert identifier.identify(text, Hints(previous=previous)).code == code


@pytest.mark.parametrize("text", ["ok", "visa", "WiFi", "VPN", "x", "OK!", "123", "🙏", "...", "", "   ", "€ 20"])
def test_what_says_nothing_follows_previous_then_locale_then_english(identifier: LanguageIdentifier, text: str) -> None:
    assert identifier.identify(text, Hints(previous="zh", locale="fr")).code == "zh"
    assert identifier.identify(text, Hints(locale="fr-CA")).code == "fr"
    assert identifier.identify(text).code == "en"


def test_the_locale_helps_but_does_not_decide(identifier: LanguageIdentifier) -> None:
    words = [text for text in TUNING if text.kind == "word"]
    helped = [identifier.identify(text.text, Hints(locale=text.code)).code == text.code for text in words]
    assert 100 * sum(helped) / len(helped) > share(identifier, words, Hints())
    assert identifier.identify("Wo ist das Krankenhaus?", Hints(locale="en-GB")).code == "de"


def test_a_word_of_han_signs_stays_japanese_in_a_japanese_conversation(identifier: LanguageIdentifier) -> None:
    assert identifier.identify("病院", Hints(previous="ja")).code == "ja"
    assert identifier.identify("病院", Hints(locale="ja-JP")).code == "ja"
    assert identifier.identify("医院在哪里", Hints(previous="ja")).code == "zh"


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("zh-Hans-CN", "zh"),
        ("EN_us", "en"),
        ("in-ID", "id"),
        ("sw", None),
        ("", None),
        (None, None),
        ("-", None),
        ("\x00\ud800", None),
        ("e" * 10_000, None),
    ],
)
def test_locales(tag: str | None, code: str | None) -> None:
    assert locale_code(tag) == code


def test_an_unknown_previous_language_is_ignored(identifier: LanguageIdentifier) -> None:
    assert identifier.identify("42", Hints(previous="xx", locale="??")).code == "en"


# --- strings nobody means to send ------------------------------------------------------------------------------------

ODD = [
    "\x00",
    "\ud800",
    "visa \udfff permit",
    "a" * 100_000,
    "ы" * 100_000,
    "签" * 100_000,
    " " * 100_000,
    "\u0301" * 100_000,
    "@" * 100_000,
    "a@" * 50_000,
    "\ufdfa" * 100_000,
    "😀👨‍👩‍👧🏳️‍🌈",
    "١٢٣٤٥",
    "\u202eesreveR\u202c",
    "\u200f\u200e\u2066\u2069",
    "''''",
    "’",
    "¿",
    "ª",
    "ﬀ",
    "Ω",
    "ԱԲԳ",
    "ẞ",
    "İ",
    "پ",
    "ŋ",
]


@pytest.mark.parametrize("text", ODD, ids=lambda text: ascii(text[:8]))
def test_never_raises(identifier: LanguageIdentifier, text: str) -> None:
    start = time.perf_counter()
    check(identifier.identify(text, Hints(previous="\ud800", locale="\x00")))
    assert time.perf_counter() - start < 0.5


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(), max_size=80), st.none() | st.text(max_size=9), st.none() | st.sampled_from(CODES))
def test_any_string_has_a_language(text: str, locale: str | None, previous: str | None) -> None:
    check(SHARED.identify(text, Hints(previous, locale)))


SHARED = LanguageIdentifier()


def check(guess: Guess) -> None:
    assert guess.code in CODES
    assert 0.0 <= guess.confidence <= 1.0
    assert all(0.0 <= value <= 1.0 for opinion in guess.votes.values() for value in opinion.values())


# --- running ---------------------------------------------------------------------------------------------------------


def test_nothing_loads_before_it_is_needed() -> None:
    light = LanguageIdentifier()
    assert light.identify("签证").code == "zh"
    assert light._voters == ()
    assert light.identify("Wo ist der Bahnhof?").code == "de"
    assert len(light._voters) == 3


def test_threads_agree_with_one_another() -> None:
    fresh = LanguageIdentifier()
    sample = [text.text for text in TUNING[::7]]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(fresh.identify, sample))
    assert together == [fresh.identify(text) for text in sample]


def test_a_sentence_takes_at_most_a_millisecond(identifier: LanguageIdentifier) -> None:
    times = []
    for text in (text.text for text in TUNING if text.kind == "sentence"):
        start = time.perf_counter()
        identifier.identify(text)
        times.append(time.perf_counter() - start)
    assert median(times) <= 0.001


def test_votes_name_their_voters(identifier: LanguageIdentifier) -> None:
    votes = identifier.identify("Où est la gare ?").votes
    assert set(votes) == {"langdetect", "py3langid", "lingua", "letters", "words"}
    assert votes["letters"]["fr"] > votes["letters"]["en"]
