"""The way of one message: store, urgent lane, language, engine or search alone, render, store, give back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.conversations import acts, plans, store
from bot.conversations.inflight import Asked, InFlight
from bot.conversations.masking import for_engine, storable
from bot.conversations.render import Renderer
from bot.conversations.urgent import Kind as UrgentKind
from bot.conversations.urgent import UrgentCard, UrgentLane
from bot.db.engine import transaction
from bot.engine import EngineDoor
from bot.errors import Code, EngineError, RequestError, StorageError
from bot.knowledge.desk import Desk
from bot.language_id import Hints, LanguageIdentifier
from bot.languages import ANSWERED
from bot.locales import Locales
from bot.messages import Answer, Kind, Outcome, Part, Plan, Reply, Understanding

log = logging.getLogger("linli.conversations")

CITY_TIME = ZoneInfo("Asia/Shanghai")
EMERGENCY = "emergency"


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Said:
    """One message as a channel hands it over; `text` or `button`."""

    channel: str
    text: str | None = None
    button: str | None = None
    conversation: str | None = None
    language: str | None = None
    locale: str | None = None


@dataclass(frozen=True)
class _Planned:
    """A plan with what was understood and how it came about."""

    plan: Plan
    understanding: Understanding
    trace: dict[str, Any]


@dataclass
class _Queue:
    """One message of a conversation at a time; `waiting` counts those inside or before the lock."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0


@dataclass
class ConversationService:
    """Everything a channel needs: `say` a message, get the reply."""

    database: AsyncEngine
    desk: Desk
    engine: EngineDoor
    inflight: InFlight
    identifier: LanguageIdentifier
    lane: UrgentLane
    locales: Locales
    queue_limit: int
    clock: Callable[[], datetime] = utc_now
    _queues: dict[str, _Queue] = field(default_factory=dict)

    async def say(self, said: Said) -> tuple[str, Reply]:
        """The conversation's token and the reply. RequestError for what cannot be taken in."""
        async with self._turn(said.conversation):
            return await self._say(said)

    async def database_answers(self) -> bool:
        """Whether a question could be stored now."""
        try:
            async with transaction(self.database) as connection:
                await connection.execute(select(1))
        except StorageError:
            return False
        return True

    @asynccontextmanager
    async def _turn(self, token: str | None) -> AsyncIterator[None]:
        if token is None:
            yield
            return
        queue = self._queues.setdefault(token, _Queue())
        if queue.waiting >= self.queue_limit:
            raise RequestError(Code.BUSY, "this conversation has too many messages waiting", 429, retry_after_seconds=2)
        queue.waiting += 1
        try:
            async with queue.lock:
                yield
        finally:
            queue.waiting -= 1
            if queue.waiting == 0:
                self._queues.pop(token, None)

    async def _say(self, said: Said) -> tuple[str, Reply]:
        chosen = await self._pressed(said)
        text = storable(said.text or "")
        incoming = await store.receive(self.database, said.conversation, text, said.button, said.channel, self.clock())
        language, votes = self._language(said, incoming.thread, chosen is not None)
        planned = (
            _Planned(plans.for_button(chosen), Understanding(language), {"button": True})
            if chosen is not None
            else await self._planned(incoming, language)
        )
        if votes is not None:
            planned.trace["language"] = votes
        return incoming.thread.token, await self._answer(said, incoming, planned)

    async def _pressed(self, said: Said) -> plans.Chosen | None:
        if said.button is None:
            return None
        if said.conversation is None:
            raise RequestError(Code.UNKNOWN_BUTTON, "a button belongs to a conversation", 404)
        return await store.pressed(self.database, said.conversation, said.button)

    def _language(self, said: Said, thread: store.Thread, button: bool) -> tuple[str, dict[str, Any] | None]:
        if said.language is not None:
            return said.language, {"chosen": said.language}
        if thread.language is not None and (thread.language_chosen or button):
            return thread.language, {"chosen": thread.language} if thread.language_chosen else None
        guess = self.identifier.identify(said.text or "", Hints(previous=thread.language, locale=said.locale))
        return guess.code, {"guess": guess.code, "confidence": round(guess.confidence, 4)}

    async def _planned(self, incoming: store.Incoming, language: str) -> _Planned:
        urgent = self.lane.check(incoming.text, language)
        if urgent is not None:
            params = {"kind": urgent.kind.value, "also": " ".join(urgent.also)}
            plan = Plan(Outcome.URGENT, (Part(Kind.URGENT, params=params),))
            return _Planned(plan, Understanding(language, EMERGENCY, 1.0), {"urgent": urgent.kind.value})
        text = for_engine(incoming.text)
        asked = await self._asked(text, language)
        with self.inflight.holding(str(incoming.id), asked):
            try:
                reply = await self.engine.ask(incoming.thread.id.hex, str(incoming.id), text, language, asked.vector)
            except EngineError as error:
                log.warning("engine_failed reason=%s", error)
                return _Planned(acts.alone(self.desk, asked), Understanding(language), {"degraded": True})
        intents = [[name, round(confidence, 4)] for name, confidence in reply.understanding.ranking]
        trace: dict[str, Any] = {"intents": intents, "entities": list(reply.understanding.entities)}
        return _Planned(reply.plan, reply.understanding, trace)

    async def _asked(self, text: str, language: str) -> Asked:
        """Encode: with USE alone when that suffices, else with both encoders."""
        encoder = self.desk.encoder
        quick = await asyncio.to_thread(encoder.quick, text, language)
        if quick is None:
            return Asked(text, language, await asyncio.to_thread(encoder.encode, text, language))
        found = self.desk.search.find(text, quick)
        if self.desk.sure(found):
            return Asked(text, language, quick, found)
        return Asked(text, language, await asyncio.to_thread(encoder.completed, quick, text, language))

    async def _answer(self, said: Said, incoming: store.Incoming, planned: _Planned) -> Reply:
        thread, plan = incoming.thread, planned.plan
        language = plan.language or planned.understanding.language
        answers = self._rendered(plan, language, incoming.seq, thread.language != language)
        parts: list[Part | None] = [None] * (len(answers) - len(plan.parts)) + list(plan.parts)
        reply = Reply(
            replace(planned.understanding, language=language),
            plan.outcome,
            answers,
            {"degraded": False, **planned.trace, **plan.trace, **self.desk.versions()},
        )
        chosen = thread.language_chosen or plan.language is not None or said.language is not None
        topic = next((part.article for part in plan.parts if part.article is not None), thread.topic)
        await store.store_reply(self.database, incoming, reply, parts, chosen, topic, self.clock())
        return reply

    def _rendered(self, plan: Plan, language: str, seq: int, new_language: bool) -> tuple[Answer, ...]:
        if plan.outcome is Outcome.URGENT:
            params = plan.parts[0].params
            card = self.lane.card(UrgentKind(params["kind"]), language, params["also"].split())
            return (_urgent_answer(card, language),)
        renderer = Renderer(self.locales, self.desk.knowledge, self.clock().astimezone(CITY_TIME).date())
        return renderer.render(plan, language, seq, say_only_english=new_language and language not in ANSWERED)


def _urgent_answer(card: UrgentCard, language: str) -> Answer:
    steps = tuple(f"{chinese} ({pinyin})" for chinese, pinyin in card.say)
    return Answer(Kind.URGENT, language, card.text, steps=steps)
