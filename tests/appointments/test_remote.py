"""A hospital's own system over HTTP: what goes well, everything that may go wrong with it, and its file."""

from __future__ import annotations

import asyncio
import ipaddress
import itertools
import json
import logging
import re
import ssl
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.appointments.catalogue import Catalogue
from bot.appointments.catalogue import load as load_catalogue
from bot.appointments.patient import Document, Patient, Relation
from bot.appointments.provider import Held, ProviderError, SlotGone, Taken
from bot.appointments.providers import load, read
from bot.appointments.readings import Part
from bot.appointments.remote import RemoteProvider
from bot.appointments.remote_wire import Call, Limits, open_session, signature
from bot.errors import ContentError
from bot.settings import ROOT
from tests.fakes.hospital import SECRET, Fault, GoneError, HospitalServer, Slot, running_hospital
from tests.fakes.wechat import MovableClock

DATA = ROOT / "data" / "booking"
HOSPITAL = "hospital-ahmu-1"
# Tuesday, noon in the city.
NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
TOMORROW = date(2026, 11, 25)
NINE = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)
UNTIL = NOW + timedelta(minutes=10)
LIMITS = Limits(pauses_seconds=(0.01, 0.02))
# Where the hospital is slow on purpose.
SHORT = replace(LIMITS, connect_seconds=0.3, total_seconds=0.3)
SLOW = (Fault.SLOW, Fault.DRIP)
# Where fifty calls share a line that fails often.
PERSEVERING = Limits(connect_seconds=20, total_seconds=20, deadline_seconds=40, pauses_seconds=(0.01,) * 40)
PATIENT = Patient(
    Relation.CHILD,
    "TEST PATIENT 患者",
    date(2019, 5, 4),
    Document.PASSPORT,
    "X0000001",
    "+861000000",
    "TEST GUARDIAN",
    "fr",
)
PERSONAL = (PATIENT.name, "患者", PATIENT.number, PATIENT.phone, "TEST GUARDIAN", "2019-05-04")
CONVERSATION = uuid.UUID("0198c0de-0000-7000-8000-000000000001")
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(DATA)


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(NOW)


@pytest.fixture
async def server(clock: MovableClock) -> AsyncIterator[HospitalServer]:
    async with running_hospital(clock) as running:
        running.system.add(Slot("slot.1", NINE))
        yield running


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with open_session() as opened:
        yield opened


@pytest.fixture
def remote(
    tmp_path: Path, catalogue: Catalogue, clock: MovableClock, server: HospitalServer, session: aiohttp.ClientSession
) -> RemoteProvider:
    return connected(tmp_path, catalogue, clock, server.url, session)


def connected(
    folder: Path,
    catalogue: Catalogue,
    clock: Callable[[], datetime],
    url: str,
    session: aiohttp.ClientSession,
    limits: Limits = LIMITS,
) -> RemoteProvider:
    """By the file, as the app does it."""
    write(folder, f"{{{HOSPITAL}: {{kind: http, url: '{url}', secret: hospital_ahmu_1.secret}}}}")
    found = load(folder, folder, catalogue, session, clock, {"LINLI_HOSPITAL_AHMU_1": SECRET}, limits)[HOSPITAL]
    assert isinstance(found, RemoteProvider)
    return found


def write(folder: Path, providers: str) -> None:
    (folder / "providers.yml").write_text(f"providers: {providers}\n", encoding="utf-8")


def new_key() -> str:
    return f"{CONVERSATION}:{next(_numbers)}"


async def held(remote: RemoteProvider, key: str | None = None, slot: str = "slot.1") -> Held:
    return await remote.hold(CONVERSATION, slot, key or new_key(), UNTIL)


# What goes well


async def test_openings_are_the_hospitals_own_the_earliest_first(
    remote: RemoteProvider, server: HospitalServer
) -> None:
    server.system.add(
        Slot("slot.2", NINE - timedelta(hours=1), 3, fee_fen=5000, languages=("en", "xx", "fr"), international=True)
    )
    first, second = await remote.openings("cardiology", [HOSPITAL, "hospital-ustc-1"], TOMORROW, TOMORROW)
    assert (first.id, first.free, first.fee_fen, first.languages, first.international) == (
        "slot.2",
        3,
        5000,
        ("en", "fr"),
        True,
    )
    assert (second.id, second.hospital, second.campus, second.department) == ("slot.1", HOSPITAL, "main", "cardiology")
    assert (second.starts_at, second.minutes, second.part, second.fee_fen) == (NINE, 15, Part.MORNING, None)
    assert (second.languages, second.international, second.demo) == ((), False, False)


