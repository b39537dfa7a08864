"""Train bot/conversations/urgent_net.npz, the net behind the urgent lane's rules. Run by hand when its texts change.

    .venv/bin/python tools/urgent_net.py [--vectors FILE]

It learns from `data/urgent/learned` and `data/urgent/examples.yml` (emergencies, and what only sounds like one), from
the pipeline's training data and from the ways of asking for articles. The threshold is the lowest at which, cross-
validated, false alarms stay under what is said below. `--vectors` names the SQLite file that keeps vectors.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import yaml  # noqa: E402

from bot.conversations.urgent import UrgentLane  # noqa: E402
from bot.conversations.urgent_net import CALM, LABELS, NET_FILE, Halves, UrgentNet, rescaled, softmax  # noqa: E402
from bot.db.engine import make_engine  # noqa: E402
from bot.db.migrate import migrate  # noqa: E402
from bot.encoder import E5_DIMENSIONS, Encoder  # noqa: E402
from bot.knowledge.articles import digest  # noqa: E402
from bot.knowledge.files import load_counter_examples, load_folder  # noqa: E402
from bot.knowledge.passages import article_passages, training_examples  # noqa: E402
from bot.knowledge.publishing import encoder_version, vectors_of  # noqa: E402
from bot.language_id import LanguageIdentifier  # noqa: E402

_EMERGENCY = "emergency"
# Their readers may well be in an emergency; the net must not learn that they are not.
_UNCLEAR_ARTICLES = frozenset(
    "animal-bite fever-and-emergency psychological-hotline fraud-calls fire-safety-smoking see-a-doctor".split()
)
_FOLDS = 4
_HIDDEN = 60
_EPOCHS = 12
_BATCH = 512
_RATE = 0.003
_WEIGHT_DECAY = 1e-4
# What only sounds like an emergency is rarer in the texts than in the doubtful cases that the net is asked about.
_NEAR_MISSES_WEIGH = 2.0


class Source(StrEnum):
    """What a text is measured as."""

    EMERGENCY = "emergency"
    NEAR_MISS = "near"
    ORDINARY = "ordinary"


# The largest share of false alarms that a threshold may give.
_MOST_FALSE = {Source.NEAR_MISS: 0.03, Source.ORDINARY: 0.003}


@dataclass(frozen=True)
class Text:
    """`label` is a Kind or CALM."""

    language: str
    text: str
    label: str
    source: Source


def texts() -> list[Text]:
    """All training texts, each once. Ordinary ones on which the rules fire are left out: they may be none."""
    lane, identifier = UrgentLane.load(ROOT / "data" / "urgent"), LanguageIdentifier()
    found: dict[tuple[str, str], Text] = {}
    for text in (*_learned(), *_examples(), *_pipeline(lane, identifier), *_asked(lane)):
        found.setdefault((text.language, text.text), text)
    return list(found.values())


def _learned() -> Iterator[Text]:
    for path in sorted((ROOT / "data" / "urgent" / "learned").glob("*.yml")):
        for label, given in _read(path).items():
            source = Source.NEAR_MISS if label == CALM else Source.EMERGENCY
            yield from (Text(path.stem, text, label, source) for text in given)


def _examples() -> Iterator[Text]:
    for language, given in _read(ROOT / "data" / "urgent" / "examples.yml").items():
        for kind, found in given["urgent"].items():
            yield from (Text(language, text, kind, Source.EMERGENCY) for text in found)
        yield from (Text(language, text, CALM, Source.NEAR_MISS) for text in given["calm"])


def _pipeline(lane: UrgentLane, identifier: LanguageIdentifier) -> Iterator[Text]:
    """Rasa's examples. Emergencies stand there without their kind, which the rules know."""
    for intent, said, text in training_examples(ROOT / "data" / "nlu"):
        language = said or identifier.identify(text).code
        urgent = lane.check(text, language)
        if intent == _EMERGENCY and urgent is not None:
            yield Text(language, text, urgent.kind.value, Source.EMERGENCY)
        elif intent != _EMERGENCY and urgent is None:
            yield Text(language, text, CALM, Source.ORDINARY)


def _asked(lane: UrgentLane) -> Iterator[Text]:
    folder = ROOT / "data" / "knowledge"
    passages = [(p.language, p.text) for p in article_passages(load_folder(folder)) if p.label not in _UNCLEAR_ARTICLES]
    for language, text in (*passages, *load_counter_examples(folder)):
        if lane.check(text, language) is None:
            yield Text(language, text, CALM, Source.ORDINARY)


def _read(path: Path) -> dict[str, dict[str, list[str]]]:
    content: dict[str, dict[str, list[str]]] = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    return content


async def vectors(given: Sequence[Text], file: Path) -> np.ndarray:
    """The vectors (n, 896) of the texts, from `file` where it has them."""
    database = make_engine(f"sqlite+aiosqlite:///{file}")
    await migrate(database)
    try:
        pairs = [(text.language, text.text) for text in given]
        return await vectors_of(database, pairs, Encoder(), encoder_version(), _progress)
    finally:
        await database.dispose()


def _progress(what: str, done: int, of: int) -> None:
    print(f"{what} {done}/{of}", flush=True)


