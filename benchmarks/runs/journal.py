"""The one line that every job writes, the same for every system: which it was, when it began, and in which process."""

from __future__ import annotations

import os
import struct
import time
from dataclasses import dataclass
from pathlib import Path

RECORD = struct.Struct("<qdi")
VARIABLE = "BENCH_JOURNAL"

_file: int | None = None


def note(number: int) -> None:
    """Append to the file that the environment names. Short appends to one file never mix."""
    global _file
    began_at = time.monotonic()  # the same clock in every process of a machine
    if _file is None:
        _file = os.open(os.environ[VARIABLE], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    os.write(_file, RECORD.pack(number, began_at, os.getpid()))


@dataclass(frozen=True)
class Line:
    number: int
    at: float
    pid: int


class Journal:
    """The file as the benchmark reads it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def count(self) -> int:
        return self.path.stat().st_size // RECORD.size if self.path.exists() else 0

    def lines(self) -> list[Line]:
        """In the order of their instants."""
        data = self.path.read_bytes() if self.path.exists() else b""
        whole = data[: len(data) // RECORD.size * RECORD.size]
        return sorted((Line(*record) for record in RECORD.iter_unpack(whole)), key=lambda line: line.at)
