"""The archive of a backup: a tar.gz of JSON lines in pieces of a few megabytes, and a manifest at its end.

The manifest is written last, so an archive that was cut has none; each piece has its SHA-256 there. Nothing is unpacked
to the disk, in either direction.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import os
import re
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from bot.keeping.errors import KeepingError
from bot.keeping.tables import Field, Kind, Shape

FORMAT = "linli-backup"
VERSION = 1
MANIFEST = "manifest.json"
# Large enough that the tar's 512-byte headers do not count, small enough that memory does not.
_PIECE_BYTES = 4_000_000
_DAMAGED = (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile)


@dataclass(frozen=True)
class Piece:
    """One member of the archive: `rows` lines of one table."""

    name: str
    table: str
    rows: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What an archive holds. `revision` is the schema's; `tables` are in the order in which they can be filled."""

    program: str
    revision: str
    made_at: datetime
    tables: tuple[Shape, ...]
    pieces: tuple[Piece, ...]

    def rows(self) -> dict[str, int]:
        counts = {shape.name: 0 for shape in self.tables}
        for piece in self.pieces:
            counts[piece.table] += piece.rows
        return counts

    def to_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "version": VERSION,
            "program": self.program,
            "revision": self.revision,
            "made_at": self.made_at.isoformat(),
            "rows": self.rows(),
            "tables": [asdict(shape) for shape in self.tables],
            "pieces": [asdict(piece) for piece in self.pieces],
        }


class Writer:
    """Takes rows one by one; a piece is written when it is large enough."""

    def __init__(self, tar: tarfile.TarFile, made_at: datetime) -> None:
        self._tar = tar
        self._made_at = made_at
        self._shapes: list[Shape] = []
        self._pieces: list[Piece] = []
        self._lines: list[bytes] = []
        self._bytes = 0

    def begin(self, shape: Shape) -> None:
        self._end_piece()
        self._shapes.append(shape)

    def add(self, row: tuple[Any, ...]) -> None:
        data = self._shapes[-1].encoded(row)
        line = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass") + b"\n"
        self._lines.append(line)
        self._bytes += len(line)
        if self._bytes >= _PIECE_BYTES:
            self._end_piece()

    def finish(self, program: str, revision: str) -> Manifest:
        self._end_piece()
        manifest = Manifest(program, revision, self._made_at, tuple(self._shapes), tuple(self._pieces))
        self._write(MANIFEST, json.dumps(manifest.to_json(), ensure_ascii=False, indent=1).encode())
        return manifest

    def _end_piece(self) -> None:
        if not self._lines:
            return
        table, body = self._shapes[-1].name, b"".join(self._lines)
        name = f"tables/{table}.{len(self._pieces) + 1:06}.jsonl"
        self._write(name, body)
        self._pieces.append(Piece(name, table, len(self._lines), hashlib.sha256(body).hexdigest()))
        self._lines, self._bytes = [], 0

    def _write(self, name: str, body: bytes) -> None:
        info = tarfile.TarInfo(name)
        info.size, info.mode, info.mtime = len(body), 0o600, int(self._made_at.timestamp())
        self._tar.addfile(info, io.BytesIO(body))


