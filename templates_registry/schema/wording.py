"""Turns the errors of `jsonschema` into words that say what would be right, at the place where it has to be put right.

No message ever contains the value that was judged, since it may be a secret.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from jsonschema import ValidationError

from templates_registry.schema.dialect import Schema
from templates_registry.schema.paths import extend, write
from templates_registry.schema.patterns import compile_pattern
from templates_registry.schema.walk import resolve

Message = tuple[str, str]

TYPES = {
    "string": "text", "integer": "a whole number", "number": "a number", "boolean": "true or false",
    "null": "null", "array": "a list", "object": "an object",
}  # fmt: skip
FORMATS = {
    "date": "must be a date such as 2026-01-31",
    "date-time": "must be a date and time with its offset, such as 2026-01-31T14:30:00Z",
    "time": "must be a time with its offset, such as 14:30:00Z",
    "duration": "must be a duration such as PT1H30M",
    "email": "must be an e-mail address such as ana@example.org",
    "idn-email": "must be an e-mail address such as ana@example.org",
    "hostname": "must be a host name such as example.org",
    "ipv4": "must be an IPv4 address such as 192.0.2.1",
    "ipv6": "must be an IPv6 address such as 2001:db8::1",
    "uri": "must be an address such as https://example.org/path",
    "uuid": "must be a UUID such as 123e4567-e89b-12d3-a456-426614174000",
    "regex": "must be a regular expression",
    "json-pointer": "must be a JSON pointer such as /a/b",
}


def describe(root: Schema, error: ValidationError) -> Iterator[Message]:
    """(path, message) for one error; several when it stands for several places."""
    path = write(error.absolute_path)
    words = WORDS.get(str(error.validator))
    if words is None:
        yield path, "is not allowed"
    elif _is_about_a_name(error):
        yield from ((place, f"has the name {error.instance}, which {text}") for place, text in words(root, error, path))
    else:
        yield from words(root, error, path)


def _is_about_a_name(error: ValidationError) -> bool:
    keys = list(error.absolute_schema_path)
    maps = ("properties", "patternProperties", "dependentSchemas", "$defs")
    return any(key == "propertyNames" and (not at or keys[at - 1] not in maps) for at, key in enumerate(keys))


def _simple(text: Callable[[Any], str]) -> Callable[[Schema, ValidationError, str], Iterator[Message]]:
    def words(_: Schema, error: ValidationError, path: str) -> Iterator[Message]:
        yield path, text(error.validator_value)

    return words


def _given(error: ValidationError) -> Any:
    """What the schema says after the keyword."""
    return error.validator_value


def count(number: float, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def literal(value: Any) -> str:
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)


def _one_of(values: list[Any]) -> str:
    if not values:
        return "has no value that could be chosen"
    shown = ", ".join(literal(value) for value in values[:20])
    return f"must be one of {shown}" + (", …" if len(values) > 20 else "") if len(values) > 1 else f"must be {shown}"


def _types(types: str | list[str]) -> str:
    names = [TYPES[name] for name in ([types] if isinstance(types, str) else types)]
    return "must be " + " or ".join(names)


def _shortest(number: int) -> str:
    return "must not be empty" if number == 1 else f"must have at least {count(number, 'character')}"


def _pattern(_: Schema, error: ValidationError, path: str) -> Iterator[Message]:
    hint = error.schema.get("x-pattern-hint") if isinstance(error.schema, Mapping) else None
    yield path, f"must be {hint}" if hint else f"must match the pattern {error.validator_value}"


def _required(_: Schema, error: ValidationError, path: str) -> Iterator[Message]:
    assert isinstance(error.instance, dict)
    for name in _given(error):
        if name not in error.instance:
            yield extend(path, name), "is required"


def _dependent_required(_: Schema, error: ValidationError, path: str) -> Iterator[Message]:
    assert isinstance(error.instance, dict)
    for name, needed in _given(error).items():
        for other in needed:
            if name in error.instance and other not in error.instance:
                yield extend(path, other), f"is required together with {name}"


def _additional(_: Schema, error: ValidationError, path: str) -> Iterator[Message]:
    assert isinstance(error.instance, dict)
    assert isinstance(error.schema, Mapping)
    known = error.schema.get("properties", {})
    patterns = [compile_pattern(pattern) for pattern in error.schema.get("patternProperties", {})]
    for name in error.instance:
        if name not in known and not any(pattern.search(name) for pattern in patterns):
            near = difflib.get_close_matches(name, known, n=1)
            yield extend(path, name), f"is not known; did you mean {near[0]}?" if near else "is not known"


def _prefix_items(root: Schema, error: ValidationError, path: str) -> Iterator[Message]:
    most = len(error.schema.get("prefixItems", [])) if isinstance(error.schema, Mapping) else 0
    yield path, f"must have at most {count(most, 'item')}"


def _branches(root: Schema, error: ValidationError, path: str) -> Iterator[Message]:
    """Report the branch that was meant: the one whose constant is given, or the only one of the right type."""
    branches = [resolve(root, branch) for branch in _given(error)]
    by_branch: dict[int, list[ValidationError]] = {}
    for inner in error.context or ():
        by_branch.setdefault(int(inner.relative_schema_path[0]), []).append(inner)
    if not by_branch:
        yield path, "fits more than one of the forms that are possible here"
        return
    discriminator = find_discriminator(branches)
    if discriminator is not None and isinstance(error.instance, dict):
        name, values = discriminator
        given = error.instance.get(name)
        if name not in error.instance or given not in values:
            yield extend(path, name), "is required" if name not in error.instance else _one_of(values)
            return
        meant = [values.index(given)]
    else:
        wrong_type = {index for index, inner in by_branch.items() if any(_is_wrong_type(one, error) for one in inner)}
        meant = [index for index in by_branch if index not in wrong_type]
        if not meant:
            types = [branches[index].get("type") for index in sorted(wrong_type)]
            if all(isinstance(name, str) for name in types):
                yield path, _types([str(name) for name in types])
                return
    if len(meant) == 1 and meant[0] in by_branch:
        for inner in by_branch[meant[0]]:
            yield from describe(root, inner)
        return
    yield path, f"must fit {'one' if error.validator == 'oneOf' else 'at least one'} of {len(branches)} possible forms"


def _is_wrong_type(inner: ValidationError, outer: ValidationError) -> bool:
    return inner.validator == "type" and inner.absolute_path == outer.absolute_path


def find_discriminator(branches: list[Schema]) -> tuple[str, list[Any]] | None:
    """The property that has a different constant in each branch, and these constants."""
    if len(branches) < 2:
        return None
    for name in branches[0].get("properties", {}):
        parts = [branch.get("properties", {}).get(name) for branch in branches]
        values = [part["const"] for part in parts if isinstance(part, Mapping) and "const" in part]
        if len(values) == len(branches) and len({json.dumps(value) for value in values}) == len(values):
            return name, values
    return None


WORDS: Mapping[str, Callable[[Schema, ValidationError, str], Iterator[Message]]] = {
    "type": _simple(_types),
    "enum": _simple(_one_of),
    "const": _simple(lambda value: f"must be {literal(value)}"),
    "minimum": _simple(lambda number: f"must be at least {number}"),
    "maximum": _simple(lambda number: f"must be at most {number}"),
    "exclusiveMinimum": _simple(lambda number: f"must be more than {number}"),
    "exclusiveMaximum": _simple(lambda number: f"must be less than {number}"),
    "multipleOf": _simple(lambda number: f"must be a multiple of {number}"),
    "minLength": _simple(_shortest),
    "maxLength": _simple(lambda number: f"must have at most {count(number, 'character')}"),
    "pattern": _pattern,
    "format": _simple(lambda name: FORMATS.get(name, f"must be a valid {name}")),
    "minItems": _simple(lambda number: f"must have at least {count(number, 'item')}"),
    "maxItems": _simple(lambda number: f"must have at most {count(number, 'item')}"),
    "uniqueItems": _simple(lambda _: "must not contain the same item twice"),
    "contains": _simple(lambda _: "does not contain the items that are needed, in the right number"),
    "items": _prefix_items,
    "unevaluatedItems": _simple(lambda _: "has items that are not known"),
    "minProperties": _simple(lambda number: f"must have at least {count(number, 'name')}"),
    "maxProperties": _simple(lambda number: f"must have at most {count(number, 'name')}"),
    "required": _required,
    "dependentRequired": _dependent_required,
    "additionalProperties": _additional,
    "unevaluatedProperties": _simple(lambda _: "has names that are not known"),
    "not": _simple(lambda _: "is not allowed with this value"),
    "oneOf": _branches,
    "anyOf": _branches,
}
