"""The set-up's own rules: when an environment is made again, and which Python it is made with."""

from __future__ import annotations

import importlib.util
import stat
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.fakes.engine import ROOT


@pytest.fixture
def setup(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The module, with an empty folder as its checkout."""
    spec = importlib.util.spec_from_file_location("linli_setup", ROOT / "tools" / "setup.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("x")
    (tmp_path / "requirements.txt").write_text("a==1")
    return module


def python(folder: Path, name: str, output: str, code: int = 0) -> Path:
    """A program that answers as a Python would."""
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{output}'\nexit {code}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_a_fingerprint_changes_with_files_and_python(setup: ModuleType, tmp_path: Path) -> None:
    first = setup.fingerprint(["requirements.txt"], "python3.11")
    assert setup.fingerprint(["requirements.txt"], "python3.11") == first
    assert setup.fingerprint(["requirements.txt"], "python3.12") != first
    (tmp_path / "requirements.txt").write_text("a==2")
    assert setup.fingerprint(["requirements.txt"], "python3.11") != first


def test_stamps(setup: ModuleType, tmp_path: Path) -> None:
    assert setup.stamp_of(tmp_path) is None
    setup.write_stamp(tmp_path, "abc")
    assert setup.stamp_of(tmp_path) == "abc"


def test_an_environment_is_made_once_and_again_when_its_requirements_change(
    setup: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []
    monkeypatch.setattr(
        setup, "run", lambda command, _why: (ran.append(command[1]), (tmp_path / "env").mkdir(exist_ok=True))
    )
    for _ in range(2):
        setup.make_environment("env", "requirements.txt", "python3.11", lambda _target: ran.append("finish"))
    assert ran == ["venv", "pip", "finish"]
    (tmp_path / "requirements.txt").write_text("a==2")
    setup.make_environment("env", "requirements.txt", "python3.11", lambda _target: ran.append("finish"))
    assert len(ran) == 6


def test_an_environment_that_was_not_finished_is_made_again(
    setup: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(command: list[str], why: str) -> None:
        (tmp_path / "env").mkdir(exist_ok=True)
        raise setup.SetupError(why)

    monkeypatch.setattr(setup, "run", fail)
    for _ in range(2):
        with pytest.raises(setup.SetupError, match=r"python3\.11"):
            setup.make_environment("env", "requirements.txt", "python3.11", setup.link_nothing)


def test_what_goes_wrong_is_one_line(setup: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(setup.SetupError) as caught:
        setup.run([sys.executable, "-c", "import sys; print('first\\nsecond'); sys.exit(3)"], "it did not work")
    assert str(caught.value).startswith("it did not work: first (all of it: ")
    assert "\n" not in str(caught.value)
    assert (tmp_path / "setup.log").read_text() == "first\nsecond\n"


def test_the_version_of_a_python(setup: ModuleType, tmp_path: Path) -> None:
    assert setup.version_of(sys.executable) == sys.version_info[:2]
    assert setup.version_of(str(python(tmp_path, "good", "3 10"))) == (3, 10)
    assert setup.version_of(str(python(tmp_path, "shim", "pyenv: python3.10: command not found", 127))) is None
    assert setup.version_of(str(python(tmp_path, "odd", "three"))) is None
    assert setup.version_of(str(tmp_path / "absent")) is None


@pytest.mark.parametrize(
    ("installed", "open_room", "sealed_room"),
    [
        ({"python3": "3 11", "python3.10": "3 10"}, "python3", "python3.10"),
        ({"python3": "3 9"}, None, None),
        ({"python3": "3 10"}, None, "python3"),
        ({"python3.12": "3 12", "python3": "3 8"}, "python3.12", None),
        ({"python3.13": "3 13", "python3.11": "3 11"}, "python3.13", None),
        ({}, None, None),
    ],
)
def test_which_python_is_taken(
    setup: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    installed: dict[str, str],
    open_room: str | None,
    sealed_room: str | None,
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, version in installed.items():
        python(programs, name, version)
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "no-pyenv"))
    assert setup.open_room_python() == (str(programs / open_room) if open_room else ">=3.11")
    assert setup.sealed_room_python() == (str(programs / sealed_room) if sealed_room else "3.10")


def test_pyenvs_versions_are_found(setup: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, version in (("3.10.13", "3 10"), ("3.11.7", "3 11")):
        folder = tmp_path / "pyenv" / "versions" / name / "bin"
        folder.mkdir(parents=True)
        python(folder, "python", version)
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    assert setup.sealed_room_python().endswith("3.10.13/bin/python")
    assert setup.open_room_python().endswith("3.11.7/bin/python")


def test_a_folder_that_cannot_be_written_is_said(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(setup.os, "access", lambda *_: False)
    assert setup.main() == 1
    assert capsys.readouterr().err.startswith("linli: cannot write to")


def test_it_reads_on_old_pythons() -> None:
    import ast

    ast.parse((ROOT / "tools" / "setup.py").read_text(encoding="utf-8"), feature_version=(3, 8))
