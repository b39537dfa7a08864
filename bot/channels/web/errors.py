"""Every error, translated once: one JSON shape, no traceback, nothing of the request in it or in the log."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from aiohttp import HttpVersion11, web
from aiohttp.web_protocol import RequestPayloadError

from bot.errors import Code, RequestError, StorageError

log = logging.getLogger("linli.web")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_BY_STATUS = {
    403: (Code.FORBIDDEN, "not allowed"),
    404: (Code.NOT_FOUND, "there is nothing here"),
    405: (Code.METHOD_NOT_ALLOWED, "this address does not take that method"),
    413: (Code.BODY_TOO_LARGE, "the body is too large"),
    415: (Code.UNSUPPORTED_TYPE, "send application/json"),
}


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except RequestError as error:
        return _response(error)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return _translated(error)
    except RequestPayloadError:
        return _response(RequestError(Code.BAD_REQUEST, "the body is not what its headers say"))
    except StorageError as error:
        log.error("storage_failed reason=%s", error)
        return _response(RequestError(Code.UNAVAILABLE, "the database is not available", 503, retry_after_seconds=5))
    except Exception as error:  # noqa: BLE001 - the edge: whatever it is, the client gets JSON and the log only a type
        log.error("unhandled type=%s at=%s", type(error).__name__, _where(error))
        return _response(RequestError(Code.INTERNAL, "something went wrong on our side", 500))


async def expectation(request: web.Request) -> web.StreamResponse | None:
    """A route's `expect_handler`: aiohttp's own refuses an unknown Expect before any middleware, so not in JSON."""
    if request.version < HttpVersion11:
        return None
    if request.headers["Expect"].lower() != "100-continue":
        return _translated(web.HTTPExpectationFailed())
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0  # the response itself has not begun
    return None


def _translated(error: web.HTTPException) -> web.Response:
    code, message = _BY_STATUS.get(error.status, (Code.BAD_REQUEST, "bad request"))
    response = _response(RequestError(code, message, error.status))
    if "Allow" in error.headers:  # a 405 must say which methods are taken (RFC 9110)
        response.headers["Allow"] = error.headers["Allow"]
    return response


def _response(error: RequestError) -> web.Response:
    headers = {} if error.retry_after_seconds is None else {"Retry-After": str(error.retry_after_seconds)}
    return web.json_response(error.to_json(), status=error.status, headers=headers)


def _where(error: BaseException) -> str:
    """File and line of the innermost frame: enough to find the fault, without any value."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}" if trace else "?"
