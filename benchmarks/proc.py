"""What Linux says of a process and its descendants: /proc, read directly."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

_PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")
_PSS = re.compile(r"^Pss:\s+(\d+) kB", re.MULTILINE)


def tree(root: int) -> list[int]:
    """`root` and all that descend from it, as far as they live."""
    children: dict[int, list[int]] = {}
    for pid, fields in _stats():
        children.setdefault(int(fields[1]), []).append(pid)
    found = [root]
    for pid in found:
        found.extend(children.get(pid, ()))
    return [pid for pid in found if (_PROC / str(pid)).exists()]


def pss_mb(root: int) -> float:
    """Proportional set size of the tree in MB (10^6 bytes): private pages, and each one's share of the shared ones."""
    return sum(_pss_kib(pid) for pid in tree(root)) * 1024 / 1e6


def cpu_seconds(root: int) -> float:
    """CPU time, user and system, that the living processes of the tree have used."""
    members = set(tree(root))
    return sum(int(fields[11]) + int(fields[12]) for pid, fields in _stats() if pid in members) / _TICKS


def own_cpu_seconds() -> float:
    """CPU time of this process and of its children that have ended and were waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def machine_cpu_seconds() -> float:
    """CPU time that all processes of the machine have used; the time a hypervisor took away counts as well."""
    fields = [int(field) for field in (_PROC / "stat").read_text(encoding="ascii").splitlines()[0].split()[1:9]]
    user, nice, system, _idle, _waiting, irq, softirq, steal = fields
    return (user + nice + system + irq + softirq + steal) / _TICKS


def available_gb() -> float:
    found = re.search(r"^MemAvailable:\s+(\d+) kB", (_PROC / "meminfo").read_text(encoding="ascii"), re.MULTILINE)
    return int(found.group(1)) * 1024 / 1e9 if found else 0.0


def _pss_kib(pid: int) -> int:
    try:
        found = _PSS.search((_PROC / str(pid) / "smaps_rollup").read_text(encoding="ascii"))
    except (FileNotFoundError, ProcessLookupError):
        return 0  # it ended in between
    return int(found.group(1)) if found else 0


def _stats() -> Iterator[tuple[int, list[str]]]:
    """(pid, the fields of /proc/<pid>/stat after the name: state, parent, ...)."""
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            try:
                text = (entry / "stat").read_text(encoding="utf-8", errors="replace")
            except (FileNotFoundError, ProcessLookupError):
                continue
            # The name stands in brackets and may itself hold brackets and spaces.
            yield int(entry.name), text.rpartition(")")[2].split()
