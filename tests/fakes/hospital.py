"""A hospital's own system, as docs/hospital-interface.md asks for it, and what may go wrong with one."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import hmac
import json
import secrets
import ssl
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from aiohttp import web

SECRET = "a-secret-of-the-tests-0123456789abcdef"
_LONGEST_HOLD = timedelta(minutes=30)
_SIGNATURE_SECONDS = 300
_CITY = timedelta(hours=8)


class Fault(StrEnum):
    """What becomes of one request. The work is done all the same, but for the first three."""

    CUT_BEFORE = "cut before"
    BUSY = "503"  # with Retry-After
    FORBIDDEN = "403"
    CUT = "cut after"
    SLOW = "slow"
    BROKEN = "500"
    NOT_JSON = "not JSON"
    FAILED_IN_200 = "200 that tells of a failure"
    LIST = "a list"
    EMPTY = "empty"
    REDIRECT = "redirect"
    HUGE = "huge"
    ENDLESS = "endless"
    DRIP = "drip"
    PACKED = "gzip"


@dataclass
class Slot:
    id: str
    starts_at: datetime
    capacity: int = 1
    department: str = "cardiology"
    campus: str = "main"
    minutes: int = 15
    fee_fen: int | None = None
    languages: tuple[str, ...] = ()
    international: bool = False


@dataclass
class Hold:
    slot: str
    until: datetime


@dataclass
class Booking:
    slot: str
    reference: str
    patient: dict[str, Any]
    cancelled: bool = False


class GoneError(Exception):
    """The place is not free, or the hold is not there any more."""


class UnknownBookingError(Exception):
    pass


@dataclass
class HospitalSystem:
    """The hospital's tables, which outlive its server. Holds and bookings by the keys that they came with."""

    clock: Callable[[], datetime]
    slots: dict[str, Slot] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)
    bookings: dict[str, Booking] = field(default_factory=dict)
    used_holds: dict[str, Booking] = field(default_factory=dict)

    def add(self, slot: Slot) -> Slot:
        self.slots[slot.id] = slot
        return slot

    def free(self, slot_id: str, but: str = "") -> int:
        """Places that are neither booked nor held; the hold `but` does not count."""
        now = self.clock()
        held = sum(hold.slot == slot_id and hold.until > now and key != but for key, hold in self.holds.items())
        return self.slots[slot_id].capacity - held - len(self.booked(slot_id))

    def booked(self, slot_id: str) -> list[Booking]:
        return [one for one in self.bookings.values() if one.slot == slot_id and not one.cancelled]

    def openings(self, asked: dict[str, Any]) -> dict[str, Any]:
        days = asked["first"], asked["last"]
        found = [
            self._opening(slot)
            for slot in self.slots.values()
            if slot.department == asked["department"]["key"] and days[0] <= self._day(slot) <= days[1]
        ]
        return {"openings": [one for one in found if one["free"]]}

    def hold(self, asked: dict[str, Any]) -> dict[str, Any]:
        key, slot_id = asked["key"], asked["opening"]
        until = min(datetime.fromisoformat(asked["until"]), self.clock() + _LONGEST_HOLD)
        if (booking := self.used_holds.get(key)) is not None:
            if booking.slot != slot_id or booking.cancelled:
                raise GoneError
        elif slot_id not in self.slots or self.free(slot_id, but=key) < 1:
            raise GoneError
        else:
            self.holds[key] = Hold(slot_id, until)
        return {"opening": self._opening(self.slots[slot_id]), "until": until.astimezone(UTC).isoformat()}

    def release(self, asked: dict[str, Any]) -> dict[str, Any]:
        self.holds.pop(asked["key"], None)
        return {"released": True}

    def book(self, asked: dict[str, Any]) -> dict[str, Any]:
        before = self.bookings.get(asked["key"])
        if before is None:
            before = self._book(asked)
        if before.cancelled:
            raise GoneError
        return {"reference": before.reference}

    def cancel(self, asked: dict[str, Any]) -> dict[str, Any]:
        found = [one for one in self.bookings.values() if one.reference == asked["reference"]]
        if not found:
            raise UnknownBookingError
        found[0].cancelled = True
        return {"cancelled": True}

    def _book(self, asked: dict[str, Any]) -> Booking:
        hold = self.holds.get(asked["hold"])
        if hold is None or self.free(hold.slot, but=asked["hold"]) < 1:
            raise GoneError
        booking = Booking(hold.slot, f"GH{secrets.randbelow(10**10):010d}", asked["patient"])
        del self.holds[asked["hold"]]
        self.used_holds[asked["hold"]] = self.bookings[asked["key"]] = booking
        return booking

    def _opening(self, slot: Slot) -> dict[str, Any]:
        return {
            "id": slot.id,
            "campus": slot.campus,
            "department": slot.department,
            "starts_at": (slot.starts_at.astimezone(UTC) + _CITY).strftime("%Y-%m-%dT%H:%M:%S+08:00"),
            "minutes": slot.minutes,
            "free": self.free(slot.id),
            "fee_fen": slot.fee_fen,
            "languages": list(slot.languages),
            "international": slot.international,
        }

    def _day(self, slot: Slot) -> str:
        return (slot.starts_at.astimezone(UTC) + _CITY).date().isoformat()


