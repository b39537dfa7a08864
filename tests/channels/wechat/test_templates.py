"""Notices outside the windows: the platform's value rules, the night, who does not want them, and the file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.channels.wechat.api import WechatApi
from bot.channels.wechat.api_errors import ApiRefused, ApiUnknown
from bot.channels.wechat.codes import Reaction
from bot.channels.wechat.template_fields import FieldKind, ValueRefusedError, fitted
from bot.channels.wechat.templates import (
    Details,
    Kind,
    Purpose,
    Recipient,
    Reminded,
    Result,
    Templates,
    may_send_at,
    next_allowed,
    once_id,
    remind,
)
from bot.channels.wechat.wishes import Wish
from bot.errors import ContentError
from bot.languages import ANSWERED, CODES
from bot.settings import ROOT
from tests.channels.wechat.calls import connected
from tests.fakes.wechat import By, User, WechatPlatform, drop

DATA = ROOT / "data" / "wechat"
HEFEI = timezone(timedelta(hours=8))
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=HEFEI).astimezone(UTC)
DETAILS = Details(datetime(2026, 11, 24, 7, 1, tzinfo=UTC), "A2B3C4D5")


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (FieldKind.THING, "您的咨询有新回复"),
        (FieldKind.THING, "字" * 20),
        (FieldKind.CHARACTER_STRING, "A2-B3/#"),
        (FieldKind.TIME, "15:01"),
        (FieldKind.TIME, "2019年10月1日 15:01"),
        (FieldKind.TIME, "2026-11-24 15:01"),
        (FieldKind.TIME, "2019年10月1日 15:01~2019年10月1日 16:00"),
        (FieldKind.TIME, "9:00~10:30"),
        (FieldKind.DATE, "2019年10月1日"),
        (FieldKind.DATE, "2019年10月1日~2019年10月7日"),
        (FieldKind.PHONE_NUMBER, "0551-12367"),
        (FieldKind.PHONE_NUMBER, "+86-0551-66888888"),
        (FieldKind.AMOUNT, "¥100"),
        (FieldKind.AMOUNT, "100.50元"),
        (FieldKind.CAR_NUMBER, "皖A8Z888挂"),
        (FieldKind.CONST, "待就诊"),
        (FieldKind.PHRASE, "已预约"),
        (FieldKind.NAME, "Operator A"),
    ],
)
def test_what_fits_stays_as_it_is(kind: FieldKind, value: str) -> None:
    assert fitted(kind, value) == value


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *((kind, blank) for kind in FieldKind for blank in ("", " \n")),
        (FieldKind.CHARACTER_STRING, "编号1"),
        (FieldKind.CHARACTER_STRING, "A" * 33),
        (FieldKind.CHARACTER_STRING, "é"),
        (FieldKind.TIME, "24:00"),
        (FieldKind.TIME, "15:60"),
        (FieldKind.TIME, "3 pm"),
        (FieldKind.TIME, "2019年13月1日 15:01"),
        (FieldKind.TIME, "2019年10月1日"),
        (FieldKind.TIME, "١٥:٠١"),
        (FieldKind.DATE, "1.10.2019"),
        (FieldKind.DATE, "2019年10月32日"),
        (FieldKind.PHONE_NUMBER, "1" * 18),
        (FieldKind.PHONE_NUMBER, "call us"),
        (FieldKind.AMOUNT, "$¥1"),
        (FieldKind.AMOUNT, "1" * 11),
        (FieldKind.CAR_NUMBER, "皖A88888888"),
        (FieldKind.CONST, "字" * 21),
        (FieldKind.PHRASE, "已经预约成功"),
        (FieldKind.PHRASE, "booked"),
    ],
)
def test_what_would_be_wrong_when_cut_is_refused(kind: FieldKind, value: str) -> None:
    with pytest.raises(ValueRefusedError, match=kind.value) as refused:
        fitted(kind, value)
    assert not value.strip() or value not in str(refused.value)


@pytest.mark.parametrize(
    ("kind", "value", "cut"),
    [
        (FieldKind.THING, "字" * 21, "字" * 19 + "…"),
        (FieldKind.THING, "one\ntwo  three", "one two three"),
        (FieldKind.THING, "a" * 18 + "ẫ".encode().decode() + "bcd", "a" * 18 + "ẫ…"),
        (FieldKind.THING, "a" * 18 + "e\u0302\u0301" + "bcd", "a" * 18 + "…"),
        (FieldKind.THING, "a" * 18 + " bcdef", "a" * 18 + "…"),
        (FieldKind.NAME, "字" * 11, "字" * 9 + "…"),
        (FieldKind.NAME, "n" * 21, "n" * 19 + "…"),
    ],
)
def test_plain_text_is_cut_between_letters(kind: FieldKind, value: str, cut: str) -> None:
    assert fitted(kind, value) == cut


def test_nothing_hostile_makes_a_field_longer_than_allowed() -> None:
    marks = "a" + "\u0301" * 500
    assert 1 <= len(fitted(FieldKind.THING, marks)) <= 20


@pytest.mark.parametrize(
    ("clock", "allowed"),
    [("00:00", False), ("07:59", False), ("08:00", True), ("12:00", True), ("20:59", True), ("21:00", False)],
)
def test_no_phone_rings_at_night_in_hefei(clock: str, allowed: bool) -> None:
    hour, minute = map(int, clock.split(":"))
    moment = datetime(2026, 11, 23, hour, minute, 59, tzinfo=HEFEI)
    assert may_send_at(moment) is may_send_at(moment.astimezone(UTC)) is allowed


@pytest.mark.parametrize(
    ("now", "then"),
    [
        ("2026-11-23T12:00", "2026-11-23T12:00"),
        ("2026-11-23T21:00", "2026-11-24T08:00"),
        ("2026-12-31T23:59", "2027-01-01T08:00"),
        ("2027-01-01T00:00", "2027-01-01T08:00"),
        ("2027-01-01T07:59", "2027-01-01T08:00"),
    ],
)
def test_what_may_not_be_sent_at_night_waits_for_the_morning(now: str, then: str) -> None:
    when = next_allowed(datetime.fromisoformat(now).replace(tzinfo=HEFEI).astimezone(UTC))
    assert when == datetime.fromisoformat(then).replace(tzinfo=HEFEI)
    assert may_send_at(when)


@pytest.mark.parametrize("reference", ["王医生", "fever and rash", "a" * 33, "x\n"])
def test_nothing_but_a_reference_gets_into_a_notice(reference: str) -> None:
    with pytest.raises(ValueError, match="reference"):
        Details(NOON, reference)
    with pytest.raises(ValueError, match="aware"):
        Details(NOON.replace(tzinfo=None))


@pytest.fixture
async def wechat() -> AsyncIterator[WechatPlatform]:
    """A platform whose console has a template and a subscription for each purpose, with the fields of our file."""
    async with WechatPlatform(clock=lambda: NOON) as platform:
        for purpose, template in Templates.load(DATA).by_purpose.items():
            platform.notices.has(f"{purpose}-template", *template.fields)
            platform.notices.has(f"{purpose}-subscription", *template.fields, subscription=True)
        yield platform


@pytest.fixture
async def api(wechat: WechatPlatform) -> AsyncIterator[WechatApi]:
    async with connected(wechat) as connection:
        yield connection


@pytest.fixture
def resident(wechat: WechatPlatform) -> User:
    return wechat.user("a")


def on(kind: Kind = Kind.TEMPLATE, link: str = "") -> Templates:
    """The project's file with ids filled in."""
    shipped = Templates.load(DATA).by_purpose
    return Templates({one: replace(shipped[one], id=f"{one}-{kind}", kind=kind, link=link) for one in Purpose})