async def test_the_department_goes_out_with_what_its_sign_says(remote: RemoteProvider, server: HospitalServer) -> None:
    await remote.openings("cardiology", [HOSPITAL], TOMORROW, date(2026, 12, 1))
    assert server.seen == [
        (
            "openings",
            "/linli/openings",
            {
                "hospital": HOSPITAL,
                "department": {"key": "cardiology", "sign_zh": "心血管内科"},
                "first": "2026-11-25",
                "last": "2026-12-01",
            },
        )
    ]


async def test_no_call_for_another_hospital(remote: RemoteProvider, server: HospitalServer) -> None:
    assert await remote.openings("cardiology", ["hospital-ustc-1"], TOMORROW, TOMORROW) == ()
    assert server.seen == []


async def test_openings_that_have_begun_are_full_or_on_another_day_are_left_out(
    remote: RemoteProvider, server: HospitalServer
) -> None:
    """Also when the hospital sends them."""
    system = server.system
    system.add(Slot("begun", NOW - timedelta(minutes=1)))
    # 23:30 and 00:30 in the city, the same day in UTC.
    system.add(Slot("late", datetime(2026, 11, 25, 15, 30, tzinfo=UTC)))
    system.add(Slot("after", datetime(2026, 11, 25, 16, 30, tzinfo=UTC)))
    everything = {"openings": [system._opening(slot) for slot in system.slots.values()]}
    everything["openings"].append({**everything["openings"][0], "id": "full", "free": 0})
    system.openings = lambda asked: everything  # type: ignore[method-assign]
    found = await remote.openings("cardiology", [HOSPITAL], date(2026, 11, 24), TOMORROW)
    assert [(one.id, one.part) for one in found] == [("slot.1", Part.MORNING), ("late", Part.EVENING)]


async def test_a_department_that_nobody_books_is_refused(remote: RemoteProvider, server: HospitalServer) -> None:
    with pytest.raises(ProviderError):
        await remote.openings("no_such_department", [HOSPITAL], TOMORROW, TOMORROW)
    assert server.seen == []


async def test_a_booking_from_the_hold_to_its_end(remote: RemoteProvider, server: HospitalServer) -> None:
    key = new_key()
    hold = await held(remote, key)
    assert (hold.opening.id, hold.until) == ("slot.1", UNTIL)
    assert await remote.openings("cardiology", [HOSPITAL], TOMORROW, TOMORROW) == ()
    taken = await remote.book(hold.id, PATIENT, key)
    [booking] = server.system.booked("slot.1")
    assert taken == Taken(booking.reference, None)
    assert Patient.from_json(booking.patient) == PATIENT
    await remote.cancel(taken, key)
    assert server.system.free("slot.1") == 1


async def test_the_same_call_again_gives_the_same(remote: RemoteProvider, server: HospitalServer) -> None:
    key = new_key()
    hold = await held(remote, key)
    again = await remote.hold(CONVERSATION, "slot.1", key, UNTIL + timedelta(minutes=5))
    assert again == replace(hold, until=UNTIL + timedelta(minutes=5))
    taken = await remote.book(hold.id, PATIENT, key)
    assert await remote.book(hold.id, PATIENT, key) == taken
    await remote.cancel(taken, key)
    await remote.cancel(taken, key)
    assert server.system.free("slot.1") == 1
    with pytest.raises(SlotGone):  # a key whose booking was cancelled books nothing more
        await remote.book(hold.id, PATIENT, key)


async def test_another_opening_under_the_same_key_frees_the_first(
    remote: RemoteProvider, server: HospitalServer
) -> None:
    server.system.add(Slot("slot.2", NINE))
    key = new_key()
    await held(remote, key)
    await held(remote, key, "slot.2")
    assert (server.system.free("slot.1"), server.system.free("slot.2")) == (1, 0)


async def test_a_place_that_is_taken_is_gone(remote: RemoteProvider) -> None:
    await held(remote)
    with pytest.raises(SlotGone):
        await held(remote)
    with pytest.raises(SlotGone):
        await held(remote, slot="never.was")


