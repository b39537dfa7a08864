"""Set up both rooms' environments; run by any Python 3.8 or newer, with the standard library alone.

Each environment is made once and again only when its requirements changed. What goes wrong is one line on stderr.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UV_HOME = ROOT / ".uv"
UV = UV_HOME / "bin" / "uv"
STAMP = "linli-setup"


class SetupError(Exception):
    """What a person must mend, in one line."""


def main():
    try:
        os.chdir(str(ROOT))
        check_writable()
        make_uv()
        make_environment(".venv", "requirements/dev.txt", open_room_python(), install_project)
        make_environment(".venv-engine", "requirements/engine.txt", sealed_room_python(), link_nothing)
    except SetupError as error:
        print("linli: %s" % error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def check_writable():
    if not os.access(str(ROOT), os.W_OK):
        raise SetupError("cannot write to %s" % ROOT)


def make_uv():
    wanted = fingerprint(["requirements/uv.txt"], sys.executable)
    if UV.exists() and stamp_of(UV_HOME) == wanted:
        return
    try:
        import ensurepip  # noqa: F401
        import venv
    except ImportError:
        raise SetupError("this Python has no venv module (Debian, Ubuntu: apt install python3-venv)") from None
    say("installing uv")
    venv.EnvBuilder(with_pip=True, clear=True).create(str(UV_HOME))
    pip = [str(UV_HOME / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run([*pip, "--require-hashes", "-r", "requirements/uv.txt"], "uv could not be installed")
    write_stamp(UV_HOME, wanted)


def make_environment(folder, requirements, python, finish):
    wanted = fingerprint([requirements, "pyproject.toml"], python)
    if stamp_of(ROOT / folder) == wanted:
        return
    say("setting up %s from %s" % (folder, requirements))
    started = time.time()
    run(
        [str(UV), "venv", "--quiet", "--clear", "--python", python, folder],
        "no Python %s could be had for %s" % (python, folder),
    )
    target = ["--python", str(ROOT / folder / "bin" / "python")]
    install = [str(UV), "pip", "install", "--quiet", *target, "--require-hashes", "-r", requirements]
    run(install, "the packages of %s could not be installed" % requirements)
    finish(target)
    write_stamp(ROOT / folder, wanted)
    say("%s is ready (%d s)" % (folder, time.time() - started))


def install_project(target):
    """`.venv/bin/bot`, from this checkout; its build needs nothing that the locked requirements do not hold."""
    install = [
        str(UV),
        "pip",
        "install",
        "--quiet",
        *target,
        "--no-deps",
        "--no-build-isolation",
        "--offline",
        "-e",
        ".",
    ]
    run(install, "the project could not be installed into .venv")


def link_nothing(target):
    """The sealed room runs from the checkout; nothing of ours is installed into it."""


def open_room_python():
    return own_python((3, 11), None) or ">=3.11"


def sealed_room_python():
    """Python 3.10 from the PATH or from pyenv; else uv finds or fetches one."""
    return own_python((3, 10), (3, 10)) or "3.10"


def own_python(least, most):
    candidates = ["python%d.%d" % version for version in ([least] if most else [(3, 13), (3, 12), (3, 11)])] + [
        "python3"
    ]
    found = [shutil.which(name) for name in candidates]
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    found += [str(path) for path in sorted(pyenv.glob("%d.%d*/bin/python" % least), reverse=True)]
    for path in found:
        version = version_of(path) if path else None
        if version and version >= least and (most is None or version <= most):
            return path
    return None


def version_of(path):
    """(major, minor), or None when it does not run: pyenv's shims exist for versions that are not active."""
    code = "import sys, venv; print('%d %d' % sys.version_info[:2])"
    try:
        output = subprocess.run([path, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=30)
        return tuple(int(part) for part in output.stdout.split()) if output.returncode == 0 else None
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None


def run(command, what_failed):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    if result.returncode != 0:
        lines = result.stdout.decode("utf-8", "replace").strip().splitlines() or ["no output"]
        log = ROOT / "setup.log"
        log.write_bytes(result.stdout)
        raise SetupError("%s: %s (all of it: %s)" % (what_failed, lines[0].strip(), log))


def fingerprint(files, python):
    whole = hashlib.sha256(python.encode())
    for name in files:
        whole.update((ROOT / name).read_bytes())
    return whole.hexdigest()


def stamp_of(folder):
    path = folder / STAMP
    return path.read_text() if path.exists() else None


def write_stamp(folder, text):
    (folder / STAMP).write_text(text)


def say(text):
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
