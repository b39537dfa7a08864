"""The door of the sealed room: one HTTP channel for the app, on 127.0.0.1, with a secret.

A turn here is all or nothing. Rasa's own `handle_message` answers a failed action with silence and remembers the turn
as done; this channel runs the same steps and writes the tracker only when there is a reply, so that the app may simply
send the message again. A message id that the tracker knows gives back the stored replies without running anything.
"""

from __future__ import annotations

import hmac
import logging
import unicodedata
from dataclasses import dataclass, field
from typing import Any, Awaitable, Callable, Dict, List, Mapping
from urllib.parse import unquote

from rasa.core.agent import Agent
from rasa.core.channels.channel import CollectingOutputChannel, InputChannel, UserMessage
from rasa.core.processor import MessageProcessor
from rasa.shared.core.events import BotUttered, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from sanic import Blueprint, response
from sanic.exceptions import SanicException
from sanic.request import Request
from sanic.response import HTTPResponse

from bot.encoder import unpack
from bot.languages import CODES
from bot.nlu.classifier import RANKING_LENGTH
from bot.nlu.component import LANGUAGE, METADATA
from bot.nlu.errors import EngineError, NoReplyError
from bot.nlu.features import VECTOR
from bot.nlu.log_filter import LogEvent, about
from bot.nlu.tracker_store import OneRowTrackerStore, strict

logger = logging.getLogger(__name__)

NAME = "linli"
SECRET_HEADER = "X-Linli-Secret"  # noqa: S105 - a header's name
MAX_TEXT = 4000  # characters; the app cuts long before, the encoder at 1,000
MAX_ID = 200
# Rasa's lock is asked again after this many seconds (its default is a whole one).
_LOCK_WAIT = 0.02

Json = Dict[str, Any]


class RefusedError(EngineError):
    """The request is not one this room takes; `code` says why."""

    def __init__(self, code: str, status: int = 400) -> None:
        super().__init__(code)
        self.code = code
        self.status = status


@dataclass(frozen=True)
class Incoming:
    """One message of one conversation, checked."""

    sender: str
    id: str
    text: str
    language: str | None = None
    vector: str | None = None

    @classmethod
    def parse(cls, body: Any) -> Incoming:
        """Raises `RefusedError`: a field is missing or of another type, or the text is one that Rasa would obey."""
        if not isinstance(body, dict):
            raise RefusedError("bad_request")
        incoming = cls(
            sender=_word(body, "sender"),
            id=_word(body, "id"),
            text=_text(body),
            language=_language(body.get("language")),
            vector=_vector(body.get("vector")),
        )
        if is_command(incoming.text):
            raise RefusedError("command_text")
        return incoming


@dataclass(frozen=True)
class Turn:
    """What a message led to."""

    replies: List[Json]
    understanding: Json
    repeated: bool = False

    def as_json(self) -> Json:
        """The body of the response."""
        return {"replies": self.replies, "understanding": self.understanding, "repeated": self.repeated}


def is_command(text: str) -> bool:
    """Whether Rasa could take the text for an order (`/restart`), whatever invisible characters stand before it."""
    for char in unicodedata.normalize("NFKC", text):
        if unicodedata.category(char)[0] not in "CZM":  # control and zero-width, spaces, lone marks
            return char == "/"
    return False


def _word(body: Mapping[str, Any], key: str) -> str:
    value = body.get(key)
    if not isinstance(value, str) or not value or len(value) > MAX_ID:
        raise RefusedError("bad_request")
    return value


def _text(body: Mapping[str, Any]) -> str:
    value = body.get("text")
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_TEXT:
        raise RefusedError("bad_request")
    # A lone surrogate cannot be written to the database.
    return value.encode("utf-8", "replace").decode("utf-8")


def _language(value: Any) -> str | None:
    if value is not None and value not in CODES:
        raise RefusedError("bad_language")
    return value if value is None else str(value)


def _vector(value: Any) -> str | None:
    if value is None:
        return None
    try:
        unpack(value)
    except (TypeError, ValueError) as error:
        raise RefusedError("bad_vector") from error
    return str(value)


def understanding(parsed: Mapping[str, Any]) -> Json:
    """The small summary that the app stores as an answer's trace."""
    return {
        "intent": parsed["intent"].get("name"),
        "confidence": parsed["intent"].get("confidence", 0.0),
        "ranking": [_named(entry) for entry in (parsed.get("intent_ranking") or [])[:RANKING_LENGTH]],
        "entities": [_entity(entry) for entry in parsed.get("entities") or []],
        "language": parsed.get(LANGUAGE),
    }


def _named(entry: Mapping[str, Any]) -> Json:
    return {"name": entry["name"], "confidence": entry["confidence"]}


def _entity(entry: Mapping[str, Any]) -> Json:
    return {key: entry.get(key) for key in ("entity", "value", "start", "end")}


def stored_turn(tracker: DialogueStateTracker, message_id: str) -> Turn | None:
    """The turn of a message that the tracker has already."""
    events = list(tracker.events)
    for place, event in enumerate(events):
        if isinstance(event, UserUttered) and event.metadata.get("id") == message_id:
            return Turn(_replies_after(events[place + 1 :]), understanding(event.parse_data), repeated=True)
    return None