async def test_a_released_place_is_free_and_releasing_nothing_is_nothing(
    remote: RemoteProvider, server: HospitalServer
) -> None:
    key = new_key()
    await held(remote, key)
    await remote.release(key)
    await remote.release(key)
    await remote.release(new_key())
    assert server.system.free("slot.1") == 1


async def test_a_hold_ends_when_it_was_to_end(remote: RemoteProvider, clock: MovableClock) -> None:
    hold = await held(remote)
    clock.move(timedelta(minutes=11))
    other = await remote.hold(CONVERSATION, "slot.1", new_key(), clock() + timedelta(minutes=5))
    with pytest.raises(SlotGone):
        await remote.book(hold.id, PATIENT, new_key())
    await remote.book(other.id, PATIENT, new_key())


async def test_the_hospital_may_keep_a_place_for_a_shorter_time_only(remote: RemoteProvider) -> None:
    key = new_key()
    shorter = await remote.hold(CONVERSATION, "slot.1", key, NOW + timedelta(hours=5))
    assert shorter.until == NOW + timedelta(minutes=30)


async def test_a_hold_that_is_over_when_it_comes_is_none(remote: RemoteProvider) -> None:
    with pytest.raises(ProviderError, match="until"):
        await remote.hold(CONVERSATION, "slot.1", new_key(), NOW - timedelta(seconds=1))


async def test_whoever_lost_the_answer_and_begins_with_the_hold_again_finds_the_booking(
    remote: RemoteProvider, server: HospitalServer
) -> None:
    server.system.add(Slot("slot.2", NINE))
    key = new_key()
    taken = await remote.book((await held(remote, key)).id, PATIENT, key)
    again = await held(remote, key)
    assert await remote.book(again.id, PATIENT, key) == taken
    with pytest.raises(SlotGone):
        await held(remote, key, "slot.2")
    await remote.cancel(taken, key)
    with pytest.raises(SlotGone):
        await held(remote, key)
    assert (server.system.free("slot.1"), server.system.free("slot.2")) == (1, 1)


async def test_nothing_is_held_beyond_its_beginning_or_after_it(
    remote: RemoteProvider, server: HospitalServer, clock: MovableClock
) -> None:
    server.system.add(Slot("soon", NOW + timedelta(minutes=4)))
    assert (await held(remote, slot="soon")).until == NOW + timedelta(minutes=4)
    clock.move(timedelta(minutes=5))
    server.system.add(Slot("begun", NOW))
    with pytest.raises(SlotGone):
        await held(remote, slot="begun")


# What must not go out


