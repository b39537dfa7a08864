"""The steps of a booking in which something free is chosen: a hospital, a day, a time. Pure."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, datetime

from bot.appointments import choices, dates
from bot.appointments.catalogue import Hospital
from bot.appointments.commands import Command
from bot.appointments.draft import Chosen, Draft, Step, Wish
from bot.appointments.free import MOST_SLOTS, clock_of, day_of, days_with, hospitals_with, matching, minutes, page
from bot.appointments.places import Place, found_places
from bot.appointments.provider import Opening
from bot.appointments.readings import Kind, Part, Reading, Reason
from bot.appointments.turns import Ask, Heard, Turn, World
from bot.handoff.calendar import DayKind

_MOST_DAYS = 3
_SATURDAY = 6
_HALF_A_DAY = 12
# 9.30, 930 and 14 30, where nothing but a time is asked for.
_BARE_CLOCK = re.compile(r"^([01]?\d|2[0-3])[. ]?([0-5]\d)$")
_ALWAYS = ("say:back", "say:stop")
_ANY_KINDS = (Kind.SOONEST, Kind.ANY)


def read_hospital(draft: Draft, heard: Heard, world: World) -> Turn | None:
    offered = hospitals_with(world.openings, draft.speaks)
    place = choices.nth(heard.text, heard.language, len(offered))
    if place is not None:
        return with_hospital(draft, offered[place], world)
    if choices.is_any(heard.text):
        return with_hospital(draft, "any", world)
    named = found_places(heard.text, _places(world))
    if not named:
        return with_hospital(draft, "any", world) if _any_will_do(heard, world) else None
    can = tuple(key for key in offered if key in named)
    if len(can) == 1:
        return with_hospital(draft, can[0], world)
    if can:
        params = {"department_name": draft.department or ""}
        return Turn(draft, ask=Ask("booking_hospital", params, (*(f"hospital:{key}" for key in can), *_ALWAYS)))
    return Turn(draft, (Ask("booking_hospital_none", {"hospital_name": named[0]}),))


def _any_will_do(heard: Heard, world: World) -> bool:
    if heard.command in (Command.SKIP, Command.YES):
        return True
    reading = dates.read(heard.text, heard.language, world.today, world.horizon_days)
    return reading.reason is None and reading.kind in _ANY_KINDS


def _places(world: World) -> tuple[Place, ...]:
    return tuple(Place(key, _names_of(hospital)) for key, hospital in world.catalogue.hospitals.items())


def _names_of(hospital: Hospital) -> tuple[str, ...]:
    known = choices.load()
    districts = {campus.district for campus in hospital.campuses if campus.district}
    around = (name for one in sorted(districts) for name in known.districts.get(one, ()))
    return (*hospital.names.values(), *known.hospitals.get(hospital.key, ()), *around)


def with_hospital(draft: Draft, key: str, world: World) -> Turn | None:
    """None for a hospital that nobody knows, and for any when none has a free time."""
    offered = hospitals_with(world.openings, draft.speaks)
    if key == "any":
        if not offered:
            return None
        return Turn(replace(draft, hospital=offered[0]), (Ask("booking_soonest_at", {"hospital_name": offered[0]}),))
    return Turn(replace(draft, hospital=key)) if key in world.catalogue.hospitals else None


def read_day(draft: Draft, heard: Heard, world: World) -> Turn | None:
    if heard.command in (Command.SKIP, Command.EARLIER):
        return with_wish(draft, Wish(), world)
    reading = dates.read(heard.text, heard.language, world.today, world.horizon_days)
    if reading.reason is Reason.NOT_A_DATE:
        return None
    if reading.reason is Reason.ONLY_TIME:
        return with_wish(draft, Wish(None, None, reading.part, reading.clock), world)
    if reading.reason is not None:
        return Turn(draft, (Ask(f"booking_day_{reading.reason}", {"number": str(world.horizon_days)}),))
    if reading.others and reading.first == reading.last:
        return Turn(draft, ask=_which_day(reading))
    return with_wish(draft, Wish(reading.first, reading.last, reading.part, reading.clock), world)


def _which_day(reading: Reading) -> Ask:
    assert reading.first is not None
    days = sorted({reading.first, *reading.others})
    part = f"/{reading.part}" if reading.part else ""
    return Ask("booking_which_day", picks=(*(f"day:{day}{part}" for day in days), *_ALWAYS))


def wish_of_day(value: str) -> Wish:
    """What the button of a day stands for."""
    if value == "any":
        return Wish()
    day, _, part = value.partition("/")
    return Wish(date.fromisoformat(day), date.fromisoformat(day), Part(part) if part else None)


def wish_of(value: str) -> Wish:
    """The wish that the button of the waiting list stands for."""
    first, last, part = value.split("/")
    return Wish(
        date.fromisoformat(first) if first else None,
        date.fromisoformat(last) if last else None,
        Part(part) if part else None,
    )


def _wish_value(wish: Wish) -> str:
    first = wish.first.isoformat() if wish.first else ""
    last = wish.last.isoformat() if wish.last else ""
    return f"{first}/{last}/{wish.part or ''}"


def with_wish(draft: Draft, wish: Wish, world: World) -> Turn:
    """The wish, when something of it is free; else why not, and the nearest days that have something.

    What nobody has looked at yet may be free: see `machine.settled`.
    """
    if not world.openings or matching(world.openings, wish, draft.speaks):
        return Turn(replace(draft, wish=wish, chosen=None, shown=0))
    return Turn(draft, (_why_not(wish, world),), ask=_other_days(draft, wish, world))


def _why_not(wish: Wish, world: World) -> Ask:
    if wish.first is None or wish.first != wish.last:
        return Ask("booking_nothing_then")
    params = {"day_asked": wish.first.isoformat()}
    if world.calendar.kind(wish.first) is DayKind.HOLIDAY:
        return Ask("booking_day_holiday", params)
    open_then = any(day_of(one) == wish.first for one in world.openings)
    weekend = wish.first.isoweekday() >= _SATURDAY and world.calendar.kind(wish.first) is DayKind.PLAIN
    if weekend and not open_then:
        return Ask("booking_day_weekend", params)
    return Ask("booking_part_full" if wish.part and open_then else "booking_day_full", params)


def _other_days(draft: Draft, wish: Wish, world: World) -> Ask:
    """A day on which only the wrong part is free is one of them. Who has an appointment need not wait for one."""
    free = days_with(world.openings, draft.speaks)
    near = sorted(free, key=lambda day: (abs((day - (wish.first or world.today)).days), day))[:_MOST_DAYS]
    waits = (f"wait:{_wish_value(wish)}",) if draft.moving is None else ()
    every = (f"speaks:{''}",) if draft.speaks else ()
    if not near:
        return nothing_free(draft, (*waits, *every))
    key = "booking_other_days" if waits else "booking_other_days_move"
    return Ask(key, picks=(*(f"day:{day}" for day in sorted(near)), *waits, *every, *_ALWAYS))


def nothing_free(draft: Draft, picks: tuple[str, ...] = ()) -> Ask:
    """At the hospital, in any of the days that can be booked."""
    if draft.moving is not None:
        return Ask("booking_nothing_move", picks=_ALWAYS[1:])
    return Ask("booking_nothing_free", picks=(*picks, "change:hospital", *_ALWAYS))


def read_slot(draft: Draft, heard: Heard, world: World) -> Turn | None:
    heard = replace(heard, text=_BARE_CLOCK.sub(r"\1:\2", heard.text.strip()))
    found = found_for(draft, world)
    if heard.command is Command.LATER or (heard.command in _OTHERS and len(found) > MOST_SLOTS):
        return more_slots(draft, world)
    if heard.command is Command.EARLIER:
        return Turn(replace(draft, shown=max(0, draft.shown - MOST_SLOTS)))
    if heard.command in (*_OTHERS, Command.NO):
        return Turn(draft.without(Step.DAY))
    shown = page(found, draft.shown)
    if heard.command is Command.YES and len(shown) == 1:
        return _taken(draft, shown[0])
    place = choices.nth(heard.text, heard.language, len(shown))
    if place is not None or heard.text.strip().isdecimal():
        return _by_number(draft, heard.text.strip(), place, shown)
    return _read_time(draft, heard, world)


_OTHERS = (Command.OTHER, Command.SKIP)


def _by_number(draft: Draft, text: str, place: int | None, shown: tuple[Opening, ...]) -> Turn | None:
    """ "2" is the second time, or two o'clock, if that is one of those shown."""
    meant = [shown[place]] if place is not None else []
    hour = int(text) if text.isdecimal() else None
    if hour is not None:
        meant += [one for one in shown if _is_hour(one, hour) and one not in meant]
    if len(meant) == 1:
        return _taken(draft, meant[0])
    return Turn(draft, ask=slots_of(draft, tuple(meant))) if meant else None


