"""What the routes find in their application, by typed keys, and whom a request comes from."""

from __future__ import annotations

from aiohttp import web

from bot.appointments.bookings import Bookings
from bot.channels.web.hub import Hub
from bot.channels.web.limits import RateLimiter, client_address
from bot.channels.web.visitor import Tokens
from bot.conversations.booking_voice import BookingVoice
from bot.conversations.service import ConversationService
from bot.settings import Settings

SERVICE: web.AppKey[ConversationService] = web.AppKey("service", ConversationService)
SETTINGS: web.AppKey[Settings] = web.AppKey("settings", Settings)
LIMITER: web.AppKey[RateLimiter] = web.AppKey("limiter", RateLimiter)
HUB: web.AppKey[Hub] = web.AppKey("hub", Hub)
TOKENS: web.AppKey[Tokens] = web.AppKey("tokens", Tokens)
BOOKING_VOICE: web.AppKey[BookingVoice] = web.AppKey("booking_voice", BookingVoice)
BOOKINGS: web.AppKey[Bookings] = web.AppKey("bookings", Bookings)
SECRET: web.AppKey[str] = web.AppKey("secret", str)


def address(request: web.Request) -> str:
    """Whom to count (bot/channels/web/limits.py)."""
    proxies = request.app[SETTINGS].trusted_proxies
    return client_address(request.remote, request.headers.get("X-Forwarded-For"), proxies)
