"""From files and tables to a search that can be asked: publish, encode what is new, build the index."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import numpy as np
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.encoder import DIMENSIONS, MEANS_FILE, Encoder
from bot.knowledge import store
from bot.knowledge.articles import Knowledge, digest
from bot.knowledge.classifier import Classifier, train
from bot.knowledge.files import load_folder
from bot.knowledge.index import Passage, PassageIndex
from bot.knowledge.scoring import Weights
from bot.knowledge.search import Search

Progress = Callable[[str, int, int], None]
Text = tuple[str, str]  # a language and a text
# Vectors are kept after each batch: a set-up that is interrupted goes on where it was.
_BATCH = 400
_THREADS = 2


def encoder_version() -> str:
    """Changes when vectors of the same text would be others."""
    return "e5-0.3.0+use-0.2.1+" + digest(MEANS_FILE.read_bytes().hex())[:8]


async def publish_files(database: AsyncEngine, folder: Path, now: datetime) -> int:
    """Publish the starting articles that differ from what is stored; the number of those that did."""
    return await store.publish(database, await asyncio.to_thread(load_folder, folder), now)


async def build_search(
    database: AsyncEngine,
    knowledge: Knowledge,
    passages: Sequence[Passage],
    encoder: Encoder,
    version: str,
    cache: Path,
    progress: Progress,
) -> Search:
    """The search over `passages`; vectors come from the database where they are known, the classifier from `cache`."""
    texts = [(passage.language, passage.text) for passage in passages]
    matrix = await vectors_of(database, texts, encoder, version, progress)
    labels = [passage.label for passage in passages]
    key = digest(version + "\n".join(f"{p.label}\t{p.language}\t{p.text}" for p in passages))[:16]
    kept = cache / f"vectors-{key}.usearch"
    index = await asyncio.to_thread(PassageIndex, labels, matrix, [passage.text for passage in passages], kept)
    classifier = await asyncio.to_thread(_classifier, cache / f"classifier-{key}.npz", passages, matrix)
    _forget_others(cache, key)
    return Search(knowledge, index, classifier, Weights.load())


async def vectors_of(
    database: AsyncEngine, texts: Sequence[Text], encoder: Encoder, version: str, progress: Progress
) -> np.ndarray:
    """The vectors (n, 896) of (language, text) pairs; what the database does not hold yet is encoded and kept."""
    keys = [digest(f"{version}\0{language}\0{text}") for language, text in texts]
    known = await store.stored_vectors(database, sorted(set(keys)))
    items = list({key: text for key, text in zip(keys, texts, strict=True) if key not in known}.items())
    for start in range(0, len(items), _BATCH):
        progress("encoding questions", start, len(items))
        batch = items[start : start + _BATCH]
        vectors = await _encode(encoder, [text for _, text in batch])
        fresh = dict(zip([key for key, _ in batch], vectors, strict=True))
        await store.store_vectors(database, fresh)
        known |= fresh
    if items:
        progress("encoding questions", len(items), len(items))
    return np.stack([known[key] for key in keys]) if keys else np.zeros((0, DIMENSIONS), np.float32)


async def _encode(encoder: Encoder, texts: Sequence[Text]) -> np.ndarray:
    def encode(part: Sequence[Text]) -> np.ndarray:
        vectors: np.ndarray = encoder.encode_many([text for _, text in part], [language for language, _ in part])
        return vectors

    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(_THREADS) as pool:
        size = -(-len(texts) // _THREADS)
        parts = [texts[start : start + size] for start in range(0, len(texts), size)]
        return np.concatenate(await asyncio.gather(*(loop.run_in_executor(pool, encode, part) for part in parts)))


def _classifier(path: Path, passages: Sequence[Passage], matrix: np.ndarray) -> Classifier:
    """Trained on these very passages, or read back when it was trained on them before."""
    if path.exists():
        return Classifier.load(path)
    classifier = train([passage.label for passage in passages], matrix)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}")
    classifier.save(unfinished)
    unfinished.replace(path)
    return classifier


def _forget_others(cache: Path, key: str) -> None:
    """The files of earlier knowledge; what is under way in another process begins with a dot."""
    for old in [*cache.glob("classifier-*.npz"), *cache.glob("vectors-*.usearch")]:
        if key not in old.name:
            old.unlink(missing_ok=True)
