"""The way of one message: store, urgent lane, owner, language, engine or search alone, render, store, give back."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.appointments.draft import Draft
from bot.appointments.words import BookingWords
from bot.bus import DESK, Bus, conversation_topic
from bot.conversations import acts, desk_plans, history, plans, store
from bot.conversations.booking import BookingTalk, may_tell_of_an_emergency
from bot.conversations.booking import Said as SaidOfBooking
from bot.conversations.drafts import Concealed
from bot.conversations.handover import Handover
from bot.conversations.inflight import Asked, InFlight
from bot.conversations.masking import for_engine, is_personal, storable
from bot.conversations.render import Renderer
from bot.conversations.switches import Switches
from bot.conversations.urgent import Kind as UrgentKind
from bot.conversations.urgent import UrgentCard, UrgentLane
from bot.conversations.urgent_net import UrgentNet
from bot.db import leases
from bot.db.engine import reading
from bot.engine import EngineDoor
from bot.errors import Code, EngineError, RequestError, StorageError
from bot.knowledge.desk import Desk
from bot.language_id import Hints, LanguageIdentifier
from bot.languages import ANSWERED, DEFAULT, answer_language
from bot.locales import Locales
from bot.messages import Answer, Kind, Outcome, Part, Plan, Reply, Understanding

log = logging.getLogger("linli.conversations")

CITY_TIME = ZoneInfo("Asia/Shanghai")
EMERGENCY = "emergency"
# A message that made its process fall this often is answered with an apology instead of being tried for ever.
_MOST_ATTEMPTS = 4
_SWEEP_LIMIT = 50
# Younger ones may be between being stored and being taken up.
_ABANDONED_AFTER = timedelta(seconds=3)
_SIGNALLED_AGAIN = timedelta(seconds=15)
# More at once would only make each of them slower, and the taking in of messages too.
_AT_WORK = 8
# What is said is given beside it, in words that no key of the locales has.
_SAID = Plan(Outcome.CHAT, ())


# How a channel stores a message; words for a recording, by the channel's own mark of it and the language to expect.
Receive = Callable[[store.Arrival, datetime], Awaitable[store.Incoming]]
Ears = Callable[[str, str | None], Awaitable[str | None]]


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Said:
    """One message as a channel hands it over: `text` or `button`, in the named conversation or a new one.

    `conversation` is a token that was given out, `thread` a row's id that the channel knows. `key` is the sender's own
    mark: the same one again is the same message.
    """

    channel: str
    text: str | None = None
    button: str | None = None
    conversation: str | None = None
    language: str | None = None
    locale: str | None = None
    key: str | None = None
    thread: uuid.UUID | None = None
    site: str | None = None
    # What the channel itself understood, a menu item for example; its title is kept as what was said.
    chosen: plans.Chosen | None = None

    @property
    def ref(self) -> store.Ref | None:
        return self.thread if self.thread is not None else self.conversation


@dataclass(frozen=True)
class _Planned:
    """A plan with what was understood and how it came about. `answers` are said as they are, instead of its parts."""

    plan: Plan
    understanding: Understanding
    trace: dict[str, Any]
    effect: store.Effect | None = None
    answers: tuple[Answer, ...] | None = None


@dataclass
class _Queue:
    """One message of a conversation at a time; `waiting` counts those inside or before the lock."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0