@contextmanager
def writing(path: Path, made_at: datetime) -> Iterator[Writer]:
    """A new archive at `path`, whole or not at all. KeepingError when it is there already or cannot be written."""
    with (
        whole_file(path) as file,
        gzip.GzipFile("", "wb", 6, file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w|") as tar,
    ):
        yield Writer(tar, made_at)


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file for its owner alone that gets its name when it is whole and on the disk, and leaves nothing otherwise."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        _remove_leftovers(path)
        if path.exists():
            raise KeepingError(f"{path} is there already; choose another name")
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise _not_written(path, error) from error
    file = os.fdopen(handle, "wb")
    try:
        yield file
        file.flush()
        os.fsync(file.fileno())
        file.close()
        partial.rename(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise _not_written(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            file.close()
        partial.unlink(missing_ok=True)


def _not_written(path: Path, error: OSError) -> KeepingError:
    return KeepingError(f"{path} was not written: {error.strerror or type(error).__name__}")


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove_leftovers(path: Path) -> None:
    """What a killed backup left under its temporary name: it holds residents' words too."""
    for found in path.parent.glob(f".{path.name}.*.part"):
        pid = found.suffixes[-2].removeprefix(".")
        if pid.isdecimal() and not Path(f"/proc/{pid}").exists():
            found.unlink(missing_ok=True)


def verify(path: Path) -> Manifest:
    """Read the whole archive and compare every sum. KeepingError for one that is cut, damaged or not ours."""
    sums, body = dict[str, tuple[int, str]](), b""
    for name, content in _members(path):
        if name == MANIFEST:
            body = content
        else:
            sums[name] = (content.count(b"\n"), hashlib.sha256(content).hexdigest())
    if not body:
        raise KeepingError(f"{path} is cut off, or is no backup of Linli")
    manifest = _parsed(path, body)
    if sums != {piece.name: (piece.rows, piece.sha256) for piece in manifest.pieces}:
        raise KeepingError(f"{path} is damaged: its contents do not have the sums of its manifest")
    return manifest


def rows(path: Path, manifest: Manifest) -> Iterator[tuple[Shape, list[dict[str, Any]]]]:
    """The rows of each piece, in order. The sums are compared again: the file may have changed since `verify`."""
    by_name = {piece.name: piece for piece in manifest.pieces}
    by_table = {shape.name: shape for shape in manifest.tables}
    for name, content in _members(path):
        if name == MANIFEST:
            continue
        piece = by_name.get(name)
        if piece is None or hashlib.sha256(content).hexdigest() != piece.sha256:
            raise KeepingError(f"{path} changed while it was read")
        shape = by_table[piece.table]
        yield shape, [shape.decoded(_line(path, line)) for line in content.splitlines()]


def _line(path: Path, line: bytes) -> dict[str, Any]:
    try:
        data: dict[str, Any] = json.loads(line.decode("utf-8", "surrogatepass"))
    except ValueError as error:
        raise KeepingError(f"{path} is damaged: a line is not JSON") from error
    return data


def _members(path: Path) -> Iterable[tuple[str, bytes]]:
    try:
        # Not tarfile's own "r|gz", which does not look at gzip's check sum.
        with gzip.open(path) as packed, tarfile.open(fileobj=packed, mode="r|") as tar:
            for info in tar:
                file = tar.extractfile(info)
                if file is None:
                    raise KeepingError(f"{path} is no backup of Linli: it holds more than files")
                yield info.name, file.read()
            while packed.read(_PIECE_BYTES):
                pass
    except _DAMAGED as error:
        raise KeepingError(f"{path} is damaged, cut off, or no backup of Linli") from error
    except OSError as error:
        raise KeepingError(f"{path} cannot be read: {error.strerror or type(error).__name__}") from error


def _parsed(path: Path, body: bytes) -> Manifest:
    try:
        data = json.loads(body)
        if data["format"] != FORMAT:
            raise ValueError
        version = int(data["version"])
        if version > VERSION:
            raise KeepingError(f"{path} was made by a newer program ({data['program']}); update this one")
        manifest = Manifest(
            program=str(data["program"]),
            revision=str(data["revision"]),
            made_at=datetime.fromisoformat(data["made_at"]),
            tables=tuple(_shape(entry) for entry in data["tables"]),
            pieces=tuple(Piece(**entry) for entry in data["pieces"]),
        )
        manifest.rows()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise KeepingError(f"{path} is no backup of Linli: its manifest is not one") from error
    return manifest


def _shape(entry: Any) -> Shape:
    name = str(entry["name"])
    if not re.fullmatch(r"[a-z_]{1,63}", name):
        raise ValueError(name)
    fields = (Field(str(f["name"]), Kind(f["kind"]), bool(f["nullable"])) for f in entry["fields"])
    return Shape(name, tuple(fields))
