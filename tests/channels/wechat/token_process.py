"""A process of its own that asks its keeper for the access token many times at once: `… DATABASE_URL API_URL TIMES`."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime

from bot.channels.wechat.tokens import TokenKeeper
from bot.channels.wechat.wire import open_session
from bot.db import leases
from bot.db.engine import make_engine
from tests.channels.wechat.api_server import account


async def main(database_url: str, api: str, times: int) -> None:
    database = make_engine(database_url)
    async with open_session() as session:
        keeper = TokenKeeper(account(api), database, session, leases.new_holder(), lambda: datetime.now(UTC))
        found = await asyncio.gather(*(keeper.get() for _ in range(times)))
    await database.dispose()
    print(" ".join(sorted(set(found))))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
