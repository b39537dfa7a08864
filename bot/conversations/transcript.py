"""A conversation as plain text to keep: who said what and when, with sources."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.conversations import history
from bot.conversations.render import Renderer
from bot.conversations.store import Author
from bot.db.engine import transaction
from bot.db.models import Message
from bot.handoff.hours import CITY_TIME
from bot.messages import Kind

_PAGE = 200
_RULE = "-" * 60


@dataclass(frozen=True)
class Scribe:
    """Writes with `words`: the keys of data/widget/words in the language asked for."""

    words: Mapping[str, str]

    def write(self, messages: list[dict[str, Any]], pressed: Mapping[int, str], now: datetime) -> str:
        """`messages` as the widget gets them; `pressed`: a resident's button presses, number to payload."""
        titles = {button["payload"]: button["title"] for message in messages for button in message["buttons"]}
        blocks = [f"{self.words['title']}\n{self.words['saved'].format(date=moment(now))}"]
        for message in messages:
            text = message["text"] or titles.get(pressed.get(message["seq"], ""), "")
            if text:
                blocks.append("\n".join(self._lines({**message, "text": text})))
        return "\n\n".join([*blocks, f"{_RULE}\n{self.words['reminder']}"]) + "\n"

    def _lines(self, message: dict[str, Any]) -> Iterator[str]:
        at = moment(datetime.fromisoformat(message["at"]))
        if message["kind"] == Kind.EVENT:
            yield f"[{at}] — {message['text']} —"
            return
        yield f"[{at}] {self._name(message)}:"
        yield message["text"]
        yield from (f"  {number}. {step}" for number, step in enumerate(message["steps"], 1))
        yield from self._listed("documents", message["documents"])
        yield from self._office(message["office"])
        yield from self._source(message)

    def _name(self, message: dict[str, Any]) -> str:
        match message["author"]:
            case Author.RESIDENT:
                return self.words["you"]
            case Author.PERSON:
                name = message["name"]
                return self.words["staff_named"].format(name=name) if name else self.words["staff"]
            case _:
                return self.words["assistant"]

    def _listed(self, key: str, items: list[str]) -> Iterator[str]:
        if items:
            yield f"{self.words[key]}:"
            yield from (f"  - {item}" for item in items)

    def _office(self, office: dict[str, Any] | None) -> Iterator[str]:
        if office is None:
            return
        names = dict.fromkeys((office["name"], office["name_zh"]))
        yield f"{self.words['office']}: {' / '.join(names)}"
        if office["address_zh"]:
            yield f"{self.words['address']}: {office['address_zh']}"
        if office["phone"]:
            yield f"{self.words['phone']}: {office['phone']}"

    def _source(self, message: dict[str, Any]) -> Iterator[str]:
        source = message["source"]
        if source is not None:
            yield f"{self.words['source']}: {source['title']}" + (f" {source['url']}" if source["url"] else "")
        if message["checked_on"]:
            yield self.words["checked"].format(date=message["checked_on"])


async def write(
    database: AsyncEngine,
    conversation_id: uuid.UUID,
    renderer: Renderer,
    language: str,
    words: Mapping[str, str],
    now: datetime,
) -> str:
    """The whole conversation, the assistant's part in `language` where it can be said in it."""
    messages: list[dict[str, Any]] = []
    while True:
        after = messages[-1]["seq"] if messages else 0
        page = await history.after(database, conversation_id, after, renderer, language, _PAGE)
        messages += page
        if len(page) < _PAGE:
            break
    return Scribe(words).write(messages, await _pressed(database, conversation_id), now)


async def _pressed(database: AsyncEngine, conversation_id: uuid.UUID) -> dict[int, str]:
    statement = select(Message.seq, Message.content).where(
        Message.conversation_id == conversation_id, Message.author == Author.RESIDENT
    )
    async with transaction(database) as connection:
        rows = (await connection.execute(statement)).all()
    return {row.seq: str(row.content["button"]) for row in rows if row.content.get("button")}


def moment(instant: datetime) -> str:
    """In the city's time, the same in every language."""
    return f"{instant.astimezone(CITY_TIME):%Y-%m-%d %H:%M}"
