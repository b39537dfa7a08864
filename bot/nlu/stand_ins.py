"""Serve without the packages that Rasa imports for what this pipeline has none of: TensorFlow, other chat channels …

Measured at start: TensorFlow takes most of the time and 300 MB, the others half of what is left (8.3 s of CPU, 4.2
without them). So the serving process (never training) gets empty names instead: a class can be derived from them,
which is all that Rasa's modules do when imported; making an instance or calling one raises `NotLoadedError`, so nothing
can run on a package that is not there.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from types import ModuleType
from typing import Any, Sequence

PACKAGES = frozenset(
    {
        # neural components; scikit-learn is what they split and weigh their examples with
        *("tensorflow", "tensorflow_text", "tensorflow_hub", "tensorflow_addons", "keras", "sklearn"),
        # plots of Rasa's own evaluation, questions of its terminal commands
        *("matplotlib", "questionary", "prompt_toolkit"),
        # other tracker stores, lock stores and event brokers
        *("boto3", "botocore", "pymongo", "redis", "kafka", "aio_pika"),
        # other channels
        *("aiogram", "fbmessenger", "google", "slack_sdk", "twilio", "webexteamssdk"),
    }
)


class _EmptyName(type):
    """The type of every stand-in: a class whose attributes are such classes again."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _empty(name)

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        from bot.nlu.errors import NotLoadedError

        raise NotLoadedError(f"{cls.__name__} is not loaded in the serving process")


def _empty(name: str) -> Any:
    return _EmptyName(name, (), {})


class _EmptyModule(ModuleType):
    __version__ = "2.12.0"
    __path__: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _empty(name)


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name: str, path: Sequence[str] | None, target: Any = None) -> Any:
        if name.split(".")[0] in PACKAGES:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return _EmptyModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Nothing to run: the module is its empty names."""


def install() -> None:
    """Call before anything imports Rasa."""
    sys.meta_path.insert(0, _Finder())
