"""The dialogue of a booking without a database: every step, every way back, and whatever else may be typed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.appointments.contents import LANGUAGES
from bot.appointments.draft import Chosen, Draft, Step, Wish
from bot.appointments.machine import Ask, Ending, misunderstood, slot_gone
from bot.appointments.patient import Document, Relation
from bot.appointments.readings import Part
from tests.fakes.dialogue import CHILDREN, FIRST, SECOND, TODAY, WORDS, Visitor, at, opening, openings

TUESDAY, THURSDAY, FRIDAY = date(2026, 12, 1), date(2026, 11, 26), date(2026, 11, 27)


def ready(**known: object) -> Draft:
    """A draft in which all is known."""
    return replace(Visitor().until(Step.CONFIRM).draft, **known)


def moving() -> Visitor:
    return Visitor(draft=replace(ready(), moving="a1", wish=None, chosen=None))


def test_every_step_is_asked_in_its_turn() -> None:
    visitor = Visitor()
    asked = []
    while visitor.step is not Step.CONFIRM:
        asked.append(visitor.step)
        visitor.until(list(Step)[list(Step).index(visitor.step) + 1 if visitor.step is not Step.BIRTH else 9])
    assert asked == [step for step in Step if step not in (Step.GUARDIAN, Step.CONFIRM)]
    patient = visitor.draft.patient()
    assert (patient.relation, patient.document, patient.number) == (Relation.SELF, Document.PASSPORT, "X1234567")
    assert visitor.draft.chosen == Chosen(f"{SECOND}.dentistry.12010930", at(TUESDAY, 9, 30))
    visitor.says("yes")
    assert visitor.ending is Ending.CONFIRMED


def test_without_consent_it_stops_and_no_button_is_heard() -> None:
    visitor = Visitor()
    for pick in ("department:dentistry", "who:self", "change:name", "wait://"):
        assert visitor.taps(pick) is None
    visitor.says("no")
    assert (visitor.ending, visitor.lines) == (Ending.STOPPED, ["booking_no_consent"])


@pytest.mark.parametrize(
    ("step", "before"),
    [
        (Step.COMPLAINT, Step.COMPLAINT),
        (Step.HOSPITAL, Step.COMPLAINT),
        (Step.DAY, Step.HOSPITAL),
        (Step.SLOT, Step.DAY),
        (Step.WHO, Step.SLOT),
        (Step.NAME, Step.WHO),
        (Step.BIRTH, Step.NAME),
        (Step.DOCUMENT, Step.BIRTH),
        (Step.PHONE, Step.DOCUMENT),
        (Step.INTERPRETER, Step.PHONE),
        (Step.AGREE, Step.INTERPRETER),
        (Step.CONFIRM, Step.AGREE),
    ],
)
def test_back_leads_to_the_step_before(step: Step, before: Step) -> None:
    visitor = Visitor().until(step)
    visitor.says("back")
    assert visitor.step is before


def test_back_from_a_child_s_passport_leads_to_the_guardian() -> None:
    visitor = Visitor().until(Step.DOCUMENT, who="for my son", birth="2020-01-02")
    visitor.says("back")
    assert visitor.step is Step.GUARDIAN


def test_back_from_a_list_of_departments_asks_for_the_complaint() -> None:
    visitor = Visitor().until(Step.COMPLAINT)
    assert visitor.taps("department:all") == "booking_which_department"
    assert visitor.says("back") == "booking_complaint"


@pytest.mark.parametrize("step", list(Step)[1:])
def test_stop_and_start_again_are_understood_everywhere(step: Step) -> None:
    if step is Step.GUARDIAN:
        visitor = Visitor().until(step, who="for my son", birth="2020-01-02")
    else:
        visitor = Visitor().until(step)
    begun = replace(visitor)
    visitor.says("stop")
    assert visitor.ending is Ending.STOPPED
    begun.says("start again")
    assert begun.draft == Draft("key", consented=True)


@pytest.mark.parametrize(
    ("words", "step"),
    [
        ("change the department", Step.COMPLAINT),
        ("another hospital", Step.HOSPITAL),
        ("change the day", Step.DAY),
        ("another time", Step.SLOT),
        ("change the patient", Step.WHO),
        ("the name is wrong", Step.NAME),
        ("change the date of birth", Step.BIRTH),
        ("the passport number is wrong", Step.DOCUMENT),
        ("change the phone number", Step.PHONE),
        ("change the interpreter", Step.INTERPRETER),
        ("phone", Step.PHONE),
    ],
)
def test_each_thing_can_be_changed_at_the_end(words: str, step: Step) -> None:
    visitor = Visitor(draft=ready())
    visitor.says(words)
    assert visitor.step is step


def test_a_change_comes_back_to_the_end_with_the_rest_kept() -> None:
    visitor = Visitor(draft=ready())
    visitor.says("change the name")
    visitor.says("MUSTERMANN MAX")
    assert visitor.draft == ready(name="MUSTERMANN MAX")


def test_a_no_at_the_end_asks_what_to_change() -> None:
    visitor = Visitor(draft=ready())
    assert visitor.says("no") == "booking_what_to_change"
    assert "change:slot" in visitor.ask.picks
    assert visitor.taps("change:slot") == "booking_slot"


def test_the_date_is_changed_to_a_day_that_is_said_with_it() -> None:
    visitor = Visitor(draft=ready())
    assert visitor.says("change the date to Friday") == "booking_slot"
    assert visitor.draft.wish == Wish(FRIDAY, FRIDAY)
    assert visitor.lines == []


def test_the_time_is_changed_to_one_that_is_said_with_it() -> None:
    visitor = Visitor(draft=ready())
    visitor.says("change the time to 14:30")
    assert visitor.draft.wish is not None and visitor.draft.wish.clock is not None
    assert f"slot:{SECOND}.dentistry.12011430@2026-12-01T14:30:00+08:00" in visitor.ask.picks


def test_another_hospital_is_agreed_to_again() -> None:
    visitor = Visitor(draft=ready())
    visitor.says("change the hospital")
    visitor.until(Step.AGREE, hospital="the first one")
    assert visitor.draft.hospital == FIRST
    assert visitor.ask.params["hospital_name"] == FIRST


def test_what_is_not_known_yet_is_not_changed() -> None:
    visitor = Visitor().until(Step.DAY)
    assert visitor.says("change the phone number") is None


@pytest.mark.parametrize(
    ("language", "words", "key"),
    [
        ("en", "provincial hospital", SECOND),
        ("en", "the childrens one, I mean children's hospital", CHILDREN),
        ("en", "in Luyang please", SECOND),
        ("zh", "省立医院", SECOND),
        ("zh", "安医大一附院", FIRST),
        ("zh", "离蜀山区近的", FIRST),
        ("ja", "小児病院", CHILDREN),
        ("ko", "어린이병원이요", CHILDREN),
        ("fr", "l'hopital provincial", SECOND),
        ("fr", "hôpital des enfants", CHILDREN),
        ("de", "Provinzkrankenhaus", SECOND),
        ("es", "el hospital infantil", CHILDREN),
        ("ru", "детская больница", CHILDREN),
        ("ru", "провинциальная", SECOND),
        ("ar", "مستشفى أطفال", CHILDREN),
        ("vi", "bệnh viện nhi", CHILDREN),
        ("vi", "quận Thục Sơn", FIRST),
    ],
)
def test_a_hospital_is_found_by_what_it_is_called(language: str, words: str, key: str) -> None:
    visitor = Visitor().until(Step.HOSPITAL)
    visitor.language = language
    visitor.says(words)
    assert visitor.draft.hospital == key


def test_a_hospital_that_is_meant_in_two_ways_is_asked_for() -> None:
    both = tuple(
        opening(hospital, "dentistry", at(FRIDAY, hour))
        for hour, hospital in enumerate((SECOND, FIRST, "hospital-ahmu-2"), start=8)
    )
    visitor = Visitor(openings=both).until(Step.HOSPITAL)
    assert visitor.says("Anhui Medical University") == "booking_hospital"
    assert visitor.ask.picks == (f"hospital:{FIRST}", "hospital:hospital-ahmu-2", "say:back", "say:stop")
    assert visitor.says("the 2nd") == "booking_day"


def test_a_hospital_with_nothing_free_is_said() -> None:
    visitor = Visitor().until(Step.HOSPITAL)
    visitor.says("acupuncture hospital")
    assert visitor.lines == ["booking_hospital_none"]


@pytest.mark.parametrize(
    "words",
    ["any", "n'importe lequel", "đâu cũng được", "the soonest", "whenever", "as soon as possible", "I don't know"],
)
def test_any_hospital_will_do(words: str) -> None:
    visitor = Visitor().until(Step.HOSPITAL)
    visitor.says(words)
    assert (visitor.draft.hospital, visitor.lines) == (FIRST, ["booking_soonest_at"])


@pytest.mark.parametrize(
    ("language", "words", "place"),
    [
        ("en", "2", 1),
        ("en", "the second one", 1),
        ("en", "the last one please", 2),
        ("zh", "第二个", 1),
        ("ja", "2番目", 1),
        ("ko", "두 번째요", 1),
        ("fr", "la deuxième", 1),
        ("de", "das zweite", 1),
        ("es", "el segundo", 1),
        ("ru", "вторую", 1),
        ("ar", "الثاني", 1),
        ("ar", "٢", 1),
        ("vi", "cái thứ hai", 1),
    ],
)
def test_what_is_offered_is_taken_by_its_number(language: str, words: str, place: int) -> None:
    visitor = Visitor().until(Step.HOSPITAL)
    visitor.language = language
    offered = [pick for pick in visitor.ask.picks if pick.startswith("hospital:")]
    visitor.says(words)
    assert f"hospital:{visitor.draft.hospital}" == offered[place]


def test_a_department_is_taken_by_its_number_or_its_name() -> None:
    visitor = Visitor().until(Step.COMPLAINT)
    visitor.taps("department:all")
    visitor.says("3")
    assert visitor.draft.department == "cardiology"
    other = Visitor().until(Step.COMPLAINT)
    other.says("I need a dermatologist")
    assert (other.draft.department, other.lines) == ("dermatology", [])


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_department_is_found_by_its_own_name(language: str) -> None:
    visitor = Visitor().until(Step.COMPLAINT)
    for key in visitor.world(visitor.draft).departments:
        other = Visitor(language, visitor.draft)
        other.says(WORDS.title(language, f"department:{key}"))
        assert other.draft.department == key


def test_what_nobody_books_is_said() -> None:
    visitor = Visitor().until(Step.COMPLAINT)
    visitor.says("a dog bit me")
    assert (visitor.lines, visitor.step) == (["booking_walk_in"], Step.COMPLAINT)
    visitor.says("oncology")
    assert (visitor.lines, visitor.step) == (["booking_not_offered"], Step.COMPLAINT)
    assert visitor.says("can you help with my tooth?", asks=True) is None


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("yesterday", "booking_day_past"),
        ("in two months", "booking_day_beyond"),
        ("31 November", "booking_day_impossible"),
        ("Sunday", "booking_day_weekend"),
    ],
)
def test_a_day_that_cannot_be_gets_its_line(words: str, line: str) -> None:
    visitor = Visitor().until(Step.DAY)
    visitor.says(words)
    assert (visitor.lines, visitor.step) == ([line], Step.DAY)


def test_a_holiday_is_called_one() -> None:
    visitor = Visitor().until(Step.DAY)
    world = visitor.world(visitor.draft)
    holiday = replace(world.calendar, rest={FRIDAY: "Mid-Autumn"})
    visitor.openings = tuple(one for one in openings("dentistry") if one.starts_at.date() != FRIDAY)
    visitor.world = lambda draft: replace(Visitor.world(visitor, draft), calendar=holiday)  # type: ignore[method-assign]
    visitor.says("friday")
    assert visitor.lines == ["booking_day_holiday"]
    assert visitor.ask.picks[:3] == ("day:2026-11-26", "day:2026-11-30", "day:2026-12-01")


def test_a_day_that_may_be_two_is_asked_for() -> None:
    visitor = Visitor().until(Step.DAY)
    assert visitor.says("Monday afternoon or Thursday") == "booking_which_day"
    assert visitor.taps(visitor.ask.picks[0]) == "booking_slot"
    assert visitor.draft.wish is not None and visitor.draft.wish.first in (THURSDAY, date(2026, 11, 30))


def test_a_full_day_and_a_full_afternoon_lead_to_others_or_to_the_waiting_list() -> None:
    mornings = tuple(one for one in openings("dentistry") if one.part is Part.MORNING)
    free = tuple(one for one in mornings if one.starts_at.date() != FRIDAY)
    visitor = Visitor(openings=free).until(Step.DAY)
    assert visitor.says("friday") == "booking_other_days"
    assert visitor.lines == ["booking_day_full"]
    assert visitor.says("thursday afternoon") == "booking_other_days"
    assert visitor.lines == ["booking_part_full"]
    assert "wait:2026-11-26/2026-11-26/afternoon" in visitor.ask.picks
    visitor.taps("wait:2026-11-26/2026-11-26/afternoon")
    assert visitor.ending is Ending.WAITS
    assert visitor.draft.wish == Wish(THURSDAY, THURSDAY, Part.AFTERNOON)


def test_where_nothing_is_free_the_waiting_list_is_offered() -> None:
    visitor = Visitor(openings=()).until(Step.HOSPITAL)
    assert visitor.ask.key == "booking_no_hospital"
    visitor.taps("wait://")
    assert (visitor.ending, visitor.draft.wish) == (Ending.WAITS, Wish())
    chosen = Visitor(draft=replace(ready(), wish=None, chosen=None), openings=())
    assert chosen.ask.key == "booking_nothing_free"
    chosen.says("1 december")
    assert "wait://" in chosen.ask.picks


def test_a_wish_that_is_no_longer_free_is_asked_for_again() -> None:
    visitor = Visitor(draft=ready(chosen=None))
    visitor.openings = tuple(one for one in openings("dentistry") if one.starts_at.date() != TUESDAY)
    assert visitor.taps("change:slot") == "booking_other_days"
    assert visitor.step is Step.DAY


@pytest.mark.parametrize(
    ("words", "hour", "minute"),
    [
        ("9:30", 9, 30),
        ("at 3", 15, 0),
        ("half past nine", 9, 30),
        ("9.30", 9, 30),
        ("1430", 14, 30),
        ("2:30 pm", 14, 30),
        ("the first one", 8, 0),
    ],
)
def test_a_time_is_taken_by_the_clock(words: str, hour: int, minute: int) -> None:
    visitor = Visitor().until(Step.SLOT)
    visitor.says(words)
    assert visitor.draft.chosen is not None
    assert visitor.draft.chosen.starts_at == at(TUESDAY, hour, minute)


def test_a_number_that_is_a_place_and_an_hour_is_asked_for() -> None:
    visitor = Visitor(
        openings=(opening(SECOND, "dentistry", at(TUESDAY, 9)), opening(SECOND, "dentistry", at(TUESDAY, 14)))
    )
    visitor.until(Step.SLOT)
    visitor.says("2")
    assert visitor.draft.chosen is not None and visitor.draft.chosen.starts_at.hour == 14
    visitor.says("back")
    visitor.draft = replace(visitor.draft, wish=Wish())
    visitor.says("9")
    assert visitor.draft.chosen is not None and visitor.draft.chosen.starts_at.hour == 9
    other = Visitor().until(Step.SLOT, day="1 december in the afternoon")
    assert other.says("2") == "booking_slot"
    assert [pick[-14:-9] for pick in other.ask.picks[:2]] == ["14:30", "14:00"]


def test_a_time_that_is_taken_leads_to_the_nearest() -> None:
    visitor = Visitor().until(Step.SLOT)
    visitor.says("9:15")
    assert visitor.lines == ["booking_time_taken"]
    assert {pick[-14:-9] for pick in visitor.ask.picks[:2]} <= {"08:00", "09:00", "09:30"}


def test_a_time_on_several_days_is_shown_on_each() -> None:
    visitor = Visitor().until(Step.SLOT, day="next week")
    assert visitor.says("9:30") == "booking_slot"
    assert visitor.lines == []
    assert all("T09:30" in pick for pick in visitor.ask.picks if pick.startswith("slot:"))


def test_more_times_are_shown_and_then_the_first_again() -> None:
    visitor = Visitor().until(Step.SLOT)
    first = visitor.ask.picks
    visitor.taps("more:")
    assert len([pick for pick in visitor.ask.picks if pick.startswith("slot:")]) == 1
    visitor.says("other times")
    assert visitor.ask.picks == first
    visitor.says("later")
    visitor.says("earlier")
    assert visitor.ask.picks == first


def test_no_time_suits_so_the_day_is_asked_again() -> None:
    visitor = Visitor().until(Step.SLOT)
    assert visitor.says("no") == "booking_day"
    visitor.says("1 december")
    assert visitor.says("thursday") == "booking_slot"
    assert visitor.draft.wish == Wish(THURSDAY, THURSDAY)


def test_the_button_of_another_booking_takes_no_time() -> None:
    visitor = Visitor().until(Step.SLOT)
    stale = f"slot:{FIRST}.dentistry.12010930@2026-12-01T09:30:00+08:00"
    visitor.taps(stale)
    assert (visitor.draft.chosen, visitor.lines) == (None, ["booking_slot_gone"])
    begun = Visitor().until(Step.COMPLAINT)
    for pick in (stale, f"hospital:{FIRST}", "day:2026-12-01", "who:self", "born:1990-01-01", "wait://"):
        assert begun.taps(pick) is None


def test_a_button_pressed_twice_does_nothing_more() -> None:
    visitor = Visitor().until(Step.SLOT)
    pick = visitor.ask.picks[0]
    visitor.taps(pick)
    chosen = visitor.draft
    visitor.taps(pick)
    assert visitor.draft == chosen
    named = Visitor().until(Step.BIRTH)
    named.taps("who:self")
    assert named.draft.name == "SPECIMEN ERIKA"
    agreed = Visitor().until(Step.AGREE)
    agreed.taps("yes:agree")
    assert agreed.taps("yes:agree") is None
    assert agreed.step is Step.CONFIRM


def test_only_where_a_language_is_spoken() -> None:
    visitor = Visitor().until(Step.HOSPITAL)
    assert f"hospital:{SECOND}" in visitor.ask.picks
    assert "speaks:en" in visitor.ask.picks
    visitor.taps("speaks:en")
    assert f"hospital:{SECOND}" not in visitor.ask.picks
    assert "speaks:" in visitor.ask.picks
    visitor.says(SECOND_NAME)
    assert visitor.lines == ["booking_hospital_none"]
    visitor.taps("speaks:")
    assert f"hospital:{SECOND}" in visitor.ask.picks


SECOND_NAME = "Anhui Provincial Hospital"


@pytest.mark.parametrize(
    ("words", "relation"),
    [("for me", Relation.SELF), ("my son", Relation.CHILD), ("my wife", Relation.FAMILY), ("2", Relation.CHILD)],
)
def test_whom_it_is_for(words: str, relation: Relation) -> None:
    visitor = Visitor().until(Step.WHO)
    visitor.says(words)
    assert visitor.draft.relation is relation


def test_a_small_child_has_a_guardian_and_a_big_one_none() -> None:
    assert Visitor().until(Step.GUARDIAN, who="my son", birth="2020-01-02").ask.key == "booking_guardian"
    assert Visitor().until(Step.DOCUMENT, who="my son", birth="2010-01-02").draft.guardian is None
    alone = Visitor().until(Step.BIRTH)
    alone.says("2020-01-02")
    assert (alone.draft.relation, alone.lines) == (Relation.CHILD, ["booking_needs_guardian"])


def test_an_adult_is_no_child_and_no_patient_of_children_s_doctors() -> None:
    visitor = Visitor().until(Step.BIRTH, complaint="paediatrics", who="my son")
    assert visitor.says("1990-05-17") == "booking_complaint"
    assert visitor.lines == ["booking_not_a_child", "booking_children_only"]
    assert visitor.draft.relation is Relation.FAMILY
    visitor.until(Step.DOCUMENT)
    assert visitor.draft.department == "dentistry"


@pytest.mark.parametrize(
    ("step", "words", "line"),
    [
        (Step.NAME, "Иван Иванов", "booking_name_not_latin"),
        (Step.NAME, "Erika 1234567", "booking_name_has_digits"),
        (Step.BIRTH, "17 May 2030", "booking_birth_future"),
        (Step.BIRTH, "31/02/1990", "booking_birth_impossible"),
        (Step.DOCUMENT, "12", "booking_document_impossible"),
        (Step.PHONE, "12345", "booking_phone_too_short"),
    ],
)
def test_what_cannot_be_gets_a_line_and_is_asked_again(step: Step, words: str, line: str) -> None:
    visitor = Visitor().until(step)
    visitor.says(words)
    assert (visitor.lines, visitor.step) == ([line], step)


def test_a_date_of_birth_in_two_ways_is_asked_for() -> None:
    visitor = Visitor().until(Step.BIRTH)
    assert visitor.says("03/04/1990") == "booking_which_birth"
    visitor.taps(visitor.ask.picks[0])
    assert visitor.step is Step.DOCUMENT


@pytest.mark.parametrize(
    ("language", "words", "said"),
    [
        ("en", "yes", "en"),
        ("ru", "да", "ru"),
        ("en", "no", "none"),
        ("en", "French please", "fr"),
        ("de", "русский", "ru"),
        ("fr", "anglais", "en"),
    ],
)
def test_who_interprets(language: str, words: str, said: str) -> None:
    visitor = Visitor().until(Step.INTERPRETER)
    visitor.language = language
    visitor.says(words)
    assert visitor.draft.interpreter == said


def test_who_does_not_agree_books_nothing() -> None:
    visitor = Visitor().until(Step.AGREE)
    visitor.says("no")
    assert (visitor.ending, visitor.lines) == (Ending.STOPPED, ["booking_not_agreed"])


def test_an_appointment_is_moved_in_its_time_alone() -> None:
    visitor = moving()
    assert visitor.step is Step.DAY
    for pick in ("department:dermatology", f"hospital:{FIRST}", "who:child", "change:name", "wait://"):
        assert visitor.taps(pick) is None
    assert visitor.says("change the hospital") is None
    assert visitor.says("back") == "booking_day"
    visitor.says("thursday")
    visitor.says("8:00")
    assert visitor.ask.key == "booking_confirm_move"
    assert visitor.says("no") == "booking_what_to_change"
    assert visitor.ask.picks == ("change:day", "change:slot", "say:stop")
    assert visitor.says("yes") and visitor.ending is Ending.CONFIRMED


def test_a_move_that_finds_nothing_keeps_the_appointment() -> None:
    visitor = moving()
    assert visitor.says("Sunday") == "booking_other_days_move"
    assert not [pick for pick in visitor.ask.picks if pick.startswith("wait")]
    visitor.openings = ()
    visitor.turn = None
    assert visitor.ask == Ask("booking_nothing_move", picks=("say:stop",))
    visitor.says("stop")
    assert (visitor.ending, visitor.lines) == (Ending.STOPPED, ["booking_kept"])


def test_a_time_that_went_is_asked_for_again() -> None:
    turn = slot_gone(ready())
    assert (turn.draft.step, turn.lines) == (Step.SLOT, (Ask("booking_slot_gone"),))


@pytest.mark.parametrize("step", list(Step))
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_step_says_what_it_expects(step: Step, language: str) -> None:
    visitor = Visitor()
    if step is Step.GUARDIAN:
        visitor.until(step, who="my son", birth="2020-01-02")
    else:
        visitor.until(step)
    (line,) = misunderstood(visitor.draft).lines
    assert WORDS.text(language, line.key, line.params) != WORDS.text(language, visitor.ask.key, visitor.ask.params)


_TEXTS = (
    "yes|no|back|start again|other|later|earlier|for me|my son|my wife|skip|2|the last|my tooth hurts|dermatologist"
    "|anhui|my child has a fever and a rash|provincial hospital|Luyang|tomorrow|Sunday|next week|friday afternoon|9:30"
    "|at 3|soonest|monday or tuesday|SPECIMEN ERIKA|1990-05-17|2020-01-02|03/04/1990|X1234567|+49 1512 3456789|12"
    "|change the date to Friday|change the time to 9:30|change the department|another hospital|other times"
    "|31 February|change the name|change the patient|change the birthday|change the phone|好的|وقت آخر|{name}"
).split("|")
_PICKS = (
    "say:yes say:no say:back yes:consent yes:agree no:confirm more: wait:// speaks:en speaks: department:all"
    f" department:paediatrics department:nobody hospital:any hospital:{FIRST} hospital:x day:any day:2026-12-01/morning"
    f" day:2026-11-29 slot:{FIRST}.dentistry.12010930@2026-12-01T09:30:00+08:00 who:self who:child born:1990-03-04"
    " interpreter:none interpreter:uk wait:2026-12-01/2026-12-02/noon change:day change:slot change:hospital change:who"
    " change:department show: take:1"
).split()
_SAID = st.one_of(
    st.sampled_from(_TEXTS),
    st.sampled_from(_PICKS).map(lambda pick: f"tap {pick}"),
    st.integers(0, 9).map(lambda place: f"tap #{place}"),
    st.text(max_size=12),
)


@given(
    said=st.lists(_SAID, max_size=14),
    language=st.sampled_from((*LANGUAGES, "uk")),
    moved=st.booleans(),
    ahead=st.sampled_from([None, Step.SLOT, Step.NAME, Step.CONFIRM]),
    empty=st.booleans(),
)
def test_nothing_that_is_said_breaks_it(
    said: list[str], language: str, moved: bool, ahead: Step | None, empty: bool
) -> None:
    visitor = moving() if moved else Visitor()
    if ahead is not None and not moved:
        visitor.until(ahead)
    visitor.language, visitor.turn = language, None
    visitor.openings = () if empty else None
    for words in said:
        if words.startswith("tap #"):
            picks = visitor.ask.picks
            visitor.taps(picks[int(words[5:]) % len(picks)] if picks else "say:back")
        elif words.startswith("tap "):
            visitor.taps(words[4:])
        else:
            visitor.says(words)
        if visitor.ending is not None:
            break
        _sayable(visitor)
    assert Draft.from_json(visitor.draft.to_json()) == visitor.draft


def _sayable(visitor: Visitor) -> None:
    """In every language, with a title on every button, and never a step skipped without consent."""
    assert Draft.from_json(visitor.draft.to_json()) == visitor.draft
    assert visitor.draft.consented or visitor.step is Step.CONSENT
    lines = visitor.turn.lines if visitor.turn is not None else ()
    for ask in (*lines, visitor.ask):
        for language in LANGUAGES:
            assert "{" not in WORDS.text(language, ask.key, {**ask.params, "name": "x"})
            assert all(WORDS.title(language, pick) for pick in ask.picks)
        assert len(set(ask.picks)) == len(ask.picks)


def test_a_day_later_than_any_is_not_made_up() -> None:
    visitor = Visitor(openings=tuple(one for one in openings("dentistry", days=3))).until(Step.DAY)
    days = [pick for pick in visitor.ask.picks if pick.startswith("day:2")]
    assert days == [f"day:{TODAY + timedelta(2)}", f"day:{TODAY + timedelta(3)}"]
