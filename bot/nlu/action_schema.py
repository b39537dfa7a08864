"""The one place where Rasa's own code is changed. Installed by `bot.nlu.serve`; Rasa 3.6.21 is the last, so pinned.

Why, measured: `RemoteAction._validate_action_result` rebuilds and re-checks its own JSON schema on every call, 41 % of
Rasa's whole time; the domain (all intents and actions) travels with every call for actions that never look; and reading
a conversation back searches all event classes for every event, a quarter of what is left.
"""

from __future__ import annotations

import functools
from typing import Any, Dict

import jsonschema
import rasa.core.actions.action as rasa_action
from rasa.core.actions.action import RemoteAction
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import Event
from rasa.shared.core.trackers import DialogueStateTracker

# Seconds. Rasa waits five minutes for an action, and the resident's conversation with it; the app gives up long before.
ACTION_TIMEOUT = 15

_validator = jsonschema.validators.validator_for(RemoteAction.action_response_format_spec())(
    RemoteAction.action_response_format_spec()
)
_call_format = RemoteAction._action_call_format
_resolve = functools.lru_cache(maxsize=None)(Event.resolve_by_type)
_NO_DOMAIN = Domain.empty()


def _validate(self: RemoteAction, result: Dict[str, Any]) -> bool:
    """As Rasa's, with the validator compiled once; raises `jsonschema.ValidationError`."""
    _validator.validate(result)
    return True


def _format(self: RemoteAction, tracker: DialogueStateTracker, domain: Domain) -> Dict[str, Any]:
    """Rasa's call with an empty domain: the newer rasa-sdk refuses a call without the key, an empty one it accepts."""
    return {**_call_format(self, tracker, _NO_DOMAIN), "domain": {}}


def install() -> None:
    """Replace the three methods and the time-out; calling it again changes nothing."""
    RemoteAction._validate_action_result = _validate
    RemoteAction._action_call_format = _format
    rasa_action.DEFAULT_REQUEST_TIMEOUT = ACTION_TIMEOUT
    Event.resolve_by_type = staticmethod(_resolve)
