"""The search index: vectors (usearch, HNSW) and words (tantivy, BM25) over passages, and a classifier over labels.

A passage is one way of saying one thing, and its label says what: an article's slug, `act:<intent>` for what is no
question (a greeting, a wish for a person), or `none` for questions that no article answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tantivy
from usearch.index import Index as VectorIndex

from bot.encoder import DIMENSIONS, E5_DIMENSIONS
from bot.knowledge.words import tokens

# Measured on 30k vectors (benchmarks/search.py): recall@10 is 0.998; with 16 and 96 it was 0.935, built no faster.
_CONNECTIVITY = 32
_EXPANSION_ADD = 128
_EXPANSION_SEARCH = 96
_WRITER_HEAP_BYTES = 50_000_000


@dataclass(frozen=True)
class Passage:
    label: str
    language: str
    text: str


@dataclass(frozen=True)
class Near:
    """One passage found by its vector: similarity -1 to 1, the mean over the encoders that both sides have."""

    row: int
    similarity: float


class PassageIndex:
    """Nearest passages by vector, best passages by words. Rows are positions in `passages`."""

    def __init__(
        self, labels: Sequence[str], matrix: np.ndarray, texts: Iterable[str], kept: Path | None = None
    ) -> None:
        """`kept`: a file with the vector index over these very rows, or where to put it; building takes seconds."""
        self.labels = list(labels)
        self._half = np.asarray(matrix, dtype=np.float16)
        self._vectors = _vector_index(self._half, kept)
        self._words = _word_index(texts)
        self._searcher = self._words.searcher()

    def __len__(self) -> int:
        return len(self.labels)

    def nearest(self, vector: np.ndarray, count: int = 48) -> list[Near]:
        """The passages nearest to a vector (896), best first."""
        if not self.labels:
            return []
        found = self._vectors.search(vector.astype(np.float16), min(count, len(self.labels)))
        rows = np.asarray(found.keys, dtype=np.int64)
        similarities = _similarities(self._half[rows].astype(np.float32), vector)
        order = np.argsort(-similarities)
        return [Near(int(rows[i]), float(similarities[i])) for i in order]

    def best_by_words(self, text: str, count: int = 32) -> list[tuple[int, float]]:
        """(row, BM25) of the passages that share words with `text`, best first."""
        words = set(tokens(text))
        if not words:
            return []
        terms = [(tantivy.Occur.Should, tantivy.Query.term_query(self._words.schema, "body", word)) for word in words]
        hits = self._searcher.search(tantivy.Query.boolean_query(terms), count, count=False).hits
        return [(int(self._searcher.doc(address)["row"][0]), float(score)) for score, address in hits]


def _similarities(matrix: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """Mean of the cosines over the encoders whose half both sides have."""
    e5 = matrix[:, :E5_DIMENSIONS] @ vector[:E5_DIMENSIONS]
    use = matrix[:, E5_DIMENSIONS:] @ vector[E5_DIMENSIONS:]
    if not vector[:E5_DIMENSIONS].any():
        return np.asarray(use)
    both = matrix[:, E5_DIMENSIONS:].any(axis=1) & bool(vector[E5_DIMENSIONS:].any())
    mixed: np.ndarray = np.where(both, (e5 + use) / 2, e5)
    return mixed


def _vector_index(matrix: np.ndarray, kept: Path | None = None) -> VectorIndex:
    index = _empty_vector_index()
    if kept is not None and kept.exists():
        index.load(str(kept))
        if len(index) == len(matrix):
            return index
        index = _empty_vector_index()
    if len(matrix):
        index.add(np.arange(len(matrix)), matrix, threads=0)
    if kept is not None and len(matrix):
        kept.parent.mkdir(parents=True, exist_ok=True)
        unfinished = kept.with_name(f".{kept.name}")
        index.save(str(unfinished))
        unfinished.replace(kept)
    return index


def _empty_vector_index() -> VectorIndex:
    return VectorIndex(
        ndim=DIMENSIONS,
        metric="ip",
        dtype="f16",
        connectivity=_CONNECTIVITY,
        expansion_add=_EXPANSION_ADD,
        expansion_search=_EXPANSION_SEARCH,
    )


def _word_index(texts: Iterable[str]) -> tantivy.Index:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("body", tokenizer_name="whitespace", index_option="freq")
    builder.add_unsigned_field("row", stored=True, indexed=False)
    index = tantivy.Index(builder.build())
    writer = index.writer(heap_size=_WRITER_HEAP_BYTES, num_threads=1)
    for row, text in enumerate(texts):
        document = tantivy.Document()
        document.add_text("body", " ".join(tokens(text)))
        document.add_unsigned("row", row)
        writer.add_document(document)
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    return index
