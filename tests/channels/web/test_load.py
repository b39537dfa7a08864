"""A tenth of the bench's load (benchmarks/live.py): many clients, and not one message lost or doubled. No times."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from benchmarks.crowd import Crowd, Way, Writer
from benchmarks.live import hand_over
from tests.channels.staff.people import operator
from tests.conftest import SiteMaker
from tests.fakes.ledger import last_sequences, lines
from tests.fakes.site import Site

CONNECTED, IDLE = 100, 500
NOTHING = {"lost": 0, "doubled": 0, "with gaps": 0, "problems": 0}
# For a machine that does other things: waiting ends when it has come true.
PATIENCE = 120.0


@pytest.fixture
async def busy_site(make_site: SiteMaker) -> AsyncIterator[Site]:
    """An app that lets one address be a whole city, and that nobody at a desk leaves by the clock."""
    limits = {"sessions_per_minute": 0, "proof_bits": 0, "most_connections_per_address": 10_000}
    async with make_site(with_engine=False, **limits) as site:
        yield site


async def desk_of(site: Site, crowd: Crowd) -> Writer:
    """An operator who has everybody's conversation."""
    member = await operator(site)
    await hand_over(site.service.database, member.name, [one.conversation for one in crowd.residents], site.clock.now)
    return Writer(site.public, crowd.http, member.token, crowd.books)


async def stored(site: Site) -> Counter[str]:
    """Every text in the tables; the numbers of each conversation are checked to be 1, 2, 3 and so on."""
    found = await lines(site.service.database)
    numbers: dict[str, list[int]] = {}
    for line in found:
        numbers.setdefault(line.token, []).append(line.seq)
    for token, last in (await last_sequences(site.service.database)).items():
        assert numbers.get(token, []) == list(range(1, last + 1))
    return Counter(line.text for line in found)


async def test_pushes_to_many_and_a_restart(busy_site: Site) -> None:
    async with Crowd(busy_site.public) as crowd:
        await crowd.grow(CONNECTED, PATIENCE)
        writer = await desk_of(busy_site, crowd)
        everybody = [one.conversation for one in crowd.residents]
        await writer.write(everybody, rate=50, seconds=4, patient=False)
        await writer.done()
        await crowd.settled(PATIENCE)
        assert crowd.verdict() == NOTHING

        writing = asyncio.create_task(writer.write(everybody, rate=20, seconds=4, patient=True))
        await asyncio.sleep(1)
        await busy_site.stop_public()
        await crowd.until(Way.NONE, seconds=PATIENCE)
        said = [f"I come at nine. {uuid.uuid4().hex}" for _ in crowd.residents]
        await asyncio.gather(*(one.say(text) for one, text in zip(crowd.residents, said, strict=True)))
        await busy_site.start_public()
        await crowd.until(Way.SOCKET, Way.POLL, seconds=PATIENCE)
        await writing
        await writer.done()
        await crowd.settled(PATIENCE)
        assert crowd.verdict() == NOTHING
        assert set(said) <= set(crowd.books.accepted)
        assert await stored(busy_site) == Counter(crowd.books.accepted.keys())
        assert busy_site.hub.count <= CONNECTED


async def test_idle_ones_stay_and_are_told(busy_site: Site) -> None:
    async with Crowd(busy_site.public) as crowd:
        await crowd.grow(IDLE, PATIENCE)
        assert busy_site.hub.count == IDLE
        writer = await desk_of(busy_site, crowd)
        some = [one.conversation for one in crowd.residents[::50]]
        await writer.write(some, rate=20, seconds=2, patient=False)
        await writer.done()
        await crowd.settled(PATIENCE)
        assert crowd.verdict() == NOTHING
        assert crowd.books.accepted
        assert await stored(busy_site) == Counter(crowd.books.accepted.keys())
        assert {one.conversation for one in crowd.residents if one.numbers} <= set(some)
    await asyncio.wait_for(_empty(busy_site), PATIENCE)


async def _empty(site: Site) -> None:
    while site.hub.count:
        await asyncio.sleep(0.05)
