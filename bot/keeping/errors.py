"""What can go wrong with keeping, in one line for an administrator."""

from __future__ import annotations

from bot.errors import LinliError


class KeepingError(LinliError):
    """A backup or a restore that did not happen; nothing was changed."""
