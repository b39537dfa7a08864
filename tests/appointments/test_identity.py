"""Names, births, documents and telephones as residents type them. Every number is invented or a published specimen."""

from __future__ import annotations

import time as clocks
from datetime import date, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.appointments.contents import LANGUAGES
from bot.appointments.identity import (
    Ambiguous,
    BirthTrouble,
    DocumentFault,
    DocumentTrouble,
    NameTrouble,
    PhoneTrouble,
    RelationTrouble,
    age,
    is_child,
    read_birth,
    read_document,
    read_name,
    read_phone,
    relation_trouble,
)
from bot.appointments.patient import Document, Relation

TODAY = date(2026, 11, 24)
MAY = date(1990, 5, 3)
ANY_TEXT = st.text(st.characters(codec=None), max_size=260)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("TEST PERSON", "TEST PERSON"),
        ("MUSTERMANN, Erika", "MUSTERMANN, Erika"),
        ("  erika   mustermann. ", "erika mustermann"),
        ("ＴＥＳＴ　ＰＥＲＳＯＮ", "TEST PERSON"),
        ("Test Person 👍🏽", "Test Person"),
        ("my name is Test Person", "Test Person"),
        ("Hello, I’m Test Person", "Test Person"),
        ("Name: TEST PERSON, JR.", "TEST PERSON, JR."),
        ("Test O’Person Jr.", "Test O'Person Jr."),
        ("the patient's name is Test Person", "Test Person"),
        ("Je m'appelle Marie-Claire TEST", "Marie-Claire TEST"),
        ("je m’appelle d'Exemple", "d'Exemple"),
        ("Ich heiße Erika Mustermann.", "Erika Mustermann"),
        ("ich heisse ERIKA MUSTERMANN", "ERIKA MUSTERMANN"),
        ("me llamo José EJEMPLO", "José EJEMPLO"),
        ("меня зовут TEST PERSON", "TEST PERSON"),
        ("اسمي TEST PERSON", "TEST PERSON"),
        ("tên tôi là NGUYỄN VÍ DỤ", "NGUYỄN VÍ DỤ"),
        ("ten toi la Nguyen Vi Du", "Nguyen Vi Du"),
        ("我叫 MUSTERMANN ERIKA", "MUSTERMANN ERIKA"),
        ("名前はTEST PERSONです", "TEST PERSON"),
        ("제 이름은 TEST PERSON 입니다", "TEST PERSON"),
        ("Ẹ̀lọ́ TEST", "Ẹ̀lọ́ TEST"),
        ("TEST (测试)", "TEST"),
        ("Surname: MUSTERMANN Given name: ERIKA", "MUSTERMANN, ERIKA"),
        ("First name: Erika, last name: Mustermann", "Mustermann, Erika"),
        ("Name: MUSTERMANN Vorname: ERIKA", "MUSTERMANN, ERIKA"),
        ("Nom: TEST Prénom: MARIE", "TEST, MARIE"),
        ("姓: TEST 名: PERSON", "TEST, PERSON"),
        ("P<GBRPERSON<<TEST<<<", "PERSON, TEST"),
        ("P<D<<MUSTERMANN<<ERIKA<<<<<<<<<<<<<<<<<<<<<<<", "MUSTERMANN, ERIKA"),
        ("p<utoeriksson<<anna<maria<<<<<<<<<<<<<<<<<<<", "ERIKSSON, ANNA MARIA"),
        ("测试", "测试"),
        ("我叫测试员", "测试员"),
        ("阿卜杜拉•测试", "阿卜杜拉·测试"),
    ],
)
def test_a_name(text: str, name: str) -> None:
    assert read_name(text) == name


