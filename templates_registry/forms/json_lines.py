"""Says on which line of a JSON text the value of a path stands."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from templates_registry.schema.paths import ROOT, extend

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


@dataclass
class _Container:
    path: str
    is_list: bool
    index: int = 0


def line_of(text: str, path: str) -> int:
    """The line where the value begins; of what is not there, the line of the nearest thing around it that is."""
    lines = _lines(text)
    around = [place for place in lines if place == path or path.startswith((f"{place}.", f"{place}["))]
    return lines[max(around, key=len)] if around else 1


def _lines(text: str) -> dict[str, int]:
    """Line by path, of a text that is JSON."""
    found: dict[str, int] = {}
    containers: list[_Container] = []
    line, seen, place, awaits_name = 1, 0, ROOT, False
    for match in _TOKEN.finditer(text):
        line += text.count("\n", seen, match.start())
        seen = match.start()
        part = match[0]
        if part in "}]":
            containers.pop()
            awaits_name = False
        elif part == ",":
            inner = containers[-1]
            inner.index += 1
            awaits_name = not inner.is_list
            place = extend(inner.path, inner.index) if inner.is_list else inner.path
        elif awaits_name:
            place = extend(containers[-1].path, json.loads(part, strict=False))
            found[place] = line
            awaits_name = False
        elif part != ":":
            found.setdefault(place, line)
            if part in "{[":
                containers.append(_Container(place, part == "["))
                awaits_name = part == "{"
                place = extend(place, 0) if part == "[" else place
    return found
