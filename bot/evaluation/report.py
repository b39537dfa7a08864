"""Figures as a table, as JSON and as a picture."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from bot.evaluation.metrics import Judged, Share, figures, wholly_below_mean
from bot.languages import ANSWERED, CODES

_COLUMNS = (
    "first",
    "among",
    "answered right",
    "answered wrong",
    "language",
    "intent",
    "false answers",
    "false buttons",
)


def summary(items: Sequence[Judged]) -> dict[str, Any]:
    """All figures: the answered languages together, the others, every language, every area, and every miss."""
    by_language = {code: _of(items, lambda item, code=code: item.question.language == code) for code in CODES}  # type: ignore[misc]
    firsts = {code: figures(by_language[code])["first"] for code in ANSWERED}
    areas = sorted({item.question.area for item in items if item.question.area})
    groups = {
        "answered languages": _of(items, lambda item: item.question.language in ANSWERED),
        "other languages": _of(items, lambda item: item.question.language not in ANSWERED),
        **by_language,
        **{f"area {area}": _of(items, lambda item, area=area: item.question.area == area) for area in areas},  # type: ignore[misc]
    }
    return {
        "groups": {name: _json(figures(group)) for name, group in groups.items() if group},
        "languages wholly below the mean": wholly_below_mean(firsts),
        "misses": [_miss(item) for item in items if not (item.first if item.answerable else item.answered is None)],
    }


def _of(items: Sequence[Judged], wanted: Callable[[Judged], bool]) -> list[Judged]:
    return [item for item in items if wanted(item)]


def _json(found: dict[str, Share]) -> dict[str, Any]:
    return {name: value.to_json() for name, value in found.items()}


def _miss(item: Judged) -> dict[str, Any]:
    return {
        "id": item.question.id,
        "text": item.question.text,
        "right": list(item.question.articles),
        "outcome": item.outcome,
        "shown": list(item.shown),
        "language": item.language,
    }


def table(result: dict[str, Any]) -> str:
    """The groups as rows, the measures as columns, in % with 95 % intervals."""
    return "\n".join(_rows(result))


def _rows(result: dict[str, Any]) -> Iterator[str]:
    yield f"{'%':<20}" + "".join(f"{name:>18}" for name in _COLUMNS)
    for name, found in result["groups"].items():
        cells = (str(Share(found[column]["hits"], found[column]["of"])) for column in _COLUMNS)
        yield f"{name:<20}" + "".join(f"{cell:>18}" for cell in cells)
    below = result["languages wholly below the mean"]
    yield f"languages whose interval lies wholly below the mean: {', '.join(below) or 'none'}"


def write(result: dict[str, Any], folder: Path, name: str) -> tuple[Path, Path]:
    """The JSON and the picture; their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    data, picture = folder / f"{name}.json", folder / f"{name}.png"
    data.write_text(json.dumps(result, ensure_ascii=False, indent=1), encoding="utf-8")
    _draw(result, picture)
    return data, picture


def _draw(result: dict[str, Any], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    names = [name for name in result["groups"] if name in CODES or name.endswith("languages")]
    figure, axes = pyplot.subplots(figsize=(11, 4.5), layout="constrained")
    for shift, measure, colour in ((-0.2, "first", "#1f6f8b"), (0.2, "among", "#99c24d")):
        found = [result["groups"][name][measure] for name in names]
        places = [place + shift for place in range(len(names))]
        heights = [100 * one["value"] for one in found]
        spread = [
            [100 * (one["value"] - one["low"]) for one in found],
            [100 * (one["high"] - one["value"]) for one in found],
        ]
        axes.bar(places, heights, 0.38, yerr=spread, label=f"right article {measure}", color=colour, ecolor="#555")
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right")
    axes.set_ylim(0, 100)
    axes.set_ylabel("% of questions, with 95 % interval")
    axes.legend(loc="lower left")
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
