"""A conversation with an account in the terminal: what is typed is said, what begins with / is done.

On a terminal it shows what comes whenever it comes; a pipe is read line by line, each waiting for its answers.
"""

from __future__ import annotations

import asyncio
import shlex
import sys
from contextlib import suppress
from dataclasses import dataclass

from tests.fakes.wechat.delivery import TIMEOUT_SECONDS, Delivery, Outcome
from tests.fakes.wechat.platform import WechatPlatform
from tests.fakes.wechat.terminal_acts import ACTS, CommandError, print_line
from tests.fakes.wechat.user import User
from tests.fakes.wechat.users import By, NotFollowingError, Shown

AI_LINE = "内容由第三方AI生成"
QUIET_SECONDS = 1.0


@dataclass
class Terminal:
    """`wait_seconds`: how long a line of a pipe waits for the first answer."""

    platform: WechatPlatform
    user: User
    wait_seconds: float = 10.0
    lose: int = 0

    async def run(self) -> None:
        """Until /quit or the end of input."""
        showing = asyncio.create_task(self._show_all())
        try:
            while (line := await asyncio.to_thread(_read)) is not None:
                if line.strip() == "/quit":
                    break
                if line.strip():
                    await self.do(line.strip())
        finally:
            showing.cancel()
            await asyncio.gather(showing, return_exceptions=True)

    async def do(self, line: str) -> None:
        seen, called = self.user.screen.total, self.platform.ledger.noted
        try:
            delivery = await (self._command(line) if line.startswith("/") else self._said(line))
        except (CommandError, NotFollowingError, LookupError, ValueError, OSError) as error:
            print_line(f"({_why(error)})")
            return
        if delivery is not None:
            self.lose = 0
            _tell(delivery)
            await self._settled(seen, delivery)
        for refused in self.platform.ledger.refused_after(called):
            print_line(f"(WeChat refused {refused.path}: {refused.code})")

    async def _said(self, text: str) -> Delivery:
        return await self.user.says(text, lose=self.lose)

    async def _settled(self, seen: int, delivery: Delivery) -> None:
        """Until the answers are there: the first within a time, the others without a pause."""
        shows = delivery.push.shows and delivery.answered
        patience = self.wait_seconds if shows else QUIET_SECONDS
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while self.user.screen.total == seen:
                    await asyncio.sleep(0.05)
        total = -1
        while total != self.user.screen.total:
            total = self.user.screen.total
            await asyncio.sleep(QUIET_SECONDS)
        if shows and total == seen:
            print_line("(nothing came)")

    async def _show_all(self) -> None:
        """Print every bubble of the present user as it comes."""
        while True:
            for shown in self.user.screen.unread():
                print_line(bubble_lines(shown, self.user.left))
            await asyncio.sleep(0.05)

    async def _command(self, line: str) -> Delivery | None:
        name, *words = shlex.split(line[1:]) or [""]
        if name not in ACTS:
            raise CommandError(f"there is no /{name}; /help says what there is")
        try:
            return await ACTS[name](self, words)
        except IndexError as error:
            raise CommandError(f"/{name} needs more; /help says what") from error


def bubble_lines(shown: Shown, left: int) -> str:
    """A bubble as text: how it came, what it says, its options by number."""
    how = {By.PASSIVE: "passive reply", By.CUSTOM: "custom send", By.NOTICE: "WeChat itself"}.get(shown.by, shown.by)
    lines = [f"── {how}, {left} left", *(shown.text.splitlines() or [f"({shown.kind})"])]
    lines += [f"[{number}] {option.content}" for number, option in enumerate(shown.options, 1)]
    return "\n  ".join([*lines, *([AI_LINE] if shown.ai else [])])


def _tell(delivery: Delivery) -> None:
    """What went wrong with a push, if anything did."""
    failed = [one for one in delivery.attempts if one.outcome in (Outcome.TIMEOUT, Outcome.UNREACHABLE, Outcome.BAD)]
    for attempt in failed:
        why = f"no answer within {TIMEOUT_SECONDS:.0f} s" if attempt.outcome is Outcome.TIMEOUT else attempt.why
        print_line(f"(delivery failed: {why})")
    if delivery.answered and not delivery.push.shows:
        print_line("(delivered)")
    if len(delivery.attempts) > 1:
        print_line(f"(delivered {len(delivery.attempts)} times: {', '.join(one.outcome for one in delivery.attempts)})")


def _why(error: Exception) -> str:
    if isinstance(error, NotFollowingError):
        return "you do not follow the account: /follow"
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}"
    return str(error)


def _read() -> str | None:
    try:
        return input("› " if sys.stdin.isatty() else "")
    except EOFError:
        return None
