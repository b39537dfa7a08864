"""Many users at once: pushes at a fixed rate with a fixed seed, and what became of each.

    report = await many(wechat, users=200, rate=50, seconds=30)
    assert (report.unanswered, report.missing, report.surplus) == (0, 0, 0)

All documents are written and encrypted before the first is sent: a push then costs this side about a millisecond.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.fakes.wechat.delivery import Delivery
from tests.fakes.wechat.pushes import Sealed, sealed
from tests.fakes.wechat.users import By
from tests.fakes.wechat.windows import Trigger

if TYPE_CHECKING:
    from tests.fakes.wechat.platform import WechatPlatform

QUESTIONS = (
    "How do I register my address with the police?",
    "我的护照丢了怎么办？",
    "Comment ouvrir un compte bancaire ?",
    "كيف أحجز موعدًا عند الطبيب؟",
    "Tôi thuê nhà ở đâu?",
    "Where do I take my rubbish?",
)


@dataclass(frozen=True)
class Report:
    """Seconds are those of the first delivery, until its answer or its end.

    `unanswered`: pushes that WeChat gave up. `missing`: bubbles fewer than pushes, `surplus`: more, both by user.
    """

    pushes: int
    in_time: int
    repeated: int
    unanswered: int
    bubbles: int
    passive: int
    missing: int
    surplus: int
    refused: dict[int, int]
    late_start: float
    median: float
    p95: float
    worst: float

    def __str__(self) -> str:
        return (
            f"{self.pushes} pushes: {self.in_time} answered at once, {self.repeated} repeated,"
            f" {self.unanswered} given up;"
            f" {self.bubbles} bubbles ({self.passive} passive), {self.missing} missing, {self.surplus} too many;"
            f" answered in {self.median * 1000:.0f} ms (median), {self.p95 * 1000:.0f} (95 %), {self.worst * 1000:.0f}"
            f" (worst); refused calls: {self.refused or 'none'}; sent at most {self.late_start * 1000:.0f} ms late"
        )


async def many(
    platform: WechatPlatform,
    *,
    users: int = 200,
    rate: float = 50.0,
    seconds: float = 30.0,
    seed: int = 1,
    texts: Sequence[str] = QUESTIONS,
    patience: float = 30.0,
    bubbles_per_push: int = 1,
) -> Report:
    """Push, wait until every push has its bubble or `patience` seconds are over, and count."""
    envelopes = _written(platform, users, rate, int(rate * seconds), seed, texts)
    before, codes = _shown(platform, envelopes), Counter(platform.ledger.codes)
    tasks, late = await _sent(platform, envelopes, rate)
    deliveries = await asyncio.gather(*tasks)
    pushed = Counter(envelope.push.openid for envelope in envelopes)
    counts = await _settled(platform, before, pushed, bubbles_per_push, patience)
    return _report(deliveries, counts, pushed, bubbles_per_push, dict(platform.ledger.codes - codes), late)


def _written(
    platform: WechatPlatform, users: int, rate: float, count: int, seed: int, texts: Sequence[str]
) -> list[Sealed]:
    """Each user in turn, in an order drawn once."""
    chance = random.Random(seed)
    openids = [platform.user(f"many-{seed}-{number}").openid for number in range(users)]
    chance.shuffle(openids)
    start = platform.clock()
    return [
        sealed(
            platform.composer.message(
                openids[number % users], "text", start + timedelta(seconds=number / rate), Content=chance.choice(texts)
            ),
            platform.account,
        )
        for number in range(count)
    ]


async def _sent(
    platform: WechatPlatform, envelopes: Sequence[Sealed], rate: float
) -> tuple[list[asyncio.Task[Delivery]], float]:
    """All on their way, and how late the latest was sent."""
    loop, tasks, late = asyncio.get_running_loop(), [], 0.0
    start = loop.time()
    for number, envelope in enumerate(envelopes):
        due = start + number / rate
        await asyncio.sleep(max(0.0, due - loop.time()))
        late = max(late, loop.time() - due)
        state = platform.users[envelope.push.openid].state
        state.windows.opened(Trigger.MESSAGE, platform.clock())
        state.last_exchange = platform.clock()
        tasks.append(asyncio.create_task(platform.push_sealed(envelope)))
    return tasks, late


def _shown(platform: WechatPlatform, envelopes: Sequence[Sealed]) -> dict[str, int]:
    return {envelope.push.openid: platform.users[envelope.push.openid].screen.total for envelope in envelopes}


async def _settled(
    platform: WechatPlatform, before: dict[str, int], pushed: Counter[str], per_push: int, patience: float
) -> Counter[str]:
    """New bubbles by user, WeChat's own notices left out."""
    deadline = asyncio.get_running_loop().time() + patience
    while True:
        counts = Counter({openid: platform.users[openid].screen.total - was for openid, was in before.items()})
        if asyncio.get_running_loop().time() > deadline or all(
            counts[openid] >= number * per_push for openid, number in pushed.items()
        ):
            break
        await asyncio.sleep(0.1)
    # What comes twice comes soon after.
    await asyncio.sleep(min(1.0, patience))
    for openid, was in before.items():
        screen = platform.users[openid].screen
        new = list(screen.shown)[max(0, len(screen.shown) - (screen.total - was)) :]
        counts[openid] = screen.total - was - sum(shown.by is By.NOTICE for shown in new)
    return counts


def _report(
    deliveries: Sequence[Delivery],
    counts: Counter[str],
    pushed: Counter[str],
    per_push: int,
    refused: dict[int, int],
    late: float,
) -> Report:
    times = sorted(delivery.attempts[0].seconds for delivery in deliveries)
    answered = [delivery for delivery in deliveries if delivery.answered]
    differences = [counts[openid] - number * per_push for openid, number in pushed.items()]
    return Report(
        pushes=len(deliveries),
        in_time=sum(len(delivery.attempts) == 1 for delivery in answered),
        repeated=sum(len(delivery.attempts) > 1 for delivery in deliveries),
        unanswered=len(deliveries) - len(answered),
        bubbles=counts.total(),
        passive=sum(delivery.reply is not None for delivery in answered),
        missing=-sum(difference for difference in differences if difference < 0),
        surplus=sum(difference for difference in differences if difference > 0),
        refused=refused,
        late_start=late,
        median=times[len(times) // 2],
        p95=times[int(len(times) * 0.95)],
        worst=times[-1],
    )
