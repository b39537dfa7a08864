"""An appointment as an iCalendar file (RFC 5545): the hospital and the time, nothing that tells of an illness.

Calendars are shared with families and employers and kept by large companies: a department's name stays out of them, and
the link too, which opens the card.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from icalendar import Alarm, Calendar, Event
from icalendar import Timezone as CalendarZone

from bot.handoff.hours import CITY_TIME

_PRODUCT = "-//Linli//Appointments//EN"
_DAY_BEFORE = timedelta(days=-1)
Words = Mapping[str, str]


@dataclass(frozen=True)
class Entry:
    """What a calendar is told. `hospital` is the name in the resident's language, `place_zh` name and address."""

    reference: str
    starts_at: datetime
    minutes: int
    hospital: str
    place_zh: str
    cancelled: bool
    demo: bool


def write(entry: Entry, words: Words, now: datetime) -> bytes:
    """The file. An appointment that was moved or cancelled replaces what the calendar has of it."""
    calendar = Calendar()
    calendar.add("prodid", _PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add_component(CalendarZone.from_tzinfo(CITY_TIME, first_date=entry.starts_at.date()))
    calendar.add_component(_event(entry, words, now))
    written: bytes = calendar.to_ical()
    return written


def _event(entry: Entry, words: Words, now: datetime) -> Event:
    event, begin = Event(), entry.starts_at.astimezone(CITY_TIME)
    event.add("uid", f"{entry.reference}@linli")
    event.add("dtstamp", now)
    # Must rise with every change (RFC 5545, 3.8.7.4); we count none, and minutes always do.
    event.add("sequence", int(now.timestamp()) // 60)
    event.add("dtstart", begin)
    event.add("dtend", begin + timedelta(minutes=entry.minutes))
    event.add("summary", _summary(entry, words))
    event.add("location", entry.place_zh)
    event.add("description", words["ics_description"].format(reference=entry.reference))
    event.add("class", "PRIVATE")
    event.add("status", "CANCELLED" if entry.cancelled else "CONFIRMED")
    if not entry.cancelled:
        event.add_component(_alarm(entry, words))
    return event


def _summary(entry: Entry, words: Words) -> str:
    return f"{words['demo_short']}: {entry.hospital}" if entry.demo else entry.hospital


def _alarm(entry: Entry, words: Words) -> Alarm:
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("trigger", _DAY_BEFORE)
    alarm.add("description", _summary(entry, words))
    return alarm
