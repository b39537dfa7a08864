"""`python -m bot.nlu.serve --port N --model PATH`: the sealed room as the app starts it.

Rasa's own server with everything around it shut: 127.0.0.1 only, token on its API, no CORS, no telemetry, no text in
the log, no TensorFlow, one thread a library, and no life after the parent's.
"""

from __future__ import annotations

import os

# Before numpy is imported by anything: two processes with OpenMP's default fell from 43.8 messages/s to 6.0.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")
os.environ["RASA_TELEMETRY_ENABLED"] = "false"
os.environ["SANIC_WORKERS"] = "1"
os.environ.setdefault("MPLBACKEND", "Agg")

import argparse  # noqa: E402
import logging  # noqa: E402
import signal  # noqa: E402
import sys  # noqa: E402
import threading  # noqa: E402
import time  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from bot.nlu import log_filter, stand_ins  # noqa: E402

logger = logging.getLogger("bot.nlu.serve")

HOST = "127.0.0.1"
ROOT = Path(__file__).resolve().parents[2]
# Seconds between two looks at the parent. Polling, not PR_SET_PDEATHSIG: that one also fires when merely the thread
# that started this process ends.
PARENT_POLL = 1.0
REQUIRED = ("LINLI_SECRET", "LINLI_ACTION_URL", "LINLI_TRACKER")


def main(arguments: list[str] | None = None) -> int:
    """Serve until stopped; 2 when the environment is incomplete."""
    options = _options(arguments)
    missing = [name for name in REQUIRED if not os.environ.get(name)]
    if missing:
        print(f"bot.nlu.serve: set {', '.join(missing)}", file=sys.stderr)
        return 2
    _watch_parent(os.getppid())
    _serve(options)
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bot.nlu.serve", description="Serve a trained model to the app.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--model", required=True, help="an archive, or a folder whose newest archive is taken")
    parser.add_argument("--endpoints", default=str(ROOT / "endpoints.yml"))
    parser.add_argument("--credentials", default=str(ROOT / "credentials.yml"))
    return parser.parse_args(arguments)


def _serve(options: argparse.Namespace) -> None:
    stand_ins.install()
    log_filter.install()
    import rasa.core.run
    from rasa.core.utils import AvailableEndpoints

    from bot.nlu import rasa_changes
    from bot.nlu.action_site import ActionSite

    rasa_changes.install()
    _close_rasas_doors(rasa.core.run)
    endpoints = AvailableEndpoints.read_endpoints(options.endpoints)
    endpoints.action = ActionSite.like(endpoints.action)
    rasa.core.run.serve_application(
        model_path=str(Path(options.model).resolve()),
        interface=HOST,
        port=options.port,
        credentials=options.credentials,
        endpoints=endpoints,
        auth_token=os.environ["LINLI_SECRET"],
        enable_api=True,
        cors=None,
    )


def _close_rasas_doors(run: Any) -> None:
    """Sanic configures logging when the app is made, Rasa when it loads: ours is put back after both."""
    make, load = run.configure_app, run.load_agent_on_start

    def make_and_seal(*arguments: Any, **options: Any) -> Any:
        app = make(*arguments, **options)
        app.config.ACCESS_LOG = False  # one line a request, with its query and so the token
        log_filter.install()
        return app

    async def load_and_seal(*arguments: Any) -> Any:
        logger.info(log_filter.LogEvent.STARTING)
        agent = await load(*arguments)
        log_filter.install()
        if not agent.is_ready():
            logger.error(log_filter.LogEvent.NO_MODEL)
        from bot.nlu import tokenizer  # brings Rasa with it, which must find the stand-ins installed

        # The encoder is not loaded here: in service the app sends the vectors, and 170 MB stay free.
        threading.Thread(target=tokenizer.warm, name="warm-tokenizer", daemon=True).start()
        return agent

    run.configure_app, run.load_agent_on_start = make_and_seal, load_and_seal


def _watch_parent(parent: int) -> None:
    threading.Thread(target=_leave_with, args=(parent,), name="parent-watch", daemon=True).start()


def _leave_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(PARENT_POLL)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
