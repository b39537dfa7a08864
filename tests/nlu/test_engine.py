"""Through the front door: the engine in its own process, as the app uses it."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from bot.encoder import Encoder, pack
from tests.nlu.engine_process import ROOT, SECRET, Engine
from tests.nlu.failing import TRIGGER
from tests.nlu.fake_actions import FakeActions

MARKER = "zebra-crossing-secret"


def _row(engine: Engine, sender: str) -> str | None:
    with sqlite3.connect(engine.trackers) as database:
        found = database.execute("SELECT body FROM engine_trackers WHERE conversation = ?", (sender,)).fetchone()
    return found[0] if found else None


def test_a_message_is_understood_and_answered_by_its_action(engine: Engine, actions: FakeActions) -> None:
    status, body = engine.say("how do I extend my Z visa in Baohe", "c1", "m1")
    assert status == 200
    assert body["replies"] == [{"key": "action_answer_immigration", "message": "m1"}]
    assert body["repeated"] is False
    found = body["understanding"]
    assert (found["intent"], found["language"], len(found["ranking"])) == ("ask_immigration", "en", 5)
    assert [(e["entity"], e["value"]) for e in found["entities"]] == [("visa_type", "Z"), ("district", "baohe")]
    assert actions.calls.queries == [f"/webhook?token={SECRET}"]


def test_any_rule_works_after_any_history(engine: Engine) -> None:
    said = ["hello", "how do I see a doctor", "book a dentist for me", "goodbye", "你好", "how do I extend my visa"] * 3
    keys = [engine.say(text, "c2", f"h{n}")[1]["replies"][0]["key"] for n, text in enumerate(said)]
    once = ["greet", "answer_medical", "appointment_book", "bye", "greet", "answer_immigration"]
    assert keys == [f"action_{name}" for name in once * 3]


def test_a_repeated_id_gives_the_stored_replies_without_running_again(engine: Engine, actions: FakeActions) -> None:
    first = engine.say("hello", "c3", "same")[1]
    calls = len(actions.calls.bodies)
    again = engine.say("hello", "c3", "same")[1]
    assert again == {**first, "repeated": True}
    assert len(actions.calls.bodies) == calls


def test_language_and_vector_come_from_the_request_and_the_vector_is_kept_nowhere(
    engine: Engine, actions: FakeActions
) -> None:
    packed = pack(Encoder().encode("how do I see a doctor", "en"))
    body = engine.say("hello", "c4", "v1", language="en", vector=packed)[1]
    assert body["understanding"]["intent"] == "ask_medical"  # the vector's meaning, not the text's
    row = _row(engine, "c4")
    assert row is not None and '"id":"v1"' in row
    assert packed[:40] not in row and "vector" not in row
    assert packed[:40] not in str(actions.calls.bodies)


def test_actions_get_the_id_and_the_language_and_no_domain(engine: Engine, actions: FakeActions) -> None:
    engine.say("你好", "c5", "a1", language="zh")
    call = actions.calls.bodies[-1]
    assert call["tracker"]["latest_message"]["metadata"] == {"id": "a1", "language": "zh"}
    assert call["domain"] == {}


@pytest.mark.parametrize("text", ["/restart", " /greet", "／restart", "\u200b/restart", "\ufeff \u2060／greet{}"])
def test_text_that_rasa_would_obey_is_refused(engine: Engine, text: str) -> None:
    assert engine.say(text, "c6", "s1") == (400, {"error": {"code": "command_text"}})
    assert _row(engine, "c6") is None


@pytest.mark.parametrize("trouble", ["silent", "status"])
def test_a_failed_action_is_a_failure_and_leaves_no_trace_in_the_tracker(
    engine: Engine, actions: FakeActions, trouble: str
) -> None:
    setattr(actions.calls, trouble, True if trouble == "silent" else 500)
    sender = f"c7-{trouble}"
    assert engine.say("hello", sender, "f1") == (502, {"error": {"code": "engine_failed", "cause": "no_reply"}})
    assert _row(engine, sender) is None
    actions.calls.status, actions.calls.silent = 200, False
    status, body = engine.say("hello", sender, "f1")
    assert (status, body["repeated"]) == (200, False)


def test_no_words_reach_the_log_whatever_fails(engine: Engine, actions: FakeActions) -> None:
    actions.calls.status = 500
    assert engine.say(f"hello {MARKER}", "c8", "l1")[0] == 502
    actions.calls.status = 200
    assert engine.say(f"{TRIGGER} {MARKER}", "c8", "l2")[0] == 502
    engine.say("hello", "c8", "l3")
    with sqlite3.connect(engine.trackers) as database:
        database.execute("UPDATE engine_trackers SET body = ? WHERE conversation = 'c8'", ("{" + MARKER,))
    status, body = engine.say("hello", "c8", "l4")
    assert (status, body["error"]["cause"]) == (502, "tracker_corrupt")
    log = engine.log
    assert "from ValueError" in log and "engine.turn_failed" in log and "engine.tracker_corrupt" in log
    assert MARKER not in log and "Traceback" not in log and SECRET not in log


def test_an_erased_conversation_is_gone_and_a_broken_one_healed(engine: Engine) -> None:
    engine.say("hello", "c9/with slash", "e1")
    assert _row(engine, "c9/with slash")
    assert engine.call("DELETE", "conversations/c9%2Fwith%20slash")[0] == 200
    assert _row(engine, "c9/with slash") is None
    assert engine.say("hello", "c9/with slash", "e1")[1]["repeated"] is False


@pytest.mark.parametrize(("method", "path"), [("POST", "messages"), ("GET", "health"), ("DELETE", "conversations/x")])
def test_nothing_works_without_the_secret(engine: Engine, method: str, path: str) -> None:
    assert engine.call(method, path, {}, secret="wrong") == (403, {"error": {"code": "forbidden"}})


def test_rasas_own_api_wants_the_token(engine: Engine) -> None:
    assert engine.raw("GET", "/status", None, {})[0] == 401
    assert engine.raw("GET", f"/status?token={SECRET}", None, {})[0] == 200


@pytest.mark.parametrize(
    "body",
    [[], {}, {"sender": "x", "id": "1", "text": ""}, {"sender": "x", "id": "1", "text": 5}]
    + [{"sender": "x", "id": "1", "text": "a", key: value} for key, value in [("language", "xx"), ("vector", "AAAA")]],
)
def test_a_malformed_request_is_refused(engine: Engine, body: object) -> None:
    assert engine.call("POST", "messages", body)[0] == 400


def test_a_vector_that_is_not_finite_is_refused(engine: Engine) -> None:
    packed = pack(np.full(896, np.inf))
    assert engine.say("hello", "c10", "x", vector=packed) == (400, {"error": {"code": "bad_vector"}})


def test_hostile_text_is_answered_or_refused_but_never_fatal(engine: Engine) -> None:
    for number, text in enumerate(["ﷺ" * 3000, "\ud800 hello", "\x00\x01", "a" * 4001, "🏳️‍🌈" * 300, "م" * 4000]):
        assert engine.say(text, "c11", f"n{number}")[0] in (200, 400)
    assert engine.get("health")[0] == 200


def test_a_model_is_switched_while_serving(engine: Engine) -> None:
    engine.say("hello", "c12", "w1")
    status, _ = engine.raw("PUT", f"/model?token={SECRET}", {"model_file": str(engine.model)}, {})
    assert status == 204
    assert engine.say("hello", "c12", "w1")[1]["repeated"] is True
    assert engine.get("health") == (200, {"ready": True, "model": engine.model.name})


def test_a_restart_forgets_nothing(model: Path, actions: FakeActions, engine: Engine, tmp_path: Path) -> None:
    first = Engine(model, tmp_path, actions.url).start()
    first.say("hello", "r1", "before")
    first.process.send_signal(signal.SIGKILL)
    first.process.wait()
    second = Engine(model, tmp_path, actions.url).start()
    try:
        assert second.say("hello", "r1", "before")[1]["repeated"] is True
    finally:
        second.stop()


def test_it_ends_when_its_parent_does(model: Path, actions: FakeActions, tmp_path: Path) -> None:
    engine = Engine(model, tmp_path, actions.url)
    starter = f"import subprocess, time; subprocess.Popen({engine.command()!r}); time.sleep(300)"
    with (tmp_path / "engine.log").open("wb") as log:
        parent = subprocess.Popen(
            [sys.executable, "-c", starter], cwd=ROOT, env=engine.environment(), stdout=log, stderr=log
        )
    engine.wait()
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    until = time.monotonic() + 20
    while engine.alive() and time.monotonic() < until:
        time.sleep(0.2)
    assert not engine.alive()


def test_it_refuses_to_start_without_its_settings(tmp_path: Path) -> None:
    bare = {key: value for key, value in os.environ.items() if not key.startswith("LINLI_")}
    command = [sys.executable, "-m", "bot.nlu.serve", "--port", "1", "--model", str(tmp_path)]
    run = subprocess.run(command, cwd=ROOT, env=bare, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 2
    assert "LINLI_SECRET" in run.stderr


def test_it_listens_on_loopback_only(engine: Engine) -> None:
    hexport = f"{engine.port:04X}"
    lines = (line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    assert {address.split(":")[0] for address in lines if address.endswith(hexport)} == {"0100007F"}


def test_tensorflow_is_not_loaded(engine: Engine) -> None:
    assert "tensorflow" not in Path(f"/proc/{engine.process.pid}/maps").read_text()
