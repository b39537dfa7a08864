"""The dialogue of a booking: what was said and what can be had in, the next draft and what to say out. Pure.

Whatever a step cannot read is not an error: `hear` gives None, the message is answered like any other, and the step is
asked again afterwards.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from bot.appointments import choices, choosing
from bot.appointments.catalogue import Patients
from bot.appointments.commands import Command, change_of, field_of, read_command
from bot.appointments.commands import Field as Changed
from bot.appointments.draft import NO_INTERPRETER, STEPS, Draft, Step
from bot.appointments.free import matching
from bot.appointments.identity import (
    Ambiguous,
    BirthTrouble,
    DocumentFault,
    DocumentTrouble,
    NameTrouble,
    PhoneTrouble,
    RelationTrouble,
    age,
    read_birth,
    read_document,
    read_name,
    read_phone,
    relation_trouble,
)
from bot.appointments.patient import Relation
from bot.appointments.turns import Ask, Ending, Heard, Reader, Turn, World

__all__ = ["Ask", "Ending", "Heard", "Turn", "World", "hear", "misunderstood", "settled", "slot_gone"]
_ADULT = 18


def hear(draft: Draft, heard: Heard, world: World) -> Turn | None:
    """What the words do to the booking; None when they do not belong to it."""
    if heard.pick is not None:
        return _picked(draft, heard, *heard.pick, world)
    command = heard.command or read_command(heard.text, heard.language)
    heard = replace(heard, command=command)
    return _steered(draft, heard, world) or _READERS[draft.step](draft, heard, world)


def misunderstood(draft: Draft) -> Turn:
    """For words that nobody understood: say what the step expects."""
    return Turn(draft, (Ask(f"booking_help_{draft.step}"),))


def settled(turn: Turn, world: World) -> Turn:
    """A wish that nothing free answers any more is open again, with what there is instead."""
    draft = turn.draft
    if turn.ask or turn.ending or draft.step is not Step.SLOT or draft.wish is None:
        return turn
    if matching(world.openings, draft.wish, draft.speaks) or not world.openings:
        return turn
    wished = choosing.with_wish(replace(draft, wish=None), draft.wish, world)
    return replace(wished, lines=(*turn.lines, *wished.lines))


def slot_gone(draft: Draft) -> Turn:
    """Somebody else was faster, or the hold ran out."""
    return Turn(draft.without(Step.SLOT), (Ask("booking_slot_gone"),))


def _steered(draft: Draft, heard: Heard, world: World) -> Turn | None:
    """Back, stop, start again, and whatever is to be changed: understood at every step."""
    match heard.command:
        case Command.STOP:
            return Turn(draft, (Ask("booking_kept" if draft.moving else "booking_stopped"),), ending=Ending.STOPPED)
        case Command.BACK:
            return Turn(draft.back())
        case Command.RESTART:
            return Turn(_restarted(draft))
    named = change_of(heard.text, heard.language)
    if named is not None and _STEP_OF[named] is not draft.step:
        return _changing(draft, named, heard, world)
    return None


def _restarted(draft: Draft) -> Draft:
    return Draft(draft.id, consented=draft.consented) if draft.moving is None else draft.without(Step.DAY)


def _changing(draft: Draft, named: Changed, heard: Heard, world: World) -> Turn | None:
    """The named thing open again; a day or a time said with it ("change the date to Friday") is taken at once."""
    step = _STEP_OF[named]
    if not draft.consented or not _may_change(draft, step):
        return None
    opened = draft.without(step)
    if step is Step.DAY:
        return choosing.read_day(opened, heard, world) or Turn(opened)
    return choosing.changed_time(opened, heard, world) if step is Step.SLOT and heard.text else Turn(opened)


def _may_change(draft: Draft, step: Step) -> bool:
    """What is not known yet is asked in its turn; moving an appointment changes the time alone."""
    if draft.moving is not None:
        return step in (Step.DAY, Step.SLOT)
    return STEPS.index(step) <= STEPS.index(draft.step)


_STEP_OF: dict[Changed, Step] = {
    Changed.DEPARTMENT: Step.COMPLAINT,
    **{one: Step(one.value) for one in Changed if one is not Changed.DEPARTMENT},
}
# The step before which a button is one of another booking, or of before something was changed.
_NOT_BEFORE = {
    "department": Step.COMPLAINT,
    "hospital": Step.HOSPITAL,
    "speaks": Step.HOSPITAL,
    "wait": Step.HOSPITAL,
    "day": Step.DAY,
    "slot": Step.SLOT,
    "more": Step.SLOT,
    "who": Step.WHO,
    "born": Step.BIRTH,
    "interpreter": Step.INTERPRETER,
}
_WHEN_MOVING = ("speaks", "day", "slot", "more")


def _picked(draft: Draft, heard: Heard, name: str, value: str, world: World) -> Turn | None:
    """A button, however old it is; None for one that is none of this step's or of those before."""
    match name:
        case "say":
            return hear(draft, Heard(heard.language, command=Command(value)), world)
        case "yes" | "no":
            return hear(draft, Heard(heard.language, command=Command(name)), world) if value == draft.step else None
        case "change":
            return _changing(draft, Changed(value), Heard(heard.language), world)
        case "other_day":
            return _changing(draft, Changed.DAY, Heard(heard.language), world)
    reached = name in _NOT_BEFORE and STEPS.index(_NOT_BEFORE[name]) <= STEPS.index(draft.step)
    if not draft.consented or not reached or (draft.moving is not None and name not in _WHEN_MOVING):
        return None
    return _chosen(draft, name, value, world)


