"""What the state folder remembers: where the embedded servers listen, and the secret key. Knows no Django."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Services:
    database_url: str
    redis_url: str
    secret_key: str


def services_file(state: Path) -> Path:
    return state / "services.json"


def read_services(state: Path) -> Services | None:
    """The servers that `make run` started last, or None when it never ran here (or the file is half-made)."""
    try:
        return Services(**json.loads(services_file(state).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def write_services(state: Path, services: Services) -> None:
    """Write the file so that only its owner reads it, and never half of it."""
    target = services_file(state)
    draft = target.with_suffix(".new")
    draft.touch(mode=0o600)
    draft.chmod(0o600)
    draft.write_text(json.dumps(asdict(services), indent=1))
    draft.replace(target)
