"""The whole app in this process on a temporary folder: both sites on real ports, with or without a fake engine."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from bot.app import announcement, create_app, create_local_app, desk_rules, silent, stopped
from bot.bus import Bus, LocalBus
from bot.channels.web import keys
from bot.channels.web.hub import Hub
from bot.channels.web.openapi import openapi
from bot.channels.wechat.account import Account
from bot.channels.wechat.channel import Channel, build
from bot.circuit import Circuit
from bot.commands.client import Client
from bot.conversations.booking_room import BookingRoom, open_room
from bot.conversations.handover import Handover
from bot.conversations.inflight import InFlight
from bot.conversations.service import ConversationService
from bot.conversations.switches import Switches
from bot.conversations.urgent import UrgentLane
from bot.conversations.urgent_net import UrgentNet
from bot.db import leases
from bot.db.engine import make_engine
from bot.db.migrate import migrate
from bot.encoder import Encoder, Vector
from bot.engine import EngineDoor, Worker
from bot.knowledge import publishing, store
from bot.knowledge.desk import Desk
from bot.knowledge.files import load_counter_examples
from bot.knowledge.index import Passage
from bot.knowledge.labels import ACT_PREFIX, NONE
from bot.knowledge.passages import article_passages
from bot.knowledge.scoring import Context, Signals, Thresholds, Weights, rank_features, trust_features
from bot.knowledge.search import Search
from bot.language_id import LanguageIdentifier
from bot.locales import Locales
from bot.settings import Settings, load_settings
from tests.fakes.engine import ROOT, SECRET, FakeEngine
from tests.fakes.schema import problems

KNOWLEDGE = Path(__file__).with_name("knowledge")
NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
# The present key of visitors' tokens and the one before it.
VISITOR_KEYS = ("a-visitors-key-of-the-tests-" * 2, "the-visitors-key-of-last-year-" * 2)
# Weights and thresholds of the tests' own: what is calibrated for the real content may change any day.
_RANK = {"near": 1.0, "near_mean": 0.5, "model": 0.6, "words": 0.15, "area": 0.1}
_TRUST = {"bias": -2.0, "score": 2.0, "gap": 3.0, "model": 0.4, "ahead_of_none": 2.0, "act": -1.0, "out_of_scope": -1.0}
WEIGHTS = Weights(
    rank={name: _RANK.get(name, 0.0) for name in rank_features(Signals())},
    trust={name: _TRUST.get(name, 0.0) for name in trust_features(Signals(), 0.0, 0.0, Context())},
)
THRESHOLDS = Thresholds(answer=0.5, clarify=0.2)
ALWAYS_ASK_BACK = Thresholds(answer=2.0, clarify=0.0)
NEVER_KNOW = Thresholds(answer=2.0, clarify=2.0)
_ACTS = {
    "greet": ("hello", "hi there", "good morning", "你好", "您好", "bonjour", "salut"),
    "thank": ("thank you", "thanks a lot", "谢谢", "非常感谢", "merci beaucoup"),
    "bye": ("goodbye", "see you", "再见", "au revoir"),
    "book_appointment": (
        "I want to book a doctor",
        "book a doctor for me please",
        "我要预约医生",
        "tôi muốn đặt lịch khám",
        "أريد حجز موعد عند الطبيب",
    ),
    "talk_to_person": (
        "I want to talk to a person",
        "human please",
        "connect me to staff",
        "我要人工",
        "parler à quelqu'un",
    ),
}
MESSAGE_FIELDS = frozenset("kind lang text steps documents buttons office source checked_on article version".split())
REPLY_FIELDS = frozenset("conversation language intent confidence outcome messages trace".split())


class RememberingEncoder(Encoder):
    """The real encoder; a text that was encoded before in this test run is not encoded again."""

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[tuple[str, str], Vector] = {}

    def encode(self, text: str, language: str) -> Vector:
        key = (text, language)
        if key not in self._known:
            self._known[key] = super().encode(text, language)
        return self._known[key]


@dataclass(frozen=True)
class Brain:
    """What is slow to make and never changes: shared by all sites of a test run."""

    encoder: Encoder
    identifier: LanguageIdentifier
    lane: UrgentLane
    locales: Locales
    search: Search
    database_file: Path


async def make_brain(folder: Path) -> Brain:
    """Load the real encoder and build the search over the tests' own articles; `folder` keeps the prepared database."""
    file = folder / "template.db"
    database = make_engine(f"sqlite+aiosqlite:///{file}")
    await migrate(database)
    await publishing.publish_files(database, KNOWLEDGE, NOW)
    knowledge = await store.load(database)
    passages = [
        *article_passages(knowledge),
        *(Passage(ACT_PREFIX + act, "en", text) for act, texts in _ACTS.items() for text in texts),
        *(Passage(NONE, language, text) for language, text in load_counter_examples(KNOWLEDGE)),
    ]
    encoder, identifier = RememberingEncoder(), LanguageIdentifier()
    identifier.warm()
    version = publishing.encoder_version()
    search = await publishing.build_search(database, knowledge, passages, encoder, version, folder / "index", silent)
    await database.dispose()
    lane = UrgentLane.load(ROOT / "data" / "urgent")
    return Brain(encoder, identifier, lane, Locales.load(), replace(search, weights=WEIGHTS), file)


