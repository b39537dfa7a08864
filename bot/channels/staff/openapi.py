"""The staff interface's part of the OpenAPI document, from the same table as its routes."""

from __future__ import annotations

import re
from typing import Any

from bot.channels.staff.admin import ADMIN_ROUTES
from bot.channels.staff.bookings import BOOKING_ROUTES
from bot.channels.staff.routes import ROUTES, Fields, Route

Schema = dict[str, Any]
_TYPES = {str: "string", bool: "boolean", dict: "object", int: "integer", list: "array"}
_IN_PATH = re.compile(r"\{(\w+)\}")
_ERRORS = {
    400: "a field is wrong",
    401: "no token, or a wrong one",
    403: "the member may not do this",
    404: "there is no such thing, or it is not for this member",
    409: "it is not in the state for this: somebody else was first, or it is not one's own",
    429: "too many failed tries; see Retry-After",
    503: "the database is not available",
}
_JSON = "application/json"


def paths() -> dict[str, Any]:
    """By path and method; errors refer to #/components/schemas/Error."""
    found: dict[str, Any] = {}
    for route in (*ROUTES, *ADMIN_ROUTES, *BOOKING_ROUTES):
        found.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    found["/api/staff/events"] = {"get": _events()}
    return found


def _operation(route: Route) -> Schema:
    statuses = sorted({*route.errors, 401, 403, 429, 503})
    operation: Schema = {
        "summary": route.summary,
        "description": f"Authorization: Bearer, a staff member's token; permission `{route.permission}`.",
        "parameters": [
            *(_parameter(name, "path") for name in _IN_PATH.findall(route.path)),
            *(_parameter(name, "query") for name in route.query),
        ],
        "responses": {
            "200": {"description": "done", "content": {route.gives: {"schema": _given(route)}}},
            **{str(status): _error(status) for status in statuses},
        },
    }
    if route.body is not None:
        operation["requestBody"] = {"required": True, "content": {_JSON: {"schema": _object(route.body)}}}
    return operation


def _given(route: Route) -> Schema:
    # OpenAPI 3.1: a body of bytes has no schema of JSON's types.
    return {"type": "object"} if route.gives == _JSON else {}


def _parameter(name: str, place: str) -> Schema:
    return {"name": name, "in": place, "required": place == "path", "schema": {"type": "string"}}


def _events() -> Schema:
    return {
        "summary": "A WebSocket: changes of the queue, and messages of one's own conversations.",
        "description": 'The first frame is {"type": "hello", "token": …}. Close codes: 4401, 4403, 4408, 4429, 1012.',
        "responses": {"101": {"description": "a WebSocket"}},
    }


def _object(fields: Fields) -> Schema:
    return {
        "type": "object",
        "properties": {name.rstrip("?"): {"type": _TYPES[wanted]} for name, wanted in fields.items()},
        "required": [name for name in fields if not name.endswith("?")],
    }


def _error(status: int) -> Schema:
    described: Schema = {
        "description": _ERRORS[status],
        "content": {_JSON: {"schema": {"$ref": "#/components/schemas/Error"}}},
    }
    if status in (429, 503):
        described["headers"] = {"Retry-After": {"schema": {"type": "integer"}}}
    return described
