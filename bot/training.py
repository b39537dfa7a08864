"""Training the sealed room's model: one Rasa run in its own environment, an archive named by what it was made from."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import os
import tarfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import yaml
from sqlalchemy.ext.asyncio import AsyncEngine

from bot import vector_cache
from bot.encoder import Encoder
from bot.errors import StartError
from bot.knowledge.articles import Article
from bot.knowledge.files import load_folder
from bot.knowledge.passages import training_examples
from bot.knowledge.publishing import Progress, encoder_version, vectors_of
from bot.settings import ROOT, Settings

ENGINE_PYTHON = ROOT / ".venv-engine" / "bin" / "python"
EXAMPLES = ROOT / "data" / "nlu"
# Where the sealed room looks for vectors (config.yml's SentenceFeatures).
_VECTORS = ROOT / "var" / "engine" / "vectors.npz"
_INPUTS = (
    "config.yml",
    "domain.yml",
    "data/rules.yml",
    "data/nlu",
    "bot/nlu",
    "bot/encoder.py",
    "bot/encoder_means.npz",
)
_SUFFIXES = frozenset({".yml", ".py", ".npz"})
_HASH_LENGTH = 12
_CHUNK_BYTES = 1 << 20
# Questions of each article that teach the pipeline its area: enough for every topic, few enough to train in a minute.
_QUESTIONS_AN_ARTICLE = {"en": 4, "zh": 3, "fr": 2, "ar": 2, "vi": 2}
_QUESTIONS_OF_OTHERS = 1

Question = tuple[str, str, str]  # intent, language, text


def model_path(settings: Settings) -> Path:
    """Where the archive for the present training data and pipeline belongs; whether it is there or not.

    The articles are not part of the name: publishing one never asks for a training.
    """
    return settings.models_folder / f"linli-{_inputs_hash()}.tar.gz"


def _inputs_hash() -> str:
    whole = hashlib.sha256()
    for path in _input_files():
        whole.update(str(path.relative_to(ROOT)).encode())
        whole.update(path.read_bytes())
    return whole.hexdigest()[:_HASH_LENGTH]


def _input_files() -> Iterator[Path]:
    for name in _INPUTS:
        place = ROOT / name
        files = sorted(place.rglob("*")) if place.is_dir() else [place]
        yield from (path for path in files if path.suffix in _SUFFIXES)


def check_archive(path: Path) -> None:
    """Raises StartError when the archive cannot be read to its end."""
    try:
        with gzip.open(path) as packed:
            while packed.read(_CHUNK_BYTES):
                pass  # to the end, where the check sum is
        with tarfile.open(path) as archive:
            names = archive.getnames()
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise StartError(f"the model {path} is broken ({type(error).__name__}); remove it and run again") from error
    if not any(name.endswith("metadata.json") for name in names):
        raise StartError(f"the model {path} is not a Rasa archive; remove it and run again")


def check_engine_environment() -> None:
    """Raises StartError when the sealed room's environment is not there."""
    if not ENGINE_PYTHON.exists():
        raise StartError("the engine's environment .venv-engine is missing; run `make setup`")


async def train(settings: Settings, database: AsyncEngine, encoder: Encoder, progress: Progress) -> Path:
    """Train, and put the archive in its place only when it is whole. StartError with the log's name on failure."""
    check_engine_environment()
    target = model_path(settings)
    taken = {(intent, text) for intent, _, text in training_examples(EXAMPLES)}
    questions = [
        question
        for question in area_questions(load_folder(settings.knowledge_folder).articles.values())
        if (question[0], question[2]) not in taken
    ]
    exported = settings.varied("training/questions.yml")
    exported.write_text(to_rasa(questions), encoding="utf-8")
    await _prepare_vectors(database, encoder, questions, progress)
    progress("training the language model", 0, 1)
    made = await _run_rasa(settings, exported, f".{target.name.removesuffix('.tar.gz')}-unfinished")
    made.replace(target)
    progress("training the language model", 1, 1)
    return target


def area_questions(articles: Iterable[Article]) -> list[Question]:
    """Some ways of asking for each article, as examples of its area's intent."""
    found: dict[str, Question] = {}
    for article in articles:
        for language, variants in article.variants.items():
            most = _QUESTIONS_AN_ARTICLE.get(language, _QUESTIONS_OF_OTHERS)
            for text in variants[:most]:
                found.setdefault(text, (f"ask_{article.area.value}", language, text))
    return list(found.values())


def to_rasa(questions: Sequence[Question]) -> str:
    """Rasa's training format, one block an intent and language."""
    blocks: dict[tuple[str, str], list[str]] = {}
    for intent, language, text in questions:
        blocks.setdefault((intent, language), []).append(" ".join(text.split()))
    nlu = [
        {
            "intent": intent,
            "metadata": {"language": language},
            "examples": "".join(f"- {text}\n" for text in texts),
        }
        for (intent, language), texts in blocks.items()
    ]
    return yaml.safe_dump({"version": "3.1", "nlu": nlu}, allow_unicode=True, sort_keys=False)


async def _prepare_vectors(
    database: AsyncEngine, encoder: Encoder, questions: Sequence[Question], progress: Progress
) -> None:
    """Encode here, where the vectors are kept, so that the sealed room encodes nothing."""
    examples = [(language, text) for _, language, text in training_examples(EXAMPLES) if language is not None]
    texts = [*examples, *((language, " ".join(text.split())) for _, language, text in questions)]
    vectors = await vectors_of(database, texts, encoder, encoder_version(), progress)
    found = {(text, language): vector for (language, text), vector in zip(texts, vectors, strict=True)}
    await asyncio.to_thread(vector_cache.fill, _VECTORS, found)


async def _run_rasa(settings: Settings, questions: Path, name: str) -> Path:
    log = settings.varied("train.log")
    settings.models_folder.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            str(ENGINE_PYTHON),
            *("-m", "rasa", "train", "--config", "config.yml", "--domain", "domain.yml"),
            # Rasa reads every file under a folder it is given: data/ itself holds far more than training data.
            *("--data", "data/nlu", "data/rules.yml", str(questions)),
            *("--out", str(settings.models_folder), "--fixed-model-name", name),
            # Rasa would take a trained part from its cache when only a function beside its class has changed.
            "--force",
            cwd=ROOT,
            env={**os.environ, "RASA_TELEMETRY_ENABLED": "false", "OMP_NUM_THREADS": "1"},
            stdout=output,
            stderr=output,
            stdin=asyncio.subprocess.DEVNULL,
        )
        try:
            code = await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    made = settings.models_folder / f"{name}.tar.gz"
    if code != 0 or not made.exists():
        raise StartError(f"training failed with code {code}; see {log}")
    return made
