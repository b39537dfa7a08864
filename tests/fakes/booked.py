"""The appointment's page with the real bookings behind it, and one appointment: without the rest of the app."""

from __future__ import annotations

import functools
import json
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from sqlalchemy import insert

from bot.appointments import links
from bot.appointments.bookings import Appointment, Bookings, assemble
from bot.appointments.local import LocalProvider
from bot.appointments.patient import Document, Patient, Relation
from bot.appointments.seats import SessionState
from bot.channels.web import appointment, assets, keys
from bot.channels.web.cors import add_headers
from bot.channels.web.errors import errors_as_json
from bot.channels.web.visitor import Tokens
from bot.conversations import store
from bot.db.engine import make_engine, transaction
from bot.db.models import Base, ClinicSession, Slot
from bot.handoff.calendar import Calendar
from bot.ids import new_id
from bot.settings import ROOT, load_settings

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
KEYS = ("the key of the appointment tests " * 2, "their key of last year " * 2)
FOLDER = ROOT / "data" / "booking"
PUBLIC_URL = "https://linli.example"
HOSPITAL, DEPARTMENT = "hospital-ustc-1", "cardiology"
BORN = "1990-05-17"
PATIENT = Patient(
    Relation.SELF, "PATIENT ONE", date.fromisoformat(BORN), Document.PASSPORT, "X00000000", "+8613800000000"
)
MASKED = "P*** O***"


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def code(self) -> str:
        return str(self.json["error"]["code"])


@dataclass
class Clock:
    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Booked:
    """A server with one appointment, on the second day from now at 9:30; `link` is its token."""

    public: str
    http: aiohttp.ClientSession
    bookings: Bookings
    clock: Clock
    one: Appointment
    session: str = ""
    # Whom the trusted proxy saw.
    address: str = "10.0.0.1"
    answers: list[Answer] = field(default_factory=list)

    @property
    def link(self) -> str:
        return links.link(KEYS, self.one.id, self.one.link_number, self.one.starts_at)

    @property
    def page(self) -> str:
        return f"{self.public}{links.PATH}#{self.link}"

    async def ask(self, method: str, name: str, body: Any = None, session: str | None = None, **query: str) -> Answer:
        url, token = f"{self.public}/api/appointment/{name}", self.session if session is None else session
        headers = {"X-Forwarded-For": self.address, **({"Authorization": f"Bearer {token}"} if token else {})}
        async with self.http.request(method, url, json=body, params=query, headers=headers) as response:
            found = Answer(response.status, dict(response.headers), await response.read())
        self.answers.append(found)
        return found

    async def post(self, name: str, session: str | None = None, **body: Any) -> Answer:
        return await self.ask("POST", name, body, session)

    async def get(self, name: str, session: str | None = None, **query: str) -> Answer:
        return await self.ask("GET", name, None, session, **query)

    async def open(self) -> dict[str, Any]:
        """The card, by the link; the session is kept for the next calls."""
        return self._kept(await self.post("open", token=self.link))

    async def verify(self, born: str = BORN) -> dict[str, Any]:
        """The card after the patient's date of birth."""
        await self.open()
        return self._kept(await self.post("verify", born=born))

    def _kept(self, answer: Answer) -> dict[str, Any]:
        assert answer.status == 200, answer.body
        self.session = answer.json["session"]
        return answer.json

    async def openings(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.get("openings")).json["openings"]
        return found

    async def present(self) -> Appointment:
        found = await self.bookings.appointment(self.one.id)
        assert found is not None
        return found


@functools.cache
def _read_once() -> Bookings:
    """What is read of data/booking takes half a second, and no test changes it."""
    with tempfile.TemporaryDirectory() as var:
        database = make_engine(f"sqlite+aiosqlite:///{var}/never.db")
        return assemble(database, FOLDER, Calendar(frozenset(), {}, {}), Path(var), Clock(), demo=False)


@asynccontextmanager
async def booked(
    var: Path, language: str = "en", *, demo: bool = False, public_url: str = PUBLIC_URL, interpreter: str | None = None
) -> AsyncIterator[Booked]:
    """The server, listening; everything in a folder of its own."""
    var.mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        database, clock = make_engine(f"sqlite+aiosqlite:///{var}/booked.db"), Clock()
        stack.push_async_callback(database.dispose)
        async with transaction(database) as connection:
            await connection.run_sync(Base.metadata.create_all)
        read = replace(_read_once(), database=database, clock=clock, demo=demo)
        bookings = replace(read, local=LocalProvider(database, read.calendar, clock, demo))
        for department in (DEPARTMENT, "dermatology"):
            await add_times(bookings, department, demo=demo)
        patient = replace(PATIENT, interpreter=interpreter)
        one = await _book(bookings, language, patient)
        public = await _listening(stack, _app(bookings, public_url))
        http = await stack.enter_async_context(aiohttp.ClientSession())
        yield Booked(public, http, bookings, clock, one)


async def add_times(bookings: Bookings, department: str, *, demo: bool) -> None:
    """One place each at 9:00, 9:30 and 10:00 of the second, third and fourth day from now."""
    for number in (2, 3, 4):
        day = NOW.date() + timedelta(days=number)
        session = {"id": new_id(), "key": f"{department}-{day}", "hospital": HOSPITAL, "campus": "main"}
        session |= {"department": department, "clinician_id": None, "day": day, "part": "morning"}
        session |= {"state": SessionState.OPEN, "fee_fen": None, "international": False, "demo": demo}
        first = datetime(day.year, day.month, day.day, 1, 0, tzinfo=UTC)
        slots = [
            {"id": new_id(), "session_id": session["id"], "starts_at": start, "minutes": 30, "capacity": 1}
            for start in (first, first + timedelta(minutes=30), first + timedelta(minutes=60))
        ]
        async with transaction(bookings.database) as connection:
            await connection.execute(insert(ClinicSession).values(session))
            await connection.execute(insert(Slot), slots)


async def _book(bookings: Bookings, language: str, patient: Patient) -> Appointment:
    thread = await store.open_conversation(bookings.database, "web", None, language, NOW)
    second = (await bookings.openings(DEPARTMENT, HOSPITAL))[1]
    held = await bookings.hold(thread.id, HOSPITAL, second.id, "first-hold")
    return await bookings.confirm(thread.id, held, patient, language, "first-confirm")


def _app(bookings: Bookings, public_url: str) -> web.Application:
    app = web.Application(middlewares=[errors_as_json])
    app[keys.SETTINGS] = load_settings({}, trusted_proxies=1, public_url=public_url)
    app[keys.TOKENS] = Tokens(KEYS)
    app[keys.BOOKINGS] = bookings
    assets.add_routes(app)
    appointment.add_routes(app)
    add_headers(app)
    return app


async def _listening(stack: AsyncExitStack, app: web.Application) -> str:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return f"http://127.0.0.1:{runner.addresses[0][1]}"