async def send(api: WechatApi, templates: Templates, user: User, wish: Wish | None = None, **given: Any) -> Reminded:
    to = Recipient(user.openid, given.pop("language", "vi"), wish)
    asked = {"purpose": Purpose.REPLY_WAITING, "details": DETAILS, "client_msg_id": "once", "now": NOON, **given}
    return await remind(api, templates, to, asked.pop("purpose"), asked.pop("details"), **asked)


async def test_a_notice_arrives_in_the_residents_language(api: WechatApi, resident: User) -> None:
    sent = await send(api, on(), resident)
    assert sent.result is Result.SENT
    assert sent.message_id is not None
    notice = await resident.next(1)
    assert notice.text.splitlines() == [
        "thing1: Bạn có trả lời mới",
        "time2: 2026年11月24日 15:01",
        "thing3: Nhắn vào đây để đọc",
    ]
    assert (notice.by, notice.links) == (By.TEMPLATE, ())


async def test_the_same_notice_arrives_once(api: WechatApi, resident: User) -> None:
    first, again = [await send(api, on(), resident, purpose=Purpose.REMINDER) for _ in range(2)]
    assert first == again
    assert len(resident.shown) == 1


async def test_a_doubtful_notice_is_repeated_and_arrives_once(
    wechat: WechatPlatform, api: WechatApi, resident: User
) -> None:
    wechat.fail("message/template/send", drop(processed=True))
    with pytest.raises(ApiUnknown):
        await send(api, on(), resident)
    assert (await send(api, on(), resident)).result is Result.SENT
    assert len(resident.shown) == 1


async def test_a_subscription_notice_needs_a_consent_and_has_no_number(api: WechatApi, resident: User) -> None:
    resident.state.consents["reply_waiting-subscription"] = 1
    subscribed = on(Kind.SUBSCRIPTION, "https://linli.example/a")
    assert await send(api, subscribed, resident) == Reminded(Result.SENT, None)
    assert (await resident.next(1)).by is By.SUBSCRIPTION
    with pytest.raises(ApiRefused) as refused:
        await send(api, subscribed, resident)
    assert refused.value.reaction is Reaction.OPT_OUT


@pytest.mark.parametrize("purpose", Purpose)
async def test_as_shipped_nothing_is_sent(api: WechatApi, resident: User, purpose: Purpose) -> None:
    for templates in (Templates.load(DATA), Templates.off()):
        assert await send(api, templates, resident, purpose=purpose) == Reminded(Result.OFF)
    assert not resident.shown


