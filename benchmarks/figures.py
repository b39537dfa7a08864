"""From raw times to the few numbers a person reads. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

__all__ = ["exponent", "median", "percentile", "spread", "summary"]


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` (0 to 1) of the values do not exceed; linear between neighbours. ValueError when empty."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    place = (len(ordered) - 1) * share
    low, part = int(place), place - int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * part


def summary(milliseconds: Sequence[float]) -> dict[str, float]:
    """p50, p95, p99 and the longest, in ms."""
    shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
    return {name: round(percentile(milliseconds, share), 3) for name, share in shares.items()}


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median of rounds with the lowest and the highest one."""
    return {"median": round(median(values), 4), "low": round(min(values), 4), "high": round(max(values), 4)}


def exponent(sizes: Sequence[float], times: Sequence[float]) -> float:
    """The k of time = c * size^k, by least squares over the logarithms: 1 is linear, 0 is constant."""
    xs, ys = [math.log(size) for size in sizes], [math.log(time) for time in times]
    x_mean, y_mean = sum(xs) / len(xs), sum(ys) / len(ys)
    over = sum((x - x_mean) * (y - y_mean) for x, y in zip(xs, ys, strict=True))
    return over / sum((x - x_mean) ** 2 for x in xs)