def _is_hour(opening: Opening, hour: int) -> bool:
    start = clock_of(opening)
    return start.minute == 0 and start.hour in (hour, hour + _HALF_A_DAY)


def slots_of(draft: Draft, shown: tuple[Opening, ...], more: bool = False) -> Ask:
    picks = tuple(f"slot:{one.id}@{one.starts_at.isoformat()}" for one in shown)
    others = ("more:",) if more else ()
    return Ask("booking_slot", {"hospital_name": draft.hospital or ""}, (*picks, *others, "other_day:", *_ALWAYS[1:]))


def _read_time(draft: Draft, heard: Heard, world: World) -> Turn | None:
    """A time said in words takes the free one at that time; a day takes the place of the wish."""
    reading = dates.read(heard.text, heard.language, world.today, world.horizon_days)
    if reading.reason is not Reason.ONLY_TIME or draft.wish is None:
        return read_day(draft, heard, world)
    if reading.clock is None:
        return with_wish(draft, replace(draft.wish, part=reading.part, clock=None), world)
    # Whoever says a time means it more than a part of the day said before.
    wish = replace(draft.wish, part=None, clock=reading.clock)
    wanted = minutes(reading.clock)
    exact = [one for one in matching(world.openings, wish, draft.speaks) if minutes(clock_of(one)) == wanted]
    if len(exact) == 1:
        return _taken(draft, exact[0])
    nearest = replace(draft, wish=wish, shown=0)
    if exact:
        return Turn(nearest, ask=slots_of(draft, tuple(exact[:MOST_SLOTS])))
    return Turn(nearest, (Ask("booking_time_taken"),))


