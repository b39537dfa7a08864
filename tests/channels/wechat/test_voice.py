"""The recogniser of an operator's own: what it is asked, and what becomes of what it answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.channels.wechat.voice import (
    MOST_BYTES,
    Format,
    HttpRecogniser,
    Reason,
    RecogniserError,
    format_of,
    recogniser,
)
from bot.settings import load_settings

AMR = b"#!AMR\n" + b"\x7c" * 50
ANSWERED = b'{"text": "\xe6\x88\x91\xe8\xa6\x81\xe7\xbb\xad\xe7\xad\xbe\xe8\xaf\x81"}'


@dataclass
class Heard:
    """One recording as a recogniser gets it."""

    audio: bytes
    filename: str | None
    content_type: str | None
    language: str | None


@dataclass
class FakeRecogniser:
    """A recogniser that says what it was told to say."""

    status: int = 200
    body: bytes = ANSWERED
    headers: dict[str, str] = field(default_factory=dict)
    heard: list[Heard] = field(default_factory=list)
    url: str = ""

    async def answer(self, request: web.Request) -> web.Response:
        parts = dict((await request.post()).items())
        audio, language = parts["file"], parts.get("language")
        assert isinstance(audio, web.FileField)
        assert isinstance(language, str | None)
        self.heard.append(Heard(audio.file.read(), audio.filename, audio.content_type, language))
        return web.Response(status=self.status, body=self.body, headers=self.headers)


@pytest.fixture
async def fake() -> AsyncIterator[FakeRecogniser]:
    fake, app = FakeRecogniser(), web.Application(client_max_size=3_000_000)
    app.router.add_post("/asr", fake.answer)
    async with TestServer(app) as server:
        fake.url = str(server.make_url("/asr"))
        yield fake


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (b"#!AMR\n\x3c", Format.AMR),
        (b"#!AMR-WB\n\x44", Format.AMR_WB),
        (b"#!SILK_V3\x10", Format.SILK),
        (b"\x02#!SILK_V3\x10", Format.SILK),
        (b"#!AMR", None),
        (b"ID3\x04", None),
        (b'{"errcode":40007}', None),
        (b"", None),
    ],
)
def test_a_recording_is_known_by_its_first_bytes(start: bytes, expected: Format | None) -> None:
    assert format_of(start) is expected


@pytest.mark.parametrize("language", ["zh", "ar", None])
async def test_a_recording_becomes_text(
    fake: FakeRecogniser, session: aiohttp.ClientSession, language: str | None
) -> None:
    assert await HttpRecogniser(fake.url, session).recognise(AMR, language) == "我要续签证"
    assert fake.heard == [Heard(AMR, "voice.amr", "audio/amr", language)]


@pytest.mark.parametrize("body", [b'{"text": ""}', b'{"text": " \\n"}'])
async def test_nothing_understood_is_no_error(
    fake: FakeRecogniser, session: aiohttp.ClientSession, body: bytes
) -> None:
    fake.body = body
    assert await HttpRecogniser(fake.url, session).recognise(AMR, "en") is None


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (500, b"{}", Reason.REFUSED),
        (401, b'{"text": "no"}', Reason.REFUSED),
        (200, b"<html>", Reason.NO_TEXT_FIELD),
        (200, b"[]", Reason.NO_TEXT_FIELD),
        (200, b'{"text": null}', Reason.NO_TEXT_FIELD),
        (200, b"\xff", Reason.NO_TEXT_FIELD),
        (200, b"[" * 60_000, Reason.NO_TEXT_FIELD),
        (200, b'{"text": "' + b"a" * 70_000 + b'"}', Reason.NO_TEXT_FIELD),
    ],
)
async def test_what_is_no_answer_is_an_error(
    fake: FakeRecogniser, session: aiohttp.ClientSession, status: int, body: bytes, reason: Reason
) -> None:
    fake.status, fake.body = status, body
    with pytest.raises(RecogniserError) as caught:
        await HttpRecogniser(fake.url, session).recognise(AMR, "en")
    assert caught.value.reason is reason


async def test_a_voice_is_not_sent_on_to_another_address(fake: FakeRecogniser, session: aiohttp.ClientSession) -> None:
    fake.status, fake.headers = 307, {"Location": fake.url}
    with pytest.raises(RecogniserError, match="HTTP 307"):
        await HttpRecogniser(fake.url, session).recognise(AMR, "en")
    assert len(fake.heard) == 1


@pytest.mark.parametrize(
    ("audio", "reason"),
    [(b"\xff\xd8\xff\xe0JFIF", Reason.NOT_AUDIO), (AMR + b"\x00" * MOST_BYTES, Reason.TOO_LARGE)],
)
async def test_what_is_no_voice_is_not_sent(
    fake: FakeRecogniser, session: aiohttp.ClientSession, audio: bytes, reason: Reason
) -> None:
    with pytest.raises(RecogniserError) as caught:
        await HttpRecogniser(fake.url, session).recognise(audio, None)
    assert caught.value.reason is reason
    assert fake.heard == []


async def test_a_recogniser_that_is_away_is_named_without_its_address(session: aiohttp.ClientSession) -> None:
    with pytest.raises(RecogniserError) as caught:
        await HttpRecogniser("http://127.0.0.1:1/asr?key=hidden", session).recognise(AMR, None)
    assert caught.value.reason is Reason.UNREACHABLE
    assert "hidden" not in str(caught.value)


async def test_a_slow_recogniser_is_given_up(session: aiohttp.ClientSession) -> None:
    async def answer(_request: web.Request) -> web.Response:
        await asyncio.sleep(5)
        return web.Response(body=ANSWERED)

    app = web.Application()
    app.router.add_post("/", answer)
    async with TestServer(app) as server:
        slow = HttpRecogniser(str(server.make_url("/")), session, aiohttp.ClientTimeout(total=0.1))
        with pytest.raises(RecogniserError, match="TimeoutError"):
            await slow.recognise(AMR, None)


async def test_the_settings_name_the_recogniser(session: aiohttp.ClientSession) -> None:
    assert recogniser(load_settings({}), session) is None
    assert isinstance(recogniser(load_settings({}, wechat_speech_url="http://127.0.0.1:9/"), session), HttpRecogniser)
