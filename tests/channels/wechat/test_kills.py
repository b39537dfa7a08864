"""A part of the bench's storm (benchmarks/wechat_kills.py): killed at any moment, nothing is lost, nothing twice."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.wechat_account import settings_of
from benchmarks.wechat_kills import Scale, storm
from bot.knowledge.files import load_folder
from bot.workers import free_port
from tests.conftest import SiteMaker
from tests.fakes.site import KNOWLEDGE

SCALE = Scale(pushes=80, rate=10, users=30, alive=(3, 5), early=0)


def environment(var: Path, port: int, platform: int) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("LINLI_")},
        "LINLI_VAR_FOLDER": str(var),
        "LINLI_KNOWLEDGE_FOLDER": str(KNOWLEDGE),
        "LINLI_PORT": str(port),
        "LINLI_ENGINE_WORKERS": "0",
        **settings_of(f"http://127.0.0.1:{platform}", passive_seconds="0.1"),
    }


async def test_killed_again_and_again_no_push_is_lost_and_no_reply_is_doubled(
    make_site: SiteMaker, tmp_path: Path
) -> None:
    var = tmp_path / "killed"
    async with make_site(var_folder=var):
        pass  # a prepared database: the first start has less to do
    port, platform = free_port(), free_port()
    questions = [
        text.question for article in load_folder(KNOWLEDGE).articles.values() for text in article.texts.values()
    ]
    found = await storm(SCALE, environment(var, port, platform), tmp_path, (port, platform), questions, print)
    assert found["kills"] >= 2
    assert found["wrong"] == 0, found["examples"]
    assert found["left"] == 0
    assert (
        found["unknown"]["custom"] + found["unknown"]["passive"]
        <= found["kills"] + found["tries_cut"] + found["sends_cut"]
    )
    assert "unhandled" not in found["events"]
