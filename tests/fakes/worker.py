"""A worker process in miniature, started as the supervisor starts the sealed room: --port, --model.

Answers the health probe; ends with code 3 at once when the file `<model>.fail` exists; starts a child of its own when
`<model>.child` exists and writes the child's number there.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/webhooks/linli/health" else 404)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Quiet."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--model", type=Path, required=True)
    options = parser.parse_args()
    if options.model.with_suffix(".fail").exists():
        sys.exit(3)
    child = options.model.with_suffix(".child")
    if child.exists():
        started = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
        child.write_text(str(started.pid))
    ThreadingHTTPServer(("127.0.0.1", options.port), Handler).serve_forever()


if __name__ == "__main__":
    main()
