"""The books of the bench's storm (benchmarks/wechat_books.py): the same words come again, and each is told apart."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from benchmarks.wechat_books import Brought, End, Ledger, Send, Verdict, judge
from bot.channels.wechat.outbox import SendState
from bot.conversations.store import Status
from tests.fakes.site import NOW
from tests.fakes.wechat import By, Shown
from tests.fakes.wechat.users import bubble

OPENID = "o" + "a" * 27
WORDS = "Please write your question."


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@dataclass
class Books:
    """One resident, who writes something and gets one reply to it, again and again."""

    person: uuid.UUID = field(default_factory=uuid.uuid4)
    conversation: uuid.UUID = field(default_factory=uuid.uuid4)
    brought: list[Brought] = field(default_factory=list)
    screen: list[Shown] = field(default_factory=list)
    ledger: Ledger = field(default_factory=lambda: Ledger(people={}))

    def __post_init__(self) -> None:
        self.ledger.people[OPENID] = self.person

    def push(
        self, key: str, sent: float, *, by: By = By.PASSIVE, state: SendState = SendState.SENT, lost: bool = False
    ) -> None:
        """A push that is answered with the words. `lost`: the response was, and nobody heard the tries after it."""
        self.brought.append(Brought(key, OPENID, None, answered=not lost, cut=lost))
        message, seq = uuid.uuid4(), 2 * len(self.brought)
        self.ledger.messages[key].append(message)
        self.ledger.statuses[message], self.ledger.conversations[message] = Status.ANSWERED, self.conversation
        self.ledger.replies[message].append(seq)
        push_key = key if by is By.PASSIVE else None
        send = Send(uuid.uuid4(), state, by, at(sent), push_key, frozenset({WORDS}), seq)
        self.ledger.bubbles[self.conversation, seq].append(send.id)
        self.ledger.sends[send.id] = send
        self.ledger.owners[self.person].append(send.id)

    def shows(self, seconds: float, by: By = By.PASSIVE) -> None:
        self.screen.append(bubble(WORDS, by, at(seconds)))

    def judged(self) -> Verdict:
        return judge(self.brought, {OPENID: self.screen}, self.ledger)


def _ends(*ends: End) -> Sequence[tuple[End, int]]:
    return sorted((end, ends.count(end)) for end in set(ends))


def test_a_response_that_was_cut_off_is_not_the_later_one_with_the_same_words() -> None:
    books = Books()
    books.push("first", 0, lost=True)
    books.push("second", 50)
    books.shows(50.1)
    verdict = books.judged()
    assert sorted(verdict.ends.items()) == _ends(End.CUT, End.SHOWN)
    assert (verdict.wrong, verdict.disordered) == (0, 0)


def test_a_send_that_may_have_arrived_and_did_is_in_its_place() -> None:
    books = Books()
    books.push("first", 0, by=By.CUSTOM, state=SendState.UNKNOWN)
    books.push("second", 50, by=By.CUSTOM)
    books.shows(0.2, By.CUSTOM)
    books.shows(50.2, By.CUSTOM)
    verdict = books.judged()
    assert sorted(verdict.ends.items()) == _ends(End.UNKNOWN, End.SHOWN)
    assert (verdict.wrong, verdict.disordered, verdict.unknown_seen) == (0, 0, 1)


def test_a_reply_that_is_lost_is_found_though_the_same_words_come_later() -> None:
    books = Books()
    books.push("first", 0, by=By.CUSTOM)
    books.push("second", 50, by=By.CUSTOM, state=SendState.UNKNOWN)
    books.shows(50.2, By.CUSTOM)
    assert sorted(books.judged().ends.items()) == _ends(End.LOST_REPLY, End.UNKNOWN)


def test_what_is_shown_twice_is_found_though_the_same_words_come_later() -> None:
    books = Books()
    books.push("first", 0)
    books.push("second", 50, by=By.CUSTOM, state=SendState.UNKNOWN)
    books.shows(0.1)
    books.shows(0.2, By.CUSTOM)
    verdict = books.judged()
    assert (verdict.surplus, verdict.wrong) == (1, 1)


def test_what_is_shown_in_the_wrong_order_is_counted() -> None:
    books = Books()
    books.push("first", 20)
    books.push("second", 0, by=By.CUSTOM)
    books.shows(0.1, By.CUSTOM)
    books.shows(20.1)
    assert books.judged().disordered == 1
