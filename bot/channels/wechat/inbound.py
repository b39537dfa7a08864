"""What a push asks of us: read it, store it once, and say for whom something may be waiting."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from bot.channels.wechat import intake, menus, outbox, people, places, pushes
from bot.channels.wechat.gate import Opened
from bot.channels.wechat.intake import Brought, Sign
from bot.channels.wechat.ledger import Trigger, granted
from bot.channels.wechat.meaning import Code, GoOn, Pressed, Reachable, Words, read
from bot.channels.wechat.people import CHANNEL, Person
from bot.channels.wechat.pushes import Push
from bot.channels.wechat.scenes import Communities, Scene
from bot.channels.wechat.shaping import stars, stars_of
from bot.channels.wechat.wishes import Wish, Wishes
from bot.conversations import store
from bot.conversations.feedback import Who, rate
from bot.conversations.plans import HANDOVER_ACTS, Act, Chosen
from bot.conversations.service import ConversationService, Said
from bot.db.engine import reading, transaction
from bot.errors import RequestError
from bot.knowledge.articles import Office
from bot.languages import DEFAULT, answer_language

log = logging.getLogger("linli.wechat")

_UNREADABLE: Mapping[type[Push], str] = {
    pushes.Image: "image",
    pushes.Video: "other",
    pushes.Link: "other",
    pushes.Unsupported: "other",
}


@dataclass(frozen=True)
class Reception:
    """`person`: for whom a response may be waiting; `incoming`: what is to be answered, when something is."""

    person: uuid.UUID | None = None
    incoming: store.Incoming | None = None
    attempts: int = 1


@dataclass(frozen=True)
class _Stored:
    """What a push is stored as."""

    said: Said
    brought: Brought


@dataclass(frozen=True)
class Receiver:
    """`forget` erases somebody; `noted` hears what the platform tells of notices that were sent."""

    service: ConversationService
    wishes: Wishes
    communities: Communities
    offices: Mapping[str, Office]
    language: str
    forget: Callable[[Person], Awaitable[None]]
    noted: Callable[[Push], Awaitable[None]]

    async def knows(self, opened: Opened) -> bool:
        """Whether this push has come before. StorageError."""
        async with reading(self.service.database) as connection:
            return await intake.knows(connection, opened.push.key)

    async def receive(self, opened: Opened) -> Reception:
        """StorageError when it cannot be kept: the platform will bring it again."""
        push, sign = opened.push, Sign(opened.push.key, opened.mark)
        async with reading(self.service.database) as connection:
            person = await people.by_openid(connection, push.sender)
        match push:
            case pushes.Unfollowed():
                return await self._unfollowed(person, sign)
            case pushes.TemplateDone() | pushes.OptIn() | pushes.SubscriptionSent():
                await self._count(sign)
                await self.noted(push)
                return Reception()
            case pushes.Ignored():
                return Reception()
            case pushes.Text():
                return await self._text(push, sign, person)
            case _:
                return await self._store(sign, push, self._other(push, person))

    async def _count(self, sign: Sign) -> int:
        async with transaction(self.service.database) as connection:
            return (await intake.counted(connection, sign, self.service.clock())).attempts

    async def _unfollowed(self, person: Person | None, sign: Sign) -> Reception:
        await self._count(sign)
        if person is not None:
            await self.forget(person)
            log.info("wechat_unfollowed")
        return Reception()

    async def _text(self, push: pushes.Text, sign: Sign, person: Person | None) -> Reception:
        trigger = Trigger.MENU if push.menu_id is not None else Trigger.MESSAGE
        meaning = read(push, person, self.wishes, held=await self._held(person))
        if isinstance(meaning, GoOn) and person is not None:
            return await self._go_on(push, sign, person)
        said, brought = Said(CHANNEL, text=push.content), Brought(granted(trigger, _instant(push)))
        match meaning:
            case Pressed():
                said = await self._pressed(said, meaning, person)
            case Wish():
                said = replace(said, chosen=Chosen(Act.SAID, _ANSWERED[meaning], push.content))
                brought = replace(brought, changes={"reminders": meaning is Wish.START})
            case Code() if not await self._asked_for(push, person):
                # What opens a conversation is not kept beside it.
                said = replace(said, text=None, chosen=Chosen(Act.SAID, "wechat_moved", "····-····-··"))
                brought = replace(brought, code=meaning.written)
            case Reachable() if person is not None:
                said, brought = await self._reachable(said, brought, meaning, person)
            case Words() if not push.content.strip():
                said = self._did(person, "other", Chosen(Act.UNREADABLE, "other"))
            case _:
                pass
        return await self._store(sign, push, _Stored(said, brought), person)

    async def _asked_for(self, push: pushes.Text, person: Person | None) -> bool:
        """Whether it is a number that a booking asks for, whatever else it looks like."""
        return person is not None and await self.service.concealed(person.conversation, push.content) is not None

    async def _held(self, person: Person | None) -> bool:
        if person is None:
            return False
        async with reading(self.service.database) as connection:
            return bool(await outbox.bubbles_waiting(connection, person.id))

    async def _go_on(self, push: pushes.Text, sign: Sign, person: Person) -> Reception:
        """Nothing new is asked: what waits may go on its way."""
        async with transaction(self.service.database) as connection:
            before = await intake.counted(connection, sign, self.service.clock())
            if before.attempts == 1:
                await people.renew(connection, person.id, granted(Trigger.MESSAGE, _instant(push)))
        return Reception(person.id, attempts=before.attempts)

    async def _pressed(self, said: Said, pressed: Pressed, person: Person | None) -> Said:
        """An option of this conversation; an old one that would act again is asked about again."""
        if person is None:
            return said
        given = stars(pressed.payload)
        if given is not None:
            await rate(self.service.database, person.conversation, Who.PERSON, given, None, self.service.clock())
            return replace(said, text=None, chosen=Chosen(Act.SAID, "wechat_rated", stars_of(pressed.payload)))
        try:
            chosen = await store.pressed(self.service.database, person.conversation, pressed.payload)
        except RequestError:
            return said
        if chosen.act in HANDOVER_ACTS and not pressed.current:
            return replace(said, text=None, chosen=Chosen(Act.PERSON, "", chosen.title))
        return replace(said, text=None, chosen=chosen)

    async def _reachable(self, said: Said, brought: Brought, given: Reachable, person: Person) -> tuple[Said, Brought]:
        """A phone number or an address that was asked for becomes a call-back; one that is refused stays a message."""
        language = person.language or DEFAULT
        try:
            receipt = await self.service.handover.request_call_back(
                person.conversation, given.contact, given.value, said.text, language, tell=False
            )
        except RequestError:
            return said, brought
        noted = Chosen(Act.NOTED, f"{receipt.reference} {receipt.promised.isoformat()}", said.text or "")
        return replace(said, text=None, chosen=noted), replace(brought, changes={"awaits_contact": False})

    def _other(self, push: Push, person: Person | None) -> _Stored:
        at = _instant(push)
        match push:
            case pushes.Voice():
                said = self._did(person, "voice", Chosen(Act.VOICE, push.media_id_16k or push.media_id))
            case pushes.Location():
                near = places.nearby(self.offices, push.latitude, push.longitude, push.label)
                keys = [key for key in near if key in self.service.desk.knowledge.offices]
                said = self._did(person, "location", Chosen(Act.NEARBY, ",".join(keys)))
            case pushes.Followed():
                return self._greeted(person, self.communities.read(push.scene or ""), "follow", Trigger.FOLLOW, at)
            case pushes.Scanned():
                return self._greeted(person, self.communities.read(push.scene), "scan", Trigger.SCAN, at)
            case pushes.Clicked():
                return _Stored(self._clicked(person, push.item), Brought(granted(Trigger.MENU, at)))
            case pushes.ScanResult():
                return _Stored(self._did(person, "scan", Chosen(Act.HELP, "")), Brought(granted(Trigger.MENU, at)))
            case _:
                kind = _UNREADABLE.get(type(push), "other")
                said = self._did(person, kind, Chosen(Act.UNREADABLE, kind))
        return _Stored(said, Brought(granted(Trigger.MESSAGE, at)))

    def _greeted(self, person: Person | None, scene: Scene, did: str, trigger: Trigger, at: datetime) -> _Stored:
        language = scene.language or (None if person is not None else self.language or None)
        lang = language or (person.language if person is not None else None) or DEFAULT
        community = self.communities.name(scene.community, lang) if scene.community is not None else ""
        said = replace(self._did(person, did, Chosen(Act.WELCOME, community), language), language=language)
        changes = {"community": scene.community} if scene.community is not None else {}
        return _Stored(said, Brought(granted(trigger, at), changes))

    def _clicked(self, person: Person | None, item: str) -> Said:
        act, value = menus.act_of(item) or (Act.HELP, "")
        lang = answer_language(person.language or DEFAULT) if person is not None else DEFAULT
        return Said(CHANNEL, chosen=Chosen(act, value, self._menu_title(act, value, lang)))

    def _menu_title(self, act: Act, value: str, lang: str) -> str:
        words = self.service.locales
        return words.text(lang, f"area_{value}") if act is Act.AREA else words.text(lang, f"wechat_menu_{act.value}")

    def _did(self, person: Person | None, did: str, chosen: Chosen, language: str | None = None) -> Said:
        """What stands in the conversation for something that has no words."""
        lang = answer_language(language or (person.language if person is not None else None) or DEFAULT)
        title = self.service.locales.text(lang, f"wechat_did_{did}")
        return Said(CHANNEL, chosen=replace(chosen, title=title))

    async def _store(self, sign: Sign, push: Push, stored: _Stored, person: Person | None = None) -> Reception:
        attempts = 1

        async def receive(arrival: store.Arrival, now: datetime) -> store.Incoming:
            nonlocal attempts
            received = await intake.receive(self.service.database, sign, push.sender, arrival, stored.brought, now)
            attempts = received.attempts
            if received.incoming is None:
                raise _Gone
            return received.incoming

        try:
            into = person.conversation if person is not None else None
            incoming = await self.service.accept(stored.said, receive, into)
        except _Gone:
            incoming = None
        async with reading(self.service.database) as connection:
            person = await people.by_openid(connection, push.sender)
        return Reception(person.id if person is not None else None, incoming, attempts)


class _Gone(Exception):  # noqa: N818 - never leaves this module
    """A push that came again and was stored as nothing: it asked for what waited, or what it said was erased."""


_ANSWERED = {Wish.STOP: "wechat_reminders_off", Wish.START: "wechat_reminders_on"}


def _instant(push: Push) -> datetime:
    return datetime.fromtimestamp(push.created, UTC)
