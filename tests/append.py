"""Appends lines to a file that survives everything, from any number of processes at once."""

from __future__ import annotations

import os
from pathlib import Path


def append(path: Path, line: str) -> None:
    """One write, so that lines of several processes never mix."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)
