"""The question of each step, with its buttons. Pure: a draft and what can be had in, keys and numbers out."""

from __future__ import annotations

from collections.abc import Callable

from bot.appointments.choosing import found_for, nothing_free, slots_of
from bot.appointments.draft import NO_INTERPRETER, Draft, Step
from bot.appointments.free import MOST_SLOTS, days_with, hospitals_with, page
from bot.appointments.patient import Document, Relation
from bot.appointments.turns import Ask, World
from bot.languages import DEFAULT

MOST_DAYS = 5
# What most people come for; the others stand behind "all departments".
COMMON = ("internal_medicine", "paediatrics", "dentistry", "dermatology", "gynaecology", "orthopaedics")
_BACK, _STOP = "say:back", "say:stop"


def question(draft: Draft, world: World, language: str) -> Ask:
    """What is asked now. `language` is the resident's, in whom an interpreter would speak."""
    return _QUESTIONS[draft.step](draft, world, language)


def _consent(draft: Draft, world: World, language: str) -> Ask:
    return Ask("booking_consent", picks=("yes:consent", "no:consent"))


def _complaint(draft: Draft, world: World, language: str) -> Ask:
    if draft.among:
        picks = tuple(f"department:{key}" for key in draft.among)
        more = () if draft.among == world.departments else ("department:all",)
        return Ask("booking_which_department", picks=(*picks, *more, _BACK, _STOP))
    common = tuple(f"department:{key}" for key in COMMON if key in world.departments)
    return Ask("booking_complaint", picks=(*common, "department:all", _STOP))


def _hospital(draft: Draft, world: World, language: str) -> Ask:
    offered = hospitals_with(world.openings, draft.speaks)
    params = {"department_name": draft.department or ""}
    if not offered:
        wider = _wider(draft) or ("change:department",)
        return Ask("booking_no_hospital", params, (*wider, "wait://", _BACK, _STOP))
    speakers = hospitals_with(world.openings, language)
    narrower = (f"speaks:{language}",) if draft.speaks is None and speakers and speakers != offered else ()
    picks = tuple(f"hospital:{key}" for key in offered)
    soonest = ("hospital:any",) if len(offered) > 1 else ()
    return Ask("booking_hospital", params, (*picks, *soonest, *(narrower or _wider(draft)), _BACK, _STOP))


def _day(draft: Draft, world: World, language: str) -> Ask:
    days = days_with(world.openings, draft.speaks)
    if not days:
        return nothing_free(draft, (*_waits(draft), *_wider(draft)))
    params = {"hospital_name": draft.hospital or "", "number": str(world.horizon_days)}
    return Ask("booking_day", params, (*(f"day:{day}" for day in days[:MOST_DAYS]), "day:any", *_before(draft)))


def _slot(draft: Draft, world: World, language: str) -> Ask:
    found = found_for(draft, world)
    if not found:
        return nothing_free(draft, (*_waits(draft), *_wider(draft), "change:day"))
    return slots_of(draft, page(found, draft.shown), more=len(found) > MOST_SLOTS)


def _waits(draft: Draft) -> tuple[str, ...]:
    return ("wait://",) if draft.moving is None else ()


def _wider(draft: Draft) -> tuple[str, ...]:
    """Whatever the clinicians speak."""
    return (f"speaks:{''}",) if draft.speaks else ()


def _before(draft: Draft) -> tuple[str, ...]:
    """An appointment that is moved begins with the day."""
    return (_BACK, _STOP) if draft.moving is None else (_STOP,)


def _who(draft: Draft, world: World, language: str) -> Ask:
    return Ask("booking_who", picks=(*(f"who:{one}" for one in Relation), _BACK, _STOP))


def _plain(key: str) -> Callable[[Draft, World, str], Ask]:
    def asked(draft: Draft, world: World, language: str) -> Ask:
        return Ask(key, picks=(_BACK, _STOP))

    return asked


def _name(draft: Draft, world: World, language: str) -> Ask:
    key = "booking_name" if draft.relation is Relation.SELF else "booking_name_other"
    return Ask(key, picks=(_BACK, _STOP))


def _interpreter(draft: Draft, world: World, language: str) -> Ask:
    own = () if language == "zh" else (f"interpreter:{language}",)
    english = () if language in (DEFAULT, "zh") else (f"interpreter:{DEFAULT}",)
    return Ask("booking_interpreter", picks=(*own, *english, f"interpreter:{NO_INTERPRETER}", _BACK, _STOP))


def _agree(draft: Draft, world: World, language: str) -> Ask:
    return Ask("booking_agree", {"hospital_name": draft.hospital or ""}, ("yes:agree", "no:agree", _BACK))


def _confirm(draft: Draft, world: World, language: str) -> Ask:
    return Ask("booking_confirm_move" if draft.moving else "booking_confirm", summary(draft), _CONFIRMS)


_CONFIRMS = ("yes:confirm", "no:confirm", _STOP)


def summary(draft: Draft) -> dict[str, str]:
    """What is confirmed: the document's number but for its end stays unsaid."""
    assert draft.chosen is not None and draft.born is not None
    return {
        "department_name": draft.department or "",
        "hospital_name": draft.hospital or "",
        "at_start": draft.chosen.starts_at.isoformat(),
        "relation_name": draft.relation or "",
        "name": draft.name or "",
        "day_born": draft.born.isoformat(),
        "document_name": draft.document or Document.PASSPORT,
        "number": ending(draft.number or ""),
        "phone": ending(draft.phone or ""),
        "interpreter_name": draft.interpreter or NO_INTERPRETER,
    }


def ending(number: str) -> str:
    """The last two characters, by which its owner knows a number again."""
    return f"•••{number[-2:]}"


_QUESTIONS: dict[Step, Callable[[Draft, World, str], Ask]] = {
    Step.CONSENT: _consent,
    Step.COMPLAINT: _complaint,
    Step.HOSPITAL: _hospital,
    Step.DAY: _day,
    Step.SLOT: _slot,
    Step.WHO: _who,
    Step.NAME: _name,
    Step.BIRTH: _plain("booking_birth"),
    Step.GUARDIAN: _plain("booking_guardian"),
    Step.DOCUMENT: _plain("booking_document"),
    Step.PHONE: _plain("booking_phone"),
    Step.INTERPRETER: _interpreter,
    Step.AGREE: _agree,
    Step.CONFIRM: _confirm,
}
