"""What a line of the terminal that begins with / does."""

from __future__ import annotations

import re
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.fakes.wechat import failures
from tests.fakes.wechat.delivery import Delivery
from tests.fakes.wechat.failures import Failure

if TYPE_CHECKING:
    from tests.fakes.wechat.terminal import Terminal

HELP = """\
what you type is said to the account; a line that begins with / is something done:
  /follow [SCENE]  /unfollow  /scan SCENE      follow the account, leave it, scan a poster's code
  /tap N           tap option N of the last bubble that has any (or its label)
  /click KEY       tap a menu item; /menu shows the menu this user sees
  /image [FILE]  /voice FILE  /video  /sticker  /location LAT LON LABEL
  /user NAME       go on as another user; each has a screen and counts of their own
  /lose            the next answer of the server is lost on the way, so its push comes again
  /clock +48h      set WeChat's clock forward (s, m, h, d); the server's own clock stays
  /quota           how many messages the account may still send, and until when
  /fail PATH WHAT [TIMES]   the next calls go wrong: an error code, drop, html, slow
  /help  /quit"""
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
Act = Callable[["Terminal", list[str]], Awaitable[Delivery | None]]


class CommandError(Exception):
    """What was typed cannot be done; the text says why."""


def print_line(text: str) -> None:
    # On a terminal the line of the prompt is there already.
    print(f"\r{text}" if sys.stdin.isatty() else text, flush=True)


async def _clock(terminal: Terminal, words: list[str]) -> None:
    found = re.fullmatch(r"\+?(\d{1,6})([smhd])", words[0])
    if found is None:
        raise CommandError("say how far: +30s, +10m, +48h, +3d")
    terminal.platform.move(**{_UNITS[found[2]]: float(found[1])})
    print_line(f"(WeChat's clock: {terminal.platform.clock().astimezone(UTC):%Y-%m-%d %H:%M} UTC)")


async def _quota(terminal: Terminal, _words: list[str]) -> None:
    user, now = terminal.user, terminal.platform.clock()
    until = user.state.windows.until(now)
    seconds = 0 if until is None else int((until - now).total_seconds())
    print_line(f"({user.left} left, for {seconds // 3600} h {seconds // 60 % 60} min {seconds % 60} s)")


async def _menu(terminal: Terminal, _words: list[str]) -> None:
    for button in terminal.platform.menus.seen_by(terminal.user) or [{"name": "(no menu)"}]:
        print_line(f"  {_button(button)}")
        for inner in button.get("sub_button") or ():
            print_line(f"    {_button(inner)}")


def _button(button: dict[str, Any]) -> str:
    return f"{button['name']}  {button.get('key') or button.get('url') or ''}".rstrip()


async def _fail(terminal: Terminal, words: list[str]) -> None:
    path, what, times = words[0], words[1], int(words[2]) if len(words) > 2 else 1
    made: dict[str, Callable[[], Failure]] = {
        "drop": lambda: failures.drop(times),
        "html": lambda: failures.html(times),
        "slow": lambda: failures.slow(5.0, times),
    }
    terminal.platform.fail(path, made[what]() if what in made else failures.error(int(what), times))
    print_line(f"(the next {times} of {path}: {what})")


async def _lose(terminal: Terminal, _words: list[str]) -> None:
    terminal.lose = 1
    print_line("(the next answer will be lost)")


async def _user(terminal: Terminal, words: list[str]) -> None:
    terminal.user = terminal.platform.user(words[0])
    print_line(f"(you are {words[0]})")


async def _help(_terminal: Terminal, _words: list[str]) -> None:
    print_line(HELP)


def _file(words: list[str]) -> bytes:
    return Path(words[0]).expanduser().read_bytes()


def _option(words: list[str]) -> int | str:
    return int(words[0]) if words[0].isdecimal() and len(words) == 1 else " ".join(words)


ACTS: dict[str, Act] = {
    "follow": lambda t, words: t.user.follows(words[0] if words else None, lose=t.lose),
    "unfollow": lambda t, _words: t.user.unfollows(lose=t.lose),
    "scan": lambda t, words: t.user.scans(words[0], lose=t.lose),
    "tap": lambda t, words: t.user.taps(_option(words), lose=t.lose),
    "click": lambda t, words: t.user.clicks(words[0], lose=t.lose),
    "image": lambda t, words: t.user.sends_image(_file(words) if words else None, lose=t.lose),
    "voice": lambda t, words: t.user.sends_voice(_file(words), lose=t.lose),
    "video": lambda t, _words: t.user.sends_video(),
    "sticker": lambda t, _words: t.user.sends_sticker(),
    "location": (
        lambda t, words: t.user.sends_location(float(words[0]), float(words[1]), " ".join(words[2:]), lose=t.lose)
    ),
    "clock": _clock,
    "quota": _quota,
    "menu": _menu,
    "fail": _fail,
    "lose": _lose,
    "user": _user,
    "help": _help,
}
