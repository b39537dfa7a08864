"""A reply as a terminal shows it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any


def show(reply: dict[str, Any]) -> str:
    """All messages; their buttons are numbered through, since a number is all that is typed to press one."""
    numbers = count(1)
    return "\n\n".join("\n".join(_message(message, numbers)) for message in reply["messages"])


def _message(message: dict[str, Any], numbers: Iterator[int]) -> Iterator[str]:
    yield message["text"]
    for number, step in enumerate(message["steps"], 1):
        yield f"  {number}. {step}"
    for document in message["documents"]:
        yield f"  • {document}"
    if message["office"] is not None:
        office = message["office"]
        yield "  ⌂ " + " · ".join(
            str(value)
            for value in dict.fromkeys((office["name"], office["name_zh"], office["address_zh"], office["phone"]))
            if value
        )
    if message["source"] is not None:
        source = message["source"]
        yield "  ↗ " + " · ".join(
            str(value) for value in (source["title"], source["url"], message["checked_on"]) if value
        )
    for button in message["buttons"]:
        yield f"  [{next(numbers)}] {button['title']}"