def changed_time(draft: Draft, heard: Heard, world: World) -> Turn:
    """Another time wanted of a draft whose time is open again; the one that was said with it is looked for."""
    reading = dates.read(heard.text, heard.language, world.today, world.horizon_days)
    if reading.reason is not Reason.ONLY_TIME:
        return read_day(draft, heard, world) or Turn(draft)
    part = None if reading.clock else reading.part
    return Turn(replace(draft, wish=replace(draft.wish or Wish(), part=part, clock=reading.clock)))


def found_for(draft: Draft, world: World) -> tuple[Opening, ...]:
    return matching(world.openings, draft.wish or Wish(), draft.speaks)


def more_slots(draft: Draft, world: World) -> Turn:
    """The next free times, after the last the first again."""
    shown = draft.shown + MOST_SLOTS
    return Turn(replace(draft, shown=shown if shown < len(found_for(draft, world)) else 0))


def with_slot(draft: Draft, value: str, world: World) -> Turn | None:
    """None for a time that is not among those to be had: the button of another booking."""
    opening, _, start = value.rpartition("@")
    chosen = Chosen(opening, datetime.fromisoformat(start))
    if draft.chosen == chosen:
        return Turn(draft)
    found = next((one for one in world.openings if one.id == opening), None)
    if found is not None and found.hospital == draft.hospital and found.department == draft.department:
        return _taken(draft, found)
    return Turn(draft.without(Step.SLOT), (Ask("booking_slot_gone"),)) if world.openings else None


def _taken(draft: Draft, opening: Opening) -> Turn:
    day = day_of(opening)
    chosen = Chosen(opening.id, opening.starts_at)
    return Turn(replace(draft, wish=draft.wish or Wish(day, day), chosen=chosen))
