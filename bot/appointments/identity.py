"""Who the patient is, read from what residents type: name, date of birth, document, telephone. Total on any text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache

import phonenumbers

from bot.appointments import dates, days
from bot.appointments.commands import Lead, change_of, lead_ins, own_words, read_command
from bot.appointments.contents import LANGUAGES
from bot.appointments.patient import Document, Relation
from bot.appointments.tokens import Table, bare, load, normal
from bot.languages import answer_language

_MAX_CHARS = 200


class NameTrouble(StrEnum):
    NOT_LATIN = "not_latin"  # to be written as in the passport's Latin letters
    HAS_DIGITS = "has_digits"
    TOO_LONG = "too_long"
    NOT_A_NAME = "not_a_name"


class BirthTrouble(StrEnum):
    FUTURE = "future"
    TOO_OLD = "too_old"
    IMPOSSIBLE = "impossible"  # 31 February
    TWO_DIGITS = "two_digits"  # the year is to be written with four
    HIJRI = "hijri"
    BUDDHIST = "buddhist"
    LUNAR = "lunar"
    NOT_A_DATE = "not_a_date"


@dataclass(frozen=True)
class Ambiguous:
    """3/5/1990 in a language without one order: `first` is the likelier of the two days."""

    first: date
    other: date


class DocumentFault(StrEnum):
    IMPOSSIBLE = "impossible"  # no document of this kind has such a number
    NOT_A_NUMBER = "not_a_number"


@dataclass(frozen=True)
class DocumentTrouble:
    """`document` is what the number was taken for."""

    fault: DocumentFault
    document: Document | None = None


class PhoneTrouble(StrEnum):
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    NEEDS_COUNTRY = "needs_country"  # no Chinese number; a foreign one begins with + and the country's code
    IMPOSSIBLE = "impossible"
    NOT_A_NUMBER = "not_a_number"


class RelationTrouble(StrEnum):
    NOT_A_CHILD = "not_a_child"
    SELF_UNDER_14 = "self_under_14"


# Under 14 all data are sensitive (Personal Information Protection Law, art. 28) and are handled by special rules, with
# the consent of a parent or guardian (art. 31): so a child of that age does not book alone, and a guardian is named.
GUARDED_BELOW = 14
# Law on the Protection of Minors, art. 2.
OF_AGE = 18
_OLDEST = 120


def age(born: date, today: date) -> int:
    """In full years, 0 before the birth."""
    return max(0, today.year - born.year - ((today.month, today.day) < (born.month, born.day)))


def is_child(born: date, today: date) -> bool:
    """Whether a guardian must come with the patient: see `GUARDED_BELOW`."""
    return age(born, today) < GUARDED_BELOW


def relation_trouble(relation: Relation, born: date, today: date) -> RelationTrouble | None:
    if relation is Relation.CHILD and age(born, today) >= OF_AGE:
        return RelationTrouble.NOT_A_CHILD
    if relation is Relation.SELF and is_child(born, today):
        return RelationTrouble.SELF_UNDER_14
    return None


# Names


_LONGEST_NAME = 60
_MOST_WORDS = 8
_SENTENCE = 4  # words from which on one word that no name has is enough
_HAN = "\u3007\u3400-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_DOTS = re.compile("[・•‧∙･]")
_HAN_NAME = re.compile(f"[{_HAN}]{{2,6}}|[{_HAN}]{{1,8}}(?:·[{_HAN}]{{1,8}}){{1,3}}")
_LATIN_NAME = re.compile(r"[^\W\d_]+['’.]?(?:(?: ?[-'’] ?|, ?| ?· ?|\. ?| )[^\W\d_]+['’.]?)*\.?")
_APOSTROPHES = re.compile("[’‘´`ʼ]")
_UNSEEN = ("Cc", "Cf", "Co", "Cs", "Cn", "So")
_EMOJI_PARTS = "\ufe0f\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"
_BRACKETED = re.compile(r"[(（\[【][^()（）\[\]【】]*[)）\]】]")
# ICAO Doc 9303 part 4: P, a filler or letter, the issuing state, surname << given names.
_MRZ_NAME = re.compile(r"P[A-Z<](?:[A-Z]{3}|[A-Z]<<)([A-Z]+(?:<[A-Z]+)*)(?:<<([A-Z]+(?:<[A-Z]+)*))?(?:<|$)")
_EDGES = ' \t:：=,，;；"“”«»„‘`´*_~|>-–—/。！!…'


def read_name(text: str) -> str | NameTrouble:
    """The name as typed, in Latin letters or 2 to 6 Chinese characters; a machine-readable line as "SURNAME, GIVEN"."""
    if len(text) > _MAX_CHARS:
        return NameTrouble.NOT_A_NAME
    clean = _clean(text)
    if machine := _machine_name(clean):
        return machine
    if "?" in clean or "؟" in clean:
        return NameTrouble.NOT_A_NAME
    name = _parted(clean) or _stripped(_BRACKETED.sub(" ", clean))
    return _name_trouble(name) or name


def _clean(text: str) -> str:
    """One width and one kind of blank, without emoji and what cannot be seen."""
    whole = unicodedata.normalize("NFC", unicodedata.normalize("NFKC", _APOSTROPHES.sub("'", text)))
    return _DOTS.sub("·", " ".join("".join(filter(_is_seen, whole)).split()))


def _is_seen(letter: str) -> bool:
    return letter.isspace() or not (unicodedata.category(letter) in _UNSEEN or letter in _EMOJI_PARTS)


def _machine_name(clean: str) -> str | None:
    match = _MRZ_NAME.search(clean.upper().replace(" ", "")) if "<<" in clean.replace(" ", "") else None
    return ", ".join(part.replace("<", " ") for part in match.groups() if part) if match else None


def _parted(clean: str) -> str | None:
    """ "Surname: X, given name: Y" in whichever order."""
    given = _label_pattern(Lead.GIVEN).search(clean)
    surnames = _label_pattern(Lead.SURNAME).finditer(clean)
    surname = next((each for each in surnames if given and not _overlap(each, given)), None)
    if not given or not surname:
        return None
    ends = {surname.end(): given.start(), given.end(): surname.start()}
    parts = (clean[end : start if start > end else None].strip(_EDGES) for end, start in ends.items())
    return ", ".join(filter(None, parts))


def _overlap(one: re.Match[str], other: re.Match[str]) -> bool:
    return one.start() < other.end() and other.start() < one.end()


@cache
def _label_pattern(lead: Lead) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{_spelled(lead)})\s*\(?s?\)?\s*[:：=]", re.IGNORECASE)


def _stripped(clean: str) -> str:
    """Without lead-ins and what follows a name; every pass takes something away."""
    name = clean.strip(_EDGES)
    while match := _before_pattern(Lead.NAME).match(name):
        name = name[match.end() :].strip(_EDGES)
    if match := _after_pattern().search(name):
        name = name[: match.start()].strip(_EDGES)
    return _without_full_stop(name)


def _without_full_stop(name: str) -> str:
    """That of "Jr." and of an initial stays."""
    last = name.rstrip(".").split(" ")[-1]
    return name.rstrip(".") if len(last) > 3 or not last.isascii() else name


@cache
def _before_pattern(lead: Lead) -> re.Pattern[str]:
    return re.compile(rf"(?:{_spelled(lead)})(?:(?<=[{_HAN}\u3040-\u30ff\uac00-\ud7af,،、])|(?!\w))", re.IGNORECASE)


@cache
def _after_pattern() -> re.Pattern[str]:
    return re.compile(rf"(?:{_spelled(Lead.AFTER_NAME)})$", re.IGNORECASE)


@cache
def _spelled(lead: Lead) -> str:
    """The phrases, longest first; accents may be left out, and any blank and apostrophe will do."""
    phrases = sorted(lead_ins(lead), key=len, reverse=True)
    return "|".join("".join(map(_letter, phrase)) for phrase in phrases) or "(?!)"


def _letter(letter: str) -> str:
    if letter == " ":
        return r"\s+"
    if letter == "'":
        return "['’‘`´]?"
    plain = bare(letter)
    return re.escape(letter) if plain == letter or len(plain) != 1 else f"[{letter}{plain}]"


def _name_trouble(name: str) -> NameTrouble | None:
    letters = [letter for letter in name if letter.isalpha()]
    if any(letter.isdigit() for letter in name):
        return NameTrouble.HAS_DIGITS
    if len(letters) < 2 or len(name.split()) > _MOST_WORDS:
        return NameTrouble.NOT_A_NAME
    if _HAN_NAME.fullmatch(name):
        return NameTrouble.NOT_A_NAME if _said_in_chinese(name) else None
    if not all(map(_is_latin, letters)):
        return NameTrouble.NOT_LATIN if len(letters) <= _LONGEST_NAME else NameTrouble.NOT_A_NAME
    if _is_sentence(name) or not _LATIN_NAME.fullmatch(_unmarked(name)):
        return NameTrouble.NOT_A_NAME
    return NameTrouble.TOO_LONG if len(name) > _LONGEST_NAME else None


def _unmarked(name: str) -> str:
    """Without accents that have no letter of their own (Ẹ̀)."""
    return "".join(each for each in name if unicodedata.category(each) != "Mn")


@cache
def _is_latin(letter: str) -> bool:
    return unicodedata.name(letter, "").startswith("LATIN ")


def _said_in_chinese(name: str) -> bool:
    """不知道 and 换医院 are no names."""
    words = own_words("zh").leads[Lead.NOT_NAMES]
    return any(word in name for word in words) or bool(read_command(name, "zh") or change_of(name, "zh"))


def _is_sentence(name: str) -> bool:
    """One word alone may be a name somewhere (Can, May); several are none."""
    words = name.casefold().replace(",", " ").split()
    said = sum(word.strip(".") in _not_names() for word in words)
    return said >= 2 or said == len(words) or (said == 1 and len(words) >= _SENTENCE)


@cache
def _not_names() -> frozenset[str]:
    return frozenset(word for phrase in lead_ins(Lead.NOT_NAMES) for word in phrase.casefold().split())


# Dates of birth


_ERAS = {"昭和": 1925, "平成": 1988, "令和": 2018, "民国": 1911, "民國": 1911}
_ERA = re.compile(f"({'|'.join(_ERAS)})\\s*(元|\\d{{1,3}})\\s*年")
_HAN_DIGITS = "〇零一二三四五六七八九"
_HAN_YEAR = re.compile("[〇零○一二三四五六七八九]{4}(?=\\s*年)")
_HAN_NUMBER = re.compile("(?<![〇零一二三四五六七八九十])([二三]?)(十?)([一二三四五六七八九]?)(?=\\s*[月日号號])")
_HIJRI_YEARS = range(1300, 1500)
_BUDDHIST_YEARS = range(2400, 2644)
_BUDDHIST = re.compile(r"พ\.?ศ|\bb\.e\b|佛历|佛曆|仏暦|불기")
_NUMBERS = re.compile(r"\d+")
_MARKED_MONTH = re.compile(r"(?<!\d)(\d{1,2})\s*[月월]|\bthang\s*(\d{1,2})(?!\d)")


def read_birth(text: str, language: str, today: date) -> date | Ambiguous | BirthTrouble:
    """The day of birth; month and day in figures alone are taken in the language's order where it has one."""
    if len(text) > _MAX_CHARS:
        return BirthTrouble.NOT_A_DATE
    table, plain = _dates(language), _figures(normal(text))
    if trouble := _other_calendar(plain, table):
        return trouble
    months, rest = _months_in(plain, table)
    numbers = _NUMBERS.findall(rest)
    if months:
        return _named_month(months, numbers + _ordinals(rest, table, numbers), today)
    if len(numbers) == 1 and len(numbers[0]) in (6, 8):
        numbers = _cut(numbers[0])
    return _in_figures(numbers, table.order, today)


