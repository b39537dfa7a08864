"""A doctor booked on WeChat, in Vietnamese, as it is typed on a phone; and what comes by itself afterwards."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import yaml
from sqlalchemy import select, update

from bot.appointments.draft import Draft
from bot.channels.wechat import outbox
from bot.channels.wechat.channel import FOLDER
from bot.channels.wechat.templates import Purpose, Templates
from bot.conversations.drafts import Drafts
from bot.db.engine import reading, transaction
from bot.db.models import (
    Appointment,
    BookingDraft,
    ClinicSession,
    Consent,
    Identity,
    InterpreterWish,
    Seat,
    Slot,
    WaitingEntry,
    WechatSend,
    WechatTemplate,
)
from bot.handoff.hours import CITY_TIME
from tests.channels.wechat.conftest import Town, TownMaker
from tests.channels.wechat.test_delivery import SEND, until_async
from tests.fakes.site import Site, until
from tests.fakes.wechat import By, Shown, User, error

NUMBER, PHONE, NAME = "C1234567", "+84 912 345 678", "NGUYEN THI MAI"
TEMPLATE = "reminder-template-of-the-tests"
_OPTION = re.compile(r"^(\d+)\. (.+)$", re.MULTILINE)
_REFERENCE = re.compile(r"LB-\w{4}-\w{4}")
_ITEMS_OF_A_MENU = 10


@dataclass
class Phone:
    """Somebody who types and never taps; `last` is what was shown after the last act."""

    town: Town
    user: User
    last: Sequence[Shown] = ()
    texts: list[str] = field(default_factory=list)

    async def says(self, text: str) -> str:
        before = len(self.user.shown)
        await self.user.says(text)
        await until(lambda: len(self.user.shown) > before)
        await until_async(lambda: _quiet(self.town.site))
        self._look(before)
        return self.text

    async def picks(self, title: str) -> str:
        """The number of the option with this in it, in the list that was shown last."""
        found = [number for number, said in self.options if title in said]
        assert found, self.options
        return await self.says(found[0])

    async def sees(self, words: str) -> str:
        """What comes by itself."""
        before = len(self.user.shown) - 1
        await until(lambda: any(words in shown.text for shown in self.user.shown))
        await until_async(lambda: _quiet(self.town.site))
        self._look(before if words in self.user.shown[before].text else before + 1)
        return self.text

    def _look(self, after: int) -> None:
        self.last = list(self.user.shown)[after:]
        self.texts += [shown.text for shown in self.last]

    @property
    def text(self) -> str:
        return "\n".join(one.text for one in self.last)

    @property
    def options(self) -> list[tuple[str, str]]:
        """Number and title, in a menu message or below a text."""
        for shown in reversed(self.last):
            if shown.options:
                return [(str(number), one.content) for number, one in enumerate(shown.options, 1)]
            if found := _OPTION.findall(shown.text):
                return [(str(number), str(title)) for number, title in found]
        return []

    async def until_who(self, day: str = "chiều thứ ba tuần sau") -> None:
        await self.says("tôi muốn đặt lịch khám")
        await self.picks("Có")
        await self.says("đau răng")
        await self.picks("Bệnh viện số 2")
        await self.says(day)
        await self.says("1")

    async def until_document(self, day: str = "chiều thứ ba tuần sau") -> None:
        await self.until_who(day)
        await self.picks("Cho tôi")
        await self.says(NAME)
        await self.says("17/05/1990")

    async def until_done(self) -> str:
        await self.says(NUMBER)
        await self.says(PHONE)
        await self.picks("Có, tiếng Việt")
        await self.picks("Có")
        return await self.picks("Có")

    async def books(self, day: str = "chiều thứ ba tuần sau") -> str:
        """The reference."""
        await self.until_document(day)
        found = _REFERENCE.search(await self.until_done())
        assert found is not None, self.text
        return found[0]


async def _quiet(site: Site) -> bool:
    """Whether nothing is on its way to anybody."""
    open_ = (outbox.SendState.SENDING, outbox.SendState.OFFERED)
    async with reading(site.service.database) as connection:
        under_way = (await connection.execute(select(WechatSend.id).where(WechatSend.state.in_(open_)))).first()
    return under_way is None and not await outbox.unfinished(site.service.database, None, site.clock())


@dataclass(frozen=True)
class _SlowDrafts(Drafts):
    """Longer at it than a response may wait."""

    async def of(self, conversation_id: uuid.UUID) -> Draft | None:
        await asyncio.sleep(0.3)
        return await super().of(conversation_id)


def _slow_down(town: Town) -> None:
    assert town.site.service.booking is not None
    fast = town.site.service.booking.drafts
    town.site.service.booking.drafts = _SlowDrafts(fast.database, fast.vault)


@pytest.fixture
async def town(make_town: TownMaker) -> AsyncIterator[Town]:
    async with make_town(second=1.0, booking="demo", public_url="https://linli.example") as made:
        yield made


@pytest.fixture
def phone(town: Town) -> Phone:
    return Phone(town, town.user())


async def test_a_doctor_is_booked_from_following_to_the_reference(town: Town) -> None:
    phone = Phone(town, town.wechat.user("new", following=False))
    await phone.user.follows()
    await phone.user.next()
    assert "đồng ý" in await phone.says("tôi muốn đặt lịch khám")
    assert "trình diễn" in phone.text  # a trial run says so
    assert phone.options == [("1", "Có"), ("2", "Không")]
    assert "thấy trong người thế nào" in await phone.says("1")
    assert "Răng hàm mặt" in await phone.says("đau răng")
    assert "ngày nào thì tiện" in await phone.picks("Bệnh viện số 2")
    # Today is Monday, 23 November, noon.
    assert "Thứ Ba, ngày 1 tháng 12, lúc 14:00" in await phone.says("chiều thứ ba tuần sau")
    assert "Đặt lịch khám cho ai" in await phone.says("2")
    await phone.picks("Cho tôi")
    assert "sinh ngày nào" in await phone.says(NAME)
    answer, _, rest = (await phone.says("Tôi bị mất hộ chiếu, phải làm gì?")).partition("Chúng ta tiếp tục")
    assert "12367" in answer
    assert "sinh ngày nào" in rest
    phone.texts[-1] = rest  # the tests' own articles are not in Vietnamese
    assert "Số hộ chiếu" in await phone.says("17/05/1990")
    assert "số điện thoại nào" in await phone.says(NUMBER)
    assert "phiên dịch" in await phone.says(PHONE)
    assert "chuyển thông tin" in await phone.picks("Có, tiếng Việt")
    summary = await phone.picks("Có")
    assert "•••67" in summary and "ngày 1 tháng 12, lúc 14:30" in summary and "ngày 17 tháng 5 năm 1990" in summary
    done = await phone.picks("Có")
    assert _REFERENCE.search(done)
    assert "https://linli.example/appointment#" in done
    assert "安徽医科大学第二附属医院" in done
    assert await town.count(Appointment) == await town.count(Seat) == await town.count(InterpreterWish) == 1
    assert await town.count(BookingDraft) == 0
    identified = {town.site.service.identifier.identify(text).code for text in phone.texts if text}
    assert identified == {"vi"}
    assert not _english_titles() & {title for text in phone.texts for _, title in _OPTION.findall(text)}


def _english_titles() -> set[str]:
    words = yaml.safe_load(Path("data/booking/words/en.yml").read_text(encoding="utf-8"))
    return {text for key, text in words.items() if key.startswith(("button_", "field_", "who_"))}


async def test_the_passport_number_is_kept_nowhere(town: Town, phone: Phone) -> None:
    await phone.books()
    await town.site.service.database.dispose()
    kept = b"".join(file.read_bytes() for file in town.site.settings.var_folder.glob("linli.db*"))
    assert NUMBER.encode() not in kept
    assert phone.user.openid.encode() in kept
    assert all(NUMBER not in str(asked) for asked in town.site.engine.received)
    assert NUMBER not in "\n".join(phone.texts)


@pytest.mark.parametrize("number", ["E123456789", "E1234 5678 9"])
async def test_a_number_of_ten_is_no_code_from_elsewhere(phone: Phone, number: str) -> None:
    await phone.until_document()
    assert "số điện thoại nào" in await phone.says(number)
    assert "mã quốc gia" in await phone.says("0912345678")
    assert "phiên dịch" in await phone.says(PHONE)


async def test_options_are_numbered_where_menus_are_refused(make_town: TownMaker) -> None:
    async with make_town(wechat_passive_seconds=0.1, booking="demo") as town:
        town.site.engine.delay_seconds = 0.5
        town.wechat.fail(SEND, error(40200))
        phone = Phone(town, town.user())
        assert "1. Có\n2. Không" in await phone.says("tôi muốn đặt lịch khám")
        assert [(one.by, one.options) for one in phone.last] == [(By.CUSTOM, ())]
        assert "thấy trong người thế nào" in await phone.says("1")


async def test_what_is_sent_afterwards_is_a_menu_or_numbered_and_a_number_chooses_either_way(
    make_town: TownMaker,
) -> None:
    async with make_town(wechat_passive_seconds=0.1, booking="demo") as town:
        _slow_down(town)
        phone = Phone(town, town.user())
        await phone.says("tôi muốn đặt lịch khám")
        assert [len(one.options) for one in phone.last] == [2]
        await phone.picks("Có")
        await phone.picks("Tất cả các khoa")
        assert [(one.by, one.options) for one in phone.last] == [(By.CUSTOM, ())]
        assert len(phone.options) > _ITEMS_OF_A_MENU
        assert "khám ở bệnh viện nào" in await phone.picks("Răng hàm mặt")


async def test_a_list_longer_than_a_menu_is_chosen_from_by_number(phone: Phone) -> None:
    await phone.says("tôi muốn đặt lịch khám")
    await phone.picks("Có")
    await phone.picks("Tất cả các khoa")
    number, title = phone.options[_ITEMS_OF_A_MENU]
    assert number == "11"
    assert len(phone.options) > _ITEMS_OF_A_MENU + 2
    assert title in await phone.says(number)


async def _to_the_day_before(town: Town, **more: float) -> None:
    """Ten in the morning of the day before, when reminders go out; the sweeper's turn, twice."""
    async with reading(town.site.service.database) as connection:
        starts_at = (await connection.execute(select(Appointment.starts_at))).scalar_one()
    day = starts_at.astimezone(CITY_TIME).date() - timedelta(days=1)
    at = datetime(day.year, day.month, day.day, 10, tzinfo=CITY_TIME) + timedelta(minutes=1, **more)
    town.site.clock.now = at.astimezone(town.site.clock.now.tzinfo)
    await _swept(town)
    await _swept(town)


