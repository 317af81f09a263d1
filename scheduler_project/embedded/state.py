"""What the state folder remembers: where the embedded servers listen, and the secrets. Knows no Django."""

from __future__ import annotations

import base64
import json
import os
import secrets
import string
from dataclasses import asdict, dataclass
from pathlib import Path

from scheduler_project.embedded.refusal import Refusal


@dataclass(frozen=True)
class Services:
    """An address is empty when the environment named that server: other people's passwords are not ours to keep."""

    database_url: str
    redis_url: str
    secret_key: str


def make_state_folder(state: Path) -> None:
    try:
        state.mkdir(parents=True, exist_ok=True)
        # The servers' account passes through on its way to the data folder; the files themselves are closed to it.
        state.chmod(0o711 if os.geteuid() == 0 else 0o700)
        write_private(state / "writable", "")
        (state / "writable").unlink()
    except OSError as error:
        raise Refusal(
            f"Cannot write to the state folder {state} ({error.strerror}): make it writable, "
            "or name another with DAYBOOK_STATE_DIR."
        ) from None


def services_file(state: Path) -> Path:
    return state / "services.json"


def read_services(state: Path) -> Services | None:
    """The servers that `make run` started last, or None when it never ran here (or the file is half-made)."""
    try:
        return Services(**json.loads(services_file(state).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def write_services(state: Path, services: Services) -> None:
    write_private(services_file(state), json.dumps(asdict(services), indent=1))


def read_secret(file: Path) -> str:
    """The secret, or nothing when there is none."""
    try:
        return file.read_text().strip()
    except FileNotFoundError:
        return ""


def new_secret() -> str:
    """Letters and digits only: it goes into addresses, and people select it with a double click."""
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(32))


def keep_secret(file: Path) -> str:
    """The secret in the file; a new random one at the first call."""
    secret = read_secret(file)
    if not secret:
        secret = new_secret()
        write_private(file, secret + "\n")
    return secret


def encryption_keys_file(state: Path) -> Path:
    return state / "encryption-keys"


def keep_encryption_keys(state: Path) -> None:
    """See that there is a key to encrypt secrets with. Each key has an id of its own, so that one that was lost is
    missed by its name."""
    file = encryption_keys_file(state)
    if not read_secret(file):
        key = base64.b64encode(secrets.token_bytes(32)).decode()
        write_private(file, f"local-{secrets.token_hex(4)}:{key}\n")


def write_private(target: Path, text: str) -> None:
    """Write a file so that only its owner reads it, and never half of it."""
    draft = target.with_name(f"{target.name}.new")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_text(text)
    draft.replace(target)
