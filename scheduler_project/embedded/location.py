"""Where PostgreSQL's files lie: in the state folder, or in /var/lib when its account cannot get there."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from scheduler_project.embedded.account import Account
from scheduler_project.embedded.refusal import Refusal
from scheduler_project.embedded.state import write_private

ELSEWHERE = Path("/var/lib/daybook")


def pointer(state: Path) -> Path:
    return state / "location"


def outside_folder(state: Path) -> Path:
    return ELSEWHERE / hashlib.sha256(str(state.resolve()).encode()).hexdigest()[:16]


def server_folder(state: Path, account: Account) -> Path:
    """The folder for PostgreSQL, made if need be. Parent folders are never opened up for it.

    It stays ours; only the data folder in it is the server account's, so that nothing planted there misleads root.
    """
    inside, outside = state / "postgres", outside_folder(state)
    known = pointer(state).read_text().strip() if pointer(state).exists() else ""
    if known and known != str(outside):
        raise Refusal(
            f"{pointer(state)} names {known}, the data of a project in another folder: move them to {outside} "
            "and write that path into the file, or delete the file to start empty."
        )
    if known and account.uid is None:
        raise Refusal(f"The database in {known} was made by root: start as root, or remove it with `make clean-state`.")
    if not known and not inside.exists() and not account.can_enter(state):
        write_private(pointer(state), f"{outside}\n")
        known = str(outside)
    folder = outside if known else inside
    _make(folder, account)
    return folder


def _make(folder: Path, account: Account) -> None:
    try:
        for path in (folder.parent, folder) if folder.is_relative_to(ELSEWHERE) else (folder,):
            if not path.exists():
                path.mkdir(parents=True)
                path.chmod(0o700 if account.uid is None else 0o711)
    except OSError as error:
        raise Refusal(f"Cannot make the folder {folder} ({error.strerror}).") from None
    if folder.stat().st_uid != os.geteuid():
        raise Refusal(f"The database in {folder} belongs to user id {folder.stat().st_uid}: start as that user.")
    if not account.can_enter(folder):
        raise Refusal(f"The account of PostgreSQL can no longer reach {folder}: open the folders above it again.")
