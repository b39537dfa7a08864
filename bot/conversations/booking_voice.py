"""What is said of appointments without being asked: reminders, offers from the waiting list, news from the hospital."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.appointments.bookings import Bookings
from bot.appointments.desk import News, NewsKind
from bot.appointments.machine import Ask
from bot.appointments.store import Appointment, State
from bot.appointments.waiting import Offer
from bot.appointments.words import BookingWords
from bot.bus import Bus, conversation_topic
from bot.conversations import store
from bot.conversations.booking import described
from bot.conversations.plans import Act
from bot.conversations.store import Author
from bot.db.engine import transaction
from bot.errors import RequestError
from bot.messages import Choice, Kind, Part

_TIDIED_EVERY = timedelta(hours=1)
# What a channel does besides to reach somebody the day before: an appointment's conversation and its beginning.
Reminder = Callable[[Appointment], Awaitable[None]]


@dataclass
class BookingVoice:
    """Everything is stored before anybody is told of it."""

    bookings: Bookings
    words: BookingWords
    bus: Bus
    clock: Callable[[], datetime]
    # Set by a channel that may write to residents who have not written lately, and knows who wants no reminders.
    remind_too: Reminder | None = None
    reminds: Callable[[Appointment], Awaitable[bool]] | None = None
    _tidied: datetime | None = None

    async def sweep(self, now: datetime) -> None:
        """The sweeper's job: offers, reminders, and once an hour new free times in and old data out."""
        if self._tidied is None or now - self._tidied >= _TIDIED_EVERY:
            await self.bookings.fill(now)
            await self.bookings.purge(now)
            self._tidied = now
        for offer in await self.bookings.offers_to_make(now):
            await self._offer(offer)
        for made in await self.bookings.reminders_due(now):
            await self._remind(made, now)

    async def write(self, connection: AsyncConnection, news: News) -> None:
        """News of the hospital's into the resident's conversation, in the caller's transaction."""
        for ask in _news(news):
            await self._add(connection, news.conversation_id, news.language, ask)

    async def publish(self, news: Sequence[News]) -> None:
        for one in news:
            await self._signal(one.conversation_id)

    async def changed(self, made: Appointment) -> None:
        """What was done elsewhere, on the appointment's page, said in the conversation too."""
        cancelled = made.state is State.CANCELLED
        ask = Ask("booking_cancelled" if cancelled else "booking_moved", described(made), ("show:",))
        await self._tell(made.conversation_id, made.language, ask)

    async def _offer(self, offer: Offer) -> None:
        if offer.held is None:
            await self._tell(offer.conversation_id, offer.language, Ask("booking_offer_lapsed", picks=("book:",)))
            return
        opening = offer.held.opening
        take = f"take:{offer.entry_id.hex}:{opening.hospital}:{opening.department}:{opening.id}@"
        params = {
            "department_name": opening.department,
            "hospital_name": opening.hospital,
            "at_start": opening.starts_at.isoformat(),
            "at_until": offer.until.isoformat(),
        }
        picks = (f"{take}{opening.starts_at.isoformat()}", "leave:")
        await self._tell(offer.conversation_id, offer.language, Ask("booking_offer", params, picks))

    async def _remind(self, made: Appointment, now: datetime) -> None:
        wanted = self.reminds is None or await self.reminds(made)
        if not await self.bookings.reminded(made.id, now) or not wanted:
            return
        picks = ("show:",)
        await self._tell(made.conversation_id, made.language, Ask("booking_reminder", described(made), picks))
        if self.remind_too is not None:
            await self.remind_too(made)

    async def _tell(self, conversation_id: uuid.UUID, language: str, ask: Ask) -> None:
        try:
            async with transaction(self.bookings.database) as connection:
                await self._add(connection, conversation_id, language, ask)
        except RequestError:  # erased in the meantime
            return
        await self._signal(conversation_id)

    async def _add(self, connection: AsyncConnection, conversation_id: uuid.UUID, language: str, ask: Ask) -> None:
        lang = BookingWords.language(language)
        part = Part(Kind.QUESTION if ask.picks else Kind.TEXT, ask.key, params=dict(ask.params))
        await store.add(
            connection,
            conversation_id,
            author=Author.BOT,
            kind=part.kind,
            lang=lang,
            text=self.words.text(lang, ask.key, ask.params),
            content={"part": part.to_json()},
            now=self.clock(),
            buttons=[(self.words.title(lang, pick), Choice(Act.BOOKING, pick)) for pick in ask.picks],
        )

    async def _signal(self, conversation_id: uuid.UUID) -> None:
        await self.bus.publish(conversation_topic(conversation_id), {"event": "messages"})


def _news(news: News) -> tuple[Ask, ...]:
    params = {
        "reference": news.reference,
        "at_start": news.starts_at.isoformat(),
        "hospital_name": news.hospital,
    }
    match news.kind:
        case NewsKind.CANCELLED:
            picks = ("book:", "show:")
            if news.reason is None:
                return (Ask("booking_hospital_cancelled", params, picks),)
            # Below the last words: where options have numbers, those that were seen last are the ones.
            return (
                Ask("booking_hospital_cancelled", params),
                Ask("booking_reason", {"reason_name": news.reason}, picks),
            )
        case NewsKind.INTERPRETER_ASSIGNED:
            return (Ask("booking_interpreter_assigned", {**params, "person": news.interpreter or ""}),)
        case NewsKind.INTERPRETER_DECLINED:
            return (Ask("booking_interpreter_declined", params),)
