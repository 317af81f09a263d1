"""The text of an API key: its shape, and the digest that is kept instead of it."""

from __future__ import annotations

import hashlib
import re
import secrets

BRAND = "sch_live"
KEY = re.compile(rf"{BRAND}_(?P<prefix>[0-9a-f]{{8}})_[A-Za-z0-9_-]{{43}}", re.ASCII)


def new() -> tuple[str, str]:
    """A prefix and a text that begins with it."""
    prefix = secrets.token_hex(4)
    return prefix, f"{BRAND}_{prefix}_{secrets.token_urlsafe(32)}"


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
