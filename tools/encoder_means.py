"""Compute bot/encoder_means.npz: e5's mean vector of each language. Run by hand when the encoder changes.

    .venv/bin/python tools/encoder_means.py

e5's cosines are narrow, and a good part of a vector says only which language it is in. With one mean for all, the right
article was nearest for 83 % of the tuning questions in the five answered languages; with each language's own, for 86 %.
A language's mean is drawn towards the mean of all by as much as 30 texts, so that few texts do not decide alone.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

from bot.encoder import MEANS_FILE, Encoder  # noqa: E402
from bot.knowledge.files import load_folder  # noqa: E402
from bot.knowledge.passages import training_examples  # noqa: E402

_MOST_TEXTS = 200
_PULL = 30


def main() -> None:
    texts = _texts()
    encoder = Encoder()
    chosen = {language: _sample(found) for language, found in sorted(texts.items())}
    vectors = {language: encoder.raw_e5(found) for language, found in chosen.items()}
    whole = np.mean([found.mean(axis=0) for found in vectors.values()], axis=0)
    means = {f"mean_{language}": _drawn(found, whole) for language, found in vectors.items()}
    np.savez(MEANS_FILE, mean_=whole.astype(np.float32), **means)
    print({language: len(found) for language, found in chosen.items()})


def _texts() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for article in load_folder(ROOT / "data" / "knowledge").articles.values():
        for language, variants in article.variants.items():
            found.setdefault(language, []).extend(variants)
    for _, language, text in training_examples(ROOT / "data" / "nlu"):
        if language is not None:
            found.setdefault(language, []).append(text)
    return found


def _sample(texts: list[str]) -> list[str]:
    return random.Random(7).sample(texts, min(_MOST_TEXTS, len(texts)))  # noqa: S311 - a sample, no secret


def _drawn(vectors: np.ndarray, whole: np.ndarray) -> np.ndarray:
    drawn: np.ndarray = (vectors.sum(axis=0) + _PULL * whole) / (len(vectors) + _PULL)
    return drawn.astype(np.float32)


if __name__ == "__main__":
    main()
