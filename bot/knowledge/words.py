"""Words of a text for the word index: folded, scripts without spaces cut into pairs of characters. Pure."""

from __future__ import annotations

import re
import unicodedata

_UNSPACED_LETTERS = r"\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff"
_HANGUL = r"\uac00-\ud7af"
_INDIC = r"\u0900-\u0dff"  # their vowel signs are marks, which no \w takes
_UNSPACED = re.compile(f"[{_UNSPACED_LETTERS}]")
# A change of script ends a word: 签证 after X1 is a word of its own.
_RUN = re.compile(rf"[{_UNSPACED_LETTERS}]+|[{_HANGUL}]+|(?:[^\W{_UNSPACED_LETTERS}{_HANGUL}]|[{_INDIC}])+")
_LONGEST_WORD = 40
# Letters with a stroke, which Unicode does not take apart.
_NOT_DECOMPOSED = str.maketrans("đĐłŁøØı", "dDlLoOi")


def tokens(text: str, most: int = 64) -> list[str]:
    """At most `most` words; "办理X1签证" becomes 办理 x1 签证, "Größe" becomes grosse."""
    found: list[str] = []
    for run in _RUN.findall(_folded(text)):
        if _UNSPACED.match(run):
            found.extend(run[i : i + 2] for i in range(max(1, len(run) - 1)))
        else:
            found.append(run[:_LONGEST_WORD])
        if len(found) >= most:
            break
    return found[:most]


def _folded(text: str) -> str:
    return without_marks(text.casefold())


def without_marks(text: str) -> str:
    """The text as people type it who leave the accents out: "gia hạn, đăng ký" → "gia han, dang ky"."""
    decomposed = unicodedata.normalize("NFKD", text)
    bare = "".join(c for c in decomposed if not _is_latin_mark(c))
    return unicodedata.normalize("NFC", bare).translate(_NOT_DECOMPOSED)


def _is_latin_mark(character: str) -> bool:
    # Accents of Latin, Greek and Cyrillic, and Arabic's vowel signs; the marks of Indic and Thai scripts are letters.
    return "\u0300" <= character <= "\u036f" or "\u064b" <= character <= "\u0652"