@cache
def _dates(language: str) -> Table:
    return load(dates.FOLDER, language if language in LANGUAGES else answer_language(language))


def _figures(text: str) -> str:
    """Chinese numerals and the years of eras in figures."""
    text = _HAN_YEAR.sub(lambda match: "".join(str(_HAN_DIGITS.find(each) - 1) for each in _with_zeros(match[0])), text)
    text = _HAN_NUMBER.sub(_han_number, text)
    return _ERA.sub(lambda match: f"{_ERAS[match[1]] + (1 if match[2] == '元' else int(match[2]))}年", text)


def _with_zeros(digits: str) -> str:
    return digits.replace("〇", "零").replace("○", "零")


def _han_number(match: re.Match[str]) -> str:
    tens, ten, ones = match.groups()
    if not any(match.groups()):
        return match[0]
    if not ten:
        return match[0].translate(str.maketrans("一二三四五六七八九", "123456789"))
    return str((("二三".find(tens) + 2) if tens else 1) * 10 + ("一二三四五六七八九".find(ones) + 1 if ones else 0))


def _other_calendar(plain: str, table: Table) -> BirthTrouble | None:
    years = [int(number) for number in _NUMBERS.findall(plain) if len(number) == 4]
    if any(year in _HIJRI_YEARS for year in years) or _has_kind(plain, table, "J"):
        return BirthTrouble.HIJRI
    if any(year in _BUDDHIST_YEARS for year in years) or _BUDDHIST.search(plain):
        return BirthTrouble.BUDDHIST
    return BirthTrouble.LUNAR if _has_kind(plain, table, "L") else None


