"""Booking a doctor in a conversation: the machine's turns carried out, kept with the reply, and said."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.appointments import asking, dates, links, machine
from bot.appointments.bookings import Bookings
from bot.appointments.commands import Command
from bot.appointments.draft import Chosen, Draft, Step, Wish
from bot.appointments.machine import Ask, Ending, Heard, Turn, World
from bot.appointments.provider import Held, ProviderError, SlotGone
from bot.appointments.seats import OFFER_PREFIX
from bot.appointments.store import Appointment, TooLate, mark_medical
from bot.conversations import plans, store
from bot.conversations.drafts import Drafts
from bot.conversations.plans import Act
from bot.conversations.store import Effect
from bot.db.engine import reading
from bot.db.models import Appointment as AppointmentRow
from bot.db.models import Consent, InterpreterWish, Message, Seat, WaitingEntry
from bot.errors import RequestError
from bot.handoff.hours import CITY_TIME
from bot.ids import new_id
from bot.messages import Choice, Kind, Outcome, Part, Plan

log = logging.getLogger("linli.booking")

HEALTH, PASS_ON = "health", "pass_on"
CONSENT_VERSION = "1"
_QUESTION_MARKS = ("?", "？", "؟")
_SEEN = 5


class Beside(Protocol):
    async def __call__(self, text: str, language: str, *, asks: bool) -> Plan | None: ...


@dataclass(frozen=True)
class Said:
    """A plan, and what happens in the transaction that stores it."""

    plan: Plan
    effect: Effect | None = None
    # The language it was understood in, where that is not the one that was made out.
    language: str | None = None


@dataclass
class BookingTalk:
    """`link_keys` sign the links to appointments; `public_url` is where residents reach us, empty when not known."""

    bookings: Bookings
    drafts: Drafts
    link_keys: Sequence[str]
    public_url: str
    clock: Callable[[], datetime]
    # An answer to a question that is one only beside a booking ("how much is it?"); None when there is none.
    answers_beside: Beside | None = None
    _verbs: dict[str, Callable[..., Awaitable[Said]]] = field(init=False)

    def __post_init__(self) -> None:
        self._verbs = {
            "book": self._book,
            "show": self._show,
            "one": self._one,
            "move": self._move,
            "cancel": self._cancel,
            "cancel_sure": self._cancel_sure,
            "keep": self._kept,
            "take": self._take,
            "leave": self._leave,
            "withdraw": self._withdraw,
            "withdraw_sure": self._withdraw_sure,
        }

    async def offered(self) -> bool:
        """Whether any hospital can be booked at all."""
        await self.bookings.refresh()
        return bool(self.bookings.departments())

    async def hear(self, incoming: store.Incoming, draft: Draft, language: str) -> Said | None:
        """What a message does to the booking under way; None when it is not for the booking."""
        spoken = _spoken(draft, incoming, language)
        heard = Heard(spoken, incoming.text, asks=_asks(incoming.text))
        said = await self._heard(incoming, draft, heard)
        return replace(said, language=spoken) if said is not None else None

    async def pressed(self, incoming: store.Incoming, value: str, language: str) -> Said:
        """A button of the booking's."""
        name, _, what = value.partition(":")
        if name in self._verbs:
            return await self._verbs[name](incoming, what, language)
        draft = await self.drafts.of(incoming.thread.id)
        if draft is None:
            return Said(_plan(Ask("booking_over", picks=("book:",))))
        heard = await self._heard(incoming, draft, Heard(language, pick=(name, what)))
        return heard or await self._asked_again(incoming, draft, language)

    async def wanted(
        self, incoming: store.Incoming, draft: Draft | None, act: plans.Appointment, language: str
    ) -> Said:
        """A wish about appointments, understood by the pipeline."""
        if act is plans.Appointment.BOOK:
            if draft is not None:
                return await self._asked_again(incoming, draft, language)
            return await self._book(incoming, "", language)
        if act is plans.Appointment.CANCEL and draft is not None:
            said = await self._heard(incoming, draft, Heard(language, command=Command.STOP))
            assert said is not None  # stopping is understood at every step
            return said
        return await self._show(incoming, "", language)

    async def after(
        self, incoming: store.Incoming, draft: Draft, plan: Plan, intent: str | None, language: str
    ) -> Said | None:
        """What is said besides, or instead, when something else was said while a booking is under way; else None."""
        if plan.outcome is Outcome.URGENT or plan.outcome is Outcome.HANDOFF:
            return None
        language = plan.language or language
        command = _BY_INTENT.get(intent or "")
        if command is not None:
            said = await self._heard(incoming, draft, Heard(language, command=command))
            if said is not None:
                return said
        if plan.outcome in _NOT_UNDERSTOOD and command is None and self.answers_beside is not None:
            plan = await self.answers_beside(incoming.text, language, asks=_asks(incoming.text)) or plan
        if plan.outcome in _NOT_UNDERSTOOD or command is not None:
            said = await self._heard(incoming, draft, Heard(language, incoming.text))
            return said or await self._carried_out(incoming, draft, machine.misunderstood(draft), language)
        world = await self._world(draft)
        resumed = (Ask("booking_resume"), asking.question(draft, world, language))
        return Said(replace(plan, parts=(*plan.parts, *(_part(ask) for ask in resumed))))

    async def reveal(self, incoming: store.Incoming) -> store.Incoming:
        """The message with what was concealed of it."""
        if incoming.sealed is None:
            return incoming
        return replace(incoming, text=self.drafts.reveal(incoming.sealed, incoming.thread.id) or incoming.text)

    # The dialogue.

    async def _book(self, incoming: store.Incoming, value: str, language: str) -> Said:
        draft = Draft.new(incoming.id)
        lines = (Ask("booking_demo"),) if self.bookings.demo else ()
        if value in self.bookings.departments():
            draft = replace(draft, department=value)
        return await self._carried_out(incoming, draft, Turn(draft, lines), language)

    async def _heard(self, incoming: store.Incoming, draft: Draft, heard: Heard) -> Said | None:
        turn = machine.hear(draft, heard, await self._world(draft))
        if turn is None:
            return None
        if turn.draft.consented and not draft.consented:
            turn = await self._opening_words(turn, heard.language)
        return await self._carried_out(incoming, draft, turn, heard.language)

    async def _opening_words(self, turn: Turn, language: str) -> Turn:
        """What the booking was asked for with is read for what the matter is, now that this is agreed to."""
        draft = turn.draft
        if draft.opened_with is None or draft.department is not None:
            return turn
        async with reading(self.bookings.database) as connection:
            statement = select(Message.text).where(Message.id == uuid.UUID(draft.opened_with))
            text = (await connection.execute(statement)).scalar_one_or_none() or ""
        world = await self._world(draft)
        read = machine.hear(draft, Heard(language, text), world) if text else None
        if read is None or read.draft == draft:
            return turn
        return replace(_with_day(read, text, language, world), lines=(*turn.lines, *read.lines))

    async def _carried_out(self, incoming: store.Incoming, before: Draft, turn: Turn, language: str) -> Said:
        """What a turn asks for done, and what then is said."""
        match turn.ending:
            case Ending.STOPPED:
                await self._let_go(before)
                return Said(_plan(*turn.lines), self._ends(incoming))
            case Ending.WAITS:
                return await self._waits(incoming, turn.draft, language)
            case Ending.CONFIRMED:
                return await self._confirmed(incoming, turn.draft, language)
        if before.chosen is not None and turn.draft.chosen is None:
            await self._let_go(before)
        turn = await self._holding(incoming, before, turn)
        world = await self._world(turn.draft)
        turn = machine.settled(turn, world)
        ask = turn.ask or asking.question(turn.draft, world, language)
        consents = _consents(before, turn.draft)
        return Said(_plan(*turn.lines, ask, step=turn.draft.step), self._keeps(incoming, turn.draft, consents))

    async def _holding(self, incoming: store.Incoming, before: Draft, turn: Turn) -> Turn:
        """The chosen time held; another question when it is gone."""
        draft = turn.draft
        if draft.chosen is None or draft.chosen == before.chosen:
            return turn
        try:
            await self._hold(incoming.thread.id, draft)
        except SlotGone:
            gone = machine.slot_gone(draft)
            return replace(gone, lines=(*turn.lines, *gone.lines))
        except ProviderError as error:
            log.warning("hold_failed type=%s", type(error).__name__)
            return Turn(before, (Ask("booking_failed"),))
        return turn

    async def _hold(self, conversation_id: uuid.UUID, draft: Draft) -> Held:
        assert draft.hospital is not None and draft.chosen is not None
        return await self.bookings.hold(conversation_id, draft.hospital, draft.chosen.opening, draft.id)

    async def _let_go(self, draft: Draft) -> None:
        if draft.hospital is None or draft.chosen is None:
            return
        try:
            await self.bookings.release(draft.hospital, draft.id)
        except ProviderError as error:  # it ends by itself
            log.warning("release_failed type=%s", type(error).__name__)

    async def _confirmed(self, incoming: store.Incoming, draft: Draft, language: str) -> Said:
        """Booked under the draft's own key: however often this is tried, it is one appointment."""
        try:
            held = await self._hold(incoming.thread.id, draft)
            if draft.moving is not None:
                made = await self.bookings.move(uuid.UUID(draft.moving), held, draft.id)
            else:
                made = await self.bookings.confirm(incoming.thread.id, held, draft.patient(), language, draft.id)
        except SlotGone:
            return await self._carried_out(incoming, draft, machine.slot_gone(draft), language)
        except TooLate:
            return Said(_plan(Ask("booking_too_late")), self._ends(incoming))
        except ProviderError as error:
            log.warning("confirm_failed type=%s", type(error).__name__)
            return Said(_plan(Ask("booking_failed", picks=("yes:confirm", "say:stop"))))
        return Said(_plan(*self._done(made, moved=draft.moving is not None)), self._ends(incoming))

    def _done(self, made: Appointment, *, moved: bool) -> tuple[Ask, ...]:
        params = described(made)
        card = Ask("booking_moved" if moved else "booking_done", params, ("show:",))
        if not moved and made.fee_fen is not None:
            card = Ask("booking_done_fee", {**params, "fee": f"{made.fee_fen / 100:g}"}, ("show:",))
        demo = (Ask("booking_demo"),) if made.demo else ()
        wished = made.interpreter is not None and not moved
        interpreter = (
            (Ask("booking_interpreter_wished", {"interpreter_name": made.interpreter[0]}),)
            if wished and made.interpreter
            else ()
        )
        return _chosen_below(card, *interpreter, self.link(made), *demo)

    def link(self, made: Appointment) -> Ask:
        """Where the appointment can be seen and changed without an account."""
        token = links.link(self.link_keys, made.id, made.link_number, made.starts_at)
        found = links.address(self.public_url, token)
        if found is None:
            return Ask("booking_no_link", picks=("show:",))
        return Ask("booking_link", {"link": found})

    async def _waits(self, incoming: store.Incoming, draft: Draft, language: str) -> Said:
        assert draft.department is not None
        wish = turn_wish(draft)
        try:
            number = await self.bookings.wait(
                incoming.thread.id, draft.department, draft.hospital, wish.first, wish.last, wish.part, language
            )
        except (ProviderError, RequestError):
            return Said(_plan(Ask("booking_failed", picks=("change:day", "change:hospital", "say:stop"))))
        minutes = str(self.bookings.rules.default.offer_minutes)
        await self._let_go(draft)
        said = Ask("booking_waiting", {"number": str(number), "minutes": minutes}, ("leave:",))
        return Said(_plan(said), self._ends(incoming))

    async def _asked_again(self, incoming: store.Incoming, draft: Draft, language: str) -> Said:
        return await self._carried_out(incoming, draft, Turn(draft), language)

    async def _world(self, draft: Draft) -> World:
        openings = (
            await self.bookings.openings(draft.department, draft.hospital)
            if draft.department is not None and (draft.chosen is None or draft.hospital is None)
            else ()
        )
        rules = self.bookings.rules.of(draft.hospital) if draft.hospital else self.bookings.rules.default
        return World(
            self.clock(),
            self.bookings.catalogue,
            self.bookings.calendar,
            self.bookings.departments(),
            openings,
            rules.horizon_days,
        )

    # What is booked already.

    async def _show(self, incoming: store.Incoming, value: str, language: str) -> Said:
        made = await self.bookings.upcoming(incoming.thread.id)
        waits = await self.bookings.waiting(incoming.thread.id)
        leave = (Ask("booking_waiting", _waiting_params(waits[0].position, self), ("leave:",)),) if waits else ()
        if not made:
            return Said(_plan(*leave, Ask("booking_none", picks=("book:",))))
        seen = made[:_SEEN]
        if len(seen) == 1:
            more = replace(self.link(seen[0]), picks=("book:", "withdraw:"))
            return Said(_plan(*_chosen_below(Ask("booking_list"), _listed(seen[0]), *leave, more)))
        lines = [replace(_listed(one), picks=(_one_of(one),)) for one in seen]
        more = Ask("booking_which", picks=("book:", "withdraw:"))
        return Said(_plan(*_chosen_below(Ask("booking_list"), *lines, *leave, more)))

    async def _one(self, incoming: store.Incoming, value: str, language: str) -> Said:
        made = await self._mine(incoming, value.partition("@")[0])
        if made is None:
            return await self._show(incoming, "", language)
        return Said(_plan(*_chosen_below(_listed(made), replace(self.link(made), picks=()))))

    async def _move(self, incoming: store.Incoming, value: str, language: str) -> Said:
        made = await self._mine(incoming, value)
        if made is None:
            return await self._show(incoming, "", language)
        if self.clock() > made.changeable_until:
            return Said(_plan(Ask("booking_too_late")))
        draft = _moving(made)
        return await self._carried_out(incoming, draft, Turn(draft), language)

    async def _cancel(self, incoming: store.Incoming, value: str, language: str) -> Said:
        made = await self._mine(incoming, value)
        if made is None:
            return await self._show(incoming, "", language)
        return Said(_plan(Ask("booking_cancel_sure", described(made), (f"cancel_sure:{value}", "keep:"))))

    async def _cancel_sure(self, incoming: store.Incoming, value: str, language: str) -> Said:
        made = await self._mine(incoming, value)
        if made is None:
            return await self._show(incoming, "", language)
        try:
            made = await self.bookings.cancel(made.id, "resident")
        except TooLate:
            return Said(_plan(Ask("booking_too_late")))
        except ProviderError:
            return Said(_plan(Ask("booking_failed", picks=(f"cancel_sure:{value}", "keep:"))))
        return Said(_plan(Ask("booking_cancelled", described(made), ("book:",))))

    async def _kept(self, incoming: store.Incoming, value: str, language: str) -> Said:
        return Said(_plan(Ask("booking_kept")))

    async def _take(self, incoming: store.Incoming, value: str, language: str) -> Said:
        """A time that was offered from the waiting list: what the button says, held under the offer's own key."""
        entry, hospital, department, slot = value.split(":", 3)
        opening, _, start = slot.rpartition("@")
        starts_at = datetime.fromisoformat(start)
        day = starts_at.astimezone(CITY_TIME).date()
        draft = Draft(
            f"{OFFER_PREFIX}{entry}",
            consented=True,
            department=department,
            hospital=hospital,
            wish=Wish(day, day),
            chosen=Chosen(opening, starts_at),
        )
        try:
            await self._hold(incoming.thread.id, draft)
        except (SlotGone, ProviderError):
            return Said(_plan(Ask("booking_offer_gone", picks=("book:", "show:"))))
        return await self._carried_out(incoming, draft, Turn(draft), language)

    async def _leave(self, incoming: store.Incoming, value: str, language: str) -> Said:
        await self.bookings.leave(incoming.thread.id)
        return Said(_plan(Ask("booking_left_waiting")))

    async def _withdraw(self, incoming: store.Incoming, value: str, language: str) -> Said:
        return Said(_plan(Ask("booking_withdraw_sure", picks=("withdraw_sure:", "keep:"))))

    async def _withdraw_sure(self, incoming: store.Incoming, value: str, language: str) -> Said:
        """Every appointment given back, then everything that was noted for them deleted."""
        conversation_id = incoming.thread.id
        for made in await self.bookings.upcoming(conversation_id):
            try:
                await self.bookings.cancel(made.id, "resident")
            except TooLate:  # the hospital's own deadline does not keep anybody's data here
                continue
            except ProviderError:
                return Said(_plan(Ask("booking_failed", picks=("withdraw_sure:", "keep:"))))
        await self.bookings.leave(conversation_id)

        async def forget(connection: AsyncConnection) -> None:
            await _forget(connection, conversation_id, self.clock())
            await self.drafts.drop(connection, conversation_id)

        return Said(_plan(Ask("booking_withdrawn")), forget)

    async def _mine(self, incoming: store.Incoming, value: str) -> Appointment | None:
        """An appointment of this conversation's that is still to come."""
        made = await self.bookings.upcoming(incoming.thread.id)
        return next((one for one in made if one.id.hex == value), None)

    # Effects.

    def _keeps(self, incoming: store.Incoming, draft: Draft, consents: Sequence[str]) -> Effect:
        async def keep(connection: AsyncConnection) -> None:
            now = self.clock()
            await self.drafts.keep(connection, incoming.thread.id, draft, now)
            for kind in consents:
                await _consented(connection, incoming.thread.id, kind, now)

        return keep

    def _ends(self, incoming: store.Incoming) -> Effect:
        async def drop(connection: AsyncConnection) -> None:
            await self.drafts.drop(connection, incoming.thread.id)

        return drop