async def _swept(town: Town) -> None:
    assert town.site.room is not None
    await town.site.room.voice.sweep(town.site.clock())
    await town.sweep()


def _reminders(phone: Phone) -> list[Shown]:
    return [one for one in phone.user.shown if "Nhắc lịch khám" in one.text]


async def test_within_two_days_the_reminder_is_a_message(town: Town, phone: Phone, tmp_path: Path) -> None:
    _switch_reminders_on(town, tmp_path)
    reference = await phone.books("sáng thứ tư")
    await _to_the_day_before(town)
    assert reference in await phone.sees("Nhắc lịch khám")
    assert [one.by for one in _reminders(phone)] == [By.CUSTOM]
    assert await town.count(WechatTemplate) == 0
    assert reference in await phone.picks("Lịch hẹn của tôi")


async def test_a_reminder_can_be_tapped_when_other_options_came_after_it(town: Town, phone: Phone) -> None:
    reference = await phone.books("sáng thứ tư")
    await _to_the_day_before(town)
    await phone.sees("Nhắc lịch khám")
    [option] = phone.last[-1].options
    await phone.says("tôi muốn đặt lịch khám")
    await phone.user.taps(option)
    await until(lambda: reference in phone.user.shown[-1].text)


async def test_later_it_waits_until_the_resident_writes(town: Town, phone: Phone) -> None:
    reference = await phone.books()
    await _to_the_day_before(town)
    assert _reminders(phone) == []
    assert reference in await phone.says("tôi muốn đặt lịch khám")
    assert len(_reminders(phone)) == 1