def _has_kind(plain: str, table: Table, kind: str) -> bool:
    return _kind_pattern(table.language, kind).search(plain) is not None


@cache
def _kind_pattern(language: str, kinds: str) -> re.Pattern[str]:
    """The words whose token is of one of these kinds, longest first and whole."""
    known = _dates(language).words.items()
    words = sorted({bare(word) for word, tokens in known if tokens[0].kind in kinds}, key=len, reverse=True)
    return re.compile("|".join(map(_whole, words)) or "(?!)")


def _whole(word: str) -> str:
    """Between letters of its own script; Chinese has no blanks around words."""
    if word[0] >= "\u3040":
        return re.escape(word)
    return rf"(?<![^\W\d_]){re.escape(word)}(?![^\W\d_])"


def _month_pattern(table: Table) -> re.Pattern[str]:
    return _kind_pattern(table.language, "Mb")


@cache
def _month_values(language: str) -> dict[str, int]:
    return {bare(word): tokens[0].value for word, tokens in _dates(language).words.items() if tokens[0].kind in "Mb"}


def _months_in(plain: str, table: Table) -> tuple[set[int], str]:
    """The months that are named, and the text without them.

    Passports have the month in two languages (MAI/MAY), and English is understood everywhere.
    """
    if marked := _MARKED_MONTH.search(plain):
        return {int(marked[1] or marked[2])}, plain[: marked.start()] + " " + plain[marked.end() :]
    found: set[int] = set()
    for each in (table, _dates("en")):
        values = _month_values(each.language)
        found |= {values[word] for word in _month_pattern(each).findall(plain)}
        plain = _month_pattern(each).sub(" ", plain)
    return found, plain