_BY_INTENT = {"affirm": Command.YES, "deny": Command.NO}


def turn_wish(draft: Draft) -> Wish:
    return draft.wish or Wish()


def described(made: Appointment) -> dict[str, str]:
    """What of an appointment is said; nothing of the patient."""
    return {
        "reference": made.reference,
        "department_name": made.department,
        "department_sign": made.department,
        "hospital_name": made.hospital,
        "campus": made.campus,
        "at_start": made.starts_at.isoformat(),
    }


def _one_of(made: Appointment) -> str:
    """The button of one among several, which says when it is."""
    return f"one:{made.id.hex}@{made.starts_at.isoformat()}"


def _listed(made: Appointment) -> Ask:
    return Ask("booking_listed", described(made), (f"move:{made.id.hex}", f"cancel:{made.id.hex}"))


def _chosen_below(*asks: Ask) -> tuple[Ask, ...]:
    """All that can be chosen below the last: where options have numbers, those that were seen last are the ones."""
    picks = tuple(dict.fromkeys(pick for ask in asks for pick in ask.picks))
    *before, last = (replace(ask, picks=()) for ask in asks)
    return (*before, replace(last, picks=picks))


def _waiting_params(position: int, talk: BookingTalk) -> dict[str, str]:
    return {"number": str(position), "minutes": str(talk.bookings.rules.default.offer_minutes)}


