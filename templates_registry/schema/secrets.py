"""Which parameters are secrets (`writeOnly` or `x-secret`), and how to reach them in a set of parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from templates_registry.schema.dialect import Schema
from templates_registry.schema.paths import ROOT, extend
from templates_registry.schema.walk import children, in_place

_SECRET = object()


def is_secret(schema: Schema) -> bool:
    return schema.get("writeOnly") is True or schema.get("x-secret") is True


def secret_paths(schema: Schema) -> list[str]:
    """Where secrets may stand; `[*]` is any item of a list and `.*` any name of a map."""
    return sorted(set(_paths(schema, schema, ROOT, frozenset())))


def map_secrets(schema: Schema, value: Any, function: Callable[[Any], Any]) -> Any:
    """A copy of the parameters with every secret replaced by `function(secret)`: to mask or to take out."""
    return map_secret_places(schema, value, lambda _, secret: function(secret))


def map_secret_places(schema: Schema, value: Any, function: Callable[[str, Any], Any]) -> Any:
    """The same with the place of each: `function("parameters.token", secret)`, to encrypt and decrypt."""
    return _map(schema, [schema], ROOT, value, function)


def keep_secrets(schema: Schema, new: Mapping[str, Any], old: Mapping[str, Any]) -> dict[str, Any]:
    """The new parameters, with the secrets that they leave out taken from the old ones. Lists are left as they are."""
    return _keep(schema, [schema], new, old)


def without_secrets(schema: Schema, value: Any) -> Any:
    """A copy of the parameters as they may be shown; what is left out, `keep_secrets` puts back."""
    return _pruned(map_secrets(schema, value, lambda secret: _SECRET), {})


def drop_secrets(schema: Schema, value: Any, is_meant: Callable[[str, Any], bool]) -> Any:
    """A copy of the parameters without the secrets, of which place and value are given, that are meant."""
    marked = map_secret_places(schema, value, lambda place, secret: _SECRET if is_meant(place, secret) else secret)
    return _pruned(marked, {})


def drop_cleared(schema: Schema, value: Any) -> Any:
    """A copy of the parameters without the secrets that are null: that is how a stored one is taken away."""
    return _pruned(map_secrets(schema, value, lambda secret: _SECRET if secret is None else secret), {})


def _pruned(value: Any, otherwise: Any) -> Any:
    if value is _SECRET:
        return otherwise
    if isinstance(value, Mapping):
        return {key: _pruned(part, None) for key, part in value.items() if part is not _SECRET}
    if isinstance(value, list):
        return [_pruned(part, None) for part in value]
    return value


def _paths(root: Schema, schema: Any, path: str, trail: frozenset[int]) -> Iterator[str]:
    if id(schema) in trail:  # a schema that contains itself
        return
    trail = trail | {id(schema)}
    for judge in in_place(root, schema):
        if is_secret(judge):
            yield path
        for key, part in judge.get("properties", {}).items():
            yield from _paths(root, part, extend(path, key), trail)
        for keyword, mark in (("additionalProperties", ".*"), ("items", "[*]")):
            if isinstance(judge.get(keyword), Mapping):
                yield from _paths(root, judge[keyword], path + mark, trail)
        for part in judge.get("patternProperties", {}).values():
            yield from _paths(root, part, f"{path}.*", trail)
        for index, part in enumerate(judge.get("prefixItems", [])):
            yield from _paths(root, part, extend(path, index), trail)


def _judges(root: Schema, schemas: list[Any], key: str | int) -> list[Any]:
    return [part for schema in schemas for part in children(root, schema, key)]


def _holds_secret(root: Schema, schemas: list[Any]) -> bool:
    return any(is_secret(judge) for schema in schemas for judge in in_place(root, schema))


def _map(root: Schema, schemas: list[Any], path: str, value: Any, function: Callable[[str, Any], Any]) -> Any:
    if _holds_secret(root, schemas):
        return function(path, value)
    if isinstance(value, Mapping):
        return {
            key: _map(root, _judges(root, schemas, key), extend(path, key), child, function)
            for key, child in value.items()
        }
    if isinstance(value, list):
        return [
            _map(root, _judges(root, schemas, index), extend(path, index), child, function)
            for index, child in enumerate(value)
        ]
    return value


def _keep(root: Schema, schemas: list[Any], new: Mapping[str, Any], old: Mapping[str, Any]) -> dict[str, Any]:
    kept = dict(new)
    for key, before in old.items():
        judges = _judges(root, schemas, key)
        if _holds_secret(root, judges):
            kept.setdefault(key, before)
        elif isinstance(before, Mapping) and isinstance(kept.get(key), Mapping):
            kept[key] = _keep(root, judges, kept[key], before)
    return kept