async def test_whoever_stopped_reminders_gets_none_until_asking_for_them_again(api: WechatApi, resident: User) -> None:
    assert await send(api, on(), resident, Wish.STOP) == Reminded(Result.UNWANTED)
    assert not resident.shown
    assert (await send(api, on(), resident, Wish.START)).result is Result.SENT


async def test_nothing_is_sent_at_night(api: WechatApi, resident: User) -> None:
    assert await send(api, on(), resident, now=NOON + timedelta(hours=9)) == Reminded(Result.NIGHT)
    assert not resident.shown


async def test_a_value_that_does_not_fit_is_refused_before_the_platform_sees_it(
    wechat: WechatPlatform, api: WechatApi, resident: User
) -> None:
    with pytest.raises(ValueRefusedError, match="character_string"):
        await send(api, on(), resident, purpose=Purpose.REMINDER, details=Details(NOON))
    assert wechat.ledger.calls["/cgi-bin/message/template/send"] == 0


@pytest.mark.parametrize("purpose", Purpose)
async def test_the_platform_takes_every_notice_in_every_language(
    wechat: WechatPlatform, api: WechatApi, purpose: Purpose
) -> None:
    for language in CODES:
        sent = await send(api, on(), wechat.user(language), purpose=purpose, language=language, client_msg_id=language)
        assert sent.result is Result.SENT


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize("language", CODES)
def test_no_notice_is_cut_in_any_language(purpose: Purpose, language: str) -> None:
    data = on().by_purpose[purpose].data(language, DETAILS)
    assert all(field["value"] and "…" not in field["value"] for field in data.values())


def test_an_id_that_is_the_same_for_the_same_notice_and_tells_nothing() -> None:
    assert once_id(Purpose.REMINDER, "1", "23") == once_id(Purpose.REMINDER, "1", "23")
    others = {once_id(Purpose.REMINDER, "12", "3"), once_id(Purpose.REPLY_WAITING, "1", "23")}
    assert len({once_id(Purpose.REMINDER, "1", "23"), *others}) == 3
    assert len(once_id(Purpose.REMINDER, "oResident-1")) == 32
    assert "oResident" not in once_id(Purpose.REMINDER, "oResident-1") + repr(Recipient("oResident-1", "vi"))


WRONG: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "an id without quotation marks": (lambda one: one.update(id=123456), "id: must be what the console shows"),
    "an id with a blank": (lambda one: one.update(id="abc def"), "id: must be"),
    "an unknown kind": (lambda one: one.update(kind="sms"), "kind: must be template or subscription"),
    "a kind that is a list": (lambda one: one.update(kind=["template"]), "kind: must be"),
    "a link without encryption": (lambda one: one.update(link="http://linli.example/"), "link: must be an address"),
    "an unknown field": (lambda one: one["fields"].update(thing="x"), "thing: a field is one of thing,"),
    "a field of no kind": (lambda one: one["fields"].update(note7="x"), "note7: a field is one of"),
    "an unknown value": (lambda one: one["fields"].update(thing5="{name}"), "there is no {name}"),
    "a value without a name": (lambda one: one["fields"].update(thing5="{}"), "there is no {}"),
    "a look inside a value": (lambda one: one["fields"].update(thing5="{time.__class__}"), "there is no"),
    "more in the braces": (lambda one: one["fields"].update(thing5="{date:>9}"), "without anything more"),
    "an open brace": (lambda one: one["fields"].update(thing5="{time"), "thing5: zh"),
    "a text that is too long": (lambda one: one["fields"].update(thing5="字" * 21), "more than the field takes"),
    "a time in a date": (lambda one: one["fields"].update(date5="{reference}"), "date5: zh: date: a date"),
    "a wrong language": (lambda one: one["fields"].update(thing5={"zh": "好"}), "thing5: must be there in exactly"),
    "one language too long": (
        lambda one: one["fields"].update(thing5={code: "ok" if code != "ar" else "ا" * 21 for code in ANSWERED}),
        "thing5: ar: 21 characters",
    ),
    "no fields": (lambda one: one.update(fields={}), "fields is a mapping"),
    "something more": (lambda one: one.update(url=""), "has id, kind, link and fields"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_file_is_refused_with_its_place(case: str, tmp_path: Path) -> None:
    change, said = WRONG[case]
    given = yaml.safe_load((DATA / "templates.yml").read_text(encoding="utf-8"))
    change(given["reminder"])
    (tmp_path / "templates.yml").write_text(yaml.safe_dump(given, allow_unicode=True), encoding="utf-8")
    with pytest.raises(ContentError, match=f"templates.yml: reminder.*{said}"):
        Templates.load(tmp_path)


@pytest.mark.parametrize("text", ["", "reminder: {}", "reply_waiting: {id: ''", "- a"])
def test_a_file_that_is_no_mapping_of_purposes_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "templates.yml").write_text(text, encoding="utf-8")
    with pytest.raises(ContentError, match=r"templates\.yml"):
        Templates.load(tmp_path)