def _ordinals(rest: str, table: Table, numbers: list[str]) -> list[str]:
    """The day in words (primero de mayo), where it is not in figures."""
    if len(numbers) != 1:
        return []
    words = _kind_pattern(table.language, "O").findall(rest)
    values = {bare(word): tokens[0].value for word, tokens in table.words.items() if tokens[0].kind == "O"}
    return [str(values[word]) for word in words]


def _named_month(months: set[int], numbers: list[str], today: date) -> date | BirthTrouble:
    """3 May 1990, May 3rd 1990, 1990 May 3."""
    years = [number for number in numbers if len(number) == 4]
    day = [number for number in numbers if len(number) <= 2]
    if len(months) != 1 or len(numbers) != 2 or len(years) > 1 or not day:
        return BirthTrouble.NOT_A_DATE
    return _checked(int(years[0]), min(months), int(day[0]), today) if years else BirthTrouble.TWO_DIGITS


def _cut(digits: str) -> list[str]:
    """19900503 and 03051990; 900503."""
    if len(digits) == 6:
        return [digits[:2], digits[2:4], digits[4:]]
    if digits[:2] in ("18", "19", "20"):
        return [digits[:4], digits[4:6], digits[6:]]
    return [digits[:2], digits[2:4], digits[4:]]


def _in_figures(numbers: list[str], order: str, today: date) -> date | Ambiguous | BirthTrouble:
    if len(numbers) != 3 or any(len(number) not in (1, 2, 4) for number in numbers):
        return BirthTrouble.NOT_A_DATE
    places = [place for place, number in enumerate(numbers) if len(number) == 4]
    if not places:
        return BirthTrouble.TWO_DIGITS
    one, two, three = map(int, numbers)
    if places == [0]:
        return _checked(one, two, three, today)
    return _year_last(one, two, three, order, today) if places == [2] else BirthTrouble.NOT_A_DATE


