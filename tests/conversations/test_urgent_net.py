"""The net behind the urgent lane's rules, through the front door: the real rules, the real encoder, the real net."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from bot.conversations.urgent import Kind
from bot.conversations.urgent_net import CALM, LABELS, NET_FILE, NetError, UrgentNet
from bot.encoder import E5_DIMENSIONS
from bot.knowledge.publishing import encoder_version
from bot.languages import LANGUAGES
from tests.fakes.site import Brain, Site

LEARNED = Path(__file__).parents[2] / "data" / "urgent" / "learned"


@pytest.fixture(scope="module")
def net() -> UrgentNet:
    return UrgentNet.load()


UNHEARD = [
    ("grandma is lying on the kitchen floor with her eyes rolled back and foam round her lips", Kind.AMBULANCE),
    ("our toddler just drank the blue stuff we clean the drain with", Kind.AMBULANCE),
    ("the curtains have gone up in flames and my daughter is still in her room", Kind.FIRE),
    ("somebody is smashing our windows with an iron bar and shouting he will get us", Kind.POLICE),
]


@pytest.mark.parametrize(("text", "kind"), UNHEARD)
async def test_an_emergency_without_a_rule_gets_the_same_card(site: Site, text: str, kind: Kind) -> None:
    reply = await site.say(text, language="en")
    assert (reply["outcome"], reply["intent"]) == ("urgent", "emergency")
    assert reply["messages"][0]["text"] == site.service.lane.card(kind, "en").text
    seen_by = None if site.service.lane.check(text, "en") else "net"
    assert (reply["trace"]["urgent"], reply["trace"].get("seen_by")) == (kind.value, seen_by)


def test_most_of_them_have_no_rule(brain: Brain) -> None:
    """Else the test above would be one of the rules."""
    assert sum(brain.lane.check(text, "en") is None for text, _ in UNHEARD) >= 2


async def test_a_rule_is_heard_first(site: Site) -> None:
    reply = await site.say("my kitchen is burning")
    assert reply["trace"]["urgent"] == "fire"
    assert "seen_by" not in reply["trace"]


@pytest.mark.parametrize(
    "text",
    [
        "How do I rent a flat?",
        "where can I buy a used bicycle",
        "my neighbour plays loud music every night",
        "I had a car accident last year, does it matter for my licence?",
        "can I bring my blood pressure pills through customs",
        "combien coûte une carte SIM",
        "怎么续签居留许可",
        "متى يفتح البنك",
    ],
)
async def test_an_ordinary_question_raises_no_alarm(lone_site: Site, text: str) -> None:
    assert (await lone_site.say(text))["outcome"] != "urgent"


IN_OTHER_LANGUAGES = (("zh", "爷爷倒在浴室里嘴唇发紫"), ("ar", "جدي ممدد في الحمام وشفايفه زرقاء"))


@pytest.mark.parametrize("half", [slice(E5_DIMENSIONS, None), slice(None, E5_DIMENSIONS)], ids=["e5", "USE"])
def test_one_half_of_a_vector_is_nearly_enough(net: UrgentNet, brain: Brain, half: slice) -> None:
    said = [*(("en", text) for text, _ in UNHEARD), *IN_OTHER_LANGUAGES]
    vectors = [brain.encoder.encode(text, language).copy() for language, text in said]
    assert all(net.check(vector) is not None for vector in vectors)
    for vector in vectors:
        vector[half] = 0
    assert sum(net.check(vector) is not None for vector in vectors) >= len(said) - 1


def test_an_empty_vector_is_no_emergency(net: UrgentNet) -> None:
    assert net.check(np.zeros(896, np.float32)) is None


def test_the_net_was_trained_on_the_vectors_of_this_encoder(net: UrgentNet) -> None:
    assert net.version.startswith(encoder_version()), "run tools/urgent_net.py"
    assert NET_FILE.stat().st_size < 60_000


def test_what_is_saved_is_what_is_loaded(net: UrgentNet, tmp_path: Path) -> None:
    net.save(tmp_path / "net.npz")
    again = UrgentNet.load(tmp_path / "net.npz")
    assert again.version == net.version
    assert np.allclose(again.hidden, net.hidden, atol=1e-6)


@pytest.mark.parametrize("content", [b"", b"no archive", None])
def test_a_file_that_is_no_net_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "broken.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(NetError, match=r"broken\.npz"):
        UrgentNet.load(path)


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_language_has_texts_to_learn_from_each_once(language: str) -> None:
    given = yaml.safe_load((LEARNED / f"{language}.yml").read_text(encoding="utf-8"))
    assert set(given) == set(LABELS)
    texts = [text for found in given.values() for text in found]
    assert len(given[CALM]) >= 50
    assert len(texts) == len(set(texts)) >= 200
