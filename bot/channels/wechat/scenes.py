"""What a poster's QR code says of where it hangs: a community and a language, as "c=linhu&l=vi".

Anyone may photograph a code: it is a hint for the greeting, and proves nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.channels.web.texts import read_yaml
from bot.channels.wechat.contents import by_language
from bot.errors import ContentError
from bot.languages import LANGUAGES, answer_language

COMMUNITIES_FILE = "communities.yml"
_KEY = re.compile(r"[a-z0-9][a-z0-9-]{0,39}", re.ASCII)
_COMMUNITY, _LANGUAGE = "c", "l"
# The platform's, in characters.
_LONGEST = 64


@dataclass(frozen=True)
class Scene:
    """`community` is a key of communities.yml, `language` the code of any language we know."""

    community: str | None = None
    language: str | None = None


def written(scene: Scene) -> str:
    """The scene as it stands in a QR code, 1 to 64 characters. ValueError for one that says nothing, or what no scene
    can say."""
    given = {_COMMUNITY: scene.community, _LANGUAGE: scene.language}
    text = "&".join(f"{name}={value}" for name, value in given.items() if value is not None)
    if not text or read(text) != scene:
        raise ValueError("a scene names a community (small letters, digits, hyphens) or a language that is known")
    return text


def read(text: str) -> Scene:
    """The scene of a scanned code; what cannot be understood counts as not there. Never raises."""
    given = dict(part.partition("=")[::2] for part in text.split("&")) if len(text) <= _LONGEST else {}
    community, language = given.get(_COMMUNITY, ""), given.get(_LANGUAGE)
    return Scene(
        community if _KEY.fullmatch(community) else None,
        language if language in LANGUAGES else None,
    )


@dataclass(frozen=True)
class Communities:
    """Names by key and answered language."""

    names: Mapping[str, Mapping[str, str]]

    @staticmethod
    def load(folder: Path) -> Communities:
        """ContentError naming what is wrong in communities.yml."""
        data = read_yaml(folder / COMMUNITIES_FILE)
        if not isinstance(data, dict) or not all(isinstance(key, str) and _KEY.fullmatch(key) for key in data):
            raise ContentError(f"{COMMUNITIES_FILE}: a key is small letters, digits and hyphens, 40 at most")
        return Communities({key: by_language(f"{COMMUNITIES_FILE}: {key}", raw) for key, raw in data.items()})

    def read(self, text: str) -> Scene:
        """The scene of a scanned code, without a community that is not in the file (an old poster's)."""
        scene = read(text)
        return scene if scene.community in self.names else Scene(None, scene.language)

    def name(self, key: str, language: str) -> str:
        """What the community is called in the language of the answer. KeyError for one that is not there."""
        return self.names[key][answer_language(language)]
