"""Broken bodies by the thousand: straight into the gate, and through the door of a real server in each mode."""

from __future__ import annotations

import asyncio
import base64
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any
from unittest.mock import patch
from urllib.parse import quote

import aiohttp
from yarl import URL

from benchmarks.serving import App
from benchmarks.wechat_account import settings_of
from bot.channels.wechat.account import Mode
from bot.workers import free_port
from tests.channels.wechat import test_mutations as broken
from tests.fakes.wechat import TEST_ACCOUNT
from tests.fakes.wechat import Mode as PlatformMode

_SEED = 4
# A longer line never comes as far as the door.
_MOST_QUERY = 7_500
_AT_ONCE = 8
_EXPECTED = {True: (200,), False: (403,), None: (200, 403)}
Say = Callable[[str], None]


@dataclass(frozen=True)
class Scale:
    """`bodies` into the gate, `requests` through the door."""

    bodies: int
    requests: int


FULL = Scale(bodies=100_000, requests=2_000)
QUICK = Scale(bodies=10_000, requests=210)


def measure(scale: Scale, say: Say) -> dict[str, Any]:
    say(f"{scale.bodies:,} broken bodies into the gate")
    gate = _gate(scale.bodies)
    say(f"{scale.requests:,} through the door")
    return {"gate": gate, "door": _door(scale.requests)}


def _gate(count: int) -> dict[str, Any]:
    """How each ended; `unhandled`: with anything but a push or a refusal."""
    ends: Counter[str] = Counter()
    begun = time.monotonic()
    for case in broken.mutations(_SEED, count):
        try:
            ends[broken.outcome(case)] += 1
        except Exception as error:  # noqa: BLE001 - this is what is looked for
            ends[f"unhandled {type(error).__name__}"] += 1
    unhandled = sum(number for end, number in ends.items() if end.startswith("unhandled"))
    return {"bodies": count, "unhandled": unhandled, "seconds": round(time.monotonic() - begun, 1), "ends": dict(ends)}


@dataclass
class _Answers:
    """What the door said. `wrong`: a refusal that is no empty 403, or another end than the gate's own."""

    statuses: Counter[str]
    wrong: list[str]


def _door(count: int) -> dict[str, Any]:
    answers, logged = _Answers(Counter(), []), 0
    for mode in Mode:
        account = replace(TEST_ACCOUNT, mode=PlatformMode(mode.value))
        previous = broken.PREVIOUS[0]
        aes_key = base64.b64encode(previous.aes_key or b"").decode().rstrip("=")
        settings = settings_of(
            f"http://127.0.0.1:{free_port()}", account, previous_token=previous.token, previous_aes_key=aes_key
        )
        app = App(f"wechat-{mode.value}", settings=settings)
        app.prepare()
        with ExitStack() as server:
            process = server.enter_context(app.running())
            asyncio.run(_knocked(app.url, mode, count // len(Mode), answers))
            logged += process.log_file.read_text(encoding="utf-8", errors="replace").count("unhandled")
    return {
        "requests": answers.statuses.total(),
        "unhandled": logged,
        "wrong": len(answers.wrong),
        "examples": answers.wrong[:10],
        "statuses": dict(answers.statuses),
    }


async def _knocked(url: str, mode: Mode, count: int, answers: _Answers) -> None:
    slots = asyncio.Semaphore(_AT_ONCE)
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:

        async def one(case: broken.Case, taken: bool | None) -> None:
            async with slots:
                await _knock(session, url, case, answers, taken=taken)

        await asyncio.gather(*(one(*case) for case in _cases(mode, count)))


def _cases(mode: Mode, count: int) -> Iterator[tuple[broken.Case, bool | None]]:
    """Signed for now, and whether the gate takes them; None when that cannot be said beforehand."""
    with patch.object(broken, "NOW", str(int(time.time()))):
        stream = broken.mutations(_SEED + 1, 1_000_000)
        fitting = (case for case in stream if case.account.mode is mode and len(_query(case)) <= _MOST_QUERY)
        yield from [(case, _taken(case)) for case in islice(fitting, count)]


def _taken(case: broken.Case) -> bool | None:
    try:
        "".join(text for pair in case.query.items() for text in pair).encode()
    except UnicodeEncodeError:
        return None  # such a query does not reach the server as it is
    if case.query.get("timestamp") in {str(int(broken.NOW) + seconds) for seconds in (-301, -300, 300, 301)}:
        return None  # it depends on the second
    return broken.outcome(case) == broken.TAKEN


def _query(case: broken.Case) -> str:
    parts = ([quote(text, safe="", errors="surrogatepass") for text in pair] for pair in case.query.items())
    return "&".join("=".join(pair) for pair in parts)


async def _knock(
    session: aiohttp.ClientSession, url: str, case: broken.Case, answers: _Answers, *, taken: bool | None
) -> None:
    address = URL(f"{url}/wechat?{_query(case)}", encoded=True)
    method = "GET" if case.body is None else "POST"
    try:
        async with session.request(method, address, data=case.body, allow_redirects=False) as response:
            status, body = response.status, await response.read()
    except aiohttp.ClientError as error:
        answers.wrong.append(f"{method} ended with {type(error).__name__}")
        answers.statuses["cut"] += 1
        return
    answers.statuses[str(status)] += 1
    if status == 403 and body:
        answers.wrong.append(f"{method} 403 with a body")
    if status not in _EXPECTED[taken]:
        answers.wrong.append(f"{method} {status}, though the gate says taken={taken}")
