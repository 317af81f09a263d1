"""The dashboards for Grafana ask for metrics that there are, by labels that they have."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "grafana"
DASHBOARDS = sorted(FOLDER.glob("*.json"))
PAGE = (FOLDER.parents[1] / "docs" / "observability.md").read_text()

WORDS = {"max", "sum", "by", "rate", "increase", "histogram_quantile", "or", "vector", "le"}
GRID = 24


def panels(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_text())["panels"]
    return found


def documented() -> dict[str, set[str]]:
    """Of each metric of docs/observability.md, which is held against `/metrics` elsewhere: its labels."""
    rows = re.findall(r"^\| (`[^|]+`) \| \w+ \|([^|]*)\|", PAGE, re.MULTILINE)
    return {
        name: set(re.findall(r"`(\w+)`", labels)) for names, labels in rows for name in re.findall(r"`(\w+)`", names)
    }


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_asks_for_what_there_is(path: Path) -> None:
    known = documented()
    for panel in panels(path):
        assert panel["description"]
        for target in panel["targets"]:
            words = re.sub(r'"[^"]*"|\[[^]]*\]', "", target["expr"])
            names = set(re.findall(r"\b[a-z_]+\b", words)) - WORDS
            metrics = {name.removesuffix("_bucket") for name in names} & known.keys()
            assert metrics, target["expr"]
            labels = set().union(*(known[metric] for metric in metrics))
            unknown = {name for name in names if name.removesuffix("_bucket") not in known} - labels
            assert not unknown, target["expr"]
            assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= labels


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_lays_its_panels_side_by_side(path: Path) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in panels(path):
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert max(x for x, _ in cells) < GRID
        assert taken.isdisjoint(cells)
        taken |= cells
    assert len({panel["id"] for panel in panels(path)}) == len(panels(path))


def test_is_there() -> None:
    assert [path.stem for path in DASHBOARDS] == ["notifications-lag"]
