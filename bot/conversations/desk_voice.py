"""What the desk says into a conversation, and whom it tells: words in the resident's language, signals, the record."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.bus import DESK, Bus, conversation_topic
from bot.conversations import store
from bot.conversations.moments import spelled
from bot.conversations.store import Author, Owner
from bot.db.models import Conversation
from bot.errors import Code, RequestError
from bot.handoff import audit
from bot.handoff.hours import CITY_TIME
from bot.languages import DEFAULT, answer_language
from bot.locales import Locales
from bot.messages import Part


@dataclass(frozen=True)
class DeskVoice:
    """Signals are published after what they tell of is stored."""

    bus: Bus
    locales: Locales
    clock: Callable[[], datetime]

    def said(self, part: Part, language: str) -> str:
        assert part.key is not None
        lang = answer_language(language)
        today = self.clock().astimezone(CITY_TIME).date()
        return self.locales.text(lang, part.key, **spelled(part.params, self.locales, lang, today))

    async def language(self, connection: AsyncConnection, conversation_id: uuid.UUID) -> str:
        statement = select(Conversation.language).where(Conversation.id == conversation_id)
        return (await connection.execute(statement)).scalar_one_or_none() or DEFAULT

    async def tell(
        self, connection: AsyncConnection, conversation_id: uuid.UUID, part: Part, author: Author = Author.SYSTEM
    ) -> None:
        language = await self.language(connection, conversation_id)
        await self.event(connection, conversation_id, part, language, author)

    async def event(
        self,
        connection: AsyncConnection,
        conversation_id: uuid.UUID,
        part: Part,
        language: str,
        author: Author = Author.SYSTEM,
    ) -> None:
        await store.add(
            connection,
            conversation_id,
            author=author,
            kind=part.kind,
            lang=answer_language(language),
            text=self.said(part, language),
            # What it was made from, so that it can be shown in another language.
            content={"part": part.to_json()},
            now=self.clock(),
        )

    async def record(
        self, connection: AsyncConnection, actor: str, action: str, conversation_id: uuid.UUID, **detail: str
    ) -> None:
        subject = audit.conversation_subject(conversation_id)
        await audit.record(connection, actor, action, subject, self.clock(), **detail)

    async def publish(
        self, conversation_id: uuid.UUID, *, messages: bool = True, state: bool = True, desk: bool = True
    ) -> None:
        topic = conversation_topic(conversation_id)
        if messages:
            await self.bus.publish(topic, {"event": "messages"})
        if state:
            await self.bus.publish(topic, {"event": "state"})
        if desk:
            await self.bus.publish(DESK, {"event": "queue"})


async def owner_of(connection: AsyncConnection, conversation_id: uuid.UUID) -> Owner:
    statement = select(Conversation.owner).where(Conversation.id == conversation_id)
    owner = (await connection.execute(statement)).scalar_one_or_none()
    if owner is None:
        raise store.unknown_conversation()
    return Owner(owner)


async def not_yours(connection: AsyncConnection, conversation_id: uuid.UUID) -> RequestError:
    await owner_of(connection, conversation_id)
    return RequestError(Code.NOT_YOURS, "this conversation is not yours", 409)
