"""What the channel's data files have in common: texts in the answered languages, checked where they are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.errors import ContentError
from bot.languages import ANSWERED


def text(place: str, raw: Any) -> str:
    if not isinstance(raw, str) or not raw.strip() or raw != raw.strip():
        raise ContentError(f"{place}: must be a text without blanks around it")
    return raw


def by_language(place: str, raw: Any, *more: str) -> Mapping[str, str]:
    """One text for each answered language, and for each of the keys `more`."""
    wanted = (*more, *ANSWERED)
    if not isinstance(raw, dict) or set(raw) != set(wanted):
        raise ContentError(f"{place}: must be there in exactly {', '.join(wanted)}")
    return {key: text(f"{place}: {key}", raw[key]) for key in wanted}