async def test_nothing_of_the_patient_or_the_conversation_where_it_does_not_belong(
    remote: RemoteProvider, server: HospitalServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    key = new_key()
    hold = await held(remote, key)
    taken = await remote.book(hold.id, PATIENT, key)
    server.always = Fault.BROKEN
    errors = [await failure(remote.book(hold.id, PATIENT, key)), await failure(remote.cancel(taken, key))]
    said = " ".join([*map(repr, errors), caplog.text, *(path for _call, path, _body in server.seen)])
    assert not [word for word in (*PERSONAL, taken.external, SECRET) if str(word) in said]
    sent = json.dumps([body for _call, _path, body in server.seen], ensure_ascii=False)
    assert str(CONVERSATION) not in sent
    assert CONVERSATION.hex not in sent
    earlier = json.dumps([body for call, _path, body in server.seen if call != "book"], ensure_ascii=False)
    assert not [word for word in PERSONAL if word in earlier]


async def failure(doing: Awaitable[object]) -> Exception:
    with pytest.raises(ProviderError) as caught:
        await doing
    chain: list[Exception] = [caught.value]
    while isinstance(inner := chain[-1].__cause__ or chain[-1].__context__, Exception):
        chain.append(inner)
    assert not [one for one in chain if isinstance(one, aiohttp.ClientError)]
    return Exception(*(f"{type(one).__name__} {one}" for one in chain))


async def test_a_half_character_breaks_nothing(remote: RemoteProvider, server: HospitalServer) -> None:
    with pytest.raises(SlotGone):
        await held(remote, "key-\ud800", "slot-\ud800")
    hold = await held(remote)
    await remote.book(hold.id, replace(PATIENT, name="A\ud800B"), new_key())
    assert [one.patient["name"] for one in server.system.booked("slot.1")] == ["A?B"]


async def test_another_secret_is_refused_at_once(remote: RemoteProvider, server: HospitalServer) -> None:
    server.secret = "b" * 40
    with pytest.raises(ProviderError, match="HTTP 401"):
        await held(remote)
    assert server.seen == []


def test_the_signature_is_the_one_of_the_document() -> None:
    document = (ROOT / "docs" / "hospital-interface.md").read_text(encoding="utf-8")
    body = re.search(r'^\{"hospital":"hospital-ahmu-1","key":.*\}$', document, re.MULTILINE)
    assert body is not None
    made = signature(b"an-example-and-no-secret-0123456789", 1796086800, Call.RELEASE, body[0].encode())
    assert made in document


# What goes wrong

REPEATED = (
    Fault.CUT_BEFORE,
    Fault.BUSY,
    Fault.CUT,
    Fault.SLOW,
    Fault.BROKEN,
    Fault.NOT_JSON,
    Fault.LIST,
    Fault.EMPTY,
    Fault.DRIP,
)
FINAL = (Fault.FAILED_IN_200, Fault.FORBIDDEN, Fault.REDIRECT, Fault.HUGE, Fault.ENDLESS, Fault.PACKED)


def test_every_fault_is_in_one_of_the_two() -> None:
    assert {*REPEATED, *FINAL} == set(Fault)


@pytest.mark.parametrize("fault", REPEATED)
async def test_what_passes_is_tried_again_and_done_once(
    remote: RemoteProvider, server: HospitalServer, fault: Fault
) -> None:
    key = new_key()
    if fault in SLOW:
        remote.wire = replace(remote.wire, limits=SHORT)
    server.faults.append(fault)
    assert len(await remote.openings("cardiology", [HOSPITAL], TOMORROW, TOMORROW)) == 1
    server.faults.append(fault)
    hold = await held(remote, key)
    server.faults.append(fault)
    taken = await remote.book(hold.id, PATIENT, key)
    assert [one.reference for one in server.system.booked("slot.1")] == [taken.external]
    server.faults.append(fault)
    await remote.cancel(taken, key)
    assert server.system.free("slot.1") == 1
    assert [server.count(call) for call in ("openings", "hold", "book", "cancel")] == [2, 2, 2, 2]


@pytest.mark.parametrize("fault", Fault)
async def test_what_stays_is_an_error_and_the_next_call_with_the_key_finds_out(
    remote: RemoteProvider, server: HospitalServer, fault: Fault
) -> None:
    key = new_key()
    hold = await held(remote, key)
    if fault in SLOW:
        remote.wire = replace(remote.wire, limits=SHORT)
    server.always = fault
    for doing in (
        remote.openings("cardiology", [HOSPITAL], TOMORROW, TOMORROW),
        held(remote),
        remote.release(new_key()),
        remote.book(hold.id, PATIENT, key),
        remote.cancel(Taken("GH0", None), key),
    ):
        with pytest.raises(ProviderError):
            await doing
    assert server.count("book") == (1 if fault in FINAL else 3)
    server.always = None
    taken = await remote.book(hold.id, PATIENT, key)
    assert [one.reference for one in server.system.booked("slot.1")] == [taken.external]
    assert server.elsewhere == 0


async def test_tries_end_when_their_time_is_over(
    tmp_path: Path, catalogue: Catalogue, clock: MovableClock, server: HospitalServer, session: aiohttp.ClientSession
) -> None:
    limits = Limits(connect_seconds=0.2, total_seconds=0.3, deadline_seconds=0.5, pauses_seconds=(0.01,) * 20)
    remote = connected(tmp_path, catalogue, clock, server.url, session, limits)
    server.always = Fault.SLOW
    began = asyncio.get_running_loop().time()
    with pytest.raises(ProviderError, match="TimeoutError"):
        await held(remote)
    assert asyncio.get_running_loop().time() - began < 3
    assert server.count("hold") <= 3


async def test_a_wait_that_the_hospital_asks_for_is_kept_or_nothing_is_tried(
    remote: RemoteProvider, server: HospitalServer
) -> None:
    loop = asyncio.get_running_loop()
    server.retry_after = "1"
    server.faults.append(Fault.BUSY)
    began = loop.time()
    await held(remote)
    assert loop.time() - began >= 1
    server.retry_after = "3600"
    server.faults.append(Fault.BUSY)
    with pytest.raises(ProviderError, match="HTTP 503"):
        await remote.release(new_key())
    assert server.count("release") == 1


async def test_a_hospital_that_is_down_is_left_alone_when_times_are_asked_for_but_not_in_a_booking(
    remote: RemoteProvider, server: HospitalServer
) -> None:
    now = 0.0
    remote.ticks = lambda: now
    hold = await held(remote)
    server.always = Fault.FORBIDDEN
    for _ in range(5):
        with pytest.raises(ProviderError):
            await remote.openings("cardiology", [HOSPITAL], TOMORROW, TOMORROW)
    assert server.count("openings") == 3
    server.always = None
    await remote.book(hold.id, PATIENT, new_key())
    now = 31.0
    await remote.openings("cardiology", [HOSPITAL], TOMORROW, TOMORROW)
    await remote.openings("cardiology", [HOSPITAL], TOMORROW, TOMORROW)
    assert server.count("openings") == 5


async def test_whoever_goes_away_while_times_are_fetched_leaves_the_hospital_as_it_was(
    remote: RemoteProvider, server: HospitalServer
) -> None:
    server.faults.append(Fault.SLOW)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(remote.openings("cardiology", [HOSPITAL], TOMORROW, TOMORROW), 0.05)
    assert len(await remote.openings("cardiology", [HOSPITAL], TOMORROW, TOMORROW)) == 1


async def test_a_server_that_starts_again_knows_what_it_knew(remote: RemoteProvider, server: HospitalServer) -> None:
    key = new_key()
    hold = await held(remote, key)
    server.always = Fault.CUT
    with pytest.raises(ProviderError):
        await remote.book(hold.id, PATIENT, key)
    await server.stop()
    with pytest.raises(ProviderError, match="Connect"):
        await remote.book(hold.id, PATIENT, key)
    server.always = None
    await server.start()
    taken = await remote.book(hold.id, PATIENT, key)
    assert [one.reference for one in server.system.booked("slot.1")] == [taken.external]


async def test_a_server_that_starts_again_meanwhile_is_waited_for(
    tmp_path: Path, catalogue: Catalogue, clock: MovableClock, server: HospitalServer, session: aiohttp.ClientSession
) -> None:
    remote = connected(tmp_path, catalogue, clock, server.url, session, replace(LIMITS, pauses_seconds=(0.1, 0.2, 0.4)))
    await server.stop()
    holding = asyncio.create_task(held(remote))
    await asyncio.sleep(0.15)
    await server.start()
    assert (await holding).opening.id == "slot.1"


async def test_a_closed_session_is_an_error_like_any_other(
    remote: RemoteProvider, session: aiohttp.ClientSession
) -> None:
    await session.close()
    with pytest.raises(ProviderError, match="closed"):
        await held(remote)


async def test_a_refusal_that_does_not_belong_to_the_call_is_an_error(
    remote: RemoteProvider, server: HospitalServer
) -> None:
    def gone(asked: dict[str, Any]) -> dict[str, Any]:
        raise GoneError

    server.system.release = gone  # type: ignore[method-assign]
    with pytest.raises(ProviderError, match="gone"):
        await remote.release(new_key())


async def test_cancelling_what_the_hospital_does_not_know_is_done_but_not_at_a_wrong_address(
    tmp_path: Path, catalogue: Catalogue, clock: MovableClock, server: HospitalServer, session: aiohttp.ClientSession
) -> None:
    remote = connected(tmp_path, catalogue, clock, server.url, session)
    await remote.cancel(Taken("never was", None), new_key())
    wrong = connected(tmp_path, catalogue, clock, server.url + "/v2", session)
    with pytest.raises(ProviderError, match="HTTP 404"):
        await wrong.cancel(Taken("never was", None), new_key())
    with pytest.raises(ProviderError, match="reference"):
        await remote.cancel(Taken(None, uuid.UUID(int=1)), new_key())


async def test_a_certificate_that_nobody_vouches_for_gets_nothing(
    tmp_path: Path, catalogue: Catalogue, clock: MovableClock, server: HospitalServer, session: aiohttp.ClientSession
) -> None:
    file = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    await server.stop()
    await server.start(context)
    remote = connected(tmp_path, catalogue, clock, server.url, session)
    with pytest.raises(ProviderError, match="Certificate"):
        await held(remote)
    assert server.seen == []
    trusting = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=str(file)))
    async with aiohttp.ClientSession(connector=trusting) as other:
        await held(connected(tmp_path, catalogue, clock, server.url, other))


