"""A small real engine worker: the sealed room's channel over HTTP, with a table where the pipeline would be.

Like the sealed room it refuses what Rasa could obey, calls back the action site for the plan, gives the stored reply to
an id that it knows, and forgets a turn that failed. Like Rasa it sends the whole tracker with every action call.
"""

from __future__ import annotations

import asyncio
import re
import time
import unicodedata
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from aiohttp import web

from bot.encoder import unpack
from bot.languages import CODES

ROOT = Path(__file__).resolve().parents[2]
SECRET = "a-secret-of-the-tests-that-is-long-enough"
SECRET_HEADER = "X-Linli-Secret"
MAX_TEXT = 4000
MAX_EVENTS = 40

# What the fake pipeline understands, first match wins; everything else is a fallback.
INTENTS: tuple[tuple[str, str], ...] = (
    (r"^(hello|hi there|bonjour|你好|สวัสดี)", "greet"),
    (r"^(thanks|thank you|merci|谢谢)", "thank"),
    (r"a person|une personne|人工", "talk_to_person"),
    (r"speak french|parlons français|说法语", "change_language"),
    (r"book (a|an) (doctor|appointment)|đặt lịch khám|预约|حجز موعد", "book_appointment"),
    (r"register|police station|enregistrer|登记|lost.*passport|mất hộ chiếu|passeport|护照", "ask_immigration"),
    (r"doctor|hospital|hôpital|医院|挂号", "ask_medical"),
    (r"card|alipay|carte|银行卡", "ask_finance"),
    (r"waste|rubbish|bin|déchets|垃圾", "ask_community"),
    (r"rent|flat|louer|租房", "ask_life"),
    (r"football|recipe|足球", "out_of_scope"),
)
LANGUAGE_NAMES = {"speak french": "fr", "parlons français": "fr", "说法语": "fr"}


class Mood(StrEnum):
    """What the worker does with the next messages."""

    WELL = "well"
    HANGING = "hanging"
    EMPTY = "empty"
    FAILING = "failing"
    NONSENSE = "nonsense"
    WRONG_SHAPE = "wrong_shape"
    NOT_JSON = "not_json"


def _actions() -> dict[str, str]:
    """intent -> action, as the real rules say."""
    rules = yaml.safe_load((ROOT / "data" / "rules.yml").read_text(encoding="utf-8"))["rules"]
    return {rule["steps"][0]["intent"]: rule["steps"][1]["action"] for rule in rules}


def is_command(text: str) -> bool:
    """Whether Rasa could take the text for an order, whatever invisible characters stand before it."""
    seen = (c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c)[0] not in "CZM")
    return next(seen, "") == "/"


