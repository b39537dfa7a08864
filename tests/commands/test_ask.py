"""`bot ask --jsonl` against a running server: one line for each line, in order, and nothing else on stdout."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import threading
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from bot.commands.ask import _one, answer_lines, parse_line
from bot.commands.client import Client
from bot.errors import Code, RequestError
from tests.fakes.engine import ROOT, SECRET
from tests.fakes.ledger import last_sequences
from tests.fakes.schema import problems
from tests.fakes.site import REPLY_FIELDS, Site

RENT, WASTE = "How do I rent a flat?", "How is waste sorted here?"


def line(**fields: Any) -> bytes:
    return json.dumps(fields, ensure_ascii=False).encode() + b"\n"


async def answers(site: Site, raw: Iterable[bytes]) -> list[dict[str, Any]]:
    """The answers, each checked for its form."""
    found = [json.loads(text) async for text in answer_lines(site.client, raw)]
    for answer in found:
        if "error" in answer:
            assert set(answer) == {"id", "error"}
            assert answer["error"]["code"] in list(Code)
        else:
            assert set(answer) == {"id", *REPLY_FIELDS}
            assert problems(site.document, {"$ref": "#/components/schemas/Reply"}, answer) == []
    return found


async def test_order_is_kept(site: Site) -> None:
    texts = [RENT, WASTE] * 15
    found = await answers(site, [line(id=n, text=text) for n, text in enumerate(texts)])
    assert [answer["id"] for answer in found] == list(range(30))
    wanted = {RENT: "rent-a-flat", WASTE: "waste-sorting"}
    assert [answer["messages"][0]["article"] for answer in found] == [wanted[text] for text in texts]


async def test_lines_of_one_label_are_one_conversation_and_others_are_strangers(site: Site) -> None:
    found = await answers(
        site,
        [
            line(id="1", text="please speak french", conversation="anna"),
            line(id="2", text=RENT, conversation="anna"),
            line(id="3", text=RENT, conversation="ben"),
            line(id="4", text=RENT),
            line(id="5", text=RENT),
        ],
    )
    assert [answer["language"] for answer in found] == ["fr", "fr", "en", "en", "en"]
    assert [answer["conversation"] for answer in found[:3]] == ["anna", "anna", "ben"]
    assert found[3]["conversation"] != found[4]["conversation"]
    assert sorted((await last_sequences(site.service.database)).values()) == [2, 2, 2, 4]


async def test_language_and_locale_are_passed_on(site: Site) -> None:
    found = await answers(site, [line(id=1, text=RENT, language="zh"), line(id=2, text="12345", locale="fr-FR")])
    assert [answer["language"] for answer in found] == ["zh", "fr"]


BAD: list[tuple[bytes, Any, str]] = [
    (b"not json\n", None, "bad_json"),
    (b"\n", None, "bad_json"),
    (b"\xff\xfe\n", None, "bad_json"),
    (b"[1, 2]\n", None, "bad_field"),
    (b'"id"\n', None, "bad_field"),
    (b'{"text": "x"}\n', None, "bad_field"),
    (b'{"id": null, "text": "x"}\n', None, "bad_field"),
    (b'{"id": [1], "text": "x"}\n', None, "bad_field"),
    (b'{"id": true, "text": "x"}\n', None, "bad_field"),
    (line(id="a"), "a", "bad_field"),
    (line(id="b", text=""), "b", "empty_text"),
    (line(id="c", text=7), "c", "bad_field"),
    (line(id="d", text="x" * 4001), "d", "text_too_long"),
    (line(id="e", text="x", colour="red"), "e", "bad_field"),
    (line(id="f", text="x", conversation=7), "f", "bad_field"),
    (line(id="g", text="x", language="xx"), "g", "bad_field"),
    (line(id="h", text="x" * 200_000), "h", "body_too_large"),
    (line(id="i", button="b2.0"), "i", "bad_field"),
    (b"[" * 100_000 + b"\n", None, "bad_json"),
]


async def test_a_bad_line_gives_its_error_in_its_place_and_the_batch_goes_on(site: Site) -> None:
    raw = [part for bad, _, _ in BAD for part in (bad, line(id="good", text="thank you"))]
    found = await answers(site, raw)
    assert len(found) == 2 * len(BAD)
    for (_, id_, code), answer, good in zip(BAD, found[::2], found[1::2], strict=True):
        assert (answer["id"], answer["error"]["code"]) == (id_, code)
        assert (good["id"], good["outcome"]) == ("good", "chat")


async def test_a_label_goes_on_after_a_bad_line(site: Site) -> None:
    found = await answers(
        site,
        [
            line(id=1, text="", conversation="anna"),
            line(id=2, text="please speak french", conversation="anna"),
            line(id=3, text="", conversation="anna"),
            line(id=4, text=RENT, conversation="anna"),
        ],
    )
    assert [answer.get("language") for answer in found] == [None, "fr", None, "fr"]


async def test_a_last_line_without_an_end_counts(site: Site) -> None:
    assert len(await answers(site, [line(id=1, text=RENT), line(id=2, text=RENT).rstrip()])) == 2
    assert await answers(site, []) == []


async def test_one_line_of_output_whatever_the_text(site: Site) -> None:
    found = [text async for text in answer_lines(site.client, [line(id="a\u2028b\u0085c\nd", text=RENT)])]
    assert len(found) == 1
    assert len(found[0].splitlines()) == 1
    assert json.loads(found[0])["id"] == "a\u2028b\u0085c\nd"


async def test_an_answer_comes_before_the_next_line_is_written(site: Site) -> None:
    """A caller may wait for each answer before it asks on."""
    answered = threading.Event()

    def one_at_a_time() -> Iterator[bytes]:
        yield line(id=1, text=RENT)
        waited = answered.wait(5)
        yield line(id="in time" if waited else "too late", text=RENT)

    found = []
    async for text in answer_lines(site.client, one_at_a_time()):
        found.append(json.loads(text)["id"])
        answered.set()
    assert found == [1, "in time"]


async def test_a_server_that_is_gone_is_an_error_in_each_place(site: Site) -> None:
    nowhere = Client(site.session, "http://127.0.0.1:9", SECRET)
    found = [json.loads(text) async for text in answer_lines(nowhere, [line(id=n, text=RENT) for n in (1, 2)])]
    assert [(answer["id"], answer["error"]["code"]) for answer in found] == [(1, "unavailable"), (2, "unavailable")]


@pytest.mark.parametrize("raw", [b"{}", b"7", b'{"id": 1.5}', b"\x00"])
def test_what_is_no_line(raw: bytes) -> None:
    with pytest.raises(RequestError):
        parse_line(raw)


async def run_bot(site: Site, *words: str, given: bytes = b"") -> tuple[int, bytes, bytes]:
    environment = {name: text for name, text in os.environ.items() if not name.startswith("LINLI_")}
    environment |= {"LINLI_VAR_FOLDER": str(site.settings.var_folder), "PYTHONPATH": str(ROOT)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot.cli", *words, env=environment, cwd=ROOT,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(given), 60)
    assert process.returncode is not None
    return process.returncode, out, err


async def test_the_command_uses_the_running_server_and_prints_only_json(site: Site) -> None:
    site.announce()
    given = line(id=1, text=RENT) + b"bad\n" + line(id=2, text="怎样租房?", conversation="x")
    code, out, _ = await run_bot(site, "ask", "--jsonl", given=given)
    assert code == 0
    found = [json.loads(text) for text in out.decode().splitlines()]
    assert [answer["id"] for answer in found] == [1, None, 2]
    assert found[0]["messages"][0]["article"] == "rent-a-flat"
    assert len(site.engine.received) == 2


async def test_one_question_for_a_person(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    site.announce()
    monkeypatch.setenv("LINLI_VAR_FOLDER", str(site.settings.var_folder))
    assert await _one(argparse.Namespace(text=RENT, language="fr", json=False)) == 0
    assert "Visitez, puis signez" in capsys.readouterr().out
    assert await _one(argparse.Namespace(text=RENT, language=None, json=True)) == 0
    assert set(json.loads(capsys.readouterr().out)) == REPLY_FIELDS
    assert await _one(argparse.Namespace(text=" ", language=None, json=False)) == 1
    out, err = capsys.readouterr()
    assert (out, err) == ("", "bot ask: text is empty\n")
