"""create_app: the one place where the parts meet."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import os
import socket
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web
from aiohttp.typedefs import Middleware
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.appointments import catalogue, providers
from bot.appointments.remote_wire import open_session
from bot.bus import Bus, LocalBus
from bot.channels import staff
from bot.channels.staff.bookings import SIDE
from bot.channels.web import appointment, assets, keys, live, routes, widget
from bot.channels.web.cors import add_headers, only_from_allowed_sites
from bot.channels.web.errors import errors_as_json, expectation
from bot.channels.web.hub import Hub
from bot.channels.web.limits import RateLimiter
from bot.channels.web.visitor import Tokens
from bot.channels.wechat.account import load_account
from bot.conversations import masking
from bot.conversations.acts import ACTS
from bot.conversations.booking_room import OFF, BookingRoom, open_room
from bot.conversations.handover import Handover
from bot.conversations.inflight import InFlight
from bot.conversations.service import ConversationService, utc_now
from bot.conversations.switches import Switches
from bot.conversations.urgent import UrgentLane
from bot.conversations.urgent_net import UrgentNet
from bot.db import leases
from bot.db.engine import make_engine
from bot.db.migrate import migrate
from bot.encoder import Encoder
from bot.errors import ContentError, StartError, StorageError
from bot.fleet import Fleet
from bot.handoff.hours import DeskRules
from bot.keeping.retention import Retention, periods
from bot.keeping.trackers import Trackers, TrackerTable, place
from bot.knowledge import publishing, store
from bot.knowledge.desk import Desk
from bot.knowledge.passages import article_passages, other_passages
from bot.knowledge.scoring import Thresholds
from bot.knowledge.search import Search
from bot.language_id import LanguageIdentifier
from bot.locales import Locales
from bot.presence import present
from bot.secrets import local_secret, visitor_keys
from bot.settings import ROOT, Settings
from bot.sweeper import Job, Sweeper
from bot.workers import Supervisor

log = logging.getLogger("linli.app")

if TYPE_CHECKING:
    from rasa_sdk.executor import ActionExecutor

    from bot.channels.wechat.channel import Channel

EXECUTOR: web.AppKey[ActionExecutor] = web.AppKey("executor")
_ENGINE_READY_SECONDS = 120.0
# What is being answered when the server is stopped may end; what does not is taken up at the next start.
_FINISH_SECONDS = 3.0
# Rasa sends the whole tracker with every action call: up to 40 events with 1,000 characters each.
_TRACKER_LIMIT_BYTES = 8_000_000
Progress = publishing.Progress


@dataclass(frozen=True)
class Server:
    """A running system: the service, its engine workers, and where its two sites listen."""

    settings: Settings
    service: ConversationService
    supervisors: tuple[Supervisor, ...]
    secret: str
    address: str | None
    local_address: str

    async def wait_for_engine(self) -> bool:
        """Whether every worker became ready."""
        return all([await supervisor.wait_ready(_ENGINE_READY_SECONDS) for supervisor in self.supervisors])


def create_app(
    settings: Settings,
    service: ConversationService,
    visitor_keys: tuple[str, ...],
    wechat: Channel | None = None,
    room: BookingRoom | None = None,
) -> web.Application:
    """The public port's application."""
    app = _application(settings, service, settings.body_limit_bytes, only_from_allowed_sites)
    app[keys.LIMITER] = RateLimiter(settings.rate_per_minute, settings.rate_burst)
    app[keys.TOKENS] = Tokens(visitor_keys)
    app[keys.HUB] = Hub(
        service.database,
        service.bus,
        service.handover,
        settings.most_connections,
        settings.most_connections_per_address,
        settings.most_connections_per_conversation,
    )
    routes.add_public_routes(app)
    live.add_routes(app)
    widget.add_routes(app)
    assets.add_routes(app)
    staff.add_routes(app)
    if room is not None:
        app[keys.BOOKINGS] = room.bookings
        app[keys.BOOKING_VOICE] = room.voice
        app[SIDE] = room.side
        appointment.add_routes(app)
    if wechat is not None:
        wechat.add_to(app)
    add_headers(app)
    app.on_startup.append(_listen_to_signals)
    app.on_shutdown.append(_send_away)
    return app


async def _listen_to_signals(app: web.Application) -> None:
    app[keys.HUB].listen()


async def _send_away(app: web.Application) -> None:
    """Open sockets would hold the server up; who waits for an answer gets it when they are back."""
    await app[keys.HUB].close_all()


def create_local_app(settings: Settings, service: ConversationService, secret: str) -> web.Application:
    """The loopback door: the engine's action calls, and the commands on this machine."""
    # Here and not above: rasa_sdk takes a second to import, while the engine is starting already.
    from actions.base import Tools
    from actions.registry import make_executor

    app = _application(settings, service, body_limit_bytes=_TRACKER_LIMIT_BYTES)
    app[keys.SECRET] = secret
    app[EXECUTOR] = make_executor(Tools(service.desk, service.inflight))
    app.router.add_post("/actions", _run_action, expect_handler=expectation)
    routes.add_local_routes(app)
    return app


