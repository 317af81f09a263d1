"""The secrets of a channel: sealed as one text, which opens only for that channel."""

from __future__ import annotations

import json
from collections.abc import Mapping

from accounts import sealing
from accounts.sealing import Reference, Sealer


def place_of(public_id: str) -> str:
    return f"notification-channel {public_id}"


def seal(secrets: Mapping[str, str], *, tenant_id: int, public_id: str) -> str:
    """Empty when there are none. Raises `KeysUnavailable`."""
    kept = {name: value for name, value in secrets.items() if value}
    return Sealer(tenant_id).seal(json.dumps(kept), place=place_of(public_id)) if kept else ""


def open_all(sealed: str, *, tenant_id: int, public_id: str) -> dict[str, str]:
    """By the names of their fields. Raises `CannotOpen`, `KeysUnavailable`."""
    if not sealed:
        return {}
    opened = sealing.open_sealed(sealed, tenant_id=tenant_id, place=place_of(public_id))
    assert not isinstance(opened, Reference)
    found: dict[str, str] = json.loads(opened)
    return found
