"""What the changed action call lets through, beside what Rasa's own does."""

from __future__ import annotations

import jsonschema
import pytest
from rasa.core.actions.action import RemoteAction

from bot.nlu import action_schema

GOOD = [
    {"events": [], "responses": [{"custom": {"key": "x"}}]},
    {"events": [{"event": "slot", "name": "a", "value": 1}]},
]
BAD = [{"events": {}}, {"responses": [5]}, {"events": [{"name": "no type"}]}, []]

_theirs = RemoteAction._validate_action_result


@pytest.fixture
def remote(monkeypatch: pytest.MonkeyPatch) -> RemoteAction:
    for name in ("_validate_action_result", "_action_call_format"):
        monkeypatch.setattr(RemoteAction, name, getattr(RemoteAction, name))
    action_schema.install()
    action_schema.install()
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