def _application(
    settings: Settings, service: ConversationService, body_limit_bytes: int, *gates: Middleware
) -> web.Application:
    app = web.Application(middlewares=[errors_as_json, *gates], client_max_size=body_limit_bytes)
    app[keys.SERVICE] = service
    app[keys.SETTINGS] = settings
    return app


async def _run_action(request: web.Request) -> web.Response:
    """POST /actions?token=…: what Rasa's action endpoint calls."""
    if not hmac.compare_digest(request.query.get("token", "").encode(), request.app[keys.SECRET].encode()):
        raise web.HTTPForbidden
    result = await request.app[EXECUTOR].run(await request.json())
    if result is None:
        raise web.HTTPBadRequest
    return web.json_response(result.model_dump())


@asynccontextmanager
async def running(settings: Settings, progress: Progress, *, public: bool) -> AsyncIterator[Server]:
    """Everything started, in order; everything stopped, in reverse. StartError when it cannot be."""
    _prepare_folders(settings)
    _check_port(settings, public)
    secret = local_secret(settings.var_folder)
    database = make_engine(settings.database_url)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(database.dispose)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        fleet = Fleet(settings, session, secret, stack)
        # An engine takes as long to start as everything else together, so it is the first thing.
        fleet.start_if_trained()
        await migrate(database)
        holder, bus = leases.new_holder(), await _bus(settings, stack)
        # Several servers hear of each other's conversations by Redis alone.
        alone = public and not settings.redis_url
        await stack.enter_async_context(present(database, holder, utc_now, alone=alone))
        encoder = Encoder()
        await fleet.train_and_start(database, encoder, progress)
        service = await _service(settings, database, encoder, fleet, progress, bus, holder)
        stack.push_async_callback(service.finish, _FINISH_SECONDS)
        local = create_local_app(settings, service, secret)
        local_address = await _listen(stack, local, "127.0.0.1", fleet.local_port)
        address = None
        if public:
            wechat = _wechat(settings, service, session)
            if wechat is not None:
                stack.push_async_callback(wechat.close)
            room = await _booking(settings, service, stack)
            app = create_app(settings, service, visitor_keys(settings.var_folder), wechat, room)
            address = await _listen(stack, app, settings.host, settings.port)
            jobs = (*(wechat.jobs if wechat is not None else ()), *(room.jobs if room is not None else ()))
            for running_on in (_sweeper(settings, service, jobs).run(), service.switches.run()):
                stack.push_async_callback(stopped, asyncio.create_task(running_on))
        # The patterns that a message needs are compiled by it; the others in the meantime.
        stack.push_async_callback(stopped, asyncio.create_task(asyncio.to_thread(service.lane.warm)))
        server = Server(settings, service, tuple(fleet.supervisors), secret, address, local_address)
        stack.enter_context(_Announced(server))
        yield server


def _prepare_folders(settings: Settings) -> None:
    for folder in (settings.var_folder, settings.models_folder):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            probe = folder / f".writable-{os.getpid()}"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise StartError(f"cannot write to {folder}: {error.strerror}") from error


def _check_port(settings: Settings, public: bool) -> None:
    """A taken port is said at once, not after minutes of setting up."""
    if not public or settings.port == 0:
        return
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise StartError(_port_taken(settings.host, settings.port, error)) from error


def _port_taken(host: str, port: int, error: OSError) -> str:
    return f"cannot listen on {host}:{port} ({error.strerror}); stop what uses it or set LINLI_PORT"


async def _service(
    settings: Settings,
    database: AsyncEngine,
    encoder: Encoder,
    fleet: Fleet,
    progress: Progress,
    bus: Bus,
    holder: str,
) -> ConversationService:
    identifier = LanguageIdentifier()
    search = await _search(settings, database, encoder, identifier, progress)
    masking.default_rules()  # a faulty list stops the start, not a message
    lane, locales = UrgentLane.load(ROOT / "data" / "urgent", settings.var_folder / "urgent"), Locales.load()
    switches = Switches(database, bus, locales, utc_now)
    await switches.reload()
    await asyncio.gather(*(asyncio.to_thread(part.warm) for part in (encoder, identifier)))
    return ConversationService(
        database=database,
        desk=Desk(encoder, _thresholds(settings), search, fleet.model_name),
        engine=fleet.door,
        inflight=InFlight(),
        identifier=identifier,
        lane=lane,
        net=UrgentNet.load(),
        locales=locales,
        handover=Handover(database, bus, desk_rules(), locales, utc_now),
        switches=switches,
        bus=bus,
        queue_limit=settings.queue_per_conversation,
        holder=holder,
    )


