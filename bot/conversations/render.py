"""A plan becomes words: articles and locale keys in the resident's language. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from bot.appointments.catalogue import Campus, Hospital
from bot.appointments.words import PREFIX as BOOKING
from bot.appointments.words import BookingWords
from bot.conversations.moments import spelled
from bot.conversations.plans import Act
from bot.knowledge.articles import Article, Confidence, Knowledge, SourceRef
from bot.languages import ANSWERED, LANGUAGES, answer_language
from bot.locales import Locales
from bot.messages import Answer, Button, Choice, Kind, OfficeCard, Part, Plan, SourceLine

# What the desk of a hospital reads.
_CHINESE = "zh"
_WITH_ADDRESS = frozenset({"booking_done", "booking_done_fee", "booking_moved"})


@dataclass(frozen=True)
class Renderer:
    """`today` is the date in the city; an answer past its review date says so."""

    locales: Locales
    knowledge: Knowledge
    today: date
    # An emergency's card, from its part's parameters and a language: the urgent lane makes it.
    urgent: Callable[[Mapping[str, str], str], Answer] | None = None
    booking: BookingWords | None = None

    def render(self, plan: Plan, language: str, seq: int, *, say_only_english: bool) -> tuple[Answer, ...]:
        """The messages of the reply to the message with sequence number `seq`.

        `language` is the resident's; one that is not answered gets English and, when `say_only_english`, a line
        in their own language that says so.
        """
        notice_due = say_only_english and language not in ANSWERED
        answers = list(self._parts(plan, language, seq, int(notice_due)))
        if notice_due:
            answers.insert(0, Answer(Kind.NOTICE, language, self.locales.text(language, "only_english")))
        return tuple(answers)

    def again(self, part: Part, said: Answer, language: str) -> Answer:
        """What was said, now in another language; buttons keep what they do. Words without a key stay as they are."""
        lang = self._language(part, language)
        if part.kind is Kind.URGENT and self.urgent is not None:
            return self.urgent(part.params, language)
        if part.article is not None and part.article not in self.knowledge.articles:
            return said
        if part.article is None and part.key is None:
            return said
        answer = self._article(part.article, lang) if part.article is not None else self._words(part, lang)
        where = said.buttons[0].payload.rpartition(".")[0] if said.buttons else ""
        return replace(answer, kind=said.kind, buttons=tuple(self._buttons(part.choices, lang, where)))

    def _parts(self, plan: Plan, language: str, seq: int, first: int) -> Iterator[Answer]:
        for place, part in enumerate(plan.parts, first):
            lang = self._language(part, language)
            answer = self._article(part.article, lang) if part.article is not None else self._words(part, lang)
            yield replace(answer, buttons=tuple(self._buttons(part.choices, lang, f"b{seq}.{place}")))

    def _language(self, part: Part, language: str) -> str:
        """A booking is made in more languages than articles are answered in."""
        own = part.language or language
        return BookingWords.language(own) if (part.key or "").startswith(BOOKING) else answer_language(own)

    def _words(self, part: Part, lang: str) -> Answer:
        assert part.key is not None  # a part is an article or a key
        if part.key.startswith(BOOKING):
            return self._of_booking(part, lang)
        params = spelled(part.params, self.locales, lang, self.today)
        text = self.locales.text(lang, part.key, **params)
        if "offices" in params:
            text = "\n\n".join((text, *self._office_lines(params["offices"].split(","), lang)))
        return Answer(part.kind, lang, text)

    def _of_booking(self, part: Part, lang: str) -> Answer:
        assert self.booking is not None and part.key is not None
        text = self.booking.text(lang, part.key, part.params)
        if part.key not in _WITH_ADDRESS:
            return Answer(part.kind, lang, text)
        if lang != _CHINESE:
            text = "\n\n".join((text, self.booking.text(_CHINESE, "booking_listed", part.params)))
        bring = self.booking.documents(lang)
        return Answer(part.kind, lang, text, documents=bring, office=self._hospital(part, lang))

    def _hospital(self, part: Part, lang: str) -> OfficeCard:
        """Where to go, under what was booked."""
        assert self.booking is not None
        hospital = self.booking.catalogue.hospitals[part.params["hospital_name"]]
        campus = hospital.campus(part.params["campus"]) or hospital.campuses[0]
        return OfficeCard(
            _place(hospital, campus, lang), _place(hospital, campus, _CHINESE), campus.address_zh, hospital.phone
        )

    def _buttons(self, choices: tuple[Choice, ...], lang: str, where: str) -> Iterator[Button]:
        """A payload is opaque: which message was replied to, which message of the reply, which button of that."""
        for place, choice in enumerate(choices):
            if (title := self._title(choice, lang)) is not None:
                yield Button(title, f"{where}.{place}")

    def _title(self, choice: Choice, lang: str) -> str | None:
        match Act(choice.act):
            case Act.ARTICLE:
                article = self.knowledge.articles.get(choice.value)
                return article.text(lang)[1].question if article is not None else None
            case Act.AREA:
                return self.locales.text(lang, f"area_{choice.value}")
            case Act.NONE_OF_THESE:
                return self.locales.text(lang, "none_of_these")
            case Act.PERSON:
                return self.locales.text(lang, "a_person")
            case Act.CONNECT | Act.CALL_BACK | Act.STAY as act:
                return self.locales.text(lang, f"button_{act.value}")
            case Act.BOOKING:
                return self.booking.title(lang, choice.value) if self.booking is not None else None
            case Act.LANGUAGE:
                return LANGUAGES[choice.value].endonym
            case _:
                return None  # acts that no button is made of

    def _article(self, slug: str, lang: str) -> Answer:
        article = self.knowledge.articles.get(slug)
        if article is None:
            # Withdrawn between the decision and now: say what is true, and whom to ask.
            return Answer(Kind.TEXT, lang, self.locales.text(lang, "unknown"))
        written_in, text = article.text(lang)
        return Answer(
            kind=Kind.ARTICLE,
            lang=written_in,
            text="\n\n".join(self._paragraphs(article, written_in)),
            steps=text.steps,
            documents=text.documents,
            office=self._office(article, written_in),
            source=_source(article.sources[0]),
            checked_on=article.checked_on.isoformat(),
            article=slug,
            version=article.version,
        )

    def _paragraphs(self, article: Article, lang: str) -> Iterator[str]:
        text = article.texts[lang]
        yield text.answer
        if text.note:
            yield text.note
        office = self.knowledge.offices[article.confirm_with].name(lang)
        if article.confidence is not Confidence.HIGH:
            yield self.locales.text(lang, f"confirm_{article.confidence.value}", office=office)
        if self.today > article.review_by:
            yield self.locales.text(lang, "stale", date=article.checked_on.isoformat(), office=office)
        if lang != "zh":
            yield self.locales.text(lang, "say_line", text=article.say_zh)

    def _office_lines(self, keys: Sequence[str], lang: str) -> Iterator[str]:
        for key in keys:
            office = self.knowledge.offices[key]
            name = office.name(lang)
            chinese = office.name("zh") if lang != "zh" else None
            found = (name[:1].upper() + name[1:], chinese, office.address_zh, office.phone)
            yield "\n".join(line for line in found if line)

    def _office(self, article: Article, lang: str) -> OfficeCard:
        office = self.knowledge.offices[article.office or article.confirm_with]
        name = office.name(lang)
        # Names are written to stand inside a sentence; on a card they begin one.
        return OfficeCard(name[:1].upper() + name[1:], office.name("zh"), office.address_zh, office.phone)


def _place(hospital: Hospital, campus: Campus, lang: str) -> str:
    """The hospital, and which of its campuses where it has several."""
    name = hospital.names[lang]
    return f"{name} · {campus.names[lang]}" if len(hospital.campuses) > 1 else name


def _source(source: SourceRef) -> SourceLine:
    """The page's own date stands in brackets behind its name: it may be older than our check of it."""
    title = f"{source.title} ({source.page_date})" if source.page_date else source.title
    return SourceLine(title, source.url)