def _year_last(one: int, two: int, year: int, order: str, today: date) -> date | Ambiguous | BirthTrouble:
    as_day, as_month = _checked(year, two, one, today), _checked(year, one, two, today)
    wanted, other = (as_month, as_day) if order == "month" else (as_day, as_month)
    if not isinstance(wanted, date):
        return other if isinstance(other, date) and wanted is BirthTrouble.IMPOSSIBLE else wanted
    if order == "day" or not isinstance(other, date) or wanted == other:
        return wanted
    return Ambiguous(wanted, other)


def _checked(year: int, month: int, day: int, today: date) -> date | BirthTrouble:
    made = days.made_of(year, month, day)
    if made is None:
        return BirthTrouble.IMPOSSIBLE
    if made > today:
        return BirthTrouble.FUTURE
    return BirthTrouble.TOO_OLD if age(made, today) > _OLDEST else made


# Documents


_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"
_EIGHTEEN = re.compile(r"\d{17}[\dX]")
_OLD_PERMANENT = re.compile(r"[A-Z]{3}\d{12}")
_TRAVEL_PERMIT = re.compile(r"[HM]\d{8}(?:\d{2})?")
_TAIWAN_PERMIT = re.compile(r"\d{8}")
_PASSPORT = re.compile(r"(?=(?:[A-Z]*\d){4})[A-Z\d]{5,15}")
_CHINESE_MOBILE = re.compile(r"(?:86)?1[3-9]\d{9}")
# ICAO Doc 9303 part 4, second line: number, check digit, nationality, birth, sex, expiry.
_MRZ_NUMBER = re.compile(r"([A-Z\d<]{9})(\d)[A-Z<]{3}\d{6}\d[MFX<]\d{6}\d")
_PIECE = re.compile(r"[A-Z\d]+(?:[ -]+[A-Z\d]+)*")
_RESIDENCE = ("81", "82", "83")  # Hong Kong, Macao, Taiwan


def read_document(text: str) -> tuple[Document, str] | DocumentTrouble:
    """The kind and the number, in capitals and without blanks; a kind that is named goes before one that is guessed.

    Sources: resident identity card GB 11643-1999, check digit ISO 7064 MOD 11-2; permanent resident ID card, since
    December 2023 of 18 digits with 9 in front, before of 3 letters and 12 digits (National Immigration Administration,
    rules of 2023 for machine reading); residence permits of Hong Kong, Macao and Taiwan residents, 81, 82, 83 in front
    (State Council, 2018); travel permits H or M and 8 or 10 digits, Taiwan 8 digits (Exit and Entry Administration);
    passport numbers ICAO Doc 9303, with room for countries that print more than its nine places.
    """
    if len(text) > _MAX_CHARS:
        return _not_a_number()
    clean = _ascii_digits(_clean(text)).upper()
    if match := _MRZ_NUMBER.search(clean.replace(" ", "")):
        return _machine_number(match[1], match[2])
    if clean.lstrip().startswith("+"):
        return _not_a_number()
    named = _named_kind(clean)
    number = _number_in(clean)
    return _settled(number, named) if number else _not_a_number()