def _chosen(draft: Draft, name: str, value: str, world: World) -> Turn | None:
    match name:
        case "department":
            return _with_department(draft.without(Step.COMPLAINT), value, world)
        case "hospital":
            return choosing.with_hospital(draft.without(Step.HOSPITAL), value, world)
        case "speaks":
            return Turn(replace(draft, speaks=value or None, shown=0))
        case "day":
            return choosing.with_wish(draft.without(Step.DAY), choosing.wish_of_day(value), world)
        case "slot":
            return choosing.with_slot(draft, value, world)
        case "more":
            return choosing.more_slots(draft.without(Step.SLOT) if draft.chosen else draft, world)
        case "wait":
            return Turn(replace(draft, wish=choosing.wish_of(value)), ending=Ending.WAITS)
        case "who":
            return _with_relation(draft, Relation(value))
        case "born":
            return _with_birth(draft, date.fromisoformat(value), world)
        case "interpreter":
            return Turn(replace(draft, interpreter=value))
    return None


def _read_consent(draft: Draft, heard: Heard, world: World) -> Turn | None:
    if heard.command is Command.YES:
        return Turn(replace(draft, consented=True))
    if heard.command is Command.NO:
        return Turn(draft, (Ask("booking_no_consent"),), ending=Ending.STOPPED)
    return None


def _read_complaint(draft: Draft, heard: Heard, world: World) -> Turn | None:
    if heard.asks:
        return None
    place = choices.nth(heard.text, heard.language, len(draft.among))
    if place is not None:
        return _with_department(draft, draft.among[place], world)
    named = choices.named_departments(heard.text, heard.language, world.catalogue.departments)
    found = named or world.catalogue.department_for(heard.text, heard.language)
    if not found:
        return None
    if world.catalogue.departments[found[0]].walk_in:
        return Turn(draft, (Ask("booking_walk_in", {"department_name": found[0]}),))
    bookable = tuple(key for key in found if key in world.departments)
    if not bookable:
        return Turn(draft, (Ask("booking_not_offered", {"department_name": found[0]}),))
    if len(bookable) > 1:
        return Turn(replace(draft, among=bookable))
    return _with_department(draft, bookable[0], world, found=not named)


def _with_department(draft: Draft, key: str, world: World, *, found: bool = False) -> Turn | None:
    """`found`: by the complaint, which is said."""
    if key == "all":
        return Turn(replace(draft, among=world.departments))
    if key not in world.departments:
        return None
    lines = (Ask("booking_department_found", {"department_name": key}),) if found else ()
    return Turn(replace(draft, among=(), department=key), lines)


_WHO = {Command.MYSELF: Relation.SELF, Command.CHILD: Relation.CHILD, Command.FAMILY: Relation.FAMILY}


def _read_who(draft: Draft, heard: Heard, world: World) -> Turn | None:
    relation = _WHO.get(heard.command) if heard.command is not None else None
    place = choices.nth(heard.text, heard.language, len(Relation))
    if relation is None and place is not None:
        relation = list(Relation)[place]
    return _with_relation(draft, relation) if relation is not None else None


def _with_relation(draft: Draft, relation: Relation) -> Turn:
    """Somebody else has another name; the same said twice is the same."""
    return Turn(draft if draft.relation is relation else replace(draft.without(Step.WHO), relation=relation))


def _read_name(draft: Draft, heard: Heard, world: World) -> Turn | None:
    name = read_name(heard.text)
    if isinstance(name, NameTrouble):
        return None if name is NameTrouble.NOT_A_NAME else Turn(draft, (Ask(f"booking_name_{name}"),))
    return Turn(replace(draft, name=name))


def _read_guardian(draft: Draft, heard: Heard, world: World) -> Turn | None:
    name = read_name(heard.text)
    if isinstance(name, NameTrouble):
        return None if name is NameTrouble.NOT_A_NAME else Turn(draft, (Ask(f"booking_name_{name}"),))
    return Turn(replace(draft, guardian=name))


