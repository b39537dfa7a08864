"""What the resident's page is told while it waits and while a person answers, without asking."""

from __future__ import annotations

from typing import Any

from tests.channels.staff.people import Operator, operator
from tests.fakes.site import Site
from tests.fakes.visitor import Socket, Visitor, visitor


async def waiting(site: Site) -> tuple[Visitor, Socket]:
    """A widget whose resident has asked for a person and agreed."""
    who = await visitor(site, "en")
    socket = await who.socket()
    offer = await socket.reply_to(await socket.send("I want to talk to a person"))
    await socket.send(button=offer[-1]["buttons"][0]["payload"])
    assert (await state(socket, "waiting"))["queue"] is not None
    return who, socket


async def state(socket: Socket, owner: str) -> dict[str, Any]:
    """The next state with this owner."""
    while (frame := await socket.next("state"))["owner"] != owner:
        pass
    return frame


async def claimed(one: Operator, who: Visitor) -> str:
    conversation = who.conversation.hex
    assert (await one.do(conversation, "claim")).status == 200
    return conversation


async def test_a_person_comes_writes_and_gives_back(desk: Site) -> None:
    one = await operator(desk)
    who, socket = await waiting(desk)
    conversation = await claimed(one, who)
    assert (await state(socket, "person"))["operator"] == "Operator A"
    await one.do(conversation, "typing", {"on": True})
    while (typing := await socket.next("typing"))["who"] != "person":
        pass
    assert typing["on"] is True
    seq = (await one.write(conversation, "Good morning")).json["seq"]
    written = (await socket.until_seq(seq))[-1]
    assert (written["author"], written["name"], written["text"]) == ("person", "Operator A", "Good morning")
    joined = socket.messages[-2]
    assert (joined["kind"], joined["author"]) == ("event", "system")
    await one.do(conversation, "give-back")
    assert (await state(socket, "bot"))["operator"] is None


async def test_who_moves_up_in_the_queue_is_told(desk: Site) -> None:
    one = await operator(desk)
    first, _ = await waiting(desk)
    _, second = await waiting(desk)
    await desk.service.handover.sweep(desk.clock.now)
    await claimed(one, first)
    await desk.service.handover.sweep(desk.clock.now)
    assert (await state(second, "waiting"))["queue"]["position"] == 1
    await desk.service.handover.sweep(desk.clock.now)
    await second.quiet()


async def test_events_are_told_in_the_language_that_is_chosen(desk: Site) -> None:
    """An event is stored with what it was made from, so a widget that is switched to French shows it in French."""
    one = await operator(desk)
    who, socket = await waiting(desk)
    conversation = await claimed(one, who)
    await one.do(conversation, "give-back")
    await state(socket, "bot")
    french = (await who.get(after=0, language="fr"))["messages"]
    told = [message["text"] for message in french if message["kind"] == "event"]
    texts = desk.service.locales
    assert told == [texts.text("fr", "event_joined", name="Operator A"), texts.text("fr", "event_given_back")]
