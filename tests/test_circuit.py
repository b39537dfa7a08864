"""The circuit breaker: the tests hold the clock."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.circuit import Circuit


def opened() -> Circuit:
    circuit = Circuit(failures_to_open=3, open_seconds=10)
    for _ in range(3):
        assert circuit.allows(0.0)
        circuit.failed(0.0)
    return circuit


def test_it_opens_after_failures_in_a_row() -> None:
    circuit = Circuit(failures_to_open=3, open_seconds=10)
    for _ in range(5):
        circuit.failed(0.0)
        circuit.failed(0.0)
        circuit.succeeded()
    assert not circuit.open
    assert circuit.allows(0.0)


def test_while_open_nothing_passes_and_then_one_try_decides() -> None:
    circuit = opened()
    assert circuit.open
    assert not circuit.allows(9.9)
    assert circuit.allows(10.0)
    assert not circuit.allows(10.0), "only one try at a time"
    circuit.failed(10.5)
    assert not circuit.allows(20.4)
    assert circuit.allows(20.5)
    circuit.succeeded()
    assert not circuit.open
    assert circuit.allows(20.5)
    assert circuit.allows(20.5)


@given(st.lists(st.sampled_from(["ok", "fail", "wait"]), max_size=40))
def test_it_always_comes_back(events: list[str]) -> None:
    circuit, now = Circuit(2, 5), 0.0
    for event in events:
        if event == "wait":
            now += 3
        elif circuit.allows(now):
            if event == "ok":
                circuit.succeeded()
            else:
                circuit.failed(now)
    assert circuit.allows(now + 5)
