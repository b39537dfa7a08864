"""The resident's words: one YAML file a language, keys the same in all that are answered fully."""

from __future__ import annotations

from pathlib import Path
from string import Formatter

import yaml

from bot.errors import ContentError
from bot.languages import ANSWERED, CODES, DEFAULT

_FOLDER = Path(__file__).parent


class Locales:
    """All languages' words, checked to have the same keys and the same placeholders."""

    def __init__(self, words: dict[str, dict[str, str]]) -> None:
        self._words = words
        _check(words)

    @staticmethod
    def load(folder: Path = _FOLDER) -> Locales:
        """Raises ContentError when a language lacks a key or a placeholder."""
        return Locales({path.stem: _read(path) for path in sorted(folder.glob("*.yml"))})

    def text(self, language: str, key: str, **params: str) -> str:
        """The words of `key`, in English when the language has none. KeyError when no language has."""
        words = self._words.get(language, {})
        template = words.get(key) or self._words[DEFAULT][key]
        return template.format(**params)


def _read(path: Path) -> dict[str, str]:
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ContentError(f"{path.name}: not YAML: {str(error).splitlines()[0]}") from error
    if not isinstance(data, dict) or not all(isinstance(text, str) for text in data.values()):
        raise ContentError(f"{path.name}: must be a mapping of keys to texts")
    return data


def _check(words: dict[str, dict[str, str]]) -> None:
    if missing := set(CODES) - set(words):
        raise ContentError(f"locales: no file for {sorted(missing)}")
    keys = set(words[DEFAULT])
    for language in CODES:
        own = set(words[language])
        wanted = keys if language in ANSWERED else {"only_english"}
        if wrong := (wanted - own) | (own - keys):
            raise ContentError(f"locales/{language}.yml: missing or unknown keys {sorted(wrong)}")
        for key in sorted(own):
            if _placeholders(language, key, words[language][key]) != _placeholders(DEFAULT, key, words[DEFAULT][key]):
                raise ContentError(f"locales/{language}.yml: {key}: not the placeholders of {DEFAULT}.yml")


def _placeholders(language: str, key: str, text: str) -> set[str]:
    try:
        return {name for _, name, _, _ in Formatter().parse(text) if name is not None}
    except ValueError as error:
        raise ContentError(f"locales/{language}.yml: {key}: {error}") from error
