"""The ledger beside a platform that counts by the published numbers: it never promises more than that allows."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.channels.wechat import ledger
from bot.channels.wechat.ledger import Grant, Trigger, allowance, granted

NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
PUBLISHED = {
    Trigger.MESSAGE: (5, timedelta(hours=48)),
    Trigger.MENU: (3, timedelta(seconds=60)),
    Trigger.FOLLOW: (3, timedelta(seconds=60)),
    Trigger.SCAN: (3, timedelta(seconds=60)),
}


@dataclass
class Platform:
    """Counts and ends by what was done, exact to the second."""

    windows: dict[Trigger, tuple[int, datetime]] = field(default_factory=dict)

    def did(self, trigger: Trigger, at: datetime) -> None:
        count, window = PUBLISHED[trigger]
        self.windows[trigger] = (count, at + window)

    def open(self, now: datetime) -> dict[Trigger, tuple[int, datetime]]:
        return {trigger: own for trigger, own in self.windows.items() if own[0] > 0 and now < own[1]}

    def left(self, now: datetime) -> int:
        return sum(count for count, _ in self.open(now).values())

    def send(self, now: datetime) -> None:
        opened = self.open(now)
        assert opened, "45047 or 45015"
        trigger = min(opened, key=lambda one: opened[one][1])
        count, end = opened[trigger]
        self.windows[trigger] = (count - 1, end)


WAITS = st.one_of(
    st.integers(0, 5), st.integers(50, 65), st.integers(0, 48 * 3600), st.integers(47 * 3600, 48 * 3600 + 60)
)
ACTS = st.one_of(st.sampled_from(list(Trigger)), st.just("send"), st.just("repeated push"), st.just("refused"))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(WAITS, ACTS), max_size=40))
def test_never_more_than_the_platform_allows(steps: list[tuple[int, Trigger | str]]) -> None:
    platform, grants, pushes, now = Platform(), tuple[Grant, ...](), list[tuple[Trigger, datetime]](), NOW
    for seconds, act in steps:
        now += timedelta(seconds=seconds)
        match act:
            case Trigger():
                platform.did(act, now)
                grants = ledger.renewed(grants, granted(act, now))
                pushes.append((act, now))
            case "repeated push":
                for trigger, at in pushes[-3:]:
                    grants = ledger.renewed(grants, granted(trigger, at))
            case "refused":
                grants = ledger.exhausted(grants)
            case _ if ledger.left(grants, now):
                platform.send(now)
                grants = ledger.spent(grants, now)
        assert 0 <= ledger.left(grants, now) <= platform.left(now)
        assert len({grant.trigger for grant in grants}) == len(grants)
        assert (ledger.until(grants, now) is None) == (ledger.left(grants, now) == 0)


@pytest.mark.parametrize(
    ("trigger", "count", "last", "over"),
    [
        (Trigger.MESSAGE, 5, timedelta(hours=47, minutes=54), timedelta(hours=47, minutes=55)),
        (Trigger.MENU, 3, timedelta(seconds=56), timedelta(seconds=57)),
        (Trigger.FOLLOW, 3, timedelta(seconds=56), timedelta(seconds=57)),
        (Trigger.SCAN, 3, timedelta(seconds=56), timedelta(seconds=57)),
    ],
)
def test_what_an_act_allows(trigger: Trigger, count: int, last: timedelta, over: timedelta) -> None:
    grants = (granted(trigger, NOW),)
    assert ledger.left(grants, NOW + last) == count
    assert ledger.left(grants, NOW + over) == 0
    assert ledger.until(grants, NOW) == NOW + over
    with pytest.raises(ValueError, match="no message"):
        ledger.spent(grants, NOW + over)


def test_a_message_is_counted_where_the_window_ends_first() -> None:
    grants = ledger.renewed([granted(Trigger.MESSAGE, NOW)], granted(Trigger.MENU, NOW))
    assert ledger.left(grants, NOW) == 8
    for _ in range(3):
        grants = ledger.spent(grants, NOW)
    assert {grant.trigger: grant.remaining for grant in grants} == {Trigger.MESSAGE: 5, Trigger.MENU: 0}
    assert ledger.left(grants, NOW + timedelta(hours=1)) == 5


def test_the_margins_do_not_change_which_window_ends_first() -> None:
    at = NOW + timedelta(hours=47, minutes=54, seconds=30)
    grants: tuple[Grant, ...] = (granted(Trigger.MESSAGE, NOW), granted(Trigger.MENU, at))
    for _ in range(3):
        grants = ledger.spent(grants, at)
    assert ledger.left(ledger.renewed(grants, granted(Trigger.MESSAGE, at)), at) == 5


def test_a_repeated_or_late_push_does_not_fill_the_count_up() -> None:
    grants = ledger.spent((granted(Trigger.MESSAGE, NOW),), NOW)
    assert ledger.left(ledger.renewed(grants, granted(Trigger.MESSAGE, NOW)), NOW) == 4
    assert ledger.left(ledger.renewed(grants, granted(Trigger.MESSAGE, NOW - timedelta(minutes=9))), NOW) == 4
    assert ledger.left(ledger.renewed(grants, granted(Trigger.MESSAGE, NOW + timedelta(seconds=1))), NOW) == 5


def test_what_did_not_leave_is_given_back_to_the_grant_that_it_took() -> None:
    before = (granted(Trigger.MESSAGE, NOW), granted(Trigger.MENU, NOW))
    taken = ledger.source(before, NOW)
    assert taken is not None and taken.trigger is Trigger.MENU
    after = ledger.spent(before, NOW)
    assert ledger.refunded(after, taken) == before
    assert ledger.refunded(before, taken) == before, "never more than the full count"
    renewed = ledger.spent(ledger.renewed(after, granted(Trigger.MENU, NOW + timedelta(seconds=9))), NOW)
    assert ledger.refunded(renewed, taken) == renewed, "a new tap has forgotten the old one"


@given(st.sampled_from(list(Trigger)), st.datetimes(timezones=st.just(UTC)))
def test_a_grant_survives_being_stored(trigger: Trigger, at: datetime) -> None:
    at = min(max(at, datetime(2000, 1, 1, tzinfo=UTC)), datetime(2100, 1, 1, tzinfo=UTC))
    assert Grant.from_json(granted(trigger, at).to_json()) == granted(trigger, at)


@pytest.mark.parametrize(
    ("left", "answer", "chatter", "machine_beside_a_person"), [(0, 0, 0, 0), (1, 1, 0, 0), (2, 2, 1, 0), (5, 5, 4, 3)]
)
def test_the_last_messages_are_kept_for_those_who_need_them(
    left: int, answer: int, chatter: int, machine_beside_a_person: int
) -> None:
    assert allowance(left, answer=True, person_near=False) == answer
    assert allowance(left, answer=False, person_near=False) == chatter
    assert allowance(left, answer=True, person_near=True) == machine_beside_a_person
    assert allowance(left, answer=False, person_near=True) == machine_beside_a_person
