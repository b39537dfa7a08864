"""`bot chat`: a conversation in the terminal. A button is pressed by its number; Ctrl-D ends."""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import Any

from bot.commands.client import Client, connected
from bot.commands.show import show
from bot.errors import RequestError
from bot.settings import load_settings


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser("chat", help="talk in the terminal; a number presses a button, Ctrl-D ends")
    parser.set_defaults(run=lambda _options: asyncio.run(_chat()))


async def _chat() -> int:
    async with connected(load_settings()) as client:
        await converse(client)
    return 0


async def converse(client: Client) -> None:
    """Read lines until the end of input; each is a message, or the number of a button of the last reply."""
    conversation: str | None = None
    buttons: list[str] = []
    while (line := await asyncio.to_thread(_read)) is not None:
        if not line.strip():
            continue
        request: dict[str, Any] = _request(line.strip(), buttons)
        if conversation is not None:
            request["conversation"] = conversation
        try:
            reply = await client.say(request)
        except RequestError as error:
            print(f"({error.message})")
            continue
        conversation = reply["conversation"]
        buttons = [button["payload"] for message in reply["messages"] for button in message["buttons"]]
        print(f"{show(reply)}\n", flush=True)


def _request(line: str, buttons: list[str]) -> dict[str, Any]:
    # Python refuses to read numbers of thousands of digits.
    if line.isdecimal() and len(line) < 5 and 1 <= int(line) <= len(buttons):
        return {"button": buttons[int(line) - 1]}
    return {"text": line}


def _read() -> str | None:
    try:
        return input("› " if sys.stdin.isatty() else "")
    except EOFError:
        return None
