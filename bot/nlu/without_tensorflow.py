"""Serve without TensorFlow: Rasa imports it for its neural components, and this pipeline has none of them.

Measured at start: importing it takes most of the time and 300 MB. So the serving process (never training) gets empty
names instead: a class can be derived from them, which is all that Rasa's modules do when imported; making an
instance or calling one raises `NoTensorFlowError`, so nothing can run on a TensorFlow that is not there.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from types import ModuleType
from typing import Any, Sequence

PACKAGES = ("tensorflow", "tensorflow_text", "tensorflow_hub", "tensorflow_addons", "keras")


class _EmptyName(type):
    """The type of every stand-in: a class whose attributes are such classes again."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _empty(name)

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        from bot.nlu.errors import NoTensorFlowError

        raise NoTensorFlowError("TensorFlow is not loaded in the serving process")


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
