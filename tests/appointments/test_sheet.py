"""The spreadsheet: what a resident wrote stays text, in the file and after it, and nothing of it is left on a disk."""

from __future__ import annotations

import io
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.appointments.sheet import plain, workbook

HEADINGS = ["姓名", "电话"]


def cells(file: bytes) -> list[list[Any]]:
    return [list(row) for row in openpyxl.load_workbook(io.BytesIO(file)).active.iter_rows()]


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "＝1", "＠x", "\t=1", "\r\n=1", " =1", "\u00a0=1", "\x00=1"],
)
def test_nothing_is_a_formula(text: str) -> None:
    shown = cells(workbook("预约", HEADINGS, [[text, ""]]))[1][0]
    assert shown.data_type == "s"
    assert shown.quotePrefix
    assert shown.value.startswith("'")


@pytest.mark.parametrize(
    "text", ["+86 138 0013 8000", "+1 (555) 010-0000", "O'Neil", "李", "#REF!", "TRUE", "E00000000"]
)
def test_ordinary_words_stay_as_they_are(text: str) -> None:
    shown = cells(workbook("预约", HEADINGS, [[text, ""]]))[1][0]
    assert (shown.value, shown.data_type) == (text, "s")


@given(st.text())
def test_any_text_can_be_written_and_begins_no_formula(text: str) -> None:
    clean = plain(text)
    assert not clean.startswith(("=", "-", "@", "＝", "－", "＠", "＋"))
    assert clean == plain(clean) or clean.startswith("'")
    value = cells(workbook("预约", HEADINGS, [[text, "x"]]))[1][0].value
    assert (value or "") == clean


def test_headings_are_bold_and_stay_in_sight() -> None:
    book = openpyxl.load_workbook(io.BytesIO(workbook("预约", HEADINGS, [])))
    sheet = book.active
    assert (sheet.title, sheet.freeze_panes) == ("预约", "A2")
    assert [(cell.value, cell.font.b) for cell in sheet[1]] == [("姓名", True), ("电话", True)]


def test_nothing_is_written_to_the_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "there-is-no-such-folder"))
    file = workbook("预约", HEADINGS, [["x", "y"]])
    with zipfile.ZipFile(io.BytesIO(file)) as archive:
        assert archive.testzip() is None
        assert b"<f>" not in archive.read("xl/worksheets/sheet1.xml")
