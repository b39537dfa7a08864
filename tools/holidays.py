"""Write data/holidays/<year>.yml from the package `chinesecalendar`. Run by hand when a year has been announced.

    python3 tools/holidays.py 2026 2027

The package follows the notices of the General Office of the State Council. It is needed here only, so it goes into an
environment that is thrown away. A year that it does not have yet is said and not written.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import venv
from datetime import date
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent / "data" / "holidays"
_DUMP = """
import json, sys
from importlib.metadata import version
from chinese_calendar import constants
years = {int(year) for year in sys.argv[1:]}
days = lambda table: {day.isoformat(): name for day, name in sorted(table.items()) if day.year in years}
print(json.dumps({"version": version("chinesecalendar"),
                  "rest": days(constants.holidays), "work": days(constants.workdays)}))
"""


def main(years: list[int]) -> int:
    """Exit code 1 when a year is missing."""
    with tempfile.TemporaryDirectory() as folder:
        found = _dumped(Path(folder), years)
    missing = [year for year in years if not _write(year, found)]
    for year in missing:
        print(f"chinesecalendar {found['version']} does not have {year} yet", file=sys.stderr)
    return 1 if missing else 0


def _dumped(folder: Path, years: list[int]) -> dict[str, Any]:
    """{"version", "rest": {day: name}, "work": {day: name}}"""
    venv.create(folder, with_pip=True)
    python = str(folder / "bin" / "python")
    install = [python, "-m", "pip", "install", "--quiet", "chinesecalendar"]
    subprocess.run(install, check=True)  # noqa: S603 - fixed arguments
    dump = [python, "-c", _DUMP, *map(str, years)]
    data: dict[str, Any] = json.loads(subprocess.run(dump, check=True, capture_output=True).stdout)  # noqa: S603
    return data


def _write(year: int, found: dict[str, Any]) -> bool:
    rest, work = (_days(found[name], year) for name in ("rest", "work"))
    if not rest:
        return False
    lines = [
        f"# Public holidays of {year}, and the weekend days that are worked instead. Written by tools/holidays.py.",
        f"year: {year}",
        "source: Notice of the General Office of the State Council on the public holidays of the year"
        f" (国务院办公厅关于{year}年部分节假日安排的通知), as in chinesecalendar {found['version']}",
        f"checked_on: {date.today().isoformat()}",
        "rest:",
        *(f'  {day}: "{name}"' for day, name in rest.items()),
        "work:" if work else "work: {}",
        *(f'  {day}: "{name}"' for day, name in work.items()),
    ]
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{year}.yml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return True


def _days(table: dict[str, str], year: int) -> dict[str, str]:
    return {day: name for day, name in table.items() if day.startswith(f"{year}-")}


if __name__ == "__main__":
    sys.exit(main([int(word) for word in sys.argv[1:]] or [date.today().year]))
