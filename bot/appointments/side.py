"""The hospital's side of booking, put together."""

from __future__ import annotations

from dataclasses import dataclass

from bot.appointments.bookings import Bookings
from bot.appointments.desk import Desk, Herald
from bot.appointments.desk_interpreters import Interpreters
from bot.appointments.desk_sessions import Sessions
from bot.appointments.desk_views import Views
from bot.appointments.rules import RuleBook


@dataclass(frozen=True)
class HospitalSide:
    """What a booking clerk works with."""

    desk: Desk
    sessions: Sessions
    interpreters: Interpreters
    views: Views
    rules: RuleBook

    @staticmethod
    def of(bookings: Bookings, herald: Herald) -> HospitalSide:
        desk = Desk(bookings.database, bookings.vault, bookings.providers, bookings.queue, herald, bookings.clock)
        views = Views(bookings.catalogue, bookings.intake)
        return HospitalSide(desk, Sessions(desk, bookings.catalogue), Interpreters(desk), views, bookings.rules)
