"""The graph of jobs that follow one another: whether it stays free of loops, and who stands before whom."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
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


def components(edges: Iterable[Edge]) -> list[set[int]]:
    """The jobs that hang together, whichever way their edges point; in the order of their first edges."""
    parts: dict[int, set[int]] = {}
    for one, other in edges:
        merged = parts.get(one, {one}) | parts.get(other, {other})
        for job in merged:
            parts[job] = merged
    return list({id(part): part for part in parts.values()}.values())


def behind(start: Iterable[int], edges: Iterable[Edge]) -> set[int]:
    """All that is reached from there along the edges, without the start itself."""
    downstreams = defaultdict(list)
    for upstream, downstream in edges:
        downstreams[upstream].append(downstream)
    begun = set(start)
    found, waiting = set(begun), list(begun)
    while waiting:
        for job in downstreams[waiting.pop()]:
            if job not in found:
                found.add(job)
                waiting.append(job)
    return found - begun


def near(start: int, edges: Iterable[Edge], *, hops: int) -> set[int]:
    """What is at most so many edges away, whichever way they point; the start too."""
    neighbours = defaultdict(set)
    for upstream, downstream in edges:
        neighbours[upstream].add(downstream)
        neighbours[downstream].add(upstream)
    found, edge = {start}, {start}
    for _ in range(hops):
        edge = {job for one in edge for job in neighbours[one]} - found
        found |= edge
    return found


def longest_path(weights: Mapping[int, float], edges: Iterable[Edge]) -> tuple[list[int], float]:
    """The heaviest line through a graph without loops, and its weight; of equal ones that with most jobs."""
    standing = list(edges)
    upstreams = defaultdict(list)
    for upstream, downstream in standing:
        upstreams[downstream].append(upstream)
    best: dict[int, tuple[float, int]] = {}
    before: dict[int, int] = {}
    for job in _sorter(standing).static_order():
        weight, length = 0.0, 0
        for upstream in sorted(upstreams[job]):
            if best[upstream] > (weight, length) or not length:
                (weight, length), before[job] = best[upstream], upstream
        best[job] = (weight + weights.get(job, 0.0), length + 1)
    if not best:
        return [], 0.0
    end = max(best, key=lambda job: (best[job], -job))
    path = [end]
    while path[-1] in before:
        path.append(before[path[-1]])
    return path[::-1], best[end][0]


def _sorter(edges: Iterable[Edge]) -> TopologicalSorter[int]:
    sorter: TopologicalSorter[int] = TopologicalSorter()
    for upstream, downstream in edges:
        sorter.add(downstream, upstream)
    return sorter
