"""A small real action server: answers every action with one `custom` reply and remembers the calls it got."""

from __future__ import annotations

import argparse
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Calls:
    """What the engine has sent, and what to do next."""

    bodies: list[dict[str, Any]] = field(default_factory=list)
    queries: list[str] = field(default_factory=list)
    status: int = 200
    silent: bool = False


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    calls: Calls

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.calls.bodies.append(body)
        self.calls.queries.append(self.path)
        self._answer(self.calls.status, _reply(body, self.calls.silent))

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


def _reply(body: dict[str, Any], silent: bool) -> dict[str, Any]:
    latest = body["tracker"]["latest_message"]
    custom = {"key": body["next_action"], "message": (latest.get("metadata") or {}).get("id")}
    return {"events": [], "responses": [] if silent else [{"custom": custom}]}


class FakeActions:
    """`with FakeActions() as actions: actions.url, actions.calls`."""

    def __init__(self, port: int = 0) -> None:
        self.calls = Calls()
        handler = type("Handler", (_Handler,), {"calls": self.calls})
        self._server = ThreadingHTTPServer(("127.0.0.1", port), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/webhook"

    def __enter__(self) -> FakeActions:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def main() -> None:
    """Stand alone, for `rasa shell` without the app."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=5055)
    with FakeActions(parser.parse_args().port) as actions:
        print(actions.url)
        threading.Event().wait()


if __name__ == "__main__":
    main()
