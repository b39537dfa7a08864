"""What a passage is labelled with when it is no article's: an act that is no question, or none: nothing answers it."""

from __future__ import annotations

NONE = "none"
ACT_PREFIX = "act:"
