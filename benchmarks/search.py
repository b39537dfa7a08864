"""The search alone, beyond the encoder, at growing sizes: `python -m benchmarks.search --size N` measures one size.

Each size is measured in a process of its own, so that its memory is its own. What is timed is the whole of
`Search.find` (nearest vectors, words, classifier, scoring) and, apart, its two walks through the index.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks import proc
from benchmarks.figures import exponent, summary
from benchmarks.passages import Grown, Vectors, grown, real, template
from benchmarks.places import APP_PYTHON, ROOT, clean_environment
from benchmarks.processes import BenchError
from bot.encoder import E5_DIMENSIONS
from bot.knowledge.articles import Knowledge
from bot.knowledge.classifier import Classifier
from bot.knowledge.index import PassageIndex
from bot.knowledge.scoring import Weights
from bot.knowledge.search import Search

Say = Callable[[str], None]
SIZES = (1_000, 10_000, 50_000, 100_000, 1_000_000)
# What ten thousand articles in five languages come to.
TARGET_SIZE = 50_000
PASSAGES_PER_ARTICLE = 5
# The matrix, the index's own two copies and the graph: about 10 GB at 1M by estimate (not yet run there).
_GB_PER_MILLION = 10.0
_FIRST = 10
_RECALL_SAMPLE = 100
_WARM = 20
_BRUTE_CHUNK = 50_000


def measure(sizes: Sequence[int], step: int, say: Say) -> dict[str, Any]:
    """All sizes with the exponent that fits them."""
    found: list[dict[str, Any]] = []
    skipped: dict[str, str] = {}
    for size in sizes:
        if (wanted := _GB_PER_MILLION * size / 1e6) > proc.available_gb():
            skipped[str(size)] = f"needs {wanted:.0f} GB of memory, {proc.available_gb():.0f} are free"
            continue
        say(f"search, {size:,} passages")
        found.append(_in_a_child(size, step))
    return {"sizes": found, "skipped": skipped, "exponents": exponents(found)}


def exponents(found: Sequence[dict[str, Any]]) -> dict[str, float]:
    """How p50 grows with the size: 1 is linear. Empty with fewer than two sizes."""
    if len(found) < 2:
        return {}
    sizes = [float(one["size"]) for one in found]
    parts = ("find", "nearest", "words")
    return {part: round(exponent(sizes, [one[part]["p50"] for one in found]), 3) for part in parts}


def _in_a_child(size: int, step: int) -> dict[str, Any]:
    command = [str(APP_PYTHON), "-m", "benchmarks.search", "--size", str(size), "--step", str(step)]
    environment = clean_environment(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    done = subprocess.run(command, stdout=subprocess.PIPE, cwd=ROOT, env=environment, check=False)
    if done.returncode != 0:
        raise BenchError(f"the search over {size:,} passages ended with code {done.returncode}")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def one_size(size: int, step: int) -> dict[str, Any]:
    """Build over `size` passages, ask every query, compare a sample with the exact answer."""
    known = real(step)
    more = grown(known.passages, size)
    before = proc.pss_mb(os.getpid())
    started = time.perf_counter()
    index = PassageIndex([f"a{row // PASSAGES_PER_ARTICLE}" for row in range(size)], more.matrix, more.texts)
    build = time.perf_counter() - started
    gc.collect()
    own = proc.pss_mb(os.getpid()) - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    return {
        "size": size,
        "real": min(size, len(known.passages.texts)),
        "articles": -(-size // PASSAGES_PER_ARTICLE),
        "queries": len(known.queries.texts),
        "build_seconds": round(build, 2),
        "index_mb": round(own, 1),
        "peak_mb": round(peak, 1),
        **_times(index, more, known.queries),
        **_recall(index, more.matrix, known.queries),
    }


def _times(index: PassageIndex, more: Grown, queries: Vectors) -> dict[str, Any]:
    """p50 … p99 in ms of the whole search, and of its two walks through the index."""
    search = _search(index, more.matrix)
    vectors = queries.matrix.astype(np.float32)
    ranking = {"ask_immigration": 0.5, "ask_life": 0.3, "out_of_scope": 0.1}
    rows = range(len(queries.texts))
    return {
        "find": summary(_timed(rows, lambda row: search.find(queries.texts[row], vectors[row], ranking))),
        "nearest": summary(_timed(rows, lambda row: index.nearest(vectors[row]))),
        "words": summary(_timed(rows, lambda row: index.best_by_words(queries.texts[row]))),
    }


def _timed(rows: range, ask: Callable[[int], object]) -> list[float]:
    for row in rows[:_WARM]:
        ask(row)
    milliseconds: list[float] = []
    for row in rows:
        started = time.perf_counter()
        ask(row)
        milliseconds.append((time.perf_counter() - started) * 1000)
    return milliseconds


def _search(index: PassageIndex, matrix: np.ndarray) -> Search:
    """The project's own search; the classifier's weights are the articles' means: the same cost without training."""
    slugs = list(dict.fromkeys(index.labels))
    starts = np.arange(0, len(matrix), PASSAGES_PER_ARTICLE)
    means = np.add.reduceat(matrix, starts, axis=0, dtype=np.float32) / PASSAGES_PER_ARTICLE
    classifier = Classifier(tuple(slugs), means.T, np.zeros(len(slugs), np.float32))
    article = template()
    knowledge = Knowledge("bench", {slug: replace(article, slug=slug) for slug in slugs}, {})
    return Search(knowledge, index, classifier, Weights.load())


