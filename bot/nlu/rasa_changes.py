"""The one place where Rasa's own code is changed. Installed by `bot.nlu.serve`; Rasa 3.6.21 is the last, so pinned.

Why, measured: `RemoteAction._validate_action_result` rebuilds and re-checks its own JSON schema on every call, 41 % of
Rasa's whole time; the domain and the whole conversation travel with every call to actions that look at the latest
message; and reading a conversation back searches all event classes for every event. In a profile of what was then
left, a sixth was dask planning the same few nodes three times a message; RulePolicy walked the conversation once more
for rules about a message's very words, of which there are none.
"""

from __future__ import annotations

import functools
from typing import Any, Dict, List, Mapping, Sequence, Tuple

import jsonschema
import rasa
import rasa.core.actions.action as rasa_action
from rasa.core.actions.action import RemoteAction
from rasa.core.policies.rule_policy import RulePolicy
from rasa.engine.exceptions import GraphRunError
from rasa.engine.graph import SchemaNode
from rasa.engine.runner.dask import DaskGraphRunner
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import Event
from rasa.shared.core.trackers import DialogueStateTracker, EventVerbosity
from rasa.shared.nlu.constants import TEXT

# Seconds. Rasa waits five minutes for an action, and the resident's conversation with it; the app gives up long before.
ACTION_TIMEOUT = 15

Plan = List[Tuple[str, Tuple[str, ...]]]  # a graph's nodes in the order they run, each with the nodes it needs

_validator = jsonschema.validators.validator_for(RemoteAction.action_response_format_spec())(
    RemoteAction.action_response_format_spec()
)
_resolve = functools.lru_cache(maxsize=None)(Event.resolve_by_type)
_find_action = RulePolicy._find_action_from_rules


def _validate(self: RemoteAction, result: Dict[str, Any]) -> bool:
    """As Rasa's, with the validator compiled once; raises `jsonschema.ValidationError`."""
    _validator.validate(result)
    return True


def _format(self: RemoteAction, tracker: DialogueStateTracker, domain: Domain) -> Dict[str, Any]:
    """Rasa's call, events and domain empty: the newer rasa-sdk refuses a call without the keys."""
    return {
        "next_action": self.name(),
        "sender_id": tracker.sender_id,
        "tracker": {**tracker.current_state(EventVerbosity.NONE), "events": []},
        "version": rasa.__version__,
        "domain": {},
    }


def _run_graph(
    self: DaskGraphRunner, inputs: Dict[str, Any] | None = None, targets: List[str] | None = None
) -> Dict[str, Any]:
    """As Rasa's, without dask: a graph of a few small nodes is run in one order, found once."""
    wanted = tuple(targets or self._graph_schema.target_names)
    done: Dict[str, Any] = {name: (name, value) for name, value in (inputs or {}).items()}
    try:
        for name, needs in _plan(self, wanted):
            # A node that nothing provides is handed over as its name, of which Rasa's node complains.
            done[name] = self._instantiated_nodes[name](*(done.get(need, need) for need in needs))
    except RuntimeError as error:
        raise GraphRunError("Error running runner.") from error
    return {name: done[name][1] for name in wanted}


def _plan(runner: DaskGraphRunner, targets: Tuple[str, ...]) -> Plan:
    plans: Dict[Tuple[str, ...], Plan] = runner.__dict__.setdefault("_linli_plans", {})
    if targets not in plans:
        plans[targets] = in_order(runner._graph_schema.nodes, targets)
    return plans[targets]


def in_order(nodes: Mapping[str, SchemaNode], targets: Sequence[str]) -> Plan:
    """The targets and all they need, each after what it needs itself; names outside `nodes` are inputs."""
    found: Dict[str, Tuple[str, ...]] = {}

    def visit(name: str) -> None:
        if name in nodes and name not in found:
            needs = tuple(nodes[name].needs.values())
            for need in needs:
                visit(need)
            found[name] = needs

    for target in targets:
        visit(target)
    return list(found.items())


def _find(
    self: RulePolicy, tracker: DialogueStateTracker, domain: Domain, use_text_for_last_user_input: bool
) -> Tuple[str | None, str | None, bool]:
    """As Rasa's, but the conversation is walked for the message's very words only when a rule is about some."""
    if use_text_for_last_user_input and not _has_text_rules(self):
        return None, None, False
    return _find_action(self, tracker, domain, use_text_for_last_user_input)  # type: ignore[no-any-return]


def _has_text_rules(policy: RulePolicy) -> bool:
    known = policy.__dict__.get("_linli_text_rules")
    if known is None:
        tables = [table for table in policy.lookup.values() if isinstance(table, dict)]
        known = any(f'"{TEXT}"' in key for table in tables for key in table)
        policy.__dict__["_linli_text_rules"] = known
    return bool(known)


def install() -> None:
    """Replace the six; calling it again changes nothing."""
    RemoteAction._validate_action_result = _validate
    RemoteAction._action_call_format = _format
    rasa_action.DEFAULT_REQUEST_TIMEOUT = ACTION_TIMEOUT
    Event.resolve_by_type = staticmethod(_resolve)
    DaskGraphRunner.run = _run_graph
    RulePolicy._find_action_from_rules = _find
