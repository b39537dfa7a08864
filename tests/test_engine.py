"""The door to the sealed room: which worker a conversation goes to, and what counts as a failure."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import aiohttp
import numpy as np
import pytest

from bot.circuit import Circuit
from bot.encoder import DIMENSIONS
from bot.engine import EngineDoor, Worker, ranked_workers
from bot.errors import EngineError
from tests.fakes.engine import SECRET, FakeEngine, Mood

VECTOR = np.zeros(DIMENSIONS, np.float32)
CONVERSATIONS = [f"{number:032x}" for number in range(2000)]


def workers(*names: str) -> list[Worker]:
    return [Worker(name, "http://127.0.0.1:9", Circuit(3, 10), ready=True) for name in names]


def home(names: tuple[str, ...]) -> dict[str, str]:
    return {conversation: ranked_workers(conversation, workers(*names))[0].name for conversation in CONVERSATIONS}


def test_conversations_are_spread_evenly() -> None:
    counts = Counter(home(("engine-1", "engine-2", "engine-3", "engine-4")).values())
    assert all(400 < count < 600 for count in counts.values())


def test_only_a_dead_workers_conversations_move() -> None:
    before, after = home(("engine-1", "engine-2", "engine-3")), home(("engine-1", "engine-3"))
    moved = [conversation for conversation in CONVERSATIONS if before[conversation] != after[conversation]]
    assert {before[conversation] for conversation in moved} == {"engine-2"}
    assert len(moved) == Counter(before.values())["engine-2"]
    assert Counter(after[conversation] for conversation in moved).keys() == {"engine-1", "engine-3"}


def test_the_order_does_not_depend_on_the_list() -> None:
    assert home(("engine-1", "engine-2", "engine-3")) == home(("engine-3", "engine-1", "engine-2"))


@pytest.fixture
async def two() -> AsyncIterator[tuple[EngineDoor, list[FakeEngine]]]:
    fakes = [FakeEngine(mood=Mood.FAILING), FakeEngine(mood=Mood.FAILING)]
    for fake in fakes:
        await fake.start()
    async with aiohttp.ClientSession() as session:
        made = [Worker(f"engine-{n}", fake.url, Circuit(2, 60), ready=True) for n, fake in enumerate(fakes, 1)]
        yield EngineDoor(session, SECRET, 1.0, made), fakes
    for fake in fakes:
        await fake.die()


async def ask(door: EngineDoor, conversation: str) -> None:
    with pytest.raises(EngineError):
        await door.ask(conversation, "id", "text", "en", VECTOR)


async def test_a_conversation_stays_with_its_worker_until_it_fails(two: tuple[EngineDoor, list[FakeEngine]]) -> None:
    door, fakes = two
    for _ in range(2):
        await ask(door, "conversation-1")
    first = [len(fake.received) for fake in fakes]
    assert sorted(first) == [0, 2]
    await ask(door, "conversation-1")
    assert [len(fake.received) for fake in fakes] != first
    assert sum(len(fake.received) for fake in fakes) == 3


async def test_no_worker_is_an_error_at_once(two: tuple[EngineDoor, list[FakeEngine]]) -> None:
    door, fakes = two
    for worker in door.workers:
        worker.ready = False
    await ask(door, "conversation-1")
    assert [fake.received for fake in fakes] == [[], []]
    assert not door.up


async def test_a_try_that_is_given_up_does_not_shut_the_engine_for_good(
    two: tuple[EngineDoor, list[FakeEngine]],
) -> None:
    """A caller that is cancelled while its try decides must not leave the circuit waiting for an answer."""
    door, fakes = two
    for _ in range(4):
        await ask(door, "conversation-1")
    for fake, worker in zip(fakes, door.workers, strict=True):
        fake.mood, worker.circuit.open_seconds = Mood.HANGING, 0.0
    task = asyncio.create_task(door.ask("conversation-1", "id", "text", "en", VECTOR))
    await asyncio.sleep(0.1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert all(worker.circuit.allows(door.clock()) for worker in door.workers)


async def test_errors_carry_no_text(two: tuple[EngineDoor, list[FakeEngine]]) -> None:
    door, _ = two
    with pytest.raises(EngineError) as caught:
        await door.ask("conversation-1", "id", "my secret words", "en", VECTOR)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None
