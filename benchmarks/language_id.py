"""Language identification on data/evaluation/languages, held-out half: `python -m benchmarks.language_id`.

No hints are given. Peers: langdetect as shipped (fixed seed) and py3langid restricted to the 22 languages. Intervals
are Wilson's at 95 %; the texts of one language are taken as independent.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

from bot.language_id import Hints, LanguageIdentifier
from bot.languages import CODES

TEXTS = Path(__file__).resolve().parent.parent / "data" / "evaluation" / "languages"
KINDS = ("word", "pair", "sentence")
Identify = Callable[[str], str]

# In a process of its own: what importing, loading and a first use add to a bare interpreter.
_MEMORY = """
import psutil
process = psutil.Process()
before = process.memory_info().rss
from bot.language_id import LanguageIdentifier
identifier = LanguageIdentifier()
identifier.warm()
for text in ("Where is the hospital?", "Где больница?", "بیمارستان کجاست؟"):
    identifier.identify(text)
print(process.memory_info().rss - before)
"""


@dataclass(frozen=True)
class Text:
    """One line of the evaluation set."""

    code: str
    kind: str
    part: str
    text: str


@dataclass(frozen=True)
class Score:
    """One system on one kind: counts, the weakest languages and the time per text."""

    system: str
    kind: str
    right: int
    total: int
    weakest: tuple[tuple[str, float], ...]
    p50_ms: float
    p99_ms: float

    @property
    def percent(self) -> float:
        return 100 * self.right / self.total

    @property
    def interval(self) -> tuple[float, float]:
        low, high = wilson(self.right, self.total)
        return 100 * low, 100 * high


def texts(part: str) -> Iterator[Text]:
    """The texts of one half, `tuning` or `held_out`."""
    for code in CODES:
        with (TEXTS / f"{code}.tsv").open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
                if row["set"] == part:
                    yield Text(code, row["kind"], part, row["text"])


def wilson(right: int, total: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's score interval of a share."""
    share = right / total
    spread = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    middle = share + z * z / (2 * total)
    return (middle - spread) / (1 + z * z / total), min(1.0, (middle + spread) / (1 + z * z / total))


def score(system: str, kind: str, chosen: Sequence[Text], identify: Identify) -> Score:
    """Run `identify` over the texts, timing each."""
    times: list[float] = []
    hits: dict[str, list[bool]] = {}
    for text in chosen:
        start = time.perf_counter()
        code = identify(text.text)
        times.append(1000 * (time.perf_counter() - start))
        hits.setdefault(text.code, []).append(code == text.code)
    shares = {code: 100 * sum(found) / len(found) for code, found in hits.items()}
    weakest = tuple(sorted(shares.items(), key=lambda item: item[1])[:4])
    cuts = quantiles(times, n=100)
    right = sum(sum(found) for found in hits.values())
    return Score(system, kind, right, len(chosen), weakest, cuts[49], cuts[98])


def ours() -> Identify:
    """The identifier without hints."""
    identifier = LanguageIdentifier()
    identifier.warm()
    return lambda text: identifier.identify(text, Hints()).code


def langdetect_alone() -> Identify:
    """langdetect as shipped, all its languages, seeded."""
    from langdetect import DetectorFactory, LangDetectException, detect

    DetectorFactory.seed = 0

    def identify(text: str) -> str:
        try:
            found: str = detect(text)
        except LangDetectException:
            return ""
        return found.split("-")[0]

    return identify


def py3langid_alone() -> Identify:
    """py3langid restricted to our languages."""
    from py3langid.langid import MODEL_FILE
    from py3langid.langid import LanguageIdentifier as Model

    model = Model.from_model_file(MODEL_FILE)
    model.set_languages(CODES)
    return lambda text: str(model.classify(text)[0])


SYSTEMS: dict[str, Callable[[], Identify]] = {
    "linli": ours,
    "langdetect alone": langdetect_alone,
    "py3langid alone": py3langid_alone,
}


def measure(part: str) -> list[Score]:
    """Every system on every kind; one unmeasured text each, so that loading is not timed."""
    chosen = list(texts(part))
    scores: list[Score] = []
    for name, build in SYSTEMS.items():
        identify = build()
        identify("Where do I renew my residence permit?")
        scores += [score(name, kind, [text for text in chosen if text.kind == kind], identify) for kind in KINDS]
    return scores


def memory_mb() -> float:
    """Resident megabytes that our identifier adds to a bare interpreter."""
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run([sys.executable, "-c", _MEMORY], check=True, capture_output=True, text=True, cwd=root)
    return int(done.stdout) / 2**20


def table(scores: Sequence[Score]) -> str:
    """The scores as a Markdown table."""
    lines = [
        "| system | kind | texts | right % | 95 % | p50 ms | p99 ms | weakest |",
        "|---|---|--:|--:|---|--:|--:|---|",
    ]
    for one in scores:
        low, high = one.interval
        weakest = ", ".join(f"{code} {share:.0f}" for code, share in one.weakest if share < 100)
        lines.append(
            f"| {one.system} | {one.kind} | {one.total} | {one.percent:.1f} | {low:.1f}–{high:.1f} "
            f"| {one.p50_ms:.2f} | {one.p99_ms:.2f} | {weakest} |"
        )
    return "\n".join(lines)


def as_json(scores: Sequence[Score], memory: float, part: str) -> str:
    """What the table says, for programs."""
    rows = [
        {
            "system": one.system,
            "kind": one.kind,
            "texts": one.total,
            "right": one.right,
            "percent": round(one.percent, 2),
            "interval": [round(edge, 2) for edge in one.interval],
            "p50_ms": round(one.p50_ms, 3),
            "p99_ms": round(one.p99_ms, 3),
            "weakest": dict(one.weakest),
        }
        for one in scores
    ]
    return json.dumps({"set": part, "memory_mb": round(memory, 1), "scores": rows}, indent=2) + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table; write it as JSON where asked."""
    parser = argparse.ArgumentParser(description="Measure language identification.")
    parser.add_argument("--json", type=Path, metavar="PATH", help="also write the scores to PATH")
    parser.add_argument("--set", choices=("held_out", "tuning"), default="held_out", help="the half to measure")
    options = parser.parse_args(arguments)
    scores, memory = measure(options.set), memory_mb()
    print(table(scores))
    print(f"\nlinli adds {memory:.0f} MB to a bare interpreter.")
    if options.json is not None:
        options.json.write_text(as_json(scores, memory, options.set), encoding="utf-8")


if __name__ == "__main__":
    main()
