"""Proof of work: when it is asked for, what counts as one, and that it counts once."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest

from bot.channels.web import proof
from bot.channels.web.proof import LIFE, Doorkeeper, Effort, Proofs, leading_zeros
from bot.errors import RequestError
from tests.conftest import SiteMaker
from tests.fakes.site import NOW, Site
from tests.fakes.widget import Widget, solve, widget

BITS = 8
KEY = b"a key"


def solved(proofs: Proofs) -> str:
    return solve(proofs.challenge(NOW), proofs.bits)


def test_a_solution_counts_once() -> None:
    proofs = Proofs(KEY, BITS)
    found = solved(proofs)
    assert [proofs.spend(found, NOW) for _ in range(2)] == [True, False]
    assert proofs.spend(solved(proofs), NOW)


def test_another_process_with_the_same_key_takes_it() -> None:
    assert Proofs(KEY, BITS).spend(solved(Proofs(KEY, BITS)), NOW)


def test_what_is_no_solution() -> None:
    proofs = Proofs(KEY, BITS)
    challenge = proofs.challenge(NOW)
    wrong = next(str(n) for n in itertools.count() if leading_zeros(challenge, str(n)) < BITS)
    genuine = solve(challenge, BITS)
    for shown in (
        None,
        "",
        ".",
        "x.1",
        challenge,
        f"{challenge}.",
        f"{challenge}.{wrong}",
        f"{challenge}.-1",
        f"{challenge}.x",
        f"{challenge}.{'9' * 20}",
        genuine + " ",
        genuine.replace("-", "_"),
        "a" + genuine,
        solved(Proofs(b"another key", BITS)),
        "é" * 50 + ".1",
    ):
        assert not proofs.spend(shown, NOW), shown
    assert proofs.spend(genuine, NOW)


def test_a_challenge_ends_and_an_easier_one_does_not_do() -> None:
    proofs = Proofs(KEY, BITS)
    late = solved(proofs)
    assert not proofs.spend(late, NOW + LIFE + timedelta(seconds=1))
    assert proofs.spend(late, NOW + LIFE)
    assert not proofs.spend(solved(Proofs(KEY, 1)), NOW)


def test_what_was_spent_is_remembered_in_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "_MOST_SPENT", 3)
    proofs = Proofs(KEY, 1)
    shown = [solved(proofs) for _ in range(4)]
    assert [proofs.spend(one, NOW) for one in shown] == [True] * 4
    assert [proofs.spend(one, NOW) for one in shown[1:]] == [False] * 3


def test_a_doorkeeper_asks_the_busy_only() -> None:
    proofs = Proofs(KEY, BITS)
    keeper = Doorkeeper.of(proofs, lambda: NOW, sessions_per_minute=2, rate_per_minute=60, burst=4)
    for _ in range(2):
        keeper.admit(Effort.SESSION, "a", None, 0.0)
        keeper.admit(Effort.MESSAGE, "a", None, 0.0)
    for effort in Effort:
        with pytest.raises(RequestError) as refused:
            keeper.admit(effort, "a", None, 0.0)
        assert refused.value.code == "proof_needed"
        assert refused.value.retry_after_seconds is not None
        keeper.admit(effort, "a", solved(proofs), 0.0)
        keeper.admit(effort, "b", None, 0.0)
    with pytest.raises(RequestError):
        keeper.admit(Effort.SESSION, "a", 7, 0.0)
    keeper.admit(Effort.SESSION, "a", None, 60.0)


def test_switched_off_messages_go_on_and_sessions_have_an_end() -> None:
    keeper = Doorkeeper.of(Proofs(KEY, 0), lambda: NOW, sessions_per_minute=1, rate_per_minute=2, burst=2)
    for _ in range(5):
        keeper.admit(Effort.MESSAGE, "a", None, 0.0)
    keeper.admit(Effort.SESSION, "a", None, 0.0)
    with pytest.raises(RequestError) as refused:
        keeper.admit(Effort.SESSION, "a", None, 0.0)
    assert refused.value.code == "rate_limited"


def test_without_limits_nothing_is_asked() -> None:
    keeper = Doorkeeper.of(Proofs(KEY, BITS), lambda: NOW, sessions_per_minute=0, rate_per_minute=0, burst=1)
    for effort in itertools.islice(itertools.cycle(Effort), 50):
        keeper.admit(effort, "a", None, 0.0)


async def worked(one: Widget) -> str:
    challenge = (await one.get("proof")).json
    assert challenge["expires_in"] == LIFE.total_seconds()
    return solve(challenge["challenge"], challenge["bits"])


async def test_many_sessions_need_work(make_site: SiteMaker) -> None:
    async with make_site(sessions_per_minute=2, proof_bits=BITS, with_engine=False) as site:
        for _ in range(2):
            await widget(site).begin()
        refused = await widget(site).post("session", {})
        assert (refused.status, refused.code) == (429, "proof_needed")
        found = await worked(widget(site))
        begun = widget(site)
        await begun.begin(proof=found)
        assert (await widget(site).post("session", {"proof": found})).code == "proof_needed"
        # Going on with a conversation is no new one.
        await begun.begin(token=begun.token)


async def test_many_messages_need_work(make_site: SiteMaker) -> None:
    async with make_site(rate_per_minute=1, rate_burst=4, proof_bits=BITS, with_engine=False) as site:
        one = widget(site)
        await one.begin()
        for number in range(2):
            assert (await one.post("messages", {"key": f"k{number}", "text": "hello"})).status == 202
        refused = await one.post("messages", {"key": "k2", "text": "hello"})
        assert (refused.status, refused.code) == (429, "proof_needed")
        sent = await one.post("messages", {"key": "k2", "text": "hello", "proof": await worked(one)})
        assert sent.status == 202


async def test_guessing_codes_needs_work_too(make_site: SiteMaker) -> None:
    async with make_site(sessions_per_minute=1, proof_bits=BITS, with_engine=False) as site:
        one = widget(site)
        assert (await one.post("code/redeem", {"code": "0000-0000-00"})).code == "unknown_code"
        assert (await one.post("code/redeem", {"code": "0000-0000-00"})).code == "proof_needed"


async def test_by_default_a_resident_is_never_asked(site: Site) -> None:
    assert site.settings.proof_bits == 16
    one = widget(site)
    await one.begin()
    for number in range(5):
        assert (await one.post("messages", {"key": f"k{number}", "text": "hello"})).status == 202