def _recall(index: PassageIndex, matrix: np.ndarray, queries: Vectors) -> dict[str, float]:
    """Shares of the exact first ten that the index finds.

    recall_at_10: by the index's own measure, the inner product, when ten are asked for;
    recall_candidates: by the similarity that answers are ranked by, among all candidates that the search takes.
    """
    sample = queries.matrix[:_RECALL_SAMPLE].astype(np.float32)
    products, similarities = _exact(matrix, sample)
    by_product = [_share(products[row], [hit.row for hit in index.nearest(v, _FIRST)]) for row, v in enumerate(sample)]
    ranked = [_share(similarities[row], [hit.row for hit in index.nearest(v)]) for row, v in enumerate(sample)]
    return {
        "recall_at_10": round(float(np.mean(by_product)), 4),
        "recall_candidates": round(float(np.mean(ranked)), 4),
    }


def _share(wanted: np.ndarray, found: Sequence[int]) -> float:
    return len(set(wanted.tolist()) & set(found)) / len(wanted)


def _exact(matrix: np.ndarray, sample: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The exact first ten of each query: by inner product, and by the mean over the encoders that both sides have."""
    products = np.empty((len(sample), len(matrix)), np.float32)
    similarities = np.empty_like(products)
    has_use = _has_use(sample)[:, None]
    for start in range(0, len(matrix), _BRUTE_CHUNK):
        chunk = matrix[start : start + _BRUTE_CHUNK].astype(np.float32)
        e5 = sample[:, :E5_DIMENSIONS] @ chunk[:, :E5_DIMENSIONS].T
        use = sample[:, E5_DIMENSIONS:] @ chunk[:, E5_DIMENSIONS:].T
        both = has_use & _has_use(chunk)[None, :]
        products[:, start : start + len(chunk)] = e5 + use
        similarities[:, start : start + len(chunk)] = np.where(both, (e5 + use) / 2, e5)
    return _first_ten(products), _first_ten(similarities)


def _has_use(rows: np.ndarray) -> np.ndarray:
    """Which rows have the second encoder's half."""
    present: np.ndarray = np.any(rows[:, E5_DIMENSIONS:], axis=1)
    return present


def _first_ten(scores: np.ndarray) -> np.ndarray:
    first: np.ndarray = np.argpartition(-scores, _FIRST - 1, axis=1)[:, :_FIRST]
    return first


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.search", description="Measure the search at one size.")
    parser.add_argument("--size", type=int, required=True, help="passages")
    parser.add_argument("--step", type=int, default=1, help="take every n-th real passage and question")
    options = parser.parse_args()
    json.dump(one_size(options.size, options.step), sys.stdout)


if __name__ == "__main__":
    main()
