"""The bookings under way, one a conversation, sealed in their table; and what residents type for them, kept out of it.

Each function in the caller's transaction, or a read of its own.
"""

from __future__ import annotations

import base64
import re
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.appointments.asking import ending
from bot.appointments.draft import Draft, Step
from bot.appointments.sealing import Vault, VaultError
from bot.conversations.masking import locate
from bot.conversations.store import Ref
from bot.db.engine import reading
from bot.db.models import BookingDraft, Conversation

_ABOUT_DRAFT, _ABOUT_MESSAGE = "draft", "message"
# From the first figure to the last, with what people put between.
_NUMBERED = re.compile(r"[+(]*\w*\d(?:[\w ./()-]*\d)?\w*")


@dataclass(frozen=True)
class Concealed:
    """A message as it may stand in the table, and the whole of it, sealed."""

    shown: str
    sealed: str


@dataclass(frozen=True)
class Drafts:
    database: AsyncEngine
    vault: Vault

    async def of(self, conversation_id: uuid.UUID) -> Draft | None:
        """None when there is none, or when nobody can open it any more."""
        statement = select(BookingDraft.sealed).where(BookingDraft.conversation_id == conversation_id)
        async with reading(self.database) as connection:
            sealed = (await connection.execute(statement)).scalar_one_or_none()
        return self._opened(sealed, conversation_id) if sealed is not None else None

    def _opened(self, sealed: bytes, conversation_id: uuid.UUID) -> Draft | None:
        try:
            return Draft.from_json(self.vault.open(sealed, f"{_ABOUT_DRAFT}:{conversation_id.hex}"))
        except (VaultError, KeyError, TypeError, ValueError):
            return None

    async def keep(self, connection: AsyncConnection, conversation_id: uuid.UUID, draft: Draft, now: datetime) -> None:
        sealed = self.vault.seal(draft.to_json(), f"{_ABOUT_DRAFT}:{conversation_id.hex}")
        mine = BookingDraft.conversation_id == conversation_id
        changed = await connection.execute(update(BookingDraft).where(mine).values(sealed=sealed, updated_at=now))
        if not changed.rowcount:
            row = {"conversation_id": conversation_id, "sealed": sealed, "updated_at": now}
            await connection.execute(insert(BookingDraft).values(row))

    async def drop(self, connection: AsyncConnection, conversation_id: uuid.UUID) -> None:
        await connection.execute(delete(BookingDraft).where(BookingDraft.conversation_id == conversation_id))

    async def conceal(self, ref: Ref, text: str) -> Concealed | None:
        """What is stored instead of a text that holds a number of somebody's while they book; None for any other."""
        # Most messages hold none, and then no table need be asked.
        if _figures(text) < _FEWEST_DIGITS and not locate(text):
            return None
        mine = Conversation.id == ref if isinstance(ref, uuid.UUID) else Conversation.token == ref
        statement = (
            select(BookingDraft.sealed, Conversation.id)
            .join(Conversation, Conversation.id == BookingDraft.conversation_id)
            .where(mine)
        )
        async with reading(self.database) as connection:
            row = (await connection.execute(statement)).one_or_none()
        draft = self._opened(row.sealed, row.id) if row is not None else None
        if row is None or draft is None:
            return None
        shown = _shown(text, draft)
        return Concealed(shown, self._sealed(text, row.id)) if shown != text else None

    def _sealed(self, text: str, conversation_id: uuid.UUID) -> str:
        return base64.b64encode(self.vault.seal(text, f"{_ABOUT_MESSAGE}:{conversation_id.hex}")).decode()

    def reveal(self, sealed: str, conversation_id: uuid.UUID) -> str:
        """What was concealed; empty when nobody can open it any more."""
        try:
            text: Any = self.vault.open(base64.b64decode(sealed), f"{_ABOUT_MESSAGE}:{conversation_id.hex}")
        except (VaultError, ValueError):
            return ""
        return str(text)


def _shown(text: str, draft: Draft) -> str:
    """What is asked for in figures is hidden but for its end, whatever it looks like; elsewhere what looks personal.

    From the step before the document's on: who types quickly is a step ahead.
    """
    if draft.step in _IN_FIGURES and _figures(text) >= _FEWEST_DIGITS:
        return _NUMBERED.sub(lambda found: _hidden(found[0]), text)
    pieces, end = list[str](), 0
    for one in locate(text):
        pieces += [text[end : one.start], _hidden(text[one.start : one.end])]
        end = one.end
    return "".join([*pieces, text[end:]])


def _figures(text: str) -> int:
    return sum(letter.isdigit() for letter in text)


def _hidden(number: str) -> str:
    """Enough for whoever wrote it to know it again."""
    return ending(number) if len(number) >= _LONG_ENOUGH else ending("")


_IN_FIGURES = frozenset({Step.BIRTH, Step.GUARDIAN, Step.DOCUMENT, Step.PHONE})
_FEWEST_DIGITS = 4
_LONG_ENOUGH = 6
