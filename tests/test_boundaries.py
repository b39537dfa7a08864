"""The two rooms and the arrows of the layout: who may import whom, read from the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.engine import ROOT

OURS = ("bot", "actions")
# Leaves know nothing of ours but other leaves of the same kind.
SHARED_LEAVES = {"bot.languages", "bot.encoder", "bot.vector_cache"}
LEAVES = {
    *SHARED_LEAVES,
    "bot.language_id",
    "bot.language_words",
    "bot.messages",
    "bot.errors",
    "bot.settings",
    "bot.secrets",
    "bot.ids",
    "bot.bus",
    "bot.circuit",
    "bot.locales",
    "bot.db",
}
# Lowest first: a layer may import itself and what stands before it.
LAYERS: tuple[tuple[str, ...], ...] = (
    tuple(LEAVES),
    ("bot.knowledge", "bot.appointments", "bot.handoff", "bot.engine", "bot.training", "bot.workers"),
    ("bot.keeping", "bot.fleet", "bot.presence", "bot.redis_bus", "bot.sweeper"),
    ("bot.conversations",),
    ("bot.channels", "actions"),
    ("bot.app",),
    ("bot.evaluation", "bot.commands"),
    ("bot.cli",),
)


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def files() -> list[Path]:
    found = [path for name in OURS for path in sorted((ROOT / name).rglob("*.py"))]
    return [path for path in found if "migrations" not in path.parts]


def imports(path: Path) -> Iterator[str]:
    """Every module of ours that a file imports, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] in OURS)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in OURS:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if exists(inner) else str(node.module)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import hides where it leads"


def exists(module: str) -> bool:
    place = ROOT.joinpath(*module.split("."))
    return place.is_dir() or place.with_suffix(".py").exists()


def within(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def layer(module: str) -> int:
    return next(number for number, names in enumerate(LAYERS) if any(within(module, name) for name in names))


def ids(path: Path) -> str:
    return module_of(path)


@pytest.mark.parametrize("path", [path for path in files() if "nlu" in path.parts], ids=ids)
def test_the_sealed_room_imports_the_shared_leaves_and_itself(path: Path) -> None:
    foreign = [name for name in imports(path) if name not in SHARED_LEAVES and not within(name, "bot.nlu")]
    assert foreign == []


@pytest.mark.parametrize("path", [path for path in files() if "nlu" not in path.parts], ids=ids)
def test_nobody_imports_the_sealed_room(path: Path) -> None:
    assert [name for name in imports(path) if within(name, "bot.nlu")] == []


@pytest.mark.parametrize("name", sorted(SHARED_LEAVES))
def test_the_shared_leaves_import_nothing_else_of_ours_and_are_valid_on_310(name: str) -> None:
    path = ROOT.joinpath(*name.split(".")).with_suffix(".py")
    assert set(imports(path)) <= SHARED_LEAVES
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 10))


@pytest.mark.parametrize(
    "path", [path for path in files() if "nlu" not in path.parts and module_of(path) != "bot"], ids=ids
)
def test_the_arrows_point_one_way(path: Path) -> None:
    own = layer(module_of(path))
    upward = [name for name in imports(path) if name != "bot" and layer(name) > own]
    assert upward == []


def test_no_circle_of_modules() -> None:
    graph = {module_of(path): set(imports(path)) for path in files()}
    done: set[str] = set()

    def visit(module: str, way: tuple[str, ...]) -> None:
        assert module not in way, " → ".join((*way, module))
        if module not in done:
            for other in graph.get(module, ()):
                visit(other, (*way, module))
            done.add(module)

    for module in graph:
        visit(module, ())


def test_a_message_is_understood_without_a_database_and_without_a_server() -> None:
    """The pure middle: rules that need neither."""
    for name in (
        "bot/knowledge/scoring.py",
        "bot/conversations/plans.py",
        "bot/conversations/masking.py",
        "bot/circuit.py",
    ):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert "sqlalchemy" not in text
        assert "aiohttp" not in text
