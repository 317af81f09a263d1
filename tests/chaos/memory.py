"""How much memory the processes of a run take: each its own part, and its share of what several have in common."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path

from tests.chaos.topology import Topology
from tests.chaos.unit import children


def megabytes(pid: int) -> float:
    """PSS of a process; 0 when it has just ended."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("Pss:")).split()[1]) / 1024
    return 0.0


def by_process(running: Topology) -> Mapping[str, float]:
    """Each process by name; the children of a worker in the order of their start."""
    found: dict[str, float] = {}
    for unit in running.units:
        if unit.pid is None:
            continue
        found[unit.name] = round(megabytes(unit.pid), 1)
        if unit in running.workers:
            for number, child in enumerate(sorted(children(unit.pid)), start=1):
                found[f"{unit.name} child {number}"] = round(megabytes(child), 1)
    return found
