"""Whatever is killed, and whenever: a message that was taken in is answered, once."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import uuid
from collections import Counter
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
from sqlalchemy import text as sql

from bot.conversations import store
from bot.db import leases
from bot.db.engine import make_engine, transaction
from bot.messages import Outcome
from bot.settings import load_settings
from tests.conftest import SiteMaker
from tests.fakes.engine import ROOT
from tests.fakes.ledger import check_books, lines
from tests.fakes.site import KNOWLEDGE, NOW, Site
from tests.fakes.visitor import visitor

RENT = "How do I rent a flat?"
LATER = NOW + timedelta(minutes=1)
# No reply can be stored while it is there: the moment between the engine's reply and the outbox, for as long as wanted.
_NO_REPLY = """
CREATE TRIGGER no_reply BEFORE INSERT ON messages WHEN NEW.direction = 'out'
BEGIN SELECT RAISE(ABORT, 'no'); END
"""


async def run(site: Site, statement: str) -> None:
    async with transaction(site.service.database) as connection:
        await connection.execute(sql(statement))


async def swept(site: Site) -> None:
    site.clock.now = LATER
    await site.service.sweep(LATER)
    await site.service.finish(10)


async def test_a_crash_between_the_engines_reply_and_the_outbox(site: Site) -> None:
    who = await visitor(site)
    socket = await who.socket()
    await run(site, _NO_REPLY)
    key = await socket.send(RENT)
    await socket.next("accepted")
    await site.service.finish(10)
    assert [line.status for line in await lines(site.service.database)] == ["received"]
    assert len(site.engine.received) == 1, "the engine has answered already"
    await run(site, "DROP TRIGGER no_reply")
    await swept(site)
    answer = (await socket.reply_to(key))[-1]
    assert answer["article"] == "rent-a-flat"
    await check_books(site.service.database, Counter([RENT]))
    first, second = site.engine.received
    assert first["id"] == second["id"], "the engine sees that it had this message, and gives the same reply"
    assert site.engine.runs == 1


async def test_what_a_killed_process_left_is_taken_up_by_another(site: Site) -> None:
    gone = f"{leases.new_holder().rsplit(':', 2)[0]}:{dead_pid()}:x"
    incoming = await store.receive(site.service.database, store.Arrival("web", RENT, holder=gone), NOW)
    await swept(site)
    await check_books(site.service.database, Counter([RENT]))
    await swept(site)
    assert len(site.engine.received) == 1
    assert incoming.attempts == 1


async def test_what_a_living_process_works_on_is_left_to_it(site: Site) -> None:
    other = f"elsewhere:1:{uuid.uuid4().hex[:8]}"
    await leases.take(site.service.database, leases.PROCESS_PREFIX + other, other, 300, NOW)
    await store.receive(site.service.database, store.Arrival("web", RENT, holder=other), NOW)
    await swept(site)
    assert site.engine.received == []


async def test_a_message_that_always_fails_gets_an_apology_in_the_end(site: Site) -> None:
    thread = await store.receive(site.service.database, store.Arrival("web", RENT, holder="a:1:b"), NOW)
    await run(site, "UPDATE messages SET attempts = 4")
    await swept(site)
    (incoming, apology) = await lines(site.service.database)
    assert (incoming.status, apology.in_reply_to) == ("answered", str(thread.id))
    assert apology.content["trace"]["outcome"] == Outcome.ERROR  # type: ignore[index]


async def test_a_message_left_behind_in_a_conversation_that_a_person_took_over_is_passed_to_them(site: Site) -> None:
    await store.receive(site.service.database, store.Arrival("web", RENT, holder="a:1:b"), NOW)
    await run(site, "UPDATE conversations SET owner = 'person'")
    await swept(site)
    assert [line.status for line in await lines(site.service.database)] == ["passed"]


def dead_pid() -> int:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


# --- a real server, killed for real ----------------------------------------------------------------------------------


class Killable:
    """`bot serve` without an engine, killed and started again on one port and one folder."""

    def __init__(self, var: Path, port: int) -> None:
        self.var, self.port = var, port
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("LINLI_")},
            "LINLI_VAR_FOLDER": str(self.var),
            "LINLI_KNOWLEDGE_FOLDER": str(KNOWLEDGE),
            "LINLI_PORT": str(self.port),
            "LINLI_ENGINE_WORKERS": "0",
            "LINLI_RATE_PER_MINUTE": "0",
            "LINLI_SESSIONS_PER_MINUTE": "0",
            "LINLI_PROOF_BITS": "0",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bot.cli", "serve"],
            cwd=ROOT,
            env=environment,
            stderr=(self.var.parent / "serve.log").open("ab"),
        )

    def kill(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    async def up(self, session: aiohttp.ClientSession) -> None:
        for _ in range(2400):
            assert self.process is not None
            assert self.process.poll() is None, (self.var.parent / "serve.log").read_text()
            try:
                async with session.get(f"{self.url}/readyz") as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)
        raise AssertionError("the server did not start")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


async def test_killed_again_and_again_under_load_nothing_is_lost_and_nothing_twice(
    make_site: SiteMaker, tmp_path: Path
) -> None:
    """Residents send with keys and send again what was not accepted; the server is killed at moments of chance."""
    from bot.workers import free_port

    chance = random.Random(11)
    var = tmp_path / "killed"
    async with make_site(var_folder=var):
        pass  # a prepared database: the first start has less to do
    server, accepted = Killable(var, free_port()), Counter[str]()
    async with aiohttp.ClientSession() as session:
        server.start()
        await server.up(session)
        headers = {"Origin": server.url}
        tokens = []
        for _ in range(6):
            async with session.post(f"{server.url}/api/widget/session", json={}, headers=headers) as response:
                tokens.append((await response.json())["token"])

        async def talk(number: int) -> None:
            for turn in range(6):
                text = f"{RENT} {number}.{turn}"
                while not await sent(session, server.url, tokens[number], f"k-{number}-{turn}", text):
                    await asyncio.sleep(0.1)
                accepted[text] += 1

        talking = asyncio.gather(*(talk(number) for number in range(len(tokens))))
        for _ in range(2):
            await asyncio.sleep(chance.uniform(0.02, 0.4))
            server.kill()
            server.start()
            await server.up(session)
        await talking
        server.kill()
        server.start()
        await server.up(session)
        database = make_engine(load_settings({}, var_folder=var).database_url)
        try:
            for _ in range(300):
                if all(line.status != "received" for line in await lines(database)):
                    break
                await asyncio.sleep(0.1)
            await check_books(database, accepted)
        finally:
            server.kill()
            await database.dispose()


async def sent(session: aiohttp.ClientSession, url: str, token: str, key: str, text: str) -> bool:
    headers = {"Authorization": f"Bearer {token}"}
    try:
        async with session.post(
            f"{url}/api/widget/messages", json={"key": key, "text": text, "language": "en"}, headers=headers
        ) as response:
            return response.status == 202
    except (aiohttp.ClientError, TimeoutError):
        return False


@pytest.mark.parametrize("count", [1, 40])
async def test_a_stopped_server_lets_what_is_under_way_end(site: Site, count: int) -> None:
    socket = await (await visitor(site)).socket()
    keys = [await socket.send(f"{RENT} {n}") for n in range(count)]
    for _ in keys:
        await socket.next("accepted")
    await site.service.finish(20)
    await check_books(site.service.database, Counter(f"{RENT} {n}" for n in range(count)))
