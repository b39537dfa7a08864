"""`bot ask "…"` and `bot ask --jsonl`: one question, or a batch of JSON lines, without a browser."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from bot.commands.client import Client, connected
from bot.commands.show import show
from bot.errors import Code, RequestError
from bot.settings import load_settings

_FIELDS = frozenset({"id", "text", "conversation", "language", "locale"})
# Lines under way at once: enough to keep both cores busy, few enough to keep the memory of a million lines small.
_AT_ONCE = 6


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser("ask", help="ask one question, or a batch as JSON lines")
    parser.add_argument("text", nargs="?", help="the question, in any of the 22 languages")
    parser.add_argument(
        "--jsonl", action="store_true", help="lines {id, text, conversation?, language?, locale?} from stdin"
    )
    parser.add_argument("--language", help="the language to answer in (ISO 639-1)")
    parser.add_argument("--json", action="store_true", help="print the whole reply as JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    if options.jsonl == (options.text is not None):
        print("bot ask: give a question, or --jsonl and lines on stdin", file=sys.stderr)
        return 2
    return asyncio.run(_batch() if options.jsonl else _one(options))


async def _one(options: argparse.Namespace) -> int:
    request = {"text": options.text} | ({"language": options.language} if options.language else {})
    try:
        async with connected(load_settings()) as client:
            reply = await client.say(request)
    except RequestError as error:
        print(f"bot ask: {error.message}", file=sys.stderr)
        return 1
    print(json.dumps(reply, ensure_ascii=False, indent=1) if options.json else show(reply))
    return 0


async def _batch() -> int:
    async with connected(load_settings()) as client:
        async for line in answer_lines(client, _lines(sys.stdin.buffer)):
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
    return 0


def _lines(stream: BinaryIO) -> Iterable[bytes]:
    return iter(stream.readline, b"")


@dataclass
class _Threads:
    """The server's conversation of each label, and the answer that the next line of that label waits for."""

    tokens: dict[str, str] = field(default_factory=dict)
    last: dict[str, asyncio.Task[str]] = field(default_factory=dict)


async def answer_lines(client: Client, lines: Iterable[bytes]) -> AsyncIterator[str]:
    """One JSON line for each line, in order and as soon as it is known: a caller may wait for it before writing on.

    Lines with one label go one after the other, others side by side.
    """
    threads, waiting, source = _Threads(), list[asyncio.Task[str]](), iter(lines)
    reading: asyncio.Task[bytes | None] | None = _read_next(source)
    while reading is not None or waiting:
        under_way: list[asyncio.Task[Any]] = waiting[:1]
        if reading is not None and len(waiting) < _AT_ONCE:
            under_way.append(reading)
        done, _ = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
        if reading is not None and reading in done:
            raw = reading.result()
            reading = None if raw is None else _read_next(source)
            if raw is not None:
                waiting.append(_started(client, raw, threads))
        while waiting and waiting[0].done():
            yield waiting.pop(0).result()


def _read_next(source: Iterator[bytes]) -> asyncio.Task[bytes | None]:
    return asyncio.create_task(asyncio.to_thread(next, source, None))


def _started(client: Client, raw: bytes, threads: _Threads) -> asyncio.Task[str]:
    try:
        line = parse_line(raw)
    except RequestError as error:
        return asyncio.create_task(_failed(_id_of(raw), error))
    label = line.get("conversation")
    before = threads.last.get(label) if label is not None else None
    task = asyncio.create_task(_answered(client, line, threads, before))
    if label is not None:
        threads.last[label] = task
    return task


async def _answered(client: Client, line: dict[str, Any], threads: _Threads, before: asyncio.Task[str] | None) -> str:
    if before is not None:
        await asyncio.wait({before})
    label = line.get("conversation")
    request = {name: line[name] for name in ("text", "language", "locale") if line.get(name) is not None}
    if label in threads.tokens:
        request["conversation"] = threads.tokens[label]
    try:
        reply = await client.say(request)
    except RequestError as error:
        return await _failed(line["id"], error)
    if label is not None:
        threads.tokens[label] = reply["conversation"]
        reply["conversation"] = label
    return _line({"id": line["id"], **reply})


async def _failed(line_id: Any, error: RequestError) -> str:
    return _line({"id": line_id, **error.to_json()})


def parse_line(raw: bytes) -> dict[str, Any]:
    """The object of one line. RequestError saying what is wrong with it."""
    try:
        line = json.loads(raw.decode("utf-8"))
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise RequestError(Code.BAD_JSON, "the line is not JSON in UTF-8") from None
    if not isinstance(line, dict) or not isinstance(line.get("id"), str | int) or isinstance(line.get("id"), bool):
        raise RequestError(Code.BAD_FIELD, "a line is an object with an id")
    if unknown := sorted(set(line) - _FIELDS):
        raise RequestError(Code.BAD_FIELD, f"unknown fields: {', '.join(unknown)}")
    if not isinstance(line.get("conversation"), str | None):
        raise RequestError(Code.BAD_FIELD, "conversation must be a string")
    return line


def _id_of(raw: bytes) -> str | int | None:
    try:
        found = json.loads(raw.decode("utf-8"))["id"]
    except (UnicodeDecodeError, ValueError, RecursionError, KeyError, TypeError, IndexError):
        return None
    return found if isinstance(found, str | int) and not isinstance(found, bool) else None


def _line(data: dict[str, Any]) -> str:
    # Line separators that JSON allows but line readers split at are escaped; so are lone surrogates.
    text = json.dumps(data, ensure_ascii=False).encode("utf-8", "replace").decode("utf-8")
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").replace("\x85", "\\u0085")
