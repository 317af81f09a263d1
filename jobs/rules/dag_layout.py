"""Where the nodes and edges of a graph without loops are drawn: in layers from left to right, with few crossings.

Longest paths give the layers; an edge over several layers passes through a dummy in each; sweeps order every layer by
the middle of its neighbours; then each node moves as near to its neighbours as the others in its layer let it.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from jobs.rules import graph

SWEEPS = 8
ALIGNMENTS = 4
DUMMY_HEIGHT = 0.3  # rows that an edge takes where it passes by

Node = int
Edge = tuple[Node, Node]
# A node of the graph is itself; a dummy is the edge that it belongs to and its layer.
Slot = Node | tuple[Edge, int]


@dataclass(frozen=True)
class Layout:
    """In columns and rows, to be scaled: `places` are the middles of nodes, `routes` the points that edges pass."""

    places: Mapping[Node, tuple[int, float]]
    routes: Mapping[Edge, tuple[tuple[int, float], ...]]
    columns: int
    rows: float
    crossings: int


def lay_out(nodes: Sequence[Node], edges: Iterable[Edge]) -> Layout:
    """Edges between other nodes are left out. The same input gives the same layout."""
    known = set(nodes)
    kept = sorted({edge for edge in edges if edge[0] in known and edge[1] in known})
    level = graph.levels(nodes, kept)
    layers = _fill(nodes, kept, level)
    ups, downs = _neighbours(kept, level)
    layers, crossings = _order(layers, ups, downs)
    rows = _align(layers, ups, downs)
    lowest = min(rows.values(), default=0.0)
    places = {node: (level[node], rows[node] - lowest) for node in nodes}
    routes = {
        edge: tuple((column, rows[edge, column] - lowest) for column in range(level[edge[0]] + 1, level[edge[1]]))
        for edge in kept
    }
    highest = max(rows.values(), default=0.0)
    return Layout(places, routes, len(layers), highest - lowest + 1 if rows else 0, crossings)


def _fill(nodes: Sequence[Node], edges: Sequence[Edge], level: Mapping[Node, int]) -> list[list[Slot]]:
    layers: list[list[Slot]] = [[] for _ in range(max(level.values(), default=-1) + 1)]
    for node in nodes:
        layers[level[node]].append(node)
    for edge in edges:
        for column in range(level[edge[0]] + 1, level[edge[1]]):
            layers[column].append((edge, column))
    return layers


Neighbours = Mapping[Slot, Sequence[Slot]]


def _neighbours(edges: Sequence[Edge], level: Mapping[Node, int]) -> tuple[Neighbours, Neighbours]:
    """One layer before and one behind."""
    ups: dict[Slot, list[Slot]] = defaultdict(list)
    downs: dict[Slot, list[Slot]] = defaultdict(list)
    for edge in edges:
        line: list[Slot] = [edge[0], *((edge, column) for column in range(level[edge[0]] + 1, level[edge[1]])), edge[1]]
        for before, behind in pairwise(line):
            downs[before].append(behind)
            ups[behind].append(before)
    return ups, downs


def _order(layers: list[list[Slot]], ups: Neighbours, downs: Neighbours) -> tuple[list[list[Slot]], int]:
    """The best of all sweeps, forwards and backwards in turn."""
    best, fewest = [list(layer) for layer in layers], count_crossings(layers, downs)
    current = [list(layer) for layer in layers]
    for sweep in range(SWEEPS):
        if not fewest:
            break
        forwards = sweep % 2 == 0
        order = range(1, len(current)) if forwards else range(len(current) - 2, -1, -1)
        for index in order:
            beside = current[index - 1] if forwards else current[index + 1]
            _sort_by_middle(current[index], beside, ups if forwards else downs)
        crossings = count_crossings(current, downs)
        if crossings < fewest:
            best, fewest = [list(layer) for layer in current], crossings
    return best, fewest


def _sort_by_middle(layer: list[Slot], beside: Sequence[Slot], neighbours: Neighbours) -> None:
    place = {slot: index for index, slot in enumerate(beside)}
    middle: dict[Slot, float] = {}
    for index, slot in enumerate(layer):
        found = neighbours.get(slot)
        middle[slot] = sum(place[one] for one in found) / len(found) if found else float(index)
    layer.sort(key=middle.__getitem__)


def count_crossings(layers: Sequence[Sequence[Slot]], downs: Neighbours) -> int:
    """Pairs of edges between two layers whose ends are in the opposite order: inversions, counted by insertion."""
    crossings = 0
    for before, behind in pairwise(layers):
        place = {slot: index for index, slot in enumerate(behind)}
        ends: list[int] = []
        for slot in before:
            mine = sorted(place[one] for one in downs.get(slot, ()))
            crossings += sum(len(ends) - bisect_left(ends, end + 1) for end in mine)
            for end in mine:
                insort(ends, end)
    return crossings


def _align(layers: Sequence[Sequence[Slot]], ups: Neighbours, downs: Neighbours) -> dict[Slot, float]:
    rows: dict[Slot, float] = {}
    tallest = max((_height(layer) for layer in layers), default=0.0)
    for layer in layers:
        top = (tallest - _height(layer)) / 2
        for slot, offset in zip(layer, _offsets(layer), strict=True):
            rows[slot] = top + offset
    for turn in range(ALIGNMENTS):
        forwards = turn % 2 == 0
        for layer in layers if forwards else reversed(layers):
            first, second = (ups, downs) if forwards else (downs, ups)
            wished = [_middle(slot, first.get(slot) or second.get(slot) or (), rows) for slot in layer]
            rows |= dict(zip(layer, _apart(wished, _offsets(layer)), strict=True))
    return rows


def _middle(slot: Slot, neighbours: Sequence[Slot], rows: Mapping[Slot, float]) -> float:
    return sum(rows[one] for one in neighbours) / len(neighbours) if neighbours else rows[slot]


def _size(slot: Slot) -> float:
    return 1.0 if isinstance(slot, int) else DUMMY_HEIGHT


def _height(layer: Sequence[Slot]) -> float:
    return sum(map(_size, layer))


def _offsets(layer: Sequence[Slot]) -> list[float]:
    """Where the middles lie when nothing is between them."""
    offsets, top = [], 0.0
    for slot in layer:
        offsets.append(top + _size(slot) / 2)
        top += _size(slot)
    return offsets


def _apart(wished: Sequence[float], offsets: Sequence[float]) -> list[float]:
    """As near to the wishes as possible, in their order and far enough apart: neighbours that collide share the mean of
    what they wish, as in an isotonic regression."""
    blocks: list[list[float]] = []  # of each: the sum of its wishes, and how many
    for wish, offset in zip(wished, offsets, strict=True):
        blocks.append([wish - offset, 1])
        while len(blocks) > 1 and blocks[-2][0] * blocks[-1][1] >= blocks[-1][0] * blocks[-2][1]:
            total, count = blocks.pop()
            blocks[-1][0] += total
            blocks[-1][1] += count
    shifts = [total / count for total, count in blocks for _ in range(int(count))]
    return [shift + offset for shift, offset in zip(shifts, offsets, strict=True)]
