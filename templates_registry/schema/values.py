"""Judges a set of parameters, and completes it with the defaults of its schema."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from templates_registry.schema.bounds import find_excess
from templates_registry.schema.dialect import Schema, validator
from templates_registry.schema.paths import ROOT
from templates_registry.schema.walk import children, resolve
from templates_registry.schema.wording import describe, find_discriminator

MOST_ERRORS = 100


def validate(schema: Schema, value: object) -> dict[str, list[str]]:
    """Messages by path (`parameters.recipients[2]`); empty when the value is right."""
    excess = find_excess(value)
    if excess:
        return excess
    found: dict[str, list[str]] = {}
    try:
        for error in validator(schema).iter_errors(value):
            for path, message in describe(schema, error):
                if message not in found.setdefault(path, []):
                    found[path].append(message)
            if len(found) >= MOST_ERRORS:
                break
    except RecursionError:
        return {ROOT: ["cannot be judged: the schema refers to itself without end"]}
    return found


def with_defaults(schema: Schema, value: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of the value in which every absent property that has a default has it."""
    completed: dict[str, Any] = _complete(schema, [schema], copy.deepcopy(dict(value)))
    return completed


def _complete(root: Schema, schemas: list[Any], value: Any) -> Any:
    if isinstance(value, dict):
        judges = [judge for schema in schemas for judge in _meant(root, schema, value)]
        for judge in judges:
            for name, part in judge.get("properties", {}).items():
                part = resolve(root, part)
                if name not in value and "default" in part:
                    value[name] = copy.deepcopy(part["default"])
        for name, child in value.items():
            value[name] = _complete(root, [part for judge in judges for part in children(root, judge, name)], child)
    elif isinstance(value, list):
        for index, child in enumerate(value):
            parts = [part for schema in schemas for part in children(root, schema, index)]
            value[index] = _complete(root, parts, child)
    return value


def _meant(root: Schema, schema: Any, value: dict[str, Any]) -> list[Schema]:
    """The schemas that certainly judge this object: itself, its allOf, and the branch that its discriminator names."""
    schema = resolve(root, schema)
    meant = [schema]
    for part in schema.get("allOf", ()):
        meant += _meant(root, part, value)
    for keyword in ("oneOf", "anyOf"):
        branches = [resolve(root, branch) for branch in schema.get(keyword, ())]
        discriminator = find_discriminator(branches)
        if discriminator is not None and value.get(discriminator[0]) in discriminator[1]:
            meant.append(branches[discriminator[1].index(value[discriminator[0]])])
        meant += [branch for branch in branches if branch.get("type") == "object" and len(_objects(branches)) == 1]
    return meant


def _objects(branches: list[Schema]) -> list[Schema]:
    return [branch for branch in branches if branch.get("type", "object") == "object"]
