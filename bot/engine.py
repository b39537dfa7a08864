"""The door to the sealed room: the only client of Rasa. An empty reply, a time-out or a non-200 is a failure."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from bot.circuit import Circuit
from bot.encoder import Vector, pack
from bot.errors import EngineError
from bot.messages import Plan, Understanding

SECRET_HEADER = "X-Linli-Secret"  # noqa: S105 - a header's name


@dataclass(frozen=True)
class EngineReply:
    """What one message became. `repeated`: the engine had this message before and gave its stored reply."""

    plan: Plan
    understanding: Understanding
    repeated: bool


@dataclass
class Worker:
    """One Rasa process: where it listens and whether calls to it have been failing."""

    name: str
    url: str
    circuit: Circuit
    ready: bool = False


@dataclass
class EngineDoor:
    """Sends a conversation's messages always to the same worker, and moves them when it is gone."""

    session: aiohttp.ClientSession
    secret: str
    timeout_seconds: float
    workers: list[Worker] = field(default_factory=list)
    clock: Callable[[], float] = time.monotonic
    failures: int = 0

    @property
    def up(self) -> bool:
        return any(worker.ready and not worker.circuit.open for worker in self.workers)

    async def ask(self, conversation: str, message_id: str, text: str, language: str, vector: Vector) -> EngineReply:
        """What the pipeline understood and its action planned. EngineError, at once when no worker may be tried."""
        worker = self._choose(conversation)
        if worker is None:
            raise EngineError("no engine worker is ready")
        body = {"sender": conversation, "id": message_id, "text": text, "language": language, "vector": pack(vector)}
        try:
            reply = _reply(await self._post(worker, body), language)
        except (TimeoutError, aiohttp.ClientError, EngineError, ValueError, KeyError, TypeError) as error:
            self.failures += 1
            worker.circuit.failed(self.clock())
            raise EngineError(f"engine worker {worker.name}: {type(error).__name__}") from None
        except asyncio.CancelledError:
            # The caller went away: nothing is known of the worker, but its one try must not stay taken.
            worker.circuit.given_up()
            raise
        worker.circuit.succeeded()
        return reply

    async def erase(self, conversation: str) -> None:
        """Delete what the tracker store keeps of a conversation. Raises EngineError when it cannot."""
        worker = self._choose(conversation)
        if worker is None:
            raise EngineError("no engine worker is ready")
        url = f"{worker.url}/webhooks/linli/conversations/{conversation}"
        try:
            async with self.session.delete(url, headers={SECRET_HEADER: self.secret}) as response:
                if response.status not in (200, 204, 404):
                    raise EngineError(f"engine worker {worker.name}: HTTP {response.status}")
        except (TimeoutError, aiohttp.ClientError) as error:
            raise EngineError(f"engine worker {worker.name}: {type(error).__name__}") from None

    async def _post(self, worker: Worker, body: dict[str, Any]) -> dict[str, Any]:
        async with self.session.post(
            f"{worker.url}/webhooks/linli/messages",
            json=body,
            headers={SECRET_HEADER: self.secret},
            timeout=aiohttp.ClientTimeout(total=self.timeout_seconds),
        ) as response:
            if response.status != 200:
                raise EngineError(f"HTTP {response.status}")
            data: dict[str, Any] = await response.json()
            return data

    def _choose(self, conversation: str) -> Worker | None:
        now = self.clock()
        ranked = ranked_workers(conversation, [worker for worker in self.workers if worker.ready])
        return next((worker for worker in ranked if worker.circuit.allows(now)), None)


def ranked_workers(conversation: str, workers: Sequence[Worker]) -> list[Worker]:
    """Rendezvous hashing: a dead worker's conversations move, all others stay where they are."""

    def weight(worker: Worker) -> bytes:
        return hashlib.blake2b(f"{worker.name}\0{conversation}".encode(), digest_size=8).digest()

    return sorted(workers, key=weight, reverse=True)


def _reply(data: dict[str, Any], language: str) -> EngineReply:
    replies = data["replies"]
    if not replies:
        raise EngineError("empty reply")
    understood = data["understanding"]
    return EngineReply(
        plan=Plan.from_json(replies[-1]),
        understanding=Understanding(
            language=language,
            intent=str(understood["intent"]),
            confidence=float(understood["confidence"]),
            ranking=tuple((str(item["name"]), float(item["confidence"])) for item in understood["ranking"]),
            entities=tuple(understood["entities"]),
        ),
        repeated=bool(data["repeated"]),
    )
