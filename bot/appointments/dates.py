"""The day and the time that a resident asks for, read from their own words. Pure but for the tables, read once.

Few rules, and none that guesses: what can be read in two ways says so, and the day is repeated to the resident anyway.
Each rule is a pattern over the kinds of the tokens (`tokens`), tried in order at each place of the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, time, timedelta
from functools import cache
from pathlib import Path

from bot.appointments import days
from bot.appointments.days import Found
from bot.appointments.readings import Doubt, Kind, Part, Reading, Reason
from bot.appointments.tokens import UNKNOWN, Scan, Table, Token, load, tokenise
from bot.languages import answer_language

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "data" / "booking" / "dates"
LENDER = "en"
_SATURDAY = 5


def read(text: str, language: str, today: date, horizon_days: int = 90) -> Reading:
    """What `text` says; in a language of ours without the day, English words are understood too.

    `today` is the day in Hefei. No day of a reading is before it or more than `horizon_days` after it.
    """
    horizon = today + timedelta(days=horizon_days)
    own = _table(language)
    reading = _decide(_Scan.of(text, own, today), today, horizon)
    if reading.reason is not Reason.NOT_A_DATE or own.language == LENDER:
        return reading
    return _decide(_Scan.of(text, _lent(), today), today, horizon)


@cache
def _table(language: str) -> Table:
    """The language's own table, or that of the language it is answered in."""
    return load(FOLDER, language if (FOLDER / f"{language}.yml").exists() else answer_language(language))


@cache
def _lent() -> Table:
    return _table(LENDER).without_short()


Result = Found | Reason | None
Clock = tuple[int, int]  # hour and minute as they were said, not yet put in a half of the day


@dataclass
class _Scan:
    """What stands in a text, in its order."""

    kinds: str
    table: Table
    today: date
    found: list[Found] = field(default_factory=list)
    reasons: list[Reason] = field(default_factory=list)
    clocks: list[Clock] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)

    @staticmethod
    def of(text: str, table: Table, today: date) -> _Scan:
        tokens = _settled(tokenise(text, table))
        scan, place = _Scan("".join(token.kind for token in tokens), table, today), 0
        while place < len(tokens):
            place = max(place + 1, scan._step(tokens, place))
        return scan

    def _step(self, tokens: Sequence[Token], place: int) -> int:
        for pattern, rule in _RULES:
            if match := pattern.match(self.kinds, place):
                end = match.end()
                self._take(rule(tokens[place:end], self), place, end)
                return end
        return place

    def _take(self, result: Result, place: int, end: int) -> None:
        if isinstance(result, Reason):
            self.reasons.append(result)
        elif result is not None and not self._excluded(place, end):
            self.found.append(replace(result, tokens=(place, end)))

    def _excluded(self, place: int, end: int) -> bool:
        """Whether the day is the one that does not suit ("not on Tuesday", 周二不行)."""
        return self.kinds[max(0, place - 3) : place].rstrip("d@")[-1:] == "!" or self.kinds[end : end + 1] == "?"


_BESIDE_WEEKDAY = frozenset("ntclKPTNO@IFAhB-vW")
_BESIDE_MONTH = frozenset("NOd")


def _settled(tokens: Sequence[Token]) -> list[Token]:
    """Short forms that are words too (Sat, May) count only alone or beside what belongs to a date."""
    kinds = [token.kind for token in tokens]
    return [_settle(token, kinds, place) for place, token in enumerate(tokens)]


def _settle(token: Token, kinds: Sequence[str], place: int) -> Token:
    before, beside = kinds[max(0, place - 1) : place], kinds[place + 1 : place + 2]
    around = {*before, *beside}
    if token.kind == "v":
        return Token("W" if len(kinds) == 1 or around & _BESIDE_WEEKDAY else UNKNOWN, token.value)
    if token.kind == "b":
        return Token("M" if before == ["a"] or around & _BESIDE_MONTH else UNKNOWN, token.value)
    return token


def _values(tokens: Iterable[Token], kinds: str) -> list[int]:
    return [token.value for token in tokens if token.kind in kinds]


def _year(tokens: Iterable[Token]) -> int | None:
    return next(iter(_values(tokens, "Y")), None)


def _month_day(tokens: Sequence[Token], scan: _Scan) -> Result:
    return _dated(tokens, scan, number_first=False)


def _day_month(tokens: Sequence[Token], scan: _Scan) -> Result:
    return _dated(tokens, scan, number_first=True)


def _dated(tokens: Sequence[Token], scan: _Scan, number_first: bool) -> Result:
    months, numbers = _values(tokens, "M"), _values(tokens, "NO")
    if months:
        return days.dated(scan.today, _year(tokens), months[0], numbers[0])
    day, month = numbers[:2] if number_first else (numbers[1], numbers[0])
    return days.dated(scan.today, _year(tokens), month, day)