def self_signed(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hospital.test")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(datetime(2020, 1, 1)).not_valid_after(datetime(2049, 1, 1))
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = folder / "tls.pem"
    file.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return file


# Many at once


async def test_one_place_is_booked_once_however_many_want_it_over_a_bad_line(
    remote: RemoteProvider, server: HospitalServer
) -> None:
    remote.wire = replace(remote.wire, limits=PERSEVERING)
    server.work_seconds = 0.01
    server.faults.extend([Fault.CUT, Fault.BROKEN, Fault.CUT_BEFORE, Fault.NOT_JSON] * 10)

    async def want(number: int) -> Taken | None:
        try:
            hold = await held(remote, f"many-{number}")
            return await remote.book(hold.id, PATIENT, f"many-{number}")
        except SlotGone:
            return None

    taken = [one for one in await asyncio.gather(*map(want, range(50))) if one]
    assert [one.external for one in taken] == [one.reference for one in server.system.booked("slot.1")]
    assert len(taken) == 1


async def test_one_booking_asked_for_fifty_times_at_once_is_one(remote: RemoteProvider, server: HospitalServer) -> None:
    remote.wire = replace(remote.wire, limits=PERSEVERING)
    server.system.slots["slot.1"].capacity = 60
    key = new_key()
    hold = await held(remote, key)
    found = await asyncio.gather(*(remote.book(hold.id, PATIENT, key) for _ in range(50)))
    assert len(set(found)) == 1
    assert len(server.system.booked("slot.1")) == 1


# Whatever the server says

QUICK = Limits(connect_seconds=0.5, total_seconds=0.5, deadline_seconds=0.5, pauses_seconds=())
OPENING: dict[str, Any] = {
    "id": "slot.1",
    "campus": "main",
    "department": "cardiology",
    "starts_at": "2026-11-25T09:00:00+08:00",
    "minutes": 15,
    "free": 1,
    "fee_fen": 5000,
    "languages": ["en"],
    "international": False,
}
SOUND: dict[Call, dict[str, Any]] = {
    Call.OPENINGS: {"openings": [OPENING]},
    Call.HOLD: {"opening": OPENING, "until": "2026-11-24T12:10:00+08:00"},
    Call.BOOK: {"reference": "GH 1"},
    Call.RELEASE: {"released": True},
    Call.CANCEL: {"cancelled": True},
}


@asynccontextmanager
async def answering(answer: Callable[[str], bytes]) -> AsyncIterator[str]:
    """A server that gives these bytes for a call and hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = re.search(r"content-length: (\d+)", head, re.IGNORECASE)
        await reader.readexactly(int(length[1]) if length else 0)
        writer.write(answer(head.split()[1].rsplit("/", 1)[-1]))
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/linli"


def http(status: int, body: bytes, more: str = "") -> bytes:
    return f"HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode() + body


async def all_calls(folder: Path, catalogue: Catalogue, answer: Callable[[str], bytes]) -> list[object]:
    """What each of the five calls came to; whatever is no error of the two gets out."""
    results: list[object] = []
    async with answering(answer) as url, open_session() as session:
        remote = connected(folder, catalogue, lambda: NOW, url, session, QUICK)
        calls: list[Callable[[], Awaitable[object]]] = [
            lambda: remote.openings("cardiology", [HOSPITAL], TOMORROW, TOMORROW),
            lambda: remote.hold(CONVERSATION, "slot.1", "key", UNTIL),
            lambda: remote.book("held", PATIENT, "key"),
            lambda: remote.release("key"),
            lambda: remote.cancel(Taken("GH 1", None), "key"),
        ]
        for call in calls:
            try:
                results.append(await call())
            except (SlotGone, ProviderError) as error:
                results.append(error)
    return results


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("providers")


def test_what_is_sound_is_taken(folder: Path, catalogue: Catalogue) -> None:
    found = asyncio.run(all_calls(folder, catalogue, lambda call: http(200, json.dumps(SOUND[Call(call)]).encode())))
    assert not [one for one in found if isinstance(one, Exception)]


HEADERS = st.sampled_from(
    [
        "",
        "Retry-After: -1\r\n",
        "Retry-After: 1e9\r\n",
        "Content-Encoding: gzip\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Location: http://[\r\n",
        "Content-Type: ;;=\r\n",
        "Set-Cookie: =;\r\n",
        "Content-Length: -5\r\n",
        "X: \xff\r\n",
    ]
)
ANYTHING = st.one_of(
    st.binary(max_size=200),
    st.builds(lambda rest: b"HTTP/1.1 200 OK\r\n" + rest, st.binary(max_size=200)),
    st.builds(
        http, st.sampled_from([100, 200, 204, 206, 301, 304, 307, 404, 409, 429, 503, 599, 999]), st.binary(), HEADERS
    ),
)


@settings(max_examples=60)
@given(raw=ANYTHING)
def test_any_bytes_come_to_one_of_the_two_errors(folder: Path, catalogue: Catalogue, raw: bytes) -> None:
    found = asyncio.run(all_calls(folder, catalogue, lambda _call: raw))
    assert all(isinstance(one, ProviderError) for one in found)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**400), 10**400)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(
        ["2026-11-25T09:00:00", "2026-02-30T09:00:00Z", "2026-11-25T25:00:00+24:00", "\ud800", "main", "gone"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*OPENING, "error", "code"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=80)
@given(value=JSON, where=st.sampled_from([*OPENING, "opening", "openings", "until", "reference", "error", ""]))
@pytest.mark.parametrize("status", [200, 409])
def test_any_json_comes_to_an_answer_or_one_of_the_two_errors(
    folder: Path, catalogue: Catalogue, status: int, value: object, where: str
) -> None:
    def answer(call: str) -> bytes:
        return http(status, json.dumps(_changed(SOUND[Call(call)], where, value)).encode())

    for found in asyncio.run(all_calls(folder, catalogue, answer)):
        if isinstance(found, Held):
            assert NOW < found.until <= UNTIL
            assert found.opening.id == "slot.1"
        if isinstance(found, Taken):
            assert found.external is not None
            assert 0 < len(found.external.encode()) <= 4 * 80


def _changed(sound: Any, where: str, value: object) -> Any:
    """`sound` with `value` as each field of that name; all of it for the empty name."""
    if not where:
        return value
    if isinstance(sound, list):
        return [_changed(one, where, value) for one in sound]
    if not isinstance(sound, dict):
        return sound
    return {name: value if name == where else _changed(one, where, value) for name, one in sound.items()} | (
        {"error": value} if where == "error" else {}
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", ""),
        ("id", "a b"),
        ("id", "x" * 81),
        ("campus", "moon"),
        ("campus", None),
        ("department", "dermatology"),
        ("starts_at", "2026-11-25T09:00:00"),
        ("starts_at", "2026-11-25 09:00:00+08:00"),
        ("starts_at", 1764565200),
        ("minutes", 0),
        ("minutes", True),
        ("free", -1),
        ("free", "1"),
        ("fee_fen", 1.5),
        ("fee_fen", -1),
        ("languages", "en"),
        ("languages", [1]),
        ("international", 1),
    ],
)
def test_an_opening_that_is_not_as_agreed_is_named_by_its_field(
    folder: Path, catalogue: Catalogue, field: str, value: object
) -> None:
    body = {"openings": [OPENING, {**OPENING, "id": "slot.2", field: value}]}
    found = asyncio.run(all_calls(folder, catalogue, lambda _call: http(200, json.dumps(body).encode())))[0]
    assert isinstance(found, ProviderError)
    assert field in str(found) or "another department" in str(found)


# The file


def test_the_projects_file_names_no_hospital(catalogue: Catalogue) -> None:
    assert read(DATA, catalogue) == ()


def test_the_example_in_the_projects_file_can_be_used(tmp_path: Path, catalogue: Catalogue) -> None:
    lines = (DATA / "providers.yml").read_text(encoding="utf-8").splitlines()
    example = [line.removeprefix("#   ") for line in lines if line.startswith("#   ")]
    (tmp_path / "providers.yml").write_text("\n".join(example), encoding="utf-8")
    [entry] = read(tmp_path, catalogue)
    assert (entry.hospital, entry.variable, entry.demo) == (HOSPITAL, "LINLI_HOSPITAL_AHMU_1", True)
    assert entry.variable in "\n".join(lines)


SOUND_ENTRY = {"kind": "http", "url": "https://booking.example.org/linli", "secret": "hospital_ahmu_1.secret"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "ftp"}, "kind"),
        ({"url": "http://booking.example.org/linli"}, "https"),
        ({"url": "http://localhost.example.org/linli"}, "https"),
        ({"url": "http://10.0.0.1/linli"}, "https"),
        ({"url": "ftp://127.0.0.1/linli"}, "https"),
        ({"url": "https://user:pass@booking.example.org"}, "user"),
        ({"url": "https://@booking.example.org"}, "user"),
        ({"url": "https://booking.example.org/"}, "slash"),
        ({"url": "https://booking.example.org?a=b"}, "question"),
        ({"url": "https://booking.example.org/linli#"}, "slash"),
        ({"url": "https://"}, "address"),
        ({"url": "https://[::1"}, "address"),
        ({"url": "https://booking.example.org:99999"}, "address"),
        ({"url": "https://booking.example.org/a b"}, "address"),
        ({"url": "booking.example.org"}, "address"),
        ({"url": 7}, "url"),
        ({"secret": "../hospital_ahmu_1.secret"}, "secret"),
        ({"secret": "hunter2hunter2hunter2hunter2hunter2"}, "secret"),
        ({"secret": "visitor.secret"}, "secret"),
        ({"demo": "yes"}, "demo"),
        ({"token": "x"}, "token"),
    ],
)
def test_a_fault_in_the_file_is_named(tmp_path: Path, catalogue: Catalogue, change: dict[str, Any], said: str) -> None:
    write(tmp_path, json.dumps({HOSPITAL: {**SOUND_ENTRY, **change}}))
    with pytest.raises(ContentError, match=said) as caught:
        read(tmp_path, catalogue)
    assert HOSPITAL in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("providers", ["null", "[]", "{hospital-moon: {}}", f"{{{HOSPITAL}: null}}", "{1: {}}"])
def test_what_is_no_mapping_of_hospitals_is_refused(tmp_path: Path, catalogue: Catalogue, providers: str) -> None:
    write(tmp_path, providers)
    with pytest.raises(ContentError):
        read(tmp_path, catalogue)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080", "http://localhost/linli", "http://[::1]:80/x", "https://a.cn"]
)
def test_without_tls_only_within_this_machine(tmp_path: Path, catalogue: Catalogue, url: str) -> None:
    write(tmp_path, json.dumps({HOSPITAL: {**SOUND_ENTRY, "url": url}}))
    assert [entry.url for entry in read(tmp_path, catalogue)] == [url]


async def test_the_secret_is_in_a_file_for_its_owner_alone(
    tmp_path: Path, catalogue: Catalogue, session: aiohttp.ClientSession
) -> None:
    def opened(environment: dict[str, str]) -> bytes:
        provider = load(tmp_path, tmp_path, catalogue, session, lambda: NOW, environment)[HOSPITAL]
        assert isinstance(provider, RemoteProvider)
        assert SECRET not in repr(provider)
        return provider.wire.secret

    write(tmp_path, json.dumps({HOSPITAL: SOUND_ENTRY}))
    with pytest.raises(ContentError, match=r"hospital_ahmu_1\.secret or LINLI_HOSPITAL_AHMU_1"):
        opened({})
    file = tmp_path / "hospital_ahmu_1.secret"
    file.write_text(SECRET + "\n", encoding="ascii")
    file.chmod(0o640)
    with pytest.raises(ContentError, match="chmod 600"):
        opened({})
    file.chmod(0o600)
    assert opened({}) == SECRET.encode()
    assert opened({"LINLI_HOSPITAL_AHMU_1": "c" * 32}) == b"c" * 32
    with pytest.raises(ContentError, match="32"):
        opened({"LINLI_HOSPITAL_AHMU_1": "short"})
    file.write_bytes(b"\xff" * 40)
    with pytest.raises(ContentError, match="cannot be read"):
        opened({})
