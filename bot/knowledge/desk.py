"""The knowledge as the actions use it: one snapshot of search and articles, replaced as a whole on publish."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.encoder import Encoder, Vector
from bot.knowledge.articles import Knowledge
from bot.knowledge.scoring import Thresholds
from bot.knowledge.search import Decision, Search, decide


@dataclass
class Desk:
    """`model` names the archive that the engine runs."""

    encoder: Encoder
    thresholds: Thresholds
    search: Search
    model: str

    @property
    def knowledge(self) -> Knowledge:
        return self.search.knowledge

    def decide(self, text: str, vector: Vector, ranking: Mapping[str, float] | None) -> Decision:
        """The verdict on a question; `ranking` is the pipeline's, None when it did not answer."""
        return decide(self.search.find(text, vector, ranking), self.thresholds)

    def versions(self) -> dict[str, Any]:
        """What an answer's trace says of the two things it rests on."""
        return {"model": self.model, "knowledge": self.knowledge.version}
