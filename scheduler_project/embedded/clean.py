"""`make clean-state`: removes what `make run` keeps, the database included. Refuses while it runs."""

from __future__ import annotations

import contextlib
import shutil
import sys
from pathlib import Path

from scheduler_project.embedded import location, lock
from scheduler_project.embedded.record import Record
from scheduler_project.embedded.refusal import Refusal
from scheduler_project.embedded.run import state_folder

FILES = (
    "admin-password",
    "database-password",
    "secret-key",
    "encryption-keys",
    "services.json",
    "processes.json",
    "location",
    "lock",
)
FOLDERS = ("postgres", "valkey", "logs", "mail", "exports", "test-exports")


def main() -> int:
    state = state_folder()
    if not state.is_dir():
        print(f"There is no state in {state}.")
        return 0
    try:
        clean(state)
    except (Refusal, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"Removed the state in {state}.")
    return 0


def clean(state: Path) -> None:
    """Only what we know by name: the folder may have been pointed anywhere."""
    lock.hold(state)
    Record(state).end_leftovers()
    if location.pointer(state).exists():
        _remove(location.outside_folder(state))
    for name in FOLDERS:
        _remove(state / name)
    for name in FILES:
        (state / name).unlink(missing_ok=True)
        (state / f"{name}.new").unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        state.rmdir()


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