@pytest.mark.parametrize(
    ("text", "trouble"),
    [
        ("محمد تجربة", NameTrouble.NOT_LATIN),
        ("اسمي تجربة", NameTrouble.NOT_LATIN),
        ("Тест Персона", NameTrouble.NOT_LATIN),
        ("меня зовут Тест", NameTrouble.NOT_LATIN),
        ("테스트", NameTrouble.NOT_LATIN),
        ("テスト", NameTrouble.NOT_LATIN),
        ("ทดสอบ", NameTrouble.NOT_LATIN),
        ("Δοκιμή", NameTrouble.NOT_LATIN),
        ("TEST 测试", NameTrouble.NOT_LATIN),
        ("X1234567", NameTrouble.HAS_DIGITS),
        ("Test Person 3", NameTrouble.HAS_DIGITS),
        ("Test " + "P" * 60, NameTrouble.TOO_LONG),
        ("", NameTrouble.NOT_A_NAME),
        ("J", NameTrouble.NOT_A_NAME),
        ("...", NameTrouble.NOT_A_NAME),
        ("hello", NameTrouble.NOT_A_NAME),
        ("my name is", NameTrouble.NOT_A_NAME),
        ("why do you need this?", NameTrouble.NOT_A_NAME),
        ("لماذا؟", NameTrouble.NOT_A_NAME),
        ("I dont want to say that", NameTrouble.NOT_A_NAME),
        ("je ne sais pas", NameTrouble.NOT_A_NAME),
        ("ich weiß nicht", NameTrouble.NOT_A_NAME),
        ("quiero cambiar la fecha", NameTrouble.NOT_A_NAME),
        ("tôi không biết", NameTrouble.NOT_A_NAME),
        ("yes", NameTrouble.NOT_A_NAME),
        ("不知道", NameTrouble.NOT_A_NAME),
        ("换医院", NameTrouble.NOT_A_NAME),
        ("为什么", NameTrouble.NOT_A_NAME),
        ("a b c d e f g h i j", NameTrouble.NOT_A_NAME),
        ("test@example.org", NameTrouble.NOT_A_NAME),
    ],
)
def test_what_is_no_name(text: str, trouble: NameTrouble) -> None:
    assert read_name(text) is trouble


@pytest.mark.parametrize(
    ("language", "text"),
    [
        *((language, text) for language in LANGUAGES for text in ("1990-05-03", "1990/5/3", "3 May 1990", "19900503")),
        ("en", "May 3 1990"),
        ("en", "May 3rd, 1990"),
        ("en", "3may1990"),
        ("en", "I was born on the 3rd of May 1990"),
        ("en", "03 MAI/MAY 1990"),
        ("zh", "1990年5月3日"),
        ("zh", "一九九〇年五月三日"),
        ("zh", "５月３日１９９０年"),
        ("zh", "1990.5.3"),
        ("zh", "民国79年5月3日"),
        ("ja", "1990年5月3日"),
        ("ja", "平成2年5月3日"),
        ("ko", "1990년 5월 3일"),
        ("ko", "1990.05.03."),
        ("fr", "3 mai 1990"),
        ("fr", "le 03/05/1990"),
        ("de", "3. Mai 1990"),
        ("de", "03.05.1990"),
        ("es", "3 de mayo de 1990"),
        ("es", "tres no, 3/5/1990"),
        ("ru", "3 мая 1990 г."),
        ("ru", "третьего мая 1990"),
        ("ru", "03.05.1990"),
        ("ar", "٣ مايو ١٩٩٠"),
        ("ar", "٣/٥/١٩٩٠"),
        ("ar", "3 أيار 1990"),
        ("vi", "ngày 3 tháng 5 năm 1990"),
        ("vi", "3 tháng năm 1990"),
        ("vi", "3-5-1990"),
        ("pt", "1990-05-03"),
    ],
)
def test_a_day_of_birth(language: str, text: str) -> None:
    assert read_birth(text, language, TODAY) == MAY


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "3/5/1990", Ambiguous(MAY, date(1990, 3, 5))),
        ("zh", "3/5/1990", Ambiguous(date(1990, 3, 5), MAY)),
        ("en", "03051990", Ambiguous(MAY, date(1990, 3, 5))),
        ("en", "13/5/1990", date(1990, 5, 13)),
        ("zh", "13/5/1990", date(1990, 5, 13)),
        ("fr", "5/13/1990", date(1990, 5, 13)),
        ("en", "5/5/1990", date(1990, 5, 5)),
        ("zh", "一九八八年十二月二十三号", date(1988, 12, 23)),
        ("ja", "令和元年10月10日", date(2019, 10, 10)),
        ("fr", "1er janvier 2020", date(2020, 1, 1)),
        ("es", "primero de mayo de 1990", date(1990, 5, 1)),
        ("en", "29 Feb 2024", date(2024, 2, 29)),
        ("en", "24 November 2026", TODAY),
        ("en", "25 November 2026", BirthTrouble.FUTURE),
        ("en", "3 May 2030", BirthTrouble.FUTURE),
        ("en", "3 May 1890", BirthTrouble.TOO_OLD),
        ("en", "31/2/1990", BirthTrouble.IMPOSSIBLE),
        ("en", "29 Feb 2023", BirthTrouble.IMPOSSIBLE),
        ("en", "0000-00-00", BirthTrouble.IMPOSSIBLE),
        ("en", "3/5/90", BirthTrouble.TWO_DIGITS),
        ("en", "3 May 90", BirthTrouble.TWO_DIGITS),
        ("zh", "90年5月3日", BirthTrouble.TWO_DIGITS),
        ("zh", "900503", BirthTrouble.TWO_DIGITS),
        ("ar", "5/3/1410", BirthTrouble.HIJRI),
        ("ar", "٣ شعبان ١٤١٠", BirthTrouble.HIJRI),
        ("en", "1370/02/13", BirthTrouble.HIJRI),
        ("en", "3/5/2533", BirthTrouble.BUDDHIST),
        ("zh", "农历1990年五月初三", BirthTrouble.LUNAR),
        ("en", "3 May", BirthTrouble.NOT_A_DATE),
        ("en", "1990", BirthTrouble.NOT_A_DATE),
        ("en", "I am 34", BirthTrouble.NOT_A_DATE),
        ("en", "", BirthTrouble.NOT_A_DATE),
        ("en", "hello", BirthTrouble.NOT_A_DATE),
        ("en", "3 May or 4 June 1990", BirthTrouble.NOT_A_DATE),
        ("en", "+86 551 0000 0000", BirthTrouble.NOT_A_DATE),
    ],
)
def test_what_a_birth_is_read_as(language: str, text: str, expected: date | Ambiguous | BirthTrouble) -> None:
    assert read_birth(text, language, TODAY) == expected


