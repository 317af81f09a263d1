"""Sweeps of apps above the engine, which the leader makes too: `sweeps_too` of their configurations names them."""

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
