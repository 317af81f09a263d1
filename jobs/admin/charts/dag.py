"""Jobs and their dependencies as a picture: nodes are links, states have a word, a shape and a border of their own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from unicodedata import east_asian_width

from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString

from jobs.rules.dag_layout import Layout
from scheduler_project.lib.markup import joined

WIDTH, HEIGHT, COLUMN_GAP, ROW_GAP, MARGIN = 196, 66, 90, 22, 8
LINE = 23  # characters of a name
MOST_LABELLED = 60  # edges; of more only those that do not stand for success

# In a file of its own there are no style sheets: what the classes mean there.
PAINT = {
    "box": 'fill="#ffffff" stroke="#8c8a83" stroke-width="1.5"',
    "box good": 'fill="#ffffff" stroke="#17693a" stroke-width="1.5"',
    "box bad": 'fill="#fcebe9" stroke="#a8231c" stroke-width="3"',
    "box info": 'fill="#e5f0fa" stroke="#1d5a92" stroke-width="2" stroke-dasharray="6 3"',
    "box warn": 'fill="#fdf1d7" stroke="#7d4f00" stroke-width="1.5" stroke-dasharray="2 3"',
    "name": 'fill="#1b1e26" font-size="13" font-weight="600"',
    "state": 'fill="#565c69" font-size="11.5"',
    "sign": 'fill="none" stroke="#565c69" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round"',
    "edge": 'fill="none" stroke="#8c8a83" stroke-width="1.5"',
    "edge gate": 'fill="none" stroke="#8c8a83" stroke-width="1.5" stroke-dasharray="5 4"',
    "edge critical": 'fill="none" stroke="#c9563f" stroke-width="3"',
    "tip": 'fill="#8c8a83"',
    "edge-label": 'fill="#565c69" font-size="11" text-anchor="middle" stroke="#fff" stroke-width="4" '
    'paint-order="stroke"',
}


@dataclass(frozen=True)
class Node:
    """What is written on a node. `tone` and `shape` as of chips."""

    id: int
    name: str
    url: str
    word: str
    tone: str
    shape: str
    detail: str = ""
    is_critical: bool = False
    is_stopped: bool = False
    is_chosen: bool = False


@dataclass(frozen=True)
class Line:
    upstream: int
    downstream: int
    label: str
    is_gate: bool = False
    is_ordinary: bool = True
    is_critical: bool = False


def draw(nodes: Sequence[Node], lines: Sequence[Line], layout: Layout, *, words: str) -> SafeString:
    """Nodes in the order in which they are walked by keyboard."""
    width, height = _extent(layout)
    return format_html(
        '<svg class="dag" id="dag" viewBox="0 0 {0} {1}" width="{0}" height="{1}" role="group" aria-label="{2}">'
        "{3}{4}</svg>",
        width,
        height,
        words,
        _lines(lines, layout),
        joined(_placed(node, layout) for node in nodes),
    )


def draw_file(nodes: Sequence[Node], lines: Sequence[Line], layout: Layout, *, words: str) -> str:
    """The same as a file of its own, without links."""
    width, height = _extent(layout)
    shapes = str(_lines(lines, layout))
    shapes += "".join(_placed(node, layout) for node in nodes)
    shapes = re.sub(r'<a id="[^"]*" class="[^"]*" href="[^"]*"[^>]*>(.*?)</a>', r"\1", shapes, flags=re.DOTALL)
    shapes = re.sub(r'class="([^"]*)"', lambda found: _paint(found[1]), shapes)
    used = set(re.findall(r'href="#i-([a-z]+)"', shapes))
    signs = re.findall(r'<symbol id="i-([a-z]+)".*?</symbol>', icons := render_to_string("console/icons.html"))
    known = [re.search(rf'<symbol id="i-{name}".*?</symbol>', icons) for name in signs if name in used]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="system-ui, sans-serif" role="img">{format_html("<title>{}</title>", words)}'
        f"<defs>{''.join(found[0] for found in known if found)}</defs>{shapes}</svg>\n"
    )


def draw_node(node: Node) -> SafeString:
    """Only what is inside the place of a node, to be put in the place of what is there."""
    marks = [name for name, holds in _marks(node).items() if holds]
    lines = _wrapped(node.name)
    whole = format_html("<title>{}</title>", node.name) if "".join(lines).endswith("…") else ""
    top = 24 if len(lines) > 1 else 30
    return format_html(
        '<a id="node-{}" class="{}" href="{}"{}><rect class="{}" x="2" y="2" width="{}" height="{}" rx="9"/>{}'
        '<use class="sign" href="#i-{}" x="12" y="{}" width="13" height="13"/>'
        '<text class="state" x="30" y="{}">{}</text></a>',
        node.id,
        " ".join(["node", f"tone-{node.tone}", *marks]),
        node.url,
        format_html(' aria-current="{}"', "true") if node.is_chosen else "",
        f"box {node.tone}",
        WIDTH - 4,
        HEIGHT - 4,
        format_html(
            '<text class="name">{}{}</text>',
            whole,
            joined(_text_line(line, top + 15 * index) for index, line in enumerate(lines)),
        ),
        node.shape,
        HEIGHT - 21,
        HEIGHT - 10,
        f"{node.word} · {node.detail}" if node.detail else node.word,
    )


def _marks(node: Node) -> Mapping[str, bool]:
    return {"critical": node.is_critical, "would-stop": node.is_stopped, "chosen": node.is_chosen}


def _text_line(text: str, y: int) -> SafeString:
    return format_html('<tspan x="13" y="{}">{}</tspan>', y - 3, text)


def _extent(layout: Layout) -> tuple[int, int]:
    width = layout.columns * (WIDTH + COLUMN_GAP) - COLUMN_GAP + 2 * MARGIN
    return max(width, WIDTH), round(layout.rows * (HEIGHT + ROW_GAP) - ROW_GAP + 2 * MARGIN)


def _corner(layout: Layout, node: int) -> tuple[int, int]:
    column, row = layout.places[node]
    return MARGIN + column * (WIDTH + COLUMN_GAP), MARGIN + round(row * (HEIGHT + ROW_GAP))


def _placed(node: Node, layout: Layout) -> SafeString:
    x, y = _corner(layout, node.id)
    return format_html(
        '<svg class="place" x="{}" y="{}" width="{}" height="{}">{}</svg>', x, y, WIDTH, HEIGHT, draw_node(node)
    )


def _is_labelled(line: Line, lines: Sequence[Line]) -> bool:
    return not line.is_ordinary or len(lines) <= MOST_LABELLED


# All edges, with the tip of each: what stands before them hands it down.
EDGES = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
    'markerUnits="userSpaceOnUse" orient="auto"><path class="tip" d="M0 0l8 4-8 4z"/></marker></defs>'
    '<g marker-end="url(#tip)">{}</g>{}'
)


def _lines(lines: Sequence[Line], layout: Layout) -> SafeString:
    """All edges, and above them what stands at them."""
    middles = [_middle(line, layout) for line in lines]
    labels = [
        format_html('<text class="edge-label" x="{}" y="{}">{}</text>', f"{x:g}", f"{y - 4:g}", line.label)
        for line, (x, y) in zip(lines, middles, strict=True)
        if line.label and _is_labelled(line, lines)
    ]
    return format_html(EDGES, joined(_line(line, layout) for line in lines), joined(labels))


def _points(line: Line, layout: Layout) -> list[tuple[float, float]]:
    (left, top), (right, bottom) = _corner(layout, line.upstream), _corner(layout, line.downstream)
    points: list[tuple[float, float]] = [(left + WIDTH - 2, top + HEIGHT / 2)]
    for column, row in layout.routes.get((line.upstream, line.downstream), ()):
        x = MARGIN + column * (WIDTH + COLUMN_GAP)
        y = MARGIN + round(row * (HEIGHT + ROW_GAP)) + HEIGHT / 2
        points += [(x, y), (x + WIDTH, y)]
    return [*points, (right, bottom + HEIGHT / 2)]


def _middle(line: Line, layout: Layout) -> tuple[float, float]:
    """Of the last stretch, where edges from different jobs lie apart."""
    (x1, y1), (x2, y2) = _points(line, layout)[-2:]
    return (x1 + x2) / 2, (y1 + y2) / 2


def _line(line: Line, layout: Layout) -> SafeString:
    """A curve from the right side of the one to the left side of the other, past the places that are kept free."""
    points = _points(line, layout)
    path = f"M{points[0][0]:g} {points[0][1]:g}"
    for index, ((x1, y1), (x2, y2)) in enumerate(pairwise(points)):
        if index % 2:
            path += f"H{x2:g}"
        else:
            middle = (x1 + x2) / 2
            path += f"C{middle:g} {y1:g} {middle:g} {y2:g} {x2:g} {y2:g}"
    marks = f"{' gate' if line.is_gate else ''}{' critical' if line.is_critical else ''}"
    return format_html('<path class="edge{}" d="{}"/>', marks, path)


def _paint(css: str) -> str:
    names = css.split()
    both = " ".join(names[:2])
    return PAINT.get(both) or PAINT.get(names[0] if names else "", "")


def _wrapped(name: str) -> list[str]:
    """In two lines at most, by the space that letters take."""
    lines, line = [], ""
    for word in name.split():
        while word:
            candidate = f"{line} {word}".strip()
            if _space(candidate) <= LINE:
                line, word = candidate, ""
            elif line:
                lines.append(line)
                line = ""
            else:
                cut = next(size for size in range(len(word), 0, -1) if _space(word[:size]) <= LINE or size == 1)
                line, word = word[:cut], word[cut:]
    lines.append(line)
    if len(lines) <= 2:
        return lines
    second = lines[1]
    while _space(second) > LINE - 1:
        second = second[:-1]
    return [lines[0], f"{second.rstrip()}…"]


def _space(text: str) -> int:
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)
