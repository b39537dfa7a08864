"""Hospitals and departments: the project's files, what the loader refuses, and where residents' words lead."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.appointments.catalogue import Catalogue, Confidence, HospitalKind, Patients, load
from bot.appointments.contents import LANGUAGES
from bot.errors import ContentError
from bot.keeping.words import INTERFACE
from bot.settings import ROOT

DATA = ROOT / "data" / "booking"
# Not in the knowledge base's offices yet: facts name it without an address.
WITHOUT_OFFICE = {"hospital-hefei-2"}
Edit = Callable[[str, Callable[[Any], object]], Path]


def _read(path: Path) -> Any:
    return yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load(DATA)


@pytest.fixture
def edit(tmp_path: Path) -> Edit:
    """Copies the files, changes one with `change`, and says where the copy is."""

    def edited(name: str, change: Callable[[Any], object]) -> Path:
        for path in DATA.glob("*.yml"):
            shutil.copy(path, tmp_path)
        data = _read(DATA / name)
        change(data)
        (tmp_path / name).write_text(yaml.dump(data, Dumper=yaml.CSafeDumper, allow_unicode=True), encoding="utf-8")
        return tmp_path

    return edited


def test_the_languages_are_those_of_the_interface() -> None:
    assert LANGUAGES == INTERFACE


def test_every_hospital_is_an_office_of_the_knowledge_base_with_the_same_address(catalogue: Catalogue) -> None:
    offices = _read(ROOT / "data" / "knowledge" / "offices.yml")
    for key in set(catalogue.hospitals) - WITHOUT_OFFICE:
        hospital, office = catalogue.hospitals[key], offices[key]
        assert all(hospital.names[code].startswith(name) for code, name in office["names"].items()), key
        assert hospital.campuses[0].address_zh == office["address_zh"]
        assert hospital.phone == office["phone"]
    assert {key for key in offices if key.startswith("hospital-")} <= set(catalogue.hospitals)


def test_what_the_facts_do_not_say_is_unknown(catalogue: Catalogue) -> None:
    assert {hospital.international_clinic for hospital in catalogue.hospitals.values()} == {None}
    assert {hospital.english_service for hospital in catalogue.hospitals.values()} == {None}
    assert [key for key, hospital in catalogue.hospitals.items() if hospital.foreigners] == ["hospital-linhu-chc"]
    assert all(
        hospital.facts and hospital.checked_on == date(2026, 11, 23) for hospital in catalogue.hospitals.values()
    )


def test_an_address_from_general_knowledge_says_so(catalogue: Catalogue) -> None:
    for hospital in catalogue.hospitals.values():
        if any(campus.address_zh for campus in hospital.campuses):
            assert hospital.confidence is Confidence.GK


def test_campuses_are_found_by_key(catalogue: Catalogue) -> None:
    hospital = catalogue.hospitals["hospital-ustc-1"]
    south, main = hospital.campus("south"), hospital.campus("main")
    assert south is not None and south.names["zh"] == "南区" and south.address_zh is None
    assert main is not None and main.district == "luyang"
    assert hospital.campus("moon") is None


def test_districts_are_those_that_the_engine_knows(catalogue: Catalogue) -> None:
    known = _lookups("districts.yml")
    campuses = [campus for hospital in catalogue.hospitals.values() for campus in hospital.campuses]
    assert {campus.district for campus in campuses} - {None} <= known


def test_every_department_that_the_engine_names_is_there(catalogue: Catalogue) -> None:
    assert _lookups("departments.yml") <= set(catalogue.departments)


def _lookups(name: str) -> set[str]:
    data = _read(ROOT / "data" / "nlu" / "entities" / name)
    return {entry["lookup"].partition("/")[2] for entry in data["nlu"]}


def test_signs_and_names_tell_departments_apart(catalogue: Catalogue) -> None:
    departments = list(catalogue.departments.values())
    assert len({department.sign_zh for department in departments}) == len(departments)
    for language in LANGUAGES:
        assert len({department.names[language] for department in departments}) == len(departments), language


def test_who_is_seen_and_where_one_goes_without_an_appointment(catalogue: Catalogue) -> None:
    only = {key: department.only for key, department in catalogue.departments.items() if department.only}
    assert only == {
        "paediatrics": Patients.CHILDREN,
        "gynaecology": Patients.WOMEN,
        "obstetrics": Patients.WOMEN,
        "breast_surgery": Patients.WOMEN,
    }
    walk_in = {key for key, department in catalogue.departments.items() if department.walk_in}
    assert walk_in == {"fever_clinic", "animal_bites"}
    assert catalogue.hospitals["hospital-children"].kind is HospitalKind.CHILDREN


@pytest.mark.parametrize(
    ("language", "message", "department"),
    [
        ("zh", "我头疼两天了", "neurology"),
        ("zh", "晚上睡不着，心情很不好", "psychology"),
        ("zh", "被狗咬了", "animal_bites"),
        ("en", "I have a really bad HEADACHE since Monday", "neurology"),
        ("en", "pain in my left knee", "orthopaedics"),
        ("en", "My period is late", "gynaecology"),
        ("ja", "頭がとても痛いです", "neurology"),
        ("ja", "目がかゆい", "ophthalmology"),
        ("ko", "배가 아프고 설사해요", "gastroenterology"),
        ("ko", "허리가 너무 아파요", "orthopaedics"),
        ("fr", "J'ai mal à l'oreille", "ent"),
        ("fr", "mal a la tete", "neurology"),
        ("de", "Mir tut der Rücken weh", "orthopaedics"),
        ("de", "Ausschlag am Arm", "dermatology"),
        ("es", "Me duele mucho la espalda", "orthopaedics"),
        ("es", "dolor de muelas", "dentistry"),
        ("ru", "у меня очень болит живот", "gastroenterology"),
        ("ru", "чешется кожа", "dermatology"),
        ("ar", "أعاني من ألمٍ في الظهر", "orthopaedics"),
        ("ar", "عندي صُداع", "neurology"),
        ("vi", "tôi bị đau đầu", "neurology"),
        ("vi", "toi bi dau dau", "neurology"),
        ("vi", "mang thai 3 tháng", "obstetrics"),
    ],
)
def test_a_complaint_leads_to_its_department_first(
    catalogue: Catalogue, language: str, message: str, department: str
) -> None:
    assert catalogue.department_for(message, language)[:1] == (department,)


@pytest.mark.parametrize(
    ("language", "message"),
    [
        ("zh", "手续很麻烦"),
        ("zh", "我是西班牙人"),
        ("en", "how do I open a bank account"),
        ("en", "I need to fill in a form"),
        ("ja", "がんばります"),
        ("ko", "지금 문이 열려 있나요?"),
        ("es", "tengo 30 años y cuesta 20 dólares"),
        ("ru", "где больница?"),
        ("ar", "أين المستشفى؟"),
        ("vi", "phục vụ rất tốt"),
        ("vi", "toi muon tim bac si ngay"),
        ("en", ""),
        ("zh", "，。！"),
    ],
)
def test_what_is_no_complaint_leads_nowhere(catalogue: Catalogue, language: str, message: str) -> None:
    assert catalogue.department_for(message, language) == ()


# What residents call a doctor or a department, and where it leads first.
TITLES = {
    "zh": {
        "我要看牙医": "dentistry",
        "想找眼科医生": "ophthalmology",
        "挂内科": "internal_medicine",
        "心内科": "cardiology",
        "呼吸内科": "respiratory",
        "神經內科": "neurology",
        "妇科医生": "gynaecology",
        "产科": "obstetrics",
        "儿科大夫": "paediatrics",
        "骨科": "orthopaedics",
        "五官科": "ent",
        "看外科": "surgery",
        "男科": "urology",
        "精神科医生": "psychology",
        "肛肠外科": "proctology",
        "皮膚科": "dermatology",
        "我想看dermatologist": "dermatology",
    },
    "en": {
        "I want to see a dermatologist": "dermatology",
        "dermotologist please": "dermatology",
        "gynecologist": "gynaecology",
        "I need a gynaecologist": "gynaecology",
        "pediatrician for a boy": "paediatrics",
        "a paediatrician": "paediatrics",
        "orthopedist": "orthopaedics",
        "orthopaedic surgeon": "orthopaedics",
        "cardiologist": "cardiology",
        "ENT": "ent",
        "ear, nose and throat specialist": "ent",
        "opthamologist": "ophthalmology",
        "pyschiatrist": "psychology",
        "GP": "internal_medicine",
        "internal medicine": "internal_medicine",
        "urologist": "urology",
        "neurosurgeon": "neurology",
        "a surgeon": "surgery",
        "physical therapist": "rehabilitation",
        "pediatric dentist": "dentistry",
    },
    "ja": {
        "内科に行きたい": "internal_medicine",
        "小児科の先生": "paediatrics",
        "皮フ科": "dermatology",
        "整形外科": "orthopaedics",
        "循環器内科": "cardiology",
        "耳鼻科": "ent",
        "眼科": "ophthalmology",
        "歯医者さん": "dentistry",
        "婦人科": "gynaecology",
        "心療内科": "psychology",
        "泌尿器科": "urology",
        "脳外科": "neurology",
        "口腔外科": "dentistry",
        "消化器内科": "gastroenterology",
    },
    "ko": {
        "치과 의사": "dentistry",
        "내과": "internal_medicine",
        "피부과 가고 싶어요": "dermatology",
        "소아과": "paediatrics",
        "정형외과": "orthopaedics",
        "이비인후과": "ent",
        "안과 의사": "ophthalmology",
        "비뇨기과": "urology",
        "신경과": "neurology",
        "정신과": "psychology",
        "호흡기 내과": "respiratory",
        "가정의학과": "internal_medicine",
        "외과": "surgery",
    },
    "fr": {
        "un dermatologue": "dermatology",
        "je voudrais voir un gynéco": "gynaecology",
        "gynecologue": "gynaecology",
        "une pédiatre": "paediatrics",
        "orthopediste": "orthopaedics",
        "cardiologue": "cardiology",
        "ORL": "ent",
        "un ophtalmo": "ophthalmology",
        "médecin généraliste": "internal_medicine",
        "mon médecin traitant": "internal_medicine",
        "un chirurgien-dentiste": "dentistry",
        "chirurgien orthopédique": "orthopaedics",
        "psy": "psychology",
        "urologue": "urology",
        "kinésithérapeute": "rehabilitation",
    },
    "de": {
        "Hautarzt": "dermatology",
        "Ich brauche eine Hautärztin": "dermatology",
        "zum Frauenarzt": "gynaecology",
        "Frauenaerztin": "gynaecology",
        "Kinderarzt": "paediatrics",
        "Orthopäde": "orthopaedics",
        "Kardiologin": "cardiology",
        "HNO-Arzt": "ent",
        "Augenarzt": "ophthalmology",
        "Zahnarzt": "dentistry",
        "Hausarzt": "internal_medicine",
        "Internist": "internal_medicine",
        "Neurologe": "neurology",
        "Unfallchirurg": "orthopaedics",
        "Psychotherapeutin": "psychology",
    },
    "es": {
        "ginecólogo": "gynaecology",
        "una ginecologa": "gynaecology",
        "quiero ver a un dermatólogo": "dermatology",
        "pediatra": "paediatrics",
        "traumatologo": "orthopaedics",
        "cardiólogo": "cardiology",
        "otorrino": "ent",
        "oculista": "ophthalmology",
        "odontólogo": "dentistry",
        "médico de cabecera": "internal_medicine",
        "medico de familia": "internal_medicine",
        "cirujano": "surgery",
        "urólogo": "urology",
        "psicóloga": "psychology",
        "obstetra": "obstetrics",
    },
    "ru": {
        "стоматолог": "dentistry",
        "к окулисту": "ophthalmology",
        "дерматолог": "dermatology",
        "дермотолог": "dermatology",
        "нужен гинеколог": "gynaecology",
        "женский врач": "gynaecology",
        "педиатр": "paediatrics",
        "ортопед": "orthopaedics",
        "кардиолог": "cardiology",
        "лор": "ent",
        "терапевт": "internal_medicine",
        "невропатолог": "neurology",
        "хирург": "surgery",
        "уролог": "urology",
        "психотерапевт": "psychology",
        "детский стоматолог": "dentistry",
    },
    "ar": {
        "طبيب نساء": "gynaecology",
        "أريد دكتورة نسائية": "gynaecology",
        "طبيب أسنان": "dentistry",
        "دكتور جلدية": "dermatology",
        "طبيب عيون": "ophthalmology",
        "طبيب الأطفال": "paediatrics",
        "دكتور عظام": "orthopaedics",
        "طبيب قلب": "cardiology",
        "أنف وأذن وحنجرة": "ent",
        "باطنية": "internal_medicine",
        "طبيب أعصاب": "neurology",
        "جراح": "surgery",
        "طبيب نفسي": "psychology",
        "مسالك بولية": "urology",
        "طبيب صدر": "respiratory",
    },
    "vi": {
        "nha sĩ": "dentistry",
        "nha si": "dentistry",
        "bác sĩ da liễu": "dermatology",
        "bac si da lieu": "dermatology",
        "bác sĩ phụ khoa": "gynaecology",
        "bác sĩ nhi": "paediatrics",
        "khoa nhi": "paediatrics",
        "chấn thương chỉnh hình": "orthopaedics",
        "bác sĩ tim mạch": "cardiology",
        "tai mũi họng": "ent",
        "bác sỹ mắt": "ophthalmology",
        "khoa nội": "internal_medicine",
        "bác sĩ thần kinh": "neurology",
        "bác sĩ tâm thần": "psychology",
        "khoa sản": "obstetrics",
        "tiết niệu": "urology",
    },
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_doctor_or_department_leads_to_it_first(catalogue: Catalogue, language: str) -> None:
    found = {title: catalogue.department_for(title, language)[:1] for title in TITLES[language]}
    assert found == {title: (department,) for title, department in TITLES[language].items()}


@pytest.mark.parametrize(
    ("language", "title"),
    [
        ("zh", "妇产科"),
        ("en", "OB-GYN"),
        ("en", "obgyn"),
        ("ja", "産婦人科"),
        ("ko", "산부인과"),
        ("fr", "gynécologue obstétricien"),
        ("de", "Frauenklinik"),
        ("es", "gineco-obstetra"),
        ("ru", "акушер-гинеколог"),
        ("ar", "طبيبة نساء وولادة"),
        ("vi", "bác sĩ sản phụ khoa"),
        ("vi", "khoa phụ sản"),
    ],
)
def test_one_word_for_women_and_birth_leads_to_both(catalogue: Catalogue, language: str, title: str) -> None:
    assert set(catalogue.department_for(title, language)) == {"gynaecology", "obstetrics"}


@pytest.mark.parametrize(
    ("language", "title", "department"),
    [
        ("zh", "心血管内科", "cardiology"),
        ("zh", "泌尿外科", "urology"),
        ("en", "orthopedic surgeon", "orthopaedics"),
        ("en", "oral surgeon", "dentistry"),
        ("ja", "脳神経外科", "neurology"),
        ("ja", "心療内科", "psychology"),
        ("ko", "정형외과", "orthopaedics"),
        ("ko", "소화기내과", "gastroenterology"),
        ("fr", "chirurgien dentiste", "dentistry"),
        ("ru", "детский стоматолог", "dentistry"),
        ("ar", "جراح عظام", "orthopaedics"),
        ("vi", "khoa thần kinh", "neurology"),
    ],
)
def test_a_special_department_is_not_also_the_general_one(
    catalogue: Catalogue, language: str, title: str, department: str
) -> None:
    assert catalogue.department_for(title, language) == (department,)


# Said of doctors, hospitals and appointments every day; they name no department.
PLAIN = {
    "zh": [
        "哪家医院最好",
        "我想预约医生",
        "我的预约",
        "有会说英语的医生吗",
        "我要挂号",
        "看病要多少钱",
        "检查",
        "科室",
    ],
    "en": [
        "what is the best hospital",
        "I want to book a doctor",
        "my appointment",
        "is there a doctor who speaks English?",
        "I need a woman doctor",
        "a doctor for my family",
        "check my booking",
        "hospital",
        "specialist",
        "where can I buy a surgical mask",
        "general",
        "the doctor's surgery",
    ],
    "ja": [
        "一番いい病院はどこですか",
        "医者に診てもらいたい",
        "わたしはいしゃにあいたい",
        "私の予約",
        "2番目の先生",
        "検査",
        "英語を話せる医師",
    ],
    "ko": [
        "제일 좋은 병원이 어디예요?",
        "의사 예약하고 싶어요",
        "내 예약",
        "친절한 의사",
        "영어 가능한 의사",
        "상담사 연결",
        "검사",
        "병원",
    ],
    "fr": [
        "quel est le meilleur hôpital",
        "je veux voir un médecin",
        "mon rendez-vous",
        "un médecin pour ma famille",
        "un spécialiste",
        "un médecin qui parle anglais",
        "l'hôpital général",
    ],
    "de": [
        "Welches Krankenhaus ist das beste?",
        "Ich möchte einen Arzt buchen",
        "mein Termin",
        "ob der Arzt Englisch spricht",
        "eine Ärztin",
        "ein Facharzt",
        "Untersuchung",
    ],
    "es": [
        "¿cuál es el mejor hospital?",
        "quiero reservar un médico",
        "mi cita",
        "un médico para mi familia",
        "una doctora que hable inglés",
        "el hospital general",
        "un especialista",
    ],
    "ru": [
        "какая больница лучше",
        "хочу записаться к врачу",
        "моя запись",
        "врач женского пола",
        "врач для моей семьи",
        "поликлиника",
        "нужен специалист",
    ],
    "ar": [
        "ما هو أفضل مستشفى",
        "أريد حجز طبيب",
        "موعدي",
        "طبيبة تتكلم الإنجليزية",
        "كم سنك",
        "طبيب لعائلتي",
        "مستشفى عام",
        "فحص",
    ],
    "vi": [
        "bệnh viện nào tốt nhất",
        "benh vien nao tot nhi",
        "tôi muốn đặt lịch bác sĩ",
        "lịch hẹn của tôi",
        "bac si noi tieng anh",
        "bac si da kham",
        "bac si tai benh vien",
        "bac si than thien",
        "bác sĩ cho gia đình tôi",
        "bệnh viện đa khoa",
        "kham benh mat bao lau",
        "thầy thuốc",
    ],
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_doctor_or_hospital_as_such_leads_nowhere(catalogue: Catalogue, language: str) -> None:
    found = {message: catalogue.department_for(message, language) for message in PLAIN[language]}
    assert found == dict.fromkeys(PLAIN[language], ())


@pytest.mark.parametrize(
    ("language", "message", "department", "not_this"),
    [
        ("vi", "đau đầu gối", "orthopaedics", "neurology"),
        ("zh", "骨头疼", "orthopaedics", "neurology"),
        ("en", "yellow skin", "infectious_diseases", "dermatology"),
        ("en", "heartburn after lunch", "gastroenterology", "cardiology"),
        ("ja", "手首が痛い", "orthopaedics", "neurology"),
        ("en", "a vaccine for my baby", "vaccination", "paediatrics"),
    ],
)
def test_the_longer_words_win(
    catalogue: Catalogue, language: str, message: str, department: str, not_this: str
) -> None:
    found = catalogue.department_for(message, language)
    assert department in found
    assert not_this not in found


def test_a_child_goes_to_the_childrens_department_first(catalogue: Catalogue) -> None:
    assert catalogue.department_for("my daughter has a rash", "en") == ("paediatrics", "dermatology")
    assert catalogue.department_for("my rash itches", "en") == ("dermatology",)


def test_shared_words_name_every_department_and_never_more_than_three(catalogue: Catalogue) -> None:
    assert set(catalogue.department_for("joint pain", "en")) == {"orthopaedics", "rheumatology"}
    many = catalogue.department_for("cough, diarrhoea, toothache, red eye, rash and a fever", "en")
    assert len(many) == 3


def test_words_of_different_clauses_do_not_make_a_complaint(catalogue: Catalogue) -> None:
    assert catalogue.department_for("Where is the back door? It hurts.", "en") == ()


def test_what_the_own_words_do_not_know_is_looked_for_in_english(catalogue: Catalogue) -> None:
    assert catalogue.department_for("migraine", "tr") == ("neurology",)
    assert catalogue.department_for("我有headache", "zh") == ("neurology",)


@pytest.mark.parametrize("text", ["pain " * 5000, "\ufdfa" * 5000, "头" * 5000, "đau " * 5000])
def test_hostile_input_costs_little(catalogue: Catalogue, text: str) -> None:
    started = time.perf_counter()
    for language in LANGUAGES:
        catalogue.department_for(text, language)
    assert time.perf_counter() - started < 2


def _department(data: Any, key: str) -> Any:
    return next(entry for entry in data["departments"] if entry["key"] == key)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda data: _department(data, "ent")["names"].pop("ko"), "ent: names: lacks ko"),
        (lambda data: _department(data, "ent")["names"].update(ko=" "), "ent: names: ko"),
        (lambda data: _department(data, "ent").update(sign_zh=""), "ent: sign_zh"),
        (lambda data: _department(data, "ent")["complaints"].update(ru=[]), "ent: complaints: ru"),
        (lambda data: _department(data, "ent")["complaints"].pop("ru"), "ent: complaints: lacks ru"),
        (lambda data: _department(data, "ent")["complaints"].update(ru=["ух+о"]), "ух"),
        (lambda data: _department(data, "ent").update(only="dogs"), "ent: only"),
        (lambda data: _department(data, "ent").update(walk_in="yes"), "ent: walk_in"),
        (lambda data: _department(data, "ent").update(doctor="x"), "unknown fields doctor"),
        (lambda data: _department(data, "ent").update(key="neurology"), "neurology stands twice"),
        (lambda data: _department(data, "ent").update(key="E N T"), "key must be"),
        (lambda data: _department(data, "ent")["complaints"]["en"].append("HÉADACHE*"), "also stands in neurology"),
        (lambda data: _department(data, "ent").update(shared={"en": ["headache*"]}), "also stands in"),
        (lambda data: data.update(departments=[]), "departments: must be a list"),
    ],
)
def test_a_wrong_department_is_named(edit: Edit, change: Callable[[Any], object], says: str) -> None:
    with pytest.raises(ContentError, match=r"departments\.yml") as caught:
        load(edit("departments.yml", change))
    assert says in str(caught.value)


def test_words_may_be_shared_when_both_say_so(edit: Edit) -> None:
    def share(data: Any) -> None:
        for key in ("ent", "dermatology"):
            _department(data, key).setdefault("shared", {})["en"] = ["blisters"]

    found = load(edit("departments.yml", share)).department_for("blisters", "en")
    assert set(found) == {"ent", "dermatology"}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda hospital: hospital["names"].pop("vi"), "hospital-ahmu-1: names: lacks vi"),
        (lambda hospital: hospital.update(kind="dental"), "hospital-ahmu-1: kind"),
        (lambda hospital: hospital.update(phone=12345), "hospital-ahmu-1: phone"),
        (lambda hospital: hospital.pop("phone"), "lacks phone"),
        (lambda hospital: hospital.update(english_service="some"), "english_service"),
        (lambda hospital: hospital.update(departments=["ent", "magic"]), "no department magic"),
        (lambda hospital: hospital.update(departments=["ent", "ent"]), "ent stands twice"),
        (lambda hospital: hospital.update(facts=[]), "facts"),
        (lambda hospital: hospital["campuses"].append(hospital["campuses"][0]), "main stands twice"),
        (lambda hospital: hospital["campuses"][0].update(address_zh=""), "address_zh"),
        (lambda hospital: hospital["source"].update(title=None), "source: title"),
        (lambda hospital: hospital.update(key="hospital-children"), "hospital-children stands twice"),
    ],
)
def test_a_wrong_hospital_is_named(edit: Edit, change: Callable[[Any], object], says: str) -> None:
    with pytest.raises(ContentError, match=r"hospitals\.yml") as caught:
        load(edit("hospitals.yml", lambda data: change(data["hospitals"][0])))
    assert says in str(caught.value)


def test_the_day_of_checking_is_a_date(edit: Edit) -> None:
    with pytest.raises(ContentError, match="checked_on"):
        load(edit("hospitals.yml", lambda data: data.update(checked_on="today")))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ContentError, match=r"departments\.yml"):
        load(tmp_path)
