"""Passages for the search's benchmark: the real ones, and as many more as wanted, made from them with noise."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.places import FOLDER, ROOT
from benchmarks.questions import LANGUAGES, questions
from bot.encoder import E5_DIMENSIONS, MEANS_FILE, Encoder
from bot.knowledge.articles import Article, Knowledge
from bot.knowledge.files import load_folder
from bot.knowledge.index import Passage
from bot.knowledge.passages import article_passages

KNOWLEDGE_FOLDER = ROOT / "data" / "knowledge"
# Two ways of asking the same have a cosine of about 0.8 to each other: noise of 0.75 of a vector's length does that.
_NOISE = 0.75
_CHUNK = 20_000
_THREADS = 2


@dataclass(frozen=True)
class Vectors:
    """Texts in their languages with their vectors (n, 896; float16)."""

    languages: tuple[str, ...]
    texts: tuple[str, ...]
    matrix: np.ndarray


@dataclass(frozen=True)
class Real:
    """What is known: the passages of five languages, and the evaluation questions that are put to them."""

    passages: Vectors
    queries: Vectors


def template() -> Article:
    """Any article, to make others from."""
    return next(iter(load_folder(KNOWLEDGE_FOLDER).articles.values()))


def real(step: int) -> Real:
    """Every `step`-th passage and question, encoded once and kept in var/bench."""
    content = load_folder(KNOWLEDGE_FOLDER)
    passages = [p for p in article_passages(Knowledge("", content.articles, {})) if p.language in LANGUAGES]
    asked = [
        Passage("", question.language, question.text) for question in questions() if question.language in LANGUAGES
    ]
    encoder = Encoder()
    return Real(_encoded(encoder, passages[::step]), _encoded(encoder, asked[::step]))


def _encoded(encoder: Encoder, passages: Sequence[Passage]) -> Vectors:
    languages, texts = tuple(p.language for p in passages), tuple(p.text for p in passages)
    key = hashlib.sha256(MEANS_FILE.read_bytes() + repr((languages, texts)).encode()).hexdigest()[:16]
    path = FOLDER / "search" / f"vectors-{key}.npy"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _save(path, _encode(encoder, texts, languages))
    return Vectors(languages, texts, np.load(path))


def _encode(encoder: Encoder, texts: Sequence[str], languages: Sequence[str]) -> np.ndarray:
    cuts = range(0, len(texts), 64)
    with ThreadPoolExecutor(_THREADS) as pool:
        parts = pool.map(lambda at: encoder.encode_many(texts[at : at + 64], languages[at : at + 64]), cuts)
        return np.concatenate(list(parts))


def _save(path: Path, matrix: np.ndarray) -> None:
    # numpy appends .npy to any other ending.
    unfinished = path.with_name(f".{path.name}")
    np.save(unfinished, matrix.astype(np.float16))
    unfinished.replace(path)


@dataclass(frozen=True)
class Grown:
    """`size` passages: `texts` can be walked through once."""

    matrix: np.ndarray
    texts: Iterator[str]


def grown(known: Vectors, size: int, seed: int = 7) -> Grown:
    """The real passages, and beyond them real ones with noise in vector and words; fewer when fewer are wanted."""
    random = np.random.default_rng(seed)
    rows = random.permutation(len(known.texts))[:size]
    rows = np.concatenate([rows, random.integers(0, len(known.texts), max(0, size - len(rows)))])
    matrix = known.matrix[rows]
    shapes = _shape(known.matrix[:, :E5_DIMENSIONS]), _shape(known.matrix[:, E5_DIMENSIONS:])
    for start in range(min(size, len(known.texts)), size, _CHUNK):
        end = min(start + _CHUNK, size)
        matrix[start:end] = _noisy(matrix[start:end].astype(np.float32), shapes, random)
    return Grown(matrix, _texts(known, rows, np.random.default_rng(seed)))


def _shape(half: np.ndarray) -> np.ndarray:
    """What turns white noise into noise of length `_NOISE` that varies as the real passages vary among each other.

    Noise that is equal in all 896 directions is unlike any text, and no graph index finds its way in it.
    """
    present = half[np.any(half, axis=1)].astype(np.float32)
    covariance = np.cov(present, rowvar=False) + 1e-6 * np.eye(half.shape[1])
    shape: np.ndarray = np.linalg.cholesky(covariance).T * (_NOISE / np.sqrt(np.trace(covariance)))
    return shape.astype(np.float32)


def _noisy(chunk: np.ndarray, shapes: tuple[np.ndarray, np.ndarray], random: np.random.Generator) -> np.ndarray:
    """Each half gets its own noise and its length 1 again; a half that is zero stays zero."""
    for half, shape in zip((chunk[:, :E5_DIMENSIONS], chunk[:, E5_DIMENSIONS:]), shapes, strict=True):
        present = np.any(half, axis=1, keepdims=True)
        half += random.standard_normal(half.shape, dtype=np.float32) @ shape * present
        half /= np.maximum(np.linalg.norm(half, axis=1, keepdims=True), 1e-6)
    return chunk


def _texts(known: Vectors, rows: np.ndarray, random: np.random.Generator) -> Iterator[str]:
    """The real texts; beyond them, the first half of one and the second half of another of the same language."""
    of_language: dict[str, list[int]] = {}
    for row, language in enumerate(known.languages):
        of_language.setdefault(language, []).append(row)
    for place, row in enumerate(rows):
        text = known.texts[row]
        if place >= len(known.texts):
            others = of_language[known.languages[row]]
            text = _crossed(text, known.texts[others[int(random.integers(len(others)))]])
        yield text


def _crossed(first: str, second: str) -> str:
    if " " in first and " " in second:
        left, right = first.split(), second.split()
        return " ".join(left[: (len(left) + 1) // 2] + right[len(right) // 2 :])
    return first[: (len(first) + 1) // 2] + second[len(second) // 2 :]
