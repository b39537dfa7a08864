"""The log of a process that says everything it should not."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.nlu.engine_process import ROOT

MARKER = "zebra-crossing-secret"

PROGRAM = f"""
import asyncio, logging, threading, warnings
import structlog
early = structlog.get_logger()
from bot.nlu import log_filter
log_filter.install(level=logging.DEBUG)
text = {MARKER!r}
logging.getLogger("rasa.core").error("said %s", text)
logging.getLogger("rasa.core").error(f"said {{text}}", extra={{"engine_event": None}})
logging.getLogger("x").error("wrong arguments %d %d", text)
for logger in (early, structlog.get_logger()):
    logger.error("processor.message.parse", parse_data_text=text)
    logger.error(text)
try:
    secret_local = text
    raise ValueError(text)
except ValueError as error:
    logging.getLogger("rasa").exception("failed " + text)
    structlog.get_logger().exception("rest.message.received.failure", text=text)
    logging.getLogger("bot").error(log_filter.LogEvent.TURN_FAILED, extra=log_filter.about(error))
warnings.warn(text)
def fail():
    raise KeyError(text)
thread = threading.Thread(target=fail); thread.start(); thread.join()
async def forgotten():
    asyncio.get_running_loop().call_soon(fail)
    await asyncio.sleep(0.01)
asyncio.run(forgotten())
fail()
"""


@pytest.fixture(scope="module")
def output() -> str:
    run = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    return run.stdout + run.stderr


def test_no_text_comes_out(output: str) -> None:
    assert MARKER not in output
    assert "Traceback" not in output


def test_every_line_is_names_only(output: str) -> None:
    lines = [json.loads(line) for line in output.splitlines()]
    assert {key for line in lines for key in line} == {"at", "level", "logger", "event", "error"}
    assert {"processor.message.parse", "rest.message.received.failure", "unnamed", "engine.turn_failed"} <= {
        line["event"] for line in lines
    }


def test_exceptions_are_told_by_their_types(output: str) -> None:
    errors = {json.loads(line).get("error") for line in output.splitlines()}
    assert {"ValueError", "KeyError"} <= errors
