"""The language of a text on its own."""

from __future__ import annotations

import pytest
from rasa.shared.nlu.training_data.message import Message

from bot.nlu.language import LanguageIdentifier, identify

SENTENCES = {
    "zh": "签证怎么办理", "en": "how do I extend my visa",
    "ja": "ビザの延長はどうすればいいですか", "ko": "비자 연장은 어떻게 하나요",
    "fr": "Bonjour, je voudrais prolonger mon visa", "de": "Wie verlängere ich mein Visum?",
    "es": "¿Cómo puedo prolongar mi visado?", "ru": "Как продлить визу?", "ar": "كيف أمدد تأشيرتي؟",
    "vi": "Tôi muốn gia hạn visa", "pt": "Como renovo meu visto de estudante", "th": "ต่อวีซ่าอย่างไร",
    "id": "Bagaimana cara memperpanjang visa", "ur": "ویزا کیسے بڑھاؤں", "hi": "वीज़ा कैसे बढ़ाएँ",
    "tr": "Vizemi nasıl uzatırım", "it": "Come posso prolungare il visto", "bn": "ভিসা কীভাবে বাড়াব",
    "fa": "چگونه ویزا را تمدید کنم",
    "uk": "Як продовжити візу?", "pl": "Jak przedłużyć wizę", "nl": "Hoe verleng ik mijn visum",
}  # fmt: skip


@pytest.mark.parametrize("code", SENTENCES)
def test_each_of_the_22_languages_is_found(code: str) -> None:
    assert identify(SENTENCES[code]) == code


@pytest.mark.parametrize("text", ["", "123", "😀", "hello", "ok", "?!"])
def test_what_says_nothing_is_english(text: str) -> None:
    assert identify(text) == "en"


def test_a_latin_brand_does_not_hide_chinese() -> None:
    assert identify("WeChat支付怎么用") == "zh"


def test_the_same_text_always_gets_the_same_answer() -> None:
    assert len({identify("Como puedo renovar o visto agora") for _ in range(20)}) == 1


def test_metadata_decides_when_it_names_one_of_ours() -> None:
    told = [{"language": "tr"}, {"intent": {"language": "tr"}}, {"example": {"language": "tr"}}]
    messages = [
        Message({"text": "hello there everybody", "metadata": each}) for each in [*told, {"language": "xx"}, None]
    ]
    LanguageIdentifier({}).process(messages)
    assert [message.get("language") for message in messages] == ["tr", "tr", "tr", "en", "en"]
