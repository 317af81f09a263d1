"""The processes of this start, written down so that the next one can end what a killed start left behind."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from pathlib import Path

from scheduler_project.embedded.postgres import Cluster
from scheduler_project.embedded.processes import identity, wait_until
from scheduler_project.embedded.refusal import Refusal
from scheduler_project.embedded.state import write_private


class Record:
    """Process ids in the order of starting, each with what proves that the number still means that process."""

    def __init__(self, state: Path) -> None:
        self._file = state / "processes.json"
        # A copied folder must not claim the processes of the original.
        self._owner = str(state.resolve())
        self._processes: dict[str, tuple[int, str]] = {}

    def add(self, name: str, pid: int) -> None:
        self._processes[name] = (pid, identity(pid) or "")
        self._write()

    def remove(self, name: str) -> None:
        if self._processes.pop(name, None):
            self._write()

    def _write(self) -> None:
        if not self._processes:
            self._file.unlink(missing_ok=True)
            return
        write_private(self._file, json.dumps({"owner": self._owner, "processes": self._processes}))

    def end_leftovers(self) -> list[str]:
        """End what an earlier start left, the last started first. Returns the names."""
        ended = []
        for name, (pid, proof) in reversed(self._read()):
            if proof and identity(pid) == proof:
                _end(pid, proof, signal.SIGINT if name == "postgres" else signal.SIGTERM)
                if name != "postgres":
                    with contextlib.suppress(ProcessLookupError, PermissionError):
                        os.killpg(pid, signal.SIGKILL)  # its pool, where the kernel has not ended it
                ended.append(name)
        self._file.unlink(missing_ok=True)
        return ended

    def _read(self) -> list[tuple[str, tuple[int, str]]]:
        try:
            content = json.loads(self._file.read_text())
            if content["owner"] != self._owner:
                return []
            return [(name, (int(pid), str(proof))) for name, (pid, proof) in content["processes"].items()]
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return []


def _end(pid: int, proof: str, gently: signal.Signals) -> None:
    for sign, seconds in ((gently, 10), (signal.SIGKILL, 10)):
        try:
            os.kill(pid, sign)
        except ProcessLookupError:
            return
        if wait_until(lambda: identity(pid) != proof, seconds=seconds):
            return
    raise Refusal(f"Process {pid}, left by an earlier start, does not end: end it and start again.")


def free_data_folder(cluster: Cluster) -> None:
    """End a server that still serves the data folder, and remove the mark of one that is gone.

    The mark alone proves nothing: its number may be another's by now, or a zombie's that nobody reaps.
    """
    pid = cluster.served_by()
    proof = identity(pid) if pid else None
    if pid and proof:
        if not _lives_in(cluster.data, pid):
            if sys.platform != "linux":
                raise Refusal(f"{cluster.data} is in use by process {pid}: end it and start again.")
        else:
            _end(pid, proof, signal.SIGINT)
    if sys.platform == "linux" and pid:
        if not wait_until(lambda: not _residents(cluster.data), seconds=15):
            others = ", ".join(map(str, _residents(cluster.data)))
            raise Refusal(f"{cluster.data} is in use by process {others}: end it and start again.")
        (cluster.data / "postmaster.pid").unlink(missing_ok=True)


def _residents(folder: Path) -> list[int]:
    """PostgreSQL's processes work inside their data folder."""
    return [int(entry.name) for entry in Path("/proc").glob("[0-9]*") if _lives_in(folder, int(entry.name))]


def _lives_in(folder: Path, pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/cwd").readlink() == folder.resolve()
    except OSError:
        return False
