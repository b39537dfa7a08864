"""Progress of long steps for a person: one line that fills on a terminal, a line every tenth elsewhere."""

from __future__ import annotations

import sys
from typing import TextIO

_WIDTH = 30


class Bar:
    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out if out is not None else sys.stderr
        self._shown = ("", -1)

    def line(self, text: str) -> None:
        print(text, file=self._out, flush=True)

    def progress(self, what: str, done: int, of: int) -> None:
        tenth = 10 * done // max(1, of)
        if self._out.isatty():
            filled = _WIDTH * done // max(1, of)
            end = "\n" if done >= of else ""
            print(
                f"\r{what} [{'█' * filled}{' ' * (_WIDTH - filled)}] {done}/{of}", end=end, file=self._out, flush=True
            )
        elif (what, tenth) != self._shown:
            self._shown = (what, tenth)
            print(f"{what}: {done}/{of}", file=self._out, flush=True)
