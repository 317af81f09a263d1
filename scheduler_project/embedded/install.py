"""Makes `.venv` and installs the pinned requirements. Run by the system's Python, so it must parse on an old one."""

import hashlib
import importlib.util
import os
import platform
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent
VENV = PROJECT / ".venv"
PYTHON = VENV / "bin" / "python"
RUNTIME, DEVELOPMENT = "requirements.txt", "requirements-dev.txt"


def obstacle(version: tuple, system: str, libc: str, has_venv: bool) -> str:  # type: ignore[type-arg]
    """Why this machine cannot run the project itself, or nothing."""
    if system not in ("Linux", "Darwin"):
        return "Daybook runs itself on Linux and macOS only: use `docker compose up` here (on Windows, or WSL)."
    if system == "Linux" and libc != "glibc":
        return "Daybook runs itself on Linux with glibc only (this one has none): use `docker compose up` here."
    if version < (3, 11):
        have = ".".join(str(part) for part in version[:2])
        return "Daybook needs Python 3.11 or newer, and this is " + have + ": name another with `make run PYTHON=…`."
    if not has_venv:
        return "Python's venv module is missing: install it (Debian and Ubuntu: `apt-get install python3-venv`)."
    return ""


def install(requirements: str) -> None:
    """Install unless the stamp says that exactly these lines are installed."""
    stamp = VENV / (".installed-" + requirements)
    lines = fingerprint(requirements)
    if stamp.is_file() and stamp.read_text() == lines and os.access(str(PYTHON), os.X_OK):
        return
    if not os.access(str(PYTHON), os.X_OK) or run([str(PYTHON), "-m", "pip", "--version"]):
        print("making .venv", flush=True)
        check(run([sys.executable, "-m", "venv", "--clear", str(VENV)]), "Python could not make .venv")
    print("installing " + requirements + " (the first time takes a while)", flush=True)
    command = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "-r", str(PROJECT / requirements)]
    check(run(command), "pip could not install " + requirements)
    stamp.write_text(lines)
    if requirements == DEVELOPMENT:
        (VENV / (".installed-" + RUNTIME)).write_text(fingerprint(RUNTIME))


def fingerprint(requirements: str) -> str:
    files = [RUNTIME] if requirements == RUNTIME else [RUNTIME, DEVELOPMENT]
    return hashlib.sha256(b"".join((PROJECT / name).read_bytes() for name in files)).hexdigest()


def run(command: list) -> list:  # type: ignore[type-arg]
    """Run a command showing only what it is at; returns its last lines when it fails."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
    last = []  # type: list[str]
    for line in process.stdout or ():
        last = [*last, line.rstrip()][-15:]
        if sys.stdout.isatty() and line.startswith(("Collecting", "Downloading", "Installing")):
            print("\r\033[K  " + line.split("==")[0].strip()[:70], end="", flush=True)
    if sys.stdout.isatty():
        print("\r\033[K", end="", flush=True)
    return (last or ["no output"]) if process.wait() else []


def check(lines: list, what: str) -> None:  # type: ignore[type-arg]
    if lines:
        print("\n".join(lines), file=sys.stderr)
        sys.exit(what + ": its last lines are above.")


def main() -> None:
    has_venv = importlib.util.find_spec("venv") is not None and importlib.util.find_spec("ensurepip") is not None
    problem = obstacle(sys.version_info[:3], platform.system(), platform.libc_ver()[0], has_venv)
    if problem:
        sys.exit(problem)
    try:
        install(DEVELOPMENT if "dev" in sys.argv[1:] else RUNTIME)
    except OSError as error:
        sys.exit("Cannot write to " + str(VENV) + " (" + str(error.strerror) + "): make the project folder writable.")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
