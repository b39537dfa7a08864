"""What is changed in Rasa, beside what Rasa's own does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
from rasa.core.actions.action import RemoteAction
from rasa.core.policies.rule_policy import RulePolicy
from rasa.engine.exceptions import GraphComponentException, GraphRunError
from rasa.engine.graph import ExecutionContext, GraphComponent, GraphSchema, SchemaNode
from rasa.engine.runner.dask import DaskGraphRunner
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker

from bot.nlu import rasa_changes

GOOD = [
    {"events": [], "responses": [{"custom": {"key": "x"}}]},
    {"events": [{"event": "slot", "name": "a", "value": 1}]},
]
BAD = [{"events": {}}, {"responses": [5]}, {"events": [{"name": "no type"}]}, []]

_theirs = RemoteAction._validate_action_result
_their_run = DaskGraphRunner.run


@pytest.fixture
def remote(monkeypatch: pytest.MonkeyPatch) -> RemoteAction:
    for name in ("_validate_action_result", "_action_call_format"):
        monkeypatch.setattr(RemoteAction, name, getattr(RemoteAction, name))
    monkeypatch.setattr(DaskGraphRunner, "run", DaskGraphRunner.run)
    monkeypatch.setattr(RulePolicy, "_find_action_from_rules", RulePolicy._find_action_from_rules)
    rasa_changes.install()
    rasa_changes.install()
    return RemoteAction("action_x", None)


@pytest.mark.parametrize("result", GOOD)
def test_what_rasa_accepts_is_accepted(remote: RemoteAction, result: dict[str, object]) -> None:
    assert _theirs(remote, result) is True
    assert remote._validate_action_result(result) is True


@pytest.mark.parametrize("result", BAD)
def test_what_rasa_refuses_is_refused(remote: RemoteAction, result: dict[str, object]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        _theirs(remote, result)
    with pytest.raises(jsonschema.ValidationError):
        remote._validate_action_result(result)


class _Adds(GraphComponent):
    """A node that adds up what it needs."""

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> _Adds:
        return cls()

    def one(self, first: int) -> int:
        return first + 1

    def both(self, first: int, second: int) -> int:
        return 10 * first + second

    def breaks(self, first: int) -> int:
        raise RuntimeError("broken")


def _runner(folder: Path) -> DaskGraphRunner:
    def node(function: str, **needs: str) -> SchemaNode:
        return SchemaNode(needs, _Adds, "create", function, {})

    # `last` stands before what it needs, and needs one node twice over.
    nodes = {
        "last": node("both", first="middle", second="begin"),
        "middle": node("one", first="begin"),
        "begin": node("one", first="given"),
        "bad": node("breaks", first="given"),
    }
    schema = GraphSchema(nodes)
    return DaskGraphRunner.create(schema, LocalModelStorage(folder), ExecutionContext(schema))


@pytest.mark.parametrize("targets", [["last"], ["middle", "begin"]])
def test_a_graph_gives_what_dask_gives(tmp_path: Path, targets: list[str]) -> None:
    runner = _runner(tmp_path)
    for given in (4, 5):
        theirs = _their_run(runner, {"given": given}, targets)
        assert rasa_changes._run_graph(runner, {"given": given}, targets) == theirs
        assert list(theirs) == targets


def test_a_graph_fails_as_with_dask(tmp_path: Path) -> None:
    runner = _runner(tmp_path)
    for run in (_their_run, rasa_changes._run_graph):
        with pytest.raises(GraphComponentException):
            run(runner, {"given": 4}, ["bad"])
        with pytest.raises(GraphRunError):
            run(runner, {}, ["middle"])


class _Policy:
    def __init__(self, *keys: str) -> None:
        self.lookup = {"rules": dict.fromkeys(keys, "action_x"), "rules_not_in_stories": []}


def test_rules_about_a_text_are_still_seen() -> None:
    by_intent = '[{"prev_action": {"action_name": "action_listen"}, "user": {"intent": "greet"}}]'
    by_text = '[{"prev_action": {"action_name": "action_listen"}, "user": {"text": "hello"}}]'
    assert not rasa_changes._has_text_rules(_Policy(by_intent))  # type: ignore[arg-type]
    assert rasa_changes._has_text_rules(_Policy(by_intent, by_text))  # type: ignore[arg-type]


def test_a_call_carries_the_latest_message_alone(remote: RemoteAction) -> None:
    tracker = DialogueStateTracker.from_events(
        "someone", [ActionExecuted("action_listen"), UserUttered("hello", {"name": "greet"}, metadata={"id": "1"})]
    )
    body = remote._action_call_format(tracker, Domain.empty())
    assert body["next_action"] == "action_x" and body["sender_id"] == "someone"
    assert body["tracker"]["latest_message"]["text"] == "hello"
    assert body["tracker"]["latest_message"]["metadata"] == {"id": "1"}
    assert body["tracker"]["events"] == [] and body["domain"] == {}