@dataclass(frozen=True)
class Response:
    """An HTTP response, read."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        data: dict[str, Any] = json.loads(self.body)
        return data

    @property
    def code(self) -> str:
        return str(self.json["error"]["code"])


@dataclass
class Site:
    """A running app. Every reply that passes here is checked against the OpenAPI document and api.md's field list."""

    settings: Settings
    service: ConversationService
    public: str
    local: str
    session: aiohttp.ClientSession
    worker: Worker
    fake: FakeEngine | None
    document: dict[str, Any]
    clock: Clock
    stack: AsyncExitStack
    runner: web.AppRunner | None = None
    wechat: Channel | None = None
    room: BookingRoom | None = None

    async def start_public(self) -> None:
        """Listen on the public port: the one of last time when there was one."""
        app = create_app(self.settings, self.service, VISITOR_KEYS, self.wechat, self.room)
        port = int(self.public.rpartition(":")[2]) if self.public else 0
        app[keys.HUB].close_seconds = 0.1
        self.runner, self.public = await _listening(self.stack, app, port)

    async def stop_public(self) -> None:
        assert self.runner is not None
        await self.runner.cleanup()

    @property
    def hub(self) -> Hub:
        assert self.runner is not None
        return self.runner.app[keys.HUB]

    @property
    def client(self) -> Client:
        return Client(self.session, self.local, SECRET)

    @property
    def engine(self) -> FakeEngine:
        assert self.fake is not None
        return self.fake

    async def post(self, data: Any, *, raw: bytes | None = None, **headers: str) -> Response:
        """POST /api/chat with an object, or with bytes as they are."""
        body = json.dumps(data).encode() if raw is None else raw
        sent = {"Content-Type": "application/json"} | {name.replace("_", "-"): text for name, text in headers.items()}
        return await self.request("POST", "/api/chat", data=body, headers=sent)

    async def request(self, method: str, path: str, **options: Any) -> Response:
        async with self.session.request(method, self.public + path, **options) as response:
            found = Response(response.status, dict(response.headers), await response.read())
        self._check(found, path)
        return found

    def _check(self, response: Response, path: str) -> None:
        assert response.headers["Content-Type"].startswith("application/json"), response
        # Its 503 says which part is missing, not an error's code.
        if path == "/readyz" and response.status in (200, 503):
            assert set(response.json) >= {"status", "engine"}
        elif response.status >= 400:
            assert problems(self.document, {"$ref": "#/components/schemas/Error"}, response.json) == []
            assert set(response.json) == {"error"}
            assert set(response.json["error"]) == {"code", "message"}
            assert ("Retry-After" in response.headers) == (response.status in (429, 503))
        elif path == "/api/chat":
            check_reply(self.document, response.json)

    async def say(self, text: str | None = None, **fields: str) -> dict[str, Any]:
        """The reply to a message that must be taken in."""
        given = fields if text is None else {"text": text, **fields}
        response = await self.post(given)
        assert response.status == 200, response.body
        return response.json

    async def press(self, reply: dict[str, Any], number: int, **fields: str) -> dict[str, Any]:
        """Press the button with this number (from 0, over all messages) of a reply."""
        return await self.say(button=buttons(reply)[number]["payload"], conversation=reply["conversation"], **fields)

    def announce(self) -> None:
        """Write what `bot serve` writes, so that commands find this site."""
        text = json.dumps({"pid": 1, "local": self.local, "address": self.public, "at": 0})
        announcement(self.settings).write_text(text, encoding="ascii")
        (self.settings.var_folder / "local.secret").write_text(SECRET, encoding="ascii")