@dataclass
class FakeEngine:
    """`moods` holds one mood a message to come, then `mood` goes on."""

    action_url: str = ""
    mood: Mood = Mood.WELL
    moods: list[Mood] = field(default_factory=list)
    delay_seconds: float = 0.0
    received: list[dict[str, Any]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    action_statuses: list[int] = field(default_factory=list)
    action_bytes: list[int] = field(default_factory=list)
    runs: int = 0
    probes: int = 0
    erased: list[str] = field(default_factory=list)
    port: int = 0
    _trackers: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    _turns: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    _runner: web.AppRunner | None = None
    _session: aiohttp.ClientSession | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Listen, on the port of last time when there was one."""
        app = web.Application(client_max_size=2**22)
        app.router.add_post("/webhooks/linli/messages", self._message)
        app.router.add_get("/webhooks/linli/health", self._health)
        app.router.add_delete("/webhooks/linli/conversations/{sender}", self._erase)
        self._session = aiohttp.ClientSession()
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True).start()
        self.port = self._runner.addresses[0][1]

    async def die(self) -> None:
        """Close the port in the middle of whatever is under way."""
        if self._runner is not None and self._session is not None:
            await self._runner.cleanup()
            await self._session.close()
        self._runner = self._session = None

    async def _health(self, request: web.Request) -> web.Response:
        self.probes += 1
        return web.json_response({"ready": True, "model": "fake"}, status=200 if _knows(request) else 403)

    async def _erase(self, request: web.Request) -> web.Response:
        if not _knows(request):
            return _error("forbidden", 403)
        self.erased.append(request.match_info["sender"])
        return web.json_response({"erased": True})

    async def _message(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.received.append(body)
        why = "forbidden" if not _knows(request) else refusal(body)
        if why is not None:
            self.refused.append(why)
            return _error(why, 400)
        await asyncio.sleep(self.delay_seconds)
        mood = self.moods.pop(0) if self.moods else self.mood
        if mood is Mood.WELL:
            return await self._turn(body)
        return await _in_mood(mood)

    async def _turn(self, body: dict[str, Any]) -> web.Response:
        key = (body["sender"], body["id"])
        if key in self._turns:
            return web.json_response({**self._turns[key], "repeated": True})
        self.runs += 1
        parsed = parse(body)
        events = [*self._trackers.get(body["sender"], []), *_user_events(body, parsed)]
        plan = await self._plan(body, parsed, events)
        if plan is None:
            return _error("engine_failed", 502)
        self._trackers[body["sender"]] = [*events, _bot_event(plan)][-MAX_EVENTS:]
        understanding = {
            "intent": parsed["intent"]["name"],
            "confidence": parsed["intent"]["confidence"],
            "ranking": parsed["intent_ranking"],
            "entities": parsed["entities"],
            "language": body["language"],
        }
        turn = {"replies": [plan], "understanding": understanding, "repeated": False}
        self._turns[key] = turn
        return web.json_response(turn)

    async def _plan(self, body: dict[str, Any], parsed: dict[str, Any], events: list[Any]) -> dict[str, Any] | None:
        """What the action site answers; None when it does not."""
        assert self._session is not None
        call = action_call(body["sender"], _actions()[parsed["intent"]["name"]], parsed, events)
        async with self._session.post(f"{self.action_url}?token={SECRET}", json=call) as response:
            self.action_statuses.append(response.status)
            self.action_bytes.append(int(response.request_info.headers.get("Content-Length", 0)))
            if response.status != 200:
                return None
            found = [reply["custom"] for reply in (await response.json())["responses"] if reply.get("custom")]
        return dict(found[-1]) if found else None


def _knows(request: web.Request) -> bool:
    return request.headers.get(SECRET_HEADER) == SECRET


def _error(code: str, status: int) -> web.Response:
    return web.json_response({"error": {"code": code}}, status=status)


async def _in_mood(mood: Mood) -> web.Response:
    match mood:
        case Mood.HANGING:
            await asyncio.sleep(60)
        case Mood.EMPTY:
            return web.json_response({"replies": [], "understanding": {}, "repeated": False})
        case Mood.NONSENSE:
            return web.json_response({"replies": [{"outcome": "who knows"}], "understanding": 7, "repeated": "x"})
        case Mood.WRONG_SHAPE:
            return web.json_response([])
        case Mood.NOT_JSON:
            return web.Response(text="<html>", content_type="text/html")
        case _:
            pass
    return _error("engine_failed", 500)


def refusal(body: dict[str, Any]) -> str | None:
    """Why the sealed room would not take this body; None when it would."""
    for name in ("sender", "id"):
        if not isinstance(body.get(name), str) or not 0 < len(body[name]) <= 200:
            return "bad_request"
    text = body.get("text")
    if not isinstance(text, str) or not text.strip() or len(text) > MAX_TEXT:
        return "bad_request"
    if is_command(text):
        return "command_text"
    if body.get("language") not in CODES:
        return "bad_language"
    try:
        unpack(body["vector"])
    except (KeyError, TypeError, ValueError):
        return "bad_vector"
    return None


def parse(body: dict[str, Any]) -> dict[str, Any]:
    """The pipeline's result, in Rasa's shape."""
    text = body["text"].casefold()
    intent = next((name for pattern, name in INTENTS if re.search(pattern, text)), "nlu_fallback")
    entities = [
        {"entity": "language", "value": code, "start": 0, "end": len(name), "extractor": "EntityPatterns"}
        for name, code in LANGUAGE_NAMES.items()
        if name in text
    ]
    others = [name for name in ("ask_life", "ask_medical", "ask_finance", "out_of_scope") if name != intent]
    ranking = [{"name": intent, "confidence": 0.91}, *({"name": name, "confidence": 0.02} for name in others)]
    return {
        "text": body["text"],
        "intent": ranking[0],
        "intent_ranking": ranking,
        "entities": entities,
        "message_id": body["id"],
        "metadata": {"id": body["id"], "language": body["language"]},
    }


def _user_events(body: dict[str, Any], parsed: dict[str, Any]) -> list[dict[str, Any]]:
    listening = {"event": "action", "name": "action_listen", "policy": "RulePolicy", "confidence": 1.0}
    said = {
        "event": "user",
        "text": body["text"],
        "parse_data": parsed,
        "metadata": parsed["metadata"],
        "input_channel": "linli",
        "message_id": body["id"],
    }
    features = {"event": "user_featurization", "use_text_for_featurization": False}
    return [{**event, "timestamp": time.time()} for event in (listening, said, features)]


def _bot_event(plan: dict[str, Any]) -> dict[str, Any]:
    return {"event": "bot", "timestamp": time.time(), "text": None, "data": {"custom": plan}, "metadata": {}}


def action_call(sender: str, action: str, parsed: dict[str, Any], events: list[Any]) -> dict[str, Any]:
    """The body that Rasa's RemoteAction sends."""
    return {
        "next_action": action,
        "sender_id": sender,
        "tracker": {
            "sender_id": sender,
            "slots": {},
            "latest_message": parsed,
            "latest_event_time": events[-1]["timestamp"],
            "followup_action": None,
            "paused": False,
            "events": events,
            "latest_input_channel": "linli",
            "active_loop": {},
            "latest_action": {"action_name": "action_listen"},
            "latest_action_name": "action_listen",
        },
        "domain": yaml.safe_load((ROOT / "domain.yml").read_text(encoding="utf-8")),
        "version": "3.6.21",
    }
