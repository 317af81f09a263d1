"""Reads a list of keys, `id:base64,id2:base64`: the first one is active, the others are there to open what is older."""

from __future__ import annotations

import base64
import binascii
import re

KEY_BYTES = 32
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
FORM = "write id:key, separated by commas, each key 32 random bytes in base64 (openssl rand -base64 32)"


def parse(text: str) -> dict[str, bytes]:
    """The keys by their ids, in the order of the text. Raises `ValueError`, which never holds a key."""
    keys: dict[str, bytes] = {}
    for part in re.split(r"[,\s]+", text.strip()):
        name, _, encoded = part.partition(":")
        if not ID.fullmatch(name):
            raise ValueError(FORM)
        if name in keys:
            raise ValueError(f"the id {name} is there twice; give each key its own")
        keys[name] = _decoded(name, encoded)
    return keys


def _decoded(name: str, encoded: str) -> bytes:
    try:
        key = base64.b64decode(encoded.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"the key {name} is not base64; {FORM}") from None
    if len(key) != KEY_BYTES:
        raise ValueError(f"the key {name} has {len(key)} bytes; {FORM}")
    return key
