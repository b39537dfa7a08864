"""Appointments as a spreadsheet (XLSX) for a hospital's own system: headings in Chinese, every cell plain text.

What a resident wrote is never a formula: neither in the file, nor where the file is saved as CSV and opened again.
Nothing of it touches the disk: openpyxl itself would write the sheet to a temporary file first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from io import BytesIO
from typing import Any
from unicodedata import east_asian_width
from zipfile import ZIP_DEFLATED, ZipFile

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.worksheet._writer import WorksheetWriter
from openpyxl.writer.excel import ExcelWriter

# What a cell of XML cannot hold, line breaks and tabs too: they would begin a new cell or row of a CSV.
_UNWRITABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff\ud800-\udfff]+")
# Full-width forms too: Excel in Chinese and Japanese reads ＝ as =.
_FORMULA = tuple("=+-@＝＋－＠")
_PHONE = re.compile(r"\+[0-9][0-9 ()-]*")
_MOST_CHARACTERS = 2_000
_LEAST_WIDTH, _MOST_WIDTH = 8, 60


def workbook(title: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """An XLSX file with one sheet; `title` has at most 31 characters. CPU-bound: a second for some 5,000 rows."""
    book = Workbook()
    sheet = book.active
    sheet.title = title
    book.properties.creator = "Linli"
    lines = [list(headings), *([plain(text) for text in row] for row in rows)]
    for number, line in enumerate(lines):
        sheet.append([_cell(sheet, text, heading=not number) for text in line])
    sheet.freeze_panes = "A2"
    for number, column in enumerate(zip(*lines, strict=True)):
        letter = sheet.cell(1, number + 1).column_letter
        sheet.column_dimensions[letter].width = _width(column)
    return _saved(book)


def plain(text: str) -> str:
    """The text as a spreadsheet may have it: no control characters, and nothing that is read as a formula."""
    clean = _UNWRITABLE.sub(" ", text).strip()[:_MOST_CHARACTERS]
    if clean.startswith(_FORMULA) and not _PHONE.fullmatch(clean):
        return f"'{clean}"
    return clean


def _cell(sheet: Any, text: str, *, heading: bool) -> Any:
    cell = WriteOnlyCell(sheet, text)
    # The type that openpyxl guesses could be a formula or an error; quotePrefix keeps Excel from guessing again.
    cell.data_type = "s"
    cell.quotePrefix = True
    if heading:
        cell.font = Font(bold=True)
    return cell


def _width(column: Sequence[str]) -> int:
    return min(max(_LEAST_WIDTH, *(_room(text) for text in column)), _MOST_WIDTH)


def _room(text: str) -> int:
    """In widths of a Latin letter; a Chinese character takes two."""
    return 2 + sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


class _InMemory(ExcelWriter):  # type: ignore[misc]  # a library without types
    def write_worksheet(self, ws: Any) -> None:
        out = BytesIO()
        writer = WorksheetWriter(ws, out)
        writer.write()
        ws._rels, ws._drawing = writer._rels, None
        self._archive.writestr(ws.path[1:], out.getvalue())
        self.manifest.append(ws)


def _saved(book: Workbook) -> bytes:
    out = BytesIO()
    with ZipFile(out, "w", ZIP_DEFLATED) as archive:
        _InMemory(book, archive).save()
    return out.getvalue()
