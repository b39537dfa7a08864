"""The platform waits five seconds for a response: what is ready goes into it, the rest is sent afterwards.

An account without the sending interface has nothing but responses: there the first two tries of a push are left without
one while the answer is worked out, since the platform then asks again.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from bot.bus import conversation_topic
from bot.channels.wechat import pushes
from bot.channels.wechat.delivery import Delivery
from bot.channels.wechat.gate import Opened
from bot.channels.wechat.inbound import Receiver, Reception
from bot.channels.wechat.outbox import Offer
from bot.conversations.service import ConversationService
from bot.conversations.store import Incoming
from bot.languages import DEFAULT

# At what point the platform gives a push up, and how often it brings it, the last time included.
_HOLD_SECONDS = 4.5
_GIVEN_UP_SECONDS = 5.0
_LAST_ATTEMPT = 3
_TYPING_AFTER_SECONDS = 1.0
# Under load a response at once is worth more than one with the answer in it.
_BUSY = 40
# Where the platform shows what is in the response.
_SHOWN = (
    pushes.Text,
    pushes.Image,
    pushes.Voice,
    pushes.Video,
    pushes.Location,
    pushes.Link,
    pushes.Unsupported,
    pushes.Followed,
    pushes.Scanned,
    pushes.Clicked,
)


@dataclass(frozen=True)
class Reply:
    """`text` null: nothing is shown. `offer`: what is given with it."""

    text: str | None = None
    offer: Offer | None = None


@dataclass
class Answering:
    service: ConversationService
    receiver: Receiver
    delivery: Delivery
    passive_seconds: float
    _open: int = 0
    _work: dict[uuid.UUID, asyncio.Task[object]] = field(default_factory=dict)

    @property
    def clock(self) -> Callable[[], datetime]:
        return self.service.clock

    async def answer(self, opened: Opened, arrived: float, *, too_many: bool) -> Reply | None:
        """What to respond; None when there is to be no response. `arrived`: the loop's time. StorageError."""
        # A push that was taken in before is no new one: its answer may have been lost on the way to the platform.
        if too_many and isinstance(opened.push, _SHOWN) and not await self.receiver.knows(opened):
            return Reply(self.service.locales.text(DEFAULT, "wechat_too_fast"))
        self._open += 1
        try:
            return await self._answered(opened, arrived)
        finally:
            self._open -= 1

    async def given(self, offer: Offer) -> None:
        """The response with it has left."""
        await self.delivery.given(offer)

    async def _answered(self, opened: Opened, arrived: float) -> Reply | None:
        reception = await self.receiver.receive(opened)
        if reception.person is None:
            return Reply()
        if reception.incoming is not None:
            self.delivery.hear(reception.incoming.thread.id, reception.person)
            self._begin(reception.incoming)
        if not _shows(opened):
            self.delivery.wake(reception.person)
            return Reply()
        async with self.delivery.holding(reception.person):
            return await self._held(opened, reception, arrived)

    async def _held(self, opened: Opened, reception: Reception, arrived: float) -> Reply | None:
        assert reception.person is not None
        sends = self.delivery.api is not None
        seconds = self.passive_seconds if sends else _HOLD_SECONDS
        if sends and self._open > _BUSY and reception.attempts == 1:
            return Reply()
        await self._ready(reception, arrived + seconds)
        if too_late(arrived):
            # What nobody reads any more is kept for the next try, or sent afterwards.
            return Reply() if sends else None
        offer = await self.delivery.offer(reception.person, opened.push.key)
        if offer is not None:
            return Reply(offer.body, offer)
        if sends or reception.incoming is None or reception.incoming.id not in self._work:
            return Reply()
        if reception.attempts < _LAST_ATTEMPT:
            return None
        language = reception.incoming.thread.language or DEFAULT
        return Reply(self.service.locales.text(language, "wechat_working"))

    def _begin(self, incoming: Incoming) -> None:
        """Answer it in the background, once in this process however often it comes."""
        if incoming.id in self._work or incoming.repeated:
            return
        task = self.service.start(incoming)
        if task is not None:
            self._work[incoming.id] = task
            task.add_done_callback(lambda _: self._work.pop(incoming.id, None))

    async def _ready(self, reception: Reception, until: float) -> None:
        """Wait until the answer is stored, or the time is up."""
        if reception.incoming is None:
            return
        task = self._work.get(reception.incoming.id)
        loop = asyncio.get_running_loop()
        if task is not None:
            await _waited(task, min(until, loop.time() + _TYPING_AFTER_SECONDS))
            if not task.done() and loop.time() < until and reception.person is not None:
                self.delivery.typing(reception.person)
                await _waited(task, until)
        elif reception.incoming.repeated and not await self.service.ended(reception.incoming.id):
            await self._signalled(reception.incoming.thread.id, reception.incoming.id, until)

    async def _signalled(self, conversation_id: uuid.UUID, message_id: uuid.UUID, until: float) -> None:
        """Another process is at work on it, or one that died was: it says so when it is done."""
        told = asyncio.Event()
        leave = self.service.bus.subscribe(conversation_topic(conversation_id), lambda _data: told.set())
        try:
            async with asyncio.timeout_at(until):
                while not await self.service.ended(message_id):
                    await told.wait()
                    told.clear()
        except TimeoutError:
            return
        finally:
            leave()


def too_late(arrived: float) -> bool:
    """Whether the platform has given this try up. `arrived`: the loop's time."""
    return asyncio.get_running_loop().time() > arrived + _GIVEN_UP_SECONDS


async def _waited(task: asyncio.Task[object], until: float) -> None:
    await asyncio.wait({task}, timeout=max(0.0, until - asyncio.get_running_loop().time()))


def _shows(opened: Opened) -> bool:
    waits = isinstance(opened.push, pushes.ScanResult) and opened.push.waits
    return waits or isinstance(opened.push, _SHOWN)
