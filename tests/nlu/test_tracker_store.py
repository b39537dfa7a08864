"""The tracker store on a real file."""

from __future__ import annotations

import json
import sqlite3
from itertools import chain
from pathlib import Path

import pytest
from rasa.core.tracker_store import FailSafeTrackerStore
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, BotUttered, Event, SessionStarted, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker

from bot.nlu.errors import CorruptTrackerError, TrackerStoreError
from bot.nlu.tracker_store import MAX_EVENTS, OneRowTrackerStore, last_turns, strict


def _turn(number: int, size: int = 1) -> list[Event]:
    said = UserUttered(f"text {number}", {"name": "greet"}, metadata={"id": str(number)})
    replies: list[Event] = [BotUttered(None, {"custom": {"key": "k", "n": n}}) for n in range(size)]
    return [ActionExecuted("action_listen"), said, ActionExecuted("action_greet"), *replies]


def _tracker(store: OneRowTrackerStore, turns: int) -> DialogueStateTracker:
    tracker = store.init_tracker("someone")
    for event in [
        ActionExecuted("action_session_start"),
        SessionStarted(),
        *chain.from_iterable(map(_turn, range(turns))),
    ]:
        tracker.update(event)
    return tracker


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "trackers.db"


def _store(file: Path) -> OneRowTrackerStore:
    return OneRowTrackerStore(Domain.empty(), host=str(file))


async def test_a_conversation_comes_back_after_a_restart(file: Path) -> None:
    await _store(file).save(_tracker(_store(file), 3))
    found = await _store(file).retrieve("someone")
    assert found is not None
    assert [e.text for e in found.events if isinstance(e, UserUttered)] == ["text 0", "text 1", "text 2"]
    assert found.latest_message is not None and found.latest_message.metadata == {"id": "2"}
    assert list(await _store(file).keys()) == ["someone"]


async def test_a_row_stays_bounded_and_begins_with_a_turn(file: Path) -> None:
    store = _store(file)
    await store.save(_tracker(store, 100))
    found = await store.retrieve("someone")
    assert found is not None
    events = list(found.events)
    assert len(events) == MAX_EVENTS
    assert isinstance(events[0], ActionExecuted) and events[0].action_name == "action_listen"
    assert isinstance(events[1], UserUttered)
    with sqlite3.connect(file) as database:
        assert database.execute("SELECT count(*), max(length(body)) < 20000 FROM engine_trackers").fetchone() == (1, 1)


def test_the_cut_is_between_turns_and_keeps_one_at_least() -> None:
    events = [*_turn(1), *_turn(2, size=30), *_turn(3, size=20), ActionExecuted("action_listen")]
    kept = last_turns(events, 40)
    assert isinstance(kept[1], UserUttered) and kept[1].text == "text 3"
    assert last_turns([*_turn(1), *_turn(2, size=60)], 40)[1].text == "text 2"  # type: ignore[attr-defined]
    assert last_turns(events, 100) == events


async def test_a_new_conversation_is_not_written_before_it_has_a_turn(file: Path) -> None:
    store = _store(file)
    await store.get_or_create_tracker("new")
    assert list(await store.keys()) == []


async def test_an_erased_conversation_leaves_no_bytes(file: Path) -> None:
    store = _store(file)
    tracker = store.init_tracker("someone")
    tracker.update(UserUttered("zebra-marker", {"name": "greet"}))
    await store.save(tracker)
    await store.delete("someone")
    await store.delete("nobody")
    assert await store.retrieve("someone") is None
    with sqlite3.connect(file) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert b"zebra-marker" not in file.read_bytes()


@pytest.mark.parametrize("body", ["{broken", "[]", '{"events": [{"event": "nonsense"}], "name": "x"}', '{"events": 5}'])
async def test_a_damaged_row_is_named_without_its_content(
    file: Path, body: str, caplog: pytest.LogCaptureFixture
) -> None:
    store = _store(file)
    await store.save(_tracker(store, 1))
    with sqlite3.connect(file) as database:
        database.execute("UPDATE engine_trackers SET body = ?", (body,))
    with pytest.raises(CorruptTrackerError) as caught:
        await store.retrieve("someone")
    assert body not in str(caught.value)
    assert [str(record.msg) for record in caplog.records] == ["engine.tracker_corrupt"]


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("this is no database" * 100)
    with pytest.raises(TrackerStoreError):
        OneRowTrackerStore(Domain.empty(), host=str(tmp_path / "x.db"))
    with pytest.raises(TrackerStoreError):
        OneRowTrackerStore(Domain.empty())


async def test_the_fail_safe_wrapper_is_taken_off(file: Path) -> None:
    store = _store(file)
    assert strict(FailSafeTrackerStore(store)) is store
    assert strict(store) is store


async def test_what_is_stored_is_plain_json_in_the_residents_script(file: Path) -> None:
    store = _store(file)
    tracker = store.init_tracker("someone")
    tracker.update(UserUttered("签证", {"name": "greet"}))
    await store.save(tracker)
    with sqlite3.connect(file) as database:
        (body,) = database.execute("SELECT body FROM engine_trackers").fetchone()
    assert "签证" in body
    assert json.loads(body)["name"] == "someone"