def _moving(made: Appointment) -> Draft:
    """A draft in which everything but the time is known."""
    who = made.patient
    return Draft(
        uuid.uuid4().hex,
        consented=True,
        department=made.department,
        hospital=made.hospital,
        relation=who.relation,
        name=who.name,
        born=who.born,
        guardian=who.guardian,
        document=who.document,
        number=who.number,
        phone=who.phone,
        interpreter=who.interpreter or "none",
        agreed=True,
        moving=made.id.hex,
    )


def may_tell_of_an_emergency(draft: Draft, text: str) -> bool:
    """Whether this is no name or number that the booking asked for."""
    return draft.step not in _PERSONAL and _letters(text) >= _TELLING


def _spoken(draft: Draft, incoming: store.Incoming, language: str) -> str:
    """A name or a number is in no language: whoever gives one goes on in the language they had."""
    known = incoming.thread.language
    if known is None or (draft.step not in _PERSONAL and _letters(incoming.text) >= _TELLING):
        return language
    return known


def _letters(text: str) -> int:
    return sum(letter.isalpha() for letter in text)


_PERSONAL = frozenset({Step.NAME, Step.GUARDIAN, Step.BIRTH, Step.DOCUMENT, Step.PHONE})
_TELLING = 8
_NOT_UNDERSTOOD = frozenset({Outcome.UNKNOWN, Outcome.CLARIFY})


