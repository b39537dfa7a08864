"""The targets, what was measured against them, and the tables a person reads. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from benchmarks.compare import CONVERSATIONS, ONE, STARTER, TWO, Cell, Comparison
from benchmarks.questions import Set
from benchmarks.search import TARGET_SIZE
from benchmarks.wechat_books import End

MANY = max(CONVERSATIONS)
# Both were asked these; the first is what residents ask, the second what the starter bot was made for.
_BOTH = (Set.QUESTIONS_EN, Set.TALK_EN)
# The target's number of idle connections: fewer are scaled up to it.
_IDLE = 5000
_BOOKS = ("lost", "doubled", "with gaps", "problems")


class Verdict(StrEnum):
    PASS = "PASS"
    MISS = "MISS"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Target:
    """A bound and what was measured; `beside`: the same of the starter bot, where there is such a thing."""

    what: str
    bound: float
    at_least: bool
    unit: str
    measured: float | None
    beside: float | None = None

    @property
    def verdict(self) -> Verdict:
        if self.measured is None:
            return Verdict.NOT_MEASURED
        kept = self.measured >= self.bound if self.at_least else self.measured <= self.bound
        return Verdict.PASS if kept else Verdict.MISS

    @property
    def ratio(self) -> float | None:
        return self.measured / self.beside if self.measured is not None and self.beside else None

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "ratio": self.ratio, "verdict": self.verdict.value}


def targets(comparison: Comparison | None, result: dict[str, Any]) -> list[Target]:
    return [
        *(() if comparison is None else _whole_way(comparison)),
        *(() if comparison is None else _weights(comparison)),
        *(_search(result["search"]) if "search" in result else ()),
        *(_live(result["live"]) if "live" in result else ()),
        *(_widget(result["widget"]) if "widget" in result else ()),
        *(_wechat(result["wechat"]) if "wechat" in result else ()),
    ]


def messages_lost(result: dict[str, Any]) -> int:
    """Messages of the live part that were lost, doubled, out of order or refused."""
    live = result.get("live")
    return 0 if live is None else sum(live[part][name] for part in ("push", "storm", "idle") for name in _BOOKS)


def _whole_way(found: Comparison) -> Iterator[Target]:
    for kind in _BOTH:
        ratio = found.ratio("p50", kind, 1, ONE)
        yield Target(f"whole way, p50, 1 conversation, {kind}: of the starter bot's", 0.65, False, "x", ratio)
    for kind in _BOTH:
        ratio = found.ratio("rate", kind, MANY, TWO)
        yield Target(
            f"messages/s, {MANY} conversations, 2 workers, {kind}: of the starter bot's", 2.5, True, "x", ratio
        )
    asked = found.counted()
    failed = float(sum(found.problems().values())) if asked else None
    yield Target(
        f"our requests failed or not answered in full (of {asked} counted, and warming ones)", 0, False, "", failed
    )


def _weights(found: Comparison) -> Iterator[Target]:
    own, peer = (found.weighed.get(bot.name) for bot in (ONE, STARTER))
    values = {name: (_of(own, name), _of(peer, name)) for name in ("memory", "training", "start")}
    yield Target("memory, app + 1 engine worker, after the load", 1.3, False, "GB", *values["memory"])
    yield Target("training", 60, False, "s", *values["training"])
    yield Target("start with a model present", 15, False, "s", *values["start"])


def _of(weighed: Any, what: str) -> float | None:
    if weighed is None:
        return None
    if what == "training":
        seconds: float | None = weighed.train_seconds
        return seconds
    if what == "start":
        start = weighed.to_json()["start_seconds"]
        return None if start is None else float(start["median"])
    # The larger of the two: pages shared with the other bots make the one after the rounds look smaller.
    sizes = [size for size in (weighed.loaded_mb, weighed.after_rounds_mb) if size is not None]
    return max(sizes) / 1000 if sizes else None


def _search(found: dict[str, Any]) -> Iterator[Target]:
    at = next((one for one in found["sizes"] if one["size"] == TARGET_SIZE), None)
    p99 = None if at is None else float(at["find"]["p99"])
    yield Target(f"search, {TARGET_SIZE:,} passages, p99 beyond the encoder", 10, False, "ms", p99)
    largest = max((one["size"] for one in found["sizes"]), default=0)
    grown = found["exponents"].get("find")
    yield Target(f"search, growth with the size up to {largest:,}: exponent (1 is linear)", 0.999, False, "", grown)


def _live(found: dict[str, Any]) -> Iterator[Target]:
    push, idle = found["push"], found["idle"]
    what = f"push, {push['clients']:,} clients, {push['rate']:g} messages/s"
    yield Target(f"{what}: p95", 150, False, "ms", push["milliseconds"]["p95"])
    lost = messages_lost({"live": found})
    yield Target("messages lost, doubled, out of order or refused, restart included", 0, False, "", lost)
    above, connected, wanted = idle["above_mb"], idle["connected"], idle["wanted"]
    of = "" if connected == _IDLE else f" (of {connected:,} measured: {above:.1f} MB)"
    of += "" if connected == wanted else f"; {wanted:,} were wanted"
    yield Target(f"{_IDLE:,} idle connections above the idle app{of}", 400, False, "MB", above * _IDLE / connected)


def _widget(found: dict[str, Any]) -> Iterator[Target]:
    slower = found["slower"]
    times = (
        ("launcher_ms", "launcher usable"),
        ("notice_ms", "click to notice"),
        ("composer_ms", "notice to composer"),
    )
    for name, what in times:
        seconds = found[name]["median"] / 1000
        yield Target(f"widget, cold, CPU {slower}x slower: {what}", 1, False, "s", seconds)
    yield Target("widget, loader as it is sent (gzip)", 15, False, "kB", found["transfer"]["loader"] / 1000)


def _wechat(found: dict[str, Any]) -> Iterator[Target]:
    rush, storm, doors = found["rush"], found["storm"], found["doors"]
    what = f"WeChat, {rush['rate']:g} pushes/s with the engine, {rush['pushes']:,} pushes: answered within 4 s"
    yield Target(what, 99.9, True, "%", rush["in_time_share"] * 100)
    what = (
        f"WeChat, {storm['pushes']:,} pushes, {storm['kills']} kills: processed twice, lost, unanswered or shown twice"
    )
    yield Target(what, 0, False, "", storm["wrong"])
    cut = storm["kills"] + storm["tries_cut"] + storm["sends_cut"]
    unknown = storm["unknown"]
    yield Target(
        f"WeChat, sends recorded as unknown, of {cut:,} kills and cut connections: more than those",
        0,
        False,
        "",
        max(0, unknown["custom"] + unknown["passive"] - cut),
    )
    gate, door = doors["gate"], doors["door"]
    yield Target(f"WeChat, unhandled in {gate['bodies']:,} broken bodies", 0, False, "", gate["unhandled"])
    what = f"WeChat, unhandled, or not one empty 403, in {door['requests']:,} broken requests"
    yield Target(what, 0, False, "", door["unhandled"] + door["wrong"])


def lines(result: dict[str, Any], comparison: Comparison | None, judged: Sequence[Target]) -> Iterator[str]:
    """The report as a terminal shows it."""
    yield from _conditions(result["conditions"])
    if comparison is not None:
        yield from _whole_way_table(comparison)
        yield from _weight_table(comparison)
    if "search" in result:
        yield from _search_table(result["search"])
    if "urgent" in result:
        yield from _urgent_lines(result["urgent"])
    if "live" in result:
        yield from _live_table(result["live"])
    if "widget" in result:
        yield from _widget_table(result["widget"])
    if "wechat" in result:
        yield from _wechat_lines(result["wechat"])
    if judged:
        yield from _target_table(judged)


def _conditions(now: dict[str, Any]) -> Iterator[str]:
    yield f"{now['cores']} cores ({now['cpu']}), {now['memory_gb']} GB, {now['system']}"
    yield f"load {now['load']} before, {now['load_after']} after; Python {now['python']}"
    for room in ("app", "engine"):
        yield f"{room}: " + ", ".join(f"{name} {version}" for name, version in now[room].items())


def _whole_way_table(found: Comparison) -> Iterator[str]:
    head = ("bot", "asked", "at once", "p50 ms", "p95", "p99", "messages/s", "CPU ms", "other load", "failed")
    rows = [_cell_row(cell, rounds.to_json()) for cell, rounds in found.cells.items()]
    yield from _table(
        "Whole way of a message (HTTP in, reply out); medians of the rounds, p50 with its range", head, rows
    )


def _cell_row(cell: Cell, data: dict[str, Any]) -> list[str]:
    p50 = data["p50"]
    return [
        cell.bot,
        str(cell.asked),
        str(cell.conversations),
        f"{p50['median']:.1f} ({p50['low']:.1f} to {p50['high']:.1f})",
        *(f"{data[name]['median']:.1f}" for name in ("p95", "p99", "rate", "cpu_ms")),
        f"{data['others']['median']:.2f}",
        str(sum(data["problems"].values())),
    ]


def _weight_table(found: Comparison) -> Iterator[str]:
    head = ("bot", "training s", "first start s", "start s", "MB idle", "MB loaded", "MB after all rounds")
    rows = [[name, *_weighed_row(weighed.to_json())] for name, weighed in found.weighed.items()]
    yield from _table("What each takes", head, rows)


def _weighed_row(data: dict[str, Any]) -> list[str]:
    start = data["start_seconds"]
    return [
        _number(data["train_seconds"]),
        _number(data["first_start_seconds"]),
        _number(None if start is None else start["median"]),
        *(_number(data[name], 0) for name in ("idle_mb", "loaded_mb", "after_rounds_mb")),
    ]


def _search_table(found: dict[str, Any]) -> Iterator[str]:
    times = ("find p50 ms", "p99", "nearest p50", "p99", "words p50", "p99")
    head = ("passages", "build s", *times, "recall@10", "of candidates", "index MB", "peak MB")
    yield from _table("The search beyond the encoder", head, [_search_row(one) for one in found["sizes"]])
    yield f"grows with the size to the power of {found['exponents']}"
    yield from (f"{size} passages left out: {why}" for size, why in found["skipped"].items())


def _search_row(one: dict[str, Any]) -> list[str]:
    times = [_number(one[part][share], 2) for part in ("find", "nearest", "words") for share in ("p50", "p99")]
    recalls = [_number(one[name], 3) for name in ("recall_at_10", "recall_candidates")]
    sizes = [_number(one[name], 0) for name in ("index_mb", "peak_mb")]
    return [f"{one['size']:,}", _number(one["build_seconds"]), *times, *recalls, *sizes]


def _urgent_lines(found: dict[str, Any]) -> Iterator[str]:
    usual, longest = found["milliseconds"], found["longest_milliseconds"]
    known, unknown = len(found["alarms_in_questions"]), len(found["alarms_in_unanswerable"])
    yield ""
    yield f"Urgent lane: p50 {usual['p50']:.2f} ms, p99 {usual['p99']:.2f} ms, longest texts {longest['p50']:.1f} ms"
    yield f"  alarms in {found['texts']} evaluation questions: {known} in answerable, {unknown} in unanswerable ones"


def _live_table(found: dict[str, Any]) -> Iterator[str]:
    push, storm, idle = found["push"], found["storm"], found["idle"]
    head = ("figure", "clients", "messages", "p50", "p95", "p99", "max", *_BOOKS)
    rows = [
        _live_row("push, ms", push, push["milliseconds"]),
        _live_row("after a restart: connected, s", storm, storm["back_seconds"]),
        _live_row("after a restart: on a socket, s", storm, storm["on_socket_seconds"]),
    ]
    yield from _table("Real time", head, rows)
    yield f"push: {push['rate']:g} messages/s, {push['cpu_ms']:.1f} ms of CPU a message, load {push['load'][0]} before,"
    yield f"  sent at most {push['sent_late_ms']:.0f} ms late; clients joined in {push['join_seconds']:.0f} s"
    yield f"restart: {storm['stop_seconds']:.1f} s to stop, {storm['start_seconds']:.1f} s to start;"
    yield f"  {storm['by_poll']:,} clients came back by long poll first"
    yield f"idle: {idle['connected']:,} connections of {idle['wanted']:,}, {idle['alone_mb']:.0f} MB without,"
    yield f"  {idle['with_all_mb']:.0f} MB with them after {idle['after_seconds']:g} s,"
    yield f"  {idle['above_mb']:.1f} MB above, {idle['kb_each']:.1f} kB each, {idle['cores']:.3f} cores"


def _live_row(what: str, part: dict[str, Any], times: dict[str, float]) -> list[str]:
    shares = [_number(times[share]) for share in ("p50", "p95", "p99", "max")]
    return [what, f"{part['clients']:,}", f"{part['messages']:,}", *shares, *(str(part[name]) for name in _BOOKS)]


def _widget_table(found: dict[str, Any]) -> Iterator[str]:
    times = (
        ("launcher_ms", "navigation to launcher"),
        ("notice_ms", "click to notice"),
        ("composer_ms", "to composer"),
    )
    rows = [[what, *(_number(found[name][share], 0) for share in ("median", "low", "high"))] for name, what in times]
    title = f"Widget, {found['rounds']} cold loads, CPU {found['slower']}x slower (Chromium {found['browser']})"
    yield from _table(title, ("ms", "median", "lowest", "highest"), rows)
    sent = found["transfer"]
    yield f"load {found['load'][0]} before; on the line in one visit, with headers: {sent['visit_total']:,} bytes"
    files = [[path, f"{size:,}"] for path, size in sorted(sent["files"].items(), key=lambda item: -item[1])]
    yield from _table("Widget, bytes of each file as it is sent", ("file", "bytes"), files)
    yield f"all but nine of the ten languages: {sent['all_with_one_language']:,} bytes; loader: {sent['loader']:,}"


def _wechat_lines(found: dict[str, Any]) -> Iterator[str]:
    yield from _rush_lines(found["rush"])
    yield from _storm_lines(found["storm"])
    gate, door = found["doors"]["gate"], found["doors"]["door"]
    yield ""
    yield f"WeChat, broken bodies: {gate['bodies']:,} into the gate in {gate['seconds']:.0f} s, {_counts(gate['ends'])}"
    yield f"  {door['requests']:,} through the door: {_counts(door['statuses'])}; not as it should be: {door['wrong']}"


def _rush_lines(rush: dict[str, Any]) -> Iterator[str]:
    shares = ("p50", "p95", "p99", "max")
    rows = [["response, ms", *(_number(rush["response_ms"][share], 0) for share in shares)]]
    if (shown := rush["shown_seconds"]) is not None:
        rows.append(["answer shown after, s", *(_number(shown[share]) for share in shares)])
    title = f"WeChat, {rush['pushes']:,} pushes at {rush['rate']:g}/s, {rush['users']:,} users"
    yield from _table(title, ("figure", *shares), rows)
    yield f"within 4 s {rush['in_time']:,}; passive {rush['passive_share']:.1%}, success {rush['success_share']:.1%};"
    yield f"  repeated {rush['repeated']}, given up {rush['given_up']}; sent at most {rush['sent_late_ms']:.0f} ms late"
    yield f"  {rush['cores']:.2f} cores, {rush['cpu_ms']:.0f} ms of CPU a message, load {rush['load'][0]} before;"
    yield f"  all done after {rush['drain_seconds']:.0f} s more; unsent {rush['unsent']}, wrong {rush['wrong']}"


def _storm_lines(storm: dict[str, Any]) -> Iterator[str]:
    ends, unknown = {end.value: storm["ends"].get(end.value, 0) for end in End}, storm["unknown"]
    yield ""
    yield f"WeChat, {storm['pushes']:,} pushes in {storm['seconds']:.0f} s, {storm['kills']} kills: {_counts(ends)}"
    yield f"  tries without an answer {storm['tries_cut']:,}, with nobody there {storm['tries_dead']:,};"
    yield f"  sends that were cut {storm['sends_cut']}; recorded as unknown: {_counts(unknown)};"
    yield f"  shown and not known {storm['surplus']}, shown against the record {storm['contradicted']},"
    yield f"  out of order {storm['disordered']}; all settled {storm['settle_seconds']:.0f} s after the last start"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


def _target_table(judged: Sequence[Target]) -> Iterator[str]:
    rows = [
        [
            target.what,
            f"{'>=' if target.at_least else '<='} {target.bound:g} {target.unit}",
            _number(target.measured, 3),
            _number(target.beside),
            _number(target.ratio, 2),
            target.verdict.value,
        ]
        for target in judged
    ]
    yield from _table("Targets", ("target", "bound", "measured", "starter bot", "ratio", "verdict"), rows)


def _number(value: float | None, digits: int = 1) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    yield ""
    yield title
    for row in (head, ["-" * width for width in widths], *rows):
        yield "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
