"""A private PostgreSQL cluster for the tests, from the machine's own binaries."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bot.workers import free_port


def binaries() -> Path | None:
    """The folder of the newest installed server's programs."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    return max(found, key=lambda path: int(path.parent.name.split(".")[0]), default=None)


@contextmanager
def cluster(programs: Path) -> Iterator[str]:
    """The URL of a running server, up to the database's name; stopped and removed at the end."""
    # Not below pytest's own folder: the server runs as another user when the tests run as root.
    folder = Path(tempfile.mkdtemp(prefix="linli-postgres-"))
    port = free_port()
    prefix = _as_postgres(folder)
    data = folder / "data"
    options = f"-p {port} -h 127.0.0.1 -k {folder} -F -c max_connections=60"
    try:
        _run(prefix, programs / "initdb", "-D", data, "-U", "linli", "-A", "trust", "--no-sync", "-E", "UTF8")
        _run(prefix, programs / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start")
        yield f"postgresql://linli@127.0.0.1:{port}"
    finally:
        if (data / "postmaster.pid").exists():
            _run(prefix, programs / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def _as_postgres(folder: Path) -> Sequence[str]:
    """PostgreSQL refuses to run as root."""
    if os.getuid() != 0:
        return ()
    user = pwd.getpwnam("postgres")
    os.chown(folder, user.pw_uid, user.pw_gid)
    return ("runuser", "-u", "postgres", "--")


def _run(prefix: Sequence[str], *command: object) -> None:
    words = [*prefix, *(str(word) for word in command)]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", timeout=60)
