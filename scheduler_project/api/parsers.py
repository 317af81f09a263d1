"""Reads JSON bodies strictly: bounded, UTF-8, no key twice, nothing that PostgreSQL cannot hold."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from scheduler_project.api import bounds
from scheduler_project.api.bounds import USUAL, Bounds
from scheduler_project.api.errors import Fields, Invalid, TooLarge

MAX_DEPTH = 50


class StrictJSONParser(BaseParser):
    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Raises ParseError, Invalid, TooLarge."""
        view = (parser_context or {}).get("view")
        allowed = bounds.of_view(view, getattr(view, "action", None))
        body: bytes = stream.read(allowed.size + 1)
        if len(body) > allowed.size:
            raise TooLarge(bounds.too_large(allowed.size).message)
        return _checked(_decoded(body), allowed)


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_without_repetition,
            parse_constant=_refuse_constant,
            parse_float=_finite,
        )
    except UnicodeDecodeError:
        raise ParseError("The body is not UTF-8.") from None
    except RecursionError:
        raise ParseError(f"The body is nested more than {MAX_DEPTH} levels deep.") from None
    except ValueError as error:
        raise ParseError(f"The body is not JSON: {error}") from None


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in pairs:
        if name in values:
            raise ValueError(f"the name {name[:100]!r} stands twice in one object")
        values[name] = value
    return values


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number in JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text[:40]} is too large")
    return number


def _checked(body: Any, allowed: Bounds = USUAL) -> Any:
    """The body, once it is certain that it is neither deep nor vast, and that its text can be stored."""
    problems: Fields = {}
    todo: list[tuple[Any, str, int]] = [(body, "", 1)]
    values = 1
    while todo:
        value, path, depth = todo.pop()
        values += _measured(value, path, allowed)
        if values > allowed.values:
            raise TooLarge(f"The body has more than {allowed.values} values. Send it in parts.")
        if depth > MAX_DEPTH:
            raise ParseError(f"The body is nested more than {MAX_DEPTH} levels deep.")
        if isinstance(value, str) and (message := _unstorable(value)):
            problems[path] = [message]
        elif isinstance(value, dict):
            for name, part in value.items():
                if message := _unstorable(name):
                    problems[path] = [f"One of the names here: {message}"]
                shown = name.encode("utf-8", "replace").decode()  # an answer has to be able to say it
                todo.append((part, f"{path}.{shown}" if path else shown, depth + 1))
        elif isinstance(value, list):
            todo.extend((part, f"{path}[{index}]", depth + 1) for index, part in enumerate(value))
    if problems:
        raise Invalid(problems)
    return body


def _measured(value: Any, path: str, allowed: Bounds) -> int:
    """How many values lie directly in this one. Raises Invalid."""
    if not isinstance(value, dict | list):
        return 0
    most, what = (allowed.names, "names") if isinstance(value, dict) else (allowed.items, "items")
    if len(value) > most:
        raise Invalid({path[:200]: [f"There are {len(value)} {what} here; {most} are the most. Send them in parts."]})
    return len(value)


def _unstorable(text: str) -> str:
    if "\x00" in text:
        return "Contains a NUL character; leave it out."
    if any("\ud800" <= character <= "\udfff" for character in text):
        return "Contains half of a surrogate pair; write whole characters."
    return ""
