"""What to say to each thing a resident does. Pure: keys, slugs and numbers in, a `Plan` out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from bot.knowledge.articles import Area
from bot.knowledge.search import Decision, Verdict
from bot.languages import ANSWERED, DEFAULT, LANGUAGES
from bot.messages import Choice, Kind, Outcome, Part, Plan


class Act(StrEnum):
    """What a button does when it is pressed."""

    ARTICLE = "article"
    AREA = "area"
    NONE_OF_THESE = "none_of_these"
    PERSON = "person"
    CONNECT = "connect"
    CALL_BACK = "call_back"
    STAY = "stay"
    # The booking's own; what it does is its value.
    BOOKING = "booking"
    # Below are what a channel itself understands: a menu item, somebody who follows, a picture.
    WELCOME = "welcome"
    HELP = "help"
    LANGUAGES = "languages"
    LANGUAGE = "language"
    EMERGENCY = "emergency"
    NEARBY = "nearby"
    UNREADABLE = "unreadable"
    VOICE = "voice"
    NOTED = "noted"
    SAID = "said"


# What the hotline's desk decides, not the knowledge.
HANDOVER_ACTS = frozenset({Act.CONNECT, Act.CALL_BACK, Act.STAY})
_PERSON_KEY = "person"


class Appointment(StrEnum):
    BOOK = "book"
    CHANGE = "change"
    CANCEL = "cancel"
    SEE = "see"


# The questions a newcomer is shown under an area's button; a slug that is not published is left out.
STARTERS: dict[Area, tuple[str, ...]] = {
    Area.IMMIGRATION: ("accommodation-registration", "residence-permit-first", "visa-extension", "lost-passport"),
    Area.MEDICAL: ("see-a-doctor", "book-hospital", "hospital-prices", "employee-medical-insurance"),
    Area.FINANCE: ("link-foreign-card", "open-bank-account", "send-money-abroad", "annual-tax-settlement"),
    Area.COMMUNITY: ("hotlines-12345", "service-stations", "waste-sorting", "dog-rules"),
    Area.LIFE: ("rent-a-flat", "sim-card", "metro-and-bus", "driving-licence"),
    Area.EDUCATION: ("international-school", "public-school", "kindergarten", "chinese-classes"),
}
BOOKING_ARTICLE = "book-hospital"
PRICES_ARTICLE = "hospital-prices"
_BOOKABLE = frozenset({BOOKING_ARTICLE, "see-a-doctor"})
_APPOINTMENT, _BOOK_INTENT = "appointment_", "book_appointment"
_STARTS_MEDICAL = Choice(Act.ARTICLE, "see-a-doctor")
# To somebody of whom nothing is known yet.
_GREETED_IN = ("zh", DEFAULT)
_AREAS = tuple(Choice(Act.AREA, area.value) for area in Area)
_PERSON = Choice(Act.PERSON, "")


@dataclass(frozen=True)
class Chosen:
    """A button that was pressed: its act and argument, and what stood on it."""

    act: Act
    value: str
    title: str = ""


def say(key: str, outcome: Outcome = Outcome.CHAT, choices: tuple[Choice, ...] = (), **params: str) -> Plan:
    return Plan(outcome, (Part(Kind.TEXT, key=key, params=params, choices=choices),))


def greet() -> Plan:
    return say("greet", choices=_AREAS)


def help_() -> Plan:
    return say("help", choices=(*_AREAS, _PERSON))


def person() -> Plan:
    """The wish for a person; what the desk can offer at the moment takes its place before it is said."""
    return say(_PERSON_KEY, Outcome.HANDOFF)


def is_wish_for_person(plan: Plan) -> bool:
    return plan.outcome is Outcome.HANDOFF and plan.parts[0].key == _PERSON_KEY


def failed() -> Plan:
    """What is said when a message could not be answered however often it was tried."""
    return say("error", Outcome.ERROR, choices=(_PERSON,))


def from_search(decision: Decision) -> Plan:
    """Answer, ask back with up to three questions, or say that it is not known."""
    if decision.verdict is Verdict.ANSWER:
        parts: tuple[Part, ...] = (Part(Kind.ARTICLE, article=decision.slugs[0]),)
        return Plan(Outcome.ANSWERED, parts, trace=decision.trace())
    if decision.verdict is Verdict.CLARIFY:
        choices = tuple(Choice(Act.ARTICLE, slug) for slug in decision.slugs)
        more = (Choice(Act.NONE_OF_THESE, ""), _PERSON)
        part = Part(Kind.QUESTION, key="clarify", choices=(*choices, *more))
        return Plan(Outcome.CLARIFY, (part,), trace=decision.trace())
    return unknown(decision.trace())


def unknown(trace: dict[str, Any] | None = None) -> Plan:
    part = Part(Kind.TEXT, key="unknown", choices=(_PERSON,))
    return Plan(Outcome.UNKNOWN, (part,), trace=trace or {})


def appointment(act: Appointment) -> Plan:
    """How to do it at the hospital; where we book ourselves, the booking takes its place before it is said."""
    notice = Part(Kind.TEXT, key=f"{_APPOINTMENT}{act.value}")
    return Plan(Outcome.ANSWERED, (notice, Part(Kind.ARTICLE, article=BOOKING_ARTICLE)))


def wish_for_appointment(plan: Plan, intent: str | None) -> Appointment | None:
    """Whoever is taken to want a booking gets it, also where the search has the article on how to book."""
    key = plan.parts[0].key or ""
    if key.startswith(_APPOINTMENT):
        return Appointment(key.removeprefix(_APPOINTMENT))
    return Appointment.BOOK if intent == _BOOK_INTENT and plan.parts[0].article in _BOOKABLE else None


def with_booking(plan: Plan) -> Plan:
    """An answer about seeing a doctor, with the button that books one."""
    last = plan.parts[-1]
    about = last.article in _BOOKABLE or (last.key == "area_questions" and _STARTS_MEDICAL in last.choices)
    if not about:
        return plan
    booked = replace(last, choices=(*last.choices, Choice(Act.BOOKING, "book:")))
    return replace(plan, parts=(*plan.parts[:-1], booked))


def change_language(code: str | None) -> Plan:
    """Go on in another language; `code` is null when the wish was clear but not the language."""
    if code not in LANGUAGES:
        return languages()
    return Plan(Outcome.CHAT, (Part(Kind.TEXT, key="language_changed"),), language=code)


def languages() -> Plan:
    choices = tuple(Choice(Act.LANGUAGE, code) for code in ANSWERED)
    return say("which_language", choices=choices)


def welcome(language: str | None, community: str) -> Plan:
    """To somebody who has not written yet: in the language that is known, else in the city's and the commonest."""
    spoken = (language,) if language is not None else _GREETED_IN
    parts = [Part(Kind.TEXT, key="wechat_welcome", language=code) for code in spoken]
    if community:
        params = {"community": community}
        parts.append(Part(Kind.TEXT, key="wechat_welcome_scene", params=params, language=spoken[-1]))
    choices = tuple(Choice(Act.LANGUAGE, code) for code in ANSWERED)
    asked = Part(Kind.QUESTION, key="wechat_choose_language", choices=choices, language=spoken[-1])
    return Plan(Outcome.CHAT, (*parts, asked))


