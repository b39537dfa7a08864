"""Rasa's memory of a conversation: one bounded row each, one commit a save (endpoints.yml names this class).

Rasa's own SQL store writes a row an event and reads all of them back: 9 ms of a message's 16 on SQLite. Here a
conversation is its last events as one JSON text. The app keeps the real history; this room keeps what rules need.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any, Callable, Iterable, Protocol, Sequence

from rasa.core.brokers.broker import EventBroker
from rasa.core.tracker_store import FailSafeTrackerStore, TrackerStore
from rasa.shared.core.constants import ACTION_LISTEN_NAME
from rasa.shared.core.conversation import Dialogue
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, Event, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker

from bot.nlu.errors import CorruptTrackerError, TrackerStoreError
from bot.nlu.log_filter import LogEvent, about

logger = logging.getLogger(__name__)

# A turn is five events, so this is four turns: more than a rule looks at, and enough for a repeated message id, which
# is the newest. Every message reads, walks and saves them all.
MAX_EVENTS = 20

_TABLE = (
    "CREATE TABLE IF NOT EXISTS engine_trackers ("
    "conversation TEXT PRIMARY KEY, body TEXT NOT NULL, saved_at DOUBLE PRECISION NOT NULL)"
)
_SELECT = "SELECT body FROM engine_trackers WHERE conversation = ?"
_KEYS = "SELECT conversation FROM engine_trackers"
_DELETE = "DELETE FROM engine_trackers WHERE conversation = ?"
_UPSERT = (
    "INSERT INTO engine_trackers (conversation, body, saved_at) VALUES (?, ?, ?) "
    "ON CONFLICT (conversation) DO UPDATE SET body = excluded.body, saved_at = excluded.saved_at"
)


class Rows(Protocol):
    """A database that runs one statement and commits it; safe to call from any thread."""

    def run(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of the statement; raises `TrackerStoreError`."""


class SqliteRows:
    """The default: one file beside the app's own database."""

    def __init__(self, path: str) -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        try:
            # Two of these are open on one file for a moment while models are switched: hence WAL and the time-out.
            self._connection = sqlite3.connect(path, timeout=5.0, isolation_level=None, check_same_thread=False)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")  # a killed process loses nothing
            self._connection.execute("PRAGMA secure_delete = ON")  # an erased conversation leaves no bytes in the file
            self._connection.execute(_TABLE)
        except sqlite3.Error as error:
            raise TrackerStoreError("the tracker database cannot be opened") from error

    def run(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """See `Rows`. Each statement is its own transaction."""
        try:
            with self._lock:
                return self._connection.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise TrackerStoreError("the tracker database failed") from error


class PostgresRows:
    """For several machines: `postgresql://…`."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._connection: Any = None
        self.run(_TABLE)

    def run(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """See `Rows`. A connection that the server has dropped is opened again once."""
        import psycopg2

        with self._lock:
            try:
                return self._attempt(statement, values)
            except (psycopg2.OperationalError, psycopg2.InterfaceError):
                self._connection = None
            try:
                return self._attempt(statement, values)
            except psycopg2.Error as error:
                self._connection = None
                raise TrackerStoreError("the tracker database failed") from error

    def _attempt(self, statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        import psycopg2

        if self._connection is None:
            self._connection = psycopg2.connect(self._url, connect_timeout=5)
            self._connection.autocommit = True
        with self._connection.cursor() as cursor:
            cursor.execute(statement.replace("?", "%s"), values)
            return cursor.fetchall() if cursor.description else []


def open_rows(place: str) -> Rows:
    """The database of a setting: a PostgreSQL URL, or the path of an SQLite file."""
    if place.startswith(("postgres://", "postgresql://", "postgresql+")):
        scheme, rest = place.split("://", 1)
        return PostgresRows(f"{scheme.split('+')[0]}://{rest}")
    return SqliteRows(place.removeprefix("sqlite:///"))


def last_turns(events: Sequence[Event], limit: int = MAX_EVENTS) -> list[Event]:
    """The newest whole turns within `limit` events (at least one turn): a rule never sees half of one.

    Slots set before the cut would be forgotten; domain.yml has none.
    """
    if len(events) <= limit:
        return list(events)
    starts = [i for i in range(len(events) - 1) if _begins_turn(events[i], events[i + 1])]
    fitting = [i for i in starts if len(events) - i <= limit]
    begin = fitting[0] if fitting else (starts[-1] if starts else 0)
    return list(events[begin:])


def _begins_turn(event: Event, following: Event) -> bool:
    listening = isinstance(event, ActionExecuted) and event.action_name == ACTION_LISTEN_NAME
    return listening and isinstance(following, UserUttered)


class OneRowTrackerStore(TrackerStore):
    """Rasa's tracker store on `Rows`."""

    def __init__(
        self, domain: Domain, host: str | None = None, event_broker: EventBroker | None = None, **kwargs: Any
    ) -> None:
        super().__init__(domain, event_broker, **kwargs)
        if not host:
            raise TrackerStoreError("endpoints.yml gives the tracker store no `url`")
        self._rows = open_rows(host)

    async def create_tracker(self, sender_id: str, append_action_listen: bool = True) -> DialogueStateTracker:
        """As Rasa's, but unsaved: a conversation has a row once it has a whole turn."""
        tracker = self.init_tracker(sender_id)
        if append_action_listen:
            tracker.update(ActionExecuted(ACTION_LISTEN_NAME))
        return tracker

    async def save(self, tracker: DialogueStateTracker) -> None:
        """Write the newest turns."""
        await self.stream_events(tracker)
        kept = Dialogue(tracker.sender_id, last_turns(list(tracker.events)))
        body = json.dumps(kept.as_dict(), ensure_ascii=False, separators=(",", ":"))
        await self._run(_UPSERT, (tracker.sender_id, body, time.time()))

    async def retrieve(self, sender_id: str) -> DialogueStateTracker | None:
        """Read a conversation back; raises `CorruptTrackerError`, which erasing the conversation heals."""
        found = await self._run(_SELECT, (sender_id,))
        if not found:
            return None
        try:
            return self.deserialise_tracker(sender_id, found[0][0])
        except Exception as error:  # Rasa's events raise whatever the damage provokes
            logger.error(LogEvent.TRACKER_CORRUPT, extra=about(error))
            raise CorruptTrackerError("a stored conversation cannot be read back") from error

    async def delete(self, sender_id: str) -> None:
        """Forget a conversation; no error when there is none."""
        await self._run(_DELETE, (sender_id,))

    async def keys(self) -> Iterable[str]:
        """Every conversation's id."""
        return [str(row[0]) for row in await self._run(_KEYS)]

    async def _run(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        if isinstance(self._rows, SqliteRows):  # 0.1 ms: a thread would cost more
            return self._rows.run(statement, values)
        call: Callable[..., list[tuple[Any, ...]]] = self._rows.run
        return await asyncio.to_thread(call, statement, values)


def strict(store: TrackerStore) -> TrackerStore:
    """The store behind Rasa's fail-safe wrapper, which answers a broken database from memory and calls it success."""
    return store._tracker_store if isinstance(store, FailSafeTrackerStore) else store