def _not_a_number() -> DocumentTrouble:
    return DocumentTrouble(DocumentFault.NOT_A_NUMBER)


def _impossible(document: Document) -> DocumentTrouble:
    return DocumentTrouble(DocumentFault.IMPOSSIBLE, document)


def _ascii_digits(text: str) -> str:
    return "".join(str(unicodedata.decimal(letter)) if letter.isdecimal() else letter for letter in text)


def _machine_number(number: str, check: str) -> tuple[Document, str] | DocumentTrouble:
    total = sum(_machine_value(letter) * (7, 3, 1)[place % 3] for place, letter in enumerate(number))
    number = number.replace("<", "")
    if total % 10 != int(check) or not _PASSPORT.fullmatch(number):
        return _impossible(Document.PASSPORT)
    return Document.PASSPORT, number


def _machine_value(letter: str) -> int:
    return 0 if letter == "<" else int(letter, 36)


_KIND_LEADS = {
    Lead.PERMIT: Document.PERMIT,
    Lead.ID_CARD: Document.ID_CARD,
    Lead.PASSPORT: Document.PASSPORT,
}


def _named_kind(clean: str) -> Document | None:
    """The kind that is named first; of words that begin at one place, the longest."""
    found = ((_anywhere(lead).search(clean), kind) for lead, kind in _KIND_LEADS.items())
    named = [(match.start(), -match.end(), kind) for match, kind in found if match]
    return min(named)[2] if named else None


@cache
def _anywhere(lead: Lead) -> re.Pattern[str]:
    """Words, or what Chinese, Japanese and Korean join to others."""
    joined = f"\\d{_HAN}\u3040-\u30ff\uac00-\ud7af"
    return re.compile(rf"(?<![^\W{joined}])(?:{_spelled(lead)})(?![^\W{joined}])", re.IGNORECASE)


def _number_in(clean: str) -> str | None:
    """What is left when the words are gone, or the only piece of it with four digits."""
    rest = clean
    for lead in (*_KIND_LEADS, Lead.NUMBER):
        rest = _anywhere(lead).sub(" ", rest)
    pieces = [joined for piece in _PIECE.findall(rest) if any(map(str.isdigit, joined := _joined(piece)))]
    enough = [piece for piece in pieces if sum(map(str.isdigit, piece)) >= 4]
    if len(enough) > 1:
        enough = [piece for piece in enough if not _CHINESE_MOBILE.fullmatch(piece)]
    if len(enough) == 1:
        return enough[0]
    return "".join(pieces) if pieces and not enough else None


def _joined(piece: str) -> str:
    """Without its blanks, and without words: no number has four letters alone."""
    parts = re.split("[ -]+", piece)
    return "".join(part for part in parts if len(part) < 4 or not part.isalpha())


def _settled(number: str, named: Document | None) -> tuple[Document, str] | DocumentTrouble:
    if _EIGHTEEN.fullmatch(number):
        return _of_eighteen(number)
    permit = _OLD_PERMANENT.fullmatch(number) or _TRAVEL_PERMIT.fullmatch(number) or _TAIWAN_PERMIT.fullmatch(number)
    if named is Document.ID_CARD or (number.isdigit() and len(number) >= 15):
        return _impossible(Document.ID_CARD)
    if named is Document.PERMIT or (permit and named is None and not _korean(number)):
        return (Document.PERMIT, number) if permit else _impossible(Document.PERMIT)
    if named is None and _CHINESE_MOBILE.fullmatch(number):
        return _not_a_number()
    if not _PASSPORT.fullmatch(number) or len(set(number)) == 1:
        return _impossible(Document.PASSPORT)
    return Document.PASSPORT, number


