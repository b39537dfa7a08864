"""What this room may write: the name of an event, a level, a logger, a place in the code and an exception's type.

Rasa logs a resident's text and the locals of every frame at ERROR. So this is an allow-list: no message of anybody's
is formatted at all. Our own records name a `LogEvent`; structlog's give their event key; all others their place.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
import warnings
from datetime import datetime, timezone
from enum import Enum
from types import TracebackType
from typing import Any, Dict, List, Mapping, MutableMapping, TextIO

import structlog


class LogEvent(str, Enum):
    """Every event this room logs by itself."""

    STARTING = "engine.starting"
    STOPPING = "engine.parent_gone"
    NO_MODEL = "engine.no_model"
    TURN_FAILED = "engine.turn_failed"
    TRACKER_CORRUPT = "engine.tracker_corrupt"
    UNCAUGHT = "engine.uncaught"
    WARNING = "engine.warning"

    def __str__(self) -> str:
        return str(self.value)


_EVENT = "engine_event"
_ERROR = "engine_error"
# Rasa's structlog keys look like `processor.message.parse`. A sentence has spaces, a word has no dot.
_KEY = re.compile(r"[a-z_]+(\.[a-z_0-9]+)+")
_MAX_KEY = 60
_MAX_CAUSES = 4


def about(error: BaseException) -> Dict[str, str]:
    """`extra=` of a record about an error: the types it came from, and for errors of ours their code."""
    return {_ERROR: " from ".join(_named(cause) for cause in _causes(error))}


def _named(error: BaseException) -> str:
    code = getattr(error, "code", None) if type(error).__module__.startswith("bot.") else None
    return str(code or type_name(type(error)))


def _causes(error: BaseException) -> List[BaseException]:
    """The error and what raised it: Rasa wraps a component's exception in one of its own."""
    chain: List[BaseException] = [error]
    while len(chain) < _MAX_CAUSES and (chain[-1].__cause__ or chain[-1].__context__):
        chain.append(chain[-1].__cause__ or chain[-1].__context__)  # type: ignore[arg-type]
    return chain


def type_name(kind: type[BaseException]) -> str:
    """`ValueError`, `aiohttp.client_exceptions.ClientError`; never what the exception says."""
    module = "" if kind.__module__ == "builtins" else kind.__module__ + "."
    return module + kind.__qualname__


class NamesOnly(logging.Formatter):
    """A record as one JSON line of names."""

    def format(self, record: logging.LogRecord) -> str:
        """Neither `record.msg` of others nor `record.args` is ever read."""
        line = {
            "at": datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "event": _event(record),
        }
        error = getattr(record, _ERROR, None) or _exception(record)
        return json.dumps({**line, "error": error} if error else line)


def _event(record: logging.LogRecord) -> str:
    if isinstance(record.msg, LogEvent):
        return str(record.msg)
    return getattr(record, _EVENT, None) or f"{record.module}.{record.funcName}:{record.lineno}"


def _exception(record: logging.LogRecord) -> str | None:
    error = record.exc_info[1] if record.exc_info else None
    return about(error)[_ERROR] if error else None


def _structlog_names(logger: Any, method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """structlog's last processor: keyword arguments for the standard logger, without any of the event's values."""
    key = str(event.get("event", ""))
    named = key if len(key) <= _MAX_KEY and _KEY.fullmatch(key) else "unnamed"
    return {"msg": "structlog", "extra": {_EVENT: named, _ERROR: _structlog_error(event.get("exc_info"))}}


def _structlog_error(exc_info: Any) -> str | None:
    error = exc_info if isinstance(exc_info, BaseException) else sys.exc_info()[1] if exc_info else None
    return about(error)[_ERROR] if error else None


def install(stream: TextIO | None = None, level: int = logging.WARNING) -> None:
    """Make `NamesOnly` the only way out of this process. Call again after anything that configures logging."""
    logging.raiseExceptions = False  # a failing log call would print its arguments
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(NamesOnly())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in list(logging.Logger.manager.loggerDict):
        _hand_to_root(logging.getLogger(name))
    logging.getLogger("bot").setLevel(logging.INFO)
    _configure_structlog(level)
    _hook_the_rest()


def _hand_to_root(logger: logging.Logger) -> None:
    logger.handlers.clear()
    logger.propagate = True
    logger.setLevel(logging.NOTSET)


def _configure_structlog(level: int) -> None:
    processors: List[Any] = [structlog.stdlib.filter_by_level, structlog.dev.set_exc_info, _structlog_names]
    structlog.configure(
        processors=processors,
        context_class=dict,
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=False,  # a logger made before this call must pass here too
    )


def _hook_the_rest() -> None:
    """Uncaught exceptions and warnings are printed by Python itself, with their texts: name them instead."""
    sys.excepthook = _uncaught
    threading.excepthook = lambda args: _uncaught(args.exc_type, args.exc_value, args.exc_traceback)
    warnings.showwarning = _warned


def _uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    logging.getLogger(__name__).critical(LogEvent.UNCAUGHT, extra={_ERROR: type_name(kind)})


def _warned(message: Any, category: type[Warning], *place: Any, **more: Any) -> None:
    logging.getLogger(__name__).debug(LogEvent.WARNING, extra={_ERROR: type_name(category)})
