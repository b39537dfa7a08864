"""The closed table of languages, shared by both rooms (valid on Python 3.10, imports nothing of ours)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Language:
    """One language a resident may write in.

    `script` is the ISO 15924 code of the usual script. `answered` says that articles and dialogue exist in it;
    a resident of any other language is answered in English, with one line in their own saying so.
    """

    code: str
    english: str
    endonym: str
    script: str
    rtl: bool = False
    answered: bool = False


_TABLE = (
    Language("zh", "Chinese", "中文", "Hans", answered=True),
    Language("en", "English", "English", "Latn", answered=True),
    Language("ja", "Japanese", "日本語", "Jpan"),
    Language("ko", "Korean", "한국어", "Kore"),
    Language("fr", "French", "Français", "Latn", answered=True),
    Language("de", "German", "Deutsch", "Latn"),
    Language("es", "Spanish", "Español", "Latn"),
    Language("ru", "Russian", "Русский", "Cyrl"),
    Language("ar", "Arabic", "العربية", "Arab", rtl=True, answered=True),
    Language("vi", "Vietnamese", "Tiếng Việt", "Latn", answered=True),
    Language("pt", "Portuguese", "Português", "Latn"),
    Language("th", "Thai", "ไทย", "Thai"),
    Language("id", "Indonesian", "Bahasa Indonesia", "Latn"),
    Language("ur", "Urdu", "اردو", "Arab", rtl=True),
    Language("hi", "Hindi", "हिन्दी", "Deva"),
    Language("tr", "Turkish", "Türkçe", "Latn"),
    Language("it", "Italian", "Italiano", "Latn"),
    Language("bn", "Bengali", "বাংলা", "Beng"),
    Language("fa", "Persian", "فارسی", "Arab", rtl=True),
    Language("uk", "Ukrainian", "Українська", "Cyrl"),
    Language("pl", "Polish", "Polski", "Latn"),
    Language("nl", "Dutch", "Nederlands", "Latn"),
)

LANGUAGES: dict[str, Language] = {language.code: language for language in _TABLE}
CODES: tuple[str, ...] = tuple(LANGUAGES)
ANSWERED: tuple[str, ...] = tuple(code for code in CODES if LANGUAGES[code].answered)
DEFAULT = "en"


def answer_language(code: str) -> str:
    """The language the answer is written in for a resident of language `code`."""
    language = LANGUAGES.get(code)
    return code if language is not None and language.answered else DEFAULT
