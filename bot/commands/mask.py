"""`bot mask "…"`: what a text becomes before the engine, the logs and the training inbox see it. Nothing is stored."""

from __future__ import annotations

import argparse
import sys

from bot.conversations.masking import locate, mask


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser("mask", help="show what masking makes of a text")
    parser.add_argument(
        "text", nargs="?", help="the text; without it, standard input (a shell remembers what is typed)"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    text = options.text if options.text is not None else sys.stdin.buffer.read().decode("utf-8", "replace").rstrip("\n")
    print(mask(text))
    for found in locate(text):
        print(f"  {found.kind.value}: characters {found.start + 1} to {found.end}")
    return 0