async def stopped(task: asyncio.Task[None]) -> None:
    """Cancel a task that runs for ever, and wait until it has let go of what it holds."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def desk_rules() -> DeskRules:
    """When the operators' desk is open. StartError when its files are not as they should be."""
    try:
        return DeskRules.load(ROOT / "data" / "desk.yml", ROOT / "data" / "holidays")
    except ContentError as error:
        raise StartError(str(error)) from error


async def _bus(settings: Settings, stack: AsyncExitStack) -> Bus:
    if not settings.redis_url:
        return LocalBus()
    # Here and not above: it takes half a second to import, and most installations have one process.
    from bot.redis_bus import RedisBus

    bus = RedisBus(settings.redis_url, hashlib.sha256(settings.database_url.encode()).hexdigest()[:8])
    stack.push_async_callback(bus.close)
    await bus.open()
    return bus


def _trackers(settings: Settings, service: ConversationService) -> Trackers:
    # Without engine workers nobody else writes to what they left of conversations.
    return service.engine if settings.engine_workers else TrackerTable(place(settings))


def _wechat(settings: Settings, service: ConversationService, session: aiohttp.ClientSession) -> Channel | None:
    """StartError or SettingsError, in one line, when an account is set that cannot be served."""
    account = load_account(settings)
    if account is None:
        return None
    # Here and not above: most installations' tests and commands have no account, and XML and keys take time.
    from bot.channels.wechat.channel import build

    return build(settings, account, service, session, _trackers(settings, service))


async def _booking(settings: Settings, service: ConversationService, stack: AsyncExitStack) -> BookingRoom | None:
    """None when booking is switched off. StartError, in one line, when what is booked by is not as it should be."""
    if settings.booking == OFF:
        return None
    folder = ROOT / "data" / "booking"
    session = open_session()
    stack.push_async_callback(session.close)
    try:
        elsewhere = providers.load(folder, settings.var_folder, catalogue.load(folder), session, service.clock)
        return open_room(settings, folder, service, visitor_keys(settings.var_folder), elsewhere)
    except ContentError as error:
        raise StartError(f"data/booking: {error}") from error


def _sweeper(settings: Settings, service: ConversationService, more: Sequence[Job] = ()) -> Sweeper:
    retention = Retention(service.database, _trackers(settings, service), periods(settings))
    jobs = (
        Job("messages", 3.0, service.sweep),
        Job("signals", 5.0, service.signal_again),
        Job("handover", 5.0, service.handover.sweep),
        Job("retention", 600.0, retention.sweep),
        *more,
    )
    return Sweeper(service.database, service.holder, jobs, service.clock)


def _thresholds(settings: Settings) -> Thresholds:
    """The calibrated ones, but for what a setting overrides."""
    found = Thresholds.load()
    answer = settings.answer_threshold if settings.answer_threshold >= 0 else found.answer
    clarify = settings.clarify_threshold if settings.clarify_threshold >= 0 else found.clarify
    return Thresholds(answer, min(answer, clarify))


async def _search(
    settings: Settings, database: AsyncEngine, encoder: Encoder, identifier: LanguageIdentifier, progress: Progress
) -> Search:
    try:
        changed = await publishing.publish_files(database, settings.knowledge_folder, utc_now())
        log.info("knowledge_published changed=%d", changed)
        knowledge = await store.load(database)
        passages = [
            *article_passages(knowledge),
            *other_passages(ROOT / "data" / "nlu", settings.knowledge_folder, identifier, ACTS),
        ]
        version = publishing.encoder_version()
        cache = settings.var_folder / "index"
        return await publishing.build_search(database, knowledge, passages, encoder, version, cache, progress)
    except (ContentError, StorageError) as error:
        raise StartError(str(error)) from error


async def _listen(stack: AsyncExitStack, app: web.Application, host: str, port: int) -> str:
    """Start a site; the address it can be reached at."""
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=5)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    site = web.TCPSite(runner, host, port, reuse_address=True)
    try:
        await site.start()
    except OSError as error:
        raise StartError(_port_taken(host, port, error)) from error
    bound = runner.addresses[0][1]
    return f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{bound}"  # noqa: S104 - a comparison, not a bind


def announcement(settings: Settings) -> Path:
    """Where a running server says how the commands on this machine reach it."""
    return settings.var_folder / "run.json"


class _Announced:
    """The file is there while the server runs, and removed only by the server that wrote it."""

    def __init__(self, server: Server) -> None:
        self._path = announcement(server.settings)
        self._text = json.dumps(
            {"pid": os.getpid(), "local": server.local_address, "address": server.address, "at": time.time()}
        )
        self._public = server.address is not None

    def __enter__(self) -> None:
        if self._public:
            self._path.write_text(self._text, encoding="ascii")

    def __exit__(self, *_: object) -> None:
        if self._public and self._path.exists() and self._path.read_text(encoding="ascii") == self._text:
            self._path.unlink()


def silent(_what: str, _done: int, _of: int) -> None:
    """A progress that says nothing."""
