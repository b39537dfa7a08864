"""The interface of those who answer residents themselves: tokens, roles, the queue, the conversation."""

from __future__ import annotations

from aiohttp import web

from bot.channels.staff import admin, bookings
from bot.channels.staff.access import FAILED, HANDOVER, FailedTries, gate
from bot.channels.staff.events import SOCKETS, Sockets, close_all, live_events
from bot.channels.staff.routes import ROUTES
from bot.channels.web.errors import expectation
from bot.channels.web.keys import SERVICE


def add_routes(app: web.Application) -> None:
    """Everything below /api/staff. The desk is that of the conversations, unless the application has one already."""
    if HANDOVER not in app:
        app[HANDOVER] = app[SERVICE].handover
    app[FAILED] = FailedTries()
    app[SOCKETS] = Sockets()
    for route in ROUTES:
        app.router.add_route(
            route.method, route.path, gate(route.permission, route.handler), expect_handler=expectation
        )
    admin.add_routes(app)
    bookings.add_routes(app)
    app.router.add_get("/api/staff/events", live_events, expect_handler=expectation)
    app.on_shutdown.append(close_all)
