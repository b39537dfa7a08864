"""`bot serve` with the real engine: answers, crashes, orphans. Needs the trained model (`make test` trains it)."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from bot import training
from bot.settings import load_settings

ROOT = Path(__file__).resolve().parents[2]
KNOWLEDGE = ROOT / "tests" / "fakes" / "knowledge"
START_SECONDS = 240


@dataclass
class Serving:
    """A running `bot serve`."""

    process: subprocess.Popen[bytes]
    var: Path
    environment: dict[str, str]

    @property
    def announced(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.var / "run.json").read_text())
        return found

    def ask(self, text: str, **more: str) -> dict[str, Any]:
        body = json.dumps({"text": text, **more}).encode()
        request = urllib.request.Request(
            f"{self.announced['address']}/api/chat", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            reply: dict[str, Any] = json.loads(response.read())
        return reply

    def engine_up(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.announced['address']}/readyz", timeout=5) as response:
                return bool(json.loads(response.read())["engine"] == "up")
        except (OSError, ValueError, KeyError):
            return False

    def workers(self) -> list[psutil.Process]:
        return [
            child
            for child in psutil.Process(self.process.pid).children(recursive=True)
            if "bot.nlu.serve" in " ".join(child.cmdline())
        ]


def start(var: Path) -> Serving:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("LINLI_")},
        "LINLI_VAR_FOLDER": str(var),
        "LINLI_KNOWLEDGE_FOLDER": str(KNOWLEDGE),
        "LINLI_PORT": "0",
        "LINLI_RATE_PER_MINUTE": "0",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "bot.cli", "serve"], cwd=ROOT, env=environment, stderr=(var / "serve.log").open("wb")
    )
    serving = Serving(process, var, environment)
    wait_until(lambda: process.poll() is not None or serving.engine_up(), START_SECONDS)
    assert process.poll() is None, (var / "serve.log").read_text()
    return serving


def wait_until(condition: Any, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to be in time"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def var(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("system")


@pytest.fixture(scope="module")
def serving(var: Path) -> Iterator[Serving]:
    if not training.model_path(load_settings()).exists():
        pytest.fail("the model is not trained; run `bot train`")
    found = start(var)
    yield found
    if found.process.poll() is None:
        found.process.terminate()
        found.process.wait(30)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("How do I register my address with the police?", "en"),
        ("我刚搬家，怎么办理住宿登记？", "zh"),
    ],
)
def test_a_question_goes_all_the_way(serving: Serving, text: str, language: str) -> None:
    reply = serving.ask(text)
    assert reply["language"] == language
    assert reply["intent"] == "ask_immigration"
    assert reply["trace"]["degraded"] is False
    assert reply["outcome"] == "answered"
    assert reply["messages"][-1]["article"] is not None


def test_another_language_is_understood_and_answered_in_english(serving: Serving) -> None:
    reply = serving.ask("Ich habe meinen Pass verloren. Was muss ich tun?")
    assert (reply["language"], reply["trace"]["degraded"]) == ("de", False)
    assert reply["intent"].startswith("ask_")
    notice, *rest = reply["messages"]
    assert (notice["kind"], notice["lang"]) == ("notice", "de")
    assert rest
    assert all(message["lang"] == "en" for message in rest)


def test_acts_are_understood(serving: Serving) -> None:
    assert serving.ask("hello!")["intent"] == "greet"
    assert serving.ask("I want to talk to a human being please")["outcome"] == "handoff"
    changed = serving.ask("please speak French with me")
    assert changed["language"] == "fr"
    assert serving.ask("and what can you do?", conversation=changed["conversation"])["language"] == "fr"


@pytest.mark.parametrize("text", ["/restart", '/inform{"a":1}', "／greet", "\u200b/restart", " /session_start"])
def test_rasa_commands_are_not_obeyed(serving: Serving, text: str) -> None:
    reply = serving.ask(text)
    assert reply["outcome"] in {"answered", "clarify", "unknown", "chat", "handoff"}
    assert reply["trace"]["degraded"] is False


def test_nothing_personal_reaches_tracker_or_logs(serving: Serving) -> None:
    serving.ask("My passport E12345678 and phone 13912345678 and zebrafish@example.org: how do I extend my visa?")
    written = b"".join(path.read_bytes() for path in serving.var.glob("*.log"))
    tracker = b"".join(path.read_bytes() for path in serving.var.glob("tracker.db*"))
    for secret in (b"E12345678", b"13912345678", b"zebrafish@example.org"):
        assert secret not in written
        assert secret not in tracker
    assert b"extend my visa" not in written
    assert b'"vector"' not in tracker


def test_jsonl_uses_the_running_server(serving: Serving) -> None:
    lines = [
        {"id": 1, "text": "hello"},
        {"id": "two", "text": ""},
        {"id": 3, "text": "Wie geht das?", "language": "zh"},
    ]
    done = subprocess.run(
        [sys.executable, "-m", "bot.cli", "ask", "--jsonl"],
        input="\n".join(json.dumps(line) for line in lines).encode() + b"\nnot json\n",
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env=serving.environment,
        timeout=60,
        check=True,
    )
    replies = [json.loads(line) for line in done.stdout.decode().splitlines()]
    assert [reply["id"] for reply in replies] == [1, "two", 3, None]
    assert replies[1]["error"]["code"] == "empty_text"
    assert replies[2]["language"] == "zh"
    assert replies[3]["error"]["code"] == "bad_json"
    assert serving.process.poll() is None


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGSTOP])
def test_a_dead_or_hung_engine_is_replaced_and_questions_are_answered_meanwhile(
    serving: Serving, sign: signal.Signals
) -> None:
    (worker,) = serving.workers()
    worker.send_signal(sign)
    began = time.monotonic()
    reply = serving.ask("How do I register my address with the police?")
    assert time.monotonic() - began < 2.5
    assert reply["trace"]["degraded"] is True
    assert reply["outcome"] == "answered"
    wait_until(lambda: serving.engine_up() and worker not in serving.workers(), START_SECONDS)
    assert serving.ask("How do I register my address with the police?")["trace"]["degraded"] is False


def test_kill_9_of_the_app_leaves_no_orphan_and_loses_nothing(serving: Serving) -> None:
    workers = serving.workers()
    reply = serving.ask("我的护照丢了怎么办")
    serving.process.kill()
    serving.process.wait(10)
    wait_until(lambda: not any(worker.is_running() for worker in workers), 20)
    with sqlite3.connect(serving.var / "linli.db") as database:
        query = (
            "SELECT m.direction, m.status, m.text FROM messages m JOIN conversations c ON c.id = m.conversation_id"
            " WHERE c.token = ? ORDER BY m.seq"
        )
        rows = database.execute(query, (reply["conversation"],)).fetchall()
    assert rows[0] == ("in", "answered", "我的护照丢了怎么办")
    assert [row[2] for row in rows[1:]] == [message["text"] for message in reply["messages"]]


def test_a_second_start_goes_on_and_sigterm_ends_every_process(serving: Serving, var: Path) -> None:
    again = start(var)
    try:
        assert again.ask("hello")["trace"]["degraded"] is False
        family = [again.process.pid, *(worker.pid for worker in again.workers())]
        again.process.terminate()
        assert again.process.wait(30) == 0
        wait_until(lambda: not any(psutil.pid_exists(pid) for pid in family), 10)
        assert not (var / "run.json").exists()
    finally:
        if again.process.poll() is None:
            again.process.kill()