@dataclass
class ConversationService:
    """Everything a channel needs: `say` a message and get the reply, or `accept` it and be told by the bus."""

    database: AsyncEngine
    desk: Desk
    engine: EngineDoor
    inflight: InFlight
    identifier: LanguageIdentifier
    lane: UrgentLane
    net: UrgentNet
    locales: Locales
    handover: Handover
    switches: Switches
    bus: Bus
    queue_limit: int
    holder: str
    clock: Callable[[], datetime] = utc_now
    # What turns a recording that a channel holds into words.
    ears: Ears | None = None
    # Where doctors can be booked; None where they cannot.
    booking: BookingTalk | None = None
    booking_words: BookingWords | None = None
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_WORK))
    _queues: dict[uuid.UUID, _Queue] = field(default_factory=dict)
    _callers: Counter[store.Ref] = field(default_factory=Counter)
    _working: set[uuid.UUID] = field(default_factory=set)
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set)

    async def say(self, said: Said) -> tuple[str, Reply]:
        """The conversation's token and the reply. RequestError for what cannot be taken in.

        The reply has no messages while a person owns the conversation: theirs come when they write.
        """
        with self._counted(said.ref):
            incoming = await self.accept(said)
            return incoming.thread.token, await self.process(incoming)

    async def accept(self, said: Said, receive: Receive | None = None, into: uuid.UUID | None = None) -> store.Incoming:
        """Store a message. RequestError for what cannot be taken in; the same key again gives the same message.

        `receive` stores it together with what a channel has to keep of it; `into` is the conversation it will choose.
        """
        if isinstance(said.ref, uuid.UUID) and said.ref in self._queues:
            self._refuse(self._queues[said.ref].waiting)
        chosen = await self._pressed(said)
        # A pressed button is kept as what stood on it: that is what was said.
        text = storable(said.text or "") if chosen is None else chosen.title
        concealed = await self.concealed(into or said.ref, text) if chosen is None else None
        arrival = store.Arrival(
            channel=said.channel,
            text=concealed.shown if concealed is not None else text,
            sealed=concealed.sealed if concealed is not None else None,
            ref=said.ref,
            button=said.button,
            language=said.language,
            locale=said.locale,
            key=said.key,
            site=said.site,
            holder=self.holder,
            identified=is_personal(text),
            act=(said.chosen.act, said.chosen.value) if said.chosen is not None else None,
        )
        incoming = await (receive or self._receive)(arrival, self.clock())
        if incoming.repeated:
            return incoming
        self._working.add(incoming.id)
        await self._signal(incoming.thread.id, {"event": "messages", "last_seq": incoming.seq})
        # What stores it may have found that it means something else.
        return replace(incoming, chosen=chosen) if incoming.act == arrival.act else incoming

    def start(self, incoming: store.Incoming) -> asyncio.Task[Any] | None:
        """Answer an accepted message in the background; who waits for the reply is told by the bus.

        None for one that came before: it is being answered, or was.
        """
        if incoming.repeated:
            return None
        task = asyncio.create_task(self._in_background(incoming))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def ended(self, message_id: uuid.UUID) -> bool:
        """Whether nothing more will be said to a message: it was answered, passed on, or erased."""
        return await store.ended(self.database, message_id)

    async def finish(self, seconds: float) -> None:
        """Wait for what is under way; what is not done in time is taken up again at the next start."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)

    async def process(self, incoming: store.Incoming) -> Reply:
        """Answer an accepted message, or give the answer that it got before."""
        try:
            async with self._turn(incoming.thread.id) as waited:
                if incoming.repeated:
                    return await self._earlier(incoming)
                if waited:
                    # What was said before it may have changed the language, the topic or the owner.
                    incoming = replace(incoming, thread=await store.thread(self.database, incoming.thread.id))
                async with self._slots:
                    return await self._process(incoming)
        finally:
            self._working.discard(incoming.id)

    async def sweep(self, now: datetime) -> None:
        """Take up the messages whose process died, or failed, before they were answered."""
        alive = await leases.alive(self.database, self.holder, now)
        before = now - _ABANDONED_AFTER
        for incoming in await store.abandoned(
            self.database, alive, self.holder, tuple(self._working), before, _SWEEP_LIMIT
        ):
            log.info("message_taken_up attempt=%d", incoming.attempts)
            self._working.add(incoming.id)
            self.start(incoming)

    async def signal_again(self, now: datetime) -> None:
        """Repeat the signals of the last seconds: who heard them the first time knows the numbers and does nothing."""
        for conversation_id, last_seq, owner in await store.changed_since(self.database, now - _SIGNALLED_AGAIN):
            await self._signal(conversation_id, {"event": "messages", "last_seq": last_seq, "owner": owner})

    async def database_answers(self) -> bool:
        """Whether a question could be stored now."""
        try:
            async with reading(self.database) as connection:
                await connection.execute(select(1))
        except StorageError:
            return False
        return True

    def renderer(self) -> Renderer:
        today = self.clock().astimezone(CITY_TIME).date()
        return Renderer(self.locales, self.desk.knowledge, today, self._card, self.booking_words)

    async def _in_background(self, incoming: store.Incoming) -> None:
        try:
            await self.process(incoming)
        except Exception as error:  # noqa: BLE001 - nobody waits for this task; the sweeper takes the message up again
            log.error("processing_failed type=%s", type(error).__name__)

    async def _signal(self, conversation_id: uuid.UUID, data: dict[str, Any]) -> None:
        await self.bus.publish(conversation_topic(conversation_id), data)

    def _refuse(self, waiting: int) -> None:
        if waiting >= self.queue_limit:
            raise RequestError(Code.BUSY, "this conversation has too many messages waiting", 429, retry_after_seconds=2)

    @contextmanager
    def _counted(self, ref: store.Ref | None) -> Iterator[None]:
        """A caller who waits for the reply counts by what it named the conversation with: no table is asked yet."""
        if ref is None:
            yield
            return
        self._refuse(self._callers[ref])
        self._callers[ref] += 1
        try:
            yield
        finally:
            self._callers[ref] -= 1
            if not self._callers[ref]:
                del self._callers[ref]

    @asynccontextmanager
    async def _turn(self, conversation_id: uuid.UUID) -> AsyncIterator[bool]:
        """One message of a conversation at a time; whether this one had to wait for others."""
        queue = self._queues.setdefault(conversation_id, _Queue())
        waited = queue.waiting > 0
        queue.waiting += 1
        try:
            async with queue.lock:
                yield waited
        finally:
            queue.waiting -= 1
            if queue.waiting == 0:
                self._queues.pop(conversation_id, None)

    async def _receive(self, arrival: store.Arrival, now: datetime) -> store.Incoming:
        return await store.receive(self.database, arrival, now)

    async def concealed(self, ref: store.Ref | None, text: str) -> Concealed | None:
        """A passport's number is never stored as it is: not when it is asked for."""
        if self.booking is None or ref is None:
            return None
        return await self.booking.drafts.conceal(ref, text)

    async def _pressed(self, said: Said) -> plans.Chosen | None:
        if said.button is None:
            return said.chosen
        if said.ref is None:
            raise RequestError(Code.UNKNOWN_BUTTON, "a button belongs to a conversation", 404)
        return await store.pressed(self.database, said.ref, said.button)

    async def _process(self, incoming: store.Incoming) -> Reply:
        chosen = await self._chosen(incoming)
        if chosen is not None and chosen.act is plans.Act.VOICE:
            incoming, chosen = await self._heard(incoming, chosen)
        language, votes = self._language(incoming, button=chosen is not None)
        await self._signal(incoming.thread.id, {"event": "typing", "who": "bot", "on": True})
        if incoming.attempts > _MOST_ATTEMPTS:
            return await self._answer(incoming, _Planned(plans.failed(), Understanding(language), {}))
        planned = await self._planned(incoming, language, chosen)
        if planned is None:
            return await self._passed(incoming, language)
        planned = self._switched(await self._offered(incoming, planned, language), language)
        if votes is not None:
            planned.trace["language"] = votes
        return await self._answer(incoming, planned)

    async def _chosen(self, incoming: store.Incoming) -> plans.Chosen | None:
        """What a button or the channel meant; looked up again when the message is taken up after a crash."""
        if incoming.chosen is None and incoming.act is not None:
            act, value = incoming.act
            return plans.Chosen(plans.Act(act), value, incoming.text)
        if incoming.chosen is None and incoming.button is not None:
            return await store.pressed(self.database, incoming.thread.id, incoming.button)
        return incoming.chosen

    async def _heard(
        self, incoming: store.Incoming, chosen: plans.Chosen
    ) -> tuple[store.Incoming, plans.Chosen | None]:
        """A recording as the words in it; when there are none to be had, as something that cannot be read."""
        words = await self.ears(chosen.value, incoming.thread.language) if self.ears is not None else None
        text = storable(words or "").strip()
        if not text:
            return incoming, plans.Chosen(plans.Act.UNREADABLE, "voice")
        await store.put_into_words(self.database, incoming, text, identified=is_personal(text))
        return replace(incoming, text=text, act=None), None

    def _language(self, incoming: store.Incoming, *, button: bool) -> tuple[str, dict[str, Any] | None]:
        thread = incoming.thread
        if incoming.language is not None:
            return incoming.language, {"chosen": incoming.language}
        if thread.language is not None and (thread.language_chosen or button):
            return thread.language, {"chosen": thread.language} if thread.language_chosen else None
        if button:
            return DEFAULT, None  # nobody has written a word yet
        guess = self.identifier.identify(incoming.text, Hints(previous=thread.language, locale=incoming.locale))
        return guess.code, {"guess": guess.code, "confidence": round(guess.confidence, 4)}

    async def _planned(self, incoming: store.Incoming, language: str, chosen: plans.Chosen | None) -> _Planned | None:
        """What to say; None when a person owns the conversation and it is no emergency."""
        urgent = self.lane.check(incoming.text, language) if chosen is None else None
        if urgent is not None:
            return _emergency(urgent.kind, urgent.also, language)
        if incoming.thread.owner is store.Owner.PERSON:
            return None
        if chosen is not None:
            return await self._for_button(incoming, chosen, language)
        words = self.switches.bot_off(language)
        if words is not None:
            trace = {"switched_off": "bot"}
            return _Planned(_SAID, Understanding(language), trace, answers=(_notice(words, language),))
        return await self._booked_or_understood(incoming, language)

    async def _booked_or_understood(self, incoming: store.Incoming, language: str) -> _Planned:
        """What belongs to a booking under way is that; whatever else is said is answered, and the booking resumed."""
        if self.booking is None:
            return await self._understood(incoming, language)
        whole = await self.booking.reveal(incoming)
        draft = await self.booking.drafts.of(incoming.thread.id)
        if draft is not None and may_tell_of_an_emergency(draft, incoming.text):
            # The rules have been asked already; the net is asked before the words are taken for a mere complaint.
            seen = self._seen_by_net(await self._asked(for_engine(incoming.text), language), language)
            if seen is not None:
                return seen
        said = await self.booking.hear(whole, draft, language) if draft is not None else None
        if said is not None:
            return _of_booking(said, Understanding(said.language or language))
        planned = await self._understood(incoming, language)
        return await self._with_booking(whole, draft, planned, language)

    async def _with_booking(
        self, incoming: store.Incoming, draft: Draft | None, planned: _Planned, language: str
    ) -> _Planned:
        """A wish for an appointment becomes the booking; anything else said in the midst of one is followed by it."""
        if self.booking is None or not await self.booking.offered():
            return planned
        understood = planned.understanding
        wish = plans.wish_for_appointment(planned.plan, understood.intent)
        if wish is not None:
            return _of_booking(await self.booking.wanted(incoming, draft, wish, language), understood, planned.trace)
        if draft is not None:
            said = await self.booking.after(incoming, draft, planned.plan, understood.intent, language)
            if said is not None:
                return _of_booking(said, understood, planned.trace)
        return replace(planned, plan=plans.with_booking(planned.plan))

    async def _for_button(self, incoming: store.Incoming, chosen: plans.Chosen, language: str) -> _Planned:
        if chosen.act in plans.HANDOVER_ACTS:
            plan, effect = await self.handover.pressed(chosen.act, incoming.thread, language)
            return _Planned(plan, Understanding(language), {"button": True}, effect)
        if chosen.act is plans.Act.BOOKING:
            return await self._for_booking(incoming, chosen, language)
        if chosen.act is plans.Act.WELCOME:
            known = incoming.language or incoming.thread.language
            return _Planned(plans.welcome(known, chosen.value), Understanding(language), {"button": True})
        if chosen.act is plans.Act.NOTED:
            reference, _, promised = chosen.value.partition(" ")
            noted = desk_plans.noted(reference, datetime.fromisoformat(promised))
            return _Planned(Plan(Outcome.HANDOFF, (noted,)), Understanding(language), {"button": True})
        planned = _Planned(plans.for_button(chosen), Understanding(language), {"button": True})
        draft = await self.booking.drafts.of(incoming.thread.id) if self.booking is not None else None
        return await self._with_booking(incoming, draft, planned, language)

    async def beside_a_booking(self, text: str, language: str, *, asks: bool) -> Plan | None:
        """An answer from the search to what is said while a doctor is booked: what it costs, what to bring."""
        assert self.booking_words is not None
        costs, about = self.booking_words.of_money(text, language), self.booking_words.context(language)
        if costs:
            return plans.article(plans.PRICES_ARTICLE)
        if not asks:
            return None
        asked = await self._asked(f"{about}: {for_engine(text)}", language)
        plan = acts.answer(self.desk, asked, None)
        return plan if plan.outcome is Outcome.ANSWERED else None

    async def _for_booking(self, incoming: store.Incoming, chosen: plans.Chosen, language: str) -> _Planned:
        if self.booking is None or not await self.booking.offered():
            plan = plans.appointment(plans.Appointment.BOOK)
            return _Planned(plan, Understanding(language), {"button": True})
        try:
            said = await self.booking.pressed(incoming, chosen.value, language)
        except (KeyError, ValueError):  # of an older version of ours
            return _Planned(plans.appointment(plans.Appointment.BOOK), Understanding(language), {"button": True})
        return _of_booking(said, Understanding(language), {"button": True})

    async def _offered(self, incoming: store.Incoming, planned: _Planned, language: str) -> _Planned:
        """A wish for a person becomes what the desk can offer now."""
        if not plans.is_wish_for_person(planned.plan):
            return planned
        offer = await self.handover.offer(incoming.thread, language)
        return replace(planned, plan=replace(offer, trace={**planned.plan.trace, **offer.trace}))

    def _switched(self, planned: _Planned, language: str) -> _Planned:
        """An answer on a topic that is switched off becomes the words that were set for it."""
        articles = self.desk.knowledge.articles
        for part in planned.plan.parts:
            article = articles.get(part.article or "")
            words = self.switches.topic_off(article.area.value, language) if article is not None else None
            if article is not None and words is not None:
                trace = {**planned.trace, **planned.plan.trace, "switched_off": f"topic:{article.area.value}"}
                return _Planned(_SAID, planned.understanding, trace, answers=(_notice(words, language),))
        return planned

    async def _understood(self, incoming: store.Incoming, language: str) -> _Planned:
        text = for_engine(incoming.text)
        asked = await self._asked(text, language)
        seen = self._seen_by_net(asked, language)
        if seen is not None:
            return seen
        with self.inflight.holding(str(incoming.id), asked):
            try:
                reply = await self.engine.ask(incoming.thread.id.hex, str(incoming.id), text, language, asked.vector)
            except EngineError as error:
                log.warning("engine_failed reason=%s", error)
                return _Planned(acts.alone(self.desk, asked), Understanding(language), {"degraded": True})
        intents = [[name, round(confidence, 4)] for name, confidence in reply.understanding.ranking]
        trace: dict[str, Any] = {"intents": intents, "entities": list(reply.understanding.entities)}
        return _Planned(reply.plan, reply.understanding, trace)

    def _seen_by_net(self, asked: Asked, language: str) -> _Planned | None:
        kind = self.net.check(asked.vector)
        if kind is None:
            return None
        return _emergency(kind, self.lane.card(kind, language).also, language, seen_by="net")

    async def _asked(self, text: str, language: str) -> Asked:
        """Encode: with USE alone when that suffices, else with both encoders."""
        encoder = self.desk.encoder
        quick = await asyncio.to_thread(encoder.quick, text, language)
        if quick is None:
            return Asked(text, language, await asyncio.to_thread(encoder.encode, text, language))
        found = self.desk.search.find(text, quick)
        if self.desk.sure(found) and not self.net.suspects(quick):
            return Asked(text, language, quick, found)
        return Asked(text, language, await asyncio.to_thread(encoder.completed, quick, text, language))

    async def _answer(self, incoming: store.Incoming, planned: _Planned) -> Reply:
        thread, plan = incoming.thread, planned.plan
        language = plan.language or planned.understanding.language
        # Said to a new resident too whose language was known before the first word.
        new_language = thread.language != language or incoming.seq == 1
        answers = planned.answers or self._rendered(plan, language, incoming.seq, new_language)
        parts: list[Part | None] = [None] * (len(answers) - len(plan.parts)) + list(plan.parts)
        reply = Reply(
            replace(planned.understanding, language=language),
            plan.outcome,
            answers,
            {"degraded": False, **planned.trace, **plan.trace, **self.desk.versions()},
        )
        said = plan.language or incoming.language or thread.language
        learned = store.Learned(
            # What a channel understood by itself says nothing of the language.
            language=said if incoming.act is not None else language,
            language_chosen=thread.language_chosen
            or plan.language is not None
            or (incoming.language is not None and incoming.act is None),
            topic=next((part.article for part in plan.parts if part.article is not None), thread.topic),
        )
        urgent = plan.outcome is Outcome.URGENT
        stored = await store.store_reply(
            self.database, incoming, reply, parts, learned, self.clock(), effect=planned.effect, urgent=urgent
        )
        await self._signal_reply(thread.id, changed=planned.effect is not None)
        return reply if stored else await self._earlier(incoming)

    async def _signal_reply(self, conversation_id: uuid.UUID, *, changed: bool) -> None:
        await self._signal(conversation_id, {"event": "typing", "who": "bot", "on": False})
        await self._signal(conversation_id, {"event": "messages"})
        if changed:
            await self._signal(conversation_id, {"event": "state"})
            await self.bus.publish(DESK, {"event": "queue"})

    async def _passed(self, incoming: store.Incoming, language: str) -> Reply:
        """A person owns the conversation: the message is theirs to answer, and the bot says nothing."""
        await store.settle(self.database, incoming.id, store.Status.PASSED)
        await self._signal_reply(incoming.thread.id, changed=False)
        return Reply(Understanding(language), Outcome.HANDOFF, (), {"degraded": False, **self.desk.versions()})

    async def _earlier(self, incoming: store.Incoming) -> Reply:
        """The reply that a message got before, as it was stored; without messages when a person was to answer it."""
        stored = await store.reply_of(self.database, incoming.id)
        if not stored:
            language = incoming.thread.language or incoming.language or "en"
            return Reply(Understanding(language), Outcome.HANDOFF, (), {"degraded": False, **self.desk.versions()})
        return history.reply(stored)

    def _rendered(self, plan: Plan, language: str, seq: int, new_language: bool) -> tuple[Answer, ...]:
        if plan.outcome is Outcome.URGENT:
            return (self._card(plan.parts[0].params, language),)
        # A booking is made in more languages than articles are answered in.
        own = plan.outcome is Outcome.BOOKING and BookingWords.language(language) == language
        say_only_english = new_language and language not in ANSWERED and not own
        return self.renderer().render(plan, language, seq, say_only_english=say_only_english)

    def _card(self, params: Mapping[str, str], language: str) -> Answer:
        card = self.lane.card(UrgentKind(params["kind"]), language, params["also"].split())
        return _urgent_answer(card, language)


def _of_booking(said: SaidOfBooking, understood: Understanding, trace: Mapping[str, Any] | None = None) -> _Planned:
    return _Planned(said.plan, understood, dict(trace or {}), said.effect)


def _emergency(kind: UrgentKind, also: Sequence[str], language: str, **trace: str) -> _Planned:
    params = {"kind": kind.value, "also": " ".join(also)}
    plan = Plan(Outcome.URGENT, (Part(Kind.URGENT, params=params),))
    return _Planned(plan, Understanding(language, EMERGENCY, 1.0), {"urgent": kind.value, **trace})


def _urgent_answer(card: UrgentCard, language: str) -> Answer:
    steps = tuple(f"{chinese} ({pinyin})" for chinese, pinyin in card.say)
    return Answer(Kind.URGENT, language, card.text, steps=steps)


def _notice(words: str, language: str) -> Answer:
    return Answer(Kind.NOTICE, answer_language(language), words)
