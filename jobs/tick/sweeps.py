"""What the leader does again and again; of apps above the engine too, whose configurations name it in `sweeps_too`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from scheduler_project.lib.declarations import declared


@dataclass(frozen=True)
class Sweep:
    """`make` returns the verb for one process. One that `finishes` is asked while another leads too, and told whether
    this process does: then it only ends what it has begun, of which nobody else knows how it went."""

    name: str
    make: Callable[[], Callable[..., object]]
    every: timedelta
    finishes: bool = False


def of_others() -> list[Sweep]:
    return [sweep for sweeps in declared("sweeps_too") for sweep in sweeps]
