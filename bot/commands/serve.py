"""`bot serve`: everything in the foreground until Ctrl-C or SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import resource
import signal

from bot.app import running
from bot.commands.progress import Bar
from bot.settings import Settings, load_settings


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser("serve", help="start the app and its engine; Ctrl-C stops both")
    parser.add_argument("--port", type=int, help="the public port (LINLI_PORT)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    given = {} if options.port is None else {"port": options.port}
    return asyncio.run(serve(load_settings(**given)))


async def serve(settings: Settings) -> int:
    _allow_open_files()
    ready, stop, bar = asyncio.Event(), asyncio.Event(), Bar()
    serving = asyncio.create_task(_serve(settings, bar, ready, stop))

    def on_signal() -> None:
        # While still starting, or when asked a second time, do not wait for a clean end.
        if stop.is_set() or not ready.is_set():
            serving.cancel()
        stop.set()

    loop = asyncio.get_running_loop()
    for sign in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sign, on_signal)
    try:
        await serving
    except asyncio.CancelledError:
        bar.line("stopped")
    return 0


def _allow_open_files() -> None:
    """A socket is an open file, and the usual soft limit of 1,024 would turn the next resident away."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def _serve(settings: Settings, bar: Bar, ready: asyncio.Event, stop: asyncio.Event) -> None:
    bar.line("starting")
    async with running(settings, bar.progress, public=True) as server:
        if not await server.wait_for_engine():
            bar.line("the engine is not ready; until it is, questions are answered from the search alone")
        bar.line(f"Linli answers at {server.address} ({len(server.service.desk.knowledge.articles)} articles)")
        bar.line("Ctrl-C stops it")
        ready.set()
        await stop.wait()
        bar.line("stopping")
