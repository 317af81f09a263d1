"""How much memory processes use, as the kernel counts it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

KIB = 1024
CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Usage:
    """`rss` counts what is shared with other processes whole, `pss` only this one's part of it."""

    pid: int
    rss: int
    pss: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def usage(pids: Iterable[int]) -> list[Usage]:
    """Of those that still live, in bytes; nothing where the kernel does not tell."""
    found = []
    for pid in pids:
        with contextlib.suppress(OSError, ValueError, KeyError):
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
            sizes = {name: int(rest.split()[0]) * KIB for name, rest in (line.split(":", 1) for line in lines)}
            found.append(Usage(pid, sizes["Rss"], sizes["Pss"]))
    return found


def share_of_container() -> float | None:
    """How much of its memory the container has used, from 0 to 1; None where there is no limit."""
    with contextlib.suppress(OSError, ValueError):
        limit = (CGROUP / "memory.max").read_text().strip()
        if limit != "max":
            return int((CGROUP / "memory.current").read_text()) / int(limit)
    return None