def _span_of_month(tokens: Sequence[Token], scan: _Scan) -> Result:
    """From 3 to 5 December; the month may be a number (12月3日到5日: the first number then)."""
    numbers = _values(tokens, "NO")
    month = next(iter(_values(tokens, "M")), None) or numbers.pop(0 if tokens[1].kind == "g" else -1)
    ends = [days.dated(scan.today, _year(tokens), month, number) for number in numbers[:2]]
    return _span(ends)


def _span(ends: Sequence[Found | Reason]) -> Result:
    first, last = ends[0], ends[-1]
    if isinstance(first, Reason) or isinstance(last, Reason):
        return first if isinstance(first, Reason) else last
    return Found(first.first, last.last) if first.first <= last.last else first


def _numeric(tokens: Sequence[Token], scan: _Scan) -> Result:
    one, two, year, sure = tokens[0].value
    return days.paired(scan.today, one, two, year, scan.table.order) if sure else None


def _later(tokens: Sequence[Token], scan: _Scan) -> Result:
    count = next(iter(_values(tokens, "N")), 1)
    each, unit = next(
        (token.value for token in tokens if token.kind == "u"), (1, "month" if tokens[1].kind in "Gg" else "day")
    )
    return days.later(scan.today, count * each, unit)


def _weekday_of_week(tokens: Sequence[Token], scan: _Scan) -> Result:
    return days.of_week(scan.today, _values(tokens, "K")[0], _values(tokens, "W")[0])


def _weekdays_of_week(tokens: Sequence[Token], scan: _Scan) -> Result:
    """Monday or Tuesday of next week."""
    named = [token.value for token in tokens if token.kind == "w"]
    weeks = named[0][0] if named else _values(tokens, "K")[0]
    weekdays = [weekday for _, weekday in named] + _values(tokens, "W")
    found = [days.of_week(scan.today, weeks, weekday) for weekday in weekdays]
    return replace(found[0], others=tuple(each.first for each in found[1:]), doubt=Doubt.SEVERAL)


def _weekday_weeks_on(tokens: Sequence[Token], scan: _Scan) -> Result:
    """Tuesday week; Dienstag in zwei Wochen."""
    weekday = _values(tokens, "W")[0]
    count, unit = next(token.value for token in tokens if token.kind == "u")
    if unit != "week":
        return days.bare_weekday(scan.today, weekday)
    weeks = next(iter(_values(tokens, "N")), 1) * count
    return days.single(days.coming(scan.today, weekday) + weeks * days.WEEK, 2, weekday)


def _day_of_span(tokens: Sequence[Token], scan: _Scan) -> Result:
    """The 5th of next month."""
    month = days.month_after(scan.today, _values(tokens, "S")[0]).first
    made = days.made_of(month.year, month.month, _values(tokens, "NO")[0])
    return days.single(made) if made else Reason.IMPOSSIBLE


def _weekday_and_day(tokens: Sequence[Token], scan: _Scan) -> Result:
    """Lundi 30, when that is a Monday; the number may be an hour otherwise, and says nothing."""
    weekday, number = _values(tokens, "W")[0], _values(tokens, "NO")[0]
    found = days.day_of_month(scan.today, number)
    if isinstance(found, Found) and found.first.isoweekday() == weekday:
        return found
    return days.bare_weekday(scan.today, weekday)


def _next_weekday(tokens: Sequence[Token], scan: _Scan) -> Result:
    return days.next_weekday(scan.today, _values(tokens, "W")[0], scan.table.following, _values(tokens, "n")[0])


def _this_weekday(tokens: Sequence[Token], scan: _Scan) -> Result:
    return days.this_weekday(scan.today, _values(tokens, "W")[0])


def _coming_weekday(tokens: Sequence[Token], scan: _Scan) -> Result:
    weekday = _values(tokens, "W")[0]
    return days.single(days.coming(scan.today, weekday), 2, weekday)


def _weekend(tokens: Sequence[Token], scan: _Scan) -> Result:
    weeks, loose = tokens[0].value, scan.table.following and scan.table.scan is Scan.WORDS
    return days.weekend(scan.today, weeks, doubtful=weeks == 1 and loose and scan.today.weekday() < _SATURDAY)


def _month(tokens: Sequence[Token], scan: _Scan) -> Result:
    return days.month(scan.today, _values(tokens, "MN")[0])