def _with_day(turn: Turn, text: str, language: str, world: World) -> Turn:
    """The day that was said with the complaint, when it is one."""
    reading = dates.read(text, language, world.today, world.horizon_days)
    if reading.first is None or reading.others or turn.draft.wish is not None:
        return turn
    wish = Wish(reading.first, reading.last, reading.part, reading.clock)
    return replace(turn, draft=replace(turn.draft, wish=wish))


def _asks(text: str) -> bool:
    return text.rstrip().endswith(_QUESTION_MARKS)


def _plan(*asks: Ask, step: Step | None = None) -> Plan:
    trace = {"booking": step.value} if step is not None else {}
    return Plan(Outcome.BOOKING, tuple(_part(ask) for ask in asks), trace=trace)


def _part(ask: Ask) -> Part:
    kind = Kind.QUESTION if ask.picks else Kind.TEXT
    return Part(kind, ask.key, params=dict(ask.params), choices=tuple(Choice(Act.BOOKING, pick) for pick in ask.picks))


def _consents(before: Draft, after: Draft) -> list[str]:
    given = [(HEALTH, before.consented, after.consented), (PASS_ON, before.agreed, after.agreed)]
    return [kind for kind, was, now in given if now and not was]


async def _consented(connection: AsyncConnection, conversation_id: uuid.UUID, kind: str, now: datetime) -> None:
    """That it was agreed to, and that the conversation is one of somebody's health from now on."""
    row: dict[str, Any] = {"id": new_id(), "conversation_id": conversation_id, "kind": kind, "given_at": now}
    await connection.execute(insert(Consent).values(**row, version=CONSENT_VERSION, withdrawn_at=None))
    await mark_medical(connection, conversation_id)


async def _forget(connection: AsyncConnection, conversation_id: uuid.UUID, now: datetime) -> None:
    mine = AppointmentRow.conversation_id == conversation_id
    wishes = delete(InterpreterWish).where(InterpreterWish.appointment_id.in_(select(AppointmentRow.id).where(mine)))
    await connection.execute(wishes)
    await connection.execute(delete(AppointmentRow).where(mine))
    await connection.execute(delete(WaitingEntry).where(WaitingEntry.conversation_id == conversation_id))
    await connection.execute(delete(Seat).where(Seat.conversation_id == conversation_id))
    given = (Consent.conversation_id == conversation_id, Consent.kind.in_((HEALTH, PASS_ON)))
    withdrawn = update(Consent).where(*given, Consent.withdrawn_at.is_(None)).values(withdrawn_at=now)
    await connection.execute(withdrawn)
