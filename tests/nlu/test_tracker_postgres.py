"""The tracker store on PostgreSQL, where the environment names one (`TEST_POSTGRES_URL=postgresql://…`)."""

from __future__ import annotations

import os

import pytest
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import UserUttered

from bot.nlu.errors import TrackerStoreError
from bot.nlu.tracker_store import OneRowTrackerStore

URL = os.environ.get("TEST_POSTGRES_URL", "")
pytestmark = pytest.mark.skipif(not URL, reason="TEST_POSTGRES_URL is not set")


async def test_a_conversation_is_kept_overwritten_and_erased() -> None:
    store = OneRowTrackerStore(Domain.empty(), host=URL)
    for text in ("first", "签证 100 %s ?"):
        tracker = store.init_tracker("pg-someone")
        tracker.update(UserUttered(text, {"name": "greet"}))
        await store.save(tracker)
    found = await OneRowTrackerStore(Domain.empty(), host=URL).retrieve("pg-someone")
    assert found is not None
    assert [event.text for event in found.events if isinstance(event, UserUttered)] == ["签证 100 %s ?"]
    await store.delete("pg-someone")
    assert await store.retrieve("pg-someone") is None


async def test_a_connection_that_was_cut_is_opened_again() -> None:
    store = OneRowTrackerStore(Domain.empty(), host=URL)
    store._rows._connection.close()  # type: ignore[attr-defined]
    assert await store.retrieve("nobody") is None


def test_a_server_that_is_not_there_is_named() -> None:
    with pytest.raises(TrackerStoreError):
        OneRowTrackerStore(Domain.empty(), host="postgresql://127.0.0.1:1/none")