def _switch_reminders_on(town: Town, folder: Path) -> None:
    """The shipped file with an id filled in, as a person would."""
    data = yaml.safe_load((FOLDER / "templates.yml").read_text(encoding="utf-8"))
    data["reminder"]["id"] = TEMPLATE
    (folder / "templates.yml").write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    town.wechat.notices.has(TEMPLATE, *data["reminder"]["fields"])
    assert town.site.wechat is not None
    town.site.wechat.notices.templates = Templates.load(folder)


async def _templates(town: Town) -> list[tuple[str, str]]:
    async with reading(town.site.service.database) as connection:
        rows = await connection.execute(select(WechatTemplate.purpose, WechatTemplate.state))
        return [(row.purpose, row.state) for row in rows]


async def test_a_template_brings_it_once_and_says_nothing_of_health(town: Town, phone: Phone, tmp_path: Path) -> None:
    _switch_reminders_on(town, tmp_path)
    reference = await phone.books()
    await _to_the_day_before(town)
    await until(lambda: any(one.by is By.TEMPLATE for one in phone.user.shown))
    await _swept(town)
    notices = [one.text for one in phone.user.shown if one.by is By.TEMPLATE]
    assert len(notices) == 1
    assert "2026年12月1日 14:00" in notices[0] and reference in notices[0] and "Lịch hẹn của bạn" in notices[0]
    assert "Răng" not in notices[0] and "Bệnh viện" not in notices[0] and NAME not in notices[0]
    await until_async(lambda: _delivered(town))


