"""The sealed room's errors: each has a code for programs and a fixed sentence, never a resident's words."""

from __future__ import annotations

from rasa.shared.exceptions import RasaException


class EngineError(RasaException):
    """Any failure of ours in this room. The message is fixed text, so it may be logged."""

    code = "engine_failed"


class NoReplyError(EngineError):
    """The turn ended without a reply: the action failed, or Rasa swallowed an exception on the way."""

    code = "no_reply"


class TrackerStoreError(EngineError):
    """The tracker database cannot be opened, read or written."""

    code = "tracker_store_failed"


class CorruptTrackerError(TrackerStoreError):
    """A stored conversation cannot be read back."""

    code = "tracker_corrupt"


class BadModelError(EngineError):
    """A file of the trained model is missing or does not fit the code."""

    code = "model_bad"


class NotLoadedError(EngineError, ImportError):
    """Something tried to use a package of which only the names exist in the serving process (stand_ins.py).

    An ImportError too, so that a library which only looks whether TensorFlow is there (thinc does) finds it is not.
    """

    code = "not_loaded"