@given(st.dates(date(1907, 1, 1), TODAY), st.sampled_from(LANGUAGES))
@settings(max_examples=60, deadline=None)
def test_every_day_is_read_as_written(day: date, language: str) -> None:
    assert read_birth(day.isoformat(), language, TODAY) == day
    assert read_birth(f"{day:%Y%m%d}", language, TODAY) == day
    assert read_birth(f"{day:%d %b %Y}", language, TODAY) == day
    assert read_birth(f"{day.year}年{day.month}月{day.day}日", language, TODAY) == day
    read = read_birth(f"{day:%d/%m/%Y}", language, TODAY)
    assert day in ((read.first, read.other) if isinstance(read, Ambiguous) else (read,)) or day.day <= 12


def checked(seventeen: str) -> str:
    """With its check digit: ISO 7064 MOD 11-2, by the standard's recursion."""
    rest = 0
    for digit in seventeen:
        rest = (rest + int(digit)) * 2 % 11
    return seventeen + "0123456789X"[(12 - rest) % 11]


PERMANENT = checked("93484019900503001")
RESIDENCE = checked("81000019900503001")
SPECIMEN = "11010519491231002X"  # of GB 11643-1999
MACHINE = "L898902C36UTO7408122F1204159ZE184226B<<<<<10"  # of ICAO Doc 9303


