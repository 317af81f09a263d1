"""How a place in the parameters is written: `parameters.recipients[2]`, `parameters.headers["x y"]`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

ROOT = "parameters"
SIMPLE = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def extend(path: str, key: str | int) -> str:
    if isinstance(key, int):
        return f"{path}[{key}]"
    if SIMPLE.fullmatch(key):
        return f"{path}.{key}"
    return f"{path}[{json.dumps(key, ensure_ascii=False)}]"


def write(keys: Iterable[str | int]) -> str:
    path = ROOT
    for key in keys:
        path = extend(path, key)
    return path
