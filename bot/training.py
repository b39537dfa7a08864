"""Training the sealed room's model: one Rasa run in its own environment, an archive named by what it was made from."""

from __future__ import annotations

import asyncio
import hashlib
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

from bot.errors import StartError
from bot.settings import ROOT, Settings

ENGINE_PYTHON = ROOT / ".venv-engine" / "bin" / "python"
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


def model_path(settings: Settings) -> Path:
    """Where the archive for the present training data and pipeline belongs; whether it is there or not."""
    return settings.models_folder / f"linli-{_inputs_hash()}.tar.gz"


def _inputs_hash() -> str:
    sum_ = hashlib.sha256()
    for path in _input_files():
        sum_.update(str(path.relative_to(ROOT)).encode())
        sum_.update(path.read_bytes())
    return sum_.hexdigest()[:_HASH_LENGTH]


def _input_files() -> Iterator[Path]:
    for name in _INPUTS:
        place = ROOT / name
        files = sorted(place.rglob("*")) if place.is_dir() else [place]
        yield from (path for path in files if path.suffix in _SUFFIXES)


def check_archive(path: Path) -> None:
    """Raises StartError when the archive cannot be read to its end."""
    try:
        with tarfile.open(path) as archive:
            names = archive.getnames()
    except (tarfile.TarError, EOFError, OSError) as error:
        raise StartError(f"the model {path} is broken ({type(error).__name__}); remove it and run again") from error
    if not any(name.endswith("metadata.json") for name in names):
        raise StartError(f"the model {path} is not a Rasa archive; remove it and run again")


def check_engine_environment() -> None:
    """Raises StartError when the sealed room's environment is not there."""
    if not ENGINE_PYTHON.exists():
        raise StartError("the engine's environment .venv-engine is missing; run `make setup`")


async def train(settings: Settings) -> Path:
    """Train, and put the archive in its place only when it is whole. StartError with the log's name on failure."""
    check_engine_environment()
    target = model_path(settings)
    log = settings.var_folder / "train.log"
    settings.models_folder.mkdir(parents=True, exist_ok=True)
    unfinished = f".{target.name.removesuffix('.tar.gz')}-unfinished"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            str(ENGINE_PYTHON),
            "-m",
            "rasa",
            "train",
            "--config",
            "config.yml",
            "--domain",
            "domain.yml",
            # Rasa reads every file under a folder it is given: data/ itself holds far more than training data.
            "--data",
            "data/nlu",
            "data/rules.yml",
            "--out",
            str(settings.models_folder),
            "--fixed-model-name",
            unfinished,
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
    made = settings.models_folder / f"{unfinished}.tar.gz"
    if code != 0 or not made.exists():
        raise StartError(f"training failed with code {code}; see {log}")
    made.replace(target)
    return target
