"""Loops and levels among jobs."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.rules import graph

EDGES = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)).filter(lambda edge: edge[0] != edge[1]), max_size=20)


class TestFindLoop:
    @pytest.mark.parametrize(
        ("edges", "loop"),
        [
            ([], []),
            ([(1, 2), (2, 3), (1, 3)], []),
            ([(1, 2), (2, 1)], [1, 2, 1]),
            ([(1, 2), (2, 3), (3, 1), (0, 1)], [1, 2, 3, 1]),
        ],
    )
    def test_names_the_jobs_in_the_order_in_which_they_start_each_other(
        self, edges: list[graph.Edge], loop: list[int]
    ) -> None:
        found = graph.find_loop(edges)
        assert sorted(set(found)) == sorted(set(loop))
        assert all(step in edges for step in itertools.pairwise(found))
        assert found[:1] == found[-1:]

    @given(EDGES)
    def test_finds_one_unless_the_jobs_can_be_put_in_order(self, edges: list[graph.Edge]) -> None:
        found = graph.find_loop(edges)
        if found:
            assert len(found) > 2
            assert all(step in edges for step in itertools.pairwise(found))
        else:
            level = graph.levels(range(8), edges)
            assert all(level[upstream] < level[downstream] for upstream, downstream in edges)


class TestComponents:
    def test_are_what_hangs_together(self) -> None:
        assert graph.components([(1, 2), (3, 4), (5, 2), (4, 6)]) == [{1, 2, 5}, {3, 4, 6}]
        assert graph.components([]) == []


class TestReach:
    def test_goes_along_the_edges_only(self) -> None:
        edges = [(1, 2), (2, 3), (4, 2), (3, 5)]
        assert graph.behind([2], edges) == {3, 5}
        assert graph.near(1, edges, hops=1) == {1, 2}
        assert graph.near(1, edges, hops=2) == {1, 2, 3, 4}


class TestLongestPath:
    def test_is_the_heaviest_and_of_equals_the_longer(self) -> None:
        edges = [(1, 2), (1, 3), (2, 4), (3, 4), (4, 5)]
        assert graph.longest_path({1: 1, 2: 5, 3: 9, 4: 1}, edges) == ([1, 3, 4, 5], 11)
        assert graph.longest_path({}, edges)[0] in ([1, 2, 4, 5], [1, 3, 4, 5])
        assert graph.longest_path({}, []) == ([], 0.0)
