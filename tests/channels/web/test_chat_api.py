"""The form of the chat API: fields, conversations, buttons, languages (docs/api.md).

That every field is there is checked by `Site` on every reply.
"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.knowledge.scoring import Thresholds
from bot.languages import ANSWERED, CODES
from tests.fakes.ledger import lines
from tests.fakes.site import ALWAYS_ASK_BACK, NEVER_KNOW, Site, buttons

REGISTER = "How do I register my address with the police?"


async def test_an_answer_has_every_field_of_the_article(site: Site) -> None:
    reply = await site.say(REGISTER)
    assert (reply["outcome"], reply["language"], reply["intent"]) == ("answered", "en", "ask_immigration")
    assert reply["confidence"] == 0.91
    (message,) = reply["messages"]
    assert message == {
        "kind": "article",
        "lang": "en",
        "text": "Register at the police station within 24 hours of moving in.\n\nHotels register you themselves.\n\n"
        "To say or show: 您好,我要办理住宿登记。",
        "steps": ["Go to the police station.", "Show your passport and your lease.", "Take the slip."],
        "documents": ["Passport", "Lease"],
        "buttons": [],
        "office": {
            "name": "Police station of your area",
            "name_zh": "居住地派出所",
            "address_zh": "合肥市屯溪路1号",
            "phone": None,
        },
        "source": {"title": "National Immigration Administration (2024-05)", "url": "https://www.nia.gov.cn/a.html"},
        "checked_on": "2026-11-01",
        "article": "accommodation-registration",
        "version": 1,
    }


async def test_the_trace_names_candidates_thresholds_model_and_knowledge(site: Site) -> None:
    trace = (await site.say(REGISTER))["trace"]
    assert trace["candidates"][0]["article"] == "accommodation-registration"
    assert 0.5 <= trace["candidates"][0]["probability"] <= 1
    assert trace["thresholds"] == {"answer": 0.5, "clarify": 0.2}
    assert trace["model"] == "linli-test"
    assert trace["knowledge"] == site.service.desk.knowledge.version
    assert trace["degraded"] is False


@pytest.mark.parametrize("text", ["hello", "help, my house is on fire!", "qwxz"])
async def test_the_trace_of_every_reply_says_whether_the_system_was_degraded(site: Site, text: str) -> None:
    assert (await site.say(text))["trace"]["degraded"] is False


async def test_what_is_empty_is_null_or_an_empty_list(site: Site) -> None:
    (message,) = (await site.say("hello there, good morning"))["messages"]
    assert (message["office"], message["source"], message["checked_on"]) == (None, None, None)
    assert (message["article"], message["version"]) == (None, None)
    assert (message["steps"], message["documents"]) == ([], [])


async def test_a_conversation_goes_on_by_its_id(site: Site) -> None:
    first = await site.say("hello there, good morning")
    second = await site.say("thank you", conversation=first["conversation"])
    assert second["conversation"] == first["conversation"]
    assert [line.seq for line in await lines(site.service.database)] == [1, 2, 3, 4]


async def test_a_new_conversation_has_an_unguessable_id(site: Site) -> None:
    tokens = {(await site.say("hello there, good morning"))["conversation"] for _ in range(20)}
    assert len(tokens) == 20
    assert all(len(token) >= 22 for token in tokens)


@pytest.mark.parametrize(
    "token", ["nobody-knows-this-one", "", "x", "../../etc", "'; drop table conversations;--", "中" * 20]
)
async def test_an_unknown_conversation_is_404(site: Site, token: str) -> None:
    response = await site.post({"text": "hello", "conversation": token})
    assert (response.status, response.code) == (404, "unknown_conversation")
    assert await lines(site.service.database) == []


async def test_a_button_gives_what_its_title_says(site: Site) -> None:
    site.service.desk.thresholds = ALWAYS_ASK_BACK
    asked = await site.say("my passport")
    assert asked["outcome"] == "clarify"
    titles = [button["title"] for button in buttons(asked)]
    assert titles[-2:] == ["None of these", "A person"]
    pressed = await site.press(asked, titles.index("What do I do when my passport is lost?"))
    assert (pressed["outcome"], pressed["messages"][0]["article"]) == ("answered", "lost-passport")


async def test_the_buttons_of_a_question_lead_on_or_to_a_person(site: Site) -> None:
    site.service.desk.thresholds = ALWAYS_ASK_BACK
    asked = await site.say("passport")
    none_of_these = await site.press(asked, -2)
    person = await site.press(asked, -1)
    again = await site.press(none_of_these, 0)
    assert [reply["outcome"] for reply in (none_of_these, person, again)] == ["unknown", "handoff", "handoff"]
    assert "12345" in person["messages"][0]["text"]
    assert "12367" in person["messages"][0]["text"]


async def test_an_area_shows_only_questions_that_are_published(site: Site) -> None:
    greeted = await site.say("hello there, good morning")
    area = await site.press(greeted, 0)
    assert [button["title"] for button in buttons(area)] == [
        "How do I register my address with the police?",
        "What do I do when my passport is lost?",
        "A person",
    ]
    answered = await site.press(area, 1)
    assert answered["messages"][0]["article"] == "lost-passport"


async def test_a_payload_is_opaque(site: Site) -> None:
    for button in buttons(await site.say("hello there, good morning")):
        assert not any(word in button["payload"] for word in ("area", "immigration", "/", "{"))


async def test_an_old_button_still_works(site: Site) -> None:
    greeted = await site.say("hello there, good morning")
    for text in ("thank you", REGISTER):
        await site.say(text, conversation=greeted["conversation"])
    assert (await site.press(greeted, 0))["outcome"] == "clarify"


async def test_a_button_of_another_conversation_is_404(site: Site) -> None:
    mine, foreign = await site.say("hello there, good morning"), await site.say("thank you")
    payload = buttons(mine)[0]["payload"]
    response = await site.post({"button": payload, "conversation": foreign["conversation"]})
    assert (response.status, response.code) == (404, "unknown_button")


@pytest.mark.parametrize(
    "payload",
    ["b99.0.0", "b1.0.99", "b1.9.0", "b2.0.0", "b0.0.0", "", "/restart", "b1.0", "b1.0.0 ", "b999999.9.9", "٢"],
)
async def test_an_unknown_button_is_404_and_stores_nothing(site: Site, payload: str) -> None:
    greeted = await site.say("hello there, good morning")
    before = await lines(site.service.database)
    response = await site.post({"button": payload, "conversation": greeted["conversation"]})
    assert (response.status, response.code) == (404, "unknown_button")
    assert await lines(site.service.database) == before


async def test_a_button_needs_a_conversation(site: Site) -> None:
    assert (await site.post({"button": "b1.0.0"})).code == "unknown_button"
    unknown = await site.post({"button": "b1.0.0", "conversation": "nobody-knows-this-one"})
    assert unknown.status == 404


async def test_nothing_is_answered_that_is_not_known(site: Site) -> None:
    site.service.desk.thresholds = NEVER_KNOW
    reply = await site.say(REGISTER)
    assert reply["outcome"] == "unknown"
    assert reply["messages"][0]["source"] is None
    assert "12345" in reply["messages"][0]["text"]


async def test_an_emergency_gets_its_card_without_the_engine(site: Site) -> None:
    reply = await site.say("Help! There is a fire in my kitchen!")
    assert (reply["outcome"], reply["intent"], reply["confidence"]) == ("urgent", "emergency", 1.0)
    (message,) = reply["messages"]
    assert message["kind"] == "urgent"
    assert "119" in message["text"]
    assert any("着火" in step for step in message["steps"])
    assert site.engine.received == []


async def test_a_wish_for_a_person_is_a_handoff(site: Site) -> None:
    assert (await site.say("I want to talk to a person please"))["outcome"] == "handoff"


async def test_appointments_are_honest_and_lead_to_the_article(site: Site) -> None:
    site.service.desk.thresholds = NEVER_KNOW
    reply = await site.say("where do I book a doctor at the hospital with my passport")
    assert [message["kind"] for message in reply["messages"]] == ["text", "article"]
    assert reply["messages"][1]["article"] == "book-hospital"


async def test_an_act_of_the_pipeline_that_surely_is_a_question_is_answered(site: Site) -> None:
    site.service.desk.thresholds = Thresholds(answer=0.0, clarify=0.0)
    reply = await site.say("where do I book a doctor at the hospital with my passport")
    assert [message["article"] for message in reply["messages"]] == ["book-hospital"]
    assert (await site.say("thank you"))["outcome"] == "chat"


# --- languages --------------------------------------------------------------------------------------------------------


async def test_an_answer_is_in_the_language_of_the_question(site: Site) -> None:
    for text, language in (("怎样办理住宿登记?", "zh"), ("Comment enregistrer mon adresse à la police ?", "fr")):
        reply = await site.say(text)
        assert (reply["language"], reply["messages"][0]["lang"]) == (language, language)
        assert reply["messages"][0]["article"] == "accommodation-registration"


async def test_an_explicit_language_wins_and_stays(site: Site) -> None:
    first = await site.say(REGISTER, language="fr")
    assert (first["language"], first["messages"][0]["lang"]) == ("fr", "fr")
    second = await site.say("Where can I rent a flat in this city?", conversation=first["conversation"])
    assert (second["language"], second["messages"][0]["lang"]) == ("fr", "fr")
    third = await site.say(REGISTER, conversation=first["conversation"], language="zh")
    fourth = await site.say(REGISTER, conversation=first["conversation"])
    assert [third["language"], fourth["language"]] == ["zh", "zh"]


async def test_an_explicit_language_wins_over_a_button_too(site: Site) -> None:
    greeted = await site.say("hello there, good morning")
    assert (await site.press(greeted, 0, language="zh"))["messages"][0]["lang"] == "zh"


async def test_a_button_speaks_the_conversations_language(site: Site) -> None:
    greeted = await site.say("你好")
    assert (await site.press(greeted, 0))["language"] == "zh"


async def test_asking_for_another_language_changes_it_for_good(site: Site) -> None:
    changed = await site.say("please speak french")
    assert (changed["language"], changed["messages"][0]["lang"]) == ("fr", "fr")
    after = await site.say(REGISTER, conversation=changed["conversation"])
    assert after["language"] == "fr"


async def test_the_locale_is_a_hint(site: Site) -> None:
    assert (await site.say("12345", locale="fr-CA"))["language"] == "fr"
    assert (await site.say("怎样办理住宿登记?", locale="fr-FR"))["language"] == "zh"


@pytest.mark.parametrize("locale", ["", "xx", "zh-Hant-TW", "*", "en_US.UTF-8", "\u0000", "\ud800", "-" * 100])
async def test_any_locale_is_taken(site: Site, locale: str) -> None:
    assert (await site.say(REGISTER, locale=locale))["language"] == "en"


async def test_a_short_word_does_not_flip_a_conversation(site: Site) -> None:
    first = await site.say("Comment enregistrer mon adresse à la police ?")
    assert (await site.say("passport", conversation=first["conversation"]))["language"] == "fr"


@pytest.mark.parametrize("language", [code for code in CODES if code not in ANSWERED])
async def test_other_languages_are_answered_in_english_and_told_so_once(site: Site, language: str) -> None:
    first = await site.say(REGISTER, language=language)
    notice, answer = first["messages"]
    assert first["language"] == language
    assert (notice["kind"], notice["lang"]) == ("notice", language)
    assert notice["text"] == site.service.locales.text(language, "only_english")
    assert (answer["lang"], answer["article"]) == ("en", "accommodation-registration")
    second = await site.say("What do I do when my passport is lost?", conversation=first["conversation"])
    assert [message["kind"] for message in second["messages"]] == ["article"]


async def test_buttons_below_the_notice_work(site: Site) -> None:
    greeted = await site.say("สวัสดี ครับ")
    assert [message["kind"] for message in greeted["messages"]] == ["notice", "text"]
    assert (await site.press(greeted, 0))["outcome"] == "clarify"


async def test_an_article_without_the_language_is_in_english(site: Site) -> None:
    reply = await site.say("Puis-je utiliser ma carte étrangère dans Alipay ?", language="fr")
    message = reply["messages"][0]
    assert (reply["language"], message["article"], message["lang"]) == ("fr", "link-foreign-card", "en")


@pytest.mark.parametrize("language", CODES)
async def test_an_urgent_card_says_truly_what_it_is_written_in(site: Site, language: str) -> None:
    (message,) = (await site.say("Fire! Fire!", language=language))["messages"]
    own = site.service.lane.card
    english = own(_fire(), "en").text
    assert (message["text"] == english) == (message["lang"] == "en")


def _fire() -> object:
    from bot.conversations.urgent import Kind

    return Kind.FIRE


# --- confidence and age -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "line"),
    [
        ("How do I register my address with the police?", None),
        ("What do I do when my passport is lost?", "to be sure, confirm with Immigration hotline 12367."),
        ("How do I book a hospital visit?", "rests on a weak source. Please confirm it with The hospital"),
        (
            "How do I rent a flat?",
            "not yet been confirmed by an official page. Please confirm it with City hotline 12345",
        ),
    ],
)
async def test_below_high_confidence_the_answer_says_whom_to_ask(site: Site, question: str, line: str | None) -> None:
    text = (await site.say(question))["messages"][0]["text"]
    assert ("onfirm" in text) == (line is not None)
    assert line is None or line in text


async def test_past_its_review_date_an_answer_says_so(site: Site) -> None:
    question = "How do I register my address with the police?"
    site.service.clock = lambda: datetime(2027, 6, 1, 15, 59, tzinfo=UTC)  # 23:59 of the review date in the city
    assert "last checked" not in (await site.say(question))["messages"][0]["text"]
    site.service.clock = lambda: datetime(2027, 6, 1, 16, 0, tzinfo=UTC)  # the next day has begun there
    text = (await site.say(question))["messages"][0]["text"]
    assert "This was last checked on 2026-11-01" in text
    assert "Immigration hotline 12367" in text


async def test_a_chinese_answer_needs_no_sentence_to_show(site: Site) -> None:
    text = (await site.say("怎样办理住宿登记?"))["messages"][0]["text"]
    assert "您好,我要办理住宿登记" not in text


async def test_the_thresholds_decide_between_answer_and_question(site: Site) -> None:
    site.service.desk.thresholds = Thresholds(answer=0.0, clarify=0.0)
    assert (await site.say("something about the four bins"))["outcome"] == "answered"
    site.service.desk.thresholds = ALWAYS_ASK_BACK
    assert (await site.say("something about the four bins"))["outcome"] == "clarify"
