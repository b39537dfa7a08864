"""config.yml, domain.yml, rules.yml and the examples fit together."""

from __future__ import annotations

from pathlib import Path

import yaml

from bot.languages import CODES

ROOT = Path(__file__).resolve().parents[2]


def _read(path: str) -> dict[str, object]:
    return yaml.safe_load((ROOT / path).read_text("utf-8"))  # type: ignore[no-any-return]


def _blocks() -> list[dict[str, object]]:
    return [
        block for file in sorted((ROOT / "data/nlu").glob("*.yml")) for block in yaml.safe_load(file.read_text())["nlu"]
    ]


def test_every_intent_has_one_rule_and_every_action_a_place() -> None:
    domain, rules = _read("domain.yml"), _read("data/rules.yml")["rules"]
    steps = [(rule["steps"][0]["intent"], rule["steps"][1]["action"]) for rule in rules]  # type: ignore[attr-defined]
    assert sorted(intent for intent, _ in steps) == sorted(domain["intents"])  # type: ignore[call-overload]
    assert {action for _, action in steps} == set(domain["actions"])  # type: ignore[call-overload]
    assert all(len(rule["steps"]) == 2 for rule in rules)  # type: ignore[attr-defined]


def test_rasa_holds_no_words_and_no_slots() -> None:
    assert not {"responses", "slots", "forms"} & set(_read("domain.yml"))


def test_every_example_block_names_a_known_intent_and_language() -> None:
    intents = set(_read("domain.yml")["intents"])  # type: ignore[call-overload]
    for block in _blocks():
        assert block["intent"] in intents
        assert block["metadata"]["language"] in CODES  # type: ignore[index]


def test_every_intent_has_examples_in_every_language_it_needs() -> None:
    have = {(block["intent"], block["metadata"]["language"]) for block in _blocks()}  # type: ignore[index]
    acts = set(_read("domain.yml")["intents"]) - {"nlu_fallback"}  # type: ignore[call-overload]
    areas = {name for name in acts if name.startswith("ask_")}
    wanted = {(area, code) for area in areas for code in ("en", "zh", "fr", "ar", "vi", "ja", "ko", "de", "es", "ru")}
    wanted |= {(act, code) for act in acts - areas - {"out_of_scope"} for code in CODES}
    assert wanted - have == set()


def test_no_example_stands_under_two_intents() -> None:
    seen: dict[str, str] = {}
    for block in _blocks():
        for line in str(block["examples"]).splitlines():
            text = line.strip().removeprefix("- ").casefold()
            assert seen.setdefault(text, str(block["intent"])) == block["intent"], text


def test_entities_are_declared() -> None:
    names = set()
    for file in (ROOT / "data/nlu/entities").glob("*.yml"):
        names |= {(b.get("lookup") or b.get("regex")).split("/")[0] for b in yaml.safe_load(file.read_text())["nlu"]}
    assert names == set(_read("domain.yml")["entities"])  # type: ignore[call-overload]