def _read_birth(draft: Draft, heard: Heard, world: World) -> Turn | None:
    born = read_birth(heard.text, heard.language, world.today)
    if isinstance(born, Ambiguous):
        picks = (f"born:{born.first}", f"born:{born.other}", "say:back", "say:stop")
        return Turn(draft, ask=Ask("booking_which_birth", picks=picks))
    if isinstance(born, BirthTrouble):
        return None if born is BirthTrouble.NOT_A_DATE else Turn(draft, (Ask(f"booking_birth_{born}"),))
    return _with_birth(draft, born, world)


def _with_birth(draft: Draft, born: date, world: World) -> Turn:
    """Whoever is no child is booked as family, whoever is one needs a guardian, and children's doctors see children."""
    filled, lines = _with_fitting_relation(replace(draft.without(Step.BIRTH), born=born), world)
    department = world.catalogue.departments.get(draft.department or "")
    if department is not None and department.only is Patients.CHILDREN and age(born, world.today) >= _ADULT:
        lines = (*lines, Ask("booking_children_only", {"department_name": department.key}))
        filled = filled.without(Step.COMPLAINT, Step.DAY)
    return Turn(filled, lines)


def _with_fitting_relation(draft: Draft, world: World) -> tuple[Draft, tuple[Ask, ...]]:
    if draft.relation is None or draft.born is None:
        return draft, ()
    match relation_trouble(draft.relation, draft.born, world.today):
        case RelationTrouble.NOT_A_CHILD:
            line = Ask("booking_not_a_child", {"number": str(age(draft.born, world.today))})
            return replace(draft, relation=Relation.FAMILY), (line,)
        case RelationTrouble.SELF_UNDER_14:
            return replace(draft, relation=Relation.CHILD), (Ask("booking_needs_guardian"),)
    return draft, ()


def _read_document(draft: Draft, heard: Heard, world: World) -> Turn | None:
    read = read_document(heard.text)
    if isinstance(read, DocumentTrouble):
        return None if read.fault is DocumentFault.NOT_A_NUMBER else Turn(draft, (Ask("booking_document_impossible"),))
    document, number = read
    return Turn(replace(draft, document=document, number=number))


def _read_phone(draft: Draft, heard: Heard, world: World) -> Turn | None:
    phone = read_phone(heard.text)
    if isinstance(phone, PhoneTrouble):
        return None if phone is PhoneTrouble.NOT_A_NUMBER else Turn(draft, (Ask(f"booking_phone_{phone}"),))
    return Turn(replace(draft, phone=phone))


def _read_interpreter(draft: Draft, heard: Heard, world: World) -> Turn | None:
    if heard.command is Command.YES:
        return Turn(replace(draft, interpreter=heard.language))
    if heard.command in (Command.NO, Command.SKIP):
        return Turn(replace(draft, interpreter=NO_INTERPRETER))
    named = choices.named_language(heard.text)
    return Turn(replace(draft, interpreter=named)) if named is not None else None


def _read_agree(draft: Draft, heard: Heard, world: World) -> Turn | None:
    if heard.command is Command.YES:
        return Turn(replace(draft, agreed=True))
    if heard.command is Command.NO:
        return Turn(draft, (Ask("booking_not_agreed"),), ending=Ending.STOPPED)
    return None


def _read_confirm(draft: Draft, heard: Heard, world: World) -> Turn | None:
    if heard.command is Command.YES:
        return Turn(draft, ending=Ending.CONFIRMED)
    named = field_of(heard.text, heard.language)
    if named is not None:
        return _changing(draft, named, heard, world)
    if heard.command in (Command.NO, Command.OTHER):
        fields = (Changed.DAY, Changed.SLOT) if draft.moving else tuple(Changed)
        return Turn(draft, ask=Ask("booking_what_to_change", picks=(*(f"change:{one}" for one in fields), "say:stop")))
    return None


_READERS: dict[Step, Reader] = {
    Step.CONSENT: _read_consent,
    Step.COMPLAINT: _read_complaint,
    Step.HOSPITAL: choosing.read_hospital,
    Step.DAY: choosing.read_day,
    Step.SLOT: choosing.read_slot,
    Step.WHO: _read_who,
    Step.NAME: _read_name,
    Step.BIRTH: _read_birth,
    Step.GUARDIAN: _read_guardian,
    Step.DOCUMENT: _read_document,
    Step.PHONE: _read_phone,
    Step.INTERPRETER: _read_interpreter,
    Step.AGREE: _read_agree,
    Step.CONFIRM: _read_confirm,
}