def check_reply(document: dict[str, Any], reply: dict[str, Any]) -> None:
    """Everything api.md says of the form of a reply."""
    assert problems(document, {"$ref": "#/components/schemas/Reply"}, reply) == []
    assert set(reply) == REPLY_FIELDS
    # While a person owns the conversation the bot is silent.
    assert reply["messages"] or reply["outcome"] == "handoff", "a reply says something"
    for message in reply["messages"]:
        assert set(message) == MESSAGE_FIELDS
        assert message["text"].strip()


def buttons(reply: dict[str, Any]) -> list[dict[str, str]]:
    return [button for message in reply["messages"] for button in message["buttons"]]


@dataclass
class Clock:
    """Stands still until it is moved."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now


@asynccontextmanager
async def running_site(
    brain: Brain,
    var: Path,
    *,
    with_engine: bool = True,
    given_bus: Bus | None = None,
    account: Account | None = None,
    **given: Any,
) -> AsyncIterator[Site]:
    """The app, listening. Settings may be given; no rate limit unless one is. With an `account`, on WeChat too.

    Booking is off unless the setting is given.
    """
    settings = load_settings(
        {}, **{"var_folder": var, "rate_per_minute": 0, "knowledge_folder": KNOWLEDGE, "booking": "off", **given}
    )
    async with AsyncExitStack() as stack:
        database = make_engine(await _prepared(settings, brain, given))
        stack.push_async_callback(database.dispose)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        fake = FakeEngine() if with_engine else None
        if fake is not None:
            await fake.start()
            stack.push_async_callback(fake.die)
        circuit = Circuit(settings.engine_failures_to_open, settings.engine_open_seconds)
        worker = Worker("engine-1", fake.url if fake else "http://127.0.0.1:9", circuit, ready=with_engine)
        bus, clock = given_bus or LocalBus(), Clock(NOW)
        switches = Switches(database, bus, brain.locales, clock)
        await switches.reload()
        stack.push_async_callback(stopped, asyncio.create_task(switches.run()))
        service = ConversationService(
            database=database,
            desk=Desk(brain.encoder, THRESHOLDS, brain.search, "linli-test"),
            engine=EngineDoor(session, SECRET, settings.engine_timeout_seconds, [worker]),
            inflight=InFlight(),
            identifier=brain.identifier,
            lane=brain.lane,
            net=UrgentNet.load(),
            locales=brain.locales,
            handover=Handover(database, bus, desk_rules(), brain.locales, clock),
            switches=switches,
            bus=bus,
            queue_limit=settings.queue_per_conversation,
            holder=leases.new_holder(),
            clock=clock,
        )
        stack.push_async_callback(service.finish, 5.0)
        _, local = await _listening(stack, create_local_app(settings, service, SECRET))
        if fake is not None:
            fake.action_url = f"{local}/actions"
        site = Site(settings, service, "", local, session, worker, fake, openapi(settings), clock, stack)
        site.room = open_room(settings, ROOT / "data" / "booking", service, VISITOR_KEYS)
        if site.room is not None:
            await site.room.voice.sweep(clock())
        if account is not None:
            site.wechat = build(settings, account, service, session, service.engine)
            stack.push_async_callback(site.wechat.close)
        await site.start_public()
        yield site


async def _prepared(settings: Settings, brain: Brain, given: dict[str, Any]) -> str:
    """The URL of a database with this code's schema."""
    if "database_url" in given:
        database = make_engine(settings.database_url)
        await migrate(database)
        await database.dispose()
    else:
        settings.var_folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(brain.database_file, settings.var_folder / "linli.db")
    return settings.database_url


async def _listening(stack: AsyncExitStack, app: web.Application, port: int = 0) -> tuple[web.AppRunner, str]:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", port, reuse_address=True).start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}"


async def until(condition: Any, seconds: float = 10.0) -> None:
    """Wait for a condition; fails when it does not come true in time."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, "waited in vain"
        await asyncio.sleep(0.02)
