"""The arithmetic of days: what a weekday, a day of the month or a count of weeks comes to, seen from a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from bot.appointments.readings import Doubt, Reason

DAY = timedelta(days=1)
WEEK = timedelta(weeks=1)


@dataclass(frozen=True)
class Found:
    """Days that a part of a text names. `rank` says how exactly: 3 a date, 2 a weekday, 1 a span without a day."""

    first: date
    last: date
    rank: int = 3
    others: tuple[date, ...] = ()
    doubt: Doubt | None = None
    weekday: int | None = None
    tokens: tuple[int, int] = (0, 0)


def single(day: date, rank: int = 3, weekday: int | None = None) -> Found:
    return Found(day, day, rank, weekday=weekday)


def monday(today: date, weeks: int = 0) -> date:
    return today - today.weekday() * DAY + weeks * WEEK


def of_week(today: date, weeks: int, weekday: int) -> Found:
    """`weekday` is 1 for Monday to 7."""
    return single(monday(today, weeks) + (weekday - 1) * DAY, 2, weekday)


def coming(today: date, weekday: int) -> date:
    """The first such day after today."""
    return today + ((weekday - 2 - today.weekday()) % 7 + 1) * DAY


def bare_weekday(today: date, weekday: int) -> Found:
    """Said on the same weekday it is rather next week's: whoever means today says so."""
    day = coming(today, weekday)
    if day - today < WEEK:
        return single(day, 2, weekday)
    return Found(day, day, 2, (today,), Doubt.WEEK, weekday)


def this_weekday(today: date, weekday: int) -> Found:
    return single(today if today.isoweekday() == weekday else coming(today, weekday), 2, weekday)


def next_weekday(today: date, weekday: int, following: bool, weeks: int = 1) -> Found:
    """`following`: the day of the week after this one, as in English; otherwise the nearest, as in French."""
    near, far = coming(today, weekday), monday(today, weeks) + (weekday - 1) * DAY
    day, other = (far, near) if following or weeks > 1 else (near, far)
    if near == far or weeks > 1:
        return single(day, 2, weekday)
    return Found(day, day, 2, (other,), Doubt.WEEK, weekday)


def week(today: date, weeks: int) -> Found:
    return Found(monday(today, weeks), monday(today, weeks) + 6 * DAY, 1)


def weekend(today: date, weeks: int, doubtful: bool = False) -> Found:
    first = monday(today, weeks) + 5 * DAY
    others = (monday(today) + 5 * DAY,) if doubtful else ()
    return Found(first, first + DAY, 1, others, Doubt.WEEK if others else None)


def month(today: date, number: int) -> Found | Reason:
    """The month of that number that is running or comes next."""
    if not 1 <= number <= 12:
        return Reason.IMPOSSIBLE
    return whole_month(today.year + (number < today.month), number)


def month_after(today: date, months: int) -> Found:
    index = today.year * 12 + today.month - 1 + months
    return whole_month(index // 12, index % 12 + 1)


def whole_month(year: int, number: int) -> Found:
    following = date(year + number // 12, number % 12 + 1, 1)
    return Found(date(year, number, 1), following - DAY, 1)


def later(today: date, count: int, unit: str) -> Found:
    if unit != "month":
        return single(today + count * (WEEK if unit == "week" else DAY))
    target = month_after(today, count)
    return single(min(target.last, target.first + (today.day - 1) * DAY))


def dated(today: date, year: int | None, number: int, day: int) -> Found | Reason:
    """Without a year: of this one or the next, whichever is to come; PAST when the one gone by is nearer."""
    days = [
        made
        for each in ((year,) if year else range(today.year, today.year + 2))
        if (made := made_of(each, number, day))
    ]
    if not days:
        return Reason.IMPOSSIBLE
    ahead = [each for each in days if each >= today]
    if not ahead:
        return Reason.PAST
    gone = [each for each in days if each < today]
    return (
        Reason.PAST
        if gone and today - gone[-1] < ahead[0] - today and ahead[0] - today > 26 * WEEK
        else single(ahead[0])
    )


def made_of(year: int, number: int, day: int) -> date | None:
    try:
        return date(year, number, day)
    except ValueError:
        return None


def day_of_month(today: date, day: int) -> Found | Reason:
    """The next month, this one included, that has this day."""
    if not 1 <= day <= 31:
        return Reason.IMPOSSIBLE
    starts = (month_after(today, months).first for months in range(3))
    days = (made_of(start.year, start.month, day) for start in starts)
    return single(next(each for each in days if each is not None and each >= today))


def paired(today: date, one: int, two: int, year: int | None, order: str) -> Found | Reason | None:
    """3/4 with or without a year; None for what is no date in either order (50/50, 24/7)."""
    if max(one, two) > 31 or min(one, two) < 1 or (one, two) == (24, 7):
        return None
    as_day, as_month = dated(today, year, two, one), dated(today, year, one, two)
    wanted, other = (as_month, as_day) if order == "month" else (as_day, as_month)
    if not isinstance(wanted, Found) and one != two and (wanted is Reason.IMPOSSIBLE or order == "either"):
        return other if isinstance(other, Found) or wanted is Reason.IMPOSSIBLE else wanted
    if order != "either" or one == two or not isinstance(wanted, Found) or not isinstance(other, Found):
        return wanted
    return Found(wanted.first, wanted.last, 3, (other.first,), Doubt.ORDER)
