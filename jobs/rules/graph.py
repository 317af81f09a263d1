"""The graph of jobs that follow one another: whether it stays free of loops, and who stands before whom."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from graphlib import CycleError, TopologicalSorter

Edge = tuple[int, int]  # from the upstream to the downstream


def find_loop(edges: Iterable[Edge]) -> list[int]:
    """The jobs of one loop in the order in which they start each other, the first again at the end; empty when there
    is none."""
    try:
        _sorter(edges).prepare()
    except CycleError as error:
        loop: list[int] = error.args[1]
        return loop
    return []


def levels(jobs: Iterable[int], edges: Iterable[Edge]) -> dict[int, int]:
    """How many steps each job stands behind the first ones. Without a loop in the edges."""
    upstreams = defaultdict(set)
    for upstream, downstream in edges:
        upstreams[downstream].add(upstream)
    found: dict[int, int] = {}
    for job in _sorter(edges).static_order():
        found[job] = max((found[upstream] + 1 for upstream in upstreams[job]), default=0)
    return {job: found.get(job, 0) for job in jobs}


def _sorter(edges: Iterable[Edge]) -> TopologicalSorter[int]:
    sorter: TopologicalSorter[int] = TopologicalSorter()
    for upstream, downstream in edges:
        sorter.add(downstream, upstream)
    return sorter