@pytest.mark.parametrize(
    ("text", "kind", "number"),
    [
        ("X1234567", Document.PASSPORT, "X1234567"),
        ("x 123 45-67.", Document.PASSPORT, "X1234567"),
        ("ＡＢ１２３４５６７", Document.PASSPORT, "AB1234567"),
        ("my passport number is X1234567", Document.PASSPORT, "X1234567"),
        ("Passport No. X1234567", Document.PASSPORT, "X1234567"),
        ("TEST PERSON X1234567", Document.PASSPORT, "X1234567"),
        ("passport X1234567, phone 13800138000", Document.PASSPORT, "X1234567"),
        ("我的护照号码是X1234567", Document.PASSPORT, "X1234567"),
        ("パスポート番号はX1234567です", Document.PASSPORT, "X1234567"),
        ("여권 번호는 M12345678입니다", Document.PASSPORT, "M12345678"),
        ("numéro de passeport : 12AB12345", Document.PASSPORT, "12AB12345"),
        ("mein Reisepass hat die Nummer C0X00T475", Document.PASSPORT, "C0X00T475"),
        ("mi pasaporte es AAA123456", Document.PASSPORT, "AAA123456"),
        ("номер паспорта 12 1234567", Document.PASSPORT, "121234567"),
        ("رقم جواز السفر: ١٢٣٤٥٦٧٨٩", Document.PASSPORT, "123456789"),
        ("số hộ chiếu của tôi là B1234567", Document.PASSPORT, "B1234567"),
        ("so ho chieu B1234567", Document.PASSPORT, "B1234567"),
        ("passport 12345678", Document.PASSPORT, "12345678"),
        ("M12345678", Document.PASSPORT, "M12345678"),
        (MACHINE, Document.PASSPORT, "L898902C3"),
        (PERMANENT, Document.PERMIT, PERMANENT),
        (f"五星卡 {PERMANENT}", Document.PERMIT, PERMANENT),
        (f"{PERMANENT[:6]} {PERMANENT[6:14]} {PERMANENT[14:]}", Document.PERMIT, PERMANENT),
        ("ABC123456789012", Document.PERMIT, "ABC123456789012"),
        ("carte de résident permanent abc123456789012", Document.PERMIT, "ABC123456789012"),
        (RESIDENCE, Document.PERMIT, RESIDENCE),
        ("H12345678", Document.PERMIT, "H12345678"),
        ("h1234567890", Document.PERMIT, "H1234567890"),
        ("M1234567890", Document.PERMIT, "M1234567890"),
        ("通行证 M12345678", Document.PERMIT, "M12345678"),
        ("12345678", Document.PERMIT, "12345678"),
        ("台胞证12345678", Document.PERMIT, "12345678"),
        (SPECIMEN, Document.ID_CARD, SPECIMEN),
        (f"身份证 {SPECIMEN.lower()}", Document.ID_CARD, SPECIMEN),
        (f"passport {SPECIMEN}", Document.ID_CARD, SPECIMEN),
    ],
)
def test_a_document(text: str, kind: Document, number: str) -> None:
    assert read_document(text) == (kind, number)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (PERMANENT[:-1] + ("1" if PERMANENT[-1] != "1" else "2"), Document.PERMIT),
        (SPECIMEN[:-1] + "1", Document.ID_CARD),
        (SPECIMEN[:-1], Document.ID_CARD),
        (checked("11010519491331002"), Document.ID_CARD),
        ("1" * 16, Document.ID_CARD),
        ("id card X1234567", Document.ID_CARD),
        ("green card 12345", Document.PERMIT),
        ("X123", Document.PASSPORT),
        ("passport X12", Document.PASSPORT),
        ("AB12345678901234567", Document.PASSPORT),
        ("000000000", Document.PASSPORT),
        (MACHINE.replace("C36UTO", "C35UTO"), Document.PASSPORT),
    ],
)
def test_a_document_that_cannot_be(text: str, kind: Document) -> None:
    assert read_document(text) == DocumentTrouble(DocumentFault.IMPOSSIBLE, kind)


@pytest.mark.parametrize(
    "text", ["", "ABCDEFGH", "my passport", "I don't know", "+86 138 0013 8000", "13800138000", "护照"]
)
def test_what_is_no_document(text: str) -> None:
    assert read_document(text) == DocumentTrouble(DocumentFault.NOT_A_NUMBER)


@given(st.integers(10**16, 8 * 10**16 - 1), st.integers(0, 16), st.integers(1, 9))
@settings(max_examples=60, deadline=None)
def test_a_wrong_figure_is_noticed(number: int, place: int, more: int) -> None:
    right = checked("9" + str(number)[1:])
    wrong = right[:place] + str((int(right[place]) + more) % 10) + right[place + 1 :]
    assert read_document(right) == (Document.PERMIT, right)
    assert isinstance(read_document(wrong), DocumentTrouble)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        *((text, "+8613800138000") for text in ("13800138000", "138 0013 8000", "+86 138-0013-8000", "138.0013.8000")),
        *((text, "+8613800138000") for text in ("0086 13800138000", "8613800138000", "1-3-8-0-0-1-3-8-0-0-0")),
        *(
            (text, "+8613800138000")
            for text in ("我的手机是13800138000", "١٣٨٠٠١٣٨٠٠٠", "my number is 138 0013 8000 thanks")
        ),
        ("0551-62345678", "+8655162345678"),
        ("+1 650 253 0000", "+16502530000"),
        ("001 650 253 0000", "+16502530000"),
        ("+44 (0)20 8366 1177", "+442083661177"),
        ("442083661177", "+442083661177"),
        ("tel:+442083661177", "+442083661177"),
        ("＋４４ ２０ ８３６６ １１７７", "+442083661177"),
        ("+٤٤٢٠٨٣٦٦١١٧٧", "+442083661177"),
        ("442083661177+", "+442083661177"),
        ("13800138000 or +1 650 253 0000", "+8613800138000"),
    ],
)
def test_a_telephone(text: str, number: str) -> None:
    assert read_phone(text) == number