async def _delivered(town: Town) -> bool:
    return await _templates(town) == [(Purpose.REMINDER, "delivered")]


async def test_who_wants_no_reminders_gets_no_template(town: Town, phone: Phone, tmp_path: Path) -> None:
    _switch_reminders_on(town, tmp_path)
    await phone.books()
    await phone.says("tắt nhắc nhở")
    await _to_the_day_before(town)
    await phone.says("tôi muốn đặt lịch khám")
    assert await _templates(town) == _reminders(phone) == []
    assert not any(one.by is By.TEMPLATE for one in phone.user.shown)


async def test_at_night_no_phone_rings(town: Town, phone: Phone, tmp_path: Path) -> None:
    _switch_reminders_on(town, tmp_path)
    await phone.books()
    await _to_the_day_before(town, hours=12)
    assert await _templates(town) == []


async def test_the_platform_that_refuses_a_notice_stops_no_other(town: Town, phone: Phone, tmp_path: Path) -> None:
    _switch_reminders_on(town, tmp_path)
    other = Phone(town, town.user("b"))
    for one in (phone, other):
        await one.books()
    town.wechat.fail("message/template/send", error(43004))
    await _swept_for_all(town)
    await until(lambda: sum(one.by is By.TEMPLATE for one in (*phone.user.shown, *other.user.shown)) == 1)
    async with reading(town.site.service.database) as connection:
        reachable = sorted((await connection.execute(select(Identity.reachable))).scalars())
    assert reachable == [False, True]


async def _swept_for_all(town: Town) -> None:
    town.site.clock.now = datetime(2026, 11, 30, 10, 1, tzinfo=CITY_TIME)
    await _swept(town)


async def _dentists(town: Town, capacity: int, hospital: str | None = None, most: int = 1000) -> None:
    """How many places each time with a dentist has, at every hospital or at one, for the first times or all."""
    sessions = select(ClinicSession.id).where(ClinicSession.department == "dentistry")
    if hospital is not None:
        sessions = sessions.where(ClinicSession.hospital == hospital)
    late = town.site.clock.now + timedelta(days=2)
    slots = select(Slot.id).where(Slot.session_id.in_(sessions), Slot.starts_at > late).limit(most)
    every = select(Slot.id).where(Slot.session_id.in_(sessions))
    async with transaction(town.site.service.database) as connection:
        ids = list((await connection.execute(slots if capacity else every)).scalars())
        await connection.execute(update(Slot).where(Slot.id.in_(ids)).values(capacity=capacity))


async def test_what_comes_free_is_offered_and_taken_by_its_number(town: Town, phone: Phone) -> None:
    await _dentists(town, 0)
    await phone.says("tôi muốn đặt lịch khám")
    await phone.picks("Có")
    await phone.says("đau răng")
    assert "vị trí số 1" in await phone.picks("Vào danh sách chờ")
    assert await town.count(WaitingEntry) == 1
    await _dentists(town, 1, "hospital-ahmu-2", 1)
    await _swept(town)
    assert "Vừa có giờ trống" in await phone.sees("Vừa có giờ trống")
    assert "Đặt lịch khám cho ai" in await phone.picks("Có, tôi nhận")
    await phone.picks("Cho tôi")
    await phone.says(NAME)
    await phone.says("17/05/1990")
    assert _REFERENCE.search(await phone.until_done())
    assert await town.count(Appointment) == 1


async def test_after_the_booking_the_options_that_are_seen_are_those_that_count(town: Town, phone: Phone) -> None:
    reference = await phone.books()
    assert reference in await phone.picks("Lịch hẹn của tôi")
    await phone.picks("Hủy lịch")
    await phone.picks("Có, hủy lịch")
    assert await town.count(Seat) == 0


async def test_who_unfollows_leaves_nothing_of_a_booking_behind(town: Town, phone: Phone) -> None:
    await phone.books()
    await phone.user.unfollows()
    assert await town.count(Appointment, BookingDraft, Seat, InterpreterWish, Consent) == 0