def nearby(offices: str) -> Plan:
    """`offices`: keys with commas between, nearest first; empty when none is known there."""
    if not offices:
        return say("wechat_nearby_none", choices=(_PERSON,))
    return say("wechat_nearby", Outcome.ANSWERED, offices=offices)


def unreadable(kind: str) -> Plan:
    """A picture, a film or a sound that cannot be read: `kind` is image, voice or other."""
    return say(f"wechat_unreadable_{kind}", Outcome.UNKNOWN, choices=(_PERSON,))


def article(slug: str) -> Plan:
    return Plan(Outcome.ANSWERED, (Part(Kind.ARTICLE, article=slug),))


def area(name: str) -> Plan:
    choices = tuple(Choice(Act.ARTICLE, slug) for slug in STARTERS[Area(name)])
    return Plan(Outcome.CLARIFY, (Part(Kind.QUESTION, key="area_questions", choices=(*choices, _PERSON)),))


def for_button(chosen: Chosen) -> Plan:
    match chosen.act:
        case Act.ARTICLE:
            return article(chosen.value)
        case Act.AREA:
            return area(chosen.value)
        case Act.NONE_OF_THESE:
            return say("rephrase", Outcome.UNKNOWN, choices=(_PERSON,))
        case Act.HELP:
            return help_()
        case Act.LANGUAGES:
            return languages()
        case Act.LANGUAGE:
            return change_language(chosen.value)
        case Act.NEARBY:
            return nearby(chosen.value)
        case Act.UNREADABLE:
            return unreadable(chosen.value)
        case Act.SAID:
            return say(chosen.value)
        case Act.EMERGENCY:
            return say("maybe_urgent", Outcome.ANSWERED, choices=(_PERSON,))
        case _:
            return person()


def maybe_urgent(otherwise: Plan) -> Plan:
    """The numbers to dial first, then what the search has: the pipeline alone took the message for an emergency.

    An article that surely answers stands alone: the pipeline sees the word for police, the search the whole question.
    """
    if otherwise.outcome is Outcome.ANSWERED:
        return otherwise
    numbers = Part(Kind.NOTICE, key="maybe_urgent")
    return Plan(otherwise.outcome, (numbers, *otherwise.parts), trace=otherwise.trace)
