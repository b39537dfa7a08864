"""Bringing to people on WeChat what was said in their conversations: one after the other, within what is allowed."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from bot.bus import RESYNC, Bus, conversation_topic
from bot.channels.wechat import form, outbox, people
from bot.channels.wechat.account import Account
from bot.channels.wechat.api import WechatApi
from bot.channels.wechat.api_errors import ApiRefused, ApiUnknown, ApiUnreachable
from bot.channels.wechat.codes import Reaction
from bot.channels.wechat.outbox import Offer, Refund, SendState, Taken
from bot.channels.wechat.packing import Message as Packed
from bot.channels.wechat.reach import attended
from bot.channels.wechat.shaping import Shaper
from bot.db.engine import transaction
from bot.errors import StorageError
from bot.locales import Locales

log = logging.getLogger("linli.wechat")

# Listened to at once; who is forgotten here is found by the sweeper within seconds.
_MOST_HEARD = 20_000
_AT_ONCE = 8
_PAUSE_SECONDS = 60.0
# Refused, but not for ever: the same message may be sent later.
_LATER = frozenset({Reaction.RETRY, Reaction.RENEW, Reaction.TOO_FAST, Reaction.QUOTA_DAY})
_NEVER_AGAIN = frozenset({Reaction.UNFOLLOWED, Reaction.BLOCKED})


@dataclass
class Delivery:
    """`api` is null for an account that can answer in responses only."""

    database: AsyncEngine
    account: Account
    api: WechatApi | None
    bus: Bus
    locales: Locales
    holder: str
    clock: Callable[[], datetime]
    # Called when something of a person's, or an answer, cannot be sent before the resident writes again.
    held: Callable[[uuid.UUID], None] = lambda identity: None
    _heard: OrderedDict[uuid.UUID, Callable[[], None]] = field(default_factory=OrderedDict)
    _holding: Counter[uuid.UUID] = field(default_factory=Counter)
    _running: set[uuid.UUID] = field(default_factory=set)
    _again: set[uuid.UUID] = field(default_factory=set)
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))
    _menus_refused: bool = False
    _paused_until: float = 0.0

    def hear(self, conversation_id: uuid.UUID, identity_id: uuid.UUID) -> None:
        """From now on what is written in this conversation is brought to this person at once."""
        if conversation_id in self._heard:
            self._heard.move_to_end(conversation_id)
            return

        def told(data: dict[str, Any]) -> None:
            self._told(identity_id, data)

        self._heard[conversation_id] = self.bus.subscribe(conversation_topic(conversation_id), told)
        if len(self._heard) > _MOST_HEARD:
            self._heard.popitem(last=False)[1]()

    def forget(self, conversation_id: uuid.UUID) -> None:
        leave = self._heard.pop(conversation_id, None)
        if leave is not None:
            leave()

    @asynccontextmanager
    async def holding(self, identity_id: uuid.UUID) -> AsyncIterator[None]:
        """While a response is open, what is said waits for it; afterwards the rest goes on its way."""
        self._holding[identity_id] += 1
        try:
            yield
        finally:
            self._holding[identity_id] -= 1
            if not self._holding[identity_id]:
                del self._holding[identity_id]
                self.wake(identity_id)

    def wake(self, identity_id: uuid.UUID) -> None:
        """There may be something to send."""
        if self.api is None or self._holding.get(identity_id):
            return
        if identity_id in self._running:
            self._again.add(identity_id)
            return
        self._running.add(identity_id)
        self._begin(self._run(identity_id))

    async def offer(self, identity_id: uuid.UUID, push_key: str) -> Offer | None:
        """What goes into the response to a push; the same again when the push comes again."""
        return await outbox.offer(
            self.database,
            identity_id,
            push_key,
            self.shaper,
            self.passive,
            self.holder,
            self.clock(),
            patient=self.api is not None,
        )

    async def given(self, offer: Offer) -> None:
        """The response with it has left: what comes after it may go on its way."""
        await outbox.given(self.database, offer.id)
        self.wake(offer.person)

    @property
    def shaper(self) -> Shaper:
        return Shaper(self.locales)

    def passive(self, message: Packed) -> str:
        """As the text of a response, which can carry no mark that a machine made it."""
        # Where messages can be sent, the rest follows by itself.
        text = form.as_text(message, self.locales, more=message.more and self.api is None)
        return form.ai_label(text, message.language, self.locales) if message.machine else text

    def typing(self, identity_id: uuid.UUID) -> None:
        if self.api is not None and not self._paused():
            self._begin(self._type(identity_id))

    async def finish(self, seconds: float) -> None:
        """Wait for what is under way; what is cut off is known as what may have arrived."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)

    def resync_with(self, look: Callable[[], None]) -> Callable[[], None]:
        """Signals may have been lost: `look` finds what they told of."""
        return self.bus.subscribe(RESYNC, lambda _data: look())

    def _told(self, identity_id: uuid.UUID, data: dict[str, Any]) -> None:
        if data.get("event") == "messages":
            self.wake(identity_id)
        elif data.get("event") == "typing" and data.get("who") == "person" and data.get("on"):
            self.typing(identity_id)

    def _begin(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, identity_id: uuid.UUID) -> None:
        try:
            async with self._slots:
                await self._deliver(identity_id)
            await self.tell(identity_id)
        except StorageError as error:
            log.warning("wechat_delivery_failed reason=%s", error)
        except Exception as error:  # noqa: BLE001 - nobody waits for this task; the sweeper takes it up again
            log.error("wechat_delivery_failed type=%s", type(error).__name__)
        finally:
            self._running.discard(identity_id)
            if identity_id in self._again:
                self._again.discard(identity_id)
                self.wake(identity_id)

    async def tell(self, identity_id: uuid.UUID) -> None:
        """Whoever answers him sees what is left, and what arrived."""
        conversation_id = await attended(self.database, identity_id)
        if conversation_id is not None:
            await self.bus.publish(conversation_topic(conversation_id), {"event": "reach"})

    async def _deliver(self, identity_id: uuid.UUID) -> None:
        while not self._paused() and not self._holding.get(identity_id):
            taken = await outbox.take(self.database, identity_id, self.shaper, self.holder, self.clock())
            if taken is None:
                self.held(identity_id)
                return
            if not await self._sent(taken):
                return

    async def _sent(self, taken: Taken) -> bool:
        """Whether to go on with the next one."""
        try:
            await self._send(taken)
        except ApiUnreachable:
            self._pause(5.0)
            await self._back(taken, Refund.GIVEN, "unreachable")
            return False
        except ApiUnknown:
            log.warning("wechat_send_unknown")
            await outbox.ended(self.database, taken.id, SendState.UNKNOWN, "unknown")
            return True
        except ApiRefused as refused:
            return await self._refused(taken, refused)
        await outbox.ended(self.database, taken.id, SendState.SENT)
        return True

    async def _send(self, taken: Taken) -> None:
        assert self.api is not None
        message = taken.message
        menu = self.account.kind.menu_messages and not self._menus_refused and form.fits_menu(message)
        if menu and await self._sent_as_menu(taken):
            return
        text = form.as_text(message, self.locales, more=message.more)
        await self.api.send_text(taken.openid, text, machine=message.machine)

    async def _sent_as_menu(self, taken: Taken) -> bool:
        """False when the account may not: from then on options are numbered text."""
        assert self.api is not None
        items = [(str(option.id), option.title) for option in taken.message.options]
        try:
            await self.api.send_menu(taken.openid, taken.message.text, items, "", machine=taken.message.machine)
        except ApiRefused as refused:
            if refused.reaction is not Reaction.FALLBACK_TEXT:
                raise
            log.info("wechat_menus_refused code=%d", refused.code)
            self._menus_refused = True
        return not self._menus_refused

    async def _refused(self, taken: Taken, refused: ApiRefused) -> bool:
        reason, reaction = refused.name, refused.reaction
        log.warning("wechat_send_refused code=%d name=%s rid=%s", refused.code, reason, refused.rid)
        if reaction in (Reaction.COUNT_EXCEEDED, Reaction.WINDOW_CLOSED):
            await self._back(taken, Refund.ALL_GONE, reason, refused.rid)
            self.held(taken.person.id)
            return False
        if reaction in _LATER:
            self._pause(_PAUSE_SECONDS)
            await self._back(taken, Refund.GIVEN, reason, refused.rid)
            return False
        await outbox.ended(self.database, taken.id, SendState.FAILED, reason[:40], refused.rid)
        if reaction in _NEVER_AGAIN:
            async with transaction(self.database) as connection:
                await people.change(connection, taken.person.id, reachable=False)
            return False
        return True

    async def _back(self, taken: Taken, refund: Refund, reason: str, rid: str | None = None) -> None:
        await outbox.put_back(self.database, taken, refund, self.clock(), reason[:40], rid)

    async def _type(self, identity_id: uuid.UUID) -> None:
        assert self.api is not None
        async with transaction(self.database) as connection:
            person = await people.by_id(connection, identity_id)
        if person is not None and person.reachable:
            await self.api.typing(person.openid, True)

    def _pause(self, seconds: float) -> None:
        """The platform cannot be reached, or wants fewer calls: nobody calls for a while."""
        self._paused_until = max(self._paused_until, asyncio.get_running_loop().time() + seconds)

    def _paused(self) -> bool:
        return asyncio.get_running_loop().time() < self._paused_until