@dataclass
class HospitalServer:
    """Its server at /linli. `faults` are used up one a request; `always` is one that stays."""

    system: HospitalSystem
    secret: str = SECRET
    faults: deque[Fault] = field(default_factory=deque)
    always: Fault | None = None
    retry_after: str = "0"
    slow_seconds: float = 30.0
    # Work takes a moment, in which other requests come in.
    work_seconds: float = 0.0
    seen: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)  # call, path and query, body
    elsewhere: int = 0
    url: str = ""
    _port: int = 0
    _runner: web.AppRunner | None = None

    async def start(self, tls: ssl.SSLContext | None = None) -> None:
        """On the same port as before."""
        app = web.Application()
        app.router.add_post("/linli/{call}", self._serve)
        app.router.add_route("*", "/elsewhere", self._elsewhere)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.05, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True, ssl_context=tls).start()
        self._port = self._runner.addresses[0][1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._port}/linli"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def count(self, call: str) -> int:
        return sum(seen == call for seen, _path, _body in self.seen)

    async def _elsewhere(self, _request: web.Request) -> web.Response:
        self.elsewhere += 1
        return web.json_response({"openings": []})

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        raw, call = await request.read(), request.match_info["call"]
        if not self._signed(request, call, raw):
            return web.json_response({"error": {"code": "bad_signature"}}, status=401)
        self.seen.append((call, request.path_qs, json.loads(raw)))
        fault = self.faults.popleft() if self.faults else self.always
        if fault in _WITHOUT_WORK:
            return await self._fail(request, fault)
        await asyncio.sleep(self.work_seconds)
        answer = self._work(call, json.loads(raw))
        return answer if fault is None else await self._fail(request, fault)

    def _signed(self, request: web.Request, call: str, raw: bytes) -> bool:
        seconds = request.headers.get("Linli-Time", "")
        message = seconds.encode() + b"\n" + call.encode() + b"\n" + raw
        wanted = hmac.new(self.secret.encode(), message, hashlib.sha256).hexdigest()
        in_time = seconds.isdigit() and abs(int(seconds) - self.system.clock().timestamp()) <= _SIGNATURE_SECONDS
        return in_time and hmac.compare_digest(wanted, request.headers.get("Linli-Signature", ""))

    def _work(self, call: str, asked: dict[str, Any]) -> web.Response:
        works = {
            "openings": self.system.openings,
            "hold": self.system.hold,
            "release": self.system.release,
            "book": self.system.book,
            "cancel": self.system.cancel,
        }
        try:
            return web.json_response(works[call](asked))
        except GoneError:
            return web.json_response({"error": {"code": "gone"}}, status=409)
        except UnknownBookingError:
            return web.json_response({"error": {"code": "unknown_booking"}}, status=404)

    async def _fail(self, request: web.Request, fault: Fault | None) -> web.StreamResponse:
        match fault:
            case Fault.CUT | Fault.CUT_BEFORE:
                assert request.transport is not None
                request.transport.abort()
            case Fault.SLOW:
                await asyncio.sleep(self.slow_seconds)
            case Fault.BUSY:
                return web.Response(status=503, headers={"Retry-After": self.retry_after})
            case Fault.FORBIDDEN:
                return web.Response(status=403, text="forbidden")
            case Fault.BROKEN:
                return web.Response(status=500, text="Traceback: patient not saved")
            case Fault.NOT_JSON:
                return web.Response(text="<html>系统维护中</html>", content_type="text/html")
            case Fault.FAILED_IN_200:
                return web.json_response({"code": 500, "msg": "系统异常", "data": None})
            case Fault.LIST:
                return web.json_response([])
            case Fault.REDIRECT:
                return web.Response(status=307, headers={"Location": "/elsewhere"})
            case Fault.HUGE:
                return web.Response(body=b'{"openings": "' + b"x" * 3_000_000 + b'"}')
            case Fault.PACKED:
                body = gzip.compress(b'{"openings": []}' + b" " * 3_000_000)
                return web.Response(body=body, headers={"Content-Encoding": "gzip"})
            case Fault.ENDLESS:
                return await _streamed(request, b" " * 50_000, 0.0)
            case Fault.DRIP:
                return await _streamed(request, b" ", 0.05)
            case _:
                pass
        return web.Response()


_WITHOUT_WORK = frozenset({Fault.CUT_BEFORE, Fault.BUSY, Fault.FORBIDDEN})


async def _streamed(request: web.Request, piece: bytes, pause_seconds: float) -> web.StreamResponse:
    """A body that does not end."""
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(piece)
        await asyncio.sleep(pause_seconds)


@asynccontextmanager
async def running_hospital(clock: Callable[[], datetime]) -> AsyncIterator[HospitalServer]:
    server = HospitalServer(HospitalSystem(clock))
    await server.start()
    yield server
    await server.stop()
