"""The kill switch: widget, bot or one topic turned off, with what residents are told instead.

Rows are the truth. Each process holds them in memory and looks again when a change is signalled, and every five seconds
in case the signal was lost or the change came from a command.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.bus import CONFIG, Bus
from bot.db.engine import transaction
from bot.db.models import Switch
from bot.errors import Code, LinliError, RequestError
from bot.handoff import audit
from bot.keeping import notices
from bot.knowledge.articles import Area
from bot.languages import DEFAULT, answer_language
from bot.locales import Locales

log = logging.getLogger("linli.switches")

WIDGET = "widget"
BOT = "bot"
TOPIC = "topic:"
SCOPES: tuple[str, ...] = (WIDGET, BOT, *(f"{TOPIC}{area.value}" for area in Area))
CHANGED = {"event": "changed"}
_LOOK_SECONDS = 5.0


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Off:
    """One row: what is off since when, by whom, and what is said."""

    scope: str
    words: Mapping[str, str]
    set_by: str
    set_at: datetime

    def to_json(self) -> dict[str, Any]:
        return {
            "scope": self.scope,
            "words": dict(self.words),
            "set_by": self.set_by,
            "set_at": self.set_at.isoformat(),
        }


@dataclass(frozen=True)
class State:
    """What is off, and the words for it. Pure."""

    locales: Locales
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def widget_off(self, language: str) -> str | None:
        """What to say while the widget is off; None while it is on."""
        return self._said(WIDGET, "switch_widget", language)

    def bot_off(self, language: str) -> str | None:
        return self._said(BOT, "switch_bot", language)

    def topic_off(self, area: str, language: str) -> str | None:
        name = self.locales.text(answer_language(language), f"area_{area}")
        return self._said(f"{TOPIC}{area}", "switch_topic", language, area=name)

    def _said(self, scope: str, key: str, language: str, **params: str) -> str | None:
        """The administrator's words in the language, else ours, else the administrator's in English, else ours."""
        own = self.words.get(scope)
        if own is None:
            return None
        if language in own:
            return own[language]
        speaks = answer_language(language)
        if speaks == DEFAULT and DEFAULT in own:
            return own[DEFAULT]
        return self.locales.text(speaks, key, **params)


class Switches:
    """The present state, kept up to date by `run`."""

    def __init__(
        self, database: AsyncEngine, bus: Bus, locales: Locales, clock: Callable[[], datetime] = _utc_now
    ) -> None:
        self._database = database
        self._bus = bus
        self._clock = clock
        self._seen: object = None
        self._changed = asyncio.Event()
        self.state = State(locales)

    def widget_off(self, language: str) -> str | None:
        return self.state.widget_off(language)

    def bot_off(self, language: str) -> str | None:
        return self.state.bot_off(language)

    def topic_off(self, area: str, language: str) -> str | None:
        return self.state.topic_off(area, language)

    async def reload(self) -> bool:
        """Read the rows; whether they, or the notices that count now, are others than before. Raises StorageError."""
        async with transaction(self._database) as connection:
            found = await listed(connection)
            shown = await notices.fingerprint(connection, self._clock())
        self.state = State(self.state.locales, {one.scope: one.words for one in found})
        seen = ([one.to_json() for one in found], shown)
        before, self._seen = self._seen, seen
        return before is not None and before != seen

    async def run(self) -> None:
        """Until cancelled. When the database does not answer, what was last known goes on."""
        remove = self._bus.subscribe(CONFIG, lambda _data: self._changed.set())
        try:
            while True:
                await self._look(signalled=await self._wait())
        finally:
            remove()

    async def _wait(self) -> bool:
        """Whether a change was signalled before it was time to look anyway."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_SECONDS):
                await self._changed.wait()
        signalled = self._changed.is_set()
        self._changed.clear()
        return signalled

    async def _look(self, *, signalled: bool) -> None:
        try:
            changed = await self.reload()
        except LinliError as error:
            log.warning("switches_not_read type=%s", type(error).__name__)
            return
        if changed and not signalled:
            # A command changed it, or a notice's time came: the open widgets must hear of it too.
            await self._bus.publish(CONFIG, CHANGED)
            self._changed.clear()


def checked_scope(scope: str) -> str:
    """RequestError for a scope that does not exist."""
    if scope not in SCOPES:
        raise RequestError(Code.BAD_FIELD, f"there is no switch {scope[:40]!r}; known are {', '.join(SCOPES)}")
    return scope


async def listed(connection: AsyncConnection) -> list[Off]:
    """What is off, in the order of `SCOPES`; rows of a scope that is no more are passed over."""
    rows = await connection.execute(select(Switch.scope, Switch.words, Switch.set_by, Switch.set_at))
    by_scope = {row.scope: Off(row.scope, row.words, row.set_by, row.set_at) for row in rows}
    return [by_scope[scope] for scope in SCOPES if scope in by_scope]


async def turn_off(connection: AsyncConnection, scope: str, words: Mapping[str, str], actor: str, now: datetime) -> Off:
    """Off, or off with other words; in the caller's transaction, with its line in the audit."""
    values = {"words": dict(words), "set_by": actor, "set_at": now}
    known = await connection.execute(update(Switch).where(Switch.scope == checked_scope(scope)).values(values))
    if not known.rowcount:
        await connection.execute(insert(Switch).values(scope=scope, **values))
    await audit.record(connection, actor, "switch_off", scope, now, languages=sorted(words))
    return Off(scope, words, actor, now)


async def turn_on(connection: AsyncConnection, scope: str, actor: str, now: datetime) -> bool:
    """Whether it was off."""
    gone = await connection.execute(delete(Switch).where(Switch.scope == checked_scope(scope)))
    if gone.rowcount:
        await audit.record(connection, actor, "switch_on", scope, now)
    return bool(gone.rowcount)