def _clock(tokens: Sequence[Token], scan: _Scan) -> Result:
    hour, *minutes = _values(tokens, "NO")
    total = hour * 60 + (minutes[0] if minutes else sum(_values(tokens, "Hq")))
    scan.clocks.append(divmod(total, 60))
    _parts([token for token in tokens if token.kind == "A"], scan)
    return Reason.IMPOSSIBLE if hour > _LAST_OF_DAY or (minutes and minutes[0] > 59) else None


def _loose_clock(tokens: Sequence[Token], scan: _Scan) -> Result:
    """A bare number before a part of the day ("3 de la tarde")."""
    return _clock(tokens, scan) if tokens[0].value <= _LAST_OF_DAY else None


def _written_clock(tokens: Sequence[Token], scan: _Scan) -> Result:
    hour, minute = next(token.value for token in tokens if token.kind in "TF")[:2]
    scan.clocks.append((hour, minute))
    _parts([token for token in tokens if token.kind == "A"], scan)
    return Reason.IMPOSSIBLE if hour > _LAST_OF_DAY or minute > 59 else None


def _parts(tokens: Sequence[Token], scan: _Scan) -> Result:
    scan.parts.extend(token.value for token in tokens)
    return None


def _nothing(tokens: Sequence[Token], scan: _Scan) -> Result:
    return None


_NUMBER = "d?[NO]D?"
_YEARS = "(?:y?Yy?)?"
_NOT_A_DAY = "(?![hAugXZTmH])"
_RULES: tuple[tuple[re.Pattern[str], Callable[[Sequence[Token], _Scan], Result]], ...] = tuple(
    (re.compile(pattern), rule)
    for pattern, rule in (
        ("X+[NOF]D?(?![MG])|d?[NOF]D?Z|aNh(?!P)|dOW", _nothing),
        ("I", lambda tokens, scan: _of_year(*tokens[0].value)),
        (f"Yy?(?:M|Ng){_NUMBER}", _month_day),
        (f"{_NUMBER}-{_NUMBER}(?:M|GN){_YEARS}|(?:M|Ng){_NUMBER}-{_NUMBER}+(?!g)", _span_of_month),
        (f"(?:M|Ng)d?[NO]D?+{_NOT_A_DAY}{_YEARS}", _month_day),
        (f"{_NUMBER}-?(?:M|GN){_YEARS}", _day_month),
        ("a[Ni](?:u|D|d(?!N))r?|au|[Ni](?:u|D|d|G)r|ur", _later),
        ("(?:Kd?W|w)(?:d?W)+|(?:Wd?)+WK", _weekdays_of_week),
        ("w", lambda tokens, scan: days.of_week(scan.today, *tokens[0].value)),
        ("Kd?W|Wd?K", _weekday_of_week),
        ("W(?:a[Ni]?)?u|iuW", _weekday_weeks_on),
        ("nd?W|Wd?n", _next_weekday),
        ("td?W|Wd?t", _this_weekday),
        ("cd?W|Wd?c", _coming_weekday),
        ("lW|Wl", lambda tokens, scan: Reason.PAST),
        (f"Sd?[NO]D?+{_NOT_A_DAY}|{_NUMBER}S", _day_of_span),
        ("Wd?[NO](?=$|[@T])", _weekday_and_day),
        ("F[hA]A?|@F(?!D)h?A?", _written_clock),
        ("F", _numeric),
        ("@?qd?[NO]h?A?", _clock),
        ("@?[NO]h(?:Nm?|[Hq])?A?|@?N?NA|@?[NO]HA?|@[NO](?![MgGXuDZr])", _clock),
        (f"dND?+{_NOT_A_DAY}(?!x)|ND|dOD?+(?![xhHAZ])|O(?=$|[PT@])", lambda tokens, scan: _of_month(tokens, scan)),
        ("@?Th?A?", _written_clock),
        ("M|Ng|GN", _month),
        ("B", lambda tokens, scan: days.single(scan.today + tokens[0].value * days.DAY, 2)),
        ("K", lambda tokens, scan: days.week(scan.today, tokens[0].value)),
        ("E", _weekend),
        ("S", lambda tokens, scan: days.month_after(scan.today, tokens[0].value)),
        ("W", lambda tokens, scan: days.bare_weekday(scan.today, tokens[0].value)),
        ("N(?=P)", _loose_clock),
        ("[PA]", _parts),
    )
)


def _of_year(year: int, month: int, day: int) -> Result:
    made = days.made_of(year, month, day)
    return days.single(made) if made else Reason.IMPOSSIBLE


def _of_month(tokens: Sequence[Token], scan: _Scan) -> Result:
    return days.day_of_month(scan.today, _values(tokens, "NO")[0])


