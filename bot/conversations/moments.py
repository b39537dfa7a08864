"""Instants inside a text: a message keeps the instant and says it in whatever language it is shown in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from bot.handoff.hours import CITY_TIME
from bot.locales import Locales

# Parameters whose names begin so are ISO instants.
PREFIX = "at_"


def spelled(params: Mapping[str, str], locales: Locales, language: str, today: date) -> dict[str, str]:
    """The parameters with every instant in words, in the city's time; `today` is the city's date."""
    return {
        name: _moment(datetime.fromisoformat(value), locales, language, today) if name.startswith(PREFIX) else value
        for name, value in params.items()
    }


def _moment(instant: datetime, locales: Locales, language: str, today: date) -> str:
    here = instant.astimezone(CITY_TIME)
    time = f"{here:%H:%M}"
    if here.date() == today:
        return locales.text(language, "moment_today", time=time)
    weekday = locales.text(language, "weekdays").split("|")[here.weekday()]
    month = locales.text(language, "months").split("|")[here.month - 1]
    return locales.text(language, "moment", weekday=weekday, day=str(here.day), month=month, time=time)
