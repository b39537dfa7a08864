"""Everything of medical booking put together, for the one place where the parts meet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.appointments.bookings import Bookings, assemble
from bot.appointments.provider import Provider
from bot.appointments.side import HospitalSide
from bot.appointments.words import BookingWords
from bot.conversations.booking import BookingTalk
from bot.conversations.booking_voice import BookingVoice
from bot.conversations.drafts import Drafts
from bot.conversations.service import ConversationService
from bot.settings import Settings
from bot.sweeper import Job

OFF, DEMO = "off", "demo"
_SWEPT_SECONDS = 20.0
_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class BookingRoom:
    bookings: Bookings
    voice: BookingVoice
    side: HospitalSide

    @property
    def jobs(self) -> tuple[Job, ...]:
        return (Job("bookings", _SWEPT_SECONDS, self.voice.sweep),)


def open_room(
    settings: Settings,
    folder: Path,
    service: ConversationService,
    link_keys: Sequence[str],
    providers: Mapping[str, Provider] | None = None,
) -> BookingRoom | None:
    """None when booking is switched off; the service gets its booking here. ContentError, StartError."""
    if settings.booking == OFF:
        return None
    database, clock = service.database, service.clock
    calendar = service.handover.desk.calendar
    demo = settings.booking == DEMO
    bookings = assemble(database, folder, calendar, settings.var_folder, clock, providers, demo=demo)
    words = BookingWords.load(folder, bookings.catalogue)
    drafts = Drafts(database, bookings.vault)
    service.booking = BookingTalk(bookings, drafts, link_keys, _reached_at(settings), clock)
    service.booking_words = words
    service.booking.answers_beside = service.beside_a_booking
    voice = BookingVoice(bookings, words, service.bus, clock)
    return BookingRoom(bookings, voice, HospitalSide.of(bookings, voice))


def _reached_at(settings: Settings) -> str:
    """Where residents reach us: on the machine itself, when it is tried there, without being told."""
    tried = settings.host == _LOOPBACK and settings.port and not settings.wechat_appid
    return settings.public_url or (f"http://{settings.host}:{settings.port}" if tried else "")
