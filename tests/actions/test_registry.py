"""The actions are those that the domain and the rules name, and each makes a plan."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from actions.base import Tools
from actions.registry import make_executor
from bot.conversations.acts import ACTS
from bot.conversations.inflight import InFlight
from bot.knowledge.desk import Desk
from bot.knowledge.scoring import Thresholds
from bot.messages import Plan
from tests.fakes.engine import ROOT, action_call, parse
from tests.fakes.site import THRESHOLDS, Brain, Site

DOMAIN = yaml.safe_load((ROOT / "domain.yml").read_text(encoding="utf-8"))
RULES = yaml.safe_load((ROOT / "data" / "rules.yml").read_text(encoding="utf-8"))["rules"]


def tools(brain: Brain, thresholds: Thresholds = THRESHOLDS) -> Tools:
    return Tools(Desk(brain.encoder, thresholds, brain.search, "none"), InFlight())


def call(action: str, text: str = "How do I rent a flat?", language: str = "en") -> dict[str, Any]:
    parsed = parse({"text": text, "id": "message-1", "language": language})
    return action_call("sender", action, parsed, [{"event": "user", "timestamp": 1.0}])


def test_the_domain_names_exactly_our_actions(brain: Brain) -> None:
    assert set(make_executor(tools(brain)).actions) == set(DOMAIN["actions"])


def test_every_intent_has_a_rule_to_an_action_of_ours() -> None:
    steps = {rule["steps"][0]["intent"]: rule["steps"][1]["action"] for rule in RULES}
    assert set(steps) == set(DOMAIN["intents"])
    assert set(steps.values()) <= set(DOMAIN["actions"])
    assert set(ACTS) <= set(steps)


@pytest.mark.parametrize("action", DOMAIN["actions"])
async def test_every_action_makes_one_plan_without_a_word_of_the_resident(brain: Brain, action: str) -> None:
    text = "How do I rent a flat, says Zwickelfritz?"
    result = await make_executor(tools(brain)).run(call(action, text))
    assert result is not None
    said = result.model_dump()
    (response,) = [reply["custom"] for reply in said["responses"] if reply.get("custom")]
    assert Plan.from_json(response).parts
    assert "Zwickelfritz" not in json.dumps(said)
    assert said["events"] == []


async def test_a_message_of_another_process_is_encoded_again(brain: Brain) -> None:
    result = await make_executor(tools(brain)).run(call("action_answer_life"))
    assert result is not None
    plan = Plan.from_json(result.model_dump()["responses"][0]["custom"])
    assert plan.parts[0].article == "rent-a-flat"


async def test_a_message_under_way_is_not_encoded_again(site: Site) -> None:
    encoded: list[str] = []
    encoder = site.service.desk.encoder
    original = encoder.encode

    def encode(text: str, language: str) -> Any:
        encoded.append(text)
        return original(text, language)

    encoder.encode = encode  # type: ignore[method-assign]
    try:
        await site.say("Làm sao để thuê nhà ở đây?")  # USE does not know it: both encoders are asked at once
    finally:
        del encoder.encode
    assert encoded == ["Làm sao để thuê nhà ở đây?"]


async def test_an_unknown_action_and_an_empty_call_are_errors(site: Site) -> None:
    url = f"{site.local}/actions?token={site.service.engine.secret}"
    for body in ({}, call("action_nobody_knows"), {"next_action": "action_greet"}):
        async with site.session.post(url, json=body) as response:
            assert response.status >= 400
            assert set(await response.json()) == {"error"}
    async with site.session.post(url, data=b"not json") as response:
        assert response.status >= 400