def _replies_after(events: List[Any]) -> List[Json]:
    replies = []
    for event in events:
        if isinstance(event, UserUttered):
            break
        if isinstance(event, BotUttered) and event.data.get("custom"):
            replies.append(event.data["custom"])
    return replies


async def run_turn(processor: MessageProcessor, incoming: Incoming) -> Turn:
    """Rasa's `handle_message`, step by step; raises `NoReplyError` before anything is saved when no reply came."""
    collector = CollectingOutputChannel()
    tracker = await processor.fetch_tracker_and_update_session(incoming.sender, collector)
    known = stored_turn(tracker, incoming.id)
    if known is not None:
        return known
    parsed = await processor.parse_message(_message(incoming), tracker)
    tracker.update(_event(incoming, parsed), processor.domain)
    tracker = await processor.run_action_extract_slots(collector, tracker)
    await processor._run_prediction_loop(collector, tracker)
    replies = [message["custom"] for message in collector.messages if message.get("custom")]
    if not replies:
        raise NoReplyError("the turn ended without a reply")
    await processor.save_tracker(tracker)
    return Turn(replies, understanding(parsed))


def _message(incoming: Incoming) -> UserMessage:
    handed = {LANGUAGE: incoming.language, VECTOR: incoming.vector}
    return UserMessage(incoming.text, sender_id=incoming.sender, input_channel=NAME, metadata=handed)


def _event(incoming: Incoming, parsed: Dict[str, Any]) -> UserUttered:
    """What the tracker and the actions get to know: the id and the language beside Rasa's own findings, no vector."""
    parsed.pop(METADATA, None)
    parsed.pop("text_tokens", None)
    kept = {"id": incoming.id, LANGUAGE: parsed.get(LANGUAGE)}
    found = (parsed["intent"], parsed["entities"], parsed)
    return UserUttered(incoming.text.strip(), *found, input_channel=NAME, metadata=kept)


@dataclass
class LinliChannel(InputChannel):
    """Registered by credentials.yml; its routes hang under /webhooks/linli."""

    secret: str = field(repr=False)

    @classmethod
    def name(cls) -> str:
        """The name in the routes and in the tracker."""
        return NAME

    @classmethod
    def from_credentials(cls, credentials: Dict[str, Any] | None) -> LinliChannel:
        """Without a secret there is no door."""
        secret = str((credentials or {}).get("secret") or "")
        if not secret:
            cls.raise_missing_credentials_exception()
        return cls(secret)

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        """The three routes. Rasa's `on_new_message` is not used: it would remember turns that failed."""
        blueprint = Blueprint("linli_channel")
        blueprint.add_route(self._guarded(_receive), "/messages", methods=["POST"], name="messages")
        blueprint.add_route(self._guarded(_erase), "/conversations/<sender:path>", methods=["DELETE"], name="erase")
        blueprint.add_route(self._guarded(_health), "/health", methods=["GET"], name="health")
        return blueprint

    def _guarded(self, handler: Callable[..., Awaitable[HTTPResponse]]) -> Callable[..., Awaitable[HTTPResponse]]:
        async def guarded(request: Request, **path: str) -> HTTPResponse:
            try:
                if not self._knows(request):
                    raise RefusedError("forbidden", 403)
                return await handler(request, **path)
            except RefusedError as refusal:
                return _error(refusal.code, refusal.status)
            except SanicException as refusal:
                return _error("bad_request", refusal.status_code or 400)
            except Exception as error:  # noqa: BLE001 - whatever Rasa raised: named in the log, never told or written in full
                logger.error(LogEvent.TURN_FAILED, extra=about(error))
                return _error("engine_failed", 502, error.code if isinstance(error, EngineError) else None)

        return guarded

    def _knows(self, request: Request) -> bool:
        given = request.headers.get(SECRET_HEADER, "")
        return hmac.compare_digest(given.encode("utf-8", "replace"), self.secret.encode("utf-8"))


async def _receive(request: Request) -> HTTPResponse:
    incoming = Incoming.parse(request.json)
    agent = _agent(request)
    async with agent.lock_store.lock(incoming.sender, wait_time_in_seconds=_LOCK_WAIT):
        turn = await run_turn(agent.processor, incoming)
    return response.json(turn.as_json(), ensure_ascii=False)


async def _erase(request: Request, sender: str) -> HTTPResponse:
    agent, sender = _agent(request), unquote(sender)  # Sanic leaves a path as it was sent
    async with agent.lock_store.lock(sender, wait_time_in_seconds=_LOCK_WAIT):
        await agent.processor.tracker_store.delete(sender)
    return response.json({"erased": True})


async def _health(request: Request) -> HTTPResponse:
    return response.json({"ready": True, "model": _agent(request).processor.model_filename})


def _agent(request: Request) -> Agent:
    """The loaded model, its tracker store unwrapped; raises `RefusedError` (503) while there is none."""
    agent = getattr(request.app.ctx, "agent", None)
    if agent is None or not agent.is_ready():
        raise RefusedError("not_ready", 503)
    agent.processor.tracker_store = strict(agent.tracker_store)
    if not isinstance(agent.processor.tracker_store, OneRowTrackerStore):
        raise RefusedError("no_tracker_store", 503)  # Rasa falls back to memory when it cannot make the one we name
    return agent


def _error(code: str, status: int, cause: str | None = None) -> HTTPResponse:
    error = {"code": code, "cause": cause} if cause else {"code": code}
    return response.json({"error": error}, status=status)
