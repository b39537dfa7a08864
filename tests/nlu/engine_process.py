"""The engine as the app starts it: a trained (small) model, `bot.nlu.serve` in its own process, HTTP."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
SECRET = "test-secret"

SMALL = {
    "greet": "hello|hi there|good morning|hey|你好|早上好|您好|bonjour|salut|hola",
    "bye": "goodbye|bye bye|see you|see you later|再见|拜拜|au revoir|adiós|tschüss|tot ziens",
    "ask_immigration": "how do I extend my visa|my residence permit expires|register my address with the police"
    "|签证怎么延期|居留许可怎么办|comment prolonger mon visa|cómo renuevo mi visado|I lost my passport|护照丢了怎么办",
    "ask_medical": "how do I see a doctor|which hospital treats children|where can I get a vaccine|怎么看病"
    "|哪里可以打疫苗|comment voir un médecin|does the hospital take my insurance|医院收费多少|pharmacy open at night",
    "book_appointment": "book a dentist for me|I want an appointment with a doctor|make an appointment tomorrow"
    "|帮我挂号|我要预约牙医|prendre rendez-vous chez le dentiste|quiero una cita con el médico|schedule a visit",
}


def train(folder: Path) -> Path:
    """A model of five intents, by Rasa's own command; about half a minute."""
    pipeline = yaml.safe_load((ROOT / "config.yml").read_text("utf-8"))
    for part in pipeline["pipeline"]:
        if part["name"].endswith("SentenceFeatures"):
            part["cache"] = None
    pipeline["pipeline"].insert(2, {"name": "tests.nlu.failing.FailsOnTrigger"})
    (folder / "config.yml").write_text(yaml.safe_dump(pipeline, sort_keys=False), "utf-8")
    examples = [{"intent": name, "examples": _bullets(texts)} for name, texts in SMALL.items()]
    (folder / "nlu.yml").write_text(yaml.safe_dump({"version": "3.1", "nlu": examples}, allow_unicode=True), "utf-8")
    data = [str(folder / "nlu.yml"), "data/nlu/entities", "data/rules.yml"]
    command = ["train", "--config", str(folder / "config.yml"), "--out", str(folder), "--fixed-model-name", "small"]
    environment = {**os.environ, "RASA_CACHE_DIRECTORY": str(folder / "cache"), **_quiet()}
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "rasa", *command, "--data", *data],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=500, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-3000:]
    return folder / "small.tar.gz"


def _bullets(texts: str) -> str:
    return "".join(f"- {text}\n" for text in texts.split("|"))


def _quiet() -> dict[str, str]:
    return {"RASA_TELEMETRY_ENABLED": "false", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Engine:
    """A running engine; `log` is everything it printed."""

    model: Path
    folder: Path
    action_url: str
    port: int = field(default_factory=free_port)
    process: Any = None

    @property
    def log(self) -> str:
        """Standard output and error together."""
        return (self.folder / "engine.log").read_text("utf-8")

    @property
    def trackers(self) -> Path:
        """The tracker database."""
        return self.folder / "trackers.db"

    def command(self) -> list[str]:
        """How the app starts it."""
        return [sys.executable, "-m", "bot.nlu.serve", "--port", str(self.port), "--model", str(self.model)]

    def environment(self) -> dict[str, str]:
        """What the app sets for it."""
        ours = {"LINLI_SECRET": SECRET, "LINLI_ACTION_URL": self.action_url, "LINLI_TRACKER": str(self.trackers)}
        return {**os.environ, **_quiet(), **ours}

    def start(self) -> Engine:
        """Start, and wait until the model is loaded."""
        with (self.folder / "engine.log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command(), cwd=ROOT, env=self.environment(), stdout=log, stderr=subprocess.STDOUT
            )
        self.wait()
        return self

    def wait(self, seconds: float = 90) -> None:
        """Until `health` says ready."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self.alive() and self.get("health")[0] == 200:
                return
            time.sleep(0.2)
        raise AssertionError("the engine did not start:\n" + self.log[-3000:])

    def alive(self) -> bool:
        """Whether its port answers."""
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> None:
        """End it."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=30)

    def say(self, text: str, sender: str, id: str, **more: Any) -> tuple[int, Any]:
        """One message; status and body."""
        return self.call("POST", "messages", {"sender": sender, "id": id, "text": text, **more})

    def get(self, path: str, secret: str = SECRET) -> tuple[int, Any]:
        """GET a route of the channel."""
        return self.call("GET", path, secret=secret)

    def call(self, method: str, path: str, body: Any = None, secret: str = SECRET) -> tuple[int, Any]:
        """Any request to the channel."""
        return self.raw(method, f"/webhooks/linli/{path}", body, {"X-Linli-Secret": secret})

    def raw(self, method: str, path: str, body: Any, headers: dict[str, str]) -> tuple[int, Any]:
        """Any request to the server."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", **headers}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null")
