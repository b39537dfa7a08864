"""Where the benchmarks keep their things, and the two environments."""

from __future__ import annotations

import os
import socket
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "var" / "bench"
REPORT = ROOT / "var" / "reports" / "bench.json"
APP_PYTHON = ROOT / ".venv" / "bin" / "python"
ENGINE_PYTHON = ROOT / ".venv-engine" / "bin" / "python"

# What a developer has set for a server of their own must not reach the measured ones.
_OURS = ("LINLI_", "DATABASE_URL", "REDIS_URL", "RASA_", "SANIC_", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def clean_environment(**given: str) -> dict[str, str]:
    """This process's environment without what steers either bot, and `given`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    return {**kept, "RASA_TELEMETRY_ENABLED": "false", **given}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
