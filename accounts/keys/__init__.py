"""API keys: make, replace, rename and revoke them; recognise one by its text."""

from __future__ import annotations

from accounts.keys.changes import (
    LONGEST_OVERLAP,
    MOST_KEYS,
    AlreadyReplaced,
    InvalidKey,
    KeyIsDead,
    TooManyKeys,
    create,
    judge,
    rename,
    revoke,
    rotate,
)
from accounts.keys.recognition import UnknownKey, last_known, recognise
from accounts.keys.text import BRAND, KEY
from accounts.keys.usage import note_used
from accounts.keys.usage import sweep as write_last_used

__all__ = [
    "BRAND",
    "KEY",
    "LONGEST_OVERLAP",
    "MOST_KEYS",
    "AlreadyReplaced",
    "InvalidKey",
    "KeyIsDead",
    "TooManyKeys",
    "UnknownKey",
    "create",
    "judge",
    "last_known",
    "note_used",
    "recognise",
    "rename",
    "revoke",
    "rotate",
    "write_last_used",
]
