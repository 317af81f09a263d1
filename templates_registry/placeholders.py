"""Text with placeholders such as `{job}`: names from a fixed list, and nothing that reaches into a value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from string import Formatter

Piece = tuple[str, str | None]


class BadPlaceholder(ValueError):
    """The text uses braces in a way that is not allowed."""


def check(text: str, names: Iterable[str]) -> list[str]:
    """What is wrong with the placeholders of a text, in words for its author."""
    allowed = list(names)
    try:
        used = [name for _, name in _pieces(text) if name is not None]
    except BadPlaceholder as error:
        return [str(error)]
    known = ", ".join(f"{{{name}}}" for name in allowed)
    unknown = dict.fromkeys(name for name in used if name not in allowed)
    return [f"must not use {{{name[:50]}}}; the placeholders are {known}" for name in unknown]


def names_in(text: str) -> frozenset[str]:
    """Those that a text which `check` takes uses."""
    return frozenset(name for _, name in _pieces(text) if name is not None)


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with each placeholder replaced once; what a value contains is not looked at again."""
    return "".join(literal + ("" if name is None else values[name]) for literal, name in _pieces(text))


def _pieces(text: str) -> list[Piece]:
    try:
        parsed = list(Formatter().parse(text))
    except ValueError:
        raise BadPlaceholder("must write a brace that is no placeholder twice: {{ or }}") from None
    for _, name, form, conversion in parsed:
        if form or conversion:
            raise BadPlaceholder(f"must use placeholders without ! and : (see {{{(name or '')[:50]}}})")
    return [(literal, name) for literal, name, _, _ in parsed]
