"""Programs that a template starts: their output becomes the run's log, and none of them outlives the run."""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from django.conf import settings

from scheduler_project.settings.environment import VARIABLES
from templates_registry.context import Level

Log = Callable[[str, Level], None]

LONGEST_LINE = 10_000  # bytes; what is longer is logged in pieces
LOOK = 200  # milliseconds between looks whether a program has ended whose output somebody else keeps open
GRACE = 2.0  # seconds between asking a program to end and ending it
PATIENCE = 2.0  # seconds for the kernel to end what was killed

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
# Loaded here because the code between fork and exec must not import anything.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None

_is_ours_alone = False


def claim_this_process() -> None:
    """This process only runs templates: whatever it starts is theirs, and ends with the run. Orphans of what they
    start come back to it, so that a program cannot get away by forking twice."""
    global _is_ours_alone
    if _libc is not None:
        _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        _is_ours_alone = True


def run(
    argv: Sequence[str | os.PathLike[str]],
    *,
    log: Log,
    environment: Mapping[str, str] | None = None,
    folder: str | os.PathLike[str] | None = None,
    level: Level = "info",
) -> int:
    """Run a program to its end and return its exit code, negative for a signal. What interrupts the template ends the
    program too. Raises TypeError for a command line that a shell would have to read, OSError when it does not start."""
    if isinstance(argv, str | bytes) or not argv or not all(isinstance(part, str | os.PathLike) for part in argv):
        raise TypeError(
            "Write the program and its arguments as a list of texts, e.g. ['git', '--version']; no shell reads them."
        )
    program = subprocess.Popen(  # noqa: S603
        [os.fspath(part) for part in argv],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        bufsize=0,
        env={**_inherited(), **(environment or {})},
        cwd=folder,
        preexec_fn=_end_with_parent,
    )
    assert program.stdout is not None
    try:
        _log_output(program, program.stdout, lambda line: log(line, level))
        return program.wait()
    except BaseException:
        _stop(program)
        raise
    finally:
        program.stdout.close()


def end_what_is_left(log: Log) -> None:
    """End what the template left running; costs nothing when that is nothing."""
    if not _is_ours_alone or not _has_children():
        return
    left, ends_at = set[int](), time.monotonic() + PATIENCE
    while _has_children() and time.monotonic() < ends_at:
        living = [pid for pid in _descendants(os.getpid()) if not _is_zombie(pid)]
        left.update(living)
        for pid in living:
            _kill(pid, signal.SIGKILL)
        if not _reap():
            time.sleep(0.005)
    if left:
        words = "1 process" if len(left) == 1 else f"{len(left)} processes"
        log(f"Ended what the template had left running: {words}.", "warning")


def _inherited() -> dict[str, str]:
    """Without what only this project's own processes need to know: passwords of its servers, and templates' secrets."""
    secrets = {where.removeprefix("env:") for where in settings.DAYBOOK_SECRETS.values()}
    return {name: value for name, value in os.environ.items() if name not in VARIABLES and name not in secrets}


def _end_with_parent() -> None:
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))


def _log_output(program: subprocess.Popen[bytes], output: IO[bytes], log: Callable[[str], None]) -> None:
    """Line by line until its end, or until the program has ended and is silent."""
    waiting, rest = select.poll(), b""
    waiting.register(output, select.POLLIN)
    while True:
        if waiting.poll(LOOK):
            chunk = os.read(output.fileno(), 65_536)
            if not chunk:
                break
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                log(_text(line))
            while len(rest) > LONGEST_LINE:
                log(_text(rest[:LONGEST_LINE]))
                rest = rest[LONGEST_LINE:]
        elif program.poll() is not None:
            break
    if rest:
        log(_text(rest))


def _text(line: bytes) -> str:
    return line.decode(errors="replace").rstrip("\r")


def _stop(program: subprocess.Popen[bytes]) -> None:
    family = [program.pid, *_descendants(program.pid)]
    for pid in family:
        _kill(pid, signal.SIGTERM)
    ends_at = time.monotonic() + GRACE
    while any(map(_is_running, family)) and time.monotonic() < ends_at:
        program.poll()
        time.sleep(0.02)
    for pid in {*family, *_descendants(program.pid)}:
        _kill(pid, signal.SIGKILL)
    program.wait()


def _kill(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def _has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _reap() -> bool:
    """Take note of one child that has ended; False when there was none."""
    with contextlib.suppress(ChildProcessError):
        return os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG) is not None
    return False


def _descendants(pid: int) -> Iterator[int]:
    """Children before their own children."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError):
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(stat.parent.name))
    found = list(children.get(pid, ()))
    while found:
        yield (child := found.pop(0))
        found += children.get(child, ())


def _is_zombie(pid: int) -> bool:
    return _state(pid) == "Z"


def _is_running(pid: int) -> bool:
    return _state(pid) not in ("", "Z", "X")


def _state(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return ""