def _decide(scan: _Scan, today: date, horizon: date) -> Reading:
    part, clock, doubts = _hour(scan)
    timed = Reading(part=part, clock=clock, doubts=doubts)
    for kind, reason in (("L", Reason.LUNAR), ("J", Reason.HIJRI)):
        if kind in scan.kinds:
            return replace(timed, reason=reason)
    if scan.found:
        return _chosen(scan, timed, today, horizon)
    if scan.reasons:
        return replace(timed, reason=scan.reasons[0])
    for kind, asked in (("s", Kind.SOONEST), ("*", Kind.ANY)):
        if kind in scan.kinds:
            return replace(timed, kind=asked, first=today, last=horizon)
    return replace(timed, reason=Reason.ONLY_TIME if part or clock else Reason.NOT_A_DATE)


def _chosen(scan: _Scan, timed: Reading, today: date, horizon: date) -> Reading:
    """The most exact of what was found; of several, the first that can be booked, with the rest as `others`."""
    top = max(each.rank for each in scan.found)
    named = _joined([each for each in scan.found if each.rank == top], scan.kinds)
    named = [each for each in named if not any(other.first in each.others for other in named)]
    bookable = [clipped for each in named if (clipped := _clipped(each, today, horizon))]
    if not bookable or (scan.reasons and top < 3):
        return replace(timed, reason=_refused(scan, named, today))
    best, doubts = bookable[0], list(timed.doubts)
    others = [each.first for each in bookable[1:] if each.first != best.first] or list(best.others)
    if best.doubt and best.others:
        doubts.append(best.doubt)
    if any(each.first != best.first for each in bookable[1:]):
        doubts.append(Doubt.SEVERAL)
    if _mismatched(scan, best):
        doubts.append(Doubt.MISMATCH)
    kind = Kind.DAY if best.first == best.last and best.rank > 1 else Kind.SPAN
    return replace(
        timed, kind=kind, first=best.first, last=best.last, doubts=tuple(doubts), others=tuple(sorted(set(others)))
    )


def _refused(scan: _Scan, named: Sequence[Found], today: date) -> Reason:
    if scan.reasons:
        return scan.reasons[0]
    return Reason.PAST if named[0].last < today else Reason.BEYOND


def _joined(named: list[Found], kinds: str) -> list[Found]:
    """Two days with a "to" between them are one span."""
    if len(named) != 2 or kinds[named[0].tokens[1] : named[1].tokens[0]].strip("d@") != "-":
        return named
    first, last = named[0].first, named[1].last
    if last < first and named[1].rank == 2:
        last += days.WEEK
    return [Found(first, last, named[0].rank)] if first <= last else named


def _clipped(each: Found, today: date, horizon: date) -> Found | None:
    """With its bookable days only. A day that is none gives way to the other that may have been meant."""
    others = tuple(day for day in each.others if today <= day <= horizon)
    if each.last < today or each.first > horizon:
        return days.single(others[0], each.rank, each.weekday) if others and each.doubt in _EITHER else None
    return replace(each, first=max(each.first, today), last=min(each.last, horizon), others=others)


def _mismatched(scan: _Scan, best: Found) -> bool:
    weekdays = {each.weekday for each in scan.found if each.weekday}
    return best.rank == 3 and len(weekdays) == 1 and best.first == best.last and best.first.isoweekday() not in weekdays


_EITHER = (Doubt.ORDER, Doubt.SEVERAL)
_LATE = {"pm", Part.AFTERNOON, Part.EVENING}
_PARTS = {"am": Part.MORNING, "pm": Part.AFTERNOON}
_LAST_OF_DAY = 24
_LAST_UNLIKELY = 6  # nobody sees a doctor at 3 in the night: "at 3" is the afternoon, with a doubt


def _hour(scan: _Scan) -> tuple[Part | None, time | None, tuple[Doubt, ...]]:
    said = scan.parts[-1] if scan.parts else None
    clock = next(((hour, minute) for hour, minute in scan.clocks if 0 <= hour <= _LAST_OF_DAY and minute < 60), None)
    if clock is None:
        return _PARTS.get(said or "") or (Part(said) if said else None), None, ()
    hour, minute = clock[0] % _LAST_OF_DAY, clock[1]
    doubts = (Doubt.HALF_DAY,) if said is None and 1 <= hour <= _LAST_UNLIKELY else ()
    if hour < 12 and (said in _LATE or doubts or (said == Part.NOON and hour < 4)):
        hour += 12
    elif hour == 12 and said == "am":
        hour = 0
    return _part_of(hour), time(hour, minute), doubts


def _part_of(hour: int) -> Part:
    if hour < 12:
        return Part.MORNING
    if hour < 18:
        return Part.AFTERNOON if hour > 12 else Part.NOON
    return Part.EVENING