def _korean(number: str) -> bool:
    """M and 8 digits is a South Korean passport as well, and among foreign residents oftener than a Macao permit."""
    return number[0] == "M" and len(number) == 9


def _of_eighteen(number: str) -> tuple[Document, str] | DocumentTrouble:
    kind = Document.PERMIT if number[0] == "9" or number[:2] in _RESIDENCE else Document.ID_CARD
    total = sum(int(digit) * weight for digit, weight in zip(number, _WEIGHTS, strict=False))
    born = days.made_of(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    dated = number[0] == "9" or born is not None
    area = kind is Document.PERMIT or number[0] in "1234567"
    return (kind, number) if _CHECKS[total % 11] == number[17] and dated and area else _impossible(kind)


# Telephones


_REGION, _CHINA = "CN", 86
_ANHUI = ("55", "56")  # 0550 to 0566
_LETTER_AND_DIGIT = re.compile(r"[A-Za-z]\d")
_LIKE_A_DOCUMENT = 10
_LONGEST_PHONE = 15  # E.164
_SHORTEST_PHONE = 7
_INTERNATIONAL_WITHOUT_PLUS = 11


def read_phone(text: str) -> str | PhoneTrouble:
    """In the form of E.164; a number without a country's code is Chinese."""
    if len(text) > _MAX_CHARS:
        return PhoneTrouble.NOT_A_NUMBER
    clean = _ascii_digits(_clean(text)).strip()
    if clean.endswith("+"):  # typed from right to left
        clean = "+" + clean.rstrip("+ ")
    for match in phonenumbers.PhoneNumberMatcher(clean, _REGION):
        if _is_sure(match.number, match.raw_string):
            return _e164(match.number)
    digits = "".join(filter(str.isdigit, clean))
    if not digits or (_LETTER_AND_DIGIT.search(clean) and len(digits) < _LIKE_A_DOCUMENT):
        return PhoneTrouble.NOT_A_NUMBER
    return _whole_number(digits, plus="+" in clean or digits.startswith("00"))


def _is_sure(number: phonenumbers.PhoneNumber, typed: str) -> bool:
    """A landline elsewhere in China has its +86: 010 is a mobile in Seoul, 090 one in Tokyo."""
    if typed.startswith(("+", "00")) or number.country_code != _CHINA:
        return True
    mobile = phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.MOBILE
    return mobile or str(number.national_number).startswith(_ANHUI)


def _e164(number: phonenumbers.PhoneNumber) -> str:
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _whole_number(digits: str, plus: bool) -> str | PhoneTrouble:
    """For what is written in an odd way: 1-3-8-0-0…, 44 20 … without its plus."""
    if len(digits) < _SHORTEST_PHONE:
        return PhoneTrouble.TOO_SHORT
    for candidate in _candidates(digits, plus):
        if (number := _valid(candidate)) and _is_sure(number, candidate):
            return _e164(number)
    if len(digits.removeprefix("00")) > _LONGEST_PHONE:
        return PhoneTrouble.TOO_LONG
    return PhoneTrouble.IMPOSSIBLE if plus or _like_chinese(digits) else PhoneTrouble.NEEDS_COUNTRY


def _candidates(digits: str, plus: bool) -> Iterator[str]:
    if not plus:
        yield digits
    if plus or (len(digits) >= _INTERNATIONAL_WITHOUT_PLUS and digits[0] not in "01"):
        yield f"+{digits.removeprefix('00')}"


def _like_chinese(digits: str) -> bool:
    """A mobile number with a wrong figure, or one too few or too many."""
    return digits[0] == "1" and digits[1] in "3456789" and 10 <= len(digits) <= 12


def _valid(candidate: str) -> phonenumbers.PhoneNumber | None:
    try:
        number = phonenumbers.parse(candidate, _REGION)
    except phonenumbers.NumberParseException:
        return None
    return number if phonenumbers.is_valid_number(number) else None
