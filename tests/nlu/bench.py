"""Messages a second through the engine with the fake action server: python -m tests.nlu.bench --model PATH"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bot.encoder import Encoder, pack
from tests.nlu.engine_process import Engine
from tests.nlu.fake_actions import FakeActions

TEXTS = [
    "how do I extend my visa", "我想预约牙医", "hello", "où puis-je voir un médecin", "كيف أمدد إقامتي",
    "비자 연장은 어떻게 하나요", "thank you", "Can I open a bank account with my passport?",
]  # fmt: skip


def measure(engine: Engine, vectors: list[str | None], conversations: int, turns: int) -> dict[str, float]:
    """p50 in milliseconds and messages a second."""
    with ThreadPoolExecutor(conversations) as pool:
        began = time.perf_counter()
        times = [t for some in pool.map(lambda _: _talk(engine, vectors, turns), range(conversations)) for t in some]
        spent = time.perf_counter() - began
    return {"p50_ms": round(1000 * statistics.median(times), 1), "per_second": round(len(times) / spent, 1)}


def _talk(engine: Engine, vectors: list[str | None], turns: int) -> list[float]:
    sender, times = uuid.uuid4().hex, []
    for turn in range(turns):
        place = turn % len(TEXTS)
        began = time.perf_counter()
        status, _ = engine.say(TEXTS[place], sender, str(turn), language="en", vector=vectors[place])
        times.append(time.perf_counter() - began)
        assert status == 200
    return times


def main() -> None:
    """Start, measure, print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--turns", type=int, default=60)
    options = parser.parse_args()
    encoder = Encoder()
    packed: list[str | None] = [pack(encoder.encode(text, "en")) for text in TEXTS]
    with FakeActions() as actions, tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        engine = Engine(options.model.resolve(), Path(folder), actions.url).start()
        found: dict[str, object] = {"start_s": round(time.perf_counter() - began, 1)}
        try:
            for name, vectors in (("with_vector", packed), ("without", [None] * len(TEXTS))):
                for conversations in (1, 8):
                    found[f"{name}_{conversations}"] = measure(engine, vectors, conversations, options.turns)
            status = Path(f"/proc/{engine.process.pid}/status").read_text()
            found["rss_mb"] = int(status.split("VmRSS:")[1].split()[0]) // 1024
        finally:
            engine.stop()
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
