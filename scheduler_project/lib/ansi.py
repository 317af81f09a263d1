"""Terminal colours in text, as pieces with the names of classes. Everything else that a terminal obeys is left out."""

from __future__ import annotations

import re
from collections.abc import Iterator

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

ESCAPE = "\x1b"
# Colours and weights; other control sequences; titles and links (ended by BEL or ST); two-character sequences.
SEQUENCE = re.compile(
    r"\x1b\[(?P<codes>[0-9;]{0,64})m|\x1b\[[0-?]{0,64}[ -/]{0,8}[@-~]"
    r"|\x1b\][^\x07\x1b]{0,2000}(?:\x07|\x1b\\)|\x1b[@-Z\\^_]?"
)
COLOURS = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
WEIGHTS = {1: "bold", 2: "faint", 3: "italic", 4: "underlined", 7: "reversed", 9: "struck"}
ENDS = {22: ("bold", "faint"), 23: ("italic",), 24: ("underlined",), 27: ("reversed",), 29: ("struck",)}

Piece = tuple[str, str]


def pieces(text: str) -> list[Piece]:
    """(classes, text) in their order; the text of all pieces together is what a person reads."""
    return list(_pieces(text))


def html(text: str) -> str | SafeString:
    if ESCAPE not in text:
        return text
    parts = (
        (format_html('<span class="{}">{}</span>', names, part) if names else part,) for names, part in pieces(text)
    )
    return format_html_join("", "{}", parts)


def plain(text: str) -> str:
    return SEQUENCE.sub("", text) if ESCAPE in text else text


def _pieces(text: str) -> Iterator[Piece]:
    colour = ground = ""
    weights: dict[str, None] = {}
    place = 0
    for found in SEQUENCE.finditer(text):
        if part := text[place : found.start()]:
            yield _classes(colour, ground, weights), part
        place = found.end()
        if found["codes"] is None:
            continue
        codes = iter([int(code or 0) for code in found["codes"].split(";")])
        for code in codes:
            if code == 0:
                colour, ground, weights = "", "", {}
            elif code in WEIGHTS:
                weights[WEIGHTS[code]] = None
            elif code in ENDS:
                weights = {name: None for name in weights if name not in ENDS[code]}
            elif code in (38, 48):
                named = _of_palette(codes)
                colour, ground = (named or colour, ground) if code == 38 else (colour, named or ground)
            elif code in (39, 49):
                colour, ground = ("", ground) if code == 39 else (colour, "")
            elif 30 <= code <= 37 or 90 <= code <= 97:
                colour = COLOURS[code % 10]
            elif 40 <= code <= 47 or 100 <= code <= 107:
                ground = COLOURS[code % 10]
    if part := text[place:]:
        yield _classes(colour, ground, weights), part


def _of_palette(codes: Iterator[int]) -> str:
    """One of the first sixteen by name; finer ones have none."""
    kind = next(codes, 0)
    if kind == 2:
        for _ in range(3):
            next(codes, 0)
        return ""
    number = next(codes, 0) if kind == 5 else 16
    return COLOURS[number % 8] if number < 16 else ""


def _classes(colour: str, ground: str, weights: dict[str, None]) -> str:
    names = [f"ansi-{name}" for name in (colour, *weights) if name]
    return " ".join([*names, *([f"ansi-on-{ground}"] if ground else [])])
