"""Where nodes and edges of graphs are drawn."""

from __future__ import annotations

import random
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from jobs.rules.dag_layout import DUMMY_HEIGHT, Edge, lay_out


def random_graph(size: int) -> tuple[list[int], list[Edge]]:
    chance = random.Random(size)
    nodes = list(range(1, size + 1))
    edges = {(chance.randint(max(1, node - size // 4), node - 1), node) for node in nodes[1:] for _ in range(2)}
    return nodes, sorted(edges)


class TestLayout:
    def test_puts_a_line_on_one_row(self) -> None:
        found = lay_out([1, 2, 3], [(1, 2), (2, 3)])
        assert found.places == {1: (0, 0.0), 2: (1, 0.0), 3: (2, 0.0)}
        assert (found.columns, found.rows, found.crossings) == (3, 1.0, 0)

    def test_untangles_what_crosses(self) -> None:
        assert lay_out([1, 2, 3, 4], [(1, 4), (2, 3)]).crossings == 0

    def test_keeps_a_way_free_for_long_edges(self) -> None:
        found = lay_out([1, 2, 3], [(1, 2), (2, 3), (1, 3)])
        ((column, row),) = found.routes[1, 3]
        assert column == 1
        assert abs(row - found.places[2][1]) >= (1 + DUMMY_HEIGHT) / 2 - 1e-9
        assert found.routes[1, 2] == ()

    def test_stands_between_its_neighbours(self) -> None:
        places = lay_out([1, 2, 3], [(1, 3), (2, 3)]).places
        assert places[3][1] == (places[1][1] + places[2][1]) / 2

    def test_leaves_out_edges_to_other_nodes_and_bears_nothing(self) -> None:
        assert lay_out([1], [(1, 9)]).routes == {}
        assert lay_out([], []).places == {}

    def test_cuts_the_crossings_of_large_graphs_by_more_than_half(self) -> None:
        nodes, edges = random_graph(100)
        assert lay_out(nodes, edges).crossings < 800  # 1,700 when nothing is sorted
        assert lay_out(nodes, edges) == lay_out(nodes, edges)

    @given(
        st.sets(st.tuples(st.integers(1, 12), st.integers(1, 12)).filter(lambda edge: edge[0] < edge[1]), max_size=30)
    )
    def test_goes_from_left_to_right_and_nothing_lies_on_another(self, edges: set[Edge]) -> None:
        found = lay_out(list(range(1, 13)), edges)
        assert all(found.places[one][0] < found.places[other][0] for one, other in edges)
        for (column, row), (other_column, other_row) in combinations(found.places.values(), 2):
            assert column != other_column or abs(row - other_row) >= 1 - 1e-9
        assert min(row for _, row in found.places.values()) >= 0
        assert max(row for _, row in found.places.values()) <= found.rows - 1 + 1e-9