def halves(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The vectors in the order of Halves; those that lack USE's half keep e5's throughout."""
    e5, use = matrix.copy(), matrix.copy()
    e5[:, E5_DIMENSIONS:] = 0
    use[_has_use(matrix), :E5_DIMENSIONS] = 0
    return matrix, e5, use


def _has_use(matrix: np.ndarray) -> np.ndarray:
    has: np.ndarray = matrix[:, E5_DIMENSIONS:].any(axis=1)
    return has


def importance(given: Sequence[Text]) -> np.ndarray:
    """Rare kinds weigh more, by the root of how rare they are."""
    target = _target(given)
    counts = np.bincount(target, minlength=len(LABELS)).astype(np.float32)
    near = np.array([text.source is Source.NEAR_MISS for text in given])
    weights: np.ndarray = np.sqrt(counts.mean() / counts)[target] * np.where(near, _NEAR_MISSES_WEIGH, 1.0)
    return weights.astype(np.float32)


def _target(given: Sequence[Text]) -> np.ndarray:
    return np.array([LABELS.index(text.label) for text in given])


def train(matrix: np.ndarray, target: np.ndarray, weights: np.ndarray, seed: int = 7) -> list[np.ndarray]:
    """The four arrays of a net. Each text is also seen with either half alone, so that every sort of vector works."""
    both = _has_use(matrix)
    whole, e5, use = halves(matrix)
    rows = rescaled(np.concatenate([whole, e5, use[both]])).astype(np.float32)
    labels = np.concatenate([target, target, target[both]])
    weights = np.concatenate([weights, weights, weights[both]])
    random = np.random.default_rng(seed)
    layers = _fresh(rows.shape[1], random)
    first, second = ([np.zeros_like(layer) for layer in layers] for _ in range(2))
    batches = [
        batch for _ in range(_EPOCHS) for batch in np.array_split(random.permutation(len(rows)), len(rows) // _BATCH)
    ]
    for step, batch in enumerate(batches, 1):
        slopes = _slopes(layers, rows[batch], labels[batch], weights[batch])
        rate = _RATE * (1 - step / (len(batches) + 1))
        for layer, slope, mean, square in zip(layers, slopes, first, second, strict=True):
            mean += 0.1 * (slope - mean)
            square += 0.001 * (slope**2 - square)
            layer -= rate * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    return layers


def _fresh(inputs: int, random: np.random.Generator) -> list[np.ndarray]:
    hidden = random.normal(0, inputs**-0.5, (inputs, _HIDDEN))
    out = random.normal(0, 0.3, (_HIDDEN, len(LABELS)))
    layers = (hidden, np.zeros(_HIDDEN), out, np.zeros(len(LABELS)))
    return [layer.astype(np.float32) for layer in layers]


def _slopes(
    layers: Sequence[np.ndarray], rows: np.ndarray, labels: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, ...]:
    hidden, hidden_bias, out, out_bias = layers
    inner = np.maximum(rows @ hidden + hidden_bias, 0)
    error = softmax(inner @ out + out_bias)
    error[np.arange(len(labels)), labels] -= 1
    error *= (weights / len(labels))[:, None]
    back = (error @ out.T) * (inner > 0)
    decay = _WEIGHT_DECAY
    return rows.T @ back + decay * hidden, back.sum(axis=0), inner.T @ error + decay * out, error.sum(axis=0)


def cross_validated(given: Sequence[Text], matrix: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """The chances (n, 3, 6) of the labels for each of Halves, each text judged by a net that has not seen its group."""
    chances = np.zeros((len(given), len(Halves), len(LABELS)), np.float32)
    target, weights = _target(given), importance(given)
    for group in np.unique(groups):
        held = groups == group
        net = UrgentNet(*train(matrix[~held], target[~held], weights[~held]), np.zeros(len(Halves)), "")
        for column, half in enumerate(halves(matrix[held])):
            chances[held, column] = net.chances(half)
    return chances


def thresholds(given: Sequence[Text], alarms: np.ndarray) -> np.ndarray:
    """The lowest (3) at which false alarms are few enough; `alarms` (n, 3) are the chances of any emergency."""
    source = np.array([text.source for text in given])
    lowest = [np.quantile(alarms[source == which], 1 - most, axis=0) for which, most in _MOST_FALSE.items()]
    chosen: np.ndarray = np.max(lowest, axis=0)
    return chosen


def report(name: str, given: Sequence[Text], chances: np.ndarray, limits: np.ndarray) -> None:
    source, target = np.array([text.source for text in given]), _target(given)
    languages = np.array([text.language for text in given])
    alarm = 1 - chances[:, :, -1] >= limits
    right = alarm & (chances[:, :, :-1].argmax(axis=2) == target[:, None])
    for half in Halves:
        seen = {which.value: f"{100 * alarm[source == which, half].mean():.2f} %" for which in Source}
        kind = 100 * right[source == Source.EMERGENCY, half].mean()
        print(f"{name}, {half.name}: threshold {limits[half]:.3f}, alarms {seen}, right kind {kind:.1f} %")
    urgent = source == Source.EMERGENCY
    caught = {str(code): alarm[urgent & (languages == code), 0].mean() for code in np.unique(languages)}
    print("  caught by language:", " ".join(f"{code} {100 * share:.0f}" for code, share in caught.items()))


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--vectors", type=Path, default=ROOT / "var" / "urgent-net.db")
    given = texts()
    matrix = asyncio.run(vectors(given, options.parse_args().vectors))
    mixed = cross_validated(given, matrix, np.random.default_rng(1).integers(0, _FOLDS, len(given)))
    limits = thresholds(given, 1 - mixed[:, :, -1])
    report("cross-validated", given, mixed, limits)
    codes = sorted({text.language for text in given})
    groups = np.array([codes.index(text.language) % _FOLDS for text in given])
    report("in languages never seen", given, cross_validated(given, matrix, groups), limits)
    inputs = digest("\n".join(sorted(f"{text.label}\t{text.language}\t{text.text}" for text in given)))[:8]
    version = f"{encoder_version()}+texts-{inputs}"
    net = UrgentNet(*train(matrix, _target(given), importance(given)), limits, version)
    net.save(NET_FILE)
    print(f"{NET_FILE.name}: {NET_FILE.stat().st_size} bytes, {len(given)} texts, {version}")


if __name__ == "__main__":
    main()
