"""What operators do: see who waits, take one, answer, give back; and the call-backs."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.bus import DESK, conversation_topic
from bot.conversations import desk_plans, staff_view, store
from bot.conversations.desk_voice import DeskVoice, not_yours, owner_of
from bot.conversations.masking import storable
from bot.conversations.reach import Fit, Reach, Uncounted, fate_view, uncounted, with_fates, with_standings
from bot.conversations.store import Author, Owner
from bot.db.engine import reading, transaction
from bot.db.models import Message
from bot.errors import Code, RequestError
from bot.handoff import audit, staff
from bot.handoff import store as desk_store
from bot.handoff.hours import DeskRules
from bot.handoff.staff import StaffMember
from bot.handoff.store import CallState, State
from bot.messages import Kind, Part

TEXT_LIMIT = 4000
NOTE_LIMIT = 1000
_KEY_LIMIT = 60
# Residents choose keys too; the two kinds must not be taken for each other.
_STAFF_KEY = "p."


# As many of a conversation's latest messages are told of again when what became of them has changed.
_LATEST = 50


@dataclass
class Operators:
    """Each operation takes the member who does it; what he may do was checked at the door.

    `reach` is set by a channel on which the messages to a resident are counted.
    """

    database: AsyncEngine
    desk: DeskRules
    voice: DeskVoice
    reach: Reach = field(default_factory=Uncounted)

    async def waiting(self) -> list[dict[str, Any]]:
        """Who waits, longest first."""
        return await self._listed(Owner.WAITING, None)

    async def mine(self, member: StaffMember) -> list[dict[str, Any]]:
        return await self._listed(Owner.PERSON, member.id)

    async def with_others(self) -> list[dict[str, Any]]:
        """Everything that operators have."""
        return await self._listed(Owner.PERSON, None)

    async def with_bot(self) -> list[dict[str, Any]]:
        """The latest conversations that are the bot's."""
        return await self._listed(Owner.BOT, None)

    async def call_backs(self, state: CallState) -> list[dict[str, Any]]:
        async with transaction(self.database) as connection:
            return await staff_view.call_backs(connection, state)

    async def conversation(
        self,
        member: StaffMember,
        conversation_id: uuid.UUID,
        *,
        after: int = 0,
        as_written: bool = False,
        watch: bool = False,
        unmask: bool = False,
    ) -> dict[str, Any]:
        """A conversation with its messages after number `after`, masked unless `as_written`, which is put on record.

        Without `watch` only one that waits, is the member's or has an open call-back; without `unmask` only the
        member's own as written. RequestError 404 for another, 403 for reading what may be read masked only.
        """
        async with transaction(self.database) as connection:
            own = await staff_view.holds(connection, conversation_id, member.id)
            if not (own or watch or await staff_view.wants_staff(connection, conversation_id)):
                raise store.unknown_conversation()
            if as_written and not (own or unmask):
                raise RequestError(Code.FORBIDDEN, "only one's own conversations can be read as written", 403)
            found = await staff_view.conversation(connection, conversation_id, after, masked=not as_written)
            if found is None:
                raise store.unknown_conversation()
            if as_written:
                await self.voice.record(connection, member.name, "read_as_written", conversation_id)
        found["messages"] = await with_fates(self.reach, conversation_id, found["messages"])
        return (await with_standings(self.reach, [found]))[0]

    async def reached(self, conversation_id: uuid.UUID, channel: str, last: int) -> dict[str, Any] | None:
        """What may still be sent, and what became of the messages up to number `last`; None when nobody counts."""
        standing = (await self.reach.standings({conversation_id: channel})).get(conversation_id)
        if standing is None:
            return None
        fates = await self.reach.fates(conversation_id, range(max(1, last - _LATEST + 1), last + 1))
        deliveries = [{"seq": seq, **fate_view(fates[seq])} for seq in sorted(fates)]
        return {"reach": standing.to_json(), "deliveries": deliveries}

    async def fit(self, member: StaffMember, conversation_id: uuid.UUID, text: str) -> Fit:
        """What `answer` would send now; nothing is stored. Raises as that does."""
        text = _text(text)
        async with reading(self.database) as connection:
            if not await staff_view.holds(connection, conversation_id, member.id):
                raise await not_yours(connection, conversation_id)
        return await self.reach.fit(conversation_id, text) or uncounted(text)

    async def set_presence(self, member: StaffMember, *, on: bool) -> datetime | None:
        """At the desk for a while, which has to be said again before it is over; or not."""
        now = self.voice.clock()
        until = now + self.desk.presence if on else None
        async with transaction(self.database) as connection:
            changed = on != await staff.is_present(connection, member.id, now)
            await staff.set_present(connection, member.id, until)
            if changed:
                action = "presence_on" if on else "presence_off"
                await audit.record(connection, member.name, action, f"staff:{member.name}", now)
        if changed:
            await self.voice.bus.publish(DESK, {"event": "queue"})
        return until

    async def claim(self, member: StaffMember, conversation_id: uuid.UUID) -> None:
        """Take one who waits. RequestError 409 when somebody else was first, or it does not wait."""
        now = self.voice.clock()
        async with transaction(self.database) as connection:
            if await desk_store.claim(connection, conversation_id, member.id, now):
                await staff.set_present(connection, member.id, now + self.desk.presence)
                await self.voice.tell(
                    connection, conversation_id, desk_plans.event("event_joined", name=member.shown_name)
                )
                await self.voice.record(connection, member.name, "claimed", conversation_id)
            elif await self._claimed_before(connection, conversation_id, member):
                return
        await self.voice.publish(conversation_id)

    async def answer(self, member: StaffMember, conversation_id: uuid.UUID, text: str, key: str) -> int:
        """Store and send an operator's words; their number. The same key again is the same message.

        RequestError for no or too long text, and 409 when the conversation is not the operator's.
        """
        text = _text(text)
        if not 1 <= len(key) <= _KEY_LIMIT:
            raise RequestError(Code.BAD_FIELD, f"key has 1 to {_KEY_LIMIT} characters")
        own_key = _STAFF_KEY + key
        now = self.voice.clock()
        async with transaction(self.database) as connection:
            # First of all, so that a second try of the same message waits here for the first.
            if not await desk_store.holds(connection, conversation_id, member.id, now):
                raise await not_yours(connection, conversation_id)
            known = await _by_key(connection, conversation_id, own_key)
            if known is not None:
                return known
            await staff.set_present(connection, member.id, now + self.desk.presence)
            seq = await self._written(connection, member, conversation_id, text, own_key, now)
        await self.voice.publish(conversation_id, state=False, desk=False)
        return seq

    async def give_back(self, member: StaffMember, conversation_id: uuid.UUID) -> None:
        """To the bot, which goes on from here. RequestError 409 when the conversation is not the operator's."""
        await self._give_up(member, conversation_id, State.RETURNED, desk_plans.event("event_given_back"))

    async def close(self, member: StaffMember, conversation_id: uuid.UUID) -> None:
        """Done. RequestError 409 when the conversation is not the operator's."""
        await self._give_up(member, conversation_id, State.CLOSED, desk_plans.event("event_ended"))

    async def typing(self, member: StaffMember, conversation_id: uuid.UUID, *, on: bool) -> None:
        """RequestError 409 when the conversation is not the operator's."""
        async with transaction(self.database) as connection:
            if not await staff_view.holds(connection, conversation_id, member.id):
                raise await not_yours(connection, conversation_id)
        await self.voice.bus.publish(
            conversation_topic(conversation_id), {"event": "typing", "who": "person", "on": on}
        )

    async def finish_call_back(self, member: StaffMember, reference: str, state: CallState, note: str | None) -> None:
        """RequestError 404 for an unknown reference, 409 for one that was finished before."""
        now, reference = self.voice.clock(), desk_store.read_reference(reference)
        async with transaction(self.database) as connection:
            finished = await desk_store.finish_call_back(connection, reference, state, member.id, now)
            if finished is None:
                raise RequestError(Code.NOT_FOUND, "there is no such call-back", 404)
            if not finished:
                raise RequestError(Code.ALREADY_DONE, "this call-back has been finished before", 409)
            if note is not None:
                await staff_view.add_note(connection, reference, member.name, _text(note, NOTE_LIMIT))
            await audit.record(connection, member.name, f"call_back_{state.value}", f"call_back:{reference}", now)
        await self.voice.bus.publish(DESK, {"event": "queue"})

    async def _listed(self, owner: Owner, staff_id: uuid.UUID | None) -> list[dict[str, Any]]:
        async with transaction(self.database) as connection:
            found = await staff_view.conversations(connection, owner, staff_id)
        return await with_standings(self.reach, found)

    async def _claimed_before(
        self, connection: AsyncConnection, conversation_id: uuid.UUID, member: StaffMember
    ) -> bool:
        """True when the operator has it already; RequestError when it cannot be had."""
        if await staff_view.holds(connection, conversation_id, member.id):
            return True
        if await owner_of(connection, conversation_id) is Owner.PERSON:
            raise RequestError(Code.ALREADY_CLAIMED, "a colleague was first", 409)
        raise RequestError(Code.NOT_WAITING, "this conversation does not wait for a person", 409)

    async def _written(
        self,
        connection: AsyncConnection,
        member: StaffMember,
        conversation_id: uuid.UUID,
        text: str,
        key: str,
        now: datetime,
    ) -> int:
        return await store.add(
            connection,
            conversation_id,
            author=Author.PERSON,
            kind=Kind.TEXT,
            lang=await self.voice.language(connection, conversation_id),
            text=text,
            key=key,
            staff_id=member.id,
            now=now,
        )

    async def _give_up(self, member: StaffMember, conversation_id: uuid.UUID, state: State, part: Part) -> None:
        now = self.voice.clock()
        async with transaction(self.database) as connection:
            if not await desk_store.give_up(connection, conversation_id, member.id, state, now):
                raise await not_yours(connection, conversation_id)
            await self.voice.tell(connection, conversation_id, part)
            await self.voice.record(connection, member.name, state.value, conversation_id)
        await self.voice.publish(conversation_id)


def _text(text: str, longest: int = TEXT_LIMIT) -> str:
    text = storable(text).strip()
    if not text:
        raise RequestError(Code.EMPTY_TEXT, "text is empty")
    if len(text) > longest:
        raise RequestError(Code.TEXT_TOO_LONG, f"text is longer than {longest} characters")
    return text


async def _by_key(connection: AsyncConnection, conversation_id: uuid.UUID, key: str) -> int | None:
    statement = select(Message.seq).where(Message.conversation_id == conversation_id, Message.key == key)
    return (await connection.execute(statement)).scalar_one_or_none()
