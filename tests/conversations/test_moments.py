"""Instants are said in the reader's language and the city's time, by the day on which they are read."""

from __future__ import annotations

from datetime import date

import pytest

from bot.conversations.moments import spelled
from bot.languages import ANSWERED
from bot.locales import Locales

LOCALES = Locales.load()
INSTANT = {"at_opens": "2026-10-08T01:00:00+00:00", "name": "Operator A"}


@pytest.mark.parametrize(
    ("language", "other_day", "same_day"),
    [
        ("en", "on Thursday, 8 October, at 09:00", "today at 09:00"),
        ("zh", "10月8日（星期四）09:00", "今天09:00"),
        ("fr", "le jeudi 8 octobre à 09:00", "aujourd'hui à 09:00"),
        ("ar", "يوم الخميس 8 أكتوبر الساعة 09:00", "اليوم الساعة 09:00"),
        ("vi", "vào thứ Năm, ngày 8 tháng 10, lúc 09:00", "hôm nay lúc 09:00"),
    ],
)
def test_an_instant_in_words(language: str, other_day: str, same_day: str) -> None:
    assert spelled(INSTANT, LOCALES, language, date(2026, 10, 7)) == {"at_opens": other_day, "name": "Operator A"}
    assert spelled(INSTANT, LOCALES, language, date(2026, 10, 8))["at_opens"] == same_day


@pytest.mark.parametrize("language", ANSWERED)
def test_every_language_has_all_days_and_months(language: str) -> None:
    for key, number in (("weekdays", 7), ("months", 12)):
        names = LOCALES.text(language, key).split("|")
        assert len(set(names)) == number
        assert all(name.strip() == name and name for name in names)