@pytest.mark.parametrize(
    ("text", "trouble"),
    [
        ("", PhoneTrouble.NOT_A_NUMBER),
        ("I have no phone", PhoneTrouble.NOT_A_NUMBER),
        ("X1234567", PhoneTrouble.NOT_A_NUMBER),
        ("120", PhoneTrouble.TOO_SHORT),
        ("+99912", PhoneTrouble.TOO_SHORT),
        (SPECIMEN[:-1] + "0", PhoneTrouble.TOO_LONG),
        ("1" * 100, PhoneTrouble.TOO_LONG),
        ("1380013800", PhoneTrouble.IMPOSSIBLE),
        ("138001380001", PhoneTrouble.IMPOSSIBLE),
        ("+86 12345678", PhoneTrouble.IMPOSSIBLE),
        ("6502530000", PhoneTrouble.NEEDS_COUNTRY),
        ("020 8366 1177", PhoneTrouble.NEEDS_COUNTRY),
        ("010-1234-5678", PhoneTrouble.NEEDS_COUNTRY),
        ("62345678", PhoneTrouble.NEEDS_COUNTRY),
    ],
)
def test_what_is_no_telephone(text: str, trouble: PhoneTrouble) -> None:
    assert read_phone(text) is trouble


@pytest.mark.parametrize(
    ("born", "today", "years"),
    [
        (date(2012, 11, 24), TODAY, 14),
        (date(2012, 11, 25), TODAY, 13),
        (date(2024, 2, 29), date(2025, 2, 28), 0),
        (date(2024, 2, 29), date(2025, 3, 1), 1),
        (TODAY, TODAY, 0),
        (TODAY + timedelta(days=400), TODAY, 0),
    ],
)
def test_age_in_full_years(born: date, today: date, years: int) -> None:
    assert age(born, today) == years
    assert is_child(born, today) is (years < 14)


@pytest.mark.parametrize(
    ("relation", "born", "trouble"),
    [
        (Relation.CHILD, date(1996, 1, 1), RelationTrouble.NOT_A_CHILD),
        (Relation.CHILD, date(2008, 11, 24), RelationTrouble.NOT_A_CHILD),
        (Relation.CHILD, date(2008, 11, 25), None),
        (Relation.CHILD, TODAY, None),
        (Relation.SELF, date(2012, 11, 25), RelationTrouble.SELF_UNDER_14),
        (Relation.SELF, date(2012, 11, 24), None),
        (Relation.FAMILY, date(2020, 1, 1), None),
        (Relation.FAMILY, date(1930, 1, 1), None),
    ],
)
def test_whether_age_and_relation_agree(relation: Relation, born: date, trouble: RelationTrouble | None) -> None:
    assert relation_trouble(relation, born, TODAY) is trouble


@settings(deadline=None)  # the first example reads the tables
@given(ANY_TEXT, st.sampled_from([*LANGUAGES, "pt", "", "../en"]))
@example("\ud800", "en")
@example("ﷺ" * 200, "ar")
@example("P<<<<<<<", "en")
@example("年月日", "zh")
@example("²³¹ ⅷ ㊿ 〇", "ja")
@example("٣" * 9, "ar")
@example("十月十日", "zh")
@example("民国999999999年5月3日", "zh")
@example("+", "en")
@example("00", "en")
@example("1", "en")
def test_any_text_is_read(text: str, language: str) -> None:
    name, born = read_name(text), read_birth(text, language, TODAY)
    assert isinstance(name, NameTrouble) or 2 <= len(name) <= 60
    assert not isinstance(born, date) or date(1905, 1, 1) < born <= TODAY
    document, phone = read_document(text), read_phone(text)
    assert isinstance(document, DocumentTrouble) or document[1].isalnum()
    assert isinstance(phone, PhoneTrouble) or phone.startswith("+")


@settings(max_examples=150, deadline=None)
@given(st.text("0123456789 +-/.年月日HMX<A", max_size=40), st.sampled_from(LANGUAGES))
def test_any_figures_are_read(text: str, language: str) -> None:
    born = read_birth(text, language, TODAY)
    assert not isinstance(born, Ambiguous) or born.first != born.other
    document, phone = read_document(text), read_phone(text)
    assert isinstance(document, DocumentTrouble) or document[1].isascii()
    assert isinstance(phone, PhoneTrouble) or phone[1:].isdigit()


def test_hostile_text_is_read_at_once() -> None:
    read_name("TEST"), read_birth("3 May", "vi", TODAY), read_document("X"), read_phone("1")
    began = clocks.perf_counter()
    for text in (
        "a" * 200,
        "a " * 100,
        "1 " * 100,
        "-" * 200,
        "a-" * 100,
        "<" * 200,
        "P<" * 100,
        "x" * 100_000,
        "我" * 200,
    ):
        for read in (read_name, read_document, read_phone):
            read(text)
        read_birth(text, "vi", TODAY)
    assert clocks.perf_counter() - began < 1
